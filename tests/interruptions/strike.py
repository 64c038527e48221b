"""One interruption: start a command, send it a signal at some moment, look, go on, compare."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catfast.cli.interrupts import PATIENCE_S
from tests.interruptions.cases import Case
from tests.interruptions.validity import broken, leftovers

SAID = {
    signal.SIGINT: (130, "catfast: interrupted"),
    signal.SIGTERM: (143, "catfast: terminated"),
    signal.SIGHUP: (129, "catfast: hung up"),
}
"""Exit code and sentence."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
HANG_S = 300.0
"""A process that has not ended by then hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """What is sent, when and to whom."""

    number: signal.Signals
    """The signal."""
    after_s: float
    """Seconds from the start of the process."""
    group: bool
    """To all processes, as a terminal does; else to the first alone."""


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What came of it."""

    kind: str
    """answered, killed, over (all was done) or boot (Python itself was still starting)."""
    seconds: float = 0.0
    """From the signal to the end of the process."""
    problems: list[str] = field(default_factory=list)
    """Promises that were broken."""


def started(
    words: Sequence[object], *, under: Sequence[str] = (), before: str = "", **options: Any
) -> subprocess.Popen[str]:
    """The command in a process group of its own, with the signals that a terminal gives it.

    Args:
        words: the subcommand and its arguments.
        under: a program that runs it, such as strace.
        before: Python that runs in the process first.
        options: of Popen.
    """
    code = f"{before}\nfrom catfast.cli import main; main()"
    return subprocess.Popen(
        [*under, sys.executable, "-c", code, *map(str, words)],
        text=True,
        **{"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL} | options,
        start_new_session=True,
        preexec_fn=signals_by_default,  # a background job of a shell ignores SIGINT, and its children do
    )


def ended(words: Sequence[object], **options: Any) -> tuple[int, str]:
    """Exit code and stderr of the command, without the empty line by which click ends a terminal's ``^C``."""
    process = started(words, **options)
    _, said = process.communicate(timeout=HANG_S)
    return process.returncode, said.lstrip("\n")


def signals_by_default() -> None:
    """What a terminal gives a process; to be called in it, before it runs."""
    for number in SAID:
        signal.signal(number, signal.SIG_DFL)


def strike(case: Case, out: Path, blow: Blow, expected: dict[str, bytes]) -> Verdict:
    """Interrupt the command once, go on to the end, and say what was not as promised."""
    out.mkdir()
    process = started(case.words(out))
    verdict, said = _struck(process, blow)
    verdict.problems += _unfit_answer(verdict.kind, process.returncode, said, blow)
    if not _ended(process.pid):
        verdict.problems.append("processes go on after the first has ended")
    verdict.problems += [f"under a final name: {what}" for what in broken(out)]
    if verdict.kind == "answered" and verdict.seconds < PATIENCE_S and blow.number == signal.SIGINT:
        verdict.problems += [f"left behind: {name}" for name in leftovers(out)]
    verdict.problems += gone_on(case, out, expected)
    return verdict


def unbroken(case: Case, out: Path) -> tuple[dict[str, bytes], float]:
    """What a run that nobody disturbs writes, and how long it takes."""
    out.mkdir()
    began = time.perf_counter()
    run = started(case.words(out))
    _, said = run.communicate()
    assert run.returncode == 0, said
    seconds, contents = time.perf_counter() - began, case.contents(out)
    shutil.rmtree(out)
    return contents, seconds


def blows(rng: random.Random, usual_s: float) -> Iterator[Blow]:
    """Every signal to the group and to the parent in turn; every third moment within the imports."""
    count = 0
    while True:
        share = 0.25 if count % 3 == 0 else 1.0
        number, group = SIGNALS[count % 3 - count // 9 % 3], bool(count // 3 % 2)
        yield Blow(number=number, after_s=rng.uniform(0, share * usual_s), group=group)
        count += 1


def gone_on(case: Case, out: Path, expected: dict[str, bytes]) -> list[str]:
    """Give the command again; what differs from a run that nobody disturbed."""
    code, said = ended(case.words(out))
    if code != 0 or "Traceback" in said:
        return [f"going on: exit {code}: {said.strip()}"]
    found = case.contents(out)
    wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    return [f"differs after going on: {name}" for name in wrong] + [
        f"left behind by the next run: {name}" for name in leftovers(out)
    ]


def _struck(process: subprocess.Popen[str], blow: Blow) -> tuple[Verdict, str]:
    try:
        _, said = process.communicate(timeout=blow.after_s)
    except subprocess.TimeoutExpired:
        kind = "killed" if blow.number == signal.SIGKILL else "answered" if _answers(process.pid) else "boot"
        began = time.perf_counter()
        (os.killpg if blow.group else os.kill)(process.pid, blow.number)
        process.wait(HANG_S)
        took = time.perf_counter() - began
        _, said = process.communicate(timeout=HANG_S)
        if process.returncode == 0:  # it ended between the look at it and the blow
            kind = "over"
        return Verdict(kind=kind, seconds=took), said
    return Verdict(kind="over"), said


def _answers(process: int) -> bool:
    """Whether catfast's handlers are there: Python alone does not catch SIGTERM."""
    with open(f"/proc/{process}/status") as file:  # noqa: PTH123 - no such path where there is no such process
        caught = next(line.split()[1] for line in file if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def _unfit_answer(kind: str, code: int, said: str, blow: Blow) -> list[str]:
    lines = [line for line in said.splitlines() if line.strip()]
    if kind == "over":
        return [] if code == 0 and "Traceback" not in said else [f"exit {code}: {said.strip()}"]
    if kind == "killed":
        fit = code == -signal.SIGKILL and "Traceback" not in said
        return [] if fit else [f"exit {code}: {said.strip()}"]
    word, sentence = SAID[blow.number]
    if kind == "boot" and "catfast" not in said.replace(sentence, "").replace("catfast.cli import main", ""):
        return []
    told = [line for line in lines if not line.startswith(("catfast: warning", "/"))]
    fit = code == word and told[-1:] == [sentence] and "Traceback" not in said and "Exception" not in said
    return [] if fit else [f"exit {code}: {said.strip()}"]


def _ended(group: int, within_s: float = 60) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
