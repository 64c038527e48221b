"""Names, tags and colours of what masking writes, and whether it is there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from catfast import __version__
from catfast.classes import CATEGORY_TAGS, COLOURS
from catfast.errors import UsageError
from catfast.mask.config import MaskConfig
from catfast.mask.domain import SATURATED_TAG
from catfast.mask.quicklook import picture_tags
from catfast.mask.sidecars import item_tags
from catfast.planet import Scene
from catfast.raster import CogStyle, file_sha256, is_made_already, read_tags
from catfast.udm2 import UDM2_BANDS

PIXELS_VERSION = "3"
"""Raised with every change that gives other pixels to the same scene, model and options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a mask was made from and how: two equal identities give the same bytes of pixels."""

    model: str
    """Name of the model."""
    model_sha256: str
    """Digest of its weights."""
    input: str
    """File name of the scene."""
    input_sha256: str
    """Digest of the scene's file."""
    settings: Mapping[str, str]
    """Options that change the mask."""

    def tags(self) -> dict[str, str]:
        """As dataset tags."""
        return {
            "CATFAST_VERSION": __version__,
            "CATFAST_MODEL": self.model,
            "CATFAST_MODEL_SHA256": self.model_sha256,
            "CATFAST_INPUT": self.input,
            "CATFAST_INPUT_SHA256": self.input_sha256,
            "CATFAST_PIXELS_VERSION": PIXELS_VERSION,
            **self.settings,
        }


def settings(config: MaskConfig, gsd_m: float, scene: Scene) -> dict[str, str]:
    """Tags of the options that change a mask, and of what the XML beside its scene says.

    What computes it is not among them: few pixels change class with the runtime, and a folder that was begun
    on one machine is to be finished on another.
    """
    scale, threshold = config.reflectance_scale, config.cloud_threshold
    told = " ".join(f"{gain:g}" for gain in scene.gain) if scene.gain_beside else "product"
    return {
        "CATFAST_THRESHOLD": "likeliest" if threshold is None else f"{threshold:.12g}",
        "CATFAST_CLASSES": config.classes,
        "CATFAST_FORMAT": config.format,
        "CATFAST_BUFFER": f"{config.buffer_m:.12g}",
        "CATFAST_MIN_AREA": f"{config.min_area_m2:.12g}",
        "CATFAST_AOI": "none" if config.aoi is None else file_sha256(config.aoi),
        "CATFAST_GSD": f"{gsd_m:.12g}",
        "CATFAST_EDGES": config.edges,
        "CATFAST_REFLECTANCE_SCALE": told if scale is None else f"{scale:.12g}",
    }


def mask_path(scene: Path, out_dir: Path | None) -> Path:
    """``<stem>_mask.tif`` beside the scene or in ``out_dir``."""
    return (out_dir or scene.parent) / f"{scene.stem}_mask.tif"


def confidence_path(mask: Path) -> Path:
    """``<stem>_confidence.tif`` beside a mask."""
    return mask.with_name(f"{mask.stem.removesuffix('_mask')}_confidence.tif")


def style_path(mask: Path) -> Path:
    """``<stem>_mask.qml`` beside a mask: QGIS takes a style of the layer's own name."""
    return mask.with_suffix(".qml")


def item_path(mask: Path) -> Path:
    """``<stem>_mask.json`` beside a mask."""
    return mask.with_suffix(".json")


def is_picture(asked: Path) -> bool:
    """Whether ``--quicklook`` names a picture, not a folder of them."""
    return asked.suffix.lower() == ".png" and not asked.is_dir()


def quicklook_path(asked: Path, mask: Path) -> Path:
    """The picture itself, or ``<stem>_mask.png`` in a folder of them."""
    return asked if is_picture(asked) else asked / f"{mask.stem}.png"


_TAGS_BY_ENDING = {".png": picture_tags, ".json": item_tags}
"""How the files beside a mask tell what they were made from; the others as a mask does."""


def check_output(
    mask: Path, inputs: Mapping[str, Path], asked: list[Path], identity: Identity, *, overwrite: bool
) -> bool:
    """Whether ``mask`` is there already, and all ``asked`` beside it, of the same input, model and options.

    One of a catfast that gave other pixels to these was made from something else.

    Raises:
        OutputError: one of them was made from something else and ``overwrite`` is off; or it would replace
            one of its inputs, or cannot be written where it is asked for.
        UsageError: a file beside the mask would replace it.
    """
    if mask in asked:
        raise UsageError(f"{mask}: the mask and a file beside it would have one name: choose another -o")
    ignored = ("CATFAST_VERSION", "CATFAST_INPUT")
    wanted = {key: value for key, value in identity.tags().items() if key not in ignored}
    made = [
        is_made_already(
            path,
            inputs,
            {} if path == style_path(mask) else wanted,
            overwrite=overwrite,
            tags_of=read_tags if path == mask else _TAGS_BY_ENDING.get(path.suffix.lower(), read_tags),
        )
        for path in (mask, *asked)
    ]
    return all(made)


def mask_style(
    identity: Identity,
    percentages: Mapping[str, float],
    valid_percent: float,
    simulated: Mapping[str, str],
    saturated: float | None = None,
) -> CogStyle:
    """How a mask COG presents itself."""
    shares = {f"CATFAST_PERCENT_{name.upper()}": f"{value:.4f}" for name, value in percentages.items()}
    bright = {} if saturated is None else {SATURATED_TAG: f"{saturated:.4f}"}
    tags = {
        **identity.tags(),
        "CATFAST_VALID_PERCENT": f"{valid_percent:.4f}",
        **shares,
        **bright,
        **simulated,
    }
    if identity.settings["CATFAST_FORMAT"] == "udm2":
        return CogStyle(descriptions=UDM2_BANDS, tags=tags, band_tags={})
    return CogStyle(
        descriptions=("cloud mask",),
        tags=tags,
        band_tags=CATEGORY_TAGS,
        colours=COLOURS,
    )


def confidence_style(identity: Identity, classes: tuple[str, ...], simulated: Mapping[str, str]) -> CogStyle:
    """How a confidence COG presents itself."""
    return CogStyle(
        descriptions=tuple(f"{name} probability, per cent" for name in classes),
        tags={**identity.tags(), **simulated},
        band_tags={},
        overview_resampling="AVERAGE",
    )
