"""Masks scene after scene in one process and watches memory, open files and what lies about.

The long form: ``python -m tests.soak --minutes 60`` (``make soak MINUTES=60``).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catfast import MaskConfig, Masker
from tests.conftest import cloudy_dn, write_scene

SIZES = (256, 700, 1100, 400)
"""Rows and columns of the scenes, in turn: what grows with a scene and is not given back shows."""

WARM = 8
"""Scenes until what is allocated once is there."""

GROWTH_MB = 40.0
"""What memory may grow by after that: allocators keep some of what they were given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The process after a scene."""

    scenes: int
    """Scenes so far."""
    rss_mb: float
    """Resident memory."""
    files: int
    """Open descriptors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """What was seen."""

    samples: list[Sample]
    """A sample a scene, after the first ``WARM``."""
    left: list[str]
    """What lies in the folder that no scene wanted there."""
    seconds: float
    """How long it took."""

    @property
    def growth_mb(self) -> float:
        """Memory of the last fifth above that of the first, medians: a single scene does not count."""
        fifth = max(1, len(self.samples) // 5)
        rss = [sample.rss_mb for sample in self.samples]
        return float(np.median(rss[-fifth:]) - np.median(rss[:fifth]))

    @property
    def halves_mb(self) -> tuple[float, float]:
        """Median memory of the first half of the run, and of the second."""
        rss, middle = [sample.rss_mb for sample in self.samples], (len(self.samples) + 1) // 2
        return float(np.median(rss[:middle])), float(np.median(rss[middle:] or rss))

    @property
    def more_files(self) -> int:
        """Open descriptors at the end above those at the beginning."""
        return self.samples[-1].files - self.samples[0].files

    def sentence(self) -> str:
        """The closing line."""
        last = self.samples[-1]
        return (
            f"{last.scenes} scenes and as many refused in {self.seconds:.0f} s: memory {last.rss_mb:.0f} MB, "
            "{:.1f} MB in the first half, {:.1f} in the second, ".format(*self.halves_mb)
            + f"{self.growth_mb:+.1f} MB from the first fifth to the last, {self.more_files:+d} open files, "
            f"{len(self.left)} stale files"
        )

    def sound(self) -> bool:
        """Whether nothing grew and nothing was left."""
        return self.growth_mb < GROWTH_MB and self.more_files <= 0 and not self.left


def soak(folder: Path, *, minutes: float, least: int) -> Soak:
    """Mask the same scenes again and again, with each way of ending: done, skipped, refused.

    Args:
        folder: empty.
        minutes: how long.
        least: scenes that are masked even so.
    """
    scenes = [
        write_scene(folder / f"{size}_AnalyticMS_SR.tif", cloudy_dn(size, size, seed=size)) for size in SIZES
    ]
    refused = folder / "broken_AnalyticMS_SR.tif"
    refused.write_bytes(scenes[0].read_bytes()[:5000])
    wanted = {path.name for path in folder.iterdir()}
    masker = Masker(MaskConfig(overwrite=True, confidence=True, threads=2))
    samples, began, count = [], time.perf_counter(), 0
    while count < least or time.perf_counter() - began < 60 * minutes:
        for path in (scenes[count % len(scenes)], refused):
            _masked(masker, path, folder / "mask.tif")
        count += 1
        if count >= WARM:
            samples.append(Sample(scenes=count, rss_mb=_rss_mb(), files=len(os.listdir("/proc/self/fd"))))
    wanted |= {"mask.tif", "mask_confidence.tif"}
    left = sorted(path.name for path in folder.iterdir() if path.name not in wanted)
    return Soak(samples=samples, left=left, seconds=time.perf_counter() - began)


def _masked(masker: Masker, scene: Path, output: Path) -> None:
    from catfast import CatfastError

    try:
        masker.mask(scene, output)
    except CatfastError:
        assert scene.name.startswith("broken"), scene


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        result = soak(Path(name), minutes=given.minutes, least=50)
    for sample in result.samples[:: max(1, len(result.samples) // 20)]:
        print(f"{sample.scenes:6d} scenes  {sample.rss_mb:7.1f} MB  {sample.files:4d} open files")
    print(result.sentence())
    sys.exit(not result.sound())


if __name__ == "__main__":
    main()
