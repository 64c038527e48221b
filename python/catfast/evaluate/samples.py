"""What a test set is: samples, each an image with truth on the same grid, opened one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from catfast.errors import Notice
from catfast.evaluate.strata import Facts
from catfast.planet import Scene
from catfast.raster import Grid, Raster, centre_lonlat

__all__ = ["Opened", "Sample", "TestSet", "TruthRows", "latitude_of", "merged"]

TruthRows = Callable[[int, int], npt.NDArray[np.uint8]]
"""Codes of truth of rows from the first to before the last, (n, width); 255 where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A sample whose files are open."""

    raster: Raster
    """The image."""
    scene: Scene
    """How its pixels become reflectance."""
    truth: TruthRows
    """Its truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image with truth."""

    name: str
    """Unique in its test set."""
    scene_id: str
    """Scene that it was cut from."""
    origin: tuple[int, int]
    """Row and column of its first pixel in that scene."""
    whole: bool
    """Whether it is the whole of an image, so that masks must have its size."""
    facts: Facts
    """What is known of it."""
    open: Callable[[], AbstractContextManager[Opened]]
    """Opens its files; raises InputError where they cannot be read."""


class TestSet(Protocol):
    """Samples, and what is true of all of them."""

    kind: str
    """``patch store``, ``images with masks`` or ``points and polygons``."""
    path: Path
    """Where it lies."""
    classes: tuple[str, ...]
    """Classes that its truth can tell."""
    simulated: bool
    """Whether images or truth are a simulator's."""
    shadow_may_lack: bool
    """See :class:`catfast.evaluate.codes.CodeTable`."""
    notices: tuple[Notice, ...]
    """What the user should know."""

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def __iter__(self) -> Iterator[Sample]:
        """The samples, always in the same order."""
        ...


def latitude_of(grid: Grid) -> float | None:
    """Latitude of the middle of a grid, degrees; None without CRS."""
    centre = centre_lonlat(grid)
    return None if centre is None else centre[1]


def merged(found: Facts, given: Facts | None) -> Facts:
    """Facts found in files, replaced by those that the user gave."""
    if given is None:
        return found
    known = {
        field.name: getattr(given, field.name)
        for field in fields(given)
        if getattr(given, field.name) is not None
    }
    return replace(found, **known)
