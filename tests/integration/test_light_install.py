"""A wheel in an empty environment: small, without torch, and able to mask."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import cloudy_dn, write_scene

ROOT = Path(__file__).parents[2]
LIMIT_MB = 400


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def light(tmp_path_factory) -> Path:
    """Folder of a fresh environment with the wheel of this tree and its light dependencies."""
    folder = tmp_path_factory.mktemp("light")
    build = run(
        sys.executable,
        "-m",
        "maturin",
        "build",
        "--release",
        "-q",
        "-m",
        ROOT / "rust/catfast-py/Cargo.toml",
        "-o",
        folder,
    )
    assert build.returncode == 0, build.stderr
    (wheel,) = folder.glob("catfast-*-abi3-*.whl")
    assert run(sys.executable, "-m", "venv", folder / "venv").returncode == 0
    python = folder / "venv/bin/python"
    installed = run(python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel)
    if installed.returncode and not os.environ.get("CI"):
        pytest.skip(f"the package index cannot be reached: {installed.stderr.strip().splitlines()[-1]}")
    assert installed.returncode == 0, installed.stderr
    return folder


def test_it_is_small(light):
    sizes = run("du", "-sm", light / "venv").stdout.split()
    assert int(sizes[0]) < LIMIT_MB


def test_it_holds_no_extra(light):
    names = ("torch", "transformers", "pyspark", "safetensors", "xarray")
    code = f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"
    assert run(light / "venv/bin/python", "-c", code).stdout.strip() == "[]"


def test_it_masks_with_the_bundled_model(light, tmp_path):
    scene = write_scene(tmp_path / "20230601_101112_12_2401_3B_AnalyticMS_SR.tif", cloudy_dn())
    done = run(light / "venv/bin/catfast", "mask", scene, "--json")
    assert done.returncode == 0, done.stderr
    (result,) = map(json.loads, done.stdout.splitlines())
    assert (result["status"], result["model"]) == ("done", "default")


def test_rio_finds_it(light):
    done = run(light / "venv/bin/rio", "catfast", "mask", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: rio catfast mask ")


def test_it_simulates(light, tmp_path):
    done = run(light / "venv/bin/catfast", "simulate", tmp_path / "w", "--pairs", "1", "--size", "384", "-q")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "w").rglob("*_AnalyticMS*.tif"))


def test_a_model_without_onnx_asks_for_the_extra(light, tmp_path, known_model):
    (tmp_path / "m").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "m" / name).write_bytes((known_model / name).read_bytes())
    scene = write_scene(tmp_path / "a.tif", cloudy_dn())
    done = run(light / "venv/bin/catfast", "mask", scene, "--model", tmp_path / "m")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert 'pip install "catfast[train]"' in done.stderr
