"""What threads and half-made objects of libraries say when they fail."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SETUP = """
import resource, signal, sys, threading
from catfast.cli.interrupts import Interrupts
Interrupts().install()
"""
_FULL_DISK = """
from tensorboard.summary.writer.event_file_writer import EventFileWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    EventFileWriter(sys.argv[1])
except OSError:
    sys.exit(4)
"""
_FAULT = """
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
"""

_NO_MORE_FILES = """
from torch.utils.data import DataLoader
import multiprocessing.synchronize
loader = DataLoader([1, 2, 3], num_workers=2)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
try:
    iter(loader)
except OSError:
    sys.exit(4)
"""
_FAULT_IN_DEL = """
class Half:
    def __del__(self):
        1 / 0

Half()
"""


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _SETUP + script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_log_that_cannot_be_written_is_said_once(tmp_path):
    pytest.importorskip("tensorboard")
    pytest.importorskip("resource")
    done = run(_FULL_DISK, tmp_path)
    assert (done.returncode, done.stderr) == (4, "")


def test_a_fault_in_a_thread_is_shown():
    pytest.importorskip("resource")
    assert "ZeroDivisionError" in run(_FAULT).stderr


def test_a_loader_that_could_not_be_made_is_said_once():
    pytest.importorskip("torch")
    pytest.importorskip("resource")
    done = run(_NO_MORE_FILES)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_a_fault_in_tidying_up_is_shown():
    pytest.importorskip("resource")
    assert "ZeroDivisionError" in run(_FAULT_IN_DEL).stderr
