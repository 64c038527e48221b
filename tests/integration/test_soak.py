"""Many scenes in one process; the long form is `make soak`."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_soak():
    """In a process of its own: the tests before it have their own memory."""
    code = (
        "import tempfile, sys; from pathlib import Path; from tests.soak import soak\n"
        "with tempfile.TemporaryDirectory() as name: result = soak(Path(name), minutes=0, least=28)\n"
        "print(result.sentence()); sys.exit(not result.sound())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
