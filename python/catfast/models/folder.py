"""Model folders: the bundled one, saving, loading and naming by content.

Matrices and kernels are stored as fp16; vectors (biases, normalisation statistics), whose variances fp16 can
lose, stay fp32 and cost next to nothing. Only safetensors is ever read: no pickle.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from catfast.errors import InputError, MissingExtraError
from catfast.models.spec import CONFIG_NAME, ONNX_NAME, ModelConfig
from catfast.models.tensors import layout

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "WEIGHTS_NAME",
    "bundled",
    "bundled_names",
    "is_bundled",
    "load",
    "parameters",
    "resolve",
    "save",
    "sha256",
]

WEIGHTS_NAME = "model.safetensors"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_COUNTER = "num_batches_tracked"
_STATISTICS = ("running_mean", "running_var")


def bundled_names() -> tuple[str, ...]:
    """Models that come with the package, in the order of their names."""
    root = _bundled_root()
    folders = (child for child in root.iterdir() if (child / CONFIG_NAME).is_file()) if root.is_dir() else ()
    return tuple(sorted(child.name for child in folders))


def bundled(name: str = "default") -> Path:
    """Folder of a model that comes with the package.

    Raises:
        InputError: there is none of that name.
    """
    if name not in bundled_names():
        raise InputError(f"no bundled model, and no folder, is called {name!r}; bundled: {_names()}")
    return _bundled_root() / name


def _names() -> str:
    return ", ".join(bundled_names()) or "none"


def is_bundled(folder: Path) -> bool:
    """Whether a folder is one that comes with the package."""
    return folder.resolve().parent == _bundled_root().resolve()


def _bundled_root() -> Path:
    return Path(str(importlib.resources.files("catfast.models"))) / "weights"


def resolve(name_or_dir: str | os.PathLike[str]) -> Path:
    """Model folder for a path to one, or for the name of a bundled model; a folder wins.

    Raises:
        InputError: neither, or a pickled checkpoint.
    """
    path = Path(name_or_dir)
    if path.is_dir():
        if not (path / CONFIG_NAME).is_file():
            raise InputError(f"{path} is not a model folder: it has no {CONFIG_NAME}")
        if not (path / ONNX_NAME).is_file():
            _weights_path(path)
        return path
    if path.suffix.lower() in _PICKLES:
        raise InputError(f"{path} is a pickled checkpoint, which catfast never loads; give a model folder")
    if path.exists():
        raise InputError(f"{path} is not a model folder")
    if path.name != str(name_or_dir):  # ./x and x/ are paths, x may be a name
        raise InputError(f"there is no model folder {name_or_dir}; bundled models: {_names()}")
    return bundled(str(name_or_dir))


def sha256(folder: str | os.PathLike[str]) -> str:
    """SHA-256, hexadecimal, of the weights of a model folder: of the ONNX file where that holds its own.

    Raises:
        InputError: there are none.
    """
    onnx = Path(folder) / ONNX_NAME
    if onnx.is_file() and WEIGHTS_NAME.encode() not in (graph := onnx.read_bytes()):
        return hashlib.sha256(graph).hexdigest()
    with _weights_path(Path(folder)).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parameters(folder: str | os.PathLike[str]) -> int:
    """How many numbers a model learnt, read from the header of its weights.

    Raises:
        InputError: there are no weights, or they are broken.
    """
    places = layout(_weights_path(Path(folder)))
    return sum(math.prod(place.shape) for name, place in places.items() if not name.endswith(_STATISTICS))


def save(module: nn.Module, config: ModelConfig, folder: str | os.PathLike[str]) -> Path:
    """Write ``config.json`` and ``model.safetensors`` (each replaced in one step) and return the folder.

    Raises:
        InputError: a weight is not finite, or too large for fp16.
        OutputError: the disk did not take them.
    """
    from safetensors.torch import save as to_bytes

    from catfast.raster import atomic_path

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: _storable(name, tensor) for name, tensor in _stored_state(module).items()}
    with atomic_path(folder / WEIGHTS_NAME) as temporary:
        temporary.write_bytes(to_bytes(tensors))
        config.save(folder)
    return folder


def load(folder: str | os.PathLike[str]) -> nn.Module:
    """Build the network of a model folder and give it its weights, float32, in evaluation mode.

    Raises:
        InputError: no or broken weights, a pickle, or tensors that are not those of the configured network.
        MissingExtraError: torch or the network library is not installed.
    """
    config = ModelConfig.load(folder)
    path = _weights_path(Path(folder))
    places = layout(path)
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise MissingExtraError("Loading a model into torch", "train") from None
    from catfast.models.builders import build

    try:
        module = build(config)
    except InputError as error:
        raise InputError(f"{Path(folder) / CONFIG_NAME}: {error}") from None
    expected = {name: tuple(tensor.shape) for name, tensor in _stored_state(module).items()}
    if problem := _difference(expected, {name: place.shape for name, place in places.items()}):
        raise InputError(f"{path} does not fit the {config.architecture['type']} of {CONFIG_NAME}: {problem}")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read as safetensors: {error}") from None
    module.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
    return module.eval()


def _weights_path(folder: Path) -> Path:
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        pickles = sorted(child.name for child in folder.glob("*") if child.suffix.lower() in _PICKLES)
        more = f"; {pickles[0]} is a pickle, which catfast never loads" if pickles else ""
        raise InputError(f"{folder} has no {WEIGHTS_NAME}{more}")
    return path


def _stored_state(module: nn.Module) -> dict[str, Tensor]:
    state = module.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.endswith(_COUNTER)}


def _storable(name: str, tensor: Tensor) -> Tensor:
    import torch

    wanted = torch.float16 if tensor.ndim > 1 else torch.float32
    stored = tensor.detach().to(device="cpu", dtype=wanted).contiguous().clone()
    if not bool(torch.isfinite(stored).all()):
        raise InputError(f"weight {name} is not finite, or too large for {wanted}: the model is not saved")
    return stored


def _difference(expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> str | None:
    if missing := sorted(set(expected) - set(found)):
        return f"{missing[0]} is missing"
    if extra := sorted(set(found) - set(expected)):
        return f"{extra[0]} is not part of it"
    for name, shape in expected.items():
        if found[name] != shape:
            return f"{name} should be {shape}, but is {found[name]}"
    return None
