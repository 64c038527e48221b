"""PlanetScope products and plain 4-band GeoTIFFs: which bands, which scale, where nothing was seen.

Names, bands and scales as Planet documents them (PSScene imagery product specification): ``_SR`` is
surface reflectance x 10000, and ``_toar``, of the tool of that name of its orders, reflectance at the top of
the atmosphere x 10000; AnalyticMS is radiance whose XML holds a reflectanceCoefficient a band.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np

from catfast.classes import BANDS
from catfast.errors import InputError, Notice
from catfast.raster import Raster, RasterInfo, ground_sampling_distance
from catfast.textfiles import read_small

__all__ = [
    "Scene",
    "acquired",
    "describe_scene",
    "is_image_name",
    "local_name",
    "metadata_root",
    "metadata_xml",
    "reflectance_coefficients",
    "scene_id",
]

BANDS_BY_COUNT = {4: (1, 2, 3, 4), 8: (2, 4, 6, 8)}
"""1-based places of BANDS in a 4-band (PS2, PSB) and an 8-band (SuperDove) product."""

SR_SCALE = 1e-4
"""Reflectance a count where Planet delivers reflectance, and the scale assumed of integers."""

MAX_REFLECTANCE = 3.0
"""Floats whose valid maximum is below this are taken for reflectance."""

MIN_GSD_M, MAX_GSD_M = 0.001, 10_000.0
"""Finer or coarser pixels than this are a broken geotransform, not an image of clouds."""

BAND_NAMES = {
    "blue": "blue",
    "green": "green",
    "red": "red",
    "nir": "nir",
    "nearinfrared": "nir",
    "nearir": "nir",
}

READABLE_DTYPES = ("uint16", "int16", "uint32", "int32", "float32", "float64")

_ID = re.compile(r"\d{8}_\d{6}(?:_\d{2})?_[0-9a-zA-Z]{4}(?![0-9a-zA-Z])")
_TOAR = re.compile(r"_AnalyticMS\w*_toar(_|\.)", re.IGNORECASE)
_SCAN_ROWS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """How the pixels of one file become reflectance of BANDS."""

    info: RasterInfo
    """The file."""
    bands: tuple[int, ...]
    """1-based places of BANDS in the file."""
    gain: tuple[float, ...]
    """Reflectance = DN x gain + offset, a band."""
    offset: tuple[float, ...]
    """See gain."""
    gsd_m: tuple[float, float] | None
    """Metres a pixel (down the rows, along the columns), None when the file does not say."""
    notices: tuple[Notice, ...]
    """What the user should know."""
    gain_beside: bool = False
    """Whether the gain is told by the XML beside the file, not by the file itself."""

    @property
    def nodata(self) -> float | None:
        """The nodata tag as kernels compare it: in float32 where samples are read as float32."""
        nodata = self.info.nodata
        return nodata if nodata is None or self.info.dtype == "uint16" else float(np.float32(nodata))


def describe_scene(raster: Raster, *, reflectance_scale: float | None = None) -> Scene:
    """Find the four bands, their scale and the ground sampling distance of an open raster.

    Raises:
        InputError: not an image that can be masked; the sentence says what was expected and found.
    """
    info = raster.info
    _check_kind(info)
    bands = _find_bands(info)
    gsd, placed = _ground(info)
    gain, offset, scaled = _scale(raster, bands, reflectance_scale)
    return Scene(
        info=info,
        bands=bands,
        gain=gain,
        offset=offset,
        gsd_m=gsd,
        notices=(*placed, *scaled),
        gain_beside=reflectance_scale is None and _is_radiance(info.path),
    )


_NO_IMAGE = re.compile(
    r"(?i)_(udm2?|visual|panchromatic|truth|mask|confidence|label|QA_\w+|(S[RT]_)?B\d+)(_clip)?\.tiff?$"
    r"|_3B_(udm2?|visual)"
)


def is_image_name(name: str) -> bool:
    """Whether a GeoTIFF found in a folder is an image by its name.

    Usable data masks, visual and panchromatic images, bands and quality files of Landsat, and what catfast
    itself writes are none.
    """
    return (
        name.lower().endswith((".tif", ".tiff")) and not name.startswith(".") and not _NO_IMAGE.search(name)
    )


def scene_id(path: Path) -> str:
    """Planet's item id in a file name (``YYYYMMDD_HHMMSS[_ss]_SATID``), else the stem."""
    match = _ID.match(path.name)
    return match.group() if match else path.stem


