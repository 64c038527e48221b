"""Patch stores: writing beside rasterio, WebDataset and safetensors; reading; a run of thousands of patches.

Scenes are simulated, with the grain of real ones (their patches compress to about two thirds, as real crops
do). Rivals have two processes, ours two threads; every writer counts seen pixels and label codes, drops
patches that are not half seen, and ends with its files on the disk (fsync). Ours also writes index and
digests; a rival makes digests where its name says so. A ratio above 1 means that ours is faster.
All but --quick also run the command line, with --long on 5,000 patches: time, disk and peak memory.
"""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

from catfast import _core
from catfast.patches import GroupWriter, PatchStore, StoreInfo, finish, fractions, label_counts, open_store
from catfast.raster import open_raster
from catfast.simulate import batch
from report import Result, Run, interleaved, options, show, spread, write

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.stores import record

SIZE = 512
THREADS = 2
GRAIN = 25
"""Standard deviation of the noise, counts."""

LONG = 5_000
PAPER = 45_000


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One scene in memory and on disk, its label, and where patches lie."""

    image: npt.NDArray[np.uint16]
    label: npt.NDArray[np.uint8]
    path: Path
    places: list[tuple[int, int]]
    out: Path


WORLD: World
"""The scene that forked rivals share."""


def make_world(folder: Path, down: int, across: int) -> World:
    """A scene of down x across patches: a few simulated ones with fresh noise, written as deflate."""
    images, labels = batch(4, SIZE, seed=1)
    rng = np.random.default_rng(0)
    image = np.empty((4, down * SIZE, across * SIZE), np.uint16)
    label = np.empty(image.shape[1:], np.uint8)
    places = [(row * SIZE, col * SIZE) for row in range(down) for col in range(across)]
    for index, (row, col) in enumerate(places):
        window = np.s_[row : row + SIZE, col : col + SIZE]
        noisy = images[index % 4] * 10_000 + rng.normal(0, GRAIN, images.shape[1:])
        image[:, *window] = noisy.clip(1, 65_535)
        coarse = labels[index % 4][::10, ::10]
        label[window] = coarse.repeat(10, 0).repeat(10, 1)[:SIZE, :SIZE]
    path = folder / "scene.tif"
    profile = {"count": 4, "height": image.shape[1], "width": image.shape[2], "dtype": "uint16"}
    layout = {"compress": "deflate", "tiled": True, "blockxsize": SIZE, "blockysize": SIZE, "nodata": 0}
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32604", transform=corner(0, 0), **profile, **layout
    ) as dataset:
        dataset.write(image)
    return World(image=image, label=label, path=path, places=places, out=folder / "out")


def corner(row: int, col: int) -> Affine:
    return Affine(3, 0, 500_000 + 3 * col, 0, -3, 7_900_000 - 3 * row)


def info_of(store_format: str) -> StoreInfo:
    common = {"gsd_m": 3.0, "scheme": "full", "method": "nearest", "simulated": True}
    return StoreInfo(format=store_format, size=SIZE, stride=SIZE, options={}, command="bench", **common)


def our_writer(store_format: str, *, from_disk: bool) -> Run:
    """By rows of tiles: read, count, filter, encode, digest, write; index and store at the end."""
    info = info_of(store_format)
    template = record("pair", info, 0, WORLD.image[:, :SIZE, :SIZE], WORLD.label[:SIZE, :SIZE])
    columns = sorted({col for _, col in WORLD.places})

    def write_rows(writer: GroupWriter, read: Callable[[int], npt.NDArray[np.uint16]]) -> list[str]:
        names: list[str] = []
        for row, image in ahead(read, sorted({row for row, _ in WORLD.places})):
            label = WORLD.label[row : row + SIZE]
            counts = label_counts(image, label, [0] * len(columns), columns, SIZE)
            chosen, records = [], []
            for col, count in zip(columns, counts, strict=True):
                shares = fractions(count, SIZE, scheme="full", soft=False)
                if shares.valid_fraction > 0.5:
                    place = {"row": row, "col": col, "transform": tuple(corner(row, col))[:6]}
                    found = {name: getattr(shares, name) for name in shares.__slots__}
                    fields = {name: getattr(template, name) for name in template.__slots__}
                    fields |= place | found | {"patch_id": f"pair_{row}_{col}"}
                    records.append(type(template)(**fields))
                    chosen.append(col)
            writer.append_windows(image, label, [0] * len(chosen), chosen, records)
            names += [found.patch_id for found in records]
        return names

    def run() -> None:
        shutil.rmtree(WORLD.out, ignore_errors=True)
        with GroupWriter(WORLD.out, info, "pair") as writer:
            if from_disk:
                with open_raster(WORLD.path, verify="never") as raster:
                    names = write_rows(writer, lambda row: raster.read_rows([1, 2, 3, 4], row, row + SIZE))
            else:
                names = write_rows(writer, lambda row: WORLD.image[:, row : row + SIZE])
        finish(WORLD.out, info, dict.fromkeys(names, "train"))

    return run


def ahead(
    read: Callable[[int], npt.NDArray[np.uint16]], rows: Sequence[int]
) -> Iterator[tuple[int, npt.NDArray[np.uint16]]]:
    """Reads the next row of tiles while one is worked on, as the command does."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, rows[0])
        for row, after in zip(rows, [*rows[1:], None], strict=True):
            image = coming.result()
            if after is not None:
                coming = reader.submit(read, after)
            yield row, image


