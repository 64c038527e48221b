"""Masks against a slow reference that knows neither tiles, halos, streams nor Rust: whole arrays in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from catfast.mask import MaskConfig, mask_scene
from catfast.mask.rows import WIDE
from tests.conftest import NORTH_UP, cloudy_dn, pixel_model, write_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def area_weights(scene: int, factor: float) -> np.ndarray:
    """(network, scene): how much of each scene pixel lies in each network pixel."""
    network = int(np.ceil(scene / factor))
    low, high = np.arange(network) * factor, (np.arange(network) + 1) * factor
    pixel = np.arange(scene)
    return np.clip(np.minimum(high[:, None], pixel + 1) - np.maximum(low[:, None], pixel), 0, None)


def bilinear_weights(scene: int, factor: float) -> np.ndarray:
    """(scene, network): pixel-centre aligned, clamped."""
    network = int(np.ceil(scene / factor))
    at = np.clip((np.arange(scene) + 0.5) / factor - 0.5, 0, network - 1)
    return np.clip(1 - np.abs(at[:, None] - np.arange(network)), 0, None)


def around(cells: np.ndarray) -> np.ndarray:
    """(..., h, w, 9): every cell and its neighbours, NaN outside."""
    h, w = cells.shape[-2:]
    padded = np.pad(cells, [(0, 0)] * (cells.ndim - 2) + [(1, 1), (1, 1)], constant_values=np.nan)
    return np.stack([padded[..., y : y + h, x : x + w] for y in range(3) for x in range(3)], axis=-1)


def edge_slopes(cloud: np.ndarray, light: np.ndarray, threshold: float | None) -> np.ndarray:
    """Change of cloud probability with brightness (h, w): fitted to 3 x 3 cells where classes meet."""
    bright, chance = around(light), around(cloud)
    inside = ~np.isnan(around(np.zeros_like(light)))
    absent = np.isnan(bright)
    high = np.where(absent, False, chance >= (0.5 if threshold is None else threshold))
    low = np.where(absent, False, ~high)
    meets = high.any(axis=-1) & low.any(axis=-1) & ~(absent & inside).any(axis=-1)
    bright, chance = np.nan_to_num(bright), np.nan_to_num(chance)
    count = inside.sum(axis=-1)
    bright = np.where(inside, bright - bright.sum(axis=-1, keepdims=True) / count[..., None], 0)
    slope = (bright * chance).sum(axis=-1) / count / ((bright**2).sum(axis=-1) / count + 3e-5)
    return np.where(meets, slope, 0)


def reference(
    dn: np.ndarray, factor: tuple[float, float], *, guided: bool = True, threshold: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Cloud probability on the scene's grid, and the valid mask, of the pixel model of conftest."""
    valid = (dn != 0).any(axis=0)
    down, across = area_weights(dn.shape[1], factor[0]), area_weights(dn.shape[2], factor[1])
    weight = down @ valid.astype(float) @ across.T
    total = down @ (np.where(valid, dn, 0) * 1e-4) @ across.T
    with np.errstate(invalid="ignore", divide="ignore"):
        reflectance = total / weight
    normalised = np.nan_to_num((np.clip(reflectance, 0, 1.6) - 0.3) / 0.3, nan=0.0)
    logits = np.stack([np.zeros_like(weight), 2 * normalised.sum(axis=0), np.full_like(weight, -30)])
    odds = np.exp(logits - logits.max(axis=0))
    cloud = (odds / odds.sum(axis=0))[1]
    up_down, up_across = bilinear_weights(dn.shape[1], factor[0]), bilinear_weights(dn.shape[2], factor[1])
    plain = up_down @ cloud @ up_across.T
    if not guided or factor == (1, 1):
        return plain, valid
    light = reflectance[:3].mean(axis=0)
    slopes = up_down @ edge_slopes(cloud, light, threshold) @ up_across.T
    detail = np.round(dn[:3].mean(axis=0)) * 1e-4 - up_down @ np.nan_to_num(light) @ up_across.T
    return plain + 1.5 * slopes * detail, valid


