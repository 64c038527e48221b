"""Memory that is given out again, but never while any part of it is in use."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys

import numpy as np
import pytest

from catfast.raster import Memory


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_memory_of_an_array_that_is_gone_holds_the_next() -> None:
    memory = Memory()
    first = memory.empty((4, 64, 100), np.dtype("u2"))
    assert first.shape == (4, 64, 100)
    assert first.flags.c_contiguous
    address = _address(first)
    del first
    gc.collect()
    assert _address(memory.empty((4, 64, 100), np.dtype("u2"))) == address


def test_memory_is_kept_while_any_view_of_it_lives() -> None:
    memory = Memory()
    first = memory.empty((4, 64, 100), np.dtype("u2"))
    first[:] = 7
    kept = np.ascontiguousarray(first[1])[None].view("u1")[:, 3:9]
    del first
    gc.collect()
    for _ in range(5):
        memory.empty((4, 64, 100), np.dtype("u2"))[:] = 9
    assert set(kept.view("u2").ravel().tolist()) == {7}


def test_memory_of_another_size_is_not_taken() -> None:
    memory = Memory()
    memory.empty((10,), np.dtype("u1"))
    gc.collect()
    array = memory.empty((3, 5), np.dtype("f4"))
    array[:] = 1.5
    assert array.sum() == 22.5


LEFT_BETWEEN = """
import numpy as np
from catfast.raster import free_large_at_once

if {called}:
    free_large_at_once()
for _ in range(2):  # the first time teaches glibc to keep such arrays
    large, small = [], []
    for _ in range(20):
        large.append(np.ones(8 << 20, np.uint8))
        small.append(np.ones(60_000, np.uint8))
    del large
with open("/proc/self/statm") as file:
    print(int(file.read().split()[1]) * 4096 >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that keeps freed arrays")
def test_large_arrays_go_back_to_the_system() -> None:
    held = {}
    for called in (False, True):
        code = LEFT_BETWEEN.format(called=called)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        held[called] = int(done.stdout)
    assert held[True] < held[False] - 100
