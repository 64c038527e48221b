"""Masking from file to COG, beside a plain rasterio + onnxruntime loop with the same network; peak memory.

Both run in processes of their own, in turn, on the same simulated-looking scene (deflate tiles, about 70 %
valid): wall time includes start-up. The plain loop reads the scene decimated to 10 m by GDAL's average, runs
tiles without overlap, and writes the upsampled classes: less work (no seams blended, no overviews, no
validation) and the whole scene in memory.
"""

from __future__ import annotations

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
from report import Result, options, show, spread, write

PLAIN = """
import json, sys
import numpy as np, onnxruntime, rasterio
from rasterio.enums import Resampling
scene, model, output = sys.argv[1:]
config = json.load(open(f"{model}/config.json"))
session_options = onnxruntime.SessionOptions()
session_options.intra_op_num_threads = 2
session = onnxruntime.InferenceSession(f"{model}/model.onnx", session_options)
with rasterio.open(scene, num_threads=2) as source:
    height, width = source.height, source.width
    shape = (4, round(height * 0.3), round(width * 0.3))
    image = source.read(out_shape=shape, out_dtype="float32", resampling=Resampling.average) * 1e-4
    valid = source.read(1) != 0
    profile = source.profile
mean, std = (np.array(config[name], np.float32)[:, None, None] for name in ("mean", "std"))
image = (np.clip(image, *config["clip"]) - mean) / std
tile, codes = config["tile"], np.zeros(shape[1:], np.uint8)
padded = np.pad(image, ((0, 0), (0, -shape[1] % tile), (0, -shape[2] % tile)), mode="reflect")
for top in range(0, shape[1], tile):
    for left in range(0, shape[2], tile):
        part = np.ascontiguousarray(padded[None, :, top:top + tile, left:left + tile], np.float32)
        answer = session.run(None, {"image": part})[0][0].argmax(0)
        codes[top:top + tile, left:left + tile] = answer[: shape[1] - top, : shape[2] - left]
rows = np.minimum((np.arange(height) * 0.3).astype(int), shape[1] - 1)
columns = np.minimum((np.arange(width) * 0.3).astype(int), shape[2] - 1)
mask = np.where(valid, codes[rows[:, None], columns], 255).astype(np.uint8)
profile.update(count=1, dtype="uint8", nodata=255, predictor=1)
with rasterio.open(output, "w", **profile, num_threads=2) as target:
    target.write(mask, 1)
"""


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
    }
    with rasterio.open(path, "w", **profile) as dataset:
        for start in range(0, rows, 256):
            count = min(256, rows - start)
            coarse = rng.integers(500, 7000, (4, count // 32 + 1, columns // 32 + 1))
            dn = np.repeat(np.repeat(coarse, 32, axis=1), 32, axis=2)[:, :count, :columns]
            dn = dn + rng.integers(0, 64, dn.shape)
            row, column = np.mgrid[start : start + count, :columns]
            across, down = column / columns - 0.5, row / rows - 0.5
            inside = (np.abs(across + 0.2 * down) < 0.43) & (np.abs(down - 0.2 * across) < 0.43)
            dataset.write((dn * inside).astype(np.uint16), window=((start, start + count), (0, columns)))
    return path


def timed(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak resident megabytes of a process."""
    started = time.perf_counter()
    probe = f"import resource, subprocess, sys; c = subprocess.run({command!r}, stderr=subprocess.DEVNULL)"
    probe += "; print(c.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    took = time.perf_counter() - started
    code, peak = map(int, done.stdout.split())
    if code:
        raise SystemExit(f"failed: {' '.join(command)}")
    return took, peak / 1024


def commands(scene: Path, folder: Path) -> dict[str, list[str]]:
    """Ours and the plain loop, as processes."""
    ours = [sys.executable, "-c", "from catfast.cli import main; main()", "mask", str(scene)]
    ours += ["-o", str(folder / "ours.tif"), "--overwrite", "--threads", "2", "--reflectance-scale", "1e-4"]
    plain = [sys.executable, "-c", PLAIN, str(scene), str(bundled()), str(folder / "plain.tif")]
    return {"ours": ours, "plain": plain}


def bench(folder: Path, side: int, rounds: int) -> list[Result]:
    """Speed and memory at one size."""
    scene = write_scene(folder / f"{side}.tif", side, side)
    pixels = side * side / 1e6
    turns = [
        {name: timed(command) for name, command in commands(scene, folder).items()} for _ in range(rounds)
    ]
    took = statistics.median(turn["ours"][0] for turn in turns)
    memory = statistics.median(turn["ours"][1] for turn in turns)
    name, note = f"{pixels:.0f} Mpx", f"start-up included, 2 threads, {rounds} rounds"
    rival = "rasterio + onnxruntime, no overlap"
    return [
        Result(
            name=f"mask {name}",
            value=round(pixels / took, 1),
            unit="Mpx/s",
            rival=rival,
            **spread([turn["plain"][0] / turn["ours"][0] for turn in turns]),
            note=note,
        ),
        Result(
            name=f"peak memory {name}",
            value=round(memory),
            unit="MB",
            rival=rival,
            **spread([turn["plain"][1] / turn["ours"][1] for turn in turns]),
        ),
    ]


def main() -> None:
    chosen = options(__doc__)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for side in (2048, 4096) if chosen.quick else (5700, 11400):
            for result in bench(Path(folder), side, 2 if chosen.quick else 5):
                show(result)
                results.append(result)
    write(results, chosen.json)


if __name__ == "__main__":
    main()
