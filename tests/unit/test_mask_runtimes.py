"""Runtimes: the same classes from each, and batches that memory does not hold."""

from __future__ import annotations

import numpy as np
import pytest

from catfast.errors import InputError, UsageError
from catfast.mask import MaskConfig, Masker
from catfast.mask.runtimes import choose_runtime
from catfast.mask.runtimes.halving import Halving
from catfast.models import ModelConfig, bundled
from catfast.simulate import batch
from tests.conftest import pixel_model

TILES = np.arange(7 * 4 * 2 * 2, dtype=np.float32).reshape(7, 4, 2, 2)
BEYOND = 1 << 54  # more bytes than processors can address


@pytest.fixture(scope="module")
def tiles() -> np.ndarray:
    """Simulated scenes as the bundled network sees them."""
    model = ModelConfig.load(bundled())
    images, _ = batch(6, 320, seed=11)
    return ((images.clip(*model.clip) - 0.3) / 0.3).astype(np.float32)


@pytest.fixture(scope="module")
def reference(tiles) -> np.ndarray:
    return choose_runtime(bundled(), device="cpu", threads=2).predict(tiles)


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_the_same_classes(tiles, reference, runtime):
    pytest.importorskip(runtime, reason="needs its extra")
    found = choose_runtime(bundled(), device="cpu", threads=2, runtime=runtime).predict(tiles)
    assert found.shape == reference.shape
    assert found.dtype == np.float32
    assert (found.argmax(1) == reference.argmax(1)).mean() >= 0.999
    assert len(np.unique(reference.argmax(1))) == 3, "the case must hold all classes"


def test_bf16_is_close_where_the_processor_has_it(tiles, reference):
    openvino = pytest.importorskip("openvino", reason='needs the extra "openvino"')
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(UsageError, match="AVX512_BF16"):
            choose_runtime(bundled(), device="cpu", threads=2, runtime="openvino-bf16")
        return
    network = choose_runtime(bundled(), device="cpu", threads=2, runtime="openvino-bf16")
    assert network.name == "openvino-bf16"
    assert (network.predict(tiles).argmax(1) == reference.argmax(1)).mean() > 0.99


def test_torch_in_16_bits_is_close(tiles, reference):
    pytest.importorskip("torch", reason='needs the extra "train"')
    network = choose_runtime(bundled(), device="cpu", threads=2, runtime="torch-bf16")
    assert network.name == "torch cpu bfloat16"
    assert (network.predict(tiles[:2]).argmax(1) == reference[:2].argmax(1)).mean() > 0.98
    assert 0.98 < network.alike() < 1


def test_what_16_bits_cannot_hold_is_computed_in_32(tmp_path):
    torch = pytest.importorskip("torch", reason='needs the extra "train"')
    from catfast.models import build, save

    config = ModelConfig(name="large", tile=64, halo=16)
    network = build(config)
    with torch.no_grad():
        network.segmentation_head[0].bias[:] = torch.tensor([0.0, 3.4e38, -3.4e38])
    save(network, config, tmp_path / "model")
    found = choose_runtime(tmp_path / "model", device="cpu", threads=2, runtime="torch-bf16")
    exact = choose_runtime(tmp_path / "model", device="cpu", threads=2, runtime="torch")
    tile = np.zeros((1, 4, 64, 64), np.float32)
    assert np.array_equal(found.predict(tile), exact.predict(tile))


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_batch_does_not_show(tiles, runtime):
    pytest.importorskip(runtime, reason="needs its extra")
    network = choose_runtime(bundled(), device="cpu", threads=2, runtime=runtime)
    few = tiles[:3, :, :96, :128].copy()
    parts = [network.predict(few[k : k + 1].copy()) for k in range(3)]
    assert np.array_equal(network.predict(few), np.concatenate(parts))


def test_what_is_chosen():
    def name(**options):
        return choose_runtime(bundled(), threads=1, **options).name

    assert name(device="auto") == name(device="cpu") == "onnxruntime"
    pytest.importorskip("openvino", reason='needs the extra "openvino"')
    assert name(device="cpu", runtime="auto") == "openvino"
    pytest.importorskip("torch", reason='needs the extra "train"')
    assert name(device="cpu", runtime="torch") == "torch cpu"


def test_what_cannot_be(tmp_path):
    with pytest.raises(UsageError, match="--runtime onnxruntime works on the processor: --device cuda"):
        choose_runtime(bundled(), device="cuda", threads=1, runtime="onnxruntime")
    model = pixel_model(tmp_path / "model")
    (model / "model.onnx").unlink()
    with pytest.raises(InputError, match=r"has no model\.onnx, which onnxruntime needs"):
        choose_runtime(model, device="cpu", threads=1, runtime="onnxruntime")
    with pytest.raises(UsageError, match="--runtime must be one of default, auto"):
        MaskConfig(runtime="tpu")


def numpy_run(most):
    """Doubles tiles; more than ``most`` at once are more than any machine holds."""

    def run(tiles):
        return tiles * 2 if len(tiles) <= most else np.empty((len(tiles), BEYOND))

    return run


def torch_run(most):
    torch = pytest.importorskip("torch", reason='needs the extra "train"')
    return lambda tiles: tiles * 2 if len(tiles) <= most else torch.empty(len(tiles), BEYOND).numpy()


def gpu_run(most):
    """As a GPU says it."""
    torch = pytest.importorskip("torch", reason='needs the extra "train"')

    def run(tiles):
        if len(tiles) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return tiles * 2

    return run


@pytest.mark.parametrize("kind", [numpy_run, torch_run, gpu_run])
@pytest.mark.parametrize("most", [1, 2, 3, 6])
def test_batches_are_halved_until_they_fit(kind, most):
    released = []
    batches = Halving(kind(most), lambda: released.append(True))
    assert np.array_equal(batches(TILES), TILES * 2)
    size = next(n for n in (7, 3, 1) if n <= most)
    (notice,) = batches.notices()
    assert notice.name == "batch_halved"
    assert f"until {size} fit" in notice.message
    assert len(released) == (7, 3, 1).index(size)
    assert np.array_equal(batches(TILES), TILES * 2)
    assert (batches.notices(), len(released)) == ((), (7, 3, 1).index(size)), "told once, and remembered"


def test_enough_memory_says_nothing():
    batches = Halving(numpy_run(7))
    assert np.array_equal(batches(TILES), TILES * 2)
    assert batches.notices() == ()


@pytest.mark.parametrize("kind", [numpy_run, torch_run, gpu_run])
def test_a_tile_that_does_not_fit_is_an_error(kind):
    with pytest.raises(UsageError, match="one tile of 2 x 2 pixels does not fit into memory"):
        Halving(kind(0))(TILES)


def test_other_errors_pass():
    def run(tiles):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        Halving(run)(TILES)


def test_a_mask_by_each(scene, tmp_path):
    pytest.importorskip("openvino", reason='needs the extra "openvino"')
    pytest.importorskip("torch", reason='needs the extra "train"')
    shares = [
        Masker(MaskConfig(runtime=runtime)).mask(scene, tmp_path / f"{runtime}.tif").classes["cloud"]
        for runtime in ("onnxruntime", "openvino", "torch")
    ]
    assert max(shares) - min(shares) <= 0.1
