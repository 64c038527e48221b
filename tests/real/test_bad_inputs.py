"""The shared catalogue of 61 hostile or odd scenes: every one answered, none with a traceback."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[3] / "shared" / "tools"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> list[str]:
    if not TOOLS.is_dir():
        pytest.skip("no catalogue of bad inputs: ../shared/tools is absent")
    folder = tmp_path_factory.mktemp("bad")
    made = subprocess.run([sys.executable, TOOLS / "make_bad_inputs.py", folder], check=False)
    assert made.returncode == 0
    catfast = Path(sys.executable).with_name("catfast")
    tried = subprocess.run(
        [sys.executable, TOOLS / "try_bad_inputs.py", folder, catfast],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stdout.splitlines()


def test_all_are_tried_and_none_breaks_anything(report):
    counts = {name: int(number) for number, name in re.findall(r"(\d+) ([a-z ]+)", report[-1])}
    assert counts.pop("tried") == 61
    assert counts == dict.fromkeys(counts, 0), report
    assert len(counts) == 9
