"""Small files beside a mask: a style for QGIS and a STAC item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from catfast import __version__
from catfast.classes import COLOURS, LABELS, NODATA
from catfast.errors import MissingExtraError
from catfast.raster import Grid, atomic_path, footprint_lonlat
from catfast.textfiles import parse_json, read_small
from catfast.udm2 import UDM2_BANDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from catfast.mask.config import MaskResult

EXTENSIONS = {
    name: f"https://stac-extensions.github.io/{name}/v{version}/schema.json"
    for name, version in (
        ("eo", "1.1.0"),
        ("projection", "2.0.0"),
        ("raster", "1.1.0"),
        ("classification", "2.0.0"),
        ("processing", "1.2.0"),
    )
}
"""The STAC extensions by name; an item lists those whose fields it has."""


def write_qml(path: Path) -> None:
    """A QGIS layer style: each code in its colour, with its meaning.

    Raises:
        OutputError: the disk did not take it.
    """
    root = ET.Element("qgis", version="3.22", styleCategories="Symbology")
    renderer = ET.SubElement(
        ET.SubElement(root, "pipe"), "rasterrenderer", type="paletted", band="1", opacity="1", nodataColor=""
    )
    palette = ET.SubElement(renderer, "colorPalette")
    for code, (red, green, blue, alpha) in COLOURS.items():
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        ET.SubElement(
            palette, "paletteEntry", value=str(code), color=colour, alpha=str(alpha), label=LABELS[code]
        )
    ET.indent(root)
    text = (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(root, "unicode") + "\n"
    )
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_stac(path: Path, result: MaskResult, grid: Grid, tags: Mapping[str, str], taken: datetime) -> None:
    """A STAC item of one mask, with the extensions eo, projection, raster, classification and processing.

    Args:
        path: the item.
        result: what was made.
        grid: the mask's.
        tags: the mask's dataset tags.
        taken: when the scene was acquired.

    Raises:
        OutputError: the disk did not take it.
        MissingExtraError: pystac is not installed.
    """
    try:
        import pystac
    except ImportError:
        raise MissingExtraError("--stac", "report") from None
    geometry, bbox = footprint_lonlat(grid)
    udm2 = tags["CATFAST_FORMAT"] == "udm2"
    left_out = {"classification" if udm2 else "", "" if "cloud" in result.classes else "eo"}
    item = pystac.Item(
        id=path.stem,
        geometry=geometry,
        bbox=bbox,
        datetime=taken,
        properties=_properties(result, grid, tags),
        stac_extensions=[url for name, url in EXTENSIONS.items() if name not in left_out],
    )
    item.add_asset("mask", _asset(pystac, result.output, udm2=udm2))
    with atomic_path(path) as temporary:
        text = json.dumps(item.to_dict(include_self_link=False), indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")


def _properties(result: MaskResult, grid: Grid, tags: Mapping[str, str]) -> dict[str, Any]:
    authority = grid.crs.to_authority() if grid.crs else None
    named = {"proj:code": ":".join(authority)} if authority else _unnamed(grid)
    found = {
        **named,
        "proj:shape": [grid.height, grid.width],
        "proj:transform": list(grid.transform),
        "processing:software": {"catfast": __version__},
        **{_property(key): value for key, value in tags.items() if "PERCENT" not in key},
        "catfast:valid_percent": result.valid_percent,
        "catfast:percent": dict(result.classes),
        "catfast:warnings": [notice.name for notice in result.warnings],
    }
    cloud = result.classes.get("cloud")
    return found if cloud is None else {"eo:cloud_cover": cloud, **found}


def _unnamed(grid: Grid) -> dict[str, Any]:
    """A CRS that no authority has a code for, as the projection extension wants it told."""
    return {"proj:code": None, "proj:wkt2": grid.crs.to_wkt(version="WKT2_2019") if grid.crs else None}


def _property(tag: str) -> str:
    return f"catfast:{tag.removeprefix('CATFAST_').lower()}"


def item_tags(path: Path) -> dict[str, str]:
    """Tags of the mask that an item was written with; none of a file that is no such item."""
    try:
        properties = parse_json(read_small(path))["properties"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    prefix = _property("")
    return {
        f"CATFAST_{key.removeprefix(prefix).upper()}": value
        for key, value in properties
        if key.startswith(prefix) and isinstance(value, str)
    }


def _asset(pystac: Any, output: Path, *, udm2: bool) -> Any:
    bands = [{"data_type": "uint8"}] * len(UDM2_BANDS) if udm2 else [{"data_type": "uint8", "nodata": NODATA}]
    more: dict[str, Any] = {"raster:bands": bands}
    if not udm2:
        more["classification:classes"] = [
            {
                "value": code,
                "name": label.replace(" ", "-").replace("/", "-"),
                "description": label,
                "color_hint": "{:02X}{:02X}{:02X}".format(*COLOURS[code][:3]),
                **({"nodata": True} if code == NODATA else {}),
            }
            for code, label in LABELS.items()
        ]
    return pystac.Asset(
        href=output.name,
        title="cloud mask",
        media_type=pystac.MediaType.COG,
        roles=["data", "cloud", "cloud-shadow"],
        extra_fields=more,
    )
