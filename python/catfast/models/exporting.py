"""Make a run ready for use: ONNX checked against torch, a model card, a STAC item."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catfast.errors import InputError, OutputError, UsageError
from catfast.models.card import CARD_NAME, is_written_by_hand, write_card
from catfast.models.folder import WEIGHTS_NAME, is_bundled, load, resolve, save
from catfast.models.onnx import Parity, compare, export
from catfast.models.spec import CONFIG_NAME, ONNX_NAME, ModelConfig
from catfast.models.stac import ITEM_NAME, write_item
from catfast.models.tensors import layout
from catfast.raster import output_errors
from catfast.temporary import temporary_folder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import nn

__all__ = ["LEAST_AGREEMENT", "PRECISIONS", "ExportConfig", "ExportResult", "drop_export", "export_run"]

PRECISIONS = ("stored", "fp16", "int8")

LEAST_AGREEMENT = 0.995
"""Share of pixels to which onnxruntime must give the class that torch gives."""

_FILES = {CARD_NAME, CONFIG_NAME, ITEM_NAME, ONNX_NAME, WEIGHTS_NAME}
"""All that an export to a folder of its own may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """Options of export."""

    precision: str = "stored"
    """``stored``: weights as they are; ``fp16``: kernels in half precision; ``int8``: quantised."""
    calibrate: str | os.PathLike[str] | None = None
    """Patch store to calibrate and check on; None takes simulated patches."""
    patches: int = 48
    """Patches to take: a third calibrates int8, and all others are for the check."""
    force: bool = False
    """Keep a model that agrees with torch on too few pixels."""
    overwrite: bool = False
    """Replace an export that is there."""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(f"precision must be one of {', '.join(PRECISIONS)}, not {self.precision}")
        if self.patches < 3:
            raise UsageError(f"--patches must be at least 3, not {self.patches}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """What was written, and how well it repeats torch."""

    input: Path
    """The run."""
    output: Path
    """The model folder."""
    precision: str
    """See :class:`ExportConfig`."""
    parity: Parity
    """On the patches that were left out of the calibration."""
    checked_on: str
    """Which patches."""
    files: tuple[str, ...]
    """What was written."""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "input": str(self.input),
            "output": str(self.output),
            "precision": self.precision,
            "argmax_agreement": self.parity.argmax_agreement,
            "largest_difference": self.parity.largest_difference,
            "checked_on": self.checked_on,
            "files": list(self.files),
            "bytes": sum((self.output / name).stat().st_size for name in self.files),
        }


def export_run(
    run: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    config: ExportConfig | None = None,
) -> ExportResult:
    """Write ``model.onnx``, a card and a STAC item into a run, or a whole model folder to ``output``.

    An int8 folder holds the ONNX file alone, without ``model.safetensors``.

    Args:
        run: a model folder, or the name of a bundled model.
        output: a folder that is not there yet, or an export to be replaced; None: the run itself.
        config: options.

    Raises:
        InputError: not a model, or onnxruntime agrees with torch on too few pixels.
        OutputError: the export is there already, or the disk did not take it.
        UsageError: options that do not fit this run.
        MissingExtraError: the packages of ``catfast[train]`` are not installed.
    """
    folder, config = resolve(run), config or ExportConfig()
    target = folder if output is None else Path(output)
    _check_target(folder, None if output is None else target, config)
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(target) as place:
            fresh = place / "model"
            fresh.mkdir()
            parity, checked_on = _make(folder, fresh, config)
            _check_parity(folder, parity, config)
            write_card(fresh, run=folder, precision=config.precision, parity=parity, checked_on=checked_on)
            write_item(fresh, folder)
            files = _settle(fresh, target, place=place, whole=output is not None)
    return ExportResult(
        input=folder,
        output=target,
        precision=config.precision,
        parity=parity,
        checked_on=checked_on,
        files=files,
    )


def _check_target(folder: Path, output: Path | None, config: ExportConfig) -> None:
    if output is None:
        if is_bundled(folder):
            raise UsageError(f"{folder.name} comes with catfast and stays as it is: give -o DIR")
        if config.precision == "fp16" and _kernels(folder) != {"F16"}:
            raise UsageError(f"{folder}: fp16 would replace its own weights: give -o DIR")
        if (folder / ONNX_NAME).exists() and not config.overwrite:
            raise OutputError(f"{folder / ONNX_NAME}: exists already (--overwrite replaces it)")
    elif output.exists():
        if not config.overwrite:
            raise OutputError(f"{output}: exists already (--overwrite replaces it)")
        if not (output / CONFIG_NAME).is_file() or output.resolve() == folder.resolve():
            raise OutputError(f"{output}: expected another model folder to replace")
        if foreign := sorted({path.name for path in output.iterdir()} - _FILES):
            raise OutputError(f"{output}: expected an export to replace, found {foreign[0]} in it")


def _kernels(folder: Path) -> set[str]:
    places = layout(folder / WEIGHTS_NAME).values()
    return {place.dtype for place in places if len(place.shape) > 1}


def _make(folder: Path, fresh: Path, config: ExportConfig) -> tuple[Parity, str]:
    """Fill ``fresh`` with configuration, weights and ONNX; say how well it repeats torch, and on what."""
    model = ModelConfig.load(folder)
    module = load(folder)
    tiles, checked_on = _tiles(model, config)
    model.save(fresh)
    if config.precision == "int8":
        from catfast.models.quantise import quantise

        third = len(tiles) // 3
        quantise(module, model, tiles[:third], fresh / ONNX_NAME)
        tiles = tiles[third:]
    else:
        _copy_weights(module, model, folder, fresh, config.precision)
        export(fresh, tolerance=1.0)  # on noise; what counts is the class, on patches
    return compare(module, fresh / ONNX_NAME, tiles), f"{len(tiles)} {checked_on}"


def _tiles(model: ModelConfig, config: ExportConfig) -> tuple[npt.NDArray[np.float32], str]:
    from catfast.models.samples import simulated_tiles, store_tiles

    if config.calibrate is None:
        return simulated_tiles(model, config.patches), "simulated patches"
    store = Path(config.calibrate)
    tiles = store_tiles(store, model, config.patches)
    if len(tiles) < 3:
        raise InputError(f"{store}: expected at least 3 patches, found {len(tiles)}")
    return tiles, f"patches of {store.resolve().name}"


def _copy_weights(module: nn.Module, model: ModelConfig, folder: Path, fresh: Path, precision: str) -> None:
    if precision == "fp16":
        save(module, model, fresh)
    else:
        shutil.copyfile(folder / WEIGHTS_NAME, fresh / WEIGHTS_NAME)


def _check_parity(folder: Path, parity: Parity, config: ExportConfig) -> None:
    if parity.argmax_agreement < LEAST_AGREEMENT and not config.force:
        raise InputError(
            f"{folder}: as {config.precision}, onnxruntime gives the class of torch to "
            f"{parity.argmax_agreement:.2%} of the pixels, under {LEAST_AGREEMENT:.1%} (--force keeps it)"
        )


def _settle(fresh: Path, target: Path, *, place: Path, whole: bool) -> tuple[str, ...]:
    """Give what is finished its names; in a run the ONNX file comes last, and hand-written cards stay."""
    if whole:
        if target.exists():
            target.rename(place / "old")
        fresh.rename(target)
        return tuple(sorted(child.name for child in target.iterdir()))
    names = [ITEM_NAME, ONNX_NAME]
    if not is_written_by_hand(target / CARD_NAME):
        names.insert(0, CARD_NAME)
    for name in names:
        (fresh / name).replace(target / name)
    return tuple(names)


def drop_export(run: Path) -> None:
    """Remove what an earlier export wrote into a run, before it gets other weights.

    The ONNX file holds some weights of its own, such as transposed ones; card and item name a digest.
    """
    names = [ONNX_NAME, ITEM_NAME]
    if not is_written_by_hand(run / CARD_NAME):
        names.append(CARD_NAME)
    for name in names:
        (run / name).unlink(missing_ok=True)
