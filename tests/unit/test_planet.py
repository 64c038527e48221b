from __future__ import annotations

import numpy as np
import pytest
from rasterio.transform import Affine

from catfast.errors import InputError
from catfast.planet import describe_scene, reflectance_coefficients, scene_id
from catfast.raster import Grid, ground_sampling_distance, open_raster, parse_crs
from tests.conftest import NORTH_UP, cloudy_dn, write_scene

XML = """<?xml version="1.0"?>
<ps:EarthObservation xmlns:ps="http://schemas.planet.com/ps/v1/planet_product_metadata_geocorrected_level">
{entries}
</ps:EarthObservation>"""
ENTRY = """<ps:bandSpecificMetadata><ps:bandNumber>{band}</ps:bandNumber>
<ps:radiometricScaleFactor>0.01</ps:radiometricScaleFactor>
<ps:reflectanceCoefficient>{value}</ps:reflectanceCoefficient></ps:bandSpecificMetadata>"""


def write_xml(path, values):
    entries = "\n".join(ENTRY.format(band=band, value=value) for band, value in enumerate(values, start=1))
    path.write_text(XML.format(entries=entries))
    return path


def describe(path, **options):
    with open_raster(path) as raster:
        return describe_scene(raster, **options)


def names(scene):
    return [notice.name for notice in scene.notices]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("20170831_172754_101c_3B_AnalyticMS.tif", "20170831_172754_101c"),
        ("20220125_075509_67_1061_3B_AnalyticMS_SR_8b.tif", "20220125_075509_67_1061"),
        ("ice.tif", "ice"),
    ],
)
def test_scene_id(tmp_path, name, found):
    assert scene_id(tmp_path / name) == found


@pytest.mark.parametrize(
    "name",
    [
        "20170831_172754_101c_3B_AnalyticMS_SR.tif",
        "20220125_075509_67_1061_3B_AnalyticMS_SR_8b_clip.tif",
        "20220125_075509_67_1061_3B_AnalyticMS_SR_8b_harmonized_clip.tif",
        "20220125_075509_67_1061_3B_AnalyticMS_8b_SR.tif",
        "20220125_075509_67_1061_SR.tif",
        "glacier_3B_AnalyticMS_SR.tif",
    ],
)
def test_surface_reflectance_is_known_by_its_name(tmp_path, name):
    dn = cloudy_dn(64, 64)
    scene = describe(write_scene(tmp_path / name, np.concatenate([dn, dn]) if "8b" in name else dn))
    assert scene.gain == (1e-4,) * 4
    assert scene.bands == ((2, 4, 6, 8) if "8b" in name else (1, 2, 3, 4))
    assert names(scene) == []
    assert scene.gsd_m == pytest.approx((3, 3))


@pytest.mark.parametrize("marks", ["_toar_clip", "_8b_toar_clip", "_toar", "_8b_harmonized_toar_clip"])
def test_what_the_toar_tool_made_is_reflectance_already(tmp_path, marks):
    """Whose order holds the XML of the radiance, coefficients and all."""
    dn = cloudy_dn(64, 64)
    stem = "20200603_203636_82_1068_3B_AnalyticMS"
    path = write_scene(tmp_path / f"{stem}{marks}.tif", np.concatenate([dn, dn]) if "8b" in marks else dn)
    write_xml(tmp_path / f"{stem}_metadata_clip.xml", [2e-5] * 8)
    scene = describe(path)
    assert (scene.gain, scene.gain_beside, names(scene)) == ((1e-4,) * 4, False, [])


def test_toar_in_floats_is_told_by_its_values(tmp_path):
    path = tmp_path / "20200603_203636_82_1068_3B_AnalyticMS_toar.tif"
    scene = describe(write_scene(path, cloudy_dn(64, 64).astype(np.float32) / 1e4))
    assert (scene.gain, names(scene)) == ((1.0,) * 4, ["assumed_reflectance"])


