"""What the threads of libraries say when they fail."""

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
