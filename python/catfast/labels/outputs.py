"""Tags and colours of a label file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from catfast import __version__
from catfast.classes import CATEGORY_TAGS, COLOURS
from catfast.labels.config import LabelConfig
from catfast.labels.displacement import band_files
from catfast.raster import CogStyle, file_sha256


def identity_tags(qa: Path, scene: Path, config: LabelConfig) -> dict[str, str]:
    """What a label was made from and how: two labels with equal tags hold equal pixels.

    With ``align`` Landsat's bands are among what it was made from.

    Raises:
        InputError: a file cannot be read.
    """
    return {
        "CATFAST_QA_SHA256": file_sha256(qa),
        "CATFAST_SCENE_SHA256": file_sha256(scene),
        **({"CATFAST_BANDS_SHA256": _bands_sha256(qa, config)} if config.align else {}),
        **config.tags(),
    }


def _bands_sha256(qa: Path, config: LabelConfig) -> str:
    """One digest of the digests of the four bands."""
    digests = [file_sha256(path) for path in band_files(qa, config.landsat_bands)]
    return hashlib.sha256("".join(digests).encode("ascii")).hexdigest()


def label_style(
    names: tuple[str, str], identity: Mapping[str, str], told: Mapping[str, str], config: LabelConfig
) -> CogStyle:
    """How a label file presents itself; ``names`` are those of QA file and scene, ``told`` further tags."""
    tags = {
        "CATFAST_VERSION": __version__,
        "CATFAST_QA": names[0],
        "CATFAST_SCENE": names[1],
        **identity,
        **told,
    }
    if config.method == "fraction":
        return CogStyle(
            descriptions=("cloud fraction x 200",),
            tags=tags,
            band_tags={"UNITS": "0.5 %", "NODATA_MEANING": "not seen, or not to be learnt from"},
        )
    return CogStyle(descriptions=("cloud label",), tags=tags, band_tags=CATEGORY_TAGS, colours=COLOURS)
