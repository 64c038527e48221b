"""Patches, from deflate scenes to a store on disk: filters, shares and labels included.

The rivals do the same work with two processes, one thread each, and their best options: rasterio reads, a
numpy table and GDAL's nearest warp make the labels, then GeoTIFFs at the same settings (zstd 1, predictor 2),
WebDataset's tar writer, or numpy and safetensors, a shard a scene. Their processes are started before the
clock. Ours is flushed to the disk, has digests of patches and files and an index, and compares checksums of
the scenes' blocks; theirs is flushed too in the lines that say so, which have no goal. Inflating scenes and
compressing or writing patches are the same on both sides and most of the work, which bounds the ratio. A
ratio above 1 means that ours is faster. ``--large`` adds a run of 5,000 patches with its peak memory, and
Spark beside it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.warp import reproject

from catfast import _core
from catfast.patches import PatchesConfig, make_store
from report import Result, interleaved, options, show, spread, write

SIZE, PROCESSES = 512, 2
Scene = tuple[Path, Path]
Patch = tuple[str, np.ndarray, np.ndarray, rasterio.Affine]
TABLE = np.empty((1, 65536), np.uint8)
_core.decode_qa(np.arange(65536, dtype=np.uint16)[None], TABLE)


def make_scenes(folder: Path, count: int, rows: int, columns: int) -> list[Scene]:
    """Simulated scenes with the grain of real ones under Planet's names, QA bands, and ``pairs.parquet``."""
    scenes, table = [], []
    for number in range(count):
        rng = np.random.default_rng(number)
        ps, l8 = (
            f"202306{number + 1:02d}_101112_12_2401",
            f"LC08_L1TP_{number + 1:03d}010_20230601_20230611_02_T1",
        )
        image, qa = folder / f"{ps}_3B_AnalyticMS_SR.tif", folder / f"{l8}_QA_PIXEL.TIF"
        smooth = np.add.outer(np.arange(rows), np.arange(columns)) % 3000
        dn = (smooth + rng.integers(0, 6, (4, rows, columns)) + 500).astype(np.uint16)
        dn[:, :, : columns // 20] = 0
        x, y = 5e5, 7.9e6 + number * 1e5
        write_tiff(image, dn, Affine(3, 0, x, 0, -3, y), nodata=0)
        height, width = rows // 10 + 20, columns // 10 + 20
        field = np.kron(rng.random((height // 16 + 1, width // 16 + 1)), np.ones((16, 16)))[:height, :width]
        codes = np.where(field > 0.6, 22280, np.where(field < 0.1, 30048, 21824)).astype(np.uint16)
        write_tiff(qa, codes[None], Affine(30, 0, x - 285, 0, -30, y + 285), nodata=1)
        moment = datetime(2023, 6, number + 1, 10, 11, 12, tzinfo=UTC)
        row = {"pair_id": f"{ps}__{l8}", "ps_id": ps, "l8_id": l8, "dt_s": 5.0, "dt_local_s": 4.0}
        table.append(row | {"ps_acquired": moment})
        scenes.append((image, qa))
    pq.write_table(pa.Table.from_pylist(table), folder / "pairs.parquet")
    return scenes


def write_tiff(path: Path, array: np.ndarray, transform: Affine, nodata: int) -> None:
    shape = {"count": len(array), "height": array.shape[1], "width": array.shape[2]}
    layout = {
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": "deflate",
        "interleave": "pixel",
    }
    with rasterio.open(
        path, "w", driver="GTiff", dtype=array.dtype, crs="EPSG:32604", transform=transform, nodata=nodata,
        num_threads="ALL_CPUS", **shape, **layout,
    ) as dataset:  # fmt: skip
        dataset.write(array)


def rival_patches(scene: Scene) -> Iterator[Patch]:
    """Patches of one scene by rasterio and numpy, with the filter on valid pixels and all shares."""
    image, qa = scene
    with rasterio.open(image) as source, rasterio.open(qa) as quality:
        codes = np.full(source.shape, 255, np.uint8)
        reproject(
            TABLE[0][quality.read(1)],
            codes,
            src_transform=quality.transform,
            src_crs=quality.crs,
            dst_transform=source.transform,
            dst_crs=source.crs,
            resampling=Resampling.nearest,
            src_nodata=255,
            dst_nodata=255,
        )
        for row in range(0, source.height - SIZE + 1, SIZE):
            window = rasterio.windows.Window(0, row, source.width, SIZE)
            dn, labels = source.read(window=window), codes[row : row + SIZE]
            valid = (dn != 0).any(axis=0)
            labels[~valid] = 255
            for column in range(0, source.width - SIZE + 1, SIZE):
                tile = np.s_[:, column : column + SIZE]
                if valid[tile].mean() < 0.5:
                    continue
                np.bincount(labels[tile].ravel(), minlength=256)
                moved = source.transform @ Affine.translation(column, row)
                yield f"{image.stem}_{row}_{column}", dn[:, *tile], labels[tile], moved


def geotiffs(out: Path, scene: Scene) -> int:
    profile = {"driver": "GTiff", "width": SIZE, "height": SIZE, "crs": "EPSG:32604", "compress": "zstd"}
    profile |= {"zstd_level": 1, "predictor": 2}
    count = 0
    for name, dn, labels, transform in rival_patches(scene):
        for folder, array, nodata in (("images", dn, 0), ("labels", labels[None], 255)):
            with rasterio.open(
                out / folder / f"{name}.tif", "w", count=len(array), dtype=array.dtype, nodata=nodata,
                transform=transform, **profile,
            ) as dataset:  # fmt: skip
                dataset.write(array)
        count += 1
    return count


def tars(out: Path, scene: Scene) -> int:
    import webdataset

    count = 0
    with webdataset.TarWriter(str(out / f"{scene[0].stem}.tar")) as sink:
        for name, dn, labels, _ in rival_patches(scene):
            sink.write({"__key__": name, "image.npy": dn, "label.npy": labels})
            count += 1
    return count


def plain_shards(out: Path, scene: Scene) -> int:
    from safetensors.numpy import save_file

    found = list(rival_patches(scene))
    images, labels = (np.stack([patch[k] for patch in found]) for k in (1, 2))
    save_file({"image": images, "label": labels}, out / f"{scene[0].stem}.safetensors")
    return len(found)


def rival(
    pool: ProcessPoolExecutor, work: Callable[[Path, Scene], int], scenes: list[Scene], out: Path
) -> int:
    shutil.rmtree(out, ignore_errors=True)
    for folder in ("images", "labels"):
        (out / folder).mkdir(parents=True)
    return sum(pool.map(partial(work, out), scenes))


def flushed(theirs: Callable[[], int], out: Path) -> int:
    """The same, and every file brought to the disk, as ours are."""
    count = theirs()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(flush, [path for path in out.rglob("*") if path.is_file()]))
    return count


def flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def ours(folder: Path, out: Path, **changes: object) -> int:
    config = PatchesConfig(output=out, scenes=(folder,), overwrite=True, **changes)
    return sum(make_store(folder / "pairs.parquet", config).patches.values())


def one_thread() -> None:
    os.environ["GDAL_NUM_THREADS"] = "1"


def compare(folder: Path, scenes: list[Scene], rounds: int, results: list[Result], *, quick: bool) -> None:
    cases = {
        "geotiff": ("rasterio", geotiffs, 2.0),
        "safetensors": ("webdataset tar", tars, 3.5),
        "safetensors, plain": ("numpy + safetensors", plain_shards, 2.0),
    }
    with ProcessPoolExecutor(PROCESSES, initializer=one_thread) as pool:
        for name, (told, work, goal) in cases.items():
            out = folder / "theirs"
            mine = partial(ours, folder, folder / "ours", format=name.split(",")[0])
            plain = partial(rival, pool, work, scenes, out)
            count = mine()
            assert count == plain(), "the same patches"
            note = f"{count} patches of {SIZE} px"
            hard = Result(
                name=f"patches, {name}", value=0, unit="/s", goal=None if quick else goal, note=note
            )
            if quick:
                hard = replace(hard, note=f"{note}, too few to reach the goal")
            add(results, hard, count, mine, {f"{told}, {PROCESSES} processes": plain}, rounds)
            if not quick:
                both = Result(name=f"patches, {name}, both flushed", value=0, unit="/s", note=note)
                add(results, both, count, mine, {f"{told}, flushed": partial(flushed, plain, out)}, rounds)


def add(
    results: list[Result],
    blank: Result,
    count: int,
    mine: Callable[[], int],
    theirs: dict[str, Callable[[], int]],
    rounds: int,
) -> None:
    seconds, best, ratios = interleaved(mine, theirs, rounds)
    result = replace(blank, value=round(count / seconds, 1), rival=best, **spread(ratios))
    show(result)
    results.append(result)


def scaling(folder: Path, rounds: int, results: list[Result]) -> None:
    """One processor against two: processes bound to them, as `taskset` does."""
    code = (
        "import os, sys\nfrom pathlib import Path\nos.sched_setaffinity(0, range(int(sys.argv[1])))\n"
        "sys.path[:0] = sys.argv[4:]\nfrom bench_patches import ours\n"
        "import time; start = time.perf_counter()\n"
        "ours(Path(sys.argv[2]), Path(sys.argv[3]))\nprint(time.perf_counter() - start)"
    )

    def run(processors: int) -> float:
        words = [sys.executable, "-c", code, str(processors), str(folder), str(folder / "ours")]
        done = subprocess.run(
            [*words, str(Path(__file__).parent)], check=True, capture_output=True, text=True
        )
        return float(done.stdout)

    times = [(run(1), run(2)) for _ in range(rounds)]
    ratios = [one / two for one, two in times]
    value = float(np.median([two for _, two in times]))
    result = Result(
        name="1 to 2 processors", value=round(value, 3), unit="s", rival="one processor", **spread(ratios)
    )
    show(result)
    results.append(result)


def large(folder: Path, results: list[Result]) -> None:
    """5,000 patches: peak memory, size, and what 45,000 would take; then the same on Spark."""
    for engine, arguments in (("local", ()), ("spark", ("--engine", "spark", "--master", "local[2]"))):
        out = folder / f"large_{engine}"
        code = (
            "from pathlib import Path\nfrom catfast.cli import main\n"
            "try: main()\n"
            "except SystemExit: print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
        )
        words = [sys.executable, "-c", code, "patches", folder / "pairs.parquet", "--scenes", folder]
        start = time.perf_counter()
        done = subprocess.run(
            [*map(str, words), "-o", str(out), "-q", *arguments], check=True, capture_output=True, text=True
        )
        seconds = time.perf_counter() - start
        count = pq.read_metadata(out / "index.parquet").num_rows
        peak, size = (
            int(done.stdout.split()[-1]) / 1e6,
            sum(p.stat().st_size for p in out.rglob("*.tif")) / 1e9,
        )
        all_of_it = f"{size * 45e3 / count:.0f} GB, {seconds * 750 / count:.0f} min"
        told = f"{count} patches, {size:.2f} GB; 45,000: {all_of_it}"
        found = [Result(name=f"large run, {engine}", value=round(count / seconds, 1), unit="/s", note=told)]
        if engine == "local":
            found.append(
                Result(name="its peak memory", value=round(peak, 3), unit="GB", note="goal: under 1.5 GB")
            )
        for result in found:
            show(result)
        results += found
        shutil.rmtree(out)


def main() -> None:
    given = options(__doc__, large="add a run of 5,000 patches and Spark")
    results: list[Result] = []
    count, rows, columns, rounds = (2, 1536, 4096, 2) if given.quick else (4, 4096, 8192, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenes = make_scenes(folder, count, rows, columns)
        compare(folder, scenes, rounds, results, quick=given.quick)
        scaling(folder, rounds, results)
    if given.large:
        with tempfile.TemporaryDirectory() as name:
            make_scenes(Path(name), 28, 6144, 8192)
            large(Path(name), results)
    write(results, given.json)


if __name__ == "__main__":
    main()
