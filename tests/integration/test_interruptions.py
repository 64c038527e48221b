"""A few interruptions of each command; the long form is `make interruptions`."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys

import pytest

from tests.interruptions.cases import cases, make_world
from tests.interruptions.faults import clocks, limited, stale, streams, two_writers
from tests.interruptions.strike import Blow, blows, ended, strike, unbroken

NAMES = ("mask", "mask --workers 2", "labels", "patches --workers 2", "pairs", "catalog")
"""Training has its own test: test_train.py."""


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """The commands by name, on a small world."""
    world = make_world(tmp_path_factory.mktemp("struck"), pairs=3, size=384)
    return {case.name: case for case in cases(world)}


@pytest.fixture(scope="module")
def whole(few, tmp_path_factory):
    """A folder to write into, what an undisturbed run writes there, and how long it takes."""
    made = {}

    def of(name):
        if name not in made:
            out = tmp_path_factory.mktemp("whole") / "out"
            made[name] = (out, *unbroken(few[name], out))
        return made[name]

    return of


@pytest.mark.parametrize("name", NAMES)
def test_struck_at_random_moments(few, whole, name):
    out, expected, usual = whole(name)
    rng = random.Random(name)  # noqa: S311 - no secret
    for _, blow in zip(range(2), blows(rng, usual), strict=False):
        verdict = strike(few[name], out, blow, expected)
        assert not verdict.problems, (blow, verdict)
        _emptied(out)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("mask", limited(0.5)),
        ("patches --workers 2", limited(0.1)),
        ("catalog", limited(0.99)),
        ("pairs", two_writers),
        ("mask --workers 2", stale),
        ("labels", streams),
        pytest.param(
            "labels", clocks, marks=pytest.mark.skipif(not shutil.which("cc"), reason="the shim is C")
        ),
    ],
)
def test_faults(few, whole, name, fault):
    out, expected, _ = whole(name)
    out.mkdir(exist_ok=True)
    assert not fault(few[name], out, expected)
    _emptied(out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_modules_are_imported(number):
    """Raised by the import itself, so that the moment is certain; compiled modules may not see it."""
    hook = (
        "import os, sys\n"
        "class Strike:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'click': os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, Strike())\n"
    )
    code, said = ended(("--version",), before=hook)
    word = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}[number]
    assert (code, said) == (128 + number, f"catfast: {word}\n")


def test_a_signal_that_a_callback_swallows_is_raised_again():
    hook = (
        "import os, time, signal\nimport catfast.cli.group as group\n"
        "class Swallow:\n    def __del__(self): os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.01)\n"
        "def run(arguments):\n    Swallow()\n    time.sleep(600)\n"
        "group.run = run"
    )
    assert ended((), before=hook) == (143, "catfast: terminated\n")


def test_a_main_thread_that_does_not_answer_is_not_waited_for(tmp_path):
    """It holds no temporary file for longer either."""
    hook = (
        "import os, signal, time\nfrom pathlib import Path\nimport catfast.cli.group as group\n"
        "from catfast.temporary import temporary_path\n"
        f"temporary_path(Path({str(tmp_path / 'x.tif')!r})).write_text('half')\n"
        "def run(arguments):\n"
        "    while True:\n"
        "        try: os.kill(os.getpid(), signal.SIGINT) or time.sleep(600)\n"
        "        except KeyboardInterrupt: pass\n"
        "group.run = run"
    )
    assert ended((), before=hook) == (130, "catfast: interrupted\n")
    assert not list(tmp_path.iterdir())


def test_a_loader_that_holds_the_interpreter_is_not_waited_for():
    """As that of a large library on a slow disk does: no thread of Python runs, here for ever."""
    hook = (
        "import ctypes, os\nimport catfast.cli.group as group\n"
        "lock, libc = ctypes.create_string_buffer(256), ctypes.PyDLL(None)\n"
        "def run(arguments):\n"
        "    libc.pthread_mutex_lock(lock)\n"
        "    os.system(f'(sleep 0.3; kill -TERM {os.getpid()}) &')\n"
        "    libc.pthread_mutex_lock(lock)\n"
        "group.run = run"
    )
    assert ended((), before=hook) == (143, "catfast: terminated\n")


def test_a_signal_when_all_is_done_changes_nothing():
    hook = "import atexit, os, signal\natexit.register(os.kill, os.getpid(), signal.SIGINT)"
    assert ended(("--version",), before=hook) == (0, "")


def test_signals_are_given_back_to_a_calling_program():
    code = (
        "import signal\nfrom catfast.cli import main\nbefore = signal.getsignal(signal.SIGINT)\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "assert signal.getsignal(signal.SIGINT) is before\n"
        "assert signal.set_wakeup_fd(-1) == -1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_an_ignored_signal_stays_ignored():
    hook = "import os, signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    hook += "import catfast.cli.group as group\n"
    hook += "group.run = lambda arguments: os.kill(os.getpid(), signal.SIGHUP) or 7"
    assert ended((), before=hook) == (7, "")


def test_a_blow_is_what_it_says():
    """The long form sends every signal, to the group and to the parent."""
    drawn = [blow for _, blow in zip(range(36), blows(random.Random(0), 1.0), strict=False)]  # noqa: S311
    kinds = {(blow.number, blow.group) for blow in drawn if isinstance(blow, Blow)}
    assert len(kinds) == 6


def _emptied(out):
    for path in sorted(out.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    out.rmdir()
