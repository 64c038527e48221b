"""Masking from file to COG: with start-up, in steady state, by each model, at 3 m, by stages, and in memory.

Ours and every rival run in processes of their own, in turn, on the same made-up scene (deflate tiles, about
70 % valid): wall time includes start-up. Steady state is the difference of a large and a small scene. Rivals
are in mask_rivals.py; those of other packages run where these are installed (a folder of them on PYTHONPATH
will do: ``pip install --target DIR omnicloudmask ukis-csmask``). ``--gpx`` adds a scene of a gigapixel, and
one of 122,070 columns.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

from catfast.models import bundled
from mask_rivals import WAYS
from mask_stages import stages
from report import Result, options, show, spread, write

THREADS = 2
STARTUP = "start-up included"


def write_scene(path: Path, rows: int, columns: int) -> Path:
    """A smooth random scene with a rotated footprint, written by bands of rows."""
    rng = np.random.default_rng(0)
    profile = {
        "driver": "GTiff",
        "count": 4,
        "height": rows,
        "width": columns,
        "dtype": "uint16",
        "nodata": 0,
        "crs": "EPSG:32604",
        "transform": Affine(3, 0, 5e5, 0, -3, 7.9e6),
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "zlevel": 1,  # as fast to read as any level, and half the time to write
        "num_threads": "ALL_CPUS",
        "BIGTIFF": "IF_SAFER",
    }
    noise = rng.integers(0, 64, (4, 256, columns), np.uint16)
    across = np.arange(columns, dtype=np.float32)[None] / columns - 0.5
    with rasterio.open(path, "w", **profile) as dataset:
        for start in range(0, rows, 256):
            count = min(256, rows - start)
            coarse = rng.integers(500, 7000, (4, count // 32 + 1, columns // 32 + 1), np.uint16)
            dn = np.repeat(np.repeat(coarse, 32, axis=1), 32, axis=2)[:, :count, :columns]
            dn += noise[:, :count]
            down = np.arange(start, start + count, dtype=np.float32)[:, None] / rows - 0.5
            dn *= (np.abs(across + 0.2 * down) < 0.43) & (np.abs(down - 0.2 * across) < 0.43)
            dataset.write(dn, window=((start, start + count), (0, columns)))
    return path


def timed(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak resident megabytes of a process."""
    started = time.perf_counter()
    probe = f"import resource, subprocess; c = subprocess.run({command!r}, stdout=subprocess.DEVNULL)"
    probe += "; print(c.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    took = time.perf_counter() - started
    code, peak = map(int, done.stdout.split())
    if code:
        raise SystemExit(f"failed: {' '.join(command)}: {done.stderr.strip()[-500:]}")
    return took, peak / 1024


def ours(scene: Path, *more: str) -> list[str]:
    """Our command."""
    command = [sys.executable, "-c", "from catfast.cli import main; main()", "mask", str(scene)]
    command += ["-o", str(scene.with_name("ours.tif")), "--overwrite", "--threads", str(THREADS)]
    return [*command, "--reflectance-scale", "1e-4", *more]


def rivals(scene: Path, quick: bool) -> dict[str, list[str]]:
    """Commands of those that can run here."""
    script, output = Path(__file__).with_name("mask_rivals.py"), scene.with_name("theirs.tif")
    found = {}
    for way, (package, _) in WAYS.items():
        if package is not None and (quick or importlib.util.find_spec(package) is None):
            print(f"left out: {way}: {'--quick' if quick else 'not installed'}", flush=True)
            continue
        found[way] = [sys.executable, str(script), way, str(scene), str(bundled()), str(output), str(THREADS)]
    return found


def beside_rivals(scene: Path, pixels: float, rounds: int, quick: bool) -> list[Result]:
    """Speed and memory at the small size."""
    others = rivals(scene, quick)
    turns = [
        {name: timed(command) for name, command in {"ours": ours(scene), **others}.items()}
        for _ in range(rounds)
    ]
    took, memory = (statistics.median(turn["ours"][k] for turn in turns) for k in (0, 1))
    results = []
    for name in others:
        faster, leaner = ([turn[name][k] / turn["ours"][k] for turn in turns] for k in (0, 1))
        results += [
            Result(
                name=f"mask {pixels:.0f} Mpx",
                value=round(pixels / took, 1),
                unit="Mpx/s",
                rival=name,
                **spread(faster),
                note=f"{STARTUP}, {THREADS} threads, {rounds} rounds",
            ),
            Result(
                name=f"peak memory {pixels:.0f} Mpx",
                value=round(memory),
                unit="MB",
                rival=name,
                **spread(leaner),
            ),
        ]
    return results


