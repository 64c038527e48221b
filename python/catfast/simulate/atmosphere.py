"""Between the ground and the sensor: skylight, Rayleigh and haze path radiance, ozone."""

from __future__ import annotations

from dataclasses import dataclass

from catfast.simulate.draws import Array, Draws
from catfast.simulate.surface import Sun

__all__ = ["Air", "draw_air", "ozone_transmittance", "path"]

RAYLEIGH = (0.165, 0.091, 0.048, 0.016)
"""Rayleigh optical thickness at sea level at 485, 565, 665 and 865 nm
(Bodhaine et al., J. Atmos. Ocean. Tech. 16, 1999)."""

OZONE_300_DU = (0.0060, 0.0310, 0.0190, 0.0008)
"""Optical thickness of 300 Dobson units of ozone in the four bands, the Chappuis band
(cross-sections of Serdyuchenko et al., Atmos. Meas. Tech. 7, 2014)."""

HAZE_WAVELENGTHS = (0.485, 0.565, 0.665, 0.865)
"""Band centres in micrometres, for the Angstrom law of haze."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """The air of `count` scenes; arrays (count, 4, 1, 1), one value a band."""

    path: Array
    """Reflectance of the clear air itself."""
    through: Array
    """Transmittance of the way down and up."""
    diffuse: Array
    """Share of skylight in the light on a flat, sunlit ground."""
    bounce: Array
    """Albedo of the air for light from below."""
    ozone: Array
    """Transmittance of ozone on the way down and up."""


def path(rayleigh: Array, haze: Array, mu: Array) -> Array:
    """Return the single-scattering path reflectance at nadir: tau P / (4 mu mu_view).

    The phase function is near 1 for Rayleigh and about 0.3 for haze at the angles a nadir view has.
    """
    return (rayleigh + 0.3 * haze) / (4.0 * mu)


def ozone_transmittance(draws: Draws, dobson: Array, mu: Array) -> Array:
    """Return the two-way transmittance (count, 4, 1, 1) of `dobson` units (count, 1, 1, 1) of ozone."""
    tau = draws.array(OZONE_300_DU)[:, None, None] * (dobson / 300.0)
    return draws.xp.exp(-tau * (1.0 / mu + 1.0))


def draw_air(draws: Draws, count: int, sun: Sun, corrected: float = 0.4) -> Air:
    """Draw the air of `count` scenes, a share `corrected` of them delivered as surface reflectance.

    Corrected scenes keep a small residue of the path, as real corrections do, and no ozone.
    """
    xp = draws.xp
    tail = (1, 1, 1)
    mu = xp.clip(xp.sin(sun.elevation), 0.12, 1.0)[:, None, ...]
    pressure = draws.uniform(count, 0.75, 1.02, tail)
    rayleigh = draws.array(RAYLEIGH)[:, None, None] * pressure
    angstrom = draws.uniform(count, 0.6, 1.8, tail)
    haze = (
        draws.log_uniform(count, 0.02, 0.35, tail)
        * (draws.array(HAZE_WAVELENGTHS)[:, None, None] / 0.55) ** -angstrom
    )
    left = 1.0 - draws.chance(count, corrected, tail)
    residue = left + (1.0 - left) * 0.12 * draws.normal((count, 1, 1, 1))
    slant = 1.0 / mu + 1.0
    # Half of what Rayleigh scatters, and most of what haze scatters, goes on forward and is not lost.
    lost = 0.5 * rayleigh + 0.15 * haze
    return Air(
        path=residue * path(rayleigh, haze, mu),
        through=xp.exp(-xp.clip(residue, 0.0, 1.0) * lost * slant),
        diffuse=xp.clip(
            1.0 - xp.exp(-(0.6 * rayleigh + 0.6 * haze) / mu) + draws.uniform(count, 0.0, 0.1, tail),
            0.02,
            0.75,
        ),
        bounce=left * 0.75 * (rayleigh + 0.3 * haze),
        ozone=ozone_transmittance(draws, left * draws.uniform(count, 230.0, 480.0, tail), mu),
    )
