"""Landsat Collection 2 products: their ids, and their QA_PIXEL files opened without trusting them.

Ids and bits as USGS documents them (LSDS-1619, Landsat 8-9 Collection 2 Level 2 product guide, and
LSDS-1328, Level 1 data format control book).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast.errors import InputError
from catfast.raster import Raster, RasterInfo, open_raster

__all__ = ["ProductId", "check_codes", "open_qa", "product_id"]

FILL = 1
"""The code of pixels outside the image."""

ALWAYS_SET = 0b0001_0100_0000_0000
"""Low bits of shadow and snow confidence: Collection 2 has 1 or 3 there, which other bands do not."""

_ID = re.compile(
    r"(?P<sensor>L[COTEM]0[1-9])_(?P<level>L[12][A-Z]{2})_(?P<path>\d{3})(?P<row>\d{3})_"
    r"(?P<acquired>\d{8})_(?P<processed>\d{8})_(?P<collection>\d{2})_(?P<tier>T1|T2|RT)"
)
_OTHER_QA = re.compile(r"_(?:SR|ST)_|_QA(?!_PIXEL)|_VAA|_VZA|_SAA|_SZA|_B\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductId:
    """What the id of a Landsat product says."""

    text: str
    """The id itself, e.g. ``LC08_L1TP_008059_20191201_20200825_02_T1``."""
    sensor: str
    """``LC08``: OLI and TIRS of Landsat 8."""
    level: str
    """``L1TP``, ``L2SP``, ..."""
    path: int
    """WRS-2 path."""
    row: int
    """WRS-2 row."""
    acquired: date
    """Day of the image, UTC."""
    processed: date
    """Day of the processing."""
    collection: int
    """1 or 2."""
    tier: str
    """``T1``, ``T2`` or ``RT``."""


def product_id(name: str) -> ProductId | None:
    """The id that a file or folder name starts with, in upper case; None when there is none."""
    match = _ID.match(name.upper())
    if match is None:
        return None
    try:
        acquired, processed = (
            date(int(text[:4]), int(text[4:6]), int(text[6:]))
            for text in match.group("acquired", "processed")
        )
    except ValueError:
        return None
    return ProductId(
        text=match.group(),
        sensor=match["sensor"],
        level=match["level"],
        path=int(match["path"]),
        row=int(match["row"]),
        acquired=acquired,
        processed=processed,
        collection=int(match["collection"]),
        tier=match["tier"],
    )


@contextmanager
def open_qa(path: str | Path, *, verify: str = "auto") -> Iterator[Raster]:
    """Open a Collection 2 QA_PIXEL file.

    Args:
        path: the file.
        verify: one of :data:`catfast.raster.VERIFY`.

    Raises:
        InputError: not a GeoTIFF, of Collection 1, another band, not uint16, or without a place on Earth.
    """
    path = Path(path)
    _check_name(path)
    with open_raster(path, verify=verify) as raster:
        _check_kind(raster.info)
        yield raster


def check_codes(path: Path, qa: npt.NDArray[np.uint16]) -> None:
    """Refuse codes that no Collection 2 QA_PIXEL band holds; 0, which some tools pad with, becomes fill.

    Args:
        path: the file, for the message.
        qa: codes of any shape; changed in place.

    Raises:
        InputError: naming the first such code.
    """
    qa[qa == 0] = FILL
    wrong = ((qa & ALWAYS_SET) != ALWAYS_SET) & ((qa & FILL) == 0)
    if wrong.any():
        code = int(qa[wrong][0])
        raise InputError(
            f"{path}: expected Collection 2 QA_PIXEL codes, found {code}, which is none "
            "(Collection 1 BQA has other bits)"
        )


def _check_name(path: Path) -> None:
    found = product_id(path.name)
    if (found is not None and found.collection < 2) or path.stem.upper().endswith("_BQA"):
        raise InputError(f"{path}: expected Collection 2 QA_PIXEL, found a Collection 1 product by its name")
    if found is not None and _OTHER_QA.search(path.stem[len(found.text) :]):
        raise InputError(f"{path}: expected the QA_PIXEL band, found another band of the product by its name")


def _check_kind(info: RasterInfo) -> None:
    if info.dtype != "uint16" or info.count != 1:
        bands = f"{info.count} bands" if info.count > 1 else "1 band"
        raise InputError(f"{info.path}: expected QA_PIXEL, 1 band of uint16, found {bands} of {info.dtype}")
    transform = info.grid.transform
    if info.grid.crs is None:
        raise InputError(f"{info.path}: expected a georeferenced QA_PIXEL, found no CRS")
    if transform.is_identity or not info.grid.has_area:
        raise InputError(f"{info.path}: expected a georeferenced QA_PIXEL, found no usable geotransform")
