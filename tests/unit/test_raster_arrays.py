"""Rasters that are no single file read, and are masked, as a file of the same pixels is."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from catfast.errors import InputError
from catfast.mask import MaskConfig, Masker
from catfast.planet import describe_scene
from catfast.raster import ArrayRaster, StackedRaster, open_raster
from tests.conftest import cloudy_dn, write_scene


@pytest.fixture
def bands(tmp_path):
    """The four bands of a scene as files of their own."""
    dn = cloudy_dn(90, 70)
    paths = [write_scene(tmp_path / f"B{band}.tif", dn[band][None]) for band in range(4)]
    return dn, paths


def stacked(stack: ExitStack, paths) -> StackedRaster:
    return StackedRaster([stack.enter_context(open_raster(path)) for path in paths], paths[0].parent)


@pytest.mark.parametrize("window", [((0, 90), (0, 70)), ((5, 61), (40, 41))])
def test_windows_are_those_of_the_file(scene, window):
    with open_raster(scene) as raster, rasterio.open(scene) as dataset:
        pixels = dataset.read()
        inside = ArrayRaster(pixels, raster.info.grid, scene, nodata=0)
        wanted = raster.read_window([4, 1], *window)
        assert np.array_equal(inside.read_window([4, 1], *window), wanted)
        assert np.array_equal(inside.read_rows([2], *window[0]), raster.read_rows([2], *window[0]))
        assert inside.info.grid == raster.info.grid


def test_bands_of_several_files_come_in_the_order_asked_for(bands):
    dn, paths = bands
    with ExitStack() as stack:
        raster = stacked(stack, paths)
        assert raster.info.count == 4
        assert np.array_equal(raster.read_window([3, 1], (10, 20), (30, 65)), dn[[2, 0], 10:20, 30:65])


def test_bands_of_other_sizes_are_refused(bands, tmp_path):
    _, paths = bands
    paths[2] = write_scene(tmp_path / "odd.tif", cloudy_dn(90, 71)[:1])
    with ExitStack() as stack, pytest.raises(InputError, match=r"odd.tif: expected 70 x 90 .* found 71 x 90"):
        stacked(stack, paths)


def test_rows_without_a_file_are_those_of_the_mask(scene, known_model, tmp_path):
    masker = Masker(MaskConfig(model=str(known_model)))
    masker.mask(scene, tmp_path / "mask.tif")
    with rasterio.open(tmp_path / "mask.tif") as dataset, rasterio.open(scene) as source:
        wanted, pixels = dataset.read(1), source.read()
    with open_raster(scene) as raster:
        described = describe_scene(raster)
        inside = ArrayRaster(pixels, raster.info.grid, scene, nodata=0)
        found = [part.mask for _, part in masker.classified(inside, replace(described, info=inside.info))]
    assert np.array_equal(np.concatenate(found), wanted)
