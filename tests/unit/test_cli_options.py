"""Options that would do nothing are refused, and help has subcommands in the order of their use."""

from __future__ import annotations

from pathlib import Path

import pytest

from catfast.cli import catalog, store
from catfast.errors import UsageError
from catfast.evaluate.config import EvaluateConfig
from catfast.evaluate.run import open_test_set
from catfast.pairs import PairsConfig
from catfast.patches import PatchesConfig
from tests.conftest import run_catfast

URL = "spark://host:7077"


@pytest.mark.parametrize(
    ("group", "names"),
    [(catalog.command, ["planet", "landsat", "info"]), (store.command, ["verify", "show", "pack"])],
)
def test_subcommands_are_in_the_order_of_their_use(group, names):
    lines = group.get_help(group.make_context("x", [], resilient_parsing=True)).splitlines()
    assert [word for line in lines for word in line.split()[:1] if word in names] == names


@pytest.mark.parametrize(
    "config", [PairsConfig, lambda **options: PatchesConfig(output=Path("x"), **options)]
)
def test_a_master_without_spark_is_refused(config):
    with pytest.raises(UsageError, match="--master is of use with --engine spark only"):
        config(master=URL)
    assert config(master=URL, engine="spark").master == URL


def test_masks_refuse_a_master_without_spark(tmp_path):
    run = run_catfast("mask", tmp_path / "scene.tif", "--master", URL)
    assert run.code == 2
    assert run.err == "catfast: --master is of use with --engine spark only\n"


SHAPES, IMAGES, STORE = "points.gpkg", "images", "store"
IDLE = [
    (SHAPES, {"split": "val"}, "--split is of use with a patch store only"),
    (SHAPES, {"codes": "l8biome"}, "--codes is of use with a folder of images with masks only"),
    (SHAPES, {"gsd_m": 30.0}, "--gsd is of use with a folder of images with masks only"),
    (IMAGES, {"split": "val"}, "--split is of use with a patch store only"),
    (IMAGES, {"scenes": Path("x")}, "--scenes is of use with a file of points and polygons only"),
    (STORE, {"class_column": "kind"}, "--class-column is of use with a file of points and polygons only"),
    (
        STORE,
        {"reflectance_scale": 1e-4},
        "--reflectance-scale is of use with a folder of .* or a file",
    ),
]


@pytest.mark.parametrize(("kind", "options", "says"), IDLE)
def test_evaluate_refuses_what_does_nothing_with_such_a_test_set(tmp_path, kind, options, says):
    (tmp_path / IMAGES).mkdir()
    (tmp_path / STORE).mkdir()
    (tmp_path / STORE / "store.json").touch()
    with pytest.raises(UsageError, match=says):
        open_test_set(tmp_path / kind, EvaluateConfig(**options))