def rates(small: Path, large: Path, sizes: list[float], rounds: int, quick: bool) -> list[Result]:
    """Without rivals: with start-up, in steady state, by the accurate model, at 3 m, and memory."""
    accurate = ("--model", "accurate")
    turns = [
        tuple(timed(ours(scene, *more)) for more in ((), accurate) for scene in (small, large))
        for _ in range(rounds)
    ]
    first, second = (statistics.median(turn[k][0] for turn in turns) for k in (0, 1))
    steady, slower = (
        [(sizes[1] - sizes[0]) / (turn[k + 1][0] - turn[k][0]) for turn in turns] for k in (0, 2)
    )
    native = timed(ours(small, "--gsd", "3"))[0]
    lines = (
        (f"mask {sizes[0]:.0f} Mpx", sizes[0] / first, "Mpx/s", 12.0, STARTUP),
        (f"mask {sizes[1]:.0f} Mpx", sizes[1] / second, "Mpx/s", None, STARTUP),
        (
            "steady state",
            statistics.median(steady),
            "Mpx/s",
            22.0,
            f"{sizes[1]:.0f} less {sizes[0]:.0f} Mpx, {min(steady):.1f} to {max(steady):.1f}",
        ),
        (
            "steady state, accurate",
            statistics.median(slower),
            "Mpx/s",
            None,
            f"{sizes[1]:.0f} less {sizes[0]:.0f} Mpx, {min(slower):.1f} to {max(slower):.1f}",
        ),
        (f"mask {sizes[0]:.0f} Mpx at 3 m", sizes[0] / native, "Mpx/s", 5.0, STARTUP),
        (f"peak memory {sizes[0]:.0f} Mpx", max(turn[0][1] for turn in turns), "MB", None, "under 1000"),
        (f"peak memory {sizes[1]:.0f} Mpx", max(turn[1][1] for turn in turns), "MB", None, "under 1000"),
    )
    return [
        Result(
            name=name,
            value=round(value, 1),
            unit=unit,
            goal=None if quick else goal,
            note=f"{note}; goal {goal:g} at 32 and 130 Mpx" if quick and goal else note,
        )
        for name, value, unit, goal, note in lines
    ]


def gigapixel(folder: Path) -> list[Result]:
    """Time and memory of a square of 31,623 pixels a side, and of a strip 4,096 high."""
    found = []
    for name, rows, columns in (("1 Gpx", 31_623, 31_623), ("0.5 Gpx, wide", 4096, 122_070)):
        scene = write_scene(folder / "gpx.tif", rows, columns)
        took, memory = timed(ours(scene))
        speed = round(rows * columns / took / 1e6, 1)
        found += [
            Result(name=f"mask {name}", value=speed, unit="Mpx/s", note=STARTUP),
            Result(name=f"peak memory {name}", value=round(memory), unit="MB", note="under 1000"),
        ]
    return found


def main() -> None:
    chosen = options(
        __doc__, gpx="also a scene of a gigapixel, and a very wide one: minutes, and 6 GB of disk"
    )
    sides = (2048, 4096) if chosen.quick else (5700, 11400)
    sizes = [side * side / 1e6 for side in sides]
    rounds = 1 if chosen.quick else 5
    results = []

    def add(found: list[Result]) -> None:
        results.extend(found)
        for result in found:
            show(result)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = (write_scene(folder / f"{side}.tif", side, side) for side in sides)
        add(stages(small, THREADS))
        add(stages(small, THREADS, 3.0))
        add(rates(small, large, sizes, rounds, chosen.quick))
        add(beside_rivals(small, sizes[0], rounds, chosen.quick))
        if chosen.gpx:
            add(gigapixel(folder))
    write(results, chosen.json)


if __name__ == "__main__":
    main()
