"""``catfast doctor`` finds what is wrong, and ``catfast cite`` prints what can be parsed."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import catfast
from catfast.models import bundled, bundled_names
from tests.conftest import run_catfast


def test_a_sound_installation(tmp_path):
    run = run_catfast("doctor", "--json")
    found = {finding["name"]: finding for finding in run.objects}
    assert run.code == 0, run.out
    for name in ("python", "kernels", "gdal", "model", "mask", "extra pairs", "extra train"):
        assert found[name]["status"] == "ok", found[name]
    assert "a simulated scene was masked" in found["mask"]["text"]


@pytest.mark.parametrize("file", ["default/model.safetensors", "accurate/model.onnx", "accurate/config.json"])
def test_changed_models_are_found(tmp_path, file):
    """A copy of the package in which a file of a model differs in one byte."""
    package = tmp_path / "catfast"
    shutil.copytree(Path(catfast.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    changed = package / "models" / "weights" / file
    data = bytearray(changed.read_bytes())
    data[-1] ^= 1
    changed.write_bytes(data)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from catfast.cli import main; main(['doctor'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout
    assert re.search(rf"BAD +model +{file}: .* was shipped\n +-> reinstall catfast", run.stdout)


@pytest.mark.parametrize("name", bundled_names())
def test_every_bundled_model_has_the_digests_of_its_files(name):
    lines = (bundled(name) / "SHA256SUMS").read_text().splitlines()
    listed = {file: digest for digest, file in map(str.split, lines)}
    assert set(listed) == {"config.json", "model.onnx", "model.safetensors"}
    for file, digest in listed.items():
        assert hashlib.sha256((bundled(name) / file).read_bytes()).hexdigest() == digest


def test_citations_are_bibtex():
    text = run_catfast("cite").out
    assert text.count("{") == text.count("}")
    assert re.findall(r"^@(\w+)\{", text, re.M) == ["article", "software"]
    assert f"version = {{{catfast.__version__}}}" in text
