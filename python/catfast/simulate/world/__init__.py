"""A simulated world: coincident PlanetScope and Landsat scenes in real file layouts, with the truth."""

from __future__ import annotations

from catfast.simulate.world.build import simulate_world
from catfast.simulate.world.config import PairSummary, WorldConfig, WorldSummary

__all__ = ["PairSummary", "WorldConfig", "WorldSummary", "simulate_world"]
