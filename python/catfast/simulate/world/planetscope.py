"""Write PlanetScope's side of a pair as Planet delivers it: image, XML, JSON and UDM2."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from catfast.classes import NODATA
from catfast.raster import Grid, parse_crs, write_geotiff
from catfast.simulate.scene import CLEAR, CLOUD, SHADOW, SNOW, WATER
from catfast.simulate.world.frame import Frame
from catfast.simulate.world.plan import PairPlan
from catfast.simulate.world.templates import BAND, METADATA
from catfast.simulate.world.twin import PlanetScene
from catfast.sun import sun_distance

__all__ = ["SIMULATED", "coefficients", "counts", "grid_of", "write_planetscope"]

SIMULATED = {"CATFAST_SIMULATED": "1"}
"""GeoTIFF tag of every simulated file."""

BANDS_4 = ("blue", "green", "red", "nir")
BANDS_8 = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir")

SR_SCALE = 1e-4

RADIANCE_SCALE = 0.01
"""Radiance of a count, W / (m2 sr um)."""

SOLAR_IRRADIANCE = (1943.0, 1835.0, 1647.0, 1095.0)
"""Sunlight at 1 astronomical unit in blue, green, red and near infrared, W / (m2 um): what the
reflectanceCoefficients of a real AnalyticMS product (PS2, 2017-08-31) come to."""

UDM2_BANDS = ("clear", "snow", "shadow", "haze_light", "haze_heavy", "cloud", "confidence", "unusable")

UDM2_PX = 7
"""UDM2 is made at about 22 m."""

OFF_BY = 0.06
"""Share of the UDM2's blocks that get their neighbour's class."""


def grid_of(frame: Frame) -> Grid:
    """Return the raster grid of `frame`."""
    transform = Affine(frame.px_m, 0, frame.west, 0, -frame.px_m, frame.north)
    return Grid(width=frame.size, height=frame.size, transform=transform, crs=parse_crs(f"EPSG:{frame.epsg}"))


def coefficients(plan: PairPlan) -> tuple[float, ...]:
    """Return the reflectance of a count for each band: pi d^2 L / (E sin(elevation)), or 1e-4 for SR."""
    irradiance = np.array(SOLAR_IRRADIANCE)
    if plan.product == "SR":
        return (SR_SCALE,) * 4
    if plan.product.endswith("8b"):
        irradiance = _eight(irradiance[:, None])[:, 0]
    unit = math.pi * sun_distance(plan.ps_time) ** 2 * RADIANCE_SCALE / math.sin(math.radians(plan.sun[1]))
    return tuple(float(f"{unit / e:.11e}") for e in irradiance)


def counts(plan: PairPlan, scene: PlanetScene) -> npt.NDArray[np.uint16]:
    """Return the counts (bands, h, w) of the product; 0 is nodata, so that the darkest valid pixel has 1."""
    image = _eight(scene.reflectance) if plan.product.endswith("8b") else scene.reflectance
    scale = np.array(coefficients(plan), dtype=np.float32)[:, None, None]
    return np.where(scene.valid, np.clip(np.rint(image / scale), 1, 65535), 0).astype(np.uint16)


def write_planetscope(folder: Path, plan: PairPlan, scene: PlanetScene) -> None:
    """Write the files of one item into `folder`.

    Raises:
        OutputError: the disk did not take them.
    """
    suffix = "AnalyticMS_SR" if plan.product == "SR" else plan.product
    pixels = counts(plan, scene)
    names = BANDS_8 if plan.product.endswith("8b") else BANDS_4
    image = f"{plan.ps_id}_3B_{suffix}.tif"
    grid = grid_of(plan.ps)
    options: dict[str, Any] = {"predictor": 2, "zlevel": 4}
    write_geotiff(
        folder / image,
        pixels,
        grid,
        nodata=0,
        descriptions=names,
        tags=SIMULATED,
        photometric="MINISBLACK",
        **options,
    )
    udm2 = usable_data_mask(plan, scene)
    write_geotiff(
        folder / f"{plan.ps_id}_3B_udm2.tif",
        udm2,
        grid,
        descriptions=UDM2_BANDS,
        tags=SIMULATED,
        photometric="MINISBLACK",
    )
    marks = "_8b" if plan.product.endswith("8b") else ""
    xml = folder / f"{plan.ps_id}_3B_AnalyticMS{marks}_metadata.xml"
    xml.write_text(_xml(plan, image, len(names), udm2), encoding="utf-8")
    item = json.dumps(_item(plan, udm2), separators=(",", ":"))
    (folder / f"{plan.ps_id}_metadata.json").write_text(item + "\n", encoding="utf-8")


def usable_data_mask(plan: PairPlan, scene: PlanetScene) -> npt.NDArray[np.uint8]:
    """Return a UDM2 (8, h, w) of `scene`: made in blocks of about 22 m, some of them mistaken."""
    rng = np.random.default_rng(plan.seed)
    coarse = scene.truth[UDM2_PX // 2 :: UDM2_PX, UDM2_PX // 2 :: UDM2_PX]
    wrong = rng.random(coarse.shape) < OFF_BY
    coarse = np.where(wrong, np.roll(coarse, int(rng.integers(3, 9)), axis=int(rng.integers(2))), coarse)
    sure = rng.integers(55, 100, coarse.shape, dtype=np.uint8)
    spread = np.ones((UDM2_PX, UDM2_PX), dtype=np.uint8)
    size = scene.truth.shape[0]
    reach = [(0, max(0, size - n * UDM2_PX)) for n in coarse.shape]
    code, confidence = (np.pad(np.kron(a, spread), reach, mode="edge")[:size, :size] for a in (coarse, sure))
    code = np.where(code == NODATA, CLEAR, code)
    clear = (code == CLEAR) | (code == WATER)
    nothing = np.zeros_like(clear)
    bands = [clear, code == SNOW, code == SHADOW, nothing, nothing, code == CLOUD]
    mask = np.stack([*(b.astype(np.uint8) for b in bands), confidence, np.zeros_like(confidence)])
    mask *= scene.valid
    mask[7] = ~scene.valid
    return mask


def _eight(four: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the 8 SuperDove bands that go with 4, those in between being interpolated by wavelength."""
    blue, green, red, nir = four
    return np.stack(
        [
            1.25 * blue - 0.25 * green,
            blue,
            0.40 * blue + 0.60 * green,
            green,
            0.55 * green + 0.45 * red,
            red,
            0.80 * red + 0.20 * nir,
            nir,
        ]
    )


