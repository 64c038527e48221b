"""Memory that is given out again, but never while any part of it is in use."""

from __future__ import annotations

import gc

import numpy as np

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
