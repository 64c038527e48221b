"""Kinds of cloud: what their fields, thickness and heights are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HIGH", "LOW", "CloudKind"]

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudKind:
    """Ranges that the clouds of one kind are drawn from."""

    name: str
    """Plain name."""
    weight: float
    """How often it is drawn, relative to the others."""
    exponent: Range
    """Spectral exponent of the cloud field: smooth, 3-5 (rough clouds taught models nothing)."""
    corner: Range
    """Cycles per 256 px of the largest features."""
    stretch: Range
    """Length over width of its features."""
    cover: Range
    """Share of the sky it covers."""
    thickness: Range
    """Optical thickness one standard deviation inside the edge."""
    edge: Range
    """How sharp the edge is: 0 fades out, 1 is a wall."""
    lumps: Range
    """Size of the bumps (cauliflower) on it."""
    height_m: Range
    """Height of its base above the ground, metres."""


LOW = (
    CloudKind(
        name="cumulus",
        weight=1.4,
        exponent=(3.0, 4.0),
        corner=(1.2, 8.0),
        stretch=(1.0, 1.4),
        cover=(0.04, 0.55),
        thickness=(2.5, 45.0),
        edge=(0.0, 0.4),
        lumps=(0.25, 0.8),
        height_m=(400.0, 2500.0),
    ),
    CloudKind(
        name="stratocumulus",
        weight=1.0,
        exponent=(3.0, 4.0),
        corner=(1.5, 12.0),
        stretch=(1.0, 2.0),
        cover=(0.45, 0.97),
        thickness=(1.5, 25.0),
        edge=(0.0, 0.3),
        lumps=(0.2, 0.8),
        height_m=(400.0, 2000.0),
    ),
    CloudKind(
        name="stratus",
        weight=0.8,
        exponent=(3.3, 4.7),
        corner=(1.0, 4.0),
        stretch=(1.0, 2.0),
        cover=(0.3, 0.98),
        thickness=(0.8, 15.0),
        edge=(0.0, 0.15),
        lumps=(0.0, 0.4),
        height_m=(150.0, 1200.0),
    ),
    CloudKind(
        name="overcast",
        weight=0.7,
        exponent=(3.1, 4.5),
        corner=(1.0, 10.0),
        stretch=(1.0, 3.0),
        cover=(0.9985, 0.9995),
        thickness=(1.0, 25.0),
        edge=(0.0, 0.1),
        lumps=(0.05, 0.6),
        height_m=(300.0, 3000.0),
    ),
    CloudKind(
        name="veil",
        weight=0.7,
        exponent=(3.3, 4.8),
        corner=(1.0, 4.0),
        stretch=(1.0, 3.0),
        cover=(0.15, 0.9),
        thickness=(0.3, 4.0),
        edge=(0.0, 0.0),
        lumps=(0.0, 0.2),
        height_m=(300.0, 3000.0),
    ),
    CloudKind(
        name="scraps",
        weight=0.7,
        exponent=(3.0, 4.0),
        corner=(2.0, 14.0),
        stretch=(1.0, 1.6),
        cover=(0.005, 0.2),
        thickness=(0.5, 8.0),
        edge=(0.0, 0.2),
        lumps=(0.1, 0.7),
        height_m=(300.0, 1500.0),
    ),
)
"""Kinds of the lower layer."""

HIGH = (
    CloudKind(
        name="cirrus",
        weight=1.0,
        exponent=(3.0, 4.2),
        corner=(1.0, 5.0),
        stretch=(1.5, 7.0),
        cover=(0.1, 0.8),
        thickness=(0.15, 2.0),
        edge=(0.0, 0.1),
        lumps=(0.0, 0.3),
        height_m=(5000.0, 9000.0),
    ),
    CloudKind(
        name="cirrostratus",
        weight=0.4,
        exponent=(3.8, 5.0),
        corner=(1.0, 3.0),
        stretch=(1.0, 4.0),
        cover=(0.4, 0.99),
        thickness=(0.15, 2.5),
        edge=(0.0, 0.0),
        lumps=(0.0, 0.1),
        height_m=(5000.0, 9000.0),
    ),
    CloudKind(
        name="altocumulus",
        weight=0.5,
        exponent=(3.0, 4.2),
        corner=(3.0, 20.0),
        stretch=(1.0, 2.5),
        cover=(0.1, 0.8),
        thickness=(1.0, 10.0),
        edge=(0.0, 0.25),
        lumps=(0.1, 0.5),
        height_m=(2500.0, 5000.0),
    ),
)
"""Kinds of the upper layer."""
