"""Mask scenes: one model, loaded once, for as many files as there are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.classes import NODATA
from catfast.errors import InputError, Notice, OutputError
from catfast.mask.config import MaskConfig, MaskResult
from catfast.mask.domain import SATURATED_TAG, outside_domain
from catfast.mask.outputs import (
    Identity,
    check_output,
    confidence_path,
    confidence_style,
    item_path,
    mask_path,
    mask_style,
    quicklook_path,
    settings,
    style_path,
)
from catfast.mask.predict import Classified, Predictor, Rules
from catfast.mask.products import Products, Wanted
from catfast.mask.quicklook import Quicklook
from catfast.mask.refine import Refinement
from catfast.mask.rows import SceneRows
from catfast.mask.runtimes import choose_runtime
from catfast.mask.sidecars import write_qml, write_stac
from catfast.mask.tiling import Axis, plan_axes
from catfast.models import ModelConfig, resolve, sha256
from catfast.planet import Scene, acquired, describe_scene
from catfast.raster import (
    Area,
    Grid,
    Raster,
    file_sha256,
    open_raster,
    prepare_cog_writer,
    read_tags,
    simulated_tag,
)

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
        threads = config.threads or processors()
        _core.set_threads(threads)
        self._runtime = choose_runtime(
            self._folder, device=config.device, threads=threads, runtime=config.runtime
        )

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._model.name

    @property
    def model_sha256(self) -> str:
        """Digest of its weights."""
        return self._model_sha256

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of the model, in the order of its confidences."""
        return self._model.classes

    def mask(self, scene: Path, output: Path | None = None, progress: Progress | None = None) -> MaskResult:
        """See :func:`mask_scene`."""
        started = time.perf_counter()
        config = self._config
        output = mask_path(scene, None) if output is None else output
        if not output.name:
            raise OutputError(f"{output}: is a folder: name a file in it")
        with open_raster(scene, max_samples=config.max_pixels, verify=config.verify) as raster:
            prepare_cog_writer()
            described = describe_scene(raster, reflectance_scale=config.reflectance_scale)
            gsd_m = config.gsd_m or self._model.gsd_m
            identity = Identity(
                model=self._model.name,
                model_sha256=self._model_sha256,
                input=scene.name,
                input_sha256=file_sha256(scene),
                settings=settings(config, gsd_m, described),
            )
            asked = self._beside(output, raster)
            inputs = {"scene": scene} if config.aoi is None else {"scene": scene, "area": config.aoi}
            if check_output(output, inputs, asked, identity, overwrite=config.overwrite):
                return self._skipped(raster, output, described, started)
            task = _Task(raster=raster, scene=described, output=output, identity=identity)
            return self._write(task, progress, started)

    def _beside(self, output: Path, raster: Raster) -> list[Path]:
        """The files that are asked for besides the mask, and can be made."""
        config = self._config
        wanted = (
            (config.confidence, confidence_path(output)),
            (config.qml, style_path(output)),
            (config.stac and not self._no_item(raster), item_path(output)),
        )
        found = [path for asked, path in wanted if asked]
        return found if config.quicklook is None else [*found, quicklook_path(config.quicklook, output)]

    def _write(self, task: _Task, progress: Progress | None, started: float) -> MaskResult:
        """Make all files of a scene."""
        config, grid = self._config, task.raster.info.grid
        down, across = self._axes(grid, task.scene)
        simulated = simulated_tag(task.raster.info.tags)
        caption = f"{task.identity.input}{' (simulated)' if simulated else ''}"
        quicklook = Quicklook(down, across, caption) if config.quicklook else None
        wanted = Wanted(
            output=task.output,
            udm2=self._codes() if config.format == "udm2" else (),
            confidence=len(self._model.classes) if config.confidence else 0,
            refinement=self.refinement(task.scene),
            area=None if config.aoi is None else Area(config.aoi, grid),
            quicklook=quicklook,
            saturated_above=self._model.domain.saturated_above,
        )
        with ExitStack() as stack:
            products = Products(stack, grid, wanted)
            for fresh, part in stack.enter_context(closing(self.classified(task.raster, task.scene))):
                products.append(fresh, part)
                if progress is not None:
                    progress(products.rows, grid.height)
            shares, valid = self._percentages(products.counts), _valid_percent(products.counts)
            style = mask_style(task.identity, shares, valid, simulated, products.saturation.percent)
            products.finish(style, confidence_style(task.identity, self._model.classes, simulated))
        if quicklook is not None and config.quicklook is not None:
            tags = {**task.identity.tags(), **simulated}
            quicklook.save(quicklook_path(config.quicklook, task.output), tags)
        result = self._result(task, products, started)
        return self._describe(task, result, style.tags)

    def refinement(self, scene: Scene) -> Refinement:
        """What is still to be done to the rows of :meth:`classified`, in their order.

        Raises:
            InputError: a margin or a least area is asked for, and the scene has no size on the ground.
            UsageError: it is too many pixels.
        """
        config = self._config
        asked = config.min_area_m2 or config.buffer_m
        if asked and scene.gsd_m is None:
            raise InputError(
                f"{scene.info.path}: --min-area and --buffer are in metres: the scene has no CRS"
            )
        gsd_m = config.gsd_m or self._model.gsd_m
        return Refinement.plan(
            scene.gsd_m or (gsd_m, gsd_m), min_area_m2=config.min_area_m2, buffer_m=config.buffer_m
        )

    def _describe(self, task: _Task, result: MaskResult, tags: Mapping[str, str]) -> MaskResult:
        """Write the style and the item that were asked for."""
        if self._config.qml:
            write_qml(style_path(task.output))
        taken = acquired(task.raster.info.path)
        if missing := self._no_item(task.raster):
            return replace(result, warnings=(*result.warnings, *missing))
        if self._config.stac and taken is not None:
            write_stac(item_path(task.output), result, task.raster.info.grid, tags, taken)
        return result

    def _no_item(self, raster: Raster) -> list[Notice]:
        """Why a STAC item that is asked for cannot be written."""
        found = {"time": acquired(raster.info.path), "place": raster.info.grid.crs}
        lacking = next((name for name, told in found.items() if told is None), None)
        if lacking is None or not self._config.stac:
            return []
        return [Notice("no_stac_item", f"nothing says the scene's {lacking}: no STAC item is written")]

    def classified(
        self, raster: Raster, scene: Scene
    ) -> Generator[tuple[npt.NDArray[np.float32], Classified], None, None]:
        """Codes of an open scene from top to bottom, without a file.

        Yields:
            Network rows that are new, reflectance (bands, n, width), and scene rows that became final.

        Raises:
            InputError: the scene cannot be read, or holds infinite values.
        """
        down, across = self._axes(raster.info.grid, scene)
        # A scene pixel that is a network pixel has no edge to be drawn within.
        guided = self._config.edges == "guided" and max(down.factor, across.factor) > 1
        with closing(SceneRows(raster, scene, down, across, guided=guided)) as rows:
            predictor = Predictor(rows, self._runtime, self._model, down, across, self._config.batch_size)
            yield from predictor.classified(self._rules(guided=guided))

    def _rules(self, *, guided: bool) -> Rules:
        return Rules(
            codes=self._codes(),
            cloud=self._model.classes.index("cloud"),
            threshold=self._config.cloud_threshold,
            confidence=self._config.confidence or self._config.format == "udm2",
            guided=guided,
        )

    def _axes(self, grid: Grid, scene: Scene) -> tuple[Axis, Axis]:
        model = self._model
        gsd_m = self._config.gsd_m or model.gsd_m
        down_gsd, across_gsd = scene.gsd_m or (gsd_m, gsd_m)
        return plan_axes(
            scene=(grid.height, grid.width),
            factor=(gsd_m / down_gsd, gsd_m / across_gsd),
            tile=model.tile,
            halo=model.halo,
            multiple_of=model.multiple_of,
        )

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

    def _result(self, task: _Task, products: Products, started: float) -> MaskResult:
        counts = products.counts
        notices = [*task.scene.notices, *self._outside(task.scene, products.saturation.percent)]
        notices += self._runtime.notices()
        if not counts[:NODATA].any():
            notices.append(self._unseen(in_area=bool(counts.any())))
        return MaskResult(
            input=task.raster.info.path,
            output=task.output,
            status="done",
            warnings=tuple(notices),
            classes=self._percentages(counts),
            valid_percent=_valid_percent(counts),
            seconds=time.perf_counter() - started,
            model=self._model.name,
        )

    def _outside(self, scene: Scene, saturated: float | None) -> list[Notice]:
        """In what the scene differs from all that the model saw in training."""
        return outside_domain(self._model.domain, scene.info.path, scene.info.grid, saturated)

    def _unseen(self, *, in_area: bool) -> Notice:
        """Why there are no percentages."""
        aoi = self._config.aoi
        if aoi and not in_area:
            return Notice("outside_aoi", f"the scene lies outside {aoi}: it has no percentages")
        where = "area" if aoi else "scene"
        return Notice("all_nodata", f"no pixel of the {where} was seen: the mask is nodata throughout")

    def _in_area(self, grid: Grid) -> bool:
        """Whether percentages would count any pixel of a scene, seen or not."""
        if self._config.aoi is None:
            return True
        area, step = Area(self._config.aoi, grid), 512
        starts = range(0, grid.height, step)
        return any(area.rows(start, min(start + step, grid.height)).any() for start in starts)

    def _skipped(self, raster: Raster, output: Path, described: Scene, started: float) -> MaskResult:
        tags = read_tags(output)
        prefix = "CATFAST_PERCENT_"
        shares = {
            key.removeprefix(prefix).lower(): float(tags[key]) for key in tags if key.startswith(prefix)
        }
        saturated = float(tags[SATURATED_TAG]) if SATURATED_TAG in tags else None
        notices = [*described.notices, *self._outside(described, saturated), *self._no_item(raster)]
        if not shares:
            notices.append(self._unseen(in_area=self._in_area(raster.info.grid)))
        return MaskResult(
            input=raster.info.path,
            output=output,
            status="skipped",
            warnings=tuple(notices),
            classes=shares,
            valid_percent=float(tags.get("CATFAST_VALID_PERCENT", "nan")),
            seconds=time.perf_counter() - started,
            model=self._model.name,
        )


def processors() -> int:
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
