"""``catfast doctor`` finds what is wrong, and ``catfast cite`` prints what can be parsed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import catfast
from tests.conftest import run_catfast


def test_a_sound_installation(tmp_path):
    run = run_catfast("doctor", "--json")
    found = {finding["name"]: finding for finding in run.objects}
    assert run.code == 0, run.out
    for name in ("python", "kernels", "gdal", "model", "mask", "extra pairs", "extra train"):
        assert found[name]["status"] == "ok", found[name]
    assert "a simulated scene was masked" in found["mask"]["text"]


def test_changed_weights_are_found(tmp_path):
    """A copy of the package whose weights differ in one byte."""
    package = tmp_path / "catfast"
    shutil.copytree(Path(catfast.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    weights = package / "models" / "weights" / "default" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from catfast.cli import main; main(['doctor'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout
    assert re.search(r"BAD +model .* was shipped\n +-> reinstall catfast", run.stdout)


def test_citations_are_bibtex():
    text = run_catfast("cite").out
    assert text.count("{") == text.count("}")
    assert re.findall(r"^@(\w+)\{", text, re.M) == ["article", "software"]
    assert f"version = {{{catfast.__version__}}}" in text
