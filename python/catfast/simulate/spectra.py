"""Reflectance of Arctic and other grounds in blue, green, red and near infrared (PlanetScope's four bands).

Levels follow published spectra: snow, firn and ice Warren (Rev. Geophys. 20, 1982) and Wiscombe & Warren
(J. Atmos. Sci. 37, 1980); sea ice and melt ponds Perovich et al. (J. Geophys. Res. 107, 2002) and Grenfell &
Perovich (J. Geophys. Res. 89, 1984); the rest the USGS spectral library (Kokaly et al., Data Series 1035,
2017). They were compared with hand-labelled PlanetScope pixels of glaciers (near infrared over green: snow
0.83, bare ice 0.6-0.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SURFACES", "THEMES", "Surface"]

Kind = Literal["snow", "water", "land"]


@dataclass(frozen=True, slots=True)
class Surface:
    """One ground: its name, what a mask calls it, and its reflectance."""

    name: str
    """Plain name."""
    kind: Kind
    """``snow`` (snow, firn and ice), ``water`` or ``land``."""
    reflectance: tuple[float, float, float, float]
    """Blue, green, red, near infrared; 1.0 is 100 %."""
    weight: float = 1.0
    """How often it is drawn, relative to the others."""


SURFACES = (
    Surface("fresh snow", "snow", (0.97, 0.97, 0.96, 0.92), 1.5),
    Surface("wind-packed snow", "snow", (0.94, 0.95, 0.94, 0.86), 1.5),
    Surface("coarse snow", "snow", (0.93, 0.93, 0.91, 0.79), 1.5),
    Surface("wet snow", "snow", (0.86, 0.85, 0.82, 0.68)),
    Surface("firn", "snow", (0.73, 0.73, 0.70, 0.54)),
    Surface("dusty snow", "snow", (0.60, 0.64, 0.66, 0.58)),
    Surface("lake ice with snow", "snow", (0.78, 0.79, 0.78, 0.66)),
    Surface("bare white ice", "snow", (0.63, 0.62, 0.58, 0.42)),
    Surface("bare blue ice", "snow", (0.60, 0.59, 0.49, 0.26)),
    Surface("dirty ice", "snow", (0.32, 0.32, 0.31, 0.24)),
    Surface("grey sea ice", "snow", (0.42, 0.42, 0.40, 0.29)),
    Surface("young ice", "snow", (0.16, 0.16, 0.14, 0.09)),
    Surface("melt pond", "water", (0.40, 0.39, 0.25, 0.08)),
    Surface("deep melt pond", "water", (0.22, 0.20, 0.09, 0.04), 0.6),
    Surface("open water", "water", (0.035, 0.028, 0.014, 0.006), 2.0),
    Surface("lake", "water", (0.030, 0.035, 0.022, 0.012)),
    Surface("turbid water", "water", (0.09, 0.13, 0.11, 0.035)),
    Surface("glacial milk", "water", (0.16, 0.20, 0.17, 0.07), 0.6),
    Surface("sun glint", "water", (0.13, 0.12, 0.11, 0.11), 0.5),
    Surface("tundra", "land", (0.045, 0.070, 0.075, 0.24), 2.0),
    Surface("dry tundra", "land", (0.07, 0.095, 0.12, 0.22)),
    Surface("brown tundra", "land", (0.05, 0.06, 0.08, 0.15)),
    Surface("green vegetation", "land", (0.030, 0.070, 0.045, 0.42)),
    Surface("dense shrubs", "land", (0.022, 0.042, 0.028, 0.28)),
    Surface("needleleaf forest", "land", (0.018, 0.030, 0.022, 0.18)),
    Surface("dark soil", "land", (0.06, 0.08, 0.10, 0.16)),
    Surface("soil", "land", (0.10, 0.14, 0.19, 0.27)),
    Surface("bright sand", "land", (0.22, 0.29, 0.37, 0.46)),
    Surface("limestone", "land", (0.34, 0.41, 0.47, 0.54)),
    Surface("bright limestone", "land", (0.48, 0.55, 0.60, 0.66), 0.6),
    Surface("grey rock", "land", (0.14, 0.155, 0.17, 0.21)),
    Surface("dark rock", "land", (0.07, 0.075, 0.08, 0.11)),
    Surface("moraine", "land", (0.19, 0.21, 0.23, 0.28)),
    Surface("concrete", "land", (0.24, 0.27, 0.29, 0.33), 0.5),
    Surface("dolomite", "land", (0.21, 0.22, 0.25, 0.32)),
    Surface("dolomite scree", "land", (0.28, 0.29, 0.33, 0.40)),
)
"""Every ground that a scene may be made of."""

_ARCTIC_LAND = ("tundra", "brown tundra", "grey rock", "dark rock", "moraine")
_ROCK = ("dolomite", "dolomite scree", "limestone", "moraine", "grey rock")
_MOUNTAINS = (*_ROCK, "needleleaf forest", "green vegetation", "dense shrubs", "soil")


def _weights(snow: float, water: float, land: float, names: tuple[str, ...] = ()) -> tuple[float, ...]:
    """Return the weight of each surface in a theme, its kinds weighed; of land `names` alone, if any."""
    share = {"snow": snow, "water": water, "land": land}
    return tuple(
        s.weight * share[s.kind] * (s.kind != "land" or not names or s.name in names) for s in SURFACES
    )


THEMES = {
    "cold": (0.34, _weights(1.6, 0.8, 1.0, _ARCTIC_LAND)),
    "warm": (0.25, _weights(0.05, 0.35, 1.0)),
    "snow": (0.18, _weights(1.0, 0.0, 0.0)),
    "land": (0.15, _weights(0.0, 0.0, 1.0)),
    "water": (0.08, _weights(0.0, 1.0, 0.0)),
    "mountains": (0.18, _weights(0.02, 0.02, 1.0, _MOUNTAINS)),
}
"""What goes together in a scene: a name, how often it is drawn, and the weights of the SURFACES."""

MOUNTAINS = list(THEMES).index("mountains")
"""Place in THEMES of pale rock that stands above forest and meadows."""

ROCK = _weights(0.0, 0.0, 1.0, _ROCK)
"""Weights of the SURFACES on the heights of mountains."""
