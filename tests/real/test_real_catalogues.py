"""Real metadata of both providers, and the published pairs; none of it is committed."""

from __future__ import annotations

import csv
from datetime import datetime

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from catfast.catalog import CatalogConfig, build
from catfast.pairs import PairsConfig, mine
from catfast.wrs2 import seconds_after_centre
from tests.scenes import brute_force, rows

KINDS = {
    "planet_items": ("planet", 237),
    "planetscope_order_notebooks": ("planet", 1),
    "planetscope_deering_alaska": ("planet", 3),
    "planetscope_sumatra": ("planet", 3),
    "landsat_stac_items": ("landsat", 11),
    "landsat_c2_stactools": ("landsat", 3),
    "landsat_scene_list/EE_LANDSAT_NEWFORMAT.csv": ("landsat", 2),
}
REDACTED = "20180119_XXXXXXX_XXXX"
"""A real scene whose XML was emptied before it was published."""
OFF_TRACK = "LC08_057001_20230829"
"""Lies about 124 km off its nominal track, beyond what path and row can say."""


@pytest.mark.parametrize("name", KINDS)
def test_every_real_file_is_read(shared_data, tmp_path, name):
    kind, count = KINDS[name]
    result = build(kind, [shared_data / name], tmp_path / "x.parquet")
    assert (result.scenes, dict(result.rejected)) == (count, {})
    for row in rows(tmp_path / "x.parquet"):
        shape = shapely.from_wkb(row["geometry"])
        assert shape.is_valid
        assert 50e6 < shape.area < 60e9
        assert row["sun_elevation"] is not None or name.endswith("csv")
        assert (row["wrs_path"] is None) == (kind == "planet")


@pytest.mark.parametrize(
    "name",
    [
        "planetscope_harvey",
        "planetscope_deering_alaska",
        "planetscope_sumatra",
        "planetscope_order_notebooks/PSScene",
    ],
)
def test_real_xmls_say_what_the_json_says(shared_data, tmp_path, name):
    """Copied away from their JSON, the scenes are the same: whole seconds, and rounder numbers."""
    build("planet", [shared_data / name], tmp_path / "json.parquet")
    lone = tmp_path / "lone"
    lone.mkdir()
    for path in (shared_data / name).glob("*_metadata*.xml"):
        (lone / path.name).write_bytes(path.read_bytes())
    build("planet", [lone], tmp_path / "xml.parquet")
    expected = {row["scene_id"]: row for row in rows(tmp_path / "json.parquet")}
    found = {row["scene_id"]: row for row in rows(tmp_path / "xml.parquet")}
    assert found
    assert set(found) == set(expected) - {REDACTED}
    for scene_id, row in found.items():
        true = expected[scene_id]
        assert abs((row["acquired"] - true["acquired"]).total_seconds()) < 1
        assert row["instrument"] == true["instrument"]
        assert row["sun_elevation"] == pytest.approx(true["sun_elevation"], abs=0.15)
        shape, whole = (shapely.from_wkb(side["geometry"]) for side in (row, true))
        assert shape.intersection(whole).area > 0.8 * min(shape.area, whole.area)  # some are boxes of clips


def test_times_of_real_neighbours(shared_data, tmp_path):
    """Four scenes of one pass, one after the other: when the model says each was centred."""
    build("landsat", [shared_data / "landsat_stac_items/landsat-c2-l2-pc.json"], tmp_path / "x.parquet")
    scenes = rows(tmp_path / "x.parquet")
    first = scenes[0]
    for scene in scenes:
        to_degrees = Transformer.from_crs("EPSG:6931", "OGC:CRS84", always_xy=True)
        corners = shapely.get_coordinates(shapely.from_wkb(scene["geometry"]))
        lon, lat = to_degrees.transform(corners[:, 0], corners[:, 1])
        centre = shapely.Polygon(np.column_stack([lon, lat])).centroid
        said = seconds_after_centre([first["wrs_path"]], [first["wrs_row"]], [centre.x], [centre.y])[0]
        true = (scene["acquired"] - first["acquired"]).total_seconds()
        assert said == pytest.approx(true, abs=0.15)


