from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catfast.errors import InputError
from catfast.models import ModelConfig

torch = pytest.importorskip("torch", reason='needs pip install "catfast[train]"')
pytest.importorskip("segmentation_models_pytorch", reason='needs pip install "catfast[train]"')
onnx = pytest.importorskip("onnx", reason='needs pip install "catfast[train]"')
pytest.importorskip("onnxscript", reason='needs pip install "catfast[train]"')
onnxruntime = pytest.importorskip("onnxruntime")

from catfast.models.builders import build  # noqa: E402
from catfast.models.folder import load, save  # noqa: E402
from catfast.models.onnx import export  # noqa: E402

UNET = {"type": "unet", "encoder": "tu-mobilenetv3_small_050", "decoder_channels": [16, 16, 8, 8, 8]}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(2)
    config = ModelConfig(name="small", architecture=UNET)
    module = build(config)
    for part in module.modules():  # statistics as after training, so that folding them is put to the test
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
    folder = save(module, config, tmp_path_factory.mktemp("model"))
    return folder, export(folder)


def test_onnxruntime_repeats_torch(exported):
    _, parity = exported
    assert parity.argmax_agreement > 0.999
    assert parity.largest_difference < 1e-4


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 96, 160)])
def test_batch_and_size_are_free_and_probabilities_sum_to_one(exported, shape):
    folder, _ = exported
    count, height, width = shape
    image = np.random.default_rng(0).random((count, 4, height, width), dtype=np.float32)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["probability"], {"image": image})
    with torch.no_grad():
        expected = torch.softmax(load(folder)(torch.from_numpy(image)), 1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1.0, atol=1e-5)


def test_weights_lie_once_on_disk(exported):
    folder, _ = exported
    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    outside = {t.name for t in graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL}
    stored = {n for n in load(folder).state_dict() if not n.endswith("num_batches_tracked")}
    assert outside == stored
    inside = sum(len(t.SerializeToString()) for t in graph.initializer if t.name not in outside)
    assert inside < 50_000


def test_the_graph_names_no_path_of_this_machine(exported):
    folder, _ = exported
    content = (folder / "model.onnx").read_bytes()
    assert str(Path.home()).encode() not in content or str(Path.home()) == "/"
    assert b".py" not in content


def test_loading_folds_casts_and_normalisation_away(exported, tmp_path):
    folder, _ = exported
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(tmp_path / "optimised.onnx", load_external_data=False).graph.node
    left = {node.op_type for node in nodes}
    assert not left & {"Cast", "CastLike", "BatchNormalization", "Expand"}


def test_a_model_that_disagrees_is_not_left_behind(tmp_path):
    config = ModelConfig(name="small", architecture=UNET)
    folder = save(build(config), config, tmp_path)
    with pytest.raises(InputError, match="differs from torch"):
        export(folder, tolerance=-1.0)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_segformer_exports(tmp_path):
    pytest.importorskip("transformers", reason='needs pip install "catfast[train]"')
    config = ModelConfig(name="b0", architecture={"type": "segformer", "variant": "b0"})
    folder = save(build(config), config, tmp_path)
    assert export(folder).largest_difference < 1e-4
