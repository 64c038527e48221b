"""What a model saw in training, as far as it is known: outside of it, its masks deserve a second look."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Domain"]

SATURATED = 1.3
"""Reflectance that a whole image hardly ever exceeds, but for sensors at their limit."""
_SHARE = 99.0
"""Per cent of the training images that have no more saturated pixels than the bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Bounds of the training data; None and no sensor where a model does not say."""

    min_sun_elevation: float | None = None
    """The lowest sun, degrees above the horizon."""
    latitude: tuple[float, float] | None = None
    """The southernmost and northernmost place, degrees."""
    sensors: tuple[str, ...] = ()
    """Instruments of its images, real or simulated, such as ``PSB.SD``."""
    saturated_above: float | None = None
    """Reflectance; a pixel that is brighter in all bands counts as saturated."""
    saturated_percent: float | None = None
    """Of such pixels, the share of an image's that training went up to, per cent."""

    def __post_init__(self) -> None:
        numbers = (
            self.min_sun_elevation,
            self.saturated_above,
            self.saturated_percent,
            *(self.latitude or ()),
        )
        if not all(number is None or _is_number(number) for number in numbers):
            raise ValueError("domain: expected finite numbers")
        if self.latitude is not None and (len(self.latitude) != 2 or self.latitude[0] > self.latitude[1]):
            raise ValueError("domain: latitude must be a southern and a northern one")
        if not all(isinstance(name, str) and name for name in self.sensors):
            raise ValueError("domain: sensors must be names")
        if (self.saturated_above is None) != (self.saturated_percent is None):
            raise ValueError("domain: saturated_above and saturated_percent go together")

    @classmethod
    def seen(
        cls,
        *,
        images: Iterable[npt.NDArray[np.float32]],
        sun_elevations: Iterable[float] = (),
        latitudes: Iterable[float] = (),
        sensors: tuple[str, ...] = (),
    ) -> Domain:
        """Bounds of what a training saw; what is not given stays open.

        Args:
            images: reflectance (bands, h, w) at the network's own grid, NaN or not positive where nothing
                was seen.
            sun_elevations: of its images, degrees.
            latitudes: of their middles, degrees.
            sensors: their instruments.
        """
        suns, places = list(sun_elevations), list(latitudes)
        shares = [share for image in images if (share := _saturated_percent(image)) is not None]
        return cls(
            min_sun_elevation=_down(min(suns)) if suns else None,
            latitude=(_down(min(places)), -_down(-max(places))) if places else None,
            sensors=sensors,
            saturated_above=SATURATED if shares else None,
            saturated_percent=round(float(np.percentile(shares, _SHARE)), 1) if shares else None,
        )

    @classmethod
    def of(cls, content: Any) -> Domain:
        """From its JSON object.

        Raises:
            ValueError: values that make no sense.
            TypeError: not such an object.
        """
        if not isinstance(content, Mapping):
            raise TypeError("domain must be an object")
        lists = {key: tuple(value) for key, value in content.items() if isinstance(value, list)}
        return cls(**{**content, **lists})

    def as_dict(self) -> dict[str, Any]:
        """What is known, as JSON values."""
        return {key: value for key, value in asdict(self).items() if value not in (None, ())}

    def lines(self) -> list[str]:
        """Sentences for a card."""
        sun, latitude, share = self.min_sun_elevation, self.latitude, self.saturated_percent
        return [
            f"lowest sun: {'not stated' if sun is None else f'{sun:g} degrees'}",
            f"latitude: {f'{latitude[0]:g} to {latitude[1]:g} degrees' if latitude else 'not stated'}",
            f"sensors: {', '.join(self.sensors) or 'not stated'}",
            f"saturated pixels: {'not stated' if share is None else self._saturated()}",
        ]

    def _saturated(self) -> str:
        return (
            f"up to {self.saturated_percent:g} % of an image over {self.saturated_above:g} in all four bands"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _saturated_percent(image: npt.NDArray[np.float32]) -> float | None:
    """Of the pixels seen, those that are saturated in all bands."""
    darkest = image.min(axis=0)
    seen = darkest > 0
    return 100 * float((darkest[seen] > SATURATED).mean()) if seen.any() else None


def _down(degrees: float) -> float:
    """To a tenth, never upwards; what is off by a billionth is rounding."""
    return math.floor(10 * degrees + 1e-8) / 10
