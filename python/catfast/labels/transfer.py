"""From a QA_PIXEL file and a scene to a label file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast.classes import CLASS_CODES, NODATA
from catfast.errors import InputError, Notice
from catfast.labels.config import LabelConfig, LabelResult
from catfast.labels.displacement import Displacement, band_files
from catfast.labels.labeller import Labeller
from catfast.labels.outputs import identity_tags, label_style
from catfast.landsat import open_qa
from catfast.planet import Scene, describe_scene
from catfast.raster import Raster, is_made_already, open_raster, read_tags, tiff_writer

ROWS = 512
"""Rows of the scene worked on at a time, rounded up to whole TIFF blocks."""

Progress = Callable[[int, int], None]
"""Called with (scene rows done, scene rows in all)."""


def transfer(
    qa: str | Path,
    like: str | Path,
    output: str | Path,
    config: LabelConfig | None = None,
    *,
    progress: Progress | None = None,
) -> LabelResult:
    """Write the label of one pair: Landsat's QA on the grid of a scene, as a uint8 GeoTIFF.

    Args:
        qa: a Landsat Collection 2 QA_PIXEL file.
        like: the scene whose grid is wanted; its nodata becomes 255.
        output: the label.
        config: options.
        progress: called as rows are finished.

    Raises:
        InputError: one of the two files is not what it should be, or they do not overlap.
        OutputError: the output exists and was made from something else, or the disk did not take it.
    """
    started = time.perf_counter()
    qa, like, output, config = Path(qa), Path(like), Path(output), config or LabelConfig()
    verify = config.verify
    with open_qa(qa, verify=verify) as source, open_raster(like, verify=verify) as raster:
        scene = _described(raster)
        identity = identity_tags(qa, like, config)
        inputs = {"QA file": qa, "scene": like, **_bands(qa, config)}
        if is_made_already(output, inputs, identity, overwrite=config.overwrite):
            tags = read_tags(output)
            shares, labelled, status = (
                _told(tags),
                float(tags.get("CATFAST_LABELLED_PERCENT", "nan")),
                "skipped",
            )
            displacement = Displacement.of_tags(tags)
        else:
            labeller = Labeller(source, raster, scene, config)
            _write(labeller, (source, raster), output, config, identity, progress)
            counts, displacement = labeller.counts, labeller.displacement
            shares, labelled, status = _shares(counts, config), _labelled(counts), "done"
    notices = (
        () if labelled else (Notice("all_ignored", "no pixel of the scene has a label: 255 throughout"),)
    )
    return LabelResult(
        qa=qa,
        scene=like,
        output=output,
        status=status,
        warnings=notices,
        classes=shares,
        labelled_percent=labelled,
        seconds=time.perf_counter() - started,
        displacement=displacement,
    )


def _bands(qa: Path, config: LabelConfig) -> dict[str, Path]:
    """Landsat's bands where they are read too, by what they are called in a message."""
    files = band_files(qa, config.landsat_bands) if config.align else []
    return {f"Landsat band {path.stem.rpartition('_')[2]}": path for path in files}


def _described(raster: Raster) -> Scene:
    """The scene; its scale is of no interest here, so that none has to be found."""
    scene = describe_scene(raster, reflectance_scale=1.0)
    if scene.gsd_m is None:
        raise InputError(
            f"{raster.info.path}: expected a georeferenced scene, but {scene.notices[0].message}"
        )
    return scene


def _write(
    labeller: Labeller,
    files: tuple[Raster, Raster],
    output: Path,
    config: LabelConfig,
    identity: Mapping[str, str],
    progress: Progress | None,
) -> None:
    source, raster = files
    grid = raster.info.grid
    rows = math.ceil(ROWS / raster.info.block_rows) * raster.info.block_rows
    with tiff_writer(output, grid, nodata=NODATA) as writer:
        for start in range(0, grid.height, rows):
            stop = min(start + rows, grid.height)
            writer.append(labeller.rows(start, stop))
            if progress is not None:
                progress(stop, grid.height)
        labeller.check_inside()
        simulated = [info.tags.get("CATFAST_SIMULATED") for info in (source.info, raster.info)]
        told = {
            "CATFAST_LABELLED_PERCENT": f"{_labelled(labeller.counts):.4f}",
            **{
                f"CATFAST_PERCENT_{name.upper()}": f"{v:.4f}"
                for name, v in _shares(labeller.counts, config).items()
            },
            **({"CATFAST_SIMULATED": "1"} if any(simulated) else {}),
            **({} if labeller.displacement is None else labeller.displacement.tags()),
        }
        names = (source.info.path.name, raster.info.path.name)
        writer.finish(label_style(names, identity, told, config))


def _labelled(counts: npt.NDArray[np.int64]) -> float:
    return round(100 * int(counts[:NODATA].sum()) / max(int(counts.sum()), 1), 4)


def _shares(counts: npt.NDArray[np.int64], config: LabelConfig) -> dict[str, float]:
    """Per cent of labelled pixels a class, or of their area."""
    labelled = int(counts[:NODATA].sum())
    if not labelled:
        return {}
    if config.method == "fraction":
        cloud = float(counts[:201] @ np.arange(201)) / 2 / labelled
        return {"clear": round(100 - cloud, 4), "cloud": round(cloud, 4)}
    names = list(CLASS_CODES)[: 2 if config.scheme == "binary" else None]
    return {name: round(100 * int(counts[CLASS_CODES[name]]) / labelled, 4) for name in names}


def _told(tags: Mapping[str, str]) -> dict[str, float]:
    prefix = "CATFAST_PERCENT_"
    return {key.removeprefix(prefix).lower(): float(tags[key]) for key in tags if key.startswith(prefix)}