def rival_patch(
    dataset: object, place: tuple[int, int]
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]] | None:
    """One patch of the scene as numpy cuts, counts and filters it."""
    row, col = place
    window = np.s_[row : row + SIZE, col : col + SIZE]
    if dataset is None:
        image = np.ascontiguousarray(WORLD.image[:, *window])
    else:
        image = dataset.read(window=Window(col, row, SIZE, SIZE))
    label = np.ascontiguousarray(WORLD.label[window])
    seen = image.all(axis=0)
    np.bincount(label.ravel() if seen.all() else label[seen], minlength=256)
    return (image, label) if seen.mean() > 0.5 else None


def rival_share(task: tuple[str, bool, bool, int]) -> None:
    """What one process of a rival does: every second row of patches."""
    kind, from_disk, digests, part = task
    rows = sorted({row for row, _ in WORLD.places})[part::THREADS]
    places = [place for place in WORLD.places if place[0] in rows]
    write_patch, close = RIVALS[kind](part, digests)
    if from_disk:
        with rasterio.open(WORLD.path) as dataset:
            for place in places:
                write_patch(place, rival_patch(dataset, place))
    else:
        for place in places:
            write_patch(place, rival_patch(None, place))
    close()


def rasterio_rival(part: int, digests: bool) -> tuple[Callable[..., None], Run]:
    """The same two files a patch, one strip each."""

    def write_patch(place: tuple[int, int], patch: tuple[npt.NDArray, ...] | None) -> None:
        if patch is None:
            return
        for name, pixels, nodata in (("i", patch[0], 0), ("l", patch[1][None], 255)):
            profile = {"width": SIZE, "height": SIZE, "count": len(pixels), "dtype": pixels.dtype}
            layout = {"compress": "zstd", "zstd_level": 1, "predictor": 2, "interleave": "pixel"}
            path = WORLD.out / f"{name}_{place[0]}_{place[1]}.tif"
            with rasterio.open(
                path,
                "w",
                driver="GTiff",
                crs="EPSG:32604",
                transform=corner(*place),
                nodata=nodata,
                blockysize=SIZE,
                **profile,
                **layout,
            ) as dataset:
                dataset.write(pixels)
            if digests:
                hashlib.sha256(path.read_bytes()).hexdigest()

    return write_patch, lambda: None


def webdataset_rival(part: int, digests: bool) -> tuple[Callable[..., None], Run]:
    """One tar a process, patches as .npy."""
    import webdataset

    path = WORLD.out / f"{part:05d}.tar"
    sink = webdataset.TarWriter(str(path))

    def write_patch(place: tuple[int, int], patch: tuple[npt.NDArray, ...] | None) -> None:
        if patch is None:
            return
        sink.write({"__key__": f"{place[0]}_{place[1]}", "image.npy": patch[0], "label.npy": patch[1]})
        if digests:
            hashlib.sha256(patch[0]).update(patch[1])

    def close() -> None:
        sink.close()
        if digests:
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")

    return write_patch, close


def safetensors_rival(part: int, digests: bool) -> tuple[Callable[..., None], Run]:
    """One shard a process, stacked in memory by numpy, written by save_file."""
    from safetensors.numpy import save_file

    images: list[npt.NDArray[np.uint16]] = []
    labels: list[npt.NDArray[np.uint8]] = []

    def write_patch(place: tuple[int, int], patch: tuple[npt.NDArray, ...] | None) -> None:
        if patch is not None:
            images.append(patch[0])
            labels.append(patch[1])
            if digests:
                hashlib.sha256(patch[0]).update(patch[1])

    def close() -> None:
        path = WORLD.out / f"{part:05d}.safetensors"
        save_file({"image": np.stack(images), "label": np.stack(labels)}, path)
        if digests:
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")

    return write_patch, close


RIVALS = {
    "rasterio": rasterio_rival,
    "webdataset": webdataset_rival,
    "numpy + safetensors": safetensors_rival,
}


