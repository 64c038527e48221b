"""The bundled model: size, card, runtimes that agree, and masks that depend on nothing but the scene."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from catfast import MaskConfig, mask_scene
from catfast.models import ModelConfig, bundled, bundled_names
from tests.conftest import write_scene

LIMIT_BYTES = 15_000_000


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A simulated scene of 3 m, surface reflectance, large enough for several rows and columns of tiles."""
    from catfast.simulate import batch

    image, _ = batch(1, 512, seed=7)
    dn = np.clip(np.round(np.repeat(np.repeat(image[0], 5, 1), 5, 2) * 1e4), 1, 65535).astype(np.uint16)
    dn[:, :300, :200] = 0
    return write_scene(tmp_path_factory.mktemp("s") / "20230601_101112_12_2401_3B_AnalyticMS_SR.tif", dn)


def codes_of(scene, tmp_path, **options):
    output = tmp_path / "mask.tif"
    mask_scene(scene, output, MaskConfig(overwrite=True, **options))
    with rasterio.open(output) as dataset:
        return dataset.read(1)


def test_all_of_them_are_small():
    sizes = [path.stat().st_size for path in bundled().parent.rglob("*") if path.is_file()]
    assert sum(sizes) <= LIMIT_BYTES


@pytest.mark.parametrize("name", bundled_names())
def test_it_has_a_card(name):
    card = (bundled(name) / "README.md").read_text()
    for source in ("L8 Biome", "CC BY 4.0", "Copernicus Sentinel", "simulat"):
        assert source.lower() in card.lower()
    assert "None of these figures is an accuracy for PlanetScope or for the Arctic" in card
    config = ModelConfig.load(bundled(name))
    assert (config.gsd_m, config.name) == (10, name)


def test_the_mask_does_not_depend_on_batch_or_threads(simulated, tmp_path):
    reference = codes_of(simulated, tmp_path, batch_size=1, threads=1, gsd_m=3.0)
    assert {0, 1, 255} <= set(np.unique(reference))
    for batch_size, threads in ((2, 1), (7, 2), (32, 3)):
        again = codes_of(simulated, tmp_path, batch_size=batch_size, threads=threads, gsd_m=3.0)
        assert np.array_equal(again, reference)


def test_the_mask_does_not_depend_on_how_the_file_is_cut_into_blocks(simulated, tmp_path):
    with rasterio.open(simulated) as dataset:
        dn = dataset.read()
    reference = codes_of(simulated, tmp_path)
    (tmp_path / "other").mkdir()
    for options in ({"tiled": False, "blockxsize": dn.shape[2], "blockysize": 7}, {"blockysize": 1024}):
        other = write_scene(tmp_path / "other" / simulated.name, dn, **options)
        assert np.array_equal(codes_of(other, tmp_path), reference)


@pytest.mark.parametrize("name", bundled_names())
def test_torch_and_onnxruntime_agree(simulated, tmp_path, name):
    pytest.importorskip("torch", reason='needs the extra "train"')
    folder = tmp_path / "torch"
    folder.mkdir()
    for file in ("config.json", "model.safetensors"):
        (folder / file).write_bytes((bundled(name) / file).read_bytes())
    ours, theirs = (codes_of(simulated, tmp_path, model=model) for model in (name, str(folder)))
    assert (ours == theirs).mean() >= 0.999


def test_the_accurate_one_is_another(simulated, tmp_path):
    ours, theirs = (codes_of(simulated, tmp_path, model=name) for name in ("default", "accurate"))
    assert 0.8 < (ours == theirs).mean() < 1
