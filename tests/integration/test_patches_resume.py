"""Killed at random points, a run goes on to the same bytes; the long form is `make kills`."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.interruptions.strike import signals_by_default
from tests.kills import command, kill_and_resume
from tests.patch_reference import tree


@pytest.mark.parametrize(
    ("kind", "workers", "balance"), [("geotiff", 1, ()), ("safetensors", 2, ("--balance",))]
)
def test_killed_runs_go_on_to_the_same_bytes(paired_world, tmp_path, kind, workers, balance):
    options = ("--size", 96, "--format", kind, "--workers", workers, *balance)
    assert kill_and_resume(paired_world / "pairs.parquet", tmp_path, options, points=2, seed=workers) == 2


def test_workers_end_with_their_parent(paired_world, tmp_path):
    """A killed run leaves no process behind that goes on writing."""
    words = command(
        paired_world / "pairs.parquet", tmp_path / "s", ("--size", 32, "--stride", 16, "--workers", 2)
    )
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + 60
    while time.monotonic() < end and not list((tmp_path / "s").glob("images/*")):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 60
    while time.monotonic() < end and alive(process.pid):
        time.sleep(0.1)
    assert not alive(process.pid)
    before = tree(tmp_path / "s")
    time.sleep(0.5)
    assert tree(tmp_path / "s") == before


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_is_one_word_and_the_run_can_be_gone_on_with(paired_world, tmp_path, workers):
    options = ("--size", 32, "--stride", 12, "--workers", workers)
    words = command(paired_world / "pairs.parquet", tmp_path / "s", options)
    process = subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=signals_by_default
    )
    end = time.monotonic() + 60
    while time.monotonic() < end and not list((tmp_path / "s").glob("images/*")):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (130, "catfast: interrupted")
    end = time.monotonic() + 60  # Python's own tracker of resources ends a moment later
    while time.monotonic() < end and alive(process.pid):
        time.sleep(0.1)
    assert not alive(process.pid)
    assert not list((tmp_path / "s").rglob(".*.tmp"))


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
