"""Write Landsat's side of a pair as Collection 2 Level 1 has it: bands, QA_PIXEL, MTL and STAC item."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from catfast.raster import write_geotiff
from catfast.simulate.world.cfmask import CIRRUS, CLOUD, FILL, qa_pixel
from catfast.simulate.world.plan import PairPlan
from catfast.simulate.world.planetscope import SIMULATED, grid_of
from catfast.simulate.world.twin import LandsatScene
from catfast.sun import sun_distance

__all__ = ["REFLECTANCE_ADD", "REFLECTANCE_MULT", "counts", "write_landsat"]

REFLECTANCE_MULT, REFLECTANCE_ADD = 2.0e-5, -0.1
"""Counts x MULT + ADD = top-of-atmosphere reflectance x sin(sun elevation), as in every Collection 2 MTL."""

BANDS = ("B2", "B3", "B4", "B5")
ORIGIN = "Simulated by catfast: not a product of the USGS, not an image of the Earth"

Groups = dict[str, dict[str, Any]]


class _Code(str):
    """A value that the MTL text holds without quotes."""


def counts(plan: PairPlan, scene: LandsatScene) -> npt.NDArray[np.uint16]:
    """Return the counts (4, h, w) of bands 2-5; 0 is fill.

    As in real products, reflectance is had from them by MULT, ADD and a division by sin(sun elevation).
    """
    level = scene.reflectance * np.float32(math.sin(math.radians(plan.sun[1])))
    dn = np.rint((level - REFLECTANCE_ADD) / REFLECTANCE_MULT)
    return np.where(scene.valid, np.clip(dn, 1, 65535), 0).astype(np.uint16)


def write_landsat(folder: Path, plan: PairPlan, scene: LandsatScene) -> None:
    """Write the files of one product into `folder`.

    Raises:
        OutputError: the disk did not take them.
    """
    name, grid = plan.l8_id, grid_of(plan.l8)
    for band, pixels in zip(BANDS, counts(plan, scene), strict=True):
        write_geotiff(
            folder / f"{name}_{band}.TIF", pixels[None], grid, nodata=0, tags=SIMULATED, predictor=2, zlevel=4
        )
    qa = qa_pixel(scene, plan.seed + 2)
    write_geotiff(folder / f"{name}_QA_PIXEL.TIF", qa[None], grid, nodata=FILL, tags=SIMULATED)
    seen = qa != FILL
    cloudy = 100.0 * float(((qa & CLOUD) != 0)[seen].mean())
    groups = _metadata(plan, cloudy)
    (folder / f"{name}_MTL.txt").write_text(_odl(groups), encoding="ascii")
    document = {"simulated": True, "LANDSAT_METADATA_FILE": _plain(groups)}
    (folder / f"{name}_MTL.json").write_text(json.dumps(document, indent=4) + "\n", encoding="utf-8")
    item = _stac(plan, cloudy, bool((qa & CIRRUS).any()))
    (folder / f"{name}_stac.json").write_text(json.dumps(item, indent=2) + "\n", encoding="utf-8")


def _metadata(plan: PairPlan, cloudy: float) -> Groups:
    """Return the groups of the MTL with the keys of a real one, as far as they apply to bands 2-5."""
    name = plan.l8_id
    numbers = [band[1] for band in BANDS]
    files = {f"FILE_NAME_BAND_{n}": f"{name}_B{n}.TIF" for n in numbers}
    files |= {
        "FILE_NAME_QUALITY_L1_PIXEL": f"{name}_QA_PIXEL.TIF",
        "FILE_NAME_METADATA_ODL": f"{name}_MTL.txt",
    }
    types = {f"DATA_TYPE_BAND_{n}": "UINT16" for n in numbers} | {"DATA_TYPE_QUALITY_L1_PIXEL": "UINT16"}
    processing = {"ORIGIN": ORIGIN, "LANDSAT_PRODUCT_ID": name, "PROCESSING_LEVEL": "L1TP"}
    processing |= {"COLLECTION_NUMBER": _Code("02"), "COLLECTION_CATEGORY": "T1", "OUTPUT_FORMAT": "GEOTIFF"}
    made = name.split("_")[4]
    record = {
        "LANDSAT_SCENE_ID": f"LC8{plan.row.path:03d}{plan.row.row:03d}{plan.l8_time.strftime('%Y%j')}LGN00",
        "DATE_PRODUCT_GENERATED": _Code(f"{made[:4]}-{made[4:6]}-{made[6:]}T00:00:00Z"),
        "PROCESSING_SOFTWARE_VERSION": "catfast",
    }
    return {
        "PRODUCT_CONTENTS": processing | files | types,
        "IMAGE_ATTRIBUTES": _image_attributes(plan, cloudy),
        "PROJECTION_ATTRIBUTES": _projection(plan),
        "LEVEL1_PROCESSING_RECORD": processing | record | files,
        "LEVEL1_MIN_MAX_REFLECTANCE": {
            f"REFLECTANCE_{end}_BAND_{n}": _Code(value)
            for n in numbers
            for end, value in (("MAXIMUM", "1.210700"), ("MINIMUM", "-0.099980"))
        },
        "LEVEL1_MIN_MAX_PIXEL_VALUE": {
            f"QUANTIZE_CAL_{end}_BAND_{n}": value
            for n in numbers
            for end, value in (("MAX", 65535), ("MIN", 1))
        },
        "LEVEL1_RADIOMETRIC_RESCALING": {f"REFLECTANCE_MULT_BAND_{n}": _Code("2.0000E-05") for n in numbers}
        | {f"REFLECTANCE_ADD_BAND_{n}": _Code("-0.100000") for n in numbers},
    }


def _image_attributes(plan: PairPlan, cloudy: float) -> dict[str, Any]:
    """Return when, whence and under which sun the scene was taken."""
    clock = plan.l8_time.strftime("%H:%M:%S.%f") + "0Z"
    return {
        "SPACECRAFT_ID": "LANDSAT_8",
        "SENSOR_ID": "OLI_TIRS",
        "WRS_TYPE": 2,
        "WRS_PATH": plan.row.path,
        "WRS_ROW": plan.row.row,
        "NADIR_OFFNADIR": "NADIR",
        "TARGET_WRS_PATH": plan.row.path,
        "TARGET_WRS_ROW": plan.row.row,
        "DATE_ACQUIRED": _Code(plan.l8_time.strftime("%Y-%m-%d")),
        "SCENE_CENTER_TIME": clock,
        "STATION_ID": "SIM",
        "CLOUD_COVER": _Code(f"{cloudy:.2f}"),
        "CLOUD_COVER_LAND": _Code(f"{cloudy:.2f}"),
        "IMAGE_QUALITY_OLI": 9,
        "ROLL_ANGLE": _Code("0.000"),
        "SUN_AZIMUTH": _Code(f"{(plan.sun[0] + 180) % 360 - 180:.8f}"),
        "SUN_ELEVATION": _Code(f"{plan.sun[1]:.8f}"),
        "EARTH_SUN_DISTANCE": _Code(f"{sun_distance(plan.l8_time):.7f}"),
    }


def _projection(plan: PairPlan) -> dict[str, Any]:
    """Return the raster's place; the corners are middles of pixels, as the USGS counts them."""
    frame = plan.l8
    group: dict[str, Any] = {
        "MAP_PROJECTION": "UTM",
        "DATUM": "WGS84",
        "ELLIPSOID": "WGS84",
        "UTM_ZONE": frame.epsg % 100,
        "GRID_CELL_SIZE_REFLECTIVE": _Code("30.00"),
        "REFLECTIVE_LINES": frame.size,
        "REFLECTIVE_SAMPLES": frame.size,
        "ORIENTATION": "NORTH_UP",
    }
    to_degrees = Transformer.from_crs(frame.epsg, 4326, always_xy=True)
    reach = (frame.size - 1) * frame.px_m
    west, north = frame.west + frame.px_m / 2, frame.north - frame.px_m / 2
    corners = {
        "UL": (west, north),
        "UR": (west + reach, north),
        "LL": (west, north - reach),
        "LR": (west + reach, north - reach),
    }
    for corner, (x, y) in corners.items():
        lon, lat = to_degrees.transform(x, y)
        group[f"CORNER_{corner}_LAT_PRODUCT"] = _Code(f"{lat:.5f}")
        group[f"CORNER_{corner}_LON_PRODUCT"] = _Code(f"{lon:.5f}")
    for corner, (x, y) in corners.items():
        group[f"CORNER_{corner}_PROJECTION_X_PRODUCT"] = _Code(f"{x:.3f}")
        group[f"CORNER_{corner}_PROJECTION_Y_PRODUCT"] = _Code(f"{y:.3f}")
    return group


