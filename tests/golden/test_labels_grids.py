"""Labels against PROJ at every single pixel, on every pair of grids that an Arctic archive holds."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS, Transformer

from catfast.labels import LabelConfig, QaWarp
from catfast.labels.nodes import TOLERANCE, WIDEST_STEP, Mapper
from catfast.raster import Grid, open_raster, parse_crs
from tests.label_files import CODE_OF, noise, write_qa

SIZE = 700
SOURCE_PIXELS = 260


def at(crs: str, lon: float, lat: float) -> tuple[float, float]:
    return Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)


def north_up(crs: str, lon: float, lat: float, metres: float, *, turn: float = 0.0, south_up: bool = False):
    """A transform whose grid of SIZE pixels is about centred on a place."""
    x, y = at(crs, lon, lat)
    down = metres if south_up else -metres
    middle = Affine.translation(x + 0.37, y - 0.21) @ Affine.rotation(turn) @ Affine.scale(metres, down)
    return middle @ Affine.translation(-SIZE / 2, -SIZE / 2)


# name: Landsat CRS, PlanetScope CRS, longitude, latitude, metres a pixel, options of the PlanetScope grid
CASES = {
    "same zone": ("EPSG:32604", "EPSG:32604", -159.2, 70.3, 3.0, {}),
    "another zone": ("EPSG:32604", "EPSG:32605", -156.1, 71.2, 3.0, {}),
    "two zones away, 82 N": ("EPSG:32622", "EPSG:32624", -47.0, 82.2, 3.0, {}),
    "Antarctic stereographic": ("EPSG:3031", "EPSG:32718", -75.5, -73.0, 3.0, {}),
    "onto 3031": ("EPSG:32718", "EPSG:3031", -75.5, -73.0, 3.0, {}),
    "NSIDC north, 3413": ("EPSG:32604", "EPSG:3413", -157.5, 71.0, 3.0, {}),
    "Arctic, 3995": ("EPSG:32633", "EPSG:3995", 14.0, 78.3, 3.0, {}),
    "equal area, 6931": ("EPSG:32633", "EPSG:6931", 16.0, 79.3, 3.0, {}),
    "south up": ("EPSG:32604", "EPSG:32605", -156.1, 71.2, 3.0, {"south_up": True}),
    "rotated": ("EPSG:32604", "EPSG:32604", -159.2, 70.3, 3.0, {"turn": 23.7}),
    "rotated, another zone": ("EPSG:32604", "EPSG:32605", -156.1, 71.2, 3.7, {"turn": -101.0}),
    "50 m": ("EPSG:32604", "EPSG:3413", -157.5, 71.0, 50.0, {}),
    "50 m, rotated": ("EPSG:32604", "EPSG:6931", -157.5, 71.0, 50.0, {"turn": 38.0}),
    "antimeridian": ("EPSG:32660", "EPSG:32601", 180.0, 70.0, 3.0, {}),
    "50 m, rotated, antimeridian": ("EPSG:32660", "EPSG:3413", 180.0, 70.0, 50.0, {"turn": -33.0}),
    "antimeridian, 3413": ("EPSG:32601", "EPSG:3413", -179.999, 66.5, 3.0, {}),
}


def grids(name: str) -> tuple[Grid, Grid]:
    source_crs, crs, lon, lat, metres, options = CASES[name]
    x, y = at(source_crs, lon, lat)
    pixels = SOURCE_PIXELS if metres < 10 else 1400
    corner = (round(x / 30) * 30 - 15 - pixels * 15, round(y / 30) * 30 + 15 + pixels * 15)
    source = Grid(
        width=pixels,
        height=pixels,
        transform=Affine(30, 0, corner[0], 0, -30, corner[1]),
        crs=parse_crs(source_crs),
    )
    target = Grid(
        width=SIZE,
        height=SIZE,
        transform=north_up(crs, lon, lat, metres, **options),
        crs=parse_crs(crs),
    )
    return source, target


def exact(source: Grid, target: Grid) -> np.ndarray:
    """Source (row, column) of each target pixel centre, by PROJ and nothing else."""
    row, column = np.mgrid[: target.height, : target.width] + 0.5
    x, y = target.transform @ (column, row)
    crs = [CRS.from_wkt(grid.crs.to_wkt()) for grid in (target, source)]
    x, y = Transformer.from_crs(*crs, always_xy=True).transform(x, y)
    column, row = ~source.transform @ (np.asarray(x), np.asarray(y))
    return np.stack([row, column], axis=-1)


def reference(source: Grid, target: Grid, codes: np.ndarray) -> np.ndarray:
    place = np.floor(exact(source, target)).astype(np.int64)
    inside = ((place >= 0) & (place < codes.shape)).all(axis=-1)
    found = codes[tuple(np.moveaxis(place.clip(0, np.array(codes.shape) - 1), -1, 0))]
    return np.where(inside, found, 255)


def warped(tmp_path, source: Grid, target: Grid, qa: np.ndarray, rows: int = 512, **options) -> np.ndarray:
    path = write_qa(tmp_path / "LC08_L1TP_001001_20230601_20230607_02_T1_QA_PIXEL.TIF", qa, source)
    with open_raster(path) as raster:
        warp = QaWarp(raster, target, LabelConfig(**options))
        starts = range(0, target.height, rows)
        bands = [warp.place(start, min(start + rows, target.height)) for start in starts]
        return np.concatenate([warp.labels(band) for band in bands])


@pytest.mark.parametrize("name", CASES)
def test_no_pixel_is_wrong(name, tmp_path):
    source, target = grids(name)
    qa = noise((source.height, source.width))
    expected = reference(source, target, CODE_OF[qa])
    assert (expected != 255).mean() > 0.3, "the case must overlap"
    assert np.count_nonzero(warped(tmp_path, source, target, qa) != expected) == 0


def bilinear_weights(place: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Weight of each of the codes 0 to 4 and 255, (H, W, 6), at source places (row, column)."""
    padded = np.pad(np.where(codes == 255, 5, codes), 1, constant_values=5)
    first = np.floor(place - 0.5).astype(np.int64)
    way = place - 0.5 - first
    weights = np.zeros((*place.shape[:2], 6))
    for down, along in np.ndindex(2, 2):
        spot = (first + (down, along) + 1).clip(0, np.array(padded.shape) - 1)
        share = np.abs(1 - down - way[..., 0]) * np.abs(1 - along - way[..., 1])
        code = padded[tuple(np.moveaxis(spot, -1, 0))]
        np.put_along_axis(
            weights, code[..., None], np.take_along_axis(weights, code[..., None], -1) + share[..., None], -1
        )
    return weights


