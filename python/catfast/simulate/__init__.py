"""Simulated scenes with known truth, for training, tests, benches and the demo.

:func:`batch` streams small training scenes, by numpy or torch; :func:`simulate_world` writes a folder of
coincident PlanetScope and Landsat scenes in real file layouts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catfast._lazy import names_from

if TYPE_CHECKING:
    from catfast.simulate.scene import batch
    from catfast.simulate.world import PairSummary, WorldConfig, WorldSummary, simulate_world

__all__ = ["PairSummary", "WorldConfig", "WorldSummary", "batch", "simulate_world"]

_HOMES = {
    "PairSummary": "world",
    "WorldConfig": "world",
    "WorldSummary": "world",
    "batch": "scene",
    "simulate_world": "world",
}

__getattr__ = names_from(__name__, _HOMES)
