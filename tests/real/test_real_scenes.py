"""Real files from ../shared/data: grid, CRS and codes of the mask are right, and refusals are sentences."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform_bounds

from catfast import MaskConfig, mask_scene
from catfast.errors import InputError
from catfast.planet import describe_scene, reflectance_coefficients
from catfast.raster import open_raster
from tests.conftest import write_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

HARVEY = "planetscope_harvey/20170831_172754_101c_3B_AnalyticMS.tif"
PAN = "planetscope_s2_pair/pan_test.tif"


def mask(path, tmp_path, model, **options):
    output = tmp_path / "mask.tif"
    result = mask_scene(path, output, MaskConfig(model=str(model), **options))
    with rasterio.open(path) as scene, rasterio.open(output) as made:
        assert (made.shape, made.crs) == (scene.shape, scene.crs)
        assert made.transform.almost_equals(scene.transform)
        codes = made.read(1)
        seen = (scene.read() != (scene.nodata or 0)).any(axis=0)
    assert set(np.unique(codes)) <= {0, 1, 2, 255}
    assert np.array_equal(codes != 255, seen)
    return result, codes


def names(result):
    return [notice.name for notice in result.warnings]


def test_planetscope_radiance_with_its_xml(shared_data, tmp_path, known_model):
    result, codes = mask(shared_data / HARVEY, tmp_path, known_model)
    assert names(result) == []
    assert 60 < result.valid_percent < 70
    assert (codes == 255).any(), "the collar"
    with open_raster(shared_data / HARVEY) as raster:
        scene = describe_scene(raster)
    xml = (shared_data / HARVEY.replace(".tif", "_metadata.xml")).read_text()
    written = re.findall(r"reflectanceCoefficient>\s*([0-9.eE+-]+)", xml)
    assert scene.gain == tuple(map(float, written))
    assert scene.gsd_m == pytest.approx((45.93, 97.38), abs=0.01)


def test_planetscope_radiance_without_its_xml_is_refused(shared_data, tmp_path, known_model):
    lonely = shutil.copy(shared_data / HARVEY, tmp_path)
    with pytest.raises(InputError, match="needs its XML"):
        mask_scene(lonely, None, MaskConfig(model=str(known_model)))


def test_planetscope_surface_reflectance_at_3_m(shared_data, tmp_path, known_model):
    result, codes = mask(shared_data / PAN, tmp_path, known_model)
    assert names(result) == ["assumed_scale"]
    assert codes.shape == (317, 308)
    with rasterio.open(tmp_path / "mask.tif") as made:
        west, south, east, north = transform_bounds(made.crs, "EPSG:4326", *made.bounds)
    assert -90 < south < north < 90
    assert -180 < west < east < 180


def test_sentinel_2_of_the_same_ground(shared_data, tmp_path, known_model):
    result, codes = mask(shared_data / "planetscope_s2_pair/target_vnir_test.tif", tmp_path, known_model)
    assert names(result) == ["assumed_scale"]
    assert codes.shape == (102, 99)


def test_landsat_chips_without_crs(shared_data, tmp_path, known_model):
    chips = sorted((shared_data / "l8biome_patches" / "images").glob("*.tif"))
    assert len(chips) == 24
    for number, chip in enumerate(chips[:4]):
        folder = tmp_path / str(number)
        folder.mkdir()
        result, _ = mask(chip, folder, known_model)
        assert names(result) == ["no_transform", "assumed_scale"]


def test_sentinel_2_bands_stacked(shared_data, tmp_path, known_model):
    bands = []
    for name in ("B02", "B03", "B04", "B08"):
        with rasterio.open(shared_data / "on_cloud_n" / "chip_id_1" / f"{name}.tif") as dataset:
            bands.append(dataset.read(1))
            crs, transform = dataset.crs, dataset.transform
    path = write_scene(tmp_path / "stack.tif", np.stack(bands), crs=crs, transform=transform)
    result, _ = mask(path, tmp_path, known_model)
    assert names(result) == ["assumed_scale"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("on_cloud_n/chip_id_1/B02.tif", "expected 4 or 8 bands, found 1"),
        ("tundra_s2_l8_awi/Bykovsky_S2_20210721T035541_20210721T035540_T52WEE.tif", "found 10"),
        ("planetscope_sumatra/20200727_014458_104b_3B_udm2_clip.tif", "8-bit usable data mask"),
        (
            "planetscope_deering_alaska/20160909_213103_0e19_3B_AnalyticMS_DN_udm_clip.tif",
            "8-bit usable data mask",
        ),
        ("planetscope_harvey/20170831_172754_101c_3B_AnalyticMS_metadata.xml", "does not start as a TIFF"),
    ],
)
def test_what_is_no_scene_is_refused_in_a_sentence(shared_data, tmp_path, known_model, name, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        mask_scene(shared_data / name, tmp_path / "mask.tif", MaskConfig(model=str(known_model)))
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_every_real_planet_xml_is_read(shared_data):
    found = sorted(shared_data.rglob("*AnalyticMS*metadata*.xml"))
    assert len(found) >= 5
    for xml in found:
        coefficients = reflectance_coefficients(xml)
        assert set(coefficients) in ({1, 2, 3, 4}, set(range(1, 9)))
        assert all(1e-6 < value < 1e-3 for value in coefficients.values())
