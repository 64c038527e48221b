from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from catfast.errors import InputError, OutputError
from catfast.models.spec import ModelConfig


def test_config_survives_saving(tmp_path):
    config = ModelConfig(
        name="small",
        architecture={"type": "unet", "encoder": "resnet18", "decoder_channels": [64, 32, 16, 8, 8]},
        mean=(0.1, 0.2, 0.3, 0.4),
        tile=256,
        halo=32,
    )
    config.save(tmp_path)
    assert ModelConfig.load(tmp_path) == config


def test_codes_follow_class_names():
    assert ModelConfig(name="m", classes=("cloud", "clear", "snow")).codes == (1, 0, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classes": ("clear", "shadow")}, "cloud among them"),
        ({"classes": ("cloud", "mist")}, "unknown class 'mist'"),
        ({"bands": ("blue", "blue", "red", "nir")}, "distinct names"),
        ({"mean": (0.1,)}, "one number for each of the 4 bands"),
        ({"std": (0.3, 0.3, 0.0, 0.3)}, "above zero"),
        ({"gsd_m": float("nan")}, "finite"),
        ({"clip": (1.0, 0.5)}, "low and a higher"),
        ({"tile": 500}, "multiple of 32"),
        ({"halo": 288}, "under half"),
        ({"halo": 1.5}, "whole numbers"),
        ({"name": ""}, "non-empty"),
        ({"architecture": {}}, "with a type"),
    ],
)
def test_odd_values_are_refused_in_one_sentence(change, words):
    with pytest.raises(InputError, match=words) as caught:
        ModelConfig(**{"name": "m", **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "not a model configuration"),
        ('{"format": 99}', "not a model configuration of format 1"),
        ('{"format": 1, "name": "m", "colour": 3}', "unknown entry 'colour'"),
        ('{"format": 1}', "does not describe a model"),
        ('{"format": 1, "name": "m", "mean": 3}', "does not describe a model"),
        ('{"format": 1, "name": "m", "tile": 33}', "tile must be a multiple"),
    ],
)
def test_odd_files_are_refused_and_named(tmp_path, text, words):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        ModelConfig.load(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_missing_config_says_not_a_model_folder(tmp_path):
    with pytest.raises(InputError, match="not a model folder"):
        ModelConfig.load(tmp_path)


def test_config_file_is_readable_json(tmp_path):
    ModelConfig(name="m").save(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    assert content["format"] == 1
    assert content["bands"] == ["blue", "green", "red", "nir"]


def test_reading_a_config_imports_neither_torch_nor_onnx():
    code = (
        "import sys, catfast.models as m; m.ModelConfig(name='m'); m.resolve; "
        "print([x for x in ('torch', 'onnx', 'onnxruntime', 'safetensors') if x in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.skipif(os.name != "posix", reason="limits of file sizes are those of POSIX")
def test_a_full_disk_leaves_the_configuration_that_was_there(tmp_path):
    import resource

    path = ModelConfig(name="first").save(tmp_path)
    before, (soft, hard) = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(OutputError, match=r"config.json: cannot be written"):
            ModelConfig(name="second").save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {path.name: before}
