"""`catfast simulate` from the outside: rasterio, json and an XML parser read the folder back."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform_bounds, transform_geom

from catfast.planet import describe_scene
from catfast.raster import open_raster
from catfast.simulate import WorldConfig
from catfast.simulate.world.plan import plan_world
from catfast.simulate.world.twin import make_twin
from tests.conftest import run_catfast

SEED, PAIRS, SIZE = 6, 4, 512


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("simulate") / "world"
    done = run_catfast("simulate", out, "--pairs", PAIRS, "--size", SIZE, "--seed", SEED, "--json")
    assert done.code == 0, done.err
    summary = done.objects[0]
    assert summary["simulated"] is True
    assert len(summary["pairs"]) == PAIRS
    assert summary["out"] == str(out)
    return out


def images(world: Path) -> list[Path]:
    return sorted(p for p in (world / "PSScene").glob("*AnalyticMS*.tif"))


def test_the_folder_holds_what_the_index_says(world):
    index = json.loads((world / "world.json").read_text())
    assert index["simulated"] is True
    assert index["config"]["seed"] == SEED
    for pair in index["pairs"]:
        assert abs(pair["dt_s"]) <= 30
        assert sum(pair["classes"].values()) == pytest.approx(100, abs=0.1)
        assert len(list((world / "PSScene").glob(f"{pair['ps_id']}_*"))) == 4
        product = world / "landsat" / pair["l8_id"]
        suffixes = (
            "B2.TIF",
            "B3.TIF",
            "B4.TIF",
            "B5.TIF",
            "QA_PIXEL.TIF",
            "MTL.txt",
            "MTL.json",
            "stac.json",
        )
        assert {p.name for p in product.iterdir()} == {f"{pair['l8_id']}_{s}" for s in suffixes}
        assert len(list((world / "truth").glob(f"{pair['ps_id']}_truth.*"))) == 2


def test_every_file_says_that_it_is_simulated(world):
    for path in world.rglob("*"):
        if path.suffix.lower() == ".tif":
            with rasterio.open(path) as dataset:
                assert dataset.tags()["CATFAST_SIMULATED"] == "1", path
        elif path.suffix == ".json":
            assert json.loads(path.read_text())["simulated"] is True, path
        elif path.is_file():
            assert "imulated" in path.read_text(), path


def test_planetscope_reads_back_as_reflectance_of_the_scene(world):
    """Counts times the scale that catfast itself finds in name or XML are the simulated reflectance."""
    for plan in plan_world(WorldConfig(pairs=PAIRS, size_px=SIZE, seed=SEED)):
        path = next((world / "PSScene").glob(f"{plan.ps_id}_3B_AnalyticMS*.tif"))
        scene = make_twin(plan).planet
        with open_raster(path) as raster:
            product = describe_scene(raster)
        with rasterio.open(path) as dataset:
            assert (dataset.dtypes[0], dataset.nodata, dataset.res) == ("uint16", 0, (3.0, 3.0))
            assert dataset.crs.to_epsg() == plan.ps.epsg
            assert dataset.block_shapes[0] == (256, 256)
            dn = dataset.read(product.bands)
        assert not product.notices
        valid = (dn != 0).any(0)
        np.testing.assert_array_equal(valid, scene.valid)
        gain = np.array(product.gain)[:, None]
        expected = np.clip(scene.reflectance[:, valid], gain, 65535 * gain)
        assert (np.abs(dn[:, valid] * gain - expected) <= 0.51 * gain).all()


def test_truth_lies_on_the_grid_of_its_scene(world):
    for path in images(world):
        with rasterio.open(path) as scene:
            grid = (scene.crs, scene.transform, scene.shape)
            seen = scene.read_masks(1) > 0
        stem = path.name.split("_3B_")[0]
        with rasterio.open(world / "truth" / f"{stem}_truth.tif") as truth:
            assert (truth.crs, truth.transform, truth.shape) == grid
            codes = truth.read(1)
        np.testing.assert_array_equal(codes != 255, seen)
        assert set(np.unique(codes)) <= {0, 1, 2, 3, 4, 255}
        with rasterio.open(world / "PSScene" / f"{stem}_3B_udm2.tif") as udm2:
            assert (udm2.crs, udm2.transform, udm2.shape) == grid
            assert (udm2.count, udm2.dtypes[0]) == (8, "uint8")
            assert udm2.descriptions[0] == "clear"
        record = json.loads((world / "truth" / f"{stem}_truth.json").read_text())
        assert record["ps_id"] == stem
        assert 1 <= len(record["layers"]) <= 2


def test_item_json_and_xml_tell_the_same_place_and_time(world):
    for path in images(world):
        stem = path.name.split("_3B_")[0]
        item = json.loads((world / "PSScene" / f"{stem}_metadata.json").read_text())
        assert item["id"] == stem
        properties = item["properties"]
        assert (
            properties["acquired"].replace("-", "").replace(":", "").startswith(stem[:15].replace("_", "T"))
        )
        assert 0 <= properties["cloud_cover"] <= 1
        (xml,) = (world / "PSScene").glob(f"{stem}_3B_AnalyticMS*_metadata.xml")
        root = ElementTree.fromstring(xml.read_bytes())  # noqa: S314 - just written by us
        text = {element.tag.rpartition("}")[2]: element.text for element in root.iter()}
        assert text["acquisitionDateTime"] == properties["acquired"][:19] + "+00:00"
        assert text["fileName"]
        ring = [tuple(map(float, corner.split(","))) for corner in text["coordinates"].split()]
        np.testing.assert_allclose(ring, item["geometry"]["coordinates"][0], atol=1e-8)
        with rasterio.open(path) as scene:
            west, south, east, north = transform_bounds(scene.crs, 4326, *scene.bounds, densify_pts=21)
            lons, lats = zip(*ring, strict=True)
            assert west <= min(lons) <= max(lons) <= east
            assert south <= min(lats) <= max(lats) <= north
            outline = transform_geom(4326, scene.crs, item["geometry"])["coordinates"][0]
            x, y = np.array(outline[:4]).T
            area = 0.5 * abs(x @ np.roll(y, 1) - y @ np.roll(x, 1))
            assert area / 9 == pytest.approx((scene.read_masks(1) > 0).sum(), rel=0.02)


def test_landsat_metadata_describes_its_raster(world):
    for product in (world / "landsat").iterdir():
        text = (product / f"{product.name}_MTL.txt").read_text()
        document = json.loads((product / f"{product.name}_MTL.json").read_text())["LANDSAT_METADATA_FILE"]
        for group in document.values():
            for key, value in group.items():
                assert f"    {key} = {value}\n" in text or f'    {key} = "{value}"\n' in text
        place, image = document["PROJECTION_ATTRIBUTES"], document["IMAGE_ATTRIBUTES"]
        item = json.loads((product / f"{product.name}_stac.json").read_text())
        assert item["properties"]["datetime"][:10] == image["DATE_ACQUIRED"]
        assert item["properties"]["datetime"][11:26] == image["SCENE_CENTER_TIME"][:15]
        for name in ("B2", "QA_PIXEL"):
            with rasterio.open(product / f"{product.name}_{name}.TIF") as band:
                assert band.dtypes[0] == "uint16"
                assert band.res == (30.0, 30.0)
                assert band.shape == (int(place["REFLECTIVE_LINES"]), int(place["REFLECTIVE_SAMPLES"]))
                assert band.crs.to_epsg() == 32600 + int(place["UTM_ZONE"])
                x, y = band.xy(0, 0)
                assert x == float(place["CORNER_UL_PROJECTION_X_PRODUCT"])
                assert y == float(place["CORNER_UL_PROJECTION_Y_PRODUCT"])
        with rasterio.open(product / f"{product.name}_B2.TIF") as blue:
            dn = blue.read(1)
        value = (dn[dn > 0] * 2e-5 - 0.1) / math.sin(math.radians(float(image["SUN_ELEVATION"])))
        assert 0.02 < value.min() < value.max() < 2.1


def test_a_world_is_not_made_twice(world):
    again = run_catfast("simulate", world, "--pairs", 1, "--size", 128)
    assert again.code == 4
    assert "--overwrite" in again.err
    assert len(images(world)) == PAIRS


def test_overwrite_makes_it_anew_and_says_so_in_plain_words(tmp_path):
    out = tmp_path / "w"
    for arguments in (("--seed", 1), ("--seed", 2, "--overwrite")):
        done = run_catfast("simulate", out, "--pairs", 1, "--size", 128, *arguments)
        assert done.code == 0, done.err
        assert done.out == ""
        assert "1 simulated pair in" in done.err
    assert len(images(out)) == 1
    assert json.loads((out / "world.json").read_text())["config"]["seed"] == 2


@pytest.mark.parametrize("name", ["pairs.parquet", "PSScene/own_mask.tif", "truth/more/notes.txt"])
def test_overwrite_takes_nothing_of_others_with_it(tmp_path, name):
    out = tmp_path / "w"
    world = ("simulate", out, "--pairs", 1, "--size", 128)
    assert run_catfast(*world).code == 0
    (out / "PSScene" / ".DS_Store").touch()
    images(out)[0].with_name(f"{images(out)[0].name}.aux.xml").touch()
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("mine")
    done = run_catfast(*world, "--overwrite")
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert f"{name} is not of it" in done.err
    assert (out / name).read_text() == "mine"
    assert len(images(out)) == 1
    (out / name).unlink()
    assert run_catfast(*world, "--overwrite").code == 0


@pytest.mark.parametrize("arguments", [("--pairs", 0), ("--size", 10), ("--seed", -1), ("--pairs", "many")])
def test_impossible_options_are_a_usage_error(tmp_path, arguments):
    done = run_catfast("simulate", tmp_path / "w", *arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert arguments[0] in done.err
    assert not (tmp_path / "w").exists()


def test_a_place_that_takes_no_folder_is_told_by_its_own_name(tmp_path):
    place = tmp_path / ("w" * 250)  # itself no name too long, but one with a temporary ending is
    done = run_catfast("simulate", place, "--pairs", 1, "--size", 128)
    assert (done.code, ".tmp" in done.err, len(done.err.splitlines())) == (4, False, 1)
    assert done.err.startswith(f"catfast: {place}: cannot be written: ")


def test_the_default_world_spans_grounds_zones_and_products():
    plans = plan_world(WorldConfig())
    assert len({p.ground for p in plans}) >= 6
    assert len({p.ps.epsg for p in plans}) >= 5
    assert {p.instrument for p in plans} == {"PS2", "PSB.SD"}
    assert {p.product for p in plans} == {"SR", "AnalyticMS", "AnalyticMS_8b"}