@pytest.fixture(scope="module")
def published(shared_data, tmp_path_factory):
    source, folder = (
        shared_data / "co_clouds_pairs/CoClouds_l8ps_shared.csv",
        tmp_path_factory.mktemp("published"),
    )
    planet = CatalogConfig(id_col="Planet id", time_col="Planet capture_time", geometry_col="planet_geometry")
    build("planet", [source], folder / "planet.parquet", planet)
    landsat = CatalogConfig(id_col="Landsat ID", time_col="Landsat timestamp")
    assert build("landsat", [source], folder / "landsat.parquet", landsat).rejected == {"duplicate": 10}
    with source.open() as file:
        true = [(row["Planet id"], row["Landsat ID"], row["time_diff"]) for row in csv.DictReader(file)]
    return folder, true


def test_published_pairs_are_found_again(published, tmp_path):
    folder, true = published
    mine(folder / "planet.parquet", folder / "landsat.parquet", tmp_path / "pairs.parquet")
    found = {(row["ps_id"], row["l8_id"]): row for row in rows(tmp_path / "pairs.parquet")}
    missed = [(ps, l8) for ps, l8, _ in true if (ps, l8) not in found]
    assert len(true) == 74
    assert [l8 for _, l8 in missed] == [OFF_TRACK]
    for ps, l8, text in true:
        if (ps, l8) in found:
            apart = datetime.strptime(text[7:15], "%H:%M:%S") - datetime(1900, 1, 1)
            assert abs(found[ps, l8]["dt_s"]) == pytest.approx(
                apart.total_seconds() + float("0" + text[15:]), abs=0.001
            )


def test_brute_force_denies_none_of_them(published, tmp_path):
    folder, _ = published
    mine(folder / "planet.parquet", folder / "landsat.parquet", tmp_path / "pairs.parquet", PairsConfig())
    sides = [rows(folder / f"{kind}.parquet") for kind in ("planet", "landsat")]
    shaped = [
        (
            [shapely.from_wkb(row["geometry"]) for row in side],
            [round(row["acquired"].timestamp() * 1000) for row in side],
        )
        for side in sides
    ]
    expected = {
        (sides[0][p]["scene_id"], sides[1][q]["scene_id"]): share
        for (p, q), share in brute_force(*shaped).items()
    }
    got = {(row["ps_id"], row["l8_id"]): row["overlap"] for row in rows(tmp_path / "pairs.parquet")}
    assert got == pytest.approx(expected, abs=1e-9)


def anywhere_over(published) -> int:
    """Pairs of which some part of the PlanetScope footprint was seen over 30 s apart."""
    folder, true = published
    times = {
        row["scene_id"]: row for kind in ("planet", "landsat") for row in rows(folder / f"{kind}.parquet")
    }
    to_degrees = Transformer.from_crs("EPSG:6931", "OGC:CRS84", always_xy=True)
    count = 0
    for ps, l8, _ in true:
        corners = shapely.get_coordinates(shapely.from_wkb(times[ps]["geometry"]))
        lon, lat = to_degrees.transform(corners[:, 0], corners[:, 1])
        place = [[times[l8][name]] * len(lon) for name in ("wrs_path", "wrs_row")]
        dt = (times[ps]["acquired"] - times[l8]["acquired"]).total_seconds()
        count += np.abs(dt - seconds_after_centre(*place, lon, lat)).max() > 30 and l8 != OFF_TRACK
    return int(count)


def test_some_published_pairs_are_further_apart_than_said(published, tmp_path):
    folder, true = published
    mine(folder / "planet.parquet", folder / "landsat.parquet", tmp_path / "pairs.parquet")
    local = {(row["ps_id"], row["l8_id"]): row["dt_local_s"] for row in rows(tmp_path / "pairs.parquet")}
    over = [pair for pair in ((ps, l8) for ps, l8, _ in true) if abs(local.get(pair, 0)) > 30]
    assert len(over) == 6
    assert anywhere_over(published) == 8
    assert max(abs(value) for value in local.values()) < 42
