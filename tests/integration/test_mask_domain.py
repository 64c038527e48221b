"""Warnings of scenes unlike the training of a model, whose folder says what that was."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from catfast import MaskConfig, mask_scene
from catfast.models import Domain, ModelConfig, bundled
from catfast.sun import sun_position
from tests.conftest import cloudy_dn, run_catfast, write_scene

ITEM = "20230601_101112_12_2401"
DOMAIN = Domain(
    min_sun_elevation=20.0,
    latitude=(-60.0, 75.0),
    sensors=("OLI", "PSB.SD"),
    saturated_above=1.3,
    saturated_percent=5.0,
)
XML = """<ps:EarthObservation xmlns:ps="http://p" xmlns:eop="http://e" xmlns:opt="http://o">
<eop:platform><eop:shortName>PlanetScope</eop:shortName></eop:platform>
<eop:instrument><eop:shortName>{instrument}</eop:shortName></eop:instrument>
<opt:illuminationElevationAngle uom="deg">{sun}</opt:illuminationElevationAngle>
</ps:EarthObservation>"""


def model_of(domain: Domain, known_model: Path, folder: Path) -> Path:
    shutil.copytree(known_model, folder)
    replace(ModelConfig.load(folder), domain=domain).save(folder)
    return folder


@pytest.fixture
def model(known_model, tmp_path) -> Path:
    return model_of(DOMAIN, known_model, tmp_path / "model")


@pytest.fixture
def told(model, scene, tmp_path):
    """Names of warnings, and their sentences, of the scene as it now lies there."""

    def run(path: Path = scene) -> dict[str, str]:
        result = mask_scene(path, tmp_path / "m.tif", MaskConfig(model=str(model), overwrite=True))
        return {notice.name: notice.message for notice in result.warnings}

    return run


def write_xml(scene: Path, sun: object = 45.0, instrument: str = "PSB.SD") -> None:
    scene.with_name(f"{ITEM}_3B_AnalyticMS_metadata.xml").write_text(
        XML.format(sun=sun, instrument=instrument)
    )


def write_item(scene: Path, name: str = f"{ITEM}_metadata.json", **properties: object) -> None:
    scene.with_name(name).write_text(json.dumps({"id": ITEM, "properties": properties}))


def test_a_scene_like_the_training_has_no_warning(told, scene):
    write_xml(scene)
    assert told() == {}


def test_a_model_that_says_nothing_warns_of_nothing(known_model, scene, tmp_path):
    write_xml(scene, sun=1.0, instrument="XYZ")
    done = run_catfast("mask", scene, "--model", known_model, "--json")
    assert done.objects[0]["warnings"] == []


@pytest.mark.parametrize(("sun", "warned"), [(19.9, True), (20.0, False), (-3.0, True)])
def test_the_sun_of_the_xml(told, scene, sun, warned):
    write_xml(scene, sun=sun)
    write_item(scene, sun_elevation=40 if warned else 5)
    assert ("low_sun" in told()) == warned


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        (f"{ITEM}_metadata.json", {"sun_elevation": 12.5, "instrument": "PS2"}),
        (f"{ITEM}.json", {"view:sun_elevation": 12.5, "instruments": ["PS2"]}),
    ],
)
def test_the_sun_and_the_sensor_of_the_item(told, scene, name, properties):
    write_item(scene, name, **properties)
    found = told()
    assert set(found) == {"low_sun", "sensor"}
    assert "12.5 degrees" in found["low_sun"]
    assert "at least 20" in found["low_sun"]
    assert "PS2" in found["sensor"]
    assert "OLI, PSB.SD" in found["sensor"]


@pytest.mark.parametrize("hour", [0, 6, 12, 20])
def test_without_metadata_the_sun_follows_from_time_and_place(told, tmp_path, hour):
    path = write_scene(tmp_path / f"20230301_{hour:02d}0000_12_2401_3B_AnalyticMS_SR.tif", cloudy_dn())
    with rasterio.open(path) as dataset:
        x, y = dataset.transform @ (128, 128)
        lon, lat = Transformer.from_crs(dataset.crs, "EPSG:4326", always_xy=True).transform(x, y)
    taken = datetime.fromisoformat(f"2023-03-01T{hour:02d}:00:00.120Z")
    sun = sun_position(taken, lon, lat)[1]
    assert abs(sun - 20) > 1, "no case on the edge"
    assert ("low_sun" in told(path)) == (sun < 20)


def test_without_time_or_place_the_sun_is_not_known(told, tmp_path):
    assert told(write_scene(tmp_path / "a.tif", cloudy_dn())).keys() <= {"assumed_scale"}
    unplaced = tmp_path / "20230101_000000_12_2401_3B_AnalyticMS_SR.tif"
    write_scene(unplaced, cloudy_dn(), crs=None, transform=None)
    assert "low_sun" not in told(unplaced)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"properties": 7}', '{"properties": {"sun_elevation": "x"}}']
)
def test_broken_metadata_says_nothing(told, scene, text):
    scene.with_name(f"{ITEM}_metadata.json").write_text(text)
    scene.with_name(f"{ITEM}_3B_AnalyticMS_metadata.xml").write_text("<a")
    assert "sensor" not in told()


def test_a_latitude_beyond_the_training(told, tmp_path):
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True).transform(-45, 80)
    path = write_scene(
        tmp_path / f"{ITEM}_3B_AnalyticMS_SR.tif",
        cloudy_dn(),
        crs="EPSG:3413",
        transform=rasterio.Affine(3, 0, x, 0, -3, y),
    )
    write_xml(path)
    assert set(told(path)) == {"latitude"}
    assert "80.0 degrees" in told(path)["latitude"]


@pytest.mark.parametrize(("counts", "percent"), [(65535, 25.0), (14000, 25.0), (12000, 0.0)])
def test_saturated_pixels_are_counted_of_those_seen(told, tmp_path, counts, percent):
    """At the network's 10 m: a quarter of what was seen is bright in all bands, and as much in one only."""
    dn = np.full((4, 320, 640), 1000, np.uint16)
    dn[:, :, :160] = 0
    dn[:, :, 160:280] = counts
    dn[0, :, 300:420] = 65535
    path = write_scene(
        tmp_path / f"{ITEM}_3B_AnalyticMS_SR.tif", dn, transform=rasterio.Affine(10, 0, 5e5, 0, -10, 7e6)
    )
    write_xml(path)
    found = told(path)
    assert ("saturated" in found) == (percent > 5)
    assert not found or f"{percent:.1f} % of its pixels" in found["saturated"]
    with rasterio.open(tmp_path / "m.tif") as mask:
        assert float(mask.tags()["CATFAST_SATURATED_PERCENT"]) == percent


