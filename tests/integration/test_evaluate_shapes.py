"""Points and polygons over scenes as a test set, beside rasterio's own burning."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.warp
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize
from rasterio.transform import Affine

from tests.conftest import NORTH_UP, UTM_4N
from tests.evaluate_files import blobs, image_of, run_inside, write_tif

pytest.importorskip("jinja2", reason='needs the extra "report"')
shapely = pytest.importorskip("shapely", reason='needs the extra "report"')

from catfast.evaluate.shapes import burn  # noqa: E402

SHAPE = (96, 128)
PLACE = NORTH_UP @ Affine.scale(10 / 3)
CODES = {"clear": 0, "cloud": 1, "shadow": 2}


def random_polygons(seed: int, count: int = 8) -> list:
    """Triangles in pixel coordinates, some of them partly outside."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, (SHAPE[1], SHAPE[0]), (count, 2))
    corners = centres[:, None] + rng.uniform(-25, 25, (count, 3, 2))
    return [shapely.Polygon(triangle) for triangle in corners]


def to_map(shape):
    def place(xy):
        return np.column_stack(PLACE @ (xy[:, 0], xy[:, 1]))

    return shapely.transform(shape, place)


def burnt(shapes, codes) -> np.ndarray:
    """What rasterio makes of shapes in pixel coordinates."""
    return rasterize(
        list(zip(shapes, codes, strict=True)),
        out_shape=SHAPE,
        fill=255,
        transform=Affine.identity(),
        dtype="uint8",
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 96))
def test_rows_of_polygons_are_what_rasterio_burns(seed, step):
    polygons = random_polygons(seed)
    codes = np.random.default_rng(seed).integers(0, 3, len(polygons)).astype(np.uint8)
    found = np.concatenate(
        [burn(polygons, codes, top, min(top + step, SHAPE[0]), SHAPE[1]) for top in range(0, SHAPE[0], step)]
    )
    assert (found != burnt(polygons, codes)).sum() <= 2  # a centre on an edge may go either way


def test_points_take_the_pixel_they_lie_in():
    points = [shapely.Point(3.9, 2.1), shapely.MultiPoint([(0, 0), (127.99, 95.99)]), shapely.Point(200, 5)]
    found = burn(points, np.array([1, 2, 1], np.uint8), 0, *SHAPE)
    assert (found[2, 3], found[0, 0], found[95, 127]) == (1, 2, 2)
    assert (found != 255).sum() == 3


@pytest.fixture
def catfast(capsys):
    return functools.partial(run_inside, capsys)


@pytest.fixture
def scenes(tmp_path) -> tuple[Path, np.ndarray]:
    answer = blobs(SHAPE, 4)
    write_tif(tmp_path / "scenes" / "a.tif", image_of(answer), crs=UTM_4N, transform=PLACE)
    elsewhere = Affine.translation(1e5, 0) @ PLACE
    write_tif(tmp_path / "scenes" / "far.tif", image_of(answer), crs=UTM_4N, transform=elsewhere)
    return tmp_path / "scenes", answer


def features(shapes, classes, **more) -> dict:
    found = [
        {
            "type": "Feature",
            "properties": {"kind": name, **more},
            "geometry": json.loads(shapely.to_geojson(shape)),
        }
        for shape, name in zip(shapes, classes, strict=True)
    ]
    crs = {"type": "name", "properties": {"name": UTM_4N}}
    return {"type": "FeatureCollection", "crs": crs, "features": found}


def iou_of(truth, answer):
    known = truth != 255
    cloud, called = (truth == 1)[known], answer[known]
    return (cloud & called).sum() / (cloud | called).sum()


@pytest.mark.parametrize("ending", ["geojson", "gpkg"])
def test_scores_are_those_of_the_burnt_shapes(catfast, known_model, scenes, tmp_path, ending):
    folder, answer = scenes
    polygons = random_polygons(6)
    classes = ["cloud", "clear"] * 4
    path = tmp_path / f"labels.{ending}"
    if ending == "geojson":
        path.write_text(json.dumps(features([to_map(p) for p in polygons], classes)))
    else:
        geopandas = pytest.importorskip("geopandas")
        table = {"kind": classes, "geometry": [to_map(p) for p in polygons]}
        geopandas.GeoDataFrame(table, crs=UTM_4N).to_crs("EPSG:4326").to_file(path)
    run = catfast(
        "evaluate", known_model, path, "--scenes", folder, "--class-column", "kind", "-o", tmp_path / "r"
    )
    assert run.code == 0, run.err
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    (found,) = report["contenders"]
    truth = burnt(polygons, [CODES[name] for name in classes])
    assert report["test_set"]["samples"] == 1
    assert found["pixels"] == pytest.approx((truth != 255).sum(), abs=3)
    assert found["cloud"]["iou"]["value"] == pytest.approx(iou_of(truth, answer), abs=0.002)
    with rasterio.open(folder / "a.tif") as dataset:
        latitude = rasterio.warp.transform(UTM_4N, "EPSG:4326", *[[v] for v in dataset.xy(48, 64)])[1][0]
    assert list(found["splits"]["latitude"]) == ["70 to 75 degrees"]
    assert 70 < latitude < 75


