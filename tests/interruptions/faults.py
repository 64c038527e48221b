"""What else goes wrong: disks, second writers, streams, locks, clocks; each tried on every command."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interruptions.cases import Case
from tests.interruptions.strike import HANG_S, ended, gone_on, started
from tests.interruptions.validity import broken

Contents = dict[str, bytes]
Fault = Callable[[Case, Path, Contents], list[str]]
"""Tries one fault in a folder that is there and empty; the promises that were broken."""

ROOM = 1 << 30


def limited(share: float) -> Fault:
    """No file grows beyond a share of the largest: what any user may try, without a disk of one's own."""

    def run(case: Case, out: Path, expected: Contents) -> list[str]:
        limit = int(share * max(map(len, expected.values())))
        before = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
        return _refused(case, out, *ended(case.words(out), before=before)) + gone_on(case, out, expected)

    return run


def full_disk(share: float) -> Fault:
    """A disk that takes a share of what is to be written, and later more."""

    def run(case: Case, out: Path, expected: Contents) -> list[str]:
        pages = max(1, int(share * sum(-(-len(data) // 4096) for data in expected.values())))
        with _mounted(out, f"size={pages * 4096}"):
            problems = _refused(case, out, *ended(case.words(out)))
            _mount("-o", f"remount,size={ROOM}", str(out))
            return problems + gone_on(case, out, expected)

    return run


def read_only(case: Case, out: Path, expected: Contents) -> list[str]:
    """A folder on a disk that is mounted read-only, and later not."""
    with _mounted(out, f"size={ROOM},ro"):
        problems = _refused(case, out, *ended(case.words(out)))
        _mount("-o", "remount,rw", str(out))
        return problems + gone_on(case, out, expected)


def fails(calls: str, fault: str) -> Fault:
    """The system calls fail, or kill who makes them, by strace; and later they do not."""

    def run(case: Case, out: Path, expected: Contents) -> list[str]:
        strace = ["strace", "-f", "-qqq", "--seccomp-bpf", "-o", "/dev/null"]
        code, said = ended(
            case.words(out), under=[*strace, "-e", f"trace={calls}", "-e", f"inject={calls}:{fault}"]
        )
        problems = [] if "KILL" in fault else _refused(case, out, code, said)
        problems += [f"under a final name: {what}" for what in broken(out)]
        if code == 0:  # GDAL wrote a header elsewhere in the file: whole, but other bytes
            shutil.rmtree(out)
            out.mkdir()
        return problems + gone_on(case, out, expected)

    return run


def vanishes(case: Case, out: Path, expected: Contents) -> list[str]:
    """Its folder is removed while it writes."""
    process = started(case.words(out))
    end = time.monotonic() + HANG_S
    while time.monotonic() < end and process.poll() is None and not any(out.rglob("*")):
        time.sleep(0.005)
    shutil.rmtree(out, ignore_errors=True)
    _, said = process.communicate(timeout=HANG_S)
    out.mkdir(exist_ok=True)
    problems = _refused(case, out, process.returncode, said)
    shutil.rmtree(out)
    out.mkdir()
    return problems + gone_on(case, out, expected)


def two_writers(case: Case, out: Path, expected: Contents) -> list[str]:
    """The same command twice at once: one may be refused, none may spoil the other."""
    both = [started(case.words(out)) for _ in range(2)]
    said = [process.communicate(timeout=HANG_S)[1] for process in both]
    codes = sorted(process.returncode for process in both)
    fit = codes in ([0, 0], [0, 4]) and not any("Traceback" in text for text in said)
    return ([] if fit else [f"exit {codes}: {' | '.join(said)}"]) + gone_on(case, out, expected)


def stale(case: Case, out: Path, expected: Contents) -> list[str]:
    """Locks and temporary files of a process that is gone."""
    names = {Path(name).parts[0] for name in expected}
    for name in (".catfast.lock", *(f".{name}.lock" for name in names)):
        (out / name).write_text("stale")
    return [what for what in gone_on(case, out, expected) if ".lock" not in what]


def streams(case: Case, out: Path, expected: Contents) -> list[str]:
    """stdout closed, full, or read by nobody; stderr closed."""
    words = case.words(out)
    words = words if case.name == "catalog" else (*words, "--json")
    problems = []
    for name, redirect in (
        ("closed", ">&-"),
        ("unread", "| true"),
        ("full", ">/dev/full"),
        ("all", ">&- 2>&- <&-"),
    ):
        shell = f'set -o pipefail; "$@" {redirect}'
        code, said = ended(words, under=["bash", "-c", shell, "bash"])
        if "Traceback" in said or "Exception" in said or code not in (0, 1, 4):
            problems.append(f"stdout {name}: exit {code}: {said.strip()}")
    return problems + gone_on(case, out, expected)


def clocks(case: Case, out: Path, expected: Contents) -> list[str]:
    """A clock that jumps while it runs; then outputs from the future and from long ago."""
    shim = out.parent / "clock.so"
    if not shim.exists():
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(shim), str(source)], check=True)
    code, said = ended(case.words(out), env={**os.environ, "LD_PRELOAD": str(shim)})
    problems = [] if code == 0 else [f"exit {code}: {said.strip()}"]
    for moment in (4e9, 1.0):
        for path in out.rglob("*"):
            os.utime(path, (moment, moment))
        problems += gone_on(case, out, expected)
    return problems


def _refused(case: Case, out: Path, code: int, said: str) -> list[str]:
    """An error of output in a sentence, or done in spite of all; in any case nothing half done."""
    lines = [line for line in said.splitlines() if line.startswith("catfast: ")]
    fit = code == 0 or (code in (1, 4) and (lines or not said))  # nothing: what failed was writing to stderr
    problems = [] if fit and "Traceback" not in said else [f"exit {code}: {said.strip()}"]
    return problems + [f"under a final name: {what}" for what in broken(out)]


@contextmanager
def _mounted(folder: Path, options: str) -> Iterator[None]:
    _mount("-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


CALLS = "fsync,rename,mkdir,unlink,ftruncate"
"""System calls between which a file is there, half there, or not."""

FAULTS: dict[str, Fault] = {
    **{f"disk full at {share:.0%}": full_disk(share) for share in (0, 0.5, 0.1, 0.99)},
    "read-only folder": read_only,
    **{f"I/O error in {call}": fails(call, "error=EIO:when=1") for call in ("fsync", "rename", "pwrite64")},
    "I/O error in write": fails("write", "error=EIO:when=3"),
    **{f"killed at call {n}": fails(CALLS, f"signal=SIGKILL:when={n}") for n in (1, 2, 3, 4, 6, 9, 14)},
    "output folder vanishes": vanishes,
    "two writers": two_writers,
    "stale lock": stale,
    "standard streams": streams,
    "clock jumps": clocks,
}
"""All of them, by name."""
NEEDS_DISK = ("disk full", "read-only")
NEEDS_STRACE = ("I/O error", "killed at")
