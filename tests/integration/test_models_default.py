"""The bundled model as a user gets it: run by onnxruntime alone, without torch."""

from __future__ import annotations

import numpy as np
import pytest

from catfast.models import ModelConfig, bundled, resolve, sha256
from catfast.models.tensors import layout
from catfast.simulate import batch

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def classify():
    folder = bundled()
    config = ModelConfig.load(folder)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    mean, std = (np.asarray(v, np.float32)[:, None, None] for v in (config.mean, config.std))

    def run(image):
        seen = (np.clip(image, *config.clip) - mean) / std
        (probability,) = session.run(["probability"], {"image": seen.astype(np.float32)})
        return np.asarray(config.classes)[probability.argmax(1)]

    return run


def test_the_default_model_is_whole_and_small():
    folder = resolve("default")
    assert folder == bundled()
    assert {"config.json", "model.safetensors", "model.onnx", "README.md"} <= {
        p.name for p in folder.iterdir()
    }
    assert sum(path.stat().st_size for path in folder.iterdir()) < 15e6
    assert len(sha256(folder)) == 64
    assert len(layout(folder / "model.safetensors")) > 50


def test_its_card_names_its_sources_and_its_limits():
    card = (bundled() / "README.md").read_text(encoding="utf-8")
    for words in ("L8 Biome", "CC BY 4.0", "modified Copernicus Sentinel data", "ukis-csmask", "blue > 0.20"):
        assert words in card
    assert "None of these figures is an accuracy for PlanetScope or for the Arctic" in card


def test_it_tells_cloud_from_ground_in_simulated_scenes(classify):
    image, label = batch(32, 128, seed=20_240_229)
    found, truth = classify(image) == "cloud", label == 1
    overlap = (found & truth).sum() / (found | truth).sum()
    rule = image[:, 0] > 0.2
    assert overlap > 0.5
    assert overlap > (rule & truth).sum() / (rule | truth).sum() + 0.1


def test_it_sees_no_cloud_where_there_is_nothing(classify):
    spectra = {"water": (0.06, 0.05, 0.03, 0.01), "tundra": (0.05, 0.07, 0.08, 0.22)}
    noise = np.random.default_rng(0).normal(0, 0.003, (4, 256, 256))
    for name, spectrum in spectra.items():
        image = (np.asarray(spectrum)[:, None, None] + noise).astype(np.float32)[None]
        assert (classify(image) == "cloud").mean() < 0.01, name


def test_torch_and_onnxruntime_agree_on_it(classify):
    torch = pytest.importorskip("torch", reason='needs pip install "catfast[train]"')
    pytest.importorskip("segmentation_models_pytorch", reason='needs pip install "catfast[train]"')
    from catfast.models import load

    config = ModelConfig.load(bundled())
    image, _ = batch(2, 64, seed=1)
    mean, std = (torch.tensor(v).view(1, 4, 1, 1) for v in (config.mean, config.std))
    with torch.no_grad():
        logits = load(bundled())((torch.from_numpy(image).clamp(*config.clip) - mean) / std)
    agree = classify(image) == np.asarray(config.classes)[logits.argmax(1).numpy()]
    assert agree.mean() > 0.999