def rival_writer(pool: ProcessPoolExecutor, kind: str, *, from_disk: bool, digests: bool) -> Run:
    def sync(path: Path) -> None:
        with path.open("rb+") as file:
            os.fsync(file.fileno())

    def run() -> None:
        shutil.rmtree(WORLD.out, ignore_errors=True)
        WORLD.out.mkdir()
        list(pool.map(rival_share, [(kind, from_disk, digests, part) for part in range(THREADS)]))
        with ThreadPoolExecutor(8) as syncers:
            list(syncers.map(sync, WORLD.out.iterdir()))

    return run


def writing(rounds: int) -> list[Result]:
    """Every format, from memory and from disk, with and without digests of the rival's files."""
    found = []
    goals = {
        "rasterio": ("geotiff", 2.0),
        "webdataset": ("safetensors", 3.5),
        "numpy + safetensors": ("safetensors", 2.0),
    }
    with ProcessPoolExecutor(THREADS, multiprocessing.get_context("fork")) as pool:
        for kind, (store_format, goal) in goals.items():
            for from_disk in (True, False):
                ours = our_writer(store_format, from_disk=from_disk)
                plain = rival_writer(pool, kind, from_disk=from_disk, digests=False)
                same = rival_writer(pool, kind, from_disk=from_disk, digests=True)
                for note, rival, wanted in (
                    ("", plain, goal if from_disk else None),
                    (" + digests", same, None),
                ):
                    took, _, ratios = interleaved(ours, {kind: rival}, rounds)
                    found.append(
                        Result(
                            name=f"write {store_format} from {'deflate' if from_disk else 'memory'}",
                            value=round(len(WORLD.places) / took, 1),
                            unit="patch/s",
                            rival=f"{kind}{note}, {THREADS} processes",
                            **spread(ratios),
                            goal=wanted,
                            note=f"{len(WORLD.places)} patches of {SIZE} px, {rounds} rounds",
                        )
                    )
                    show(found[-1])
    return found


def scaling(rounds: int) -> list[Result]:
    """One thread against two."""
    found = []
    for store_format in ("geotiff", "safetensors"):
        run = our_writer(store_format, from_disk=False)

        def alone(run: Run = run) -> None:
            _core.set_threads(1)
            run()
            _core.set_threads(THREADS)

        took, _, ratios = interleaved(run, {"one thread": alone}, rounds)
        rate = round(len(WORLD.places) / took, 1)
        rival = "itself on one thread"
        found.append(
            Result(name=f"scaling {store_format}", value=rate, unit="patch/s", rival=rival, **spread(ratios))
        )
        show(found[-1])
    return found


def reading(folder: Path, rounds: int) -> list[Result]:
    """Patches a second in random order, each copied into arrays of its own, by one process, files cached."""
    stores = {}
    for store_format in ("geotiff", "safetensors"):
        our_writer(store_format, from_disk=False)()
        stores[store_format] = folder / store_format
        shutil.move(WORLD.out, stores[store_format])
    opened = {
        name: PatchStore(path, info_of(name), finish(path, info_of(name), {}).index)
        for name, path in stores.items()
    }
    order = np.random.default_rng(0).permutation(len(opened["geotiff"]))
    rivals = {
        **zarr_reader(folder, opened["safetensors"], order),
        **npy_reader(folder, opened["safetensors"], order),
    }
    rivals |= webdataset_reader(folder, opened["safetensors"])
    found = []
    for name, store in opened.items():

        def read(store: PatchStore = store) -> None:
            for row in order:
                image, label = store.read(int(row))
                take(image), take(label)

        for rival, run in rivals.items():
            took, _, ratios = interleaved(read, {rival: run}, rounds)
            found.append(
                Result(
                    name=f"read {name} at random",
                    value=round(len(order) / took),
                    unit="patch/s",
                    rival=rival,
                    **spread(ratios),
                    note=f"{len(order)} patches, one process, {rounds} rounds",
                )
            )
            show(found[-1])
    return found


def take(pixels: npt.NDArray) -> None:
    """A copy, as a training batch makes one: a map alone has read nothing."""
    np.array(pixels)