@pytest.mark.parametrize("name", CASES)
def test_bilinear_takes_the_largest_weight(name, tmp_path):
    source, target = grids(name)
    qa = noise((source.height, source.width))
    weights = bilinear_weights(exact(source, target), CODE_OF[qa])
    found = warped(tmp_path, source, target, qa, method="bilinear")
    ranked = np.sort(weights, axis=-1)
    sure = ranked[..., -1] - ranked[..., -2] > 1e-5
    assert sure.mean() > 0.99
    expected = weights.argmax(axis=-1)
    assert np.count_nonzero((np.where(found == 255, 5, found) != expected) & sure) == 0


@pytest.mark.parametrize("name", CASES)
def test_straight_lines_between_nodes_are_good_enough(name):
    """Every pixel of a cell, not its middle: between conformal grids the error is 0 just there."""
    source, target = grids(name)
    nodes, step, first = Mapper(source, target).nodes(0, target.height)
    assert first == 0
    row, column = np.mgrid[: target.height, : target.width]
    k, p = np.divmod(row, step)
    n, q = np.divmod(column, step)
    p, q = (p / step)[..., None], (q / step)[..., None]
    upper = nodes[k, n] * (1 - q) + nodes[k, n + 1] * q
    lower = nodes[k + 1, n] * (1 - q) + nodes[k + 1, n + 1] * q
    error = np.abs(upper * (1 - p) + lower * p - exact(source, target)).max()
    assert error < 1.5 * TOLERANCE
    assert step in (1, WIDEST_STEP) or error > TOLERANCE / 100, "denser than need be"


def test_geographic_scene_across_the_antimeridian(tmp_path):
    """Longitudes run past 180 on the scene's side, and on Landsat's where that is the geographic one."""
    source, _ = grids("antimeridian")
    degrees = 3 / 111_320
    wide = degrees / np.cos(np.radians(70.0))
    target = Grid(
        width=SIZE,
        height=SIZE,
        transform=Affine(wide, 0, 180 - wide * SIZE / 2, 0, -degrees, 70.0 + degrees * SIZE / 2),
        crs=parse_crs("EPSG:4326"),
    )
    qa = noise((source.height, source.width))
    expected = reference(source, target, CODE_OF[qa])
    assert (expected != 255).mean() > 0.3
    assert np.array_equal(warped(tmp_path, source, target, qa), expected)

    scene = grids("antimeridian")[1]
    step = 30 / 111_320
    landsat = Grid(
        width=300,
        height=200,
        transform=Affine(2.9 * step, 0, 180 - 435 * step, 0, -step, 70.0 + 100 * step),
        crs=parse_crs("EPSG:4326"),
    )
    qa = noise((200, 300))
    place = exact(landsat, scene)
    place[..., 1] -= np.round((place[..., 1] - 150) / (360 / (2.9 * step))) * 360 / (2.9 * step)
    place = np.floor(place).astype(np.int64)
    inside = ((place >= 0) & (place < (200, 300))).all(axis=-1)
    assert inside.mean() > 0.3
    expected = np.where(inside, CODE_OF[qa][place[..., 0].clip(0, 199), place[..., 1].clip(0, 299)], 255)
    assert np.count_nonzero(warped(tmp_path, landsat, scene, qa) != expected) == 0


@pytest.mark.parametrize("method", ["nearest", "majority", "bilinear", "fraction"])
def test_the_height_of_bands_changes_nothing(tmp_path, method):
    source, target = grids("rotated, another zone")
    qa = noise((source.height, source.width))
    whole = warped(tmp_path, source, target, qa, 700, method=method)
    for rows in (97, 512):
        assert np.array_equal(warped(tmp_path, source, target, qa, rows, method=method), whole)


def test_ties_on_pixel_edges_fall_one_way(tmp_path):
    """20 m pixels on 30 m ones: each third centre lies on an edge, and belongs to the pixel after it."""
    crs = parse_crs("EPSG:32604")
    source = Grid(width=40, height=40, transform=Affine(30, 0, 500_000, 0, -30, 7_900_000), crs=crs)
    target = Grid(width=60, height=60, transform=Affine(20, 0, 499_990, 0, -20, 7_900_010), crs=crs)
    qa = noise((40, 40))
    place = np.floor((np.arange(60) * 20) / 30).astype(int)
    assert np.array_equal(warped(tmp_path, source, target, qa), CODE_OF[qa][np.ix_(place, place)])