@pytest.mark.parametrize("tags", [{}, {"CATFAST_SIMULATED": "1"}])
def test_labels_on_simulated_scenes_are_said_to_be_so(catfast, known_model, scenes, tmp_path, tags):
    folder, _ = scenes
    with rasterio.open(folder / "a.tif", "r+") as dataset:
        dataset.update_tags(**tags)
    path = tmp_path / "labels.geojson"
    shapes = [to_map(shapely.box(0, 0, 30, 30)), to_map(shapely.box(40, 40, 90, 90))]
    path.write_text(json.dumps(features(shapes, ["cloud", "clear"])))
    run = catfast(
        "evaluate", known_model, path, "--scenes", folder, "--class-column", "kind", "-o", tmp_path / "r"
    )
    assert run.code == 0, run.err
    assert json.loads((tmp_path / "r" / "report.json").read_text())["test_set"]["simulated"] == bool(tags)
    assert ("**Simulated**" in (tmp_path / "r" / "report.md").read_text()) == bool(tags)


def test_a_column_scene_puts_shapes_on_that_scene_alone(catfast, known_model, scenes, tmp_path):
    folder, _ = scenes
    path = tmp_path / "labels.geojson"
    path.write_text(json.dumps(features([to_map(shapely.box(0, 0, 9, 9))], ["cloud"], scene="far")))
    run = catfast(
        "evaluate", known_model, path, "--scenes", folder, "--class-column", "kind", "-o", tmp_path / "r"
    )
    assert run.code == 3
    assert "none of its 1 shapes lies on any of the 2 scenes" in run.err


@pytest.mark.parametrize(
    ("classes", "column", "words"),
    [
        (["fog"], "kind", "expected classes clear, cloud"),
        (["cloud"], "class", "expected features with a property class"),
    ],
)
def test_classes_that_cannot_be_read(catfast, known_model, scenes, tmp_path, classes, column, words):
    path = tmp_path / "labels.geojson"
    path.write_text(json.dumps(features([to_map(shapely.box(0, 0, 9, 9))], classes)))
    run = catfast(
        "evaluate", known_model, path, "--scenes", scenes[0], "--class-column", column, "-o", tmp_path / "r"
    )
    assert (run.code, len(run.err.strip().splitlines())) == (3, 1)
    assert words in run.err


def test_shapes_need_scenes(catfast, known_model, tmp_path):
    (tmp_path / "x.geojson").write_text("{}")
    run = catfast("evaluate", known_model, tmp_path / "x.geojson", "-o", tmp_path / "r")
    assert (run.code, "--scenes DIR" in run.err) == (2, True)


def test_what_is_no_geojson(catfast, known_model, scenes, tmp_path):
    (tmp_path / "x.geojson").write_text("{}")
    arguments = ("evaluate", known_model, tmp_path / "x.geojson", "--scenes", scenes[0], "-o", tmp_path / "r")
    run = catfast(*arguments)
    assert (run.code, "cannot be read as GeoJSON" in run.err) == (3, True)


LEFT, RIGHT = shapely.box(2, 2, 40, 40), shapely.box(60, 2, 100, 40)


def pixels_of(catfast, model, folder, path) -> tuple[int, str]:
    """How many pixels have a truth, and what was said."""
    report = path.parent / "r"
    run = catfast(
        "evaluate", model, path, "--scenes", folder, "--class-column", "kind", "-o", report, "--overwrite"
    )
    assert run.code == 0, run.err
    return json.loads((report / "report.json").read_text())["contenders"][0]["pixels"], run.err


def write_features(path: Path, shapes, classes, **changes) -> Path:
    path.write_text(json.dumps(features([to_map(shape) for shape in shapes], classes) | changes))
    return path


