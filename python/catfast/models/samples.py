"""Tiles that a network is tried on: of a patch store, or simulated, normalised as masking does."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.classes import BANDS
from catfast.errors import InputError
from catfast.models.spec import ModelConfig

__all__ = ["simulated_tiles", "store_tiles"]

Tiles = npt.NDArray[np.float32]

_SIDE = 128


def simulated_tiles(config: ModelConfig, count: int, seed: int = 0) -> Tiles:
    """Normalised tiles (count, bands, h, w) of simulated scenes."""
    from catfast.simulate import batch

    side = _side(config, _SIDE)
    images, _ = batch(count, side, seed=seed)
    return np.concatenate([_tile(np.asarray(image, np.float32), side, config) for image in images])


def store_tiles(path: Path, config: ModelConfig, count: int) -> Tiles:
    """Normalised tiles (n, bands, h, w) of up to ``count`` patches, evenly from the whole store.

    Patches are averaged to the network's ground sampling distance, as masking does.

    Raises:
        InputError: not a patch store, or one without patches.
    """
    from catfast.patches import open_store

    store = open_store(path)
    if not len(store):
        raise InputError(f"{path}: expected patches to calibrate on, found none")
    factor = max(1.0, config.gsd_m / store.info.gsd_m)
    network = math.ceil(store.info.size / factor)
    rows = np.unique(np.linspace(0, len(store) - 1, min(count, len(store))).astype(int))
    side = _side(config, network)
    found = []
    for row in rows.tolist():
        pixels, _ = store.read(row)
        found.append(_tile(_averaged(pixels, store.info.scale, factor, network), side, config))
    return np.concatenate(found)


def _side(config: ModelConfig, pixels: int) -> int:
    """Whole multiples that the network takes, no more than ``pixels`` where one fits."""
    step = config.multiple_of
    return min(config.tile, max(step, pixels // step * step))


def _averaged(pixels: npt.NDArray[np.uint16], scale: float, factor: float, network: int) -> Tiles:
    """Reflectance (bands, network, network) of counts, NaN where nothing was seen."""
    pixels = np.ascontiguousarray(pixels)
    valid = np.empty(pixels.shape[1:], np.uint8)
    _core.valid_mask(pixels, 0.0, valid)
    out = np.empty((len(pixels), network, network), np.float32)
    gain = np.full(len(pixels), scale)
    _core.resample_area(pixels, valid, gain, out, factor=(factor, factor), first_row=0, src_row=0)
    return out


def _tile(reflectance: Tiles, side: int, config: ModelConfig) -> Tiles:
    """The upper left square of an image of all four bands, normalised, (1, bands, side, side)."""
    reflectance = reflectance[[BANDS.index(band) for band in config.bands]]
    tile = np.empty((1, len(config.bands), side, side), np.float32)
    start = np.zeros(1, np.int64)
    _core.cut_tiles(
        reflectance,
        start,
        start,
        tile,
        mean=np.array(config.mean, np.float32),
        std=np.array(config.std, np.float32),
        clip=config.clip,
    )
    return tile
