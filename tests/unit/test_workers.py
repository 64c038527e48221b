"""Worker processes and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.interruptions.strike import signals_by_default

SLOW = """
import sys, time
time.sleep(1.5)  # as if the modules of a worker took that long to import
def start(): pass
def work(job):
    from catfast.workers import stopping
    while not stopping():
        time.sleep(0.01)
    return job
"""

RUN = """
import sys
sys.path.insert(0, {folder!r})
from catfast.workers import submit_each, worker_pool
import {module}
try:
    with worker_pool(2, {module}.start) as pool:
        jobs = submit_each(pool, {module}.work, range(4))
        print("started", flush=True)
        next(iter(jobs)).result()
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("wait", [0.0, 0.7, 2.5])
def test_ctrl_c_is_the_parents_to_answer(tmp_path, wait):
    """At any moment of a worker's life, also while it imports: no word from it, and it ends."""
    (tmp_path / "slow_module.py").write_text(SLOW)
    code = RUN.format(folder=str(tmp_path), module="slow_module")
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=signals_by_default,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, "")
