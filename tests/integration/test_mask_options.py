"""What a user may ask of a mask besides the mask: margins, areas, formats and files beside it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pyproj
import pystac
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.eo import EOExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import RasterExtension
from rasterio.transform import Affine
from rio_cogeo.cogeo import cog_validate
from shapely.geometry import shape

from tests.conftest import UTM_4N, cloudy_dn, write_scene
from tests.golden.test_mask_refine import grown, without_small

NAME = "20230601_101112_12_2401_3B_AnalyticMS_SR"


@pytest.fixture
def mask(catfast, known_model):
    def run(*arguments):
        done = catfast("mask", "--model", known_model, "--json", *arguments)
        assert done.code == 0, done.err
        return done.objects[0]

    return run


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read()


def square(west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def lonlat(x, y):
    return Transformer.from_crs(UTM_4N, "EPSG:4326", always_xy=True).transform(x, y)


@pytest.mark.parametrize(("metres", "least"), [(30, 0), (0, 400), (12, 400)])
def test_margin_and_least_area_on_the_finished_mask(mask, tmp_path, metres, least):
    rng = np.random.default_rng(4)
    dn = cloudy_dn(150, 170)
    for row, column in rng.integers(5, 145, (12, 2)):
        dn[:, row : row + 4, column : column + 4] = 7000
    scene = write_scene(tmp_path / "a.tif", dn)
    mask(scene, "-o", tmp_path / "plain.tif", "--gsd", "3")
    mask(scene, "-o", tmp_path / "m.tif", "--gsd", "3", "--buffer", metres, "--min-area", least)
    plain, out = read(tmp_path / "plain.tif")[0], read(tmp_path / "m.tif")[0]
    expected = grown(without_small(plain, -(-least // 9)), metres, (3, 3))
    assert np.array_equal(out, expected)
    assert not np.array_equal(out, plain)


def test_presets_are_thresholds(mask, scene, tmp_path):
    shares = [
        mask(scene, "-o", tmp_path / f"{p}.tif", "--edges", "plain", "--preset", p)["classes"]["cloud"]
        for p in ("conservative", "balanced", "liberal")
    ]
    given = mask(scene, "-o", tmp_path / "t.tif", "--edges", "plain", "--threshold", "0.3")
    assert shares[0] == given["classes"]["cloud"]
    assert shares[0] > shares[1] > shares[2]


def test_a_threshold_and_a_preset_exclude_each_other(catfast, scene):
    run = catfast("mask", scene, "--threshold", "0.4", "--preset", "liberal")
    assert (run.code, run.err.strip()) == (2, "catfast: --threshold and --preset exclude each other")


def test_percentages_count_the_area_of_interest(mask, scene, tmp_path):
    """The area is a square of pixels, drawn in degrees with its corners between pixel middles."""
    with rasterio.open(scene) as dataset:
        transform = dataset.transform
    rows, columns = (40, 160), (10, 130)
    corners = [
        transform @ (c, r)
        for c, r in (
            (columns[0], rows[1]),
            (columns[1], rows[1]),
            (columns[1], rows[0]),
            (columns[0], rows[0]),
            (columns[0], rows[1]),
        )
    ]
    ring = [list(lonlat(*corner)) for corner in corners]
    aoi = tmp_path / "aoi.geojson"
    shape = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    aoi.write_text(json.dumps({"type": "FeatureCollection", "features": [shape]}))
    told = mask(scene, "-o", tmp_path / "m.tif", "--aoi", aoi)
    inside = read(tmp_path / "m.tif")[0][slice(*rows), slice(*columns)]
    assert told["classes"]["cloud"] == pytest.approx(
        100 * (inside == 1).sum() / (inside != 255).sum(), abs=1e-3
    )
    assert told["valid_percent"] == pytest.approx(100 * (inside != 255).mean(), abs=1e-3)
    assert 0 < told["classes"]["cloud"] < 100
    assert mask(scene, "-o", tmp_path / "m.tif", "--aoi", aoi)["status"] == "skipped"


@pytest.mark.parametrize("crs", ["EPSG:32604", "urn:ogc:def:crs:EPSG::3413", "urn:ogc:def:crs:OGC:1.3:CRS84"])
def test_an_area_with_a_hole_in_the_crs_that_the_file_names(mask, scene, tmp_path, crs):
    """As QGIS exports it; the corners lie between pixel middles."""
    with rasterio.open(scene) as dataset:
        transform = dataset.transform

    def ring(first, last):
        places = [(first, first), (first, last), (last, last), (last, first), (first, first)]
        turn = Transformer.from_crs(UTM_4N, crs, always_xy=True)
        return [list(turn.transform(*(transform @ place))) for place in places]

    aoi = tmp_path / "aoi.geojson"
    shape = {"type": "Polygon", "coordinates": [ring(10, 200), ring(60, 120)]}
    named = {"type": "name", "properties": {"name": crs}}
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    aoi.write_text(json.dumps({"type": "FeatureCollection", "crs": named, "features": [feature]}))
    told = mask(scene, "-o", tmp_path / "m.tif", "--aoi", aoi)
    codes, inside = read(tmp_path / "m.tif")[0], np.zeros((256, 256), bool)
    inside[10:200, 10:200], inside[60:120, 60:120] = True, False
    seen = codes[inside]
    assert told["valid_percent"] == pytest.approx(100 * (seen != 255).mean(), abs=1e-3)
    assert told["classes"]["cloud"] == pytest.approx(100 * (seen == 1).sum() / (seen != 255).sum(), abs=1e-3)


def test_an_area_is_not_replaced_by_what_lies_beside_a_mask(catfast, known_model, scene, tmp_path):
    area = tmp_path / "area.json"
    area.write_text(json.dumps(square(-180, -90, 180, 90)))
    before = area.read_bytes()
    asked = ("--aoi", area, "--stac", "--overwrite")
    run = catfast("mask", scene, "--model", known_model, "-o", tmp_path / "area.tif", *asked)
    assert (run.code, len(run.err.splitlines())) == (4, 1)
    assert "is the area itself" in run.err
    assert (area.read_bytes(), (tmp_path / "area.tif").exists()) == (before, False)


@pytest.mark.parametrize("tags", [{}, {"CATFAST_SIMULATED": "1"}])
def test_all_that_is_made_of_a_simulated_scene_says_so(mask, catfast, scene, tmp_path, tags):
    with rasterio.open(scene, "r+") as dataset:
        dataset.update_tags(**tags)
    output, picture, differing = (tmp_path / name for name in ("s_mask.tif", "s.png", "map.tif"))
    mask(scene, "-o", output, "--confidence", "--quicklook", picture)
    assert catfast("compare", output, output, "-o", differing).code == 0
    for path in (output, tmp_path / "s_confidence.tif", differing):
        with rasterio.open(path) as dataset:
            assert dataset.tags().get("CATFAST_SIMULATED") == tags.get("CATFAST_SIMULATED"), path
    with Image.open(picture) as opened:
        assert opened.info.get("CATFAST_SIMULATED") == tags.get("CATFAST_SIMULATED")


def test_a_scene_outside_the_area_has_no_percentages(mask, scene, tmp_path):
    aoi = tmp_path / "aoi.geojson"
    aoi.write_text(json.dumps(square(10, 10, 11, 11)))
    told = mask(scene, "-o", tmp_path / "m.tif", "--aoi", aoi)
    assert (told["classes"], told["warnings"][0]["name"]) == ({}, "outside_aoi")
    again = mask(scene, "-o", tmp_path / "m.tif", "--aoi", aoi)
    assert (again["status"], again["warnings"]) == ("skipped", told["warnings"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "expected GeoJSON, found no JSON"),
        ("{}", "expected polygons, found an object without a type"),
        ("[]", "expected GeoJSON with a polygon, found none"),
        ('{"type": "Point", "coordinates": [1, 2]}', "expected polygons, found Point"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]}', "found a ring of 2 corners"),
        (
            '{"type": "Polygon", "coordinates": [[[5e5, 7e6], [6e5, 7e6], [6e5, 8e6], [5e5, 7e6]]]}',
            "a ring of 4",
        ),
        (
            '{"type": "Polygon", "crs": {"type": "name", "properties": {"name": "EPSG:0"}}, '
            '"coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}',
            "expected a CRS that PROJ knows",
        ),
        (
            '{"type": "Polygon", "crs": {"properties": {"name": "EPSG:32604"}}, '
            '"coordinates": [[[0, 0], [1e300, 0], [1, 1], [0, 0]]]}',
            "a ring of 4",
        ),
        ('{"type": "Polygon", "coordinates": [["a", "b", "c", "d"]]}', "expected rings of longitude"),
        ('{"type": "MultiPolygon", "coordinates": 5}', "expected rings of longitude"),
        ('{"type": "Polygon", "coordinates": []}', "expected GeoJSON with a polygon, found none"),
        ('{"type": "MultiPolygon", "coordinates": [[]]}', "expected GeoJSON with a polygon, found none"),
        ('{"type": "Feature", "properties": {}}', "expected GeoJSON with a polygon, found none"),
        ('{"type": ["Polygon"], "coordinates": []}', "expected polygons, found ['Polygon']"),
    ],
)
def test_what_is_no_area_is_refused(catfast, scene, tmp_path, text, message):
    aoi = tmp_path / "aoi.geojson"
    aoi.write_text(text)
    run = catfast("mask", scene, "-o", tmp_path / "m.tif", "--aoi", aoi)
    assert (run.code, len(run.err.splitlines())) == (3, 1)
    assert str(aoi) in run.err
    assert message in run.err
    assert not list(tmp_path.glob("*m.tif*"))


def test_udm2_has_planets_bands(mask, scene, tmp_path):
    mask(scene, "-o", tmp_path / "plain.tif", "--confidence")
    mask(scene, "-o", tmp_path / "u.tif", "--format", "udm2", "--buffer", "30")
    mask(scene, "-o", tmp_path / "b.tif", "--buffer", "30")
    bands, codes = read(tmp_path / "u.tif"), read(tmp_path / "b.tif")[0]
    assert cog_validate(tmp_path / "u.tif", strict=True, quiet=True)[0]
    with rasterio.open(tmp_path / "u.tif") as dataset:
        assert dataset.descriptions[:3] == ("clear", "snow", "shadow")
        assert dataset.descriptions[5:] == ("cloud", "confidence", "udm1")
        assert dataset.nodata is None
    assert np.array_equal(bands[5], codes == 1)
    assert np.array_equal(bands[0], codes == 0)
    assert np.array_equal(bands[7] & 1, codes == 255)
    assert not bands[3:5].any()
    told = read(tmp_path / "plain_confidence.tif")
    assert np.array_equal(bands[6], np.select([codes == 0, codes == 1, codes == 2], told, 0))


@pytest.mark.parametrize("asked", [("--threshold", "0.02"), ("--classes", "binary"), ("--min-area", "9e4")])
def test_udm2_is_as_confident_as_the_class_that_it_tells(mask, scene, tmp_path, asked):
    """With a threshold, a margin or a least area that is not always the likeliest class."""
    mask(scene, "-o", tmp_path / "u.tif", "--format", "udm2", "--confidence", *asked)
    bands, told = read(tmp_path / "u.tif"), read(tmp_path / "u_confidence.tif").astype(int)
    clear = told[0] + told[2] if "binary" in asked else told[0]
    wanted = np.select([bands[0] == 1, bands[5] == 1, bands[2] == 1], [clear, told[1], told[2]], 0)
    assert np.array_equal(bands[6], np.minimum(wanted, 100))


def test_a_qgis_style_names_every_code(mask, scene, tmp_path):
    mask(scene, "-o", tmp_path / "m.tif", "--qml")
    entries = ET.parse(tmp_path / "m.qml").getroot().iter("paletteEntry")  # noqa: S314 - our own file
    with rasterio.open(tmp_path / "m.tif") as dataset:
        colours = dataset.colormap(1)
    found = {int(entry.get("value")): entry for entry in entries}
    assert set(found) == {0, 1, 2, 3, 4, 255}
    for code, entry in found.items():
        rgb = tuple(int(entry.get("color")[at : at + 2], 16) for at in (1, 3, 5))
        assert (*rgb, int(entry.get("alpha"))) == colours[code]


def test_a_stac_item_tells_what_was_made(mask, tmp_path):
    scene = write_scene(tmp_path / f"{NAME}.tif", cloudy_dn())
    told = mask(scene, "--stac", "--out-dir", tmp_path / "out")
    item = pystac.Item.from_file(tmp_path / "out" / f"{NAME}_mask.json")
    asset = item.assets["mask"]
    assert EOExtension.ext(item).cloud_cover == told["classes"]["cloud"]
    assert ProjectionExtension.ext(item).code == UTM_4N
    assert [band.nodata for band in RasterExtension.ext(asset).bands] == [255]
    classes = ClassificationExtension.ext(asset).classes
    assert {found.value: found.name for found in classes}[2] == "cloud-shadow"
    assert all(found.color_hint and found.description for found in classes)
    item.stac_extensions = []  # their schemas are not shipped with pystac; the core one is
    assert item.validate()
    assert item.datetime.isoformat() == "2023-06-01T10:11:12.120000+00:00"
    assert item.properties["eo:cloud_cover"] == told["classes"]["cloud"]
    assert item.properties["proj:code"] == UTM_4N
    with rasterio.open(tmp_path / "out" / item.assets["mask"].href) as dataset:
        assert item.properties["proj:shape"] == [dataset.height, dataset.width]
        assert Affine(*item.properties["proj:transform"][:6]) == dataset.transform
        west, south = lonlat(*(dataset.bounds[:2]))
    assert item.bbox[:2] == pytest.approx([west, south], abs=1e-4)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        (UTM_4N, Affine(3, 0, 5e5, 0, -3, 79e5)),
        (UTM_4N, Affine(3, 0, 5e5, 0, 3, 79e5)),
        (UTM_4N, Affine.translation(5e5, 79e5) @ Affine.rotation(200) @ Affine.scale(3, -3)),
        ("EPSG:32601", Affine(3, 0, 165_000, 0, -3, 72e5)),
    ],
    ids=["north-up", "south-up", "turned", "zone edge"],
)
def test_rings_of_a_stac_item_go_the_way_that_geojson_says(mask, tmp_path, crs, transform):
    """RFC 7946, 3.1.6: outer rings are counterclockwise."""
    mask(write_scene(tmp_path / f"{NAME}.tif", cloudy_dn(), crs=crs, transform=transform), "--stac")
    geometry = shape(json.loads((tmp_path / f"{NAME}_mask.json").read_text())["geometry"])
    assert geometry.is_valid
    assert all(part.exterior.is_ccw for part in getattr(geometry, "geoms", [geometry]))


def test_a_stac_item_of_a_crs_without_a_code_tells_it(mask, tmp_path):
    """Projection extension 2.0.0: then proj:code is null, and proj:wkt2 has the CRS."""
    own = pyproj.CRS.from_user_input("+proj=stere +lat_0=90 +lat_ts=71 +lon_0=-40 +datum=WGS84")
    mask(write_scene(tmp_path / f"{NAME}.tif", cloudy_dn(), crs=own.to_wkt()), "--stac")
    told = json.loads((tmp_path / f"{NAME}_mask.json").read_text())["properties"]
    assert told["proj:code"] is None
    assert pyproj.CRS.from_wkt(told["proj:wkt2"]).to_dict() == own.to_dict()


def test_a_stac_item_lists_the_extensions_that_it_uses(mask, tmp_path):
    for name, dn in (("20230601_101112_12_2401", cloudy_dn()), ("20230602_101112_12_2401", 0 * cloudy_dn())):
        mask(write_scene(tmp_path / f"{name}_3B_AnalyticMS_SR.tif", dn), "--stac", "--format", "udm2")
        text = (tmp_path / f"{name}_3B_AnalyticMS_SR_mask.json").read_text()
        item = json.loads(text)
        used = {
            key.split(":")[0]
            for part in (item["properties"], *item["assets"].values())
            for key in part
            if ":" in key
        } - {"catfast"}
        listed = {url.split("/")[3] for url in item["stac_extensions"]}
        assert listed == {"projection" if name == "proj" else name for name in used}


def test_a_stac_item_over_the_antimeridian_is_cut(mask, tmp_path):
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32601", always_xy=True).transform(180, 70)
    scene = write_scene(
        tmp_path / f"{NAME}.tif", cloudy_dn(), crs="EPSG:32601", transform=Affine(3, 0, x - 300, 0, -3, y)
    )
    mask(scene, "--stac")
    item = json.loads((tmp_path / f"{NAME}_mask.json").read_text())
    assert item["geometry"]["type"] == "MultiPolygon"
    assert item["bbox"][0] > 179.9
    assert item["bbox"][2] < -179.9


def test_without_a_time_there_is_no_item_but_a_warning(mask, tmp_path):
    scene = write_scene(tmp_path / "a.tif", cloudy_dn())
    told = mask(scene, "--stac")
    assert "no_stac_item" in [warning["name"] for warning in told["warnings"]]
    assert not (tmp_path / "a_mask.json").exists()
    again = mask(scene, "--stac")
    assert (again["status"], [told["name"] for told in again["warnings"]][-1]) == ("skipped", "no_stac_item")
