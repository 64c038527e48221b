"""What is scored: models, run by the code of ``catfast mask``, and masks that are there as files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from catfast.classes import CLASS_CODES
from catfast.errors import InputError, UsageError
from catfast.evaluate.codes import THIN, CodeTable, code_table
from catfast.evaluate.config import EvaluateConfig
from catfast.evaluate.folders import check_same_grid
from catfast.evaluate.samples import Opened, Sample
from catfast.paths import files_below
from catfast.planet import scene_id
from catfast.raster import Grid, Raster, open_raster
from catfast.udm2 import UDM2_BANDS, udm2_codes

__all__ = ["Contender", "Part", "contenders_of"]

_ROWS = 512
_OTHER = re.compile(r"_confidence$|_udm(_|$)")
_ENDING = re.compile(r"_(mask|masks|label|labels|truth|udm2(_clip)?)$")


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of an answer, in order from the first."""

    mask: npt.NDArray[np.uint8]
    """Codes, (n, width)."""
    cloud_percent: npt.NDArray[np.uint8] | None
    """Cloud probability in per cent, 255 where nothing was seen."""


class Contender(Protocol):
    """Answers samples."""

    name: str
    """Shown to people; unique."""
    kind: str
    """``model`` or ``masks``."""
    sha256: str | None
    """Digest of the weights."""
    classes: tuple[str, ...]
    """What it can tell."""

    def rows(self, sample: Sample, opened: Opened) -> Iterator[Part] | None:
        """The answer from top to bottom; None where there is no answer to this sample."""
        ...


class _Model:
    kind = "model"

    def __init__(self, given: str, name: str, config: EvaluateConfig) -> None:
        from catfast.mask import MaskConfig, Masker

        self._masker = Masker(
            MaskConfig(
                model=given,
                threshold=config.threshold,
                confidence=True,
                threads=config.threads,
                device=config.device,
            )
        )
        self.name = name
        self.sha256: str | None = self._masker.model_sha256
        self.classes = self._masker.classes

    def rows(self, sample: Sample, opened: Opened) -> Iterator[Part]:
        cloud = self.classes.index("cloud")
        with closing(self._masker.classified(opened.raster, opened.scene)) as parts:
            for _, part in parts:
                yield Part(part.mask, None if part.confidence is None else part.confidence[cloud])


class _Masks:
    kind = "masks"
    sha256: str | None = None

    def __init__(self, folder: Path, name: str, table: CodeTable) -> None:
        self.name = name
        self._paths = _masks_by_name(folder)
        self._table = table
        with open_raster(next(iter(self._paths.values()))) as first:
            udm2 = first.info.count == len(UDM2_BANDS)
        self.classes = ("clear", "cloud", "shadow", "snow") if udm2 else table.classes

    def rows(self, sample: Sample, opened: Opened) -> Iterator[Part] | None:
        if sample.name in self._paths:
            return self._read(self._paths[sample.name], None, opened)
        path = self._paths.get(sample.scene_id)
        return None if path is None else self._read(path, None if sample.whole else sample.origin, opened)

    def _read(self, path: Path, origin: tuple[int, int] | None, opened: Opened) -> Iterator[Part]:
        """Rows of a mask of the sample's size, or of the window at ``origin`` of a larger one."""
        grid = opened.raster.info.grid
        top, left = origin or (0, 0)
        with open_raster(path) as mask:
            if origin is None:
                check_same_grid(mask, opened.raster)
            else:
                _check_holds(mask, grid, origin)
            for start in range(0, grid.height, _ROWS):
                stop = min(start + _ROWS, grid.height)
                yield Part(self._codes(mask, (top + start, top + stop), (left, left + grid.width)), None)

    def _codes(self, mask: Raster, rows: tuple[int, int], columns: tuple[int, int]) -> npt.NDArray[np.uint8]:
        if mask.info.count == len(UDM2_BANDS):
            return udm2_codes(mask.read_window(range(1, len(UDM2_BANDS) + 1), rows, columns))
        codes = self._table.translate(mask.read_window([1], rows, columns)[0], mask.info.path)
        codes[codes == THIN] = CLASS_CODES["cloud"]
        return codes


def _check_holds(mask: Raster, grid: Grid, origin: tuple[int, int]) -> None:
    """Refuse a mask of a scene that does not reach over a patch of it."""
    whole = mask.info.grid
    needed = (origin[0] + grid.height, origin[1] + grid.width)
    if needed[0] > whole.height or needed[1] > whole.width:
        raise InputError(
            f"{mask.info.path}: expected the mask of a scene of at least {needed[1]} x {needed[0]} pixels, "
            f"found {whole.width} x {whole.height}"
        )


def _masks_by_name(folder: Path) -> dict[str, Path]:
    """Masks under all names that they may answer to: stem, stem without its ending, Planet id."""
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of masks, found none")
    found: dict[str, Path] = {}
    for path in files_below(folder):
        if path.suffix.lower() in (".tif", ".tiff") and not _OTHER.search(path.stem) and _is_mask(path):
            for name in (path.stem, _ENDING.sub("", path.stem), scene_id(path)):
                found.setdefault(name, path)
    if not found:
        raise InputError(f"{folder}: expected masks (8-bit GeoTIFFs of 1 band, or 8 for UDM2), found none")
    return found


def _is_mask(path: Path) -> bool:
    with open_raster(path) as raster:
        return raster.info.dtype == "uint8" and raster.info.count in (1, len(UDM2_BANDS))


def contenders_of(config: EvaluateConfig) -> list[Contender]:
    """Models, then folders of masks, in the order given.

    Raises:
        InputError: no such model or folder, or no mask in it.
        UsageError: the same one twice.
    """
    given = [*config.models, *(str(folder) for folder in config.against)]
    if len(set(given)) != len(given):
        raise UsageError("the same model or folder is given twice")
    names = [Path(text).name or text for text in given]
    names = [text if names.count(name) > 1 else name for name, text in zip(names, given, strict=True)]
    models: list[Contender] = [
        _Model(text, name, config) for text, name in zip(config.models, names, strict=False)
    ]
    codes = config.against_codes or ("catfast",)
    codes *= len(config.against) if len(codes) == 1 else 1
    return models + [
        _Masks(folder, name, code_table(text, config.thin, option="--against-codes"))
        for folder, name, text in zip(config.against, names[len(models) :], codes, strict=True)
    ]
