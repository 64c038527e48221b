"""The compiled module as a whole: version, threads, forks."""

from __future__ import annotations

import os
import signal
from importlib.metadata import version

import numpy as np
import pytest

from catfast import _core


def decode() -> np.ndarray:
    qa = np.arange(300_000, dtype=np.uint32).astype(np.uint16).reshape(300, 1000)
    out = np.empty(qa.shape, np.uint8)
    _core.decode_qa(qa, out)
    return out


def test_version_is_the_package_version() -> None:
    assert _core.__version__ == version("catfast")


def test_build_and_processor_are_named() -> None:
    assert _core.BUILD_PROFILE in {"debug", "release"}
    assert set(_core.cpu_features()) <= {"avx2"}


def test_threads_change_nothing() -> None:
    results = []
    for count in (1, 4, 0):
        _core.set_threads(count)
        results.append(decode())
    assert all(np.array_equal(results[0], result) for result in results[1:])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_kernels_work_after_a_fork() -> None:
    expected = decode()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(0 if np.array_equal(decode(), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
