"""Where the time of masking goes: each stage alone, on a real scene, in the threads that it gets."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from catfast import _core
from catfast.classes import NODATA
from catfast.mask.predict import Mosaic, Rules, starts
from catfast.mask.rows import SceneRows
from catfast.mask.runtimes import choose_runtime
from catfast.mask.tiling import Axis, batches, fitted, plan_axes
from catfast.models import ModelConfig, bundled
from catfast.planet import describe_scene
from catfast.raster import CogStyle, cog_writer, file_sha256, open_raster
from report import Result


class Clock:
    """Wall and processor seconds by name."""

    def __init__(self) -> None:
        self.took: dict[str, tuple[float, float]] = {}

    def time(self, name: str, work: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Do it, and add what it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        found = work(*args, **options)
        before = self.took.get(name, (0.0, 0.0))
        self.took[name] = (before[0] + time.perf_counter() - wall, before[1] + time.process_time() - cpu)
        return found


def stages(scene: Path, threads: int, gsd_m: float | None = None) -> list[Result]:
    """Pixels a second of every stage, and its share of the processor time of all.

    ``gsd_m``: what the network works at; None: the model's own.
    """
    clock = Clock()
    _core.set_threads(threads)
    model = ModelConfig.load(bundled())
    runtime = clock.time("load the model", choose_runtime, bundled(), device="cpu", threads=threads)
    clock.time("sha256 of the scene", file_sha256, scene)
    clock.time("read", _read, scene, "never")
    clock.time("read and check", _read, scene, "auto")
    with open_raster(scene, verify="never") as raster:
        described, grid = describe_scene(raster, reflectance_scale=1e-4), raster.info.grid
        gsd = described.gsd_m or (model.gsd_m, model.gsd_m)
        down, across = plan_axes(
            scene=(grid.height, grid.width),
            factor=((gsd_m or model.gsd_m) / gsd[0], (gsd_m or model.gsd_m) / gsd[1]),
            tile=model.tile,
            halo=model.halo,
            multiple_of=model.multiple_of,
        )
        with closing(SceneRows(raster, described, down, across)) as rows:
            image = np.empty((len(model.bands), down.network, across.network), np.float32)
            for first in range(0, down.network, down.tile):  # as in masking: fresh memory is slow to come by
                last = min(first + down.tile, down.network)
                image[:, first:last] = clock.time("read and resample", rows.take, last - first)
            valid = rows.take_validity(grid.height)
    mask = _network(clock, model, runtime, image, valid, down, across)
    clock.time("write", _write, scene.with_name("stages.tif"), grid, mask)
    return _told(clock, grid.width * grid.height / 1e6, "" if gsd_m is None else f" at {gsd_m:g} m")


def _read(scene: Path, verify: str) -> None:
    with open_raster(scene, verify=verify) as raster:
        for start in range(0, raster.info.grid.height, 256):
            raster.read_rows([1, 2, 3, 4], start, min(start + 256, raster.info.grid.height))


def _network(
    clock: Clock, model: ModelConfig, runtime: Any, image: Any, valid: Any, down: Axis, across: Axis
) -> Any:
    """Tiles of the whole scene, row by row as in masking; returns the mask."""
    rules = Rules(codes=model.codes, cloud=model.classes.index("cloud"), threshold=None, confidence=False)
    mosaic, done, parts = Mosaic(len(model.codes), down, across), 0, []
    origins = down.origins()
    factor = (down.factor, across.factor)
    norm = {"mean": np.array(model.mean, np.float32), "std": np.array(model.std, np.float32)}
    sizes = {"tile": model.tile, "halo": model.halo, "multiple_of": model.multiple_of}
    for origin, following in zip(origins, [*origins[1:], down.network], strict=True):
        part = np.ascontiguousarray(image[:, origin : origin + down.tile])
        mosaic.move_to(origin)
        for group in batches(fitted(np.isfinite(part[0]), **sizes), len(origins)):
            tiles = np.empty((len(group), len(model.bands), *group[0].size), np.float32)
            clock.time(
                "cut and blend tiles", _core.cut_tiles, part, *starts(group), tiles, clip=model.clip, **norm
            )
            answers = clock.time("network", runtime.predict, tiles)
            clock.time("cut and blend tiles", mosaic.add, answers, group)
        ready = down.ready(following)
        found = clock.time("classify", mosaic.classify, valid[done:ready], done, factor, rules)
        parts.append(found.mask)
        done = ready
    return np.concatenate(parts)


def _write(path: Path, grid: Any, mask: Any) -> None:
    with cog_writer(path, grid, 1, nodata=NODATA) as writer:
        for start in range(0, grid.height, 512):
            writer.append(mask[None, start : start + 512])
        writer.finish(CogStyle(descriptions=("mask",), tags={}, band_tags={}))


def _told(clock: Clock, pixels: float, at: str) -> list[Result]:
    """What one stage took that contains another is told without that one."""
    took = dict(clock.took)
    for name, contained in (("read and check", "read"), ("read and resample", "read")):
        took[name] = tuple(max(a - b, 1e-9) for a, b in zip(took[name], took[contained], strict=True))
    took["check the scene's blocks"] = took.pop("read and check")
    took["valid pixels and resample"] = took.pop("read and resample")
    total = sum(cpu for _, cpu in took.values())
    return [
        Result(
            name=f"stage{at}: {name}",
            value=round(pixels / wall, 1),
            unit="Mpx/s",
            note=f"{wall:.2f} s alone, {cpu:.2f} s of processor time: {100 * cpu / total:.0f} % of all",
        )
        for name, (wall, cpu) in sorted(took.items(), key=lambda item: -item[1][1])
    ]
