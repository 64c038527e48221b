"""Kills `catfast patches` at random points, goes on, and compares with a run that nobody disturbed.

Stores from the first patch on, and finished ones that take up a pair whose image came later.

The long form, twenty points a format: ``python -m tests.kills`` (``make kills``).
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from tests.conftest import run_catfast
from tests.patch_reference import tree

MOST_TRIES = 8
"""Kills in one run; then it is left to end."""


def command(pairs: Path, store: Path, options: Sequence[object]) -> list[str]:
    arguments = ("patches", pairs, "-o", store, *options)
    return [sys.executable, "-c", "from catfast.cli import main; main()", *map(str, arguments)]


def killed_after(words: Sequence[str], seconds: float) -> bool:
    """Start a command and kill its first process alone after a while; whether it was still running."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def kill_and_resume(pairs: Path, folder: Path, options: Sequence[object], points: int, seed: int) -> int:
    """Runs with kills at random points until so many have hit; the number of resumes that were needed.

    Raises:
        AssertionError: a resumed store differs from the undisturbed one, or something is left behind.
    """
    started = time.perf_counter()
    subprocess.run(command(pairs, folder / "whole", options), check=True, capture_output=True)
    usual = time.perf_counter() - started
    expected, rng, hits = tree(folder / "whole"), random.Random(seed), 0  # noqa: S311 - no secret
    attempts = itertools.count()  # a run may end before its kill
    while hits < points:
        store = folder / f"killed{next(attempts)}"
        words = command(pairs, store, options)
        before = hits
        for _ in range(MOST_TRIES):
            hits += killed_after(words, rng.uniform(0.25, 1.0) * usual)
            if hits == points:
                break
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert tree(store) == expected, f"seed {seed}: differs after {hits - before} kills"
        assert not list(folder.glob(".*")), list(folder.glob(".*"))
    return hits


def kill_and_take_up(
    pairs: Path, image: Path, folder: Path, options: Sequence[object], points: int, seed: int
) -> int:
    """The same for a finished store without the pairs of an image, once the image is there again.

    Raises:
        AssertionError: a store that took the pair up differs from one made in one go.
    """
    started = time.perf_counter()
    subprocess.run(command(pairs, folder / "whole", options), check=True, capture_output=True)
    usual = time.perf_counter() - started
    aside = image.rename(image.with_suffix(".away"))
    lacking = command(pairs, folder / "lacking", options)
    assert subprocess.run(lacking, capture_output=True, check=False).returncode == 1
    aside.rename(image)
    expected, rng, hits = tree(folder / "whole"), random.Random(seed), 0  # noqa: S311 - no secret
    attempts = itertools.count()  # a run may end before its kill
    while hits < points:
        store = folder / f"added{next(attempts)}"
        shutil.copytree(folder / "lacking", store)
        words = command(pairs, store, options)
        hits += killed_after(words, rng.uniform(0.25, 1.0) * usual)
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert tree(store) == expected, f"seed {seed}: differs"
    return hits


def without_places(folder: Path) -> Path:
    """The pairs of a folder without where the catalogues say that files are: then --scenes alone counts."""
    bare = folder / "bare.parquet"
    pq.write_table(pq.read_table(folder / "pairs.parquet").drop_columns(["ps_path", "l8_path"]), bare)
    return bare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=20, help="kills a format")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = folder / "world"
        for arguments in (
            ("simulate", world, "--pairs", 8, "--size", 768),
            ("catalog", "planet", world, "-o", folder / "planet.parquet"),
            ("catalog", "landsat", world, "-o", folder / "landsat.parquet"),
            ("pairs", folder / "planet.parquet", folder / "landsat.parquet", "-o", folder / "pairs.parquet"),
        ):
            assert run_catfast(*arguments).code == 0
        for kind in ("geotiff", "safetensors"):
            for workers in (1, 2):
                place = folder / f"{kind}{workers}"
                place.mkdir()
                options = ("--size", 96, "--format", kind, "--workers", workers)
                hits = kill_and_resume(
                    folder / "pairs.parquet", place, options, given.points // 2, given.seed
                )
                print(f"{kind}, workers {workers}: {hits} kills, every resumed store the same bytes")
            place = folder / f"{kind}_added"
            place.mkdir()
            bare, image = without_places(folder), next((world / "PSScene").glob("*_3B_Analytic*.tif"))
            options = ("--scenes", world, "--size", 96, "--format", kind)
            hits = kill_and_take_up(bare, image, place, options, max(given.points // 4, 1), given.seed)
            print(f"{kind}, a pair taken up: {hits} kills, every store the same bytes")


if __name__ == "__main__":
    main()
