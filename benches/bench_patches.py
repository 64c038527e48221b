"""Patches, from deflate scenes to a store on disk: filters, shares and labels included.

The rivals (``patch_rivals.py``) have two processes, one thread each, and their best options: GeoTIFFs at the
same settings (zstd 1, predictor 2), WebDataset's tar writer, or numpy and safetensors, a shard a scene. Their
processes are started before the clock, and what a run made is put away after it. Ours is flushed to the disk,
has digests of patches and files and an index, and compares checksums of the scenes' blocks; theirs are
flushed and have digests too in the lines that say so. "Steady" is the time of all scenes less that of half
of them: what a long run comes to. The lines "at most" say how much faster than that rival anything could be
that inflates the same blocks, and compresses the same pixels, with the same libraries on both processors, and
does nothing else. A ratio above 1 means that ours is faster. ``--cluster`` adds Spark's ``local-cluster``,
one executor against two, ``--large`` a run of 5,000 patches with its peak memory, and the cluster beside it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
from rasterio.transform import Affine

import patch_cluster as cluster
import patch_rivals as rivals
from catfast import _core
from catfast.patches import PatchesConfig, make_store
from catfast.raster.layout import BlockLayout
from patch_rivals import SIZE, Scene
from report import Result, Run, interleaved, options, show, spread, write
from report import seconds as timed

PROCESSES = 2
HALF = "half.parquet"


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
    for name, rows_of in (("pairs.parquet", table), (HALF, table[: count // 2])):
        pq.write_table(pa.Table.from_pylist(rows_of), folder / name)
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


def ours(folder: Path, out: Path, pairs: str = "pairs.parquet", **changes: object) -> int:
    config = PatchesConfig(output=out, scenes=(folder,), overwrite=True, **changes)
    return sum(make_store(folder / pairs, config).patches.values())


def one_thread() -> None:
    os.environ["GDAL_NUM_THREADS"] = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Ours and a rival."""

    name: str
    rival: str
    way: rivals.Way
    compressed: bool
    goal: float


CASES = (
    Case(name="geotiff", rival="rasterio", way=rivals.geotiffs, compressed=True, goal=2.0),
    Case(name="safetensors", rival="webdataset tar", way=rivals.tars, compressed=False, goal=3.5),
    Case(
        name="safetensors, plain", rival="numpy + safetensors", way=rivals.plain_shards,
        compressed=False, goal=2.0,
    ),
)  # fmt: skip


