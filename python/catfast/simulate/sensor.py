"""What a camera does to a scene: blur, bands that do not quite overlie, gain errors, a seam, noise."""

from __future__ import annotations

from dataclasses import dataclass

from catfast.simulate.draws import Array, Draws
from catfast.simulate.fields import filtered

__all__ = ["Sensor", "draw_sensor", "sense"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """The faults of the cameras of `count` scenes; arrays that broadcast to (count, 4, h, w)."""

    blur: Array
    """Standard deviation of the point spread function, pixels."""
    dy: Array
    """Misregistration of each band downwards, pixels."""
    dx: Array
    """Misregistration of each band to the right, pixels."""
    gain: Array
    """Calibration factor of each band."""
    seam: Array
    """Relative step in brightness between two strips of the mosaic; 0 for none."""
    seam_at: Array
    """Where the seam is, as a share of the width."""
    noise: Array
    """Standard deviation of the noise, in reflectance."""


def draw_sensor(draws: Draws, count: int) -> Sensor:
    """Draw cameras between sharp and soft, most well registered, a tenth with a visible seam."""
    tail = (1, 1, 1)
    shifted = draws.chance(count, 0.4, tail) * 0.7
    overall = draws.log_uniform(count, 0.92, 1.10, tail)
    return Sensor(
        blur=draws.uniform(count, 0.3, 1.0, tail)
        + draws.chance(count, 0.3, tail) * draws.uniform(count, 0.0, 1.2, tail),
        dy=shifted * draws.normal((count, 4, 1, 1)),
        dx=shifted * draws.normal((count, 4, 1, 1)),
        gain=overall * (1.0 + 0.01 * draws.normal((count, 4, 1, 1))),
        seam=draws.chance(count, 0.1, tail) * 0.04 * draws.normal((count, 4, 1, 1)),
        seam_at=draws.unit((count, *tail)),
        noise=draws.log_uniform(count, 0.0005, 0.008, tail),
    )


def sense(draws: Draws, image: Array, sensor: Sensor) -> Array:
    """Return `image` (count, 4, h, w) as `sensor` records it, clipped to -0.02..2."""
    xp = draws.xp
    image = filtered(draws, image, sigma=sensor.blur, dy=sensor.dy, dx=sensor.dx)
    columns = (xp.arange(image.shape[-1], dtype=xp.float32, device=draws.device) + 0.5) / image.shape[-1]
    gain = sensor.gain * (1.0 + sensor.seam * xp.astype(columns > sensor.seam_at, xp.float32))
    # Photon noise grows with the root of the signal.
    spread = sensor.noise * xp.sqrt(xp.clip(image, 0.02, 2.0) + 0.1)
    return xp.clip(image * gain + spread * draws.normal(image.shape), -0.02, 2.0)
