"""What the benches share: interleaved timing, a ratio with its spread, options, and the JSON report."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from catfast import _core

Run = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of a report."""

    name: str
    """What was measured."""
    value: float
    """Ours."""
    unit: str
    """Of ``value``."""
    rival: str | None = None
    """The strongest of the rivals."""
    ratio: float | None = None
    """Above 1: ours is better; the median over rounds."""
    low: float | None = None
    """Smallest ratio of a round."""
    high: float | None = None
    """Largest ratio of a round."""
    goal: float | None = None
    """The ratio or value that the issue asks for."""
    note: str = ""
    """How to read it."""


def options(
    description: str,
    *,
    files: Mapping[str, str] | None = None,
    texts: Mapping[str, tuple[str, str]] | None = None,
    **flags: str,
) -> argparse.Namespace:
    """Parse ``--quick``, ``--json FILE``, `flags`, `files` (name: help), `texts` (name: default and help).

    Refuses to time a debug build.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller and fewer: ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    for name, text in flags.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    for name, text in (files or {}).items():
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=text)
    for name, (default, text) in (texts or {}).items():
        parser.add_argument(f"--{name}", default=default, help=f"{text} [{default}]")
    parsed = parser.parse_args()
    if _core.BUILD_PROFILE != "release":
        raise SystemExit("catfast._core is a debug build; time a release build: maturin develop --release")
    return parsed


def seconds(run: Run) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def interleaved(
    ours: Run, rivals: Mapping[str, Run], rounds: int, *, after: Run = lambda: None
) -> tuple[float, str | None, list[float]]:
    """Time ours and every rival in turn, after one call each to warm up; ``after`` each, outside the time.

    Returns our median seconds, the rival with the best median (None without rivals), and its time over
    ours in each round.
    """
    runs = {"ours": ours, **rivals}
    for run in runs.values():
        run(), after()
    times = [{name: (seconds(run), after())[0] for name, run in runs.items()} for _ in range(rounds)]
    median = {name: statistics.median(turn[name] for turn in times) for name in runs}
    rival = min(rivals, key=median.__getitem__) if rivals else None
    ratios = [turn[rival] / turn["ours"] for turn in times] if rival else []
    return median["ours"], rival, ratios


def spread(ratios: Sequence[float]) -> dict[str, float | None]:
    """Median, smallest and largest, as fields of a :class:`Result`."""
    if not ratios:
        return {"ratio": None, "low": None, "high": None}
    found = {"ratio": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
    return {name: round(value, 2) for name, value in found.items()}


def show(result: Result) -> None:
    """Print one line."""
    against = ""
    if result.ratio is not None:
        against = f"{result.ratio:6.2f} ({result.low:.2f}-{result.high:.2f})  {result.rival}"
    print(
        f"{result.name:28} {result.value:9.4g} {result.unit:6} {against}  {result.note}".rstrip(), flush=True
    )


def write(results: Sequence[Result], path: Path | None) -> None:
    """Write the results as JSON where asked to."""
    if path is not None:
        path.write_text(json.dumps({"results": [asdict(result) for result in results]}, indent=2) + "\n")