def compare(path, dn, factor, model, **options):
    output = path.with_name("out.tif")
    mask_scene(path, output, MaskConfig(model=str(model), confidence=True, **options))
    cut = options.get("threshold", 0.5)
    guided = options.get("edges") != "plain"
    cloud, valid = reference(dn, factor, guided=guided, threshold=options.get("threshold"))
    with rasterio.open(output) as dataset:
        mask = dataset.read(1)
    with rasterio.open(path.with_name("out_confidence.tif")) as dataset:
        confidence = dataset.read(2)
    assert np.array_equal(mask != 255, valid)
    sure = valid & (np.abs(cloud - cut) > 1e-4)
    assert np.array_equal(mask[sure], (cloud > cut)[sure].astype(np.uint8))
    assert np.abs(confidence[valid] - 100 * cloud[valid].clip(0, 1)).max() <= 0.51
    assert (confidence[~valid] == 255).all()
    assert 0.02 < (mask == 1).sum() / valid.sum() < 0.9, "the case must hold cloud and clear"


@pytest.mark.parametrize(("height", "width"), [(900, 700), (331, 1200), (61, 64), (7, 512)])
def test_tiles_halo_and_streaming_do_not_show(tmp_path, known_model, height, width):
    dn = cloudy_dn(height, width)
    compare(write_scene(tmp_path / "a.tif", dn), dn, (10 / 3, 10 / 3), known_model)


def test_wide_scenes_of_which_nothing_is_held_twice(tmp_path, known_model):
    dn = cloudy_dn(150, WIDE + 16)
    compare(write_scene(tmp_path / "a.tif", dn), dn, (10 / 3, 10 / 3), known_model)


def test_pixels_that_are_not_square(tmp_path, known_model):
    dn = cloudy_dn(500, 600)
    path = write_scene(tmp_path / "a.tif", dn, transform=Affine(3, 0, 5e5, 0, -6, 7.9e6))
    compare(path, dn, (10 / 6, 10 / 3), known_model)


def test_rotated_and_south_up_grids(tmp_path, known_model):
    dn = cloudy_dn(400, 400)
    for transform in (NORTH_UP @ Affine.rotation(12), Affine(3, 0, 5e5, 0, 3, 7.9e6)):
        path = write_scene(tmp_path / "a.tif", dn, transform=transform)
        compare(path, dn, (10 / 3, 10 / 3), known_model, overwrite=True)


def test_native_resolution(tmp_path, known_model):
    dn = cloudy_dn(300, 200)
    compare(write_scene(tmp_path / "a.tif", dn), dn, (1, 1), known_model, gsd_m=3.0)


def test_strips_and_one_large_block(tmp_path, known_model):
    dn = cloudy_dn(700, 300)
    strips = write_scene(tmp_path / "a.tif", dn, tiled=False, blockxsize=300, blockysize=1)
    compare(strips, dn, (10 / 3, 10 / 3), known_model)
    whole = write_scene(tmp_path / "b.tif", dn, tiled=False, blockxsize=300, blockysize=700)
    compare(whole, dn, (10 / 3, 10 / 3), known_model, overwrite=True)


def test_halo_of_another_model(tmp_path):
    dn = cloudy_dn(600, 600)
    model = pixel_model(tmp_path / "model", tile=96, halo=47)
    compare(write_scene(tmp_path / "a.tif", dn), dn, (10 / 3, 10 / 3), model)


@pytest.mark.parametrize("options", [{"edges": "plain"}, {"threshold": 0.2}, {"threshold": 0.9}])
def test_edges(tmp_path, known_model, options):
    dn = cloudy_dn(500, 430)
    compare(write_scene(tmp_path / "a.tif", dn), dn, (10 / 3, 10 / 3), known_model, **options)
