from __future__ import annotations

import json
import struct

import pytest

from catfast.errors import InputError
from catfast.models import ModelConfig, bundled, resolve, sha256
from catfast.models.folder import load, save
from catfast.models.tensors import layout

torch = pytest.importorskip("torch", reason='needs pip install "catfast[train]"')
pytest.importorskip("segmentation_models_pytorch", reason='needs pip install "catfast[train]"')

from catfast.models.builders import BUILDERS, build  # noqa: E402

SMALL = ModelConfig(
    name="small",
    architecture={
        "type": "unet",
        "encoder": "tu-mobilenetv3_small_050",
        "decoder_channels": [16, 16, 8, 8, 8],
    },
)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(1)
    return save(build(SMALL), SMALL, tmp_path / "model")


def test_what_is_saved_is_loaded(tmp_path):
    torch.manual_seed(1)
    module = build(SMALL)
    loaded = load(save(module, SMALL, tmp_path))
    assert not loaded.training
    for name, tensor in module.state_dict().items():
        found = loaded.state_dict()[name]
        assert found.dtype == tensor.dtype
        if tensor.dtype == torch.float32:
            stored = tensor.half().float() if tensor.ndim > 1 else tensor
            torch.testing.assert_close(found, stored, rtol=0, atol=0)


def test_kernels_are_half_precision_and_vectors_single(folder):
    kinds = {(len(place.shape) > 1, place.dtype) for place in layout(folder / "model.safetensors").values()}
    assert kinds == {(True, "F16"), (False, "F32")}


def test_weights_that_fp16_cannot_hold_are_not_saved(tmp_path):
    module = build(SMALL)
    next(p for p in module.parameters() if p.ndim == 4).data.fill_(1e6)
    with pytest.raises(InputError, match="too large"):
        save(module, SMALL, tmp_path)


def test_the_digest_names_the_weights(folder, tmp_path):
    other = save(build(SMALL), SMALL, tmp_path / "other")
    assert sha256(folder) == sha256(folder) != sha256(other)


def test_resolve_takes_a_folder_or_a_bundled_name(folder):
    assert resolve(folder) == folder
    with pytest.raises(InputError, match="no bundled model, and no folder, is called 'nonesuch'"):
        resolve("nonesuch")
    for path in ("some/where/else", "./nonesuch", "nonesuch/"):
        with pytest.raises(InputError, match=f"there is no model folder {path}; bundled models: "):
            resolve(path)
    (folder / "config.json").unlink()
    for path in (folder, folder / "model.safetensors"):
        with pytest.raises(InputError, match="is not a model folder"):
            resolve(path)
    with pytest.raises(InputError, match="no bundled model"):
        bundled("nonesuch")


@pytest.mark.parametrize("name", ["best.pt", "pytorch_model.bin", "last.ckpt"])
def test_a_pickled_checkpoint_is_refused_by_name(name):
    with pytest.raises(InputError, match="pickled checkpoint"):
        resolve(name)


def test_a_folder_with_only_a_pickle_is_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    for call in (resolve, load, sha256):
        with pytest.raises(InputError, match=r"pytorch_model\.bin is a pickle"):
            call(folder)


@pytest.mark.parametrize("content", [b"PK\x03\x04" + b"\0" * 100, b"\x80\x04" + b"\0" * 100])
def test_a_pickle_named_safetensors_is_refused(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="pickle"):
        load(folder)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_truncated_file_is_refused(folder, keep):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError) as caught:
        load(folder)
    assert str(path) in str(caught.value)


def test_a_broken_header_is_refused(folder):
    header = json.dumps({"a": {"dtype": "F16"}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(InputError, match="header is broken"):
        load(folder)


def test_weights_of_another_network_are_refused(folder):
    ModelConfig(name="m", architecture={"type": "unet", "encoder": "resnet18"}).save(folder)
    with pytest.raises(InputError, match="does not fit the unet"):
        load(folder)
    narrower = dict(SMALL.architecture, decoder_channels=[16, 16, 8, 8, 16])
    ModelConfig(name="m", architecture=narrower).save(folder)
    with pytest.raises(InputError, match="should be"):
        load(folder)


def test_unknown_architectures_list_the_choices():
    with pytest.raises(InputError, match=", ".join(BUILDERS)):
        build(ModelConfig(name="m", architecture={"type": "gan"}))
    with pytest.raises(InputError, match="b0, b1, b2"):
        build(ModelConfig(name="m", architecture={"type": "segformer", "variant": "b9"}))
    with pytest.raises(InputError, match="no option 'depth'"):
        build(ModelConfig(name="m", architecture={"type": "unet", "depth": 3}))
    with pytest.raises(InputError, match=r"no unet can be built.*nonesuch") as caught:
        build(ModelConfig(name="m", architecture={"type": "unet", "encoder": "nonesuch"}))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("architecture", [SMALL.architecture, {"type": "segformer", "variant": "b0"}])
def test_builders_give_logits_of_the_input_size(architecture):
    module = build(ModelConfig(name="m", architecture=architecture)).eval()
    with torch.no_grad():
        assert module(torch.zeros(1, 4, 64, 96)).shape == (1, 3, 64, 96)


MEAN = {"type": "mean", "members": [SMALL.architecture, SMALL.architecture], "shares": [0.75, 0.25]}


def test_a_mean_gives_the_weighted_logits_of_its_members(tmp_path):
    torch.manual_seed(1)
    config = ModelConfig(name="both", architecture=MEAN)
    module = load(save(build(config), config, tmp_path))
    image = torch.rand(2, 4, 64, 32)
    with torch.no_grad():
        first, second = (member(image) for member in module.members)
        assert not torch.allclose(first, second, atol=1e-3)
        assert torch.allclose(module(image), 0.75 * first + 0.25 * second, atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"members": []}, "members of a mean"),
        ({"members": "unet"}, "members of a mean"),
        ({"members": [{"encoder": "resnet18"}, {"type": "unet"}]}, "members of a mean"),
        ({"members": [MEAN, SMALL.architecture]}, "members of a mean"),
        ({"members": [SMALL.architecture]}, "shares of a mean"),
        ({"shares": [0.5, 0.0]}, "shares of a mean"),
        ({"shares": [0.5, "0.5"]}, "shares of a mean"),
        ({"depth": 3}, "no option 'depth'"),
    ],
)
def test_a_mean_of_something_else_is_refused(changed, message):
    with pytest.raises(InputError, match=message):
        build(ModelConfig(name="both", architecture=MEAN | changed))
