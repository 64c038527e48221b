"""Kernels of catfast._core against the strongest rival at hand, both at two threads, in interleaved rounds.

A scene is 4 bands of uint16 whose valid footprint is rotated, as PlanetScope delivers it. Every rival's
answer is compared with ours before anything is timed. A ratio above 1 means that ours is faster.
Rivals that are not installed (torch) are left out.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.warp import reproject

from catfast import _core
from report import Result, Run, interleaved, options, show, spread, write

THREADS = 2
FACTOR = 10 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kernel: ours, its rivals by name, and how many pixels a call handles."""

    name: str
    pixels: int
    ours: Run
    rivals: dict[str, Run]


class Scene:
    """The arrays that the cases share."""

    def __init__(self, side: int) -> None:
        rng = np.random.default_rng(0)
        row, column = np.mgrid[:side, :side] / side - 0.5
        turned = np.abs(row * 0.9 + column * 0.4), np.abs(column * 0.9 - row * 0.4)
        self.valid = ((turned[0] < 0.42) & (turned[1] < 0.42)).astype(np.uint8)
        self.dn = rng.integers(1, 9000, (4, side, side), dtype=np.uint16) * self.valid
        self.side = side
        self.grid = round(side / FACTOR)
        probability = rng.dirichlet(np.ones(3), (self.grid, self.grid)).transpose(2, 0, 1)
        self.probability = np.ascontiguousarray(probability, np.float32)
        common = [1, 21824, 21824, 21888, 21952, 22080, 22280, 23888, 30048, 54596]
        self.qa = np.array(common, np.uint16)[rng.integers(0, len(common), (side, side))]


def in_threads(work: Callable[[slice], object], rows: int, pool: ThreadPoolExecutor) -> None:
    """Do the work on as many equal parts of the rows as there are threads."""
    edges = np.linspace(0, rows, THREADS + 1).astype(int)
    list(pool.map(work, [slice(*edge) for edge in itertools.pairwise(edges)]))


def decode_case(scene: Scene, pool: ThreadPoolExecutor) -> Case:
    table = np.empty((1, 65536), np.uint8)
    _core.decode_qa(np.arange(65536, dtype=np.uint16)[None], table)
    ours, theirs = np.empty(scene.qa.shape, np.uint8), np.empty(scene.qa.shape, np.uint8)

    def look_up(part: slice) -> None:
        np.take(table[0], scene.qa[part], out=theirs[part], mode="clip")

    rival = lambda: in_threads(look_up, scene.side, pool)  # noqa: E731
    run = lambda: _core.decode_qa(scene.qa, ours)  # noqa: E731
    run(), rival()
    np.testing.assert_array_equal(ours, theirs)
    return Case(name="decode_qa", pixels=ours.size, ours=run, rivals={"numpy table, 2 threads": rival})


def valid_case(scene: Scene, pool: ThreadPoolExecutor) -> Case:
    ours, theirs = np.empty(scene.valid.shape, np.uint8), np.empty(scene.valid.shape, bool)

    def compare(part: slice) -> None:
        np.any(scene.dn[:, part], axis=0, out=theirs[part])

    rival = lambda: in_threads(compare, scene.side, pool)  # noqa: E731
    run = lambda: _core.valid_mask(scene.dn, 0.0, ours)  # noqa: E731
    run(), rival()
    np.testing.assert_array_equal(ours, theirs)
    return Case(name="valid_mask", pixels=scene.dn.size, ours=run, rivals={"numpy any, 2 threads": rival})


