"""``catfast export``: from a run that torch masks with to a folder that onnxruntime masks with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from catfast.errors import InputError, OutputError, UsageError
from catfast.models import ExportConfig, ModelConfig, export_run, model_card, sha256
from tests.conftest import cloudy_dn, run_catfast, write_scene
from tests.evaluate_files import blobs, image_of, patch_store

torch = pytest.importorskip("torch", reason='needs pip install "catfast[train]"')
pytest.importorskip("segmentation_models_pytorch", reason='needs pip install "catfast[train]"')
onnx = pytest.importorskip("onnx", reason='needs pip install "catfast[train]"')

from catfast.models.builders import build  # noqa: E402
from catfast.models.exporting import LEAST_AGREEMENT  # noqa: E402
from catfast.models.folder import save  # noqa: E402
from catfast.models.onnx import export  # noqa: E402

SMALL = {"type": "unet", "encoder": "resnet18", "decoder_channels": [16, 8, 8]}
CONFIG = ModelConfig(name="small", architecture=SMALL, tile=64, halo=8)


def make_run(folder, *, sure: bool = False, config: ModelConfig = CONFIG):
    """A run as training leaves it; where ``sure``, one class wins everywhere."""
    torch.manual_seed(3)
    module = build(config)
    if sure:
        head = module.segmentation_head[0]
        with torch.no_grad():
            head.weight *= 0.01
            head.bias[:] = torch.tensor([5.0, 0.0, 0.0])
    save(module, config, folder)
    (folder / "train.toml").write_text("simulated = true\nseed = 7\n")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "unet")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    dn = cloudy_dn(300, 300)
    return write_scene(tmp_path_factory.mktemp("s") / "20230601_101112_12_2401_3B_AnalyticMS_SR.tif", dn)


def masked(scene, model, output):
    done = run_catfast("mask", scene, "--model", model, "-o", output)
    assert done.code == 0, done.err
    with rasterio.open(output) as dataset:
        return dataset.read(1)


def test_a_run_masks_before_and_after_its_export(run, scene, tmp_path):
    before = masked(scene, run, tmp_path / "before.tif")
    digest = sha256(run)
    done = run_catfast("export", run, "--onnx", "--json", "--patches", 6)
    assert done.code == 0, done.err
    (said,) = done.objects
    assert said["argmax_agreement"] > 0.9999
    assert said["largest_difference"] < 1e-3
    assert said["checked_on"] == "6 simulated patches"
    assert "same class as torch in" in done.err
    assert {path.name for path in run.iterdir()} == {
        "README.md", "config.json", "item.json", "model.onnx", "model.safetensors", "train.toml",
    }  # fmt: skip
    assert sha256(run) == digest
    after = masked(scene, run, tmp_path / "after.tif")
    assert (before != after).mean() < 1e-3
    card = (run / "README.md").read_text()
    assert "**Simulated images**" in card
    assert "seed = 7" in card
    assert digest in card
    assert json.loads((run / "item.json").read_text())["properties"]["mlm:name"] == "catfast-small"

    assets = json.loads((run / "item.json").read_text())["assets"]
    for asset, name in (("model", "model.onnx"), ("weights", "model.safetensors")):
        assert assets[asset]["href"] == f"./{name}"
        assert assets[asset]["catfast:sha256"] == hashlib.sha256((run / name).read_bytes()).hexdigest()

    again = run_catfast("export", run, "--onnx")
    assert (again.code, "exists already" in again.err) == (4, True)


def test_what_counts_is_the_class_not_a_probability_on_noise(tmp_path):
    """Sums of the same huge numbers in other orders: rounding shows in probabilities, and in no class."""
    torch.manual_seed(3)
    module = build(CONFIG)
    convolution, norm, *_ = module.decoder.blocks[-1].conv2
    head = module.segmentation_head[0]
    with torch.no_grad():
        convolution.weight[:] = convolution.weight[:1].clone()
        norm.weight[:] = 1e7
        head.weight[:] = torch.stack([head.weight[0].roll(shift, 0) for shift in range(3)])
        head.bias[:] = torch.tensor([0.0, 3.0, -3.0])
    save(module, CONFIG, tmp_path / "run")
    (tmp_path / "run" / "train.toml").write_text("simulated = true\n")
    with pytest.raises(InputError, match="differs from torch"):
        export(tmp_path / "run")
    parity = export_run(tmp_path / "run", config=ExportConfig(patches=3)).parity
    assert parity.argmax_agreement >= LEAST_AGREEMENT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("int8")
    pytest.importorskip("pyarrow", reason='needs the extra "pairs"')
    images = np.stack([image_of(blobs((64, 64), seed)) for seed in range(6)])
    store = patch_store(place / "store", images, np.zeros((6, 64, 64), np.uint8))
    config = ExportConfig(precision="int8", calibrate=store, force=True)
    return place, export_run(make_run(place / "run", sure=True), place / "out", config)


class TestInt8:
    def test_the_onnx_file_stands_alone(self, made):
        place, result = made
        assert set(result.files) == {"README.md", "config.json", "item.json", "model.onnx"}
        graph = onnx.load(place / "out" / "model.onnx").graph
        kinds = [node.op_type for node in graph.node]
        assert "DequantizeLinear" in kinds
        assert any(tensor.data_type == onnx.TensorProto.INT8 for tensor in graph.initializer)
        assert model_card(place / "out").sha256 == sha256(place / "out") != sha256(place / "run")

    def test_parity_is_of_patches_that_did_not_calibrate(self, made):
        _, result = made
        assert result.checked_on == "4 patches of store"
        assert result.parity.argmax_agreement == 1.0
        assert 0 < result.parity.largest_difference < 0.05

    def test_it_masks(self, made, scene, tmp_path):
        place, _ = made
        codes = masked(scene, place / "out", tmp_path / "mask.tif")
        assert set(np.unique(codes)) == {0, 255}

    def test_too_little_agreement_is_refused_and_leaves_nothing(self, run, tmp_path):
        config = ExportConfig(precision="int8", patches=6)
        with pytest.raises(InputError, match=r"gives the class of torch to .* under 99.5% \(--force"):
            export_run(run, tmp_path / "out", config)
        assert not list(tmp_path.iterdir())


class TestRefusals:
    def test_a_bundled_model_stays_as_it_is(self):
        with pytest.raises(UsageError, match="give -o DIR"):
            export_run("default")

    def test_a_folder_that_is_no_model_is_not_replaced(self, run, tmp_path):
        (tmp_path / "thesis").mkdir()
        with pytest.raises(OutputError, match="exists already"):
            export_run(run, tmp_path / "thesis")
        with pytest.raises(OutputError, match="expected another model folder"):
            export_run(run, tmp_path / "thesis", ExportConfig(overwrite=True))

    def test_a_run_is_no_export_to_replace(self, run, tmp_path):
        """Its state, logs and settings would be gone."""
        other = make_run(tmp_path / "other")
        with pytest.raises(OutputError, match=r"expected an export to replace, found train\.toml in it"):
            export_run(run, other, ExportConfig(overwrite=True, patches=3))
        assert (other / "train.toml").exists()

    def test_both_precisions(self, run):
        done = run_catfast("export", run, "--int8", "--fp16")
        assert (done.code, "exclude each other" in done.err) == (2, True)

    def test_no_run(self, tmp_path):
        done = run_catfast("export", tmp_path)
        assert (done.code, len(done.err.strip().splitlines())) == (3, 1)

    def test_options_outside_their_range(self):
        with pytest.raises(UsageError):
            ExportConfig(precision="int4")
        with pytest.raises(UsageError):
            ExportConfig(patches=2)


def test_paths_may_be_texts(made):
    place, _ = made
    config = ExportConfig(calibrate=str(place / "store"), patches=3)
    result = export_run(str(place / "run"), str(place / "texts"), config)
    assert result.output == place / "texts"
    assert result.checked_on == "3 patches of store"
    again = export_run(str(place / "run"), str(place / "texts"), replace(config, overwrite=True))
    assert again.files == result.files


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_network_of_fewer_bands_sees_its_own(scene, tmp_path, calibrated):
    some = {"bands": ("nir", "green"), "mean": (0.3, 0.2), "std": (0.3, 0.1), "classes": ("clear", "cloud")}
    folder = make_run(tmp_path / "two", config=replace(CONFIG, **some))
    before = masked(scene, folder, tmp_path / "before.tif")
    images = np.stack([image_of(blobs((64, 64), seed)) for seed in range(6)])
    store = patch_store(tmp_path / "store", images, np.zeros((6, 64, 64), np.uint8))
    given = ["--calibrate", store] if calibrated else []
    done = run_catfast("export", folder, "--onnx", "--json", "--patches", 4, *given)
    assert done.code == 0, done.err
    assert done.objects[0]["argmax_agreement"] > 0.9999
    assert (before != masked(scene, folder, tmp_path / "after.tif")).mean() < 1e-3
