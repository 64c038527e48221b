"""Run one case in a process of its own, and judge what it did."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from catfast.errors import one_line
from tests.hostile import child
from tests.hostile.box import Box
from tests.hostile.case import Case
from tests.hostile.materials import ASKED

PATIENCE_S = 240
"""A case that runs longer hangs, on the slowest and busiest of machines."""

FAULTS = (
    "crashes",
    "tracebacks",
    "hangs",
    "partial",
    "silent accepts",
    "wrong refusals",
    "modified",
    "unclear",
    "wrong results",
    "fetched or executed",
)
"""What can be wrong with an answer, as the closing line counts it."""

RECORDS = ("catfast_ledger.jsonl", "catfast_series.csv", "catfast_series.parquet")
"""What a run of several scenes says of those that it refused."""

CODES = (0, 1, 2, 3, 4, 130)

Snapshot = dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a case did."""

    code: int | None
    """Exit code, below zero for a signal, None for a process that did not end."""
    err: str
    """Its stderr."""
    events: str
    """What Python's audit saw."""
    seconds: float
    """How long it took; where ``memory`` is not limited, with all packages imported before."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a case."""

    faults: dict[str, str]
    """Each with a reason."""
    seconds: float
    """Until it was answered."""


def attempt(case: Case, box: Box) -> Attempt:
    """Run a case."""
    for folder in (box.inputs, box.out):
        folder.mkdir(parents=True)
    made = case.make(box)
    before, outputs, asked = snapshot(box.inputs), snapshot(box.out), len(ASKED)
    answer = _alone(made, box, case.memory) if case.memory else _forked(made, box)
    faults = _faults(case, answer, made)
    after = snapshot(box.inputs)
    if not case.changes and any(after.get(name) != digest for name, digest in before.items()):
        faults["modified"] = str([name for name in before if after.get(name) != before[name]])
    left = _partial(set(after) - set(before), outputs, snapshot(box.out), refused=answer.code != 0)
    if left:
        faults["partial"] = str(left)
    if len(ASKED) > asked or answer.events:
        faults["fetched or executed"] = f"{ASKED[asked:]} {answer.events}"
    if not faults and case.check is not None:
        try:
            case.check(box)
        except Exception as error:
            faults["wrong results"] = repr(error)
    return Attempt(faults, answer.seconds)


@cache
def _server() -> Any:
    """A server of forks that has imported everything: the first process waits for it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([child.__name__])
    first = context.Process(target=int)
    first.start()
    first.join()
    return context


def _forked(made: Sequence[Any], box: Box) -> Answer:
    process = _server().Process(target=child.run, args=(made, box.folder))
    started = time.perf_counter()
    process.start()
    for _ in range(PATIENCE_S):  # a run that was stopped meanwhile loses one of these seconds, not all
        process.join(1)
        if process.exitcode is not None:
            break
    seconds = time.perf_counter() - started
    code = process.exitcode
    if code is None and process.pid is not None:
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
    return Answer(code, _text(box.folder / "stderr"), _text(box.folder / "events"), seconds)


def _alone(made: Sequence[Any], box: Box, memory: int) -> Answer:
    command = [sys.executable, "-c", "from catfast.cli import main; main()", *map(str, made)]
    started = time.perf_counter()
    limit = partial(resource.setrlimit, resource.RLIMIT_AS, (memory, memory))
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=box.inputs,
        preexec_fn=limit,
        text=True,
    )
    for _ in range(PATIENCE_S):
        try:
            _, said = process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            continue
        return Answer(process.returncode, said, "", time.perf_counter() - started)
    process.kill()
    process.communicate()
    return Answer(None, "", "", time.perf_counter() - started)


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _faults(case: Case, answer: Answer, made: Sequence[Any]) -> dict[str, str]:
    said = f"exit {answer.code}: {answer.err.strip()[-600:]}"
    if answer.code is None:
        return {"hangs": said}
    faults = {}
    if answer.code not in CODES:
        faults["crashes"] = said
    if "Traceback" in answer.err or "panicked" in answer.err:
        faults["tracebacks"] = answer.err[-1500:]
    if answer.code == 0 and case.code != 0:
        faults["silent accepts"] = f"{said} (expected {case.code}: {case.says})"
    if answer.code != 0 and case.code == 0:
        faults["wrong refusals"] = said
    if answer.code == case.code and (problem := _unclear(case, answer.err, made)):
        faults["silent accepts" if case.code == 0 else "unclear"] = f"{problem}: {said}"
    elif not faults and answer.code != case.code:
        faults["unclear"] = f"{said} (expected {case.code})"
    return faults


def _unclear(case: Case, err: str, made: Sequence[Any]) -> str:
    """Why the words are not what they should be; empty where they are."""
    if case.says and not re.search(case.says, err, re.IGNORECASE):
        return f"does not say {case.says!r}"
    lines = [line for line in err.strip().splitlines() if "warning: " not in line]
    if case.code in (3, 4):
        names = {one_line(Path(str(argument)).name) for argument in made[1:]} - {""}
        if not 1 <= len(lines) <= case.lines:
            return f"{len(lines)} lines"
        if len(err) > 5000:
            return f"{len(err)} characters"
        if case.named and case.memory is None and not any(name[:60] in err for name in names):
            return "names none of its files"
    return ""


def _partial(appeared: set[str], before: Snapshot, after: Snapshot, *, refused: bool) -> list[str]:
    """Files that should not be there: any after a refusal, hidden ones always."""
    fresh = {name for name in after if after[name] != before.get(name)} | (set(before) - set(after))
    fresh = {name for name in fresh if name not in RECORDS}
    hidden = {name for name in fresh if Path(name).name.startswith(".")}
    return sorted(appeared | (fresh if refused else hidden))


def snapshot(folder: Path) -> Snapshot:
    """Every name below a folder, with a digest of what it holds."""
    found = {}
    for root, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(root) / name
            found[str(path.relative_to(folder))] = _digest(path)
    return found


def _digest(path: Path) -> str:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return f"link to {path.readlink()}"
    if not stat.S_ISREG(status.st_mode):
        return str(stat.S_IFMT(status.st_mode))
    if status.st_blocks * 512 > 1 << 26 or status.st_size > 1 << 28 or not os.access(path, os.R_OK):
        return f"{status.st_size} {status.st_mtime_ns}"
    return hashlib.sha256(path.read_bytes()).hexdigest()
