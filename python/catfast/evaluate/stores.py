"""A patch store as a test set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from catfast.classes import CLASS_CODES
from catfast.errors import InputError, Notice
from catfast.evaluate.codes import code_table, fraction_table
from catfast.evaluate.samples import Opened, Sample, latitude_of, merged
from catfast.evaluate.strata import Facts
from catfast.patches import open_store
from catfast.planet import Scene
from catfast.raster import ArrayRaster, Grid, parse_crs

__all__ = ["StoreSet"]

_SPLIT = "test"


class StoreSet:
    """Patches of one split, in the order of the index."""

    kind = "patch store"
    shadow_may_lack = False
    notices: tuple[Notice, ...] = ()

    def __init__(self, path: Path, facts: dict[str, Facts], *, split: str | None) -> None:
        self.path = path
        self._store = open_store(path)
        info = self._store.info
        self.simulated = info.simulated
        self._table = fraction_table() if info.soft else code_table("catfast")
        binary = info.soft or info.scheme == "binary"
        self.classes = ("clear", "cloud") if binary else tuple(CLASS_CODES)
        self._facts = facts
        self._rows = self._chosen(split)

    def _chosen(self, split: str | None) -> list[int]:
        splits = self._store.index["split"].to_pylist()
        wanted = split or (_SPLIT if _SPLIT in splits else None)
        rows = [row for row, found in enumerate(splits) if wanted in (None, found)]
        if not rows:
            there = ", ".join(sorted({str(name) for name in splits})) or "no patches"
            raise InputError(f"{self.path}: expected patches of the split {wanted}, found {there}")
        return rows

    def __len__(self) -> int:
        """Number of patches."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Sample]:
        """In the order of the index."""
        for row in self._rows:
            record = self._store.index.slice(row, 1).to_pylist()[0]
            grid = self._grid(record)
            found = Facts(
                scene=record["ps_id"],
                sun_elevation=record["sun_elevation"],
                latitude=latitude_of(grid),
                dt_s=record["dt_s"],
            )
            name = record["patch_id"]
            yield Sample(
                name=name,
                scene_id=record["ps_id"],
                origin=(record["row"], record["col"]),
                whole=False,
                facts=merged(found, self._facts.get(name) or self._facts.get(record["ps_id"])),
                open=lambda row=row, grid=grid, name=name: self._open(row, grid, name),  # type: ignore[misc]
            )

    def _grid(self, record: dict[str, Any]) -> Grid:
        size = self._store.info.size
        return Grid(
            width=size,
            height=size,
            transform=Affine(*record["transform"]),
            crs=parse_crs(f"EPSG:{record['epsg']}"),
        )

    @contextmanager
    def _open(self, row: int, grid: Grid, name: str) -> Iterator[Opened]:
        image, label = self._store.read(row)
        info = self._store.info
        raster = ArrayRaster(image, grid, self.path / name, nodata=0)
        bands = len(info.bands)
        scene = Scene(
            info=raster.info,
            bands=tuple(range(1, bands + 1)),
            gain=(info.scale,) * bands,
            offset=(0.0,) * bands,
            gsd_m=(info.gsd_m, info.gsd_m),
            notices=(),
        )

        def truth(start: int, stop: int) -> npt.NDArray[np.uint8]:
            return self._table.translate(label[start:stop], self.path / name)

        yield Opened(raster=raster, scene=scene, truth=truth)
