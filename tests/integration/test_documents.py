"""Every code block of README and docs runs; what cannot is listed, with its reason."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from catfast.cli import COMMANDS
from tests.documents import DOCUMENTS, NOT_RUN, PLAIN, ROOT, blocks, prepare, programs, script
from tests.interruptions.cases import make_world

EVERYTHING = [block for document in DOCUMENTS for block in blocks(document)]

BEFORE = """
import numpy as np
import rasterio
import xarray

with rasterio.open("scene.tif") as image:
    array = (image.read() / 10_000).astype("float32")
    transform, crs = image.transform, image.crs
x = transform.c + 3.0 * (np.arange(array.shape[2]) + 0.5)
y = transform.f - 3.0 * (np.arange(array.shape[1]) + 0.5)
da = xarray.DataArray(array, dims=("band", "y", "x"), coords={"x": x, "y": y})
"""
"""What a reader of README has at hand."""


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("documents"), pairs=4, size=384)


@pytest.mark.parametrize(
    "document", sorted({b.document for b in EVERYTHING if b.kind in ("shell", "python")})
)
def test_code_blocks_run_in_their_order(document, simulated, tmp_path):
    folder = tmp_path / "place"
    prepare(folder, simulated)
    environment = programs(tmp_path / "bin")
    for block in blocks(document):
        if block.kind == "shell":
            words = ["bash", "-c", script(block)]
        elif block.kind == "python":
            words = [sys.executable, "-c", BEFORE + block.text]
        else:
            continue
        run = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{document}, line {block.line}:\n{words[-1]}\n{run.stderr}"
        assert "Traceback" not in run.stderr


def test_lists_of_what_is_not_run_name_what_is_there():
    commands = [command for block in EVERYTHING if block.kind == "shell" for command in block.commands()]
    plain = [block.text for block in EVERYTHING if block.kind == "plain"]
    for beginning in NOT_RUN:
        assert any(command.startswith(beginning) for command in commands), f"no block has {beginning!r}"
    for beginning in PLAIN:
        assert any(text.startswith(beginning) for text in plain), f"no block has {beginning!r}"


def test_no_block_is_passed_over():
    """A block that is neither Python nor for the shell must be listed as plain."""
    unknown = [b for b in EVERYTHING if b.kind == "plain" and not b.text.startswith(tuple(PLAIN))]
    assert not unknown
    assert sum(block.kind == "shell" for block in EVERYTHING) > 20
    assert sum(block.kind == "python" for block in EVERYTHING) >= 4


def links() -> list[tuple[str, str]]:
    """Name and file of each test that the page of guarantees links to."""
    text = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
    return re.findall(r"\[(test_\w+)\]\(\.\./(tests/[\w/]+\.py)\)", text)


@pytest.mark.parametrize(("name", "file"), sorted(set(links())))
def test_a_guarantee_names_a_test(name, file):
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_guarantee_has_a_test():
    rows = [
        line.split("|")
        for line in (ROOT / "docs" / "guarantees.md").read_text("utf-8").splitlines()
        if line.startswith("|") and not line.startswith(("| ---", "| promise"))
    ]
    assert len(rows) > 15
    assert all("](../tests/" in row[2] for row in rows)


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("furo", reason='needs the extra "dev"')
    words = [
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-d",
        tmp_path / "doctrees",
        ROOT / "docs",
        tmp_path / "site",
    ]
    run = subprocess.run(
        [sys.executable, "-m", "sphinx", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    page = (tmp_path / "site" / "commands.html").read_text("utf-8")
    for name in COMMANDS:
        assert f'id="catfast-{name}"' in page
    assert "raster" in (tmp_path / "site" / "map.html").read_text("utf-8")
    outside = re.findall(r'(?:src|href)="(https?://[^"]+)"', page)
    assert not [address for address in outside if re.search(r"\.(js|css|woff2?)\b", address)]
