"""Small pictures of a scene and what is known of it, small enough to travel inside a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from catfast.classes import CLASS_CODES, COLOURS, NODATA
from catfast.errors import InputError
from catfast.mask import confidence_path
from catfast.pictures import stretch
from catfast.planet import describe_scene
from catfast.raster import Raster, open_raster
from catfast.udm2 import UDM2_BANDS, udm2_codes

SIDE = 900
"""Longest side of a picture at first, pixels."""
LEAST_SIDE = 200
BUDGET = 290_000
"""Bytes of all pictures of a scene in the page."""

DIFFERENCE: dict[int, tuple[int, int, int]] = {
    0: (235, 235, 230),
    1: (90, 90, 90),
    2: (214, 94, 0),
    3: (0, 114, 178),
}
"""Colours of: both clear, both cloud, cloud in the mask only, cloud in UDM2 only."""

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One picture of a scene."""

    name: str
    """``image``, ``mask``, ``confidence``, ``udm2`` or ``difference``."""
    title: str
    """What it is called in the page."""
    source: str
    """``data:`` URI."""
    size: tuple[int, int]
    """Width and height, pixels."""


@dataclass(slots=True)
class Pictures:
    """What is shown of a scene."""

    layers: list[Layer] = field(default_factory=list)
    """The mask, and the others as far as they are there."""
    notes: list[str] = field(default_factory=list)
    """What could not be shown, in sentences."""
    differing: float | None = None
    """Per cent of the pixels shown in which mask and UDM2 differ about cloud."""


def layers(mask: Path, image: Path | None, udm2: Path | None) -> Pictures:
    """Pictures of a scene, together within :data:`BUDGET`.

    Raises:
        InputError: the mask cannot be read.
    """
    side = SIDE
    while True:
        found = _layers(mask, image, udm2, side)
        if sum(len(layer.source) for layer in found.layers) <= BUDGET or side <= LEAST_SIDE:
            return found
        side = int(side * 0.8)


def _layers(mask: Path, image: Path | None, udm2: Path | None, side: int) -> Pictures:
    notes: list[str] = []
    with open_raster(mask, verify="never") as raster:
        codes = _codes(raster, side)
        grid = raster.info.grid
        shape = (grid.height, grid.width)
        scale, tags = _scale(raster), raster.info.tags
    found = [_palette("mask", "Mask", codes)]
    if image is None:
        notes.append("The image was not found: name its folder with --scenes.")
    else:
        picture = _image(image, shape, side, scale, notes)
        found = [picture, *found] if picture else found
    confidence = confidence_path(mask)
    if confidence.exists():
        found += _confidence(confidence, shape, side, tags, notes)
    differing = None
    if udm2 is not None and (other := _usable(udm2, shape, side, notes)) is not None:
        where = difference(codes, other)
        colours = {code: (*rgb, 255) for code, rgb in DIFFERENCE.items()}
        found += [
            _palette("udm2", "UDM2", other),
            _palette("difference", "Where they differ", where, colours),
        ]
        seen = int((where != NODATA).sum())
        differing = 100 * int((where == 2).sum() + (where == 3).sum()) / seen if seen else None
    return Pictures(found, notes, differing)


def _codes(raster: Raster, side: int) -> Codes:
    if raster.info.count == len(UDM2_BANDS):
        return udm2_codes(raster.preview(range(1, len(UDM2_BANDS) + 1), side, average=False))
    return np.asarray(raster.preview([1], side, average=False)[0], np.uint8)


def _scale(mask: Raster) -> float | None:
    """Reflectance a count that the mask was asked to be made with, None where the product said so."""
    try:
        return float(mask.info.tags["CATFAST_REFLECTANCE_SCALE"])
    except (KeyError, ValueError):
        return None


