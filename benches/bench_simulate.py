"""How fast scenes are simulated: training scenes by torch against numpy, and the default world.

Both backends run on one thread each, in interleaved rounds, on the same request. A ratio above 1 means that
torch is faster; without torch only numpy's speed is told. The world's ratio is a minute over its time.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from catfast.simulate import WorldConfig, batch, simulate_world
from report import Result, interleaved, options, seconds, show, spread, write

WORLD_GOAL_S = 60.0
Make = Callable[[int], object]


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


def bench_batch(count: int, size: int, rounds: int) -> Result:
    """Megapixels a second of training scenes, by the fastest backend at hand."""
    makers = backends(count, size)
    best = "torch" if "torch" in makers else "numpy"
    rivals = {name: (lambda make=make: make(0)) for name, make in makers.items() if name != best}
    took, rival, ratios = interleaved(lambda: makers[best](0), rivals, rounds)
    return Result(
        name=f"batch {size} px, {best}",
        value=round(count * size * size / 1e6 / took, 2),
        unit="Mpx/s",
        rival=rival,
        **spread(ratios),
        note=f"{count} scenes, one thread, {rounds} rounds",
    )


def bench_world(config: WorldConfig, *, default: bool) -> Result:
    """Seconds for a world on disk."""
    with tempfile.TemporaryDirectory() as folder:
        took = seconds(lambda: simulate_world(Path(folder) / "world", config))
    note = f"{config.pairs} pairs of {config.size_px} px"
    if not default:
        return Result(
            name="world", value=round(took, 1), unit="s", note=f"{note}: the goal is the default world's"
        )
    goal = spread([WORLD_GOAL_S / took])
    return Result(name="world", value=round(took, 1), unit="s", rival="a minute", **goal, goal=1.0, note=note)


def main() -> None:
    chosen = options(__doc__)
    config = WorldConfig(pairs=2, size_px=1024) if chosen.quick else WorldConfig()
    results = []
    for size in (256, 512):
        results.append(bench_batch(1_048_576 // size**2, size, 3 if chosen.quick else 9))
        show(results[-1])
    results.append(bench_world(config, default=not chosen.quick))
    show(results[-1])
    write(results, chosen.json)


if __name__ == "__main__":
    main()