def test_radiance_takes_the_coefficients_of_its_xml(tmp_path):
    path = write_scene(tmp_path / "20170831_172754_101c_3B_AnalyticMS.tif", cloudy_dn(64, 64))
    write_xml(tmp_path / "20170831_172754_101c_3B_AnalyticMS_metadata.xml", [2e-5, 2.1e-5, 2.4e-5, 3.6e-5])
    assert describe(path).gain == (2e-5, 2.1e-5, 2.4e-5, 3.6e-5)


def test_radiance_of_eight_bands_takes_the_coefficients_of_the_four(tmp_path):
    dn = cloudy_dn(64, 64)
    path = write_scene(tmp_path / "20220125_075509_67_1061_3B_AnalyticMS_8b.tif", np.concatenate([dn, dn]))
    write_xml(
        tmp_path / "20220125_075509_67_1061_3B_AnalyticMS_8b_metadata.xml", [n * 1e-5 for n in range(1, 9)]
    )
    assert describe(path).gain == pytest.approx((2e-5, 4e-5, 6e-5, 8e-5))


def test_the_xml_of_the_same_delivery_is_chosen(tmp_path):
    path = write_scene(tmp_path / "20170831_172754_101c_3B_AnalyticMS_clip.tif", cloudy_dn(64, 64))
    write_xml(tmp_path / "20170831_172754_101c_3B_AnalyticMS_metadata.xml", [9, 9, 9, 9])
    write_xml(tmp_path / "20170831_172754_101c_3B_AnalyticMS_metadata_clip.xml", [1, 2, 3, 4])
    assert describe(path).gain == (1, 2, 3, 4)


def test_radiance_without_xml_is_refused_unless_the_scale_is_given(tmp_path):
    path = write_scene(tmp_path / "20170831_172754_101c_3B_AnalyticMS.tif", cloudy_dn(64, 64))
    with pytest.raises(InputError, match="needs its XML"):
        describe(path)
    assert describe(path, reflectance_scale=2e-5).gain == (2e-5,) * 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<a>", "not readable"),
        ('<!DOCTYPE l [<!ENTITY a "aaaa">]><l>&a;</l>', "document type"),
        (XML.format(entries=ENTRY.format(band=1, value="-3")), "above 0"),
        (XML.format(entries=ENTRY.format(band=1, value="inf")), "above 0"),
        (XML.format(entries=ENTRY.format(band="one", value="1")), "not readable"),
    ],
)
def test_a_bad_xml_is_refused(tmp_path, content, message):
    path = tmp_path / "meta.xml"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        reflectance_coefficients(path)


def test_missing_coefficients_are_named(tmp_path):
    path = write_scene(tmp_path / "20170831_172754_101c_3B_AnalyticMS.tif", cloudy_dn(64, 64))
    write_xml(tmp_path / "20170831_172754_101c_3B_AnalyticMS_metadata.xml", [1, 2, 3])
    with pytest.raises(InputError, match=r"found none for \[4\]"):
        describe(path)


def test_bands_are_found_by_description_before_count(tmp_path):
    descriptions = ("nir", "red", "green", "blue")
    scene = describe(write_scene(tmp_path / "a.tif", cloudy_dn(64, 64), descriptions=descriptions))
    assert scene.bands == (4, 3, 2, 1)
    five = np.concatenate([cloudy_dn(64, 64), cloudy_dn(64, 64)[:1]])
    descriptions = ("Coastal Blue", "Near-Infrared", "Blue", "GREEN", "red")
    assert describe(write_scene(tmp_path / "b.tif", five, descriptions=descriptions)).bands == (3, 4, 5, 2)


@pytest.mark.parametrize("descriptions", [("red", "green", "blue", "swir"), ("blue", "blue", "red", "nir")])
def test_descriptions_that_contradict_are_refused(tmp_path, descriptions):
    path = write_scene(tmp_path / "a.tif", cloudy_dn(64, 64), descriptions=descriptions)
    with pytest.raises(InputError, match="expected one band each"):
        describe(path)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_other_band_counts_are_refused(tmp_path, count):
    dn = np.repeat(cloudy_dn(64, 64)[:1], count, axis=0)
    with pytest.raises(InputError, match=f"expected 4 or 8 bands, found {count}"):
        describe(write_scene(tmp_path / "a.tif", dn))


