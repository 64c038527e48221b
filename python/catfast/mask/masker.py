"""Mask scenes: one model, loaded once, for as many files as there are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.classes import NODATA
from catfast.errors import Notice
from catfast.mask.config import MaskConfig, MaskResult
from catfast.mask.outputs import (
    Identity,
    check_output,
    confidence_path,
    confidence_style,
    mask_path,
    mask_style,
    settings,
)
from catfast.mask.predict import Predictor, Rules
from catfast.mask.products import Products
from catfast.mask.quicklook import Quicklook
from catfast.mask.rows import SceneRows
from catfast.mask.runtimes import choose_runtime
from catfast.mask.tiling import Axis
from catfast.models import ModelConfig, resolve, sha256
from catfast.planet import Scene, describe_scene
from catfast.raster import Raster, file_sha256, open_raster, read_tags

Progress = Callable[[int, int], None]
"""Called with (scene rows done, scene rows in all)."""


def mask_scene(
    scene: str | Path,
    output: str | Path | None = None,
    config: MaskConfig | None = None,
    *,
    progress: Progress | None = None,
) -> MaskResult:
    """Mask one scene and write a COG of codes on its own grid.

    Args:
        scene: a PlanetScope GeoTIFF, or one of any sensor with blue, green, red and near infrared.
        output: the mask; ``<stem>_mask.tif`` beside the scene when None.
        config: options.
        progress: called as rows are finished.

    Raises:
        InputError: the scene cannot be masked.
        OutputError: the output exists and was made from something else, or the disk did not take it.
        MissingExtraError: the model needs packages that are not installed.
    """
    return Masker(config or MaskConfig()).mask(
        Path(scene), None if output is None else Path(output), progress
    )


class Masker:
    """A loaded model that masks scene after scene."""

    def __init__(self, config: MaskConfig) -> None:
        self._config = config
        self._folder = resolve(config.model)
        self._model = ModelConfig.load(self._folder)
        self._model_sha256 = sha256(self._folder)
        threads = config.threads or _processors()
        _core.set_threads(threads)
        self._runtime = choose_runtime(self._folder, device=config.device, threads=threads)

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._model.name

    def mask(self, scene: Path, output: Path | None = None, progress: Progress | None = None) -> MaskResult:
        """See :func:`mask_scene`."""
        started = time.perf_counter()
        config = self._config
        output = output or mask_path(scene, None)
        with open_raster(scene, max_samples=config.max_pixels, verify=config.verify) as raster:
            described = describe_scene(raster, reflectance_scale=config.reflectance_scale)
            gsd_m = config.gsd_m or self._model.gsd_m
            identity = Identity(
                model=self._model.name,
                model_sha256=self._model_sha256,
                input=scene.name,
                input_sha256=file_sha256(scene),
                settings=settings(config, gsd_m),
            )
            asked = [confidence_path(output)] if config.confidence else []
            asked += [config.quicklook] if config.quicklook else []
            if check_output(output, scene, asked, identity, overwrite=config.overwrite):
                return self._skipped(scene, output, described, started)
            task = _Task(raster=raster, scene=described, output=output, identity=identity, gsd_m=gsd_m)
            counts = self._write(task, progress)
        return self._result(scene, output, described, counts, time.perf_counter() - started)

    def _write(self, task: _Task, progress: Progress | None) -> npt.NDArray[np.int64]:
        """Make all files of a scene; return how often each code occurs."""
        config, grid = self._config, task.raster.info.grid
        down, across = self._axes(task)
        rules = self._rules()
        simulated = task.raster.info.tags.get("CATFAST_SIMULATED")
        caption = f"{task.identity.input}{'' if simulated is None else ' (simulated)'}"
        quicklook = Quicklook(down, across, caption) if config.quicklook else None
        classes = len(rules.codes) if config.confidence else 0
        with ExitStack() as stack:
            rows = stack.enter_context(closing(SceneRows(task.raster, task.scene, down, across)))
            predictor = Predictor(rows, self._runtime, self._model, down, across, config.batch_size)
            products = Products(stack, task.output, grid, classes=classes, quicklook=quicklook)
            for fresh, part in predictor.classified(rules):
                products.append(fresh, part)
                if progress is not None:
                    progress(products.rows, grid.height)
            shares, valid = self._percentages(products.counts), _valid_percent(products.counts)
            products.finish(
                mask_style(task.identity, shares, valid, simulated),
                confidence_style(task.identity, self._model.classes),
            )
        if quicklook is not None and config.quicklook is not None:
            quicklook.save(config.quicklook)
        return products.counts

    def _rules(self) -> Rules:
        return Rules(
            codes=self._codes(),
            cloud=self._model.classes.index("cloud"),
            threshold=self._config.threshold,
            confidence=self._config.confidence,
        )

    def _axes(self, task: _Task) -> tuple[Axis, Axis]:
        grid, model = task.raster.info.grid, self._model
        down_gsd, across_gsd = task.scene.gsd_m or (task.gsd_m, task.gsd_m)
        sides = ((grid.height, down_gsd), (grid.width, across_gsd))
        down, across = (
            Axis.plan(
                scene=pixels,
                factor=task.gsd_m / gsd,
                tile=model.tile,
                halo=model.halo,
                multiple_of=model.multiple_of,
            )
            for pixels, gsd in sides
        )
        return down, across

    def _codes(self) -> tuple[int, ...]:
        if self._config.classes == "full":
            return self._model.codes
        return tuple(int(name == "cloud") for name in self._model.classes)

    def _percentages(self, counts: npt.NDArray[np.int64]) -> dict[str, float]:
        valid = int(counts[:NODATA].sum())
        if not valid:
            return {}
        names = dict(zip(self._codes(), self._model.classes, strict=True))
        if self._config.classes == "binary":
            names = {0: "clear", 1: "cloud"}
        return {name: round(100 * int(counts[code]) / valid, 4) for code, name in sorted(names.items())}

    def _result(
        self, scene: Path, output: Path, described: Scene, counts: npt.NDArray[np.int64], seconds: float
    ) -> MaskResult:
        notices = list(described.notices)
        if not counts[:NODATA].any():
            notices.append(
                Notice("all_nodata", "no pixel of the scene was seen: the mask is nodata throughout")
            )
        return MaskResult(
            input=scene,
            output=output,
            status="done",
            warnings=tuple(notices),
            classes=self._percentages(counts),
            valid_percent=_valid_percent(counts),
            seconds=seconds,
            model=self._model.name,
        )

    def _skipped(self, scene: Path, output: Path, described: Scene, started: float) -> MaskResult:
        tags = read_tags(output)
        prefix = "CATFAST_PERCENT_"
        shares = {
            key.removeprefix(prefix).lower(): float(tags[key]) for key in tags if key.startswith(prefix)
        }
        return MaskResult(
            input=scene,
            output=output,
            status="skipped",
            warnings=described.notices,
            classes=shares,
            valid_percent=float(tags.get("CATFAST_VALID_PERCENT", "nan")),
            seconds=time.perf_counter() - started,
            model=self._model.name,
        )


def _processors() -> int:
    """Processors this process may run on; not every system knows which."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _valid_percent(counts: npt.NDArray[np.int64]) -> float:
    return round(100 * int(counts[:NODATA].sum()) / max(int(counts.sum()), 1), 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    raster: Raster
    scene: Scene
    output: Path
    identity: Identity
    gsd_m: float
