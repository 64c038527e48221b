"""Windows of any compressed GeoTIFF are what GDAL reads, and any bytes give pixels or a sentence."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.windows import Window

from catfast.errors import InputError
from catfast.raster import open_raster
from tests.conftest import NORTH_UP

SETTINGS = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "float32", "float64", "complex64")


@st.composite
def layouts(draw):
    dtype = draw(st.sampled_from(DTYPES))
    height, width = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    compress = draw(st.sampled_from(("deflate", "zstd", "lzw", None)))
    profile = {
        "driver": "GTiff",
        "transform": NORTH_UP,
        "dtype": dtype,
        "height": height,
        "width": width,
        "count": draw(st.integers(1, 9)),
        "interleave": draw(st.sampled_from(("pixel", "band"))),
        "sparse_ok": draw(st.booleans()),
        "nodata": draw(st.sampled_from((None, 0, 7))),
        "bigtiff": draw(st.sampled_from(("yes", "no"))),
        "endianness": draw(st.sampled_from(("little", "big"))),
    }
    if compress is not None:
        profile["compress"] = compress
        predictors = (1, 3) if dtype in ("float32", "float64") else (1,) if dtype == "complex64" else (1, 2)
        profile["predictor"] = draw(st.sampled_from(predictors))
    if compress in ("deflate", "zstd"):
        profile["zlevel" if compress == "deflate" else "zstd_level"] = draw(st.integers(1, 9))
    if draw(st.booleans()):
        sides = st.sampled_from((16, 32, 48))
        profile |= {"tiled": True, "blockysize": draw(sides), "blockxsize": draw(sides)}
    else:
        profile["blockysize"] = draw(st.integers(1, height))
    if dtype == "uint8" and profile.get("predictor", 1) == 1 and draw(st.booleans()):
        profile["nbits"] = draw(st.sampled_from((1, 4, 7)))
    return profile


def spans(draw, length):
    first = draw(st.integers(0, length - 1))
    return first, draw(st.integers(first + 1, length))


def write(path, profile, seed):
    rng = np.random.default_rng(seed)
    shape = (profile["count"], profile["height"], profile["width"])
    top = 2 ** profile.get("nbits", 7)
    pixels = np.cumsum(rng.integers(0, 9, shape), axis=2)
    # Whole blocks of what GDAL leaves out of a sparse file.
    pixels[:, shape[1] // 2 :, shape[2] // 3 :] = profile["nodata"] or 0
    scaled = pixels * 0.37 if profile["dtype"] in ("float32", "float64", "complex64") else pixels % top
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(scaled.astype(profile["dtype"]))


@SETTINGS
@given(st.data(), layouts(), st.integers(0, 99))
def test_windows_are_what_gdal_reads(data, profile, seed):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scene.tif"
        write(path, profile, seed)
        with rasterio.open(path) as dataset, open_raster(path) as raster:
            for _ in range(4):
                bands = data.draw(st.lists(st.integers(1, profile["count"]), min_size=1, unique=True))
                rows, columns = spans(data.draw, dataset.height), spans(data.draw, dataset.width)
                window = Window(columns[0], rows[0], columns[1] - columns[0], rows[1] - rows[0])
                truth, found = dataset.read(bands, window=window), raster.read_window(bands, rows, columns)
                assert found.dtype == truth.dtype
                assert found.flags.c_contiguous
                assert found.flags.writeable
                np.testing.assert_array_equal(found, truth)
                # What a caller does to its array stays with it.
                found[...] = 1


@SETTINGS
@given(st.data(), layouts())
def test_any_bytes_give_pixels_or_a_sentence(data, profile):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scene.tif"
        write(path, profile, 1)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 6))):
            at = data.draw(st.integers(0, len(content) - 1))
            content[at] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(4, len(content)))])
        try:
            with open_raster(path, max_samples=10**6) as raster:
                grid = raster.info.grid
                shape = raster.read_rows([1], 0, grid.height).shape
                assert shape == (1, grid.height, grid.width)
        except InputError as error:
            assert str(path) in str(error)  # noqa: PT017 - any other error is a failure