def acquired(path: Path) -> datetime | None:
    """When a scene was taken, from the id in its name, UTC; None where the name holds no PlanetScope id.

    The two digits that follow the seconds in a SuperDove's id are hundredths of a second.
    """
    found = _ID.match(path.name)
    if found is None:
        return None
    date, time, *more = found[0].split("_")[:-1]
    try:
        taken = datetime.strptime(f"{date}{time}", "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return taken + timedelta(milliseconds=10 * int(more[0]) if more else 0)


def _check_kind(info: RasterInfo) -> None:
    if "CATFAST_VERSION" in info.tags and "CATFAST_MODEL" in info.tags:
        raise InputError(f"{info.path}: expected a scene, found a mask written by catfast")
    if info.dtype == "uint8":
        kind = "usable data mask" if "_udm" in info.path.name.lower() else "visual product"
        raise InputError(f"{info.path}: expected reflectance or radiance, found an 8-bit {kind}")
    if info.dtype not in READABLE_DTYPES:
        raise InputError(f"{info.path}: expected samples of {', '.join(READABLE_DTYPES)}, found {info.dtype}")
    if info.has_alpha:
        raise InputError(f"{info.path}: expected blue, green, red and nir bands, found an alpha band")


def _find_bands(info: RasterInfo) -> tuple[int, ...]:
    names = [BAND_NAMES.get(re.sub(r"[^a-z]", "", (text or "").lower())) for text in info.descriptions]
    if all(names.count(band) == 1 for band in BANDS):
        return tuple(names.index(band) + 1 for band in BANDS)
    if any(names):
        raise InputError(
            f"{info.path}: expected one band each of {', '.join(BANDS)}, "
            f"found bands described as {', '.join(str(text) for text in info.descriptions)}"
        )
    if info.count not in BANDS_BY_COUNT:
        raise InputError(f"{info.path}: expected 4 or 8 bands, found {info.count} without descriptions")
    return BANDS_BY_COUNT[info.count]


def _ground(info: RasterInfo) -> tuple[tuple[float, float] | None, list[Notice]]:
    grid = info.grid
    if grid.transform.is_identity:
        if info.has_gcps:
            raise InputError(
                f"{info.path}: placed by ground control points only: orthorectify or warp it to a grid first"
            )
        return None, [
            Notice(
                "no_transform",
                "the file has no geotransform: masked at its own pixels, as if at the model's scale",
            )
        ]
    if not grid.has_area:
        raise InputError(f"{info.path}: its geotransform {tuple(grid.transform)[:6]} has no area")
    if grid.crs is None:
        return None, [
            Notice("no_crs", "the file has no CRS: masked at its own pixels, as if at the model's scale")
        ]
    try:
        gsd = ground_sampling_distance(grid)
    except ValueError as error:
        raise InputError(f"{info.path}: expected a georeferenced scene, but {error}") from error
    if not all(MIN_GSD_M < size < MAX_GSD_M for size in gsd):
        raise InputError(f"{info.path}: expected pixels of metres, found {gsd[1]:.3g} x {gsd[0]:.3g} m")
    return gsd, []


def _scale(
    raster: Raster, bands: Sequence[int], given: float | None
) -> tuple[tuple[float, ...], tuple[float, ...], list[Notice]]:
    info = raster.info
    zero = (0.0,) * len(bands)
    if given is not None:
        return (given,) * len(bands), zero, []
    counts = not info.dtype.startswith("float")
    if _is_surface_reflectance(info.path) or (counts and _TOAR.search(info.path.name)):
        return (SR_SCALE,) * len(bands), zero, []
    if _is_radiance(info.path):
        return _analytic_gain(info.path, bands), zero, []
    scales = tuple(info.scales[band - 1] for band in bands)
    offsets = tuple(info.offsets[band - 1] for band in bands)
    if scales != (1.0,) * len(bands):
        if not all(math.isfinite(value) for value in (*scales, *offsets)) or min(scales) <= 0:
            raise InputError(
                f"{info.path}: expected finite band scales above 0, found {scales} and {offsets}"
            )
        return scales, offsets, []
    if not counts and _maximum(raster, bands) < MAX_REFLECTANCE:
        notice = Notice("assumed_reflectance", f"values are below {MAX_REFLECTANCE:g}: taken for reflectance")
        return (1.0,) * len(bands), zero, [notice]
    notice = Notice("assumed_scale", f"nothing says what the scale is: {SR_SCALE:g} a count is assumed")
    return (SR_SCALE,) * len(bands), zero, [notice]


def _is_surface_reflectance(path: Path) -> bool:
    if re.search(r"_AnalyticMS(_8b)?_SR(_|\.)", path.name):
        return True
    return bool(_ID.match(path.name) and re.search(r"_SR(_|\.)", path.name))


def _is_radiance(path: Path) -> bool:
    return "_AnalyticMS" in path.name and not _TOAR.search(path.name) and not _is_surface_reflectance(path)


def _maximum(raster: Raster, bands: Sequence[int]) -> float:
    """Largest finite value other than nodata; the scan ends once MAX_REFLECTANCE is reached."""
    highest = -math.inf
    height = raster.info.grid.height
    for start in range(0, height, _SCAN_ROWS):
        rows = raster.read_rows(bands, start, min(start + _SCAN_ROWS, height))
        valid = rows[np.isfinite(rows) & (rows != raster.info.nodata)]
        highest = max(highest, float(valid.max(initial=-math.inf)))
        if highest >= MAX_REFLECTANCE:
            break
    return highest


def _analytic_gain(path: Path, bands: Sequence[int]) -> tuple[float, ...]:
    xml = metadata_xml(path)
    if xml is None:
        raise InputError(
            f"{path}: AnalyticMS is radiance and needs its XML (..._3B_AnalyticMS_metadata.xml) beside it, "
            "or --reflectance-scale"
        )
    coefficients = reflectance_coefficients(xml)
    missing = [band for band in bands if band not in coefficients]
    if missing:
        raise InputError(
            f"{xml}: expected a reflectanceCoefficient for bands {list(bands)}, found none for {missing}"
        )
    return tuple(coefficients[band] for band in bands)


def metadata_xml(path: Path) -> Path | None:
    """The XML beside a scene with its id, of several the one with the same ``8b`` and ``clip`` marks."""
    found = sorted(path.parent.glob(f"{scene_id(path)}_3B_AnalyticMS*metadata*.xml"))
    if not found:
        return None
    marks = ("_8b", "_clip")
    return max(found, key=lambda xml: sum((mark in xml.name) == (mark in path.name) for mark in marks))


def reflectance_coefficients(xml: Path) -> dict[int, float]:
    """Band number to reflectanceCoefficient (TOA reflectance a DN) of a Planet metadata XML.

    Tags are matched by their local name: namespaces differ between product versions.

    Raises:
        InputError: not readable, not XML, or a coefficient that is not a number above 0.
    """
    entries = [item for item in metadata_root(xml).iter() if local_name(item) == "bandSpecificMetadata"]
    pairs = [{local_name(child): (child.text or "") for child in entry} for entry in entries]
    try:
        coefficients = {
            int(pair["bandNumber"]): float(pair["reflectanceCoefficient"])
            for pair in pairs
            if "reflectanceCoefficient" in pair and "bandNumber" in pair
        }
    except ValueError as error:
        raise InputError(f"{xml}: not readable as Planet metadata: {error}") from error
    if not all(math.isfinite(value) and value > 0 for value in coefficients.values()):
        raise InputError(f"{xml}: expected reflectanceCoefficients above 0, found {coefficients}")
    return coefficients


def metadata_root(xml: Path) -> ElementTree.Element:
    """The root of a Planet metadata XML.

    Raises:
        InputError: not readable, not XML, or with a document type.
    """

    def refuse(*_: object) -> None:
        raise InputError(f"{xml}: expected Planet metadata, found an XML with a document type")

    try:
        text = read_small(xml)
        scan = expat.ParserCreate()
        scan.StartDoctypeDeclHandler = refuse
        scan.Parse(text, True)
        return ElementTree.fromstring(text)  # noqa: S314 - no entities: refused above
    except (OSError, expat.ExpatError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{xml}: not readable as Planet metadata: {error}") from error


def local_name(element: ElementTree.Element) -> str:
    """Its tag without the namespace."""
    return str(element.tag).rpartition("}")[2]
