"""What is known of the displacement of a pair."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["REASONS", "Displacement"]

REASONS = {
    "accepted": "the estimates agree: clouds are moved",
    "disagree": "the estimates differ by too much",
    "spread": "an estimate changes when a quarter of the footprint is left out",
    "too_small": "the clouds hardly moved",
    "too_large": "no wind, height and view could move a cloud that far",
    "no_cloud": "too little of the footprint is cloud, or too little is not",
    "no_texture": "the bands do not tell cloud from ground",
    "shadow": "shadows look like cloud here, which hides how far its edges moved",
    "too_little": "too little ground is seen by both",
    "no_overlap": "the scene does not lie on Landsat's grid",
}
"""Codes of the reasons, and what each means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Displacement:
    """How far clouds stand in the scene from where Landsat saw them."""

    shift_x_m: float
    """Metres along the x axis of Landsat's CRS (east in UTM); 0 where there is no estimate."""
    shift_y_m: float
    """Metres along its y axis (north in UTM)."""
    spread_m: float
    """Farthest that an estimate moves when a quarter of the footprint is left out; 0 without an estimate."""
    accepted: bool
    """Whether labels are moved by it."""
    reason: str
    """One of :data:`REASONS`."""

    @classmethod
    def none(cls, reason: str) -> Displacement:
        """No estimate, because of ``reason``."""
        return cls(shift_x_m=0.0, shift_y_m=0.0, spread_m=0.0, accepted=False, reason=reason)

    def tags(self) -> dict[str, str]:
        """Dataset tags."""
        return {
            "CATFAST_SHIFT_X_M": f"{self.shift_x_m:.1f}",
            "CATFAST_SHIFT_Y_M": f"{self.shift_y_m:.1f}",
            "CATFAST_SHIFT_SPREAD_M": f"{self.spread_m:.1f}",
            "CATFAST_SHIFT_ACCEPTED": str(int(self.accepted)),
            "CATFAST_SHIFT_REASON": self.reason,
        }

    @classmethod
    def of_tags(cls, tags: dict[str, str]) -> Displacement | None:
        """What :meth:`tags` wrote, None where it did not."""
        if "CATFAST_SHIFT_REASON" not in tags:
            return None
        return cls(
            shift_x_m=float(tags["CATFAST_SHIFT_X_M"]),
            shift_y_m=float(tags["CATFAST_SHIFT_Y_M"]),
            spread_m=float(tags["CATFAST_SHIFT_SPREAD_M"]),
            accepted=tags["CATFAST_SHIFT_ACCEPTED"] == "1",
            reason=tags["CATFAST_SHIFT_REASON"],
        )

    def sentence(self) -> str:
        """What was done, for a person."""
        if not self.accepted:
            return f"clouds left where they were ({self.reason}: {REASONS[self.reason]})"
        length = math.hypot(self.shift_x_m, self.shift_y_m)
        return f"clouds moved by {length:.0f} m ({self.shift_x_m:+.0f}, {self.shift_y_m:+.0f})"

    def as_dict(self) -> dict[str, float | bool | str]:
        """The object that ``--json`` prints."""
        return {
            "shift_x_m": round(self.shift_x_m, 1),
            "shift_y_m": round(self.shift_y_m, 1),
            "spread_m": round(self.spread_m, 1),
            "accepted": self.accepted,
            "reason": self.reason,
        }