def _image(
    path: Path, shape: tuple[int, int], side: int, scale: float | None, notes: list[str]
) -> Layer | None:
    try:
        with open_raster(path, verify="never") as raster:
            _check_shape(raster, shape)
            scene = describe_scene(raster, reflectance_scale=scale)
            dn = raster.preview([scene.bands[band] for band in (2, 1, 0)], side, average=False).astype(
                np.float32
            )
            gain, offset = (
                np.array([values[b] for b in (2, 1, 0)], np.float32) for values in (scene.gain, scene.offset)
            )
            seen = np.isfinite(dn).all(axis=0) & (dn != (scene.nodata or 0)).any(axis=0)
    except InputError as error:
        notes.append(f"The image is not shown: {error}.")
        return None
    reflectance = dn * gain[:, None, None] + offset[:, None, None]
    rgb = stretch(np.moveaxis(np.where(seen, reflectance, np.nan), 0, -1))
    return _encoded("image", "Image", Image.fromarray(rgb), "JPEG", quality=72)


def _confidence(
    path: Path, shape: tuple[int, int], side: int, tags: Mapping[str, str], notes: list[str]
) -> list[Layer]:
    try:
        with open_raster(path, verify="never") as raster:
            _check_shape(raster, shape)
            _check_same_run(raster, tags)
            names = [str(description).split()[0] for description in raster.info.descriptions]
            cloud = raster.preview([names.index("cloud") + 1], side, average=False)[0]
    except (InputError, ValueError) as error:
        notes.append(f"The confidence is not shown: {error}.")
        return []
    grey = np.where(cloud == NODATA, 0, cloud.astype(np.float32) * 2.55).astype(np.uint8)
    return [_encoded("confidence", "Cloud probability", Image.fromarray(grey), "JPEG", quality=55)]


def _usable(path: Path, shape: tuple[int, int], side: int, notes: list[str]) -> Codes | None:
    try:
        with open_raster(path, verify="never") as raster:
            _check_shape(raster, shape)
            if raster.info.count != len(UDM2_BANDS):
                raise InputError(f"{path}: expected the 8 bands of a UDM2, found {raster.info.count}")
            return _codes(raster, side)
    except InputError as error:
        notes.append(f"UDM2 is not shown: {error}.")
        return None


def difference(first: Codes, second: Codes) -> Codes:
    """Where two masks differ about cloud: the codes of :data:`DIFFERENCE`, 255 where one saw nothing."""
    a, b = (codes == CLASS_CODES["cloud"] for codes in (first, second))
    out = np.select([a & b, a, b], [1, 2, 3], 0).astype(np.uint8)
    out[(first == NODATA) | (second == NODATA)] = NODATA
    return out


def _check_shape(raster: Raster, shape: tuple[int, int]) -> None:
    grid = raster.info.grid
    if (grid.height, grid.width) != shape:
        raise InputError(
            f"{raster.info.path} has {grid.width} x {grid.height} pixels, the mask {shape[1]} x {shape[0]}"
        )


def _check_same_run(confidence: Raster, mask: Mapping[str, str]) -> None:
    """Refuse confidences that stayed from an earlier mask: those of one run share their tags."""
    found = confidence.info.tags
    names = (name for name in found if name.startswith("CATFAST_") and name != "CATFAST_VERSION")
    differs = next((name for name in names if found[name] != mask.get(name)), None)
    if differs is not None:
        raise InputError(
            f"{confidence.info.path} was not written with this mask: its {differs} is {found[differs]}, "
            f"the mask's {mask.get(differs, 'none')}"
        )


def _palette(
    name: str, title: str, codes: Codes, colours: dict[int, tuple[int, int, int, int]] | None = None
) -> Layer:
    picture = Image.fromarray(codes, mode="P")
    table = [0] * 768
    for code, colour in (colours or dict(COLOURS)).items():
        table[3 * code : 3 * code + 3] = colour[:3]
    picture.putpalette(table)
    return _encoded(name, title, picture, "PNG", optimize=True, transparency=NODATA)


def _encoded(name: str, title: str, picture: Image.Image, kind: str, **options: object) -> Layer:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Layer(name=name, title=title, source=f"data:image/{kind.lower()};base64,{text}", size=picture.size)