def _odl(groups: Groups) -> str:
    """Return the MTL text: strings quoted, numbers, dates and codes bare."""
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for name, group in groups.items():
        lines.append(f"  GROUP = {name}")
        for key, value in group.items():
            bare = isinstance(value, _Code) or not isinstance(value, str)
            lines.append(f"    {key} = {value}" if bare else f'    {key} = "{value}"')
        lines.append(f"  END_GROUP = {name}")
    return "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END", ""])


def _plain(groups: Groups) -> dict[str, dict[str, str]]:
    """Return the groups as the MTL's JSON has them: every value a string."""
    return {name: {key: str(value) for key, value in group.items()} for name, group in groups.items()}


def _stac(plan: PairPlan, cloudy: float, cirrus: bool) -> Mapping[str, Any]:
    """Return the STAC item of the product."""
    frame, name = plan.l8, plan.l8_id
    ring = [[round(v, 7) for v in corner] for corner in frame.lonlat()]
    lons, lats = zip(*ring, strict=True)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [
            "https://landsat.usgs.gov/stac/landsat-extension/v1.1.1/schema.json",
            "https://stac-extensions.github.io/view/v1.0.0/schema.json",
            "https://stac-extensions.github.io/projection/v1.0.0/schema.json",
            "https://stac-extensions.github.io/eo/v1.0.0/schema.json",
        ],
        "id": name,
        "simulated": True,
        "description": f"{ORIGIN}{', with cirrus' if cirrus else ''}",
        "bbox": [min(lons), min(lats), max(lons), max(lats)],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "datetime": plan.l8_time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "eo:cloud_cover": round(cloudy, 2),
            "view:sun_azimuth": round(plan.sun[0], 8),
            "view:sun_elevation": round(plan.sun[1], 8),
            "platform": "LANDSAT_8",
            "instruments": ["OLI", "TIRS"],
            "view:off_nadir": 0,
            "landsat:wrs_type": "2",
            "landsat:wrs_path": f"{plan.row.path:03d}",
            "landsat:wrs_row": f"{plan.row.row:03d}",
            "landsat:collection_category": "T1",
            "landsat:collection_number": "02",
            "landsat:correction": "L1TP",
            "proj:epsg": frame.epsg,
            "proj:shape": [frame.size, frame.size],
            "proj:transform": [frame.px_m, 0.0, frame.west, 0.0, -frame.px_m, frame.north],
        },
        "assets": {
            key: {"href": f"./{name}_{key}.TIF", "type": "image/tiff; application=geotiff", "roles": ["data"]}
            for key in (*BANDS, "QA_PIXEL")
        },
        "links": [],
        "collection": "landsat-c2l1",
    }
