"""The ground track beside what USGS publishes: its file of footprints, and real scenes with known times."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer

from catfast.catalog import CatalogConfig, build
from catfast.wrs2 import footprints, path_row, row_centres, seconds_after_centre
from tests.scenes import rows

GEOD = Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def published(shared_data) -> dict[tuple[int, int], shapely.Geometry]:
    """A sample of USGS's WRS-2 footprints, the northern rows 1 to 60 and 248 on the way south."""
    pyogrio = pytest.importorskip("pyogrio", reason='needs the extra "pairs"')
    source = shared_data / "wrs2/WRS2_descending_0.zip"
    meta, _, geometry, columns = pyogrio.raw.read(source, columns=["PATH", "ROW"])
    fields = dict(zip(meta["fields"], columns, strict=True))
    places = [i for i, row in enumerate(fields["ROW"]) if row <= 60 or row == 248]
    chosen = np.random.default_rng(0).choice(places, 150, replace=False)
    shapes = shapely.from_wkb(geometry[chosen])
    return {
        (int(fields["PATH"][i]), int(fields["ROW"][i])): shape
        for i, shape in zip(chosen, shapes, strict=True)
    }


def test_centres_of_the_published_rows(published):
    """Within 4 km, and so within 0.35 s of flight; half of them within 1.5 km."""
    paths, numbers = np.array(list(published)).T
    lon, lat = row_centres(paths, numbers)
    apart, seconds, common = [], [], []
    for (path, row), lon0, lat0, shape in zip(published, lon, lat, published.values(), strict=True):
        plane = f"+proj=laea +lat_0={lat0} +lon_0={lon0} +ellps=WGS84"
        to_plane = Transformer.from_crs("OGC:CRS84", plane, always_xy=True)
        carry = lambda places, t=to_plane: np.column_stack(t.transform(places[:, 0], places[:, 1]))  # noqa: E731
        true = shapely.union_all(shapely.get_parts(shapely.transform(shape, carry)), grid_size=1)
        middle = true.centroid
        apart.append(np.hypot(middle.x, middle.y))
        there = to_plane.transform(middle.x, middle.y, direction="INVERSE")
        seconds.append(seconds_after_centre([path], [row], [there[0]], [there[1]])[0])
        ring = np.column_stack([side[0] for side in footprints([path], [row])])
        ours = shapely.transform(shapely.Polygon(ring), carry)
        common.append(ours.intersection(true).area / ours.union(true).area)
    assert max(apart) < 4_000
    assert np.median(apart) < 1_500
    assert np.abs(seconds).max() < 0.35
    assert min(common) > 0.9


def test_corners_of_real_scenes_are_seen_at_once(shared_data):
    """The two ends of each scan line of real Landsat 8 and 9 scenes, and a scene's middle at its centre."""
    lines, middles = [], []
    for feature in real_scenes(shared_data):
        if feature["id"].startswith("LC08_L2SP_017036_20130419"):
            continue  # of the weeks after launch, in which Landsat 8 was not yet in its orbit
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        path, row = path_row(feature["id"])
        seen = sorted(seconds(path, row, shapely.get_coordinates(shape)[:4]))
        lines += [seen[1] - seen[0], seen[3] - seen[2]]
        middles.append(sum(seen) / 4)
        assert -14.8 < seen[0] < -14 < 14 < seen[3] < 14.8
    assert len(middles) >= 9
    assert max(lines) < 0.15
    assert np.abs(middles).max() < 0.2


def real_scenes(folder: Path) -> list[dict]:
    found = []
    for path in sorted(folder.glob("landsat_*/*.json")):
        if "MTL" in path.name:
            continue
        text = json.loads(path.read_text())
        listed = text if isinstance(text, list) else text.get("features", [text])
        found += [feature for feature in listed if feature["id"].startswith(("LC08", "LC09"))]
    return found


def seconds(path: int, row: int, places: np.ndarray, steered: bool = True) -> np.ndarray:
    count = len(places)
    return seconds_after_centre([path] * count, [row] * count, places[:, 0], places[:, 1], steered)


def test_landsat_5_looks_square_to_its_orbit(shared_data):
    """Its start and stop are known: corners fit them within 0.3 s, and not within 0.7 s if it steered."""
    with (shared_data / "landsat_scene_list/EE_LANDSAT_NEWFORMAT.csv").open(encoding="latin-1") as file:
        scenes = list(csv.DictReader(file))
    for scene in scenes:
        start, stop = (float(scene[f"{end} Time"].rsplit(":", 1)[1]) for end in ("Start", "Stop"))
        half = ((stop - start) % 60) / 2
        corners = [
            [float(scene[f"{corner} Corner {axis} dec"]) for axis in ("Long", "Lat")]
            for corner in ("NW", "NE", "SE", "SW")
        ]
        place = path_row(scene["Landsat Product Identifier"])
        true = np.array([-half, -half, half, half])
        assert np.abs(seconds(*place, np.array(corners), steered=False) - true).max() < 0.3
        assert np.abs(seconds(*place, np.array(corners)) - true).max() > 0.7


def test_neighbours_of_one_pass_in_the_published_list(shared_data):
    """Scenes of one path and day, rows going south and north: their times (whole seconds) differ as said."""
    passes = defaultdict(dict)
    with (shared_data / "co_clouds_pairs/CoClouds_l8ps_shared.csv").open() as file:
        for row in csv.DictReader(file):
            scene = row["Landsat ID"]
            passes[scene[5:8], scene[-8:]][path_row(scene)] = datetime.fromisoformat(row["Landsat timestamp"])
    checked = 0
    for scenes in passes.values():
        (first, start), *others = sorted(scenes.items())
        for place, time in others:
            said = seconds_after_centre(*([value] for value in (*first, *np.ravel(row_centres(*place)))))[0]
            assert said == pytest.approx((time - start).total_seconds(), abs=1.2)
            checked += 1
    assert checked >= 15
    assert any(place[1] > 122 for scenes in passes.values() if len(scenes) > 1 for place in scenes)


def test_footprints_of_the_file_for_the_published_scenes(shared_data, tmp_path, published):
    """``--wrs2``: rows on the way south get USGS's own footprint; what its file lacks, the model's."""
    source = shared_data / "co_clouds_pairs/CoClouds_l8ps_shared.csv"
    file = shared_data / "wrs2/WRS2_descending_0.zip"
    config = CatalogConfig(id_col="Landsat ID", time_col="Landsat timestamp", wrs2=file)
    result = build("landsat", [source], tmp_path / "usgs.parquet", config)
    assert "no_frame" in {notice.name for notice in result.warnings}
    plain = CatalogConfig(id_col="Landsat ID", time_col="Landsat timestamp")
    build("landsat", [source], tmp_path / "model.parquet", plain)
    for usgs, model in zip(rows(tmp_path / "usgs.parquet"), rows(tmp_path / "model.parquet"), strict=True):
        one, other = shapely.from_wkb(usgs["geometry"]), shapely.from_wkb(model["geometry"])
        assert one.geom_type == "Polygon"
        assert one.centroid.distance(other.centroid) < 4_500
        assert (122 < usgs["wrs_row"] < 247) == one.equals(other)