def compare(folder: Path, scenes: list[Scene], rounds: int, results: list[Result], *, quick: bool) -> None:
    trash, places = folder / "trash", (folder / "ours", folder / "theirs")

    def clear() -> None:
        for place in places:
            rivals.put_away(place, trash)

    with ProcessPoolExecutor(PROCESSES, initializer=one_thread) as pool:
        for case in CASES:
            mine = partial(ours, folder, places[0], format=case.name.split(",")[0])
            theirs = partial(rivals.run, pool, case.way, scenes, places[1])
            count = mine()
            assert count == theirs(), "the same patches"
            clear()
            note = f"{count} patches of {SIZE} px" + (", few for the goal" if quick else "")
            blank = Result(name=f"patches, {case.name}", value=0, unit="/s", note=note)
            told = f"{case.rival}, {PROCESSES} processes"
            found, seconds = against(blank, count, mine, {told: theirs}, rounds, clear)
            lines = [replace(found, goal=None if quick else case.goal)]
            half = (
                partial(mine, pairs=HALF),
                partial(rivals.run, pool, case.way, scenes[: len(scenes) // 2], places[1]),
            )
            lines.append(steady(blank, told, count, (mine, theirs), half, rounds, clear))
            flushed = replace(blank, name=f"{case.name}, both kept")
            kept = partial(rivals.kept, pool, case.way, scenes, places[1])
            lines.append(against(flushed, count, mine, {f"{told}, flushed, digests": kept}, rounds, clear)[0])
            lines.append(at_most(case, scenes, count, seconds, told, rounds))
            for line in lines:
                show(line)
            results += lines
            clear()
            shutil.rmtree(trash)


def against(
    blank: Result, count: int, mine: Run, theirs: dict[str, Run], rounds: int, clear: Run
) -> tuple[Result, float]:
    """The line of a comparison, and the rival's median seconds."""
    seconds, best, ratios = interleaved(mine, theirs, rounds, after=clear)
    result = replace(blank, value=round(count / seconds, 1), rival=best, **spread(ratios))
    return result, seconds * float(np.median(ratios))


def steady(
    blank: Result,
    told: str,
    count: int,
    whole: tuple[Run, Run],
    half: tuple[Run, Run],
    rounds: int,
    clear: Run,
) -> Result:
    """Ours and theirs over all scenes, less half of them."""
    turns = []
    for _ in range(rounds):
        times = []
        for run in (*whole, *half):
            times.append(timed(run))
            clear()
        turns.append((times[0] - times[2], times[1] - times[3]))
    rate = count / 2 / max(float(np.median([mine for mine, _ in turns])), 1e-9)
    ratios = [theirs / max(mine, 1e-9) for mine, theirs in turns]
    return replace(blank, name=f"{blank.name}, steady", value=round(rate, 1), rival=told, **spread(ratios))


def at_most(case: Case, scenes: list[Scene], count: int, theirs: float, told: str, rounds: int) -> Result:
    """What inflating the scenes, and compressing their pixels, takes by itself on all processors."""
    bounds = [sum(alone(image, compressed=case.compressed) for image, _ in scenes) for _ in range(rounds)]
    what = "inflate and zstd alone" if case.compressed else "inflate alone"
    return Result(
        name=f"{case.name}, at most",
        value=round(count / float(np.median(bounds)), 1),
        unit="/s",
        rival=told,
        **spread([theirs / bound for bound in bounds]),
        note=what,
    )


def alone(image: Path, *, compressed: bool) -> float:
    """Seconds for the blocks of a scene, and for compressing its pixels' differences as patches."""
    with rasterio.open(image) as dataset:
        layout = BlockLayout.of(image, dataset)
        assert layout is not None
        blocks = layout.places(layout.area((0, dataset.height), (0, dataset.width)), (1, 2, 3, 4))
        data = np.fromfile(image, np.uint8)
        check = partial(_core.first_damaged_block, data, blocks.reshape(-1, 2), codec=layout.codec)
        took = timed(lambda: check(most=layout.block_bytes))
        if not compressed:
            return took
        pixels = np.moveaxis(dataset.read(), 0, -1)
        steps = np.diff(pixels, axis=1, prepend=np.uint16(0)).astype(np.uint16)
        tiles = [
            np.s_[row : row + SIZE, column : column + SIZE]
            for row in range(0, dataset.height - SIZE + 1, SIZE)
            for column in range(0, dataset.width - SIZE + 1, SIZE)
        ]
        strips = [
            np.ascontiguousarray(steps[tile]) for tile in tiles if pixels[tile].any(axis=-1).mean() >= 0.5
        ]
    with ThreadPoolExecutor(PROCESSES) as pool:
        return took + timed(lambda: list(pool.map(squeezed, strips)))


def squeezed(strip: np.ndarray) -> int:
    return len(pa.Codec("zstd", compression_level=1).compress(strip, asbytes=False))


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
    scaled("1 to 2 processors", "one processor", times, results)


def scaled(name: str, rival: str, times: list[tuple[float, float]], results: list[Result]) -> None:
    """The line of one against two of something."""
    result = Result(
        name=name,
        value=round(float(np.median([two for _, two in times])), 3),
        unit="s",
        rival=rival,
        **spread([one / two for one, two in times]),
    )
    show(result)
    results.append(result)


def large(folder: Path, results: list[Result]) -> None:
    """5,000 patches: peak memory, size, and what 45,000 would take; then the same on Spark."""
    for engine, arguments in (("local", ()), ("spark", ("--engine", "spark", "--master", cluster.master(2)))):
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
    given = options(
        __doc__,
        large="add a run of 5,000 patches, here and on Spark",
        cluster="add Spark with 1 and 2 executors",
    )
    results: list[Result] = []
    count, rows, columns, rounds = (4, 1024, 4096, 2) if given.quick else (4, 4096, 8192, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenes = make_scenes(folder, count, rows, columns)
        compare(folder, scenes, rounds, results, quick=given.quick)
        scaling(folder, 1 if given.quick else rounds, results)
        if given.cluster:
            times = cluster.times(folder, rounds)
            scaled("Spark local-cluster, 1 to 2 executors", "one executor", times, results)
    if given.large:
        with tempfile.TemporaryDirectory() as name:
            make_scenes(Path(name), 28, 6144, 8192)
            large(Path(name), results)
    write(results, given.json)


if __name__ == "__main__":
    main()
