"""What is known of a sample beside its pixels, and the parts that scores are split by."""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from dataclasses import dataclass, fields
from pathlib import Path

from catfast.classes import CLASS_CODES
from catfast.errors import InputError
from catfast.evaluate.tally import Counts

__all__ = ["SPLITS", "Facts", "read_facts", "strata_of"]

_EDGES = {
    "sun_elevation": ("degrees", (10.0, 20.0, 30.0, 40.0)),
    "latitude": ("degrees", (60.0, 66.56, 70.0, 75.0, 80.0)),
    "dt_s": ("s", (5.0, 10.0, 20.0, 30.0)),
}
"""Unit, and the edges between parts."""

SPLITS = ("surface", *_EDGES, "seen")
"""What scores are split by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a sample; None where it is not."""

    scene: str | None = None
    """Scene that it belongs to; samples of a scene are drawn together."""
    surface: str | None = None
    """``snow/ice``, ``water`` or ``other``."""
    sun_elevation: float | None = None
    """Degrees."""
    latitude: float | None = None
    """Degrees north."""
    dt_s: float | None = None
    """Seconds between the two images of a pair, signed."""
    seen: str | None = None
    """``yes`` where a contender was trained on it."""


def strata_of(facts: Facts, confusion: Counts, truth_classes: tuple[str, ...]) -> tuple[str, ...]:
    """The part of each of :data:`SPLITS` that a sample belongs to."""
    surface = facts.surface or _surface(confusion, truth_classes)
    values = (facts.sun_elevation, facts.latitude, None if facts.dt_s is None else abs(facts.dt_s))
    bins = (_bin(name, value) for name, value in zip(_EDGES, values, strict=True))
    return (surface, *bins, facts.seen or "unknown")


def _surface(confusion: Counts, truth_classes: tuple[str, ...]) -> str:
    """Snow or water where truth says so of at least half of what is not cloud."""
    if not {"snow", "water"} & set(truth_classes):
        return "unknown"
    pixels = confusion.sum(1)
    ground = sum(int(pixels[CLASS_CODES[name]]) for name in ("clear", "shadow", "snow", "water"))
    if not ground:
        return "unknown"
    for name, label in (("snow", "snow/ice"), ("water", "water")):
        if 2 * int(pixels[CLASS_CODES[name]]) >= ground:
            return label
    return "other"


def _bin(name: str, value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "unknown"
    unit, edges = _EDGES[name]
    place = bisect_right(edges, value)
    if place == 0:
        return f"under {edges[0]:g} {unit}"
    if place == len(edges):
        return f"{edges[-1]:g} {unit} and more"
    return f"{edges[place - 1]:g} to {edges[place]:g} {unit}"


def read_facts(path: Path) -> dict[str, Facts]:
    """Facts by sample name, of a CSV with a column ``name``.

    Raises:
        InputError: not such a table, or a value that is not a number where one is wanted.
    """
    known = [field.name for field in fields(Facts)]
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: expected a CSV file, found something that is not a regular file")
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            if "name" not in columns:
                raise InputError(f"{path}: expected a column name, found {', '.join(columns) or 'none'}")
            return {
                row["name"]: _facts(path, {key: row[key] for key in known if row.get(key)}) for row in reader
            }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error


def _facts(path: Path, row: dict[str, str]) -> Facts:
    try:
        numbers = {key: float(row[key]) for key in _EDGES if key in row}
    except ValueError as error:
        raise InputError(f"{path}: expected a number: {error}") from None
    return Facts(
        scene=row.get("scene"),
        surface=row.get("surface"),
        sun_elevation=numbers.get("sun_elevation"),
        latitude=numbers.get("latitude"),
        dt_s=numbers.get("dt_s"),
        seen=row.get("seen"),
    )
