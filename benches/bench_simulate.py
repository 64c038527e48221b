"""How fast scenes are simulated: training scenes by torch against numpy, and the default world.

Both backends run on one thread each, in interleaved rounds, on the same request. A ratio above 1 means that
torch is faster; without torch only numpy's speed is told. The world's ratio is a minute over its time.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catfast.simulate import WorldConfig, batch, simulate_world

WORLD_GOAL_S = 60.0
Make = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report, as DESIGN.md has it."""

    name: str
    value: float
    unit: str
    rival: str | None
    ratio: float | None
    low: float | None
    high: float | None
    goal: float | None
    note: str


def seconds(make: Make, seed: int) -> float:
    started = time.perf_counter()
    make(seed)
    return time.perf_counter() - started


def backends(count: int, size: int) -> dict[str, Make]:
    """What makes a batch from a seed, by backend."""

    def maker(xp: Any) -> Make:
        return lambda seed: batch(count, size, seed=seed, xp=xp)

    makers = {"numpy": maker(np)}
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        makers["torch"] = maker(torch)
    return makers


def bench_batch(count: int, size: int, rounds: int) -> list[Result]:
    """Megapixels a second of training scenes."""
    makers = backends(count, size)
    for make in makers.values():
        make(0)
    times = [{name: seconds(make, k) for name, make in makers.items()} for k in range(rounds)]
    pixels = count * size * size / 1e6
    results = []
    for name in makers:
        speed = pixels / statistics.median(t[name] for t in times)
        ratios = sorted(t["numpy"] / t[name] for t in times) if name != "numpy" else None
        rival, ratio, low, high = None, None, None, None
        if ratios:
            rival, ratio, low, high = "numpy", statistics.median(ratios), ratios[0], ratios[-1]
        note = f"{count} scenes of {size} px, one thread"
        results.append(
            Result(f"batch {size} px, {name}", speed, "Mpx/s", rival, ratio, low, high, None, note)
        )
    return results


def bench_world(config: WorldConfig, *, default: bool) -> Result:
    """Seconds for a world on disk."""
    with tempfile.TemporaryDirectory() as folder:
        took = seconds(lambda _: simulate_world(Path(folder) / "world", config), 0)
    ratio = WORLD_GOAL_S / took if default else None
    note = f"{config.pairs} pairs of {config.size_px} px" + (
        "" if default else ": the goal is the default world's"
    )
    rival = "a minute" if default else None
    return Result("world", took, "s", rival, ratio, ratio, ratio, 1.0 if default else None, note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here")
    options = parser.parse_args()
    config = WorldConfig(pairs=2, size_px=1024) if options.quick else WorldConfig()
    rounds = 3 if options.quick else 9
    results = [r for size in (256, 512) for r in bench_batch(4_194_304 // size**2 // 4, size, rounds)]
    results.append(bench_world(config, default=not options.quick))
    for r in results:
        against = f"  {r.ratio:.2f}x {r.rival} ({r.low:.2f}-{r.high:.2f})" if r.ratio else ""
        print(f"{r.name:<24}{r.value:8.2f} {r.unit}{against}  {r.note}")
    if options.json:
        options.json.write_text(json.dumps({"results": [asdict(r) for r in results]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