def test_a_skipped_scene_is_warned_of_again_in_json_series_and_item(model, scene, tmp_path):
    dn = np.full((4, 256, 256), 20000, np.uint16)
    write_scene(scene, dn)
    write_xml(scene, sun=3.0, instrument="PS2")
    folder = scene.parent / "order"
    folder.mkdir()
    for path in list(scene.parent.glob(f"{ITEM}*")):
        path.rename(folder / path.name)
    write_scene(folder / "other.tif", cloudy_dn())
    names = ["low_sun", "sensor", "saturated"]
    runs = [
        run_catfast("mask", folder, "--out-dir", tmp_path / "out", "--model", model, "--json", "--stac")
        for _ in range(2)
    ]
    for status, run in zip(("done", "skipped"), runs, strict=True):
        first = next(entry for entry in run.objects if ITEM in entry["input"])
        assert first["status"] == status
        assert [warning["name"] for warning in first["warnings"]] == names
        rows = list(csv.DictReader((tmp_path / "out" / "catfast_series.csv").open()))
        assert rows[-1]["warnings"].split() == names or rows[0]["warnings"].split() == names
    item = json.loads((tmp_path / "out" / f"{ITEM}_3B_AnalyticMS_SR_mask.json").read_text())
    assert item["properties"]["catfast:warnings"] == names


def test_a_warning_that_scenes_share_is_said_once_and_counted(model, tmp_path):
    for number in range(3):
        path = write_scene(tmp_path / f"2023060{number + 1}_101112_12_2401_3B_AnalyticMS_SR.tif", cloudy_dn())
        path.with_name(f"{path.name[:23]}_metadata.json").write_text(
            json.dumps({"properties": {"instrument": "PS2"}})
        )
    run = run_catfast(
        "mask", f"{tmp_path}/2023*_SR.tif", "--out-dir", tmp_path / "o", "--model", model, "--json"
    )
    assert run.code == 0, run.err
    assert all("sensor" in [w["name"] for w in entry["warnings"]] for entry in run.objects)
    lines = [line for line in run.err.splitlines() if "(sensor)" in line]
    assert len(lines) == 2
    assert lines[1].startswith("catfast: warning: 2 more: the model saw no image of PS2")


def test_the_card_of_the_bundled_model_says_what_its_configuration_says():
    domain = ModelConfig.load(bundled()).domain
    card = (bundled() / "README.md").read_text()
    assert domain.min_sun_elevation is not None
    assert all(f"- {line}\n" in card for line in domain.lines())


@pytest.mark.parametrize(
    "content",
    [
        7,
        {"min_sun_elevation": "low"},
        {"latitude": [60]},
        {"latitude": [70, 60]},
        {"sensors": [3]},
        {"saturated_above": 1.2},
        {"colour": "blue"},
        {"min_sun_elevation": float("nan")},
    ],
)
def test_a_domain_that_makes_no_sense_is_refused(known_model, tmp_path, content, scene):
    folder = tmp_path / "model"
    shutil.copytree(known_model, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "domain": content}))
    run = run_catfast("mask", scene, "--model", folder)
    assert (run.code, len(run.err.strip().splitlines()), "config.json" in run.err) == (3, 1, True), run.err


def test_the_domain_survives_saving(tmp_path):
    ModelConfig(name="m", domain=DOMAIN).save(tmp_path)
    assert ModelConfig.load(tmp_path).domain == DOMAIN
    ModelConfig(name="m").save(tmp_path)
    assert "domain" not in json.loads((tmp_path / "config.json").read_text())