def test_plain_files_get_a_scale_with_a_named_warning(tmp_path):
    dn = cloudy_dn(64, 64)
    assert names(describe(write_scene(tmp_path / "a.tif", dn))) == ["assumed_scale"]
    scene = describe(write_scene(tmp_path / "b.tif", (dn / 1e4).astype(np.float32)))
    assert (names(scene), scene.gain) == (["assumed_reflectance"], (1.0,) * 4)
    scene = describe(write_scene(tmp_path / "c.tif", dn.astype(np.float64)))
    assert (names(scene), scene.gain) == (["assumed_scale"], (1e-4,) * 4)
    assert names(describe(write_scene(tmp_path / "d.tif", dn), reflectance_scale=1e-4)) == []


def test_band_scales_of_the_file_are_used(tmp_path):
    import rasterio

    path = write_scene(tmp_path / "a.tif", cloudy_dn(64, 64))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (2.75e-5,) * 4, (-0.2,) * 4
    scene = describe(path)
    assert (scene.gain, scene.offset, names(scene)) == ((2.75e-5,) * 4, (-0.2,) * 4, [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transform": Affine(0, 0, 5e5, 0, 0, 7.9e6)}, "no area"),
        ({"transform": Affine(1e12, 0, 5e5, 0, -1e12, 7.9e6)}, "expected pixels of metres"),
        ({"crs": 'LOCAL_CS["x",UNIT["metre",1]]'}, "neither projected nor geographic"),
    ],
)
def test_a_broken_georeference_is_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        describe(write_scene(tmp_path / "a.tif", cloudy_dn(64, 64), **changes))


def test_a_file_without_crs_is_taken_at_its_own_pixels(tmp_path):
    scene = describe(write_scene(tmp_path / "a.tif", cloudy_dn(64, 64), crs=None))
    assert scene.gsd_m is None
    assert names(scene) == ["no_crs", "assumed_scale"]


def test_an_alpha_band_and_a_visual_product_are_refused(tmp_path):
    with pytest.raises(InputError, match="8-bit visual"):
        describe(write_scene(tmp_path / "a.tif", (cloudy_dn(64, 64) >> 8).astype(np.uint8)))
    with pytest.raises(InputError, match="alpha"):
        describe(write_scene(tmp_path / "b.tif", cloudy_dn(64, 64), photometric="RGB", ALPHA="YES"))


@pytest.mark.parametrize(
    ("changes", "metres"),
    [
        ({}, (3, 3)),
        ({"transform": NORTH_UP @ Affine.rotation(12)}, (3, 3)),
        ({"transform": Affine(3, 0, 5e5, 0, 6, 7.9e6)}, (6, 3)),
        # A degree of latitude near 71N is 111.57 km and of longitude 36.35 km (WGS84 ellipsoid).
        ({"crs": "EPSG:4326", "transform": Affine(3e-5, 0, -150, 0, -3e-5, 71)}, (3.3472, 1.0905)),
    ],
)
def test_ground_sampling_distance(tmp_path, changes, metres):
    scene = describe(write_scene(tmp_path / "a.tif", cloudy_dn(64, 64), **changes))
    assert scene.gsd_m == pytest.approx(metres, rel=1e-3)


@pytest.mark.parametrize("size_m", [3.0, 3.125, 3.7])
def test_turned_pixels_keep_their_size(size_m):
    """By numbers alone 3 m turned by 60 degrees are 3.0000000000000004 m."""
    for degrees in range(0, 360, 5):
        turned = Affine(size_m, 0, 5e5, 0, -size_m, 7.9e6) @ Affine.rotation(degrees)
        grid = Grid(width=9, height=9, transform=turned, crs=parse_crs("EPSG:32604"))
        assert ground_sampling_distance(grid) == (size_m, size_m)