def resample_case(scene: Scene, pool: ThreadPoolExecutor) -> Case:
    ours, theirs = (np.empty((4, scene.grid, scene.grid), np.float32) for _ in range(2))
    gain, factor = np.ones(4), (FACTOR, FACTOR)
    fine, coarse = Affine(3, 0, 5e5, 0, -3, 7e6), Affine(10, 0, 5e5, 0, -10, 7e6)

    def run() -> None:
        _core.resample_area(scene.dn, scene.valid, gain, ours, factor=factor, first_row=0, src_row=0)

    def warp() -> None:
        reproject(
            scene.dn,
            theirs,
            src_transform=fine,
            dst_transform=coarse,
            src_crs="EPSG:32604",
            dst_crs="EPSG:32604",
            src_nodata=0,
            dst_nodata=np.nan,
            resampling=Resampling.average,
            num_threads=THREADS,
        )

    profile = {"driver": "GTiff", "height": scene.side, "width": scene.side, "count": 4, "dtype": "uint16"}
    memory = MemoryFile()
    with memory.open(**profile, nodata=0, transform=fine) as dataset:
        dataset.write(scene.dn)
    source = memory.open()

    def read() -> None:
        source.read(out_shape=theirs.shape, out_dtype="float32", resampling=Resampling.average)

    run(), warp()
    inner = ~np.isnan(ours) & ~np.isnan(theirs)
    assert inner.mean() > 0.4
    assert np.quantile(np.abs(ours / theirs - 1)[inner], 0.99) < 1e-4
    rivals = {"rasterio reproject average, 2 threads": warp, "rasterio read average": read}
    return Case(name="resample_area", pixels=scene.dn.size, ours=run, rivals=rivals)


