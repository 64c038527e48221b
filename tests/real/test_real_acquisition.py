"""Sun, place and sensor of real scenes: their files, and the formula without them."""

from __future__ import annotations

import json

import pytest

from catfast.acquisition import find_acquisition
from catfast.raster import open_raster

ITEMS = ("20160909_213103_0e19", "20160909_213333_0e0e", "20160909_213424_0e26")


@pytest.mark.parametrize("item", ITEMS)
def test_files_say_sun_and_sensor_and_the_formula_repeats_them(shared_data, tmp_path, item):
    folder = shared_data / "planetscope_deering_alaska"
    properties = json.loads((folder / f"{item}_metadata.json").read_text())["properties"]
    (scene,) = folder.glob(f"{item}*.tif")
    with open_raster(scene) as raster:
        beside = find_acquisition(scene, raster.info.grid)
        alone = find_acquisition(tmp_path / scene.name, raster.info.grid)
    assert (beside.instrument, alone.instrument) == (properties["instrument"], None)
    assert beside.sun_elevation == pytest.approx(properties["sun_elevation"], abs=0.1)
    assert alone.sun_elevation == pytest.approx(properties["sun_elevation"], abs=0.5)
    assert beside.latitude == alone.latitude == pytest.approx(66.1, abs=0.2)
