"""Networks by name: each builder turns a :class:`ModelConfig` into a torch module that gives logits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from catfast.errors import InputError, MissingExtraError
from catfast.models.spec import ModelConfig

if TYPE_CHECKING:
    from torch import nn

__all__ = ["BUILDERS", "build"]

SEGFORMER_VARIANTS: Mapping[str, tuple[tuple[int, ...], tuple[int, ...], int]] = {
    "b0": ((32, 64, 160, 256), (2, 2, 2, 2), 256),
    "b1": ((64, 128, 320, 512), (2, 2, 2, 2), 256),
    "b2": ((64, 128, 320, 512), (3, 4, 6, 3), 768),
    "b3": ((64, 128, 320, 512), (3, 4, 18, 3), 768),
    "b4": ((64, 128, 320, 512), (3, 8, 27, 3), 768),
    "b5": ((64, 128, 320, 512), (3, 6, 40, 3), 768),
}
"""Widths, depths and decoder width of MiT-b0 to b5 (Xie et al., SegFormer, NeurIPS 2021, table 6)."""


def _options(config: ModelConfig, **defaults: Any) -> dict[str, Any]:
    given = {key: value for key, value in config.architecture.items() if key != "type"}
    if extra := sorted(set(given) - set(defaults)):
        raise InputError(
            f"architecture {config.architecture['type']} has no option {extra[0]!r}; "
            f"its options are {', '.join(defaults)}"
        )
    return {**defaults, **given}


def _smp(network: str, config: ModelConfig, **defaults: Any) -> nn.Module:
    """An encoder-decoder of segmentation-models-pytorch."""
    name = config.architecture["type"]
    try:
        import segmentation_models_pytorch as smp
    except ImportError:
        raise MissingExtraError(f"The {name} architecture", "train") from None
    options = _options(config, encoder="mobilenet_v2", **defaults)
    encoder = options.pop("encoder")
    # A colon or a slash would make the library below ask a hub for the network, by way of timm.
    if not isinstance(encoder, str) or not re.fullmatch(r"[\w.-]+", encoder, re.ASCII):
        raise InputError(f"encoder must be the plain name of an encoder of smp, not {str(encoder)[:80]!r}")
    try:
        if "decoder_channels" in options:
            options["decoder_channels"] = tuple(options["decoder_channels"])
            options["encoder_depth"] = len(options["decoder_channels"])
        module: nn.Module = getattr(smp, network)(
            encoder,
            encoder_weights=None,
            in_channels=len(config.bands),
            classes=len(config.classes),
            **options,
        )
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        # An encoder that is unknown is answered with the names of all five hundred.
        reason = str(error).strip("'\"").splitlines()[0].partition(", supported encoders")[0]
        raise InputError(f"no {name} can be built from {dict(config.architecture)}: {reason}") from None
    return module


def _segformer(config: ModelConfig) -> nn.Module:
    try:
        from catfast.models.segformer import UpsampledSegformer
    except ImportError:
        raise MissingExtraError("The segformer architecture", "train") from None
    variant = _options(config, variant="b0")["variant"]
    if variant not in SEGFORMER_VARIANTS:
        raise InputError(f"no SegFormer variant {variant!r}; choose from {', '.join(SEGFORMER_VARIANTS)}")
    widths, depths, decoder = SEGFORMER_VARIANTS[variant]
    return UpsampledSegformer(len(config.bands), len(config.classes), widths, depths, decoder)


def _mean(config: ModelConfig) -> nn.Module:
    """Members that are no means themselves, and the share of each."""
    try:
        from catfast.models.mean import MeanOfNetworks
    except ImportError:
        raise MissingExtraError("The mean architecture", "train") from None
    options = _options(config, members=(), shares=())
    members, shares = options["members"], options["shares"]
    if not (_is_list_of(members, Mapping) and all(m.get("type") in {*BUILDERS} - {"mean"} for m in members)):
        raise InputError("members of a mean must be a list of architectures, each with a type")
    if not _is_list_of(shares, float) or len(shares) != len(members) or not all(0 < s <= 1 for s in shares):
        raise InputError("shares of a mean must be numbers above 0 and up to 1, one a member")
    networks = [build(replace(config, architecture=member)) for member in members]
    return MeanOfNetworks(networks, shares)


def _is_list_of(values: object, kind: type) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(value, kind) for value in values)


BUILDERS: dict[str, Callable[[ModelConfig], nn.Module]] = {
    "unet": partial(_smp, "Unet", decoder_channels=(256, 128, 64, 32, 16)),
    "segformer": _segformer,
    "deeplabv3plus": partial(_smp, "DeepLabV3Plus"),
    "mean": _mean,
}
"""Architecture name to its builder; a builder never downloads weights."""


def build(config: ModelConfig) -> nn.Module:
    """Make the untrained network that ``config`` describes.

    Returns:
        A module from normalised reflectance ``(N, bands, H, W)`` float32 to logits ``(N, classes, H, W)``.

    Raises:
        InputError: unknown architecture or option.
        MissingExtraError: torch or the network library is not installed.
    """
    name = config.architecture["type"]
    if name not in BUILDERS:
        raise InputError(f"no architecture {name!r}; choose from {', '.join(BUILDERS)}")
    return BUILDERS[name](config)
