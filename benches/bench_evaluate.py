"""Evaluation of the bundled model beside its network alone, and peak memory at two sizes of the test set.

The rival does no scoring at all: it runs ``catfast mask``'s code over the same images and throws the answers
away. Images and truth are simulated; nothing here is a score.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio

from catfast import EvaluateConfig, MaskConfig, Masker, evaluate_models
from catfast.planet import describe_scene
from catfast.raster import Grid, open_raster, write_geotiff
from catfast.simulate import batch
from report import Result, interleaved, options, show, spread, write

SIDE = 256
THREADS = 2
EVALUATE = """
import sys
from catfast import EvaluateConfig, evaluate_models
evaluate_models(sys.argv[1], sys.argv[2], EvaluateConfig(threads=2))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def image_folder(folder: Path, count: int) -> Path:
    """Simulated images with their truth, each scene under several names."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    grid = Grid(width=SIDE, height=SIDE, transform=rasterio.Affine.scale(10, -10), crs=None)
    images, labels = batch(min(count, 16), SIDE, seed=0)
    tags = {"CATFAST_SIMULATED": "1"}
    for number in range(count):
        counts = np.clip(np.round(images[number % 16] * 1e4), 1, 65535).astype(np.uint16)
        write_geotiff(folder / "images" / f"{number:05d}.tif", counts, grid, nodata=0, tags=tags)
        write_geotiff(folder / "masks" / f"{number:05d}.tif", labels[number % 16][None], grid, tags=tags)
    return folder


def network_alone(folder: Path) -> None:
    """Answers to all images, thrown away."""
    masker = Masker(MaskConfig(threads=THREADS, confidence=True))
    for path in sorted((folder / "images").iterdir()):
        with open_raster(path) as raster:
            for _ in masker.classified(raster, describe_scene(raster)):
                pass


def peak_mb(folder: Path, report: Path) -> float:
    """Peak resident memory of an evaluation in a process of its own (VmHWM: Linux starts it anew on exec)."""
    command = [sys.executable, "-c", EVALUATE, str(folder), str(report)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024


def main() -> None:
    chosen = options(__doc__)
    small, rounds = (24, 3) if chosen.quick else (96, 5)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder, large = image_folder(work / "small", small), image_folder(work / "large", 8 * small)
        config = EvaluateConfig(threads=THREADS, overwrite=True)
        took, _, ratios = interleaved(
            lambda: evaluate_models(folder, work / "report", config),
            {"alone": lambda: network_alone(folder)},
            rounds,
        )
        speed = Result(
            name="evaluate",
            value=round(small * SIDE**2 / 1e6 / took, 2),
            unit="Mpx/s",
            rival="the network alone, no scores",
            **spread(ratios),
            note=f"simulated images of {SIDE} px, {THREADS} threads, {rounds} rounds",
        )
        peaks = [peak_mb(folder, work / "a"), peak_mb(large, work / "b")]
        memory = Result(
            name="peak memory, 8 x the images",
            value=round(peaks[1]),
            unit="MB",
            rival="the same command on one eighth",
            **spread([peaks[0] / peaks[1]]),
            note=f"{8 * small} images; {small} images: {peaks[0]:.0f} MB",
        )
    for result in (speed, memory):
        show(result)
    write([speed, memory], chosen.json)


if __name__ == "__main__":
    main()
