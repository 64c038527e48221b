"""``catfast.mask`` called: files, and arrays that get the codes of a file of the same pixels."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pyproj
import pytest
import rasterio

import catfast
from catfast.errors import InputError, UsageError
from tests.conftest import NORTH_UP, UTM_4N, cloudy_dn, write_scene

SCALE = 1e-4


@pytest.fixture(autouse=True)
def _no_warning_unseen():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def codes_of(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1)


@pytest.fixture
def masked(tmp_path, known_model):
    """Codes of pixels written to a file and masked there."""

    def run(pixels, options, **changes):
        scene = write_scene(tmp_path / "a.tif", pixels, **changes)
        result = catfast.mask(scene, tmp_path / "mask.tif", model=str(known_model), overwrite=True, **options)
        assert (result.status, result.output) == ("done", tmp_path / "mask.tif")
        return codes_of(result.output)

    return run


@pytest.mark.parametrize(
    "first",
    [
        "import catfast",
        "import catfast.mask",
        "from catfast import mask",
        "from catfast.mask import Masker",
        "from catfast import Masker, evaluate_models",
        "import catfast.cli.mask, catfast",
    ],
)
def test_it_is_the_package_and_can_be_called_whatever_came_first(first, scene, known_model):
    code = f"""
{first}
import sys, catfast
assert catfast.mask is sys.modules["catfast.mask"] and catfast.mask.MaskConfig is catfast.MaskConfig
print(catfast.mask({str(scene)!r}, model={str(known_model)!r}).output.name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, f"{scene.stem}_mask.tif"), done.stderr


@pytest.mark.parametrize(
    "options", [{}, {"threshold": 0.7}, {"classes": "binary"}, {"buffer_m": 30.0, "min_area_m2": 400.0}]
)
def test_counts_get_the_codes_of_their_file(masked, known_model, options):
    dn = cloudy_dn(700, 150)
    options = {"reflectance_scale": SCALE, **options}
    wanted = masked(dn, options)
    found = catfast.mask(dn, transform=NORTH_UP, crs=UTM_4N, model=str(known_model), **options)
    assert (found.dtype, found.shape) == (np.uint8, (700, 150))
    assert np.array_equal(found, wanted)
    assert {0, 1, 255} == set(np.unique(found))
    assert np.array_equal(catfast.mask(dn, gsd=3.0, model=str(known_model), **options), wanted)


def test_options_may_be_texts_or_paths(scene, known_model, tmp_path):
    """As the scene and the mask may be: a path is a path however it is given."""
    x, y = pyproj.Transformer.from_crs(UTM_4N, 4326, always_xy=True).transform(500_300, 7_899_700)
    ring = [[x - 1, y - 1], [x + 1, y - 1], [x + 1, y + 1], [x - 1, y - 1]]
    area = tmp_path / "area.geojson"
    area.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    beside = {"aoi": str(area), "quicklook": str(tmp_path / "q.png")}
    result = catfast.mask(str(scene), str(tmp_path / "m.tif"), model=known_model, **beside)
    assert (result.status, (tmp_path / "q.png").exists()) == ("done", True)
    again = catfast.MaskConfig(model=str(known_model), aoi=area, quicklook=tmp_path / "q.png")
    assert catfast.MaskConfig(model=known_model, **beside) == again


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reflectance_gets_the_codes_of_its_file(masked, known_model, dtype):
    dn = cloudy_dn()
    pixels = np.where(dn == 0, np.nan, dn * SCALE).astype(dtype)
    wanted = masked(pixels, {}, nodata=np.nan)
    crs = pyproj.CRS.from_user_input(UTM_4N)
    assert np.array_equal(catfast.mask(pixels, transform=NORTH_UP, crs=crs, model=str(known_model)), wanted)


