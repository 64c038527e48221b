"""``da.catfast.mask()``: the codes of the file, with the image's place, lazy where the image is lazy."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
import rasterio
from pyproj import CRS

import catfast
from catfast.errors import InputError
from tests.conftest import NORTH_UP, UTM_4N, cloudy_dn, write_scene

xr = pytest.importorskip("xarray", reason='needs the extra "xarray"')
import catfast.xarray  # noqa: E402 - registers the accessor of what may be absent

SCALE = 1e-4
SHAPE = (190, 130)


@pytest.fixture(autouse=True)
def _no_warning_unseen():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def image_of(dn, transform=NORTH_UP, crs=UTM_4N, **attrs):
    """As rioxarray opens a GeoTIFF: middles of pixels, ``spatial_ref`` with CRS and GeoTransform."""
    height, width = dn.shape[1:]
    place = {
        "crs_wkt": CRS.from_user_input(crs).to_wkt(),
        "GeoTransform": " ".join(map(str, transform.to_gdal())),
    }
    coords = {
        "band": np.arange(1, len(dn) + 1),
        "y": transform.f + transform.e * (np.arange(height) + 0.5),
        "x": transform.c + transform.a * (np.arange(width) + 0.5),
        "spatial_ref": xr.DataArray(0, attrs=place),
        "time": np.datetime64("2023-06-01T10:11:12", "ns"),
    }
    image = xr.DataArray(dn, dims=("band", "y", "x"), coords=coords, name="sr")
    image.attrs = {"_FillValue": 0, "scale_factor": SCALE, "add_offset": 0.0, "made_by": "test", **attrs}
    return image


@pytest.fixture
def from_file(tmp_path, known_model):
    def run(dn, **changes):
        scene = write_scene(tmp_path / "a.tif", dn, **changes)
        model = str(known_model)
        result = catfast.mask(scene, tmp_path / "m.tif", reflectance_scale=SCALE, model=model, overwrite=True)
        with rasterio.open(result.output) as mask:
            return mask.read(1)

    return run


def test_codes_coordinates_crs_and_attributes(from_file, known_model):
    dn = cloudy_dn(*SHAPE)
    image = image_of(dn)
    before = image.copy(deep=True)
    mask = image.catfast.mask(model=str(known_model))
    assert (mask.dtype, mask.dims, mask.name) == (np.uint8, ("y", "x"), "cloud_mask")
    assert np.array_equal(mask.values, from_file(dn))
    assert set(mask.coords) == {"y", "x", "spatial_ref", "time"}
    for name in mask.coords:
        xr.testing.assert_identical(mask.coords[name].variable, image.coords[name].variable)
    assert mask.attrs["made_by"] == "test"
    assert mask.attrs["_FillValue"] == 255
    assert mask.attrs["flag_meanings"].split() == ["clear", "cloud", "cloud_shadow", "snow_or_ice", "water"]
    assert "scale_factor" not in mask.attrs
    xr.testing.assert_identical(image, before)


@pytest.mark.parametrize("chunks", [{}, {"y": 50, "x": 33}, {"band": 1, "y": 7}])
def test_a_lazy_image_gives_a_lazy_mask_of_the_same_codes(known_model, chunks):
    pytest.importorskip("dask")
    image = image_of(cloudy_dn(*SHAPE))
    wanted = image.catfast.mask(model=str(known_model))
    mask = image.chunk(chunks).catfast.mask(model=str(known_model))
    assert mask.chunks == ((SHAPE[0],), (SHAPE[1],))
    xr.testing.assert_identical(mask.compute(), wanted)


def test_nothing_is_read_before_it_is_asked_for(known_model):
    pytest.importorskip("dask")
    import dask.array

    def refuse():
        raise RuntimeError("read")

    pixels = dask.array.from_delayed(dask.delayed(refuse)(), (4, *SHAPE), np.uint16)
    mask = image_of(cloudy_dn(*SHAPE)).copy(data=pixels).catfast.mask(model=str(known_model))
    with pytest.raises(RuntimeError, match="read"):
        mask.compute()


def test_other_orders_of_dimensions_and_named_bands(known_model):
    rng = np.random.default_rng(2)
    dn = cloudy_dn(*SHAPE)
    dn += rng.integers(0, 2000, (4, 1, 1), np.uint16) * (dn > 0)
    image = image_of(dn)
    wanted = image.catfast.mask(model=str(known_model))
    named = image.assign_coords(band=["blue", "green", "red", "nir"])
    turned = named.isel(band=[3, 0, 2, 1]).transpose("x", "y", "band").catfast.mask(model=str(known_model))
    assert turned.dims == ("x", "y")
    xr.testing.assert_identical(turned.transpose("y", "x"), wanted)
    told = image.isel(band=[3, 0, 2, 1]).assign_attrs(long_name=("nir", "blue", "red", "green"))
    xr.testing.assert_identical(told.catfast.mask(model=str(known_model)), wanted)


def test_bands_picked_from_a_file_of_eight(known_model):
    """``long_name`` stays that of the file, as rioxarray leaves it."""
    rng = np.random.default_rng(3)
    dn = cloudy_dn(*SHAPE)
    dn += rng.integers(0, 2000, (4, 1, 1), np.uint16) * (dn > 0)
    wanted = image_of(dn).catfast.mask(model=str(known_model))
    names = ("coastal blue", "blue", "green i", "green", "yellow", "red", "red edge", "nir")
    eight = image_of(np.repeat(dn, 2, axis=0), long_name=names)
    picked = eight.sel(band=[8, 6, 2, 4]).catfast.mask(model=str(known_model))
    assert np.array_equal(picked.values, wanted.values)


def test_decoded_reflectance(from_file, known_model):
    dn = cloudy_dn(*SHAPE)
    pixels = np.where(dn == 0, np.nan, dn * SCALE).astype(np.float32)
    image = image_of(pixels)
    image.attrs = {}
    found = image.catfast.mask(model=str(known_model), reflectance_scale=1.0)
    assert np.array_equal(found, catfast.mask(pixels, gsd=3.0, model=str(known_model)))
    assert (found == from_file(dn)).mean() > 0.999


@pytest.mark.parametrize("masked", [False, True])
def test_a_scale_of_one_is_none(from_file, known_model, masked):
    """rioxarray gives ``scale_factor`` 1 to every file that has no scale, masked to floats or not."""
    dn = cloudy_dn(*SHAPE)
    image = image_of(dn, scale_factor=1.0)
    if masked:
        image = image.where(image != 0).astype(np.float32).assign_attrs(image.attrs)
        del image.attrs["_FillValue"]
    with pytest.warns(UserWarning, match="assumed_scale"):
        mask = image.catfast.mask(model=str(known_model))
    assert np.array_equal(mask.values, from_file(dn))


@pytest.mark.parametrize(("offset", "chunks"), [(0.0, None), (0.1, None), (0.0, {"y": 50})])
def test_values_that_were_unpacked_are_not_unpacked_again(from_file, known_model, offset, chunks):
    """Arithmetic of xarray keeps the attributes."""
    dn = cloudy_dn(*SHAPE)
    packed = image_of(dn, add_offset=offset)
    image = (packed.where(packed != 0).astype(np.float32) * SCALE).assign_attrs(packed.attrs)
    if chunks is not None:
        pytest.importorskip("dask")
        image = image.chunk(chunks)
    mask = image.catfast.mask(model=str(known_model))
    assert np.array_equal(mask.values, from_file(dn))


def test_parts_and_thinned_images_go_by_their_coordinates(from_file, known_model):
    """The GeoTransform that they still carry is that of the whole."""
    dn = cloudy_dn(*SHAPE)
    thin = image_of(dn).isel(y=slice(10, None, 2), x=slice(3, 99, 2))
    part = dn[:, 10::2, 3:99:2]
    wanted = from_file(
        part, transform=NORTH_UP @ rasterio.Affine.translation(3, 10) @ rasterio.Affine.scale(2)
    )
    assert np.array_equal(thin.catfast.mask(model=str(known_model)), wanted)


@pytest.mark.parametrize(("turned", "coordinates"), [(False, False), (True, False), (False, True)])
def test_degrees_and_images_with_a_geotransform_only(from_file, known_model, turned, coordinates):
    transform = rasterio.Affine(7.3e-5, 0, -150.1, 0, -2.7e-5, 70.2)
    transform = transform @ rasterio.Affine.rotation(20) if turned else transform
    dn = cloudy_dn(*SHAPE)
    image = image_of(dn, transform, "EPSG:4326")
    image = image if coordinates else image.drop_vars(["x", "y"])
    wanted = from_file(dn, transform=transform, crs="EPSG:4326")
    assert np.array_equal(image.catfast.mask(model=str(known_model)), wanted)


def test_an_image_without_a_place_takes_a_gsd(from_file, known_model):
    dn = cloudy_dn(*SHAPE)
    bare = xr.DataArray(dn, dims=("band", "y", "x"))
    found = bare.catfast.mask(gsd=3.0, reflectance_scale=SCALE, model=str(known_model))
    assert np.array_equal(found, from_file(dn))
    with pytest.warns(UserWarning, match="no_transform"):
        bare.catfast.mask(reflectance_scale=SCALE, model=str(known_model))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda image: image.isel(band=0), "expected dimensions band, y and x, found y, x"),
        (lambda image: image.expand_dims("time"), "found time, band, y, x"),
        (
            lambda image: (
                image.drop_vars("time")
                .rename(band="time")
                .assign_coords(time=np.arange("2023-06-01", "2023-06-05", dtype="datetime64[D]"))
            ),
            "expected dimensions band, y and x, found time, y, x",
        ),
        (lambda image: image.assign_attrs(add_offset=0.1), "add_offset"),
        (lambda image: image.isel(x=[0, 1, 5, 6]), "evenly spaced x"),
    ],
)
def test_what_is_no_image(known_model, change, sentence):
    with pytest.raises(InputError, match=sentence):
        change(image_of(cloudy_dn(40, 30))).catfast.mask(model=str(known_model))


def test_a_missing_xarray_is_a_sentence():
    hook = (
        "import sys, importlib.abc\n"
        "class Hide(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'xarray':\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        "import catfast.errors\n"
        "try:\n"
        "    import catfast.xarray\n"
        "except catfast.errors.MissingExtraError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", hook], capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith('pip install "catfast[xarray]"'), done.stderr
