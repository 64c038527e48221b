"""What the default model saw in training, told from its data and settings: no bound is typed by hand."""

from __future__ import annotations

import math

from catfast.models import Domain
from catfast.simulate import batch
from catfast.simulate.surface import SUN_ELEVATION
from recipes.chips import Chip
from recipes.settings import Settings

__all__ = ["domain_of"]

SENSORS = {
    "l8_biome": "OLI",
    "on_cloud_n": "MSI",
    "landsat5": "TM",
    "landsat7": "ETM+",
    "Landsat 8": "OLI",
    "Landsat 9": "OLI-2",
    "Sentinel-2": "MSI",
}
"""Instrument by source of a chip, or by a part of its name where a source has several."""

SIMULATED = ("PS2", "PS2.SD", "PSB.SD")
"""Instruments that the simulated scenes stand for: PlanetScope's, of which no real image was at hand."""

CHUNKS = 8
"""Of simulated scenes, 128 pixels a side, that are looked at."""


def domain_of(settings: Settings, chips: list[Chip]) -> Domain:
    """Bounds of a training on ``chips`` and on simulation.

    The latitude stays open: simulated scenes lie nowhere, and most chips do not say where they were cut.
    """
    images, _ = batch(CHUNKS * settings.chunk, 128, seed=settings.pretrain.seed)
    every = [*images, *(chip.image for chip in chips)]
    sensors = {name for key, name in SENSORS.items() if any(key in (c.source, *_parts(c)) for c in chips)}
    return Domain.seen(
        images=every,
        sun_elevations=[math.degrees(SUN_ELEVATION[0])],
        sensors=(*(name for name in dict.fromkeys(SENSORS.values()) if name in sensors), *SIMULATED),
    )


def _parts(chip: Chip) -> list[str]:
    """What a name is made of: a plain one, or what is seen and by which satellite."""
    return chip.name.split(", ")