def zarr_reader(folder: Path, store: PatchStore, order: Sequence[int]) -> dict[str, Run]:
    """Zarr 3 with a chunk a patch: zstd, its default, and uncompressed."""
    import zarr

    readers = {}
    for name, more in (("zarr zstd", {}), ("zarr uncompressed", {"compressors": None})):
        group = zarr.open_group(folder / f"{name}.zarr", mode="w")
        shape = (len(store), 4, SIZE, SIZE)
        image = group.create_array("image", shape=shape, chunks=(1, *shape[1:]), dtype="uint16", **more)
        label = group.create_array(
            "label", shape=(len(store), SIZE, SIZE), chunks=(1, SIZE, SIZE), dtype="uint8", **more
        )
        for row in range(len(store)):
            image[row], label[row] = store.read(row)

        def read(image: zarr.Array = image, label: zarr.Array = label) -> None:
            for row in order:
                take(image[int(row)]), take(label[int(row)])

        readers[name] = read
    return readers


def npy_reader(folder: Path, store: PatchStore, order: Sequence[int]) -> dict[str, Run]:
    """Two .npy files a patch."""
    (folder / "npy").mkdir()
    for row in range(len(store)):
        for name, pixels in zip("il", store.read(row), strict=True):
            np.save(folder / "npy" / f"{name}{row}.npy", pixels)

    def read() -> None:
        for row in order:
            for name in "il":
                np.load(folder / "npy" / f"{name}{row}.npy")

    return {"npy files": read}


def webdataset_reader(folder: Path, store: PatchStore) -> dict[str, Run]:
    """WebDataset reads in order only: that is what is timed."""
    import webdataset

    path = folder / "all.tar"
    with webdataset.TarWriter(str(path)) as sink:
        for row in range(len(store)):
            image, label = store.read(row)
            sink.write({"__key__": str(row), "image.npy": image, "label.npy": label})

    def read() -> None:
        data = webdataset.WebDataset(str(path), shardshuffle=False).decode()
        assert sum(1 for _ in data) == len(store)

    return {"webdataset, in order": read}


def command(folder: Path, *arguments: object) -> tuple[float, float]:
    """Seconds and peak memory (MB) of one command line, measured on its own process."""
    code = "from catfast.cli import main; main()"
    start = time.perf_counter()
    with (folder / "log").open("w") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)], cwd=folder, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"catfast {arguments[0]}: {(folder / 'log').read_text()}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def long_run(folder: Path, wanted: int) -> list[Result]:
    """`catfast patches` over a simulated world, for a tenth of the patches and for all: memory must not grow.

    400 px as the paper has; they overlap, so that a small world has many.
    """
    side, stride, pairs = 400, 50, 8
    size = side + stride * math.ceil(math.sqrt(wanted / pairs) * 1.25)
    command(folder, "simulate", "world", "--pairs", pairs, "--size", size, "-q")
    command(folder, "catalog", "planet", "world", "-o", "ps.parquet")
    command(folder, "catalog", "landsat", "world", "-o", "l8.parquet")
    command(folder, "pairs", "ps.parquet", "l8.parquet", "-o", "pairs.parquet")
    found = []
    for store_format in ("geotiff", "safetensors"):
        for count in (wanted // 10, wanted):
            store = folder / f"{store_format}{count}"
            layout = ("--size", side, "--stride", stride, "--format", store_format, "--max-patches", count)
            took, peak = command(
                folder, "patches", "pairs.parquet", "--scenes", "world", "-o", store, *layout, "-q"
            )
            done = len(open_store(store))
            disk = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
            found += run_results(f"{store_format}, {done} patches", took, peak, disk, done)
            shutil.rmtree(store)
    return found


def run_results(name: str, took: float, peak: float, disk: int, done: int) -> list[Result]:
    """Speed with time and disk of the paper's data set worked out, and memory."""
    hours, gigabytes = took / done * PAPER / 3600, disk / done * PAPER / 1e9
    speed = Result(
        name=f"run {name}",
        value=round(done / took, 1),
        unit="patch/s",
        note=f"{took:.0f} s, {disk / 1e9:.2f} GB; {PAPER} patches: {hours:.2f} h, {gigabytes:.0f} GB",
    )
    memory = Result(
        name=f"peak RSS {name}", value=round(peak), unit="MB", goal=1500.0, note="of 400 px; goal: at most"
    )
    show(speed)
    show(memory)
    return [speed, memory]


def main() -> None:
    global WORLD
    chosen = options(__doc__, long=f"the run of {LONG} patches too: an hour and 20 GB of disk")
    _core.set_threads(THREADS)
    rounds, rows = (2, 4) if chosen.quick else (7, 16)
    results = []
    with tempfile.TemporaryDirectory() as name:
        WORLD = make_world(Path(name), rows, 8)
        results += writing(rounds)
        results += scaling(rounds)
        results += reading(Path(name), rounds)
        shutil.rmtree(WORLD.out, ignore_errors=True)
        if not chosen.quick:
            results += long_run(Path(name), LONG if chosen.long else 300)
    write(results, chosen.json)


if __name__ == "__main__":
    main()
