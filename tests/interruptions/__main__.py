"""The long form: ``python -m tests.interruptions --blows 120``."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.interruptions.cases import Case, cases, make_world
from tests.interruptions.faults import FAULTS, NEEDS_DISK, NEEDS_STRACE, Fault
from tests.interruptions.strike import Verdict, blows, strike, unbroken

NAMESPACE = "CATFAST_OWN_MOUNTS"
"""In the environment where disks may be mounted."""
WITHIN_S = 2.0
"""An answer is to come within this."""


def struck(case: Case, folder: Path, count: int, seed: int) -> list[Verdict]:
    """Interrupt one command ``count`` times."""
    out = folder / "out"
    expected, usual = unbroken(case, out)
    rng = random.Random(f"{case.name} {seed}")  # noqa: S311 - no secret
    verdicts = []
    for number, blow in zip(range(count), blows(rng, usual), strict=False):
        verdict = strike(case, out, blow, expected)
        verdicts.append(verdict)
        for problem in verdict.problems:
            whom = "group" if blow.group else "parent"
            print(f"  {case.name}: {blow.number.name} to the {whom} at {blow.after_s:.3f} s: {problem}")
        if verdict.problems:
            out.rename(folder / f"broken{number}")
        else:
            shutil.rmtree(out)
    return verdicts


def summary(name: str, verdicts: list[Verdict]) -> str:
    kinds = Counter(verdict.kind for verdict in verdicts)
    answers = [verdict.seconds for verdict in verdicts if verdict.kind == "answered"] or [0.0]
    return (
        f"{name}: {len(verdicts)} interruptions ({', '.join(f'{n} {k}' for k, n in sorted(kinds.items()))}), "
        f"slowest answer {max(answers):.2f} s, {sum(s > WITHIN_S for s in answers)} over {WITHIN_S:g} s, "
        f"{sum(bool(verdict.problems) for verdict in verdicts)} with a promise broken"
    )


def faulted(case: Case, folder: Path, possible: dict[str, Fault]) -> Counter[str]:
    """Try every fault on one command; how many promises each broke."""
    expected, _ = unbroken(case, folder / "out")
    found: Counter[str] = Counter()
    for name, fault in possible.items():
        out = folder / "out"
        out.mkdir()
        problems = fault(case, out, expected)
        found[name] += bool(problems)
        for problem in problems:
            print(f"  {case.name}: {name}: {problem}", flush=True)
        shutil.rmtree(out)
    return found


def possible_faults() -> dict[str, Fault]:
    """Those that can be tried here; what cannot is said."""
    untried: list[str] = []
    if os.environ.get(NAMESPACE) is None:
        untried += NEEDS_DISK
    strace = shutil.which("strace")
    if not strace or subprocess.run([strace, "-o", "/dev/null", "true"], check=False).returncode:
        untried += NEEDS_STRACE
    print(f"not tried here: {', '.join(untried) or 'nothing'}", flush=True)
    return {name: fault for name, fault in FAULTS.items() if not name.startswith(tuple(untried))}


def into_namespace() -> None:
    """Go on where tmpfs may be mounted, by root or not, and nobody else sees it."""
    unshare = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-rm"]
    probe = [*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if NAMESPACE in os.environ or subprocess.run(probe, check=False, capture_output=True).returncode:
        return
    words = [*unshare, sys.executable, "-m", "tests.interruptions", *sys.argv[1:]]
    os.execvpe("unshare", words, {**os.environ, NAMESPACE: "1"})  # noqa: S606


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blows", type=int, default=16, help="interruptions a command; 0: none")
    parser.add_argument("--no-faults", action="store_true", help="no faulty disks, streams, clocks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="commands whose name has this in it")
    given = parser.parse_args()
    into_namespace()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "world").mkdir()
        chosen = [case for case in cases(make_world(folder / "world")) if given.only in case.name]
        verdicts: list[Verdict] = []
        for case in chosen if given.blows else []:
            place = Path(tempfile.mkdtemp(dir=folder))
            found = struck(case, place, given.blows, given.seed)
            print(summary(case.name, found), flush=True)
            verdicts += found
        faults: Counter[str] = Counter()
        possible = {} if given.no_faults else possible_faults()
        for case in chosen if possible else []:
            faults += faulted(case, Path(tempfile.mkdtemp(dir=folder)), possible)
            print(f"{case.name}: {len(possible)} faults", flush=True)
        spoilt = sum(faults.values())
        print(summary("all", verdicts))
        print(
            f"{len(possible) * len(chosen)} faults on {len(chosen)} commands, {spoilt} with a promise broken"
        )
        sys.exit(bool(spoilt) or any(verdict.problems for verdict in verdicts))


if __name__ == "__main__":
    main()
