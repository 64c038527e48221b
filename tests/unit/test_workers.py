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
from catfast.workers import as_ended, worker_pool
import {module}
def jobs():
    yield from range(4)
    print("started", flush=True)
try:
    with worker_pool(2, {module}.start) as pool:
        next(as_ended(pool, {module}.work, jobs()))
except KeyboardInterrupt:
    sys.exit(130)
"""

STRIKES = """
import os, signal, sys, time
from concurrent.futures import ThreadPoolExecutor
from catfast.workers import as_ended

def ends_before(step):
    left = [step]
    def trace(frame, event, _):
        frame.f_trace_opcodes = True
        left[0] -= event == "opcode"
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return trace
    try:
        with ThreadPoolExecutor(1) as pool:
            sys.settrace(trace)
            for _ in as_ended(pool, time.sleep, [0.004]):
                pass
            sys.settrace(None)
    except KeyboardInterrupt:
        sys.settrace(None)
        return False
    return left[0] > 0

print(next(step for step in range(1, 10_000) if ends_before(step)))
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


def test_ctrl_c_at_any_step_leaves_no_lock_behind():
    """At each step of bytecode of the wait, one after the other: the pool ends."""
    done = subprocess.run(
        [sys.executable, "-c", STRIKES], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 100


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_worker_is_torn_from_its_parent_while_it_starts(number):
    """Also where another thread takes the signal, as that of the command line does."""
    code = (
        "import os, threading, time\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from catfast.workers import as_ended\n"
        "def jobs():\n"
        f"    yield os.kill(os.getpid(), {int(number)})\n"
        "    for _ in range(1000): time.sleep(0)\n"
        "    print('all started', flush=True)\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        "with ThreadPoolExecutor(1) as pool:\n"
        "    list(as_ended(pool, print, jobs()))\n"
        "    print('went on')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=signals_by_default,
    )
    assert "all started" in done.stdout
    assert "went on" not in done.stdout
    assert done.returncode == -number
