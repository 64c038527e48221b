"""The two files of a pair, opened and found to be what a store takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from catfast.errors import InputError
from catfast.landsat import open_qa
from catfast.patches.scenes import PairFiles
from catfast.planet import Scene, describe_scene
from catfast.raster import Raster, open_raster, simulated_tag

GSD_TOLERANCE = 0.05
"""Scenes whose pixels differ by a larger share do not go into one store."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What all scenes of a store must share."""

    gsd_m: float
    """Metres a pixel."""
    simulated: bool
    """Whether they are simulated."""

    def check(self, files: PairFiles, found: Kind) -> None:
        """Refuse a pair of another kind.

        Raises:
            InputError: it is.
        """
        if abs(found.gsd_m / self.gsd_m - 1) > GSD_TOLERANCE:
            raise InputError(
                f"{files.image}: expected pixels of {self.gsd_m:g} m as in the first pair, "
                f"found {found.gsd_m:g} m"
            )
        if found.simulated != self.simulated:
            names = ("real scenes", "simulated ones")
            raise InputError(
                f"{files.image}: expected {names[self.simulated]} as in the first pair, "
                f"found {names[found.simulated]}: make a store of each"
            )


@dataclass(frozen=True, slots=True)
class OpenPair:
    """The two files of a pair, opened and found to be what they should be."""

    raster: Raster
    scene: Scene
    qa: Raster
    kind: Kind


@contextmanager
def open_pair(files: PairFiles, *, verify: str = "never", vouched: bool = False) -> Iterator[OpenPair]:
    """Open both files.

    Args:
        files: where they are.
        verify: one of :data:`catfast.raster.VERIFY`.
        vouched: whether the image is known to be whole, so that its checksums need not be compared.

    Raises:
        InputError: a file is not what it should be.
    """
    of_image = "never" if vouched and verify == "auto" else verify
    with open_raster(files.image, verify=of_image) as raster, open_qa(files.qa, verify=verify) as qa:
        scene = describe_scene(raster)
        if scene.gsd_m is None:
            raise InputError(f"{files.image}: expected a georeferenced scene, but {scene.notices[0].message}")
        simulated = bool(simulated_tag(raster.info.tags, qa.info.tags))
        yield OpenPair(raster, scene, qa, Kind(round(sum(scene.gsd_m) / 2, 4), simulated))