def _percent(mask: npt.NDArray[np.uint8], name: str) -> float:
    """Return the per cent of the seen pixels that a band of the UDM2 holds."""
    return 100.0 * float(mask[UDM2_BANDS.index(name)].sum()) / max(1, int((mask[7] == 0).sum()))


def _item(plan: PairPlan, mask: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Return the item's JSON as orders hold it."""
    frame = plan.ps
    stamp = plan.ps_time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    published = plan.ps_time.strftime("%Y-%m-%dT23:59:59Z")
    confidence = float(mask[6][mask[7] == 0].mean())
    properties = {
        "acquired": stamp,
        "anomalous_pixels": 0,
        "clear_confidence_percent": round(confidence),
        "clear_percent": round(_percent(mask, "clear")),
        "cloud_cover": round(_percent(mask, "cloud") / 100, 2),
        "cloud_percent": round(_percent(mask, "cloud")),
        "columns": frame.size,
        "epsg_code": frame.epsg,
        "ground_control": True,
        "gsd": 3.9,
        "heavy_haze_percent": 0,
        "instrument": plan.instrument,
        "item_type": "PSScene",
        "light_haze_percent": 0,
        "origin_x": round(frame.west),
        "origin_y": round(frame.north),
        "pixel_resolution": 3,
        "provider": "planetscope",
        "published": published,
        "publishing_stage": "finalized",
        "quality_category": "standard",
        "rows": frame.size,
        "satellite_azimuth": round(math.degrees(plan.ps_view.azimuth), 1),
        "satellite_id": plan.satellite,
        "shadow_percent": round(_percent(mask, "shadow")),
        "simulated": True,
        "snow_ice_percent": round(_percent(mask, "snow")),
        "strip_id": str(1_000_000 + plan.seed % 9_000_000),
        "sun_azimuth": round(plan.sun[0], 1),
        "sun_elevation": round(plan.sun[1], 1),
        "updated": published,
        "view_angle": round(math.degrees(plan.ps_view.off_nadir), 1),
        "visible_confidence_percent": round(confidence),
        "visible_percent": round(100 - _percent(mask, "cloud")),
    }
    ring = [[round(v, 9) for v in corner] for corner in frame.lonlat()]
    geometry = {"coordinates": [ring], "type": "Polygon"}
    return {
        "id": plan.ps_id,
        "type": "Feature",
        "simulated": True,
        "geometry": geometry,
        "properties": properties,
    }


def _xml(plan: PairPlan, image: str, count: int, mask: npt.NDArray[np.uint8]) -> str:
    """Return the metadata XML; as with real products SR has the coefficients of its radiance product."""
    radiance = coefficients(plan) if plan.product != "SR" else coefficients(_as_radiance(plan))
    ring = plan.ps.lonlat()
    lons, lats = zip(*ring, strict=True)
    bands = "".join(
        Template(BAND).substitute(number=k + 1, coefficient=f"{value:.11e}")
        for k, value in enumerate(radiance)
    )
    return Template(METADATA).substitute(
        identifier=image.removesuffix(".tif"),
        time=plan.ps_time.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        satellite=plan.satellite,
        instrument=plan.instrument,
        incidence=f"{math.degrees(plan.ps_view.off_nadir) * 1.08:.6e}",
        sun_azimuth=f"{plan.sun[0]:.6e}",
        sun_elevation=f"{plan.sun[1]:.6e}",
        azimuth=f"{math.degrees(plan.ps_view.azimuth) % 360:.6e}",
        view=f"{math.degrees(plan.ps_view.off_nadir):.6e}",
        ring=" ".join(f"{x:.10f},{y:.10f}" for x, y in ring),
        lon=f"{sum(lons[:4]) / 4:.10f}",
        lat=f"{sum(lats[:4]) / 4:.10f}",
        north=f"{max(lats):.10f}",
        south=f"{min(lats):.10f}",
        west=f"{min(lons):.10f}",
        east=f"{max(lons):.10f}",
        file=image,
        epsg=plan.ps.epsg,
        zone=plan.ps.epsg % 100,
        size=plan.ps.size,
        count=count,
        corrected=str(plan.product == "SR").lower(),
        udm=f"{plan.ps_id}_3B_udm2.tif",
        cloud=f"{_percent(mask, 'cloud') / 100:.2f}",
        bands=bands,
    )


def _as_radiance(plan: PairPlan) -> PairPlan:
    """Return the same plan with the radiance product."""
    return dataclasses.replace(plan, product="AnalyticMS")