def tile_places(scene: Scene, tile: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    places = np.arange(0, scene.grid - tile + 1, tile * 3 // 4)
    rows, cols = np.meshgrid(places, places, indexing="ij")
    return rows.ravel()[:8].copy(), cols.ravel()[:8].copy()


def cut_case(scene: Scene, pool: ThreadPoolExecutor) -> Case:
    rng = np.random.default_rng(1)
    image = rng.random((4, scene.grid, scene.grid), dtype=np.float32)
    image[rng.random(image.shape) < 0.2] = np.nan
    rows, cols = tile_places(scene, 256)
    mean, std = np.full(4, 0.3, np.float32), np.full(4, 0.2, np.float32)
    ours, theirs = (np.empty((len(rows), 4, 256, 256), np.float32) for _ in range(2))

    def cut(k: int) -> None:
        part = image[:, rows[k] : rows[k] + 256, cols[k] : cols[k] + 256]
        np.clip(part, 0, 0.9, out=theirs[k])
        theirs[k] -= mean[:, None, None]
        theirs[k] /= std[:, None, None]
        np.copyto(theirs[k], 0, where=np.isnan(part))

    rival = lambda: list(pool.map(cut, range(len(rows))))  # noqa: E731
    run = lambda: _core.cut_tiles(image, rows, cols, ours, mean=mean, std=std, clip=(0, 0.9))  # noqa: E731
    run(), rival()
    np.testing.assert_array_equal(ours, theirs)
    return Case(name="cut_tiles", pixels=ours.size, ours=run, rivals={"numpy in place, 2 threads": rival})


def blend_case(scene: Scene, pool: ThreadPoolExecutor) -> Case:
    rows, cols = tile_places(scene, 256)
    prob = np.random.default_rng(2).random((len(rows), 3, 256, 256), dtype=np.float32)
    ramp = np.linspace(0.1, 1, 256, dtype=np.float32)
    ours, theirs = (np.zeros((4, scene.grid, scene.grid), np.float32) for _ in range(2))

    def rival() -> None:
        taper = ramp[:, None] * ramp
        for row, col, p in zip(rows, cols, prob, strict=True):
            window = theirs[:, row : row + 256, col : col + 256]
            window[:3] += taper * p
            window[3] += taper

    run = lambda: _core.blend_tiles(prob, rows, cols, ramp, ramp, ours[:3], ours[3])  # noqa: E731
    run(), rival()
    np.testing.assert_array_equal(ours, theirs)
    return Case(name="blend_tiles", pixels=prob.size, ours=run, rivals={"numpy": rival})


def classify_case(scene: Scene, pool: ThreadPoolExecutor) -> Case:
    weight = np.full(scene.probability.shape[1:], 2, np.float32)
    acc = scene.probability * weight
    codes = np.array([0, 1, 2], np.uint8)
    ours, theirs = np.empty(scene.valid.shape, np.uint8), np.empty(scene.valid.shape, np.uint8)
    rule = {"first_row": 0, "grid_row": 0, "codes": codes, "threshold": None, "cloud": 1, "confidence": None}

    def run() -> None:
        _core.classify_rows(acc, weight, scene.valid, ours, factor=(FACTOR, FACTOR), **rule)

    def finish(fine: npt.NDArray[np.float32], part: slice) -> None:
        codes.take(fine.argmax(axis=0), out=theirs[part], mode="clip")
        theirs[part][scene.valid[part] == 0] = 255
        np.bincount(theirs[part].ravel(), minlength=256)

    def warp() -> None:
        fine = np.empty((3, *scene.valid.shape), np.float32)
        reproject(
            acc / weight,
            fine,
            src_transform=Affine(10, 0, 5e5, 0, -10, 7e6),
            dst_transform=Affine(3, 0, 5e5, 0, -3, 7e6),
            src_crs="EPSG:32604",
            dst_crs="EPSG:32604",
            resampling=Resampling.bilinear,
            num_threads=THREADS,
        )
        in_threads(lambda part: finish(fine[:, part], part), scene.side, pool)

    row, column = (axis_places(scene.side, scene.grid) for _ in range(2))

    def separable() -> None:
        p = acc / weight

        def part_of(part: slice) -> None:
            low, way = row[0][part], row[1][part, None]
            lines = p[:, low] * (1 - way) + p[:, np.minimum(low + 1, scene.grid - 1)] * way
            near, far = lines[:, :, column[0]], lines[:, :, np.minimum(column[0] + 1, scene.grid - 1)]
            finish(near + (far - near) * column[1], part)

        in_threads(part_of, scene.side, pool)

    run(), separable()
    assert np.mean(ours != theirs) < 1e-4
    rivals = {"rasterio reproject bilinear + argmax": warp, "numpy separable + argmax, 2 threads": separable}
    interpolate = torch_interpolate(scene)
    if interpolate is not None:
        rivals["torch interpolate + argmax, 2 threads"] = lambda: interpolate(acc / weight, theirs)
    return Case(name="classify_rows", pixels=ours.size, ours=run, rivals=rivals)


def axis_places(count: int, cells: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    place = np.clip((np.arange(count) + 0.5) / FACTOR - 0.5, 0, cells - 1)
    return np.floor(place).astype(np.intp), (place % 1).astype(np.float32)


def torch_interpolate(
    scene: Scene,
) -> Callable[[npt.NDArray[np.float32], npt.NDArray[np.uint8]], None] | None:
    """The same work by torch, where it is installed."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # else its idle threads spin into our turn
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(THREADS)
    invalid = torch.from_numpy(scene.valid == 0)

    def run(probability: npt.NDArray[np.float32], out: npt.NDArray[np.uint8]) -> None:
        size = (scene.side, scene.side)
        coarse = torch.from_numpy(probability)[None]
        fine = torch.nn.functional.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
        codes = fine[0].argmax(dim=0).to(torch.uint8).masked_fill_(invalid, 255)
        torch.bincount(codes.ravel(), minlength=256)
        np.copyto(out, codes.numpy())

    return run


def measure(case: Case, rounds: int) -> Result:
    """Time ours and every rival in turn; the rival that counts is the one with the best median."""
    took, rival, ratios = interleaved(case.ours, case.rivals, rounds)
    return Result(
        name=case.name,
        value=round(case.pixels / took / 1e6, 1),
        unit="Mpx/s",
        rival=rival,
        **spread(ratios),
        note=f"pixels of all bands, {THREADS} threads, {rounds} rounds",
    )


def main() -> None:
    chosen = options(__doc__)
    _core.set_threads(THREADS)
    scene = Scene(2400 if chosen.quick else 6000)
    cases = [decode_case, valid_case, resample_case, cut_case, blend_case, classify_case]
    results = []
    with ThreadPoolExecutor(THREADS) as pool, rasterio.Env(GDAL_NUM_THREADS=str(THREADS)):
        for make in cases:
            results.append(measure(make(scene, pool), 5 if chosen.quick else 11))
            show(results[-1])
    write(results, chosen.json)


if __name__ == "__main__":
    main()