@pytest.mark.parametrize("axes", [(1, 2, 0), (2, 0, 1)])
def test_the_layout_in_memory_does_not_matter(known_model, axes):
    dn = cloudy_dn(90, 70)
    strided = np.ascontiguousarray(dn.transpose(axes)).transpose(np.argsort(axes))
    assert not strided.flags.c_contiguous
    config = catfast.MaskConfig(model=str(known_model), reflectance_scale=SCALE)
    plain = catfast.mask(dn, config=config, gsd=3.0)
    assert np.array_equal(catfast.mask(strided, config=config, gsd=3.0), plain)
    assert np.array_equal(catfast.mask(dn.astype(">u2"), config=config, gsd=3.0), plain)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_what_a_masked_array_hides_was_not_seen(known_model, dtype):
    dn = cloudy_dn(90, 70)
    hidden = np.ma.masked_array((dn * (1 if dtype == "uint16" else SCALE)).astype(dtype), dn == 0)
    hidden.data[hidden.mask] = hidden.max()
    found = catfast.mask(
        hidden, gsd=3.0, reflectance_scale=SCALE if dtype == "uint16" else 1, model=known_model
    )
    assert np.array_equal(found, catfast.mask(dn, gsd=3.0, reflectance_scale=SCALE, model=known_model))
    assert (found == 255).any()


def test_bands_may_be_named(known_model):
    rng = np.random.default_rng(5)
    dn = cloudy_dn() + rng.integers(0, 2000, (4, 1, 1), np.uint16) * (cloudy_dn() > 0)
    options = {"model": str(known_model), "reflectance_scale": SCALE, "gsd": 3.0}
    found = catfast.mask(dn[[3, 1, 2, 0]], bands=["nir", "green", "red", "blue"], **options)
    assert np.array_equal(found, catfast.mask(dn, **options))


def test_pixels_of_two_sizes(masked, known_model):
    dn, tall = cloudy_dn(300, 200), rasterio.Affine(6, 0, 5e5, 0, -3, 79e5)
    wanted = masked(dn, {"reflectance_scale": SCALE}, transform=tall)
    found = catfast.mask(dn, gsd=(3.0, 6.0), reflectance_scale=SCALE, model=str(known_model))
    assert np.array_equal(found, wanted)


def test_a_guess_is_a_warning(known_model):
    with pytest.warns(UserWarning, match="assumed_scale"):
        catfast.mask(cloudy_dn(), gsd=3.0, model=str(known_model))
    with pytest.warns(UserWarning, match="no_transform"):
        catfast.mask(cloudy_dn(), reflectance_scale=SCALE, model=str(known_model))


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"output": "mask.tif"}, UsageError, "output: for files only"),
        ({"quicklook": "a.png", "stac": True}, UsageError, "quicklook, stac: for files only"),
        ({"gsd": -3.0}, UsageError, "gsd must be"),
        ({"gsd": 3.0, "transform": NORTH_UP}, UsageError, "exclude each other"),
        ({"crs": "EPSG:0"}, UsageError, "crs: expected"),
        ({"bands": ["blue"]}, UsageError, "bands must name all 4 bands"),
        ({"buffer_m": 9.0, "reflectance_scale": SCALE}, InputError, "are in metres"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_arguments_that_do_not_fit_an_array(known_model, arguments, error, sentence):
    warnings.simplefilter("ignore")
    with pytest.raises(error, match=sentence):
        catfast.mask(cloudy_dn(), model=str(known_model), **arguments)


def test_arguments_that_do_not_fit_a_file(scene):
    with pytest.raises(UsageError, match="gsd, bands: for arrays only"):
        catfast.mask(scene, gsd=3.0, bands=["blue"])


@pytest.mark.parametrize("shape", [(4, 9), (4, 0, 9), (3, 9, 9)])
def test_shapes_that_are_no_image(shape):
    with pytest.raises(InputError, match=r"array: expected .* found"):
        catfast.mask(np.ones(shape, np.float32), gsd=3.0)
