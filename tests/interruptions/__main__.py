"""The long form: ``python -m tests.interruptions --blows 120``."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.interruptions.cases import Case, cases, make_world
from tests.interruptions.strike import Blow, Verdict, started, strike

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
WITHIN_S = 2.0
"""An answer is to come within this."""


def unbroken(case: Case, out: Path) -> tuple[dict[str, bytes], float]:
    """What a run that nobody disturbs writes, and how long it takes."""
    out.mkdir()
    began = time.perf_counter()
    run = started(case.words(out))
    _, said = run.communicate()
    assert run.returncode == 0, said
    return case.contents(out), time.perf_counter() - began


def blows(rng: random.Random, usual_s: float) -> Iterator[Blow]:
    """Every signal to the group and to the parent in turn; every third moment within the imports."""
    count = 0
    while True:
        share = 0.25 if count % 3 == 0 else 1.0
        number, group = SIGNALS[count % 3 - count // 9 % 3], bool(count // 3 % 2)
        yield Blow(number=number, after_s=rng.uniform(0, share * usual_s), group=group)
        count += 1


def struck(case: Case, folder: Path, count: int, seed: int) -> list[Verdict]:
    """Interrupt one command ``count`` times."""
    expected, usual = unbroken(case, folder / "unbroken")
    rng = random.Random(f"{case.name} {seed}")  # noqa: S311 - no secret
    verdicts = []
    for number, blow in zip(range(count), blows(rng, usual), strict=False):
        verdict = strike(case, folder / f"{number}", blow, expected)
        verdicts.append(verdict)
        for problem in verdict.problems:
            whom = "group" if blow.group else "parent"
            print(f"  {case.name}: {blow.number.name} to the {whom} at {blow.after_s:.3f} s: {problem}")
        if not verdict.problems:
            shutil.rmtree(folder / f"{number}")
    return verdicts


def summary(name: str, verdicts: list[Verdict]) -> str:
    kinds = Counter(verdict.kind for verdict in verdicts)
    answers = [verdict.seconds for verdict in verdicts if verdict.kind == "answered"] or [0.0]
    return (
        f"{name}: {len(verdicts)} interruptions ({', '.join(f'{n} {k}' for k, n in sorted(kinds.items()))}), "
        f"slowest answer {max(answers):.2f} s, {sum(s > WITHIN_S for s in answers)} over {WITHIN_S:g} s, "
        f"{sum(bool(verdict.problems) for verdict in verdicts)} with a promise broken"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blows", type=int, default=16, help="interruptions a command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="commands whose name has this in it")
    parser.add_argument("--keep", type=Path, help="folder to work in, kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        folder.mkdir(exist_ok=True)
        world = folder / "world"
        if not world.exists():
            world.mkdir()
            make_world(world)
        everything = []
        for case in cases(world):
            if given.only not in case.name:
                continue
            place = Path(tempfile.mkdtemp(dir=folder, prefix="case"))
            verdicts = struck(case, place, given.blows, given.seed)
            print(summary(case.name, verdicts), flush=True)
            everything += verdicts
        print(summary("all", everything))
        sys.exit(any(verdict.problems for verdict in everything))


if __name__ == "__main__":
    main()