def test_words_of_classes_may_be_capital(catfast, known_model, scenes, tmp_path):
    path = write_features(tmp_path / "x.geojson", [LEFT, RIGHT], ["Cloud", " CLEAR "])
    pixels, _ = pixels_of(catfast, known_model, scenes[0], path)
    assert pixels == (burnt([LEFT, RIGHT], [1, 0]) != 255).sum()


def test_features_without_a_place_do_not_count_and_are_told_of(catfast, known_model, scenes, tmp_path):
    document = features([to_map(LEFT), to_map(RIGHT), to_map(LEFT)], ["cloud", "clear", "clear"])
    document["features"][1]["geometry"] = None
    document["features"][2]["geometry"]["coordinates"] = [[[0, 0], [1, 0], [1, 1], [0, 0]]]
    (tmp_path / "x.geojson").write_text(json.dumps(document))
    pixels, told = pixels_of(catfast, known_model, scenes[0], tmp_path / "x.geojson")
    assert pixels == (burnt([LEFT], [1]) != 255).sum()
    assert "2 of 3 shapes lie on no scene" in told


def test_a_shape_that_names_no_scene_counts_on_all(catfast, known_model, scenes, tmp_path):
    document = features([to_map(LEFT), to_map(RIGHT)], ["cloud", "clear"], scene="a")
    document["features"][1]["properties"]["scene"] = None
    (tmp_path / "x.geojson").write_text(json.dumps(document))
    pixels, _ = pixels_of(catfast, known_model, scenes[0], tmp_path / "x.geojson")
    assert pixels == (burnt([LEFT, RIGHT], [1, 0]) != 255).sum()


@pytest.mark.parametrize("far", [shapely.box(110, -1, 112, 1), shapely.box(111, -1, 140, 0)])
def test_parts_where_the_projection_of_a_scene_ends(catfast, known_model, scenes, tmp_path, far):
    """UTM has no place for a quarter of the earth away: such parts are on no scene, with no word of it."""
    x, y = rasterio.warp.transform(UTM_4N, "OGC:CRS84", *to_map(LEFT).exterior.xy)
    near = shapely.Polygon(list(zip(x, y, strict=True)))
    both = features([shapely.MultiPolygon([near, far]), shapely.MultiPoint([(111, 0)])], ["cloud", "clear"])
    (tmp_path / "x.geojson").write_text(json.dumps(both | {"crs": None}))
    pixels, told = pixels_of(catfast, known_model, scenes[0], tmp_path / "x.geojson")
    assert pixels == pytest.approx((burnt([LEFT], [1]) != 255).sum(), abs=2)
    assert "RuntimeWarning" not in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"crs": {"type": "name", "properties": {"name": "EPSG:999999"}}}, "its CRS cannot be read"),
        ({"geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}}, "expected points and poly"),
        ({"properties": {"kind": None}}, "found a shape without one"),
        ({"properties": {}}, "found none in feature 2"),
    ],
)
def test_features_that_cannot_be_read(catfast, known_model, scenes, tmp_path, changes, words):
    document = features([to_map(LEFT), to_map(RIGHT)], ["cloud", "clear"])
    (document if "crs" in changes else document["features"][1]).update(changes)
    (tmp_path / "x.geojson").write_text(json.dumps(document))
    arguments = ("--scenes", scenes[0], "--class-column", "kind", "-o", tmp_path / "r")
    run = catfast("evaluate", known_model, tmp_path / "x.geojson", *arguments)
    assert (run.code, len(run.err.strip().splitlines())) == (3, 1)
    assert words in run.err


@pytest.mark.filterwarnings("error")
def test_the_layer_with_the_column_is_read(catfast, known_model, scenes, tmp_path):
    geopandas = pytest.importorskip("geopandas")
    path = tmp_path / "x.gpkg"
    table = geopandas.GeoDataFrame({"kind": ["cloud"], "geometry": [to_map(LEFT)]}, crs=UTM_4N)
    table.rename(columns={"kind": "remark"}).to_file(path, layer="notes")
    table.to_file(path, layer="labels")
    pixels, _ = pixels_of(catfast, known_model, scenes[0], path)
    assert pixels == (burnt([LEFT], [1]) != 255).sum()
    table.to_file(path, layer="second")
    arguments = ("--scenes", scenes[0], "--class-column", "kind", "-o", tmp_path / "r2")
    run = catfast("evaluate", known_model, path, *arguments)
    assert (run.code, "expected one layer with a column kind" in run.err) == (3, True)
    assert run.err.strip().endswith("found labels, second")
