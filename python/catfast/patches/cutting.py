"""The patches of one pair: what each tile shows, which stay, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.catalog import CRS
from catfast.errors import InputError
from catfast.labels import Labeller
from catfast.landsat import open_qa
from catfast.patches.config import PatchesConfig
from catfast.patches.manifest import check_manifest
from catfast.patches.pairlist import Pair
from catfast.patches.quality import label_weight
from catfast.patches.records import PatchRecord
from catfast.patches.scenes import PairFiles
from catfast.patches.statistics import Fractions, fractions, label_counts
from catfast.patches.tiles import Codes, Counts, TileReader, TileRow
from catfast.patches.writer import GroupWriter
from catfast.planet import Scene, describe_scene
from catfast.raster import Grid, Raster, open_raster

GSD_TOLERANCE = 0.05
"""Scenes whose pixels differ by a larger share do not go into one store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Patches of one row of tiles, still in their scene; what ``GroupWriter.append_windows`` takes."""

    image: Counts
    """(4, rows, width)."""
    labels: Codes
    """(rows, width)."""
    top: int
    """First row of the patches in these arrays."""
    records: list[PatchRecord]
    """One a patch; their first columns are those in these arrays."""
    tiles: int
    """Tiles of which these are left."""

    def write(self, writer: GroupWriter) -> None:
        """Add the patches to a group.

        Raises:
            OutputError: the disk did not take them.
        """
        if self.records:
            columns = [record.col for record in self.records]
            writer.append_windows(self.image, self.labels, [self.top] * len(columns), columns, self.records)


@dataclass(frozen=True, slots=True)
class Kind:
    """What all scenes of a store must share."""

    gsd_m: float
    """Metres a pixel."""
    simulated: bool
    """Whether they are simulated."""

    def check(self, files: PairFiles, found: Kind) -> None:
        """Refuse a pair of another kind.

        Raises:
            InputError: it is.
        """
        if abs(found.gsd_m / self.gsd_m - 1) > GSD_TOLERANCE:
            raise InputError(
                f"{files.image}: expected pixels of {self.gsd_m:g} m as in the first pair, "
                f"found {found.gsd_m:g} m"
            )
        if found.simulated != self.simulated:
            names = ("real scenes", "simulated ones")
            raise InputError(
                f"{files.image}: expected {names[self.simulated]} as in the first pair, "
                f"found {names[found.simulated]}: make a store of each"
            )


@dataclass(frozen=True, slots=True)
class OpenPair:
    """The two files of a pair, opened and found to be what they should be."""

    raster: Raster
    scene: Scene
    qa: Raster
    kind: Kind


@contextmanager
def open_pair(files: PairFiles, *, verify: str = "never", vouched: bool = False) -> Iterator[OpenPair]:
    """Open both files.

    Args:
        files: where they are.
        verify: one of :data:`catfast.raster.VERIFY`.
        vouched: whether the image is known to be whole, so that its checksums need not be compared.

    Raises:
        InputError: a file is not what it should be.
    """
    of_image = "never" if vouched and verify == "auto" else verify
    with open_raster(files.image, verify=of_image) as raster, open_qa(files.qa, verify=verify) as qa:
        scene = describe_scene(raster)
        if scene.gsd_m is None:
            raise InputError(f"{files.image}: expected a georeferenced scene, but {scene.notices[0].message}")
        simulated = any("CATFAST_SIMULATED" in file.info.tags for file in (raster, qa))
        yield OpenPair(raster, scene, qa, Kind(round(sum(scene.gsd_m) / 2, 4), simulated))


def pair_batches(
    pair: Pair, files: PairFiles, config: PatchesConfig, like: Kind, only: Sequence[int] | None = None
) -> Iterator[Batch]:
    """Patches of a pair, a row of tiles at a time; ``only`` those rows of tiles that start there.

    Raises:
        InputError: a file is not what it should be, not of the kind ``like``, or the two do not overlap.
    """
    vouched = check_manifest(files.image)
    with open_pair(files, verify=config.verify, vouched=vouched) as opened:
        like.check(files, opened.kind)
        labellers = _labellers(opened, config)
        fold = config.method == "nearest" and config.scheme == "binary"
        reader = TileReader(opened.raster, opened.scene, labellers, fold=fold)
        origin = _Origin(pair, opened, getattr(labellers[0], "displacement", None), config.size)
        row = None
        for row in reader.rows(config.size, config.step, only):
            yield _batch(row, origin, config)
        if row is not None and only is None:
            labellers[0].check_inside()


def _labellers(opened: OpenPair, config: PatchesConfig) -> list[Labeller]:
    """Makers of the labels, and last of the full scheme's codes."""
    stored = config.labels()
    full = replace(stored, scheme="full", method="nearest")
    configs = [full] if config.method == "nearest" else [stored, full]
    return [Labeller(opened.qa, opened.raster, opened.scene, each) for each in configs]


def _batch(row: TileRow, origin: _Origin, config: PatchesConfig) -> Batch:
    rows, columns = np.full(len(row.columns), row.top, np.int64), np.asarray(row.columns, np.int64)
    codes = label_counts(row.image, row.codes, rows, columns, config.size)
    stored = codes
    if config.method != "nearest":
        stored = label_counts(row.image, row.labels, rows, columns, config.size)
    shares = [tile_fractions(*counts, config) for counts in zip(codes, stored, strict=True)]
    kept = [place for place, found in enumerate(shares) if wanted(found, config)]
    records = origin.records(row.row, [row.columns[place] for place in kept], [shares[p] for p in kept])
    return Batch(image=row.image, labels=row.labels, top=row.top, records=records, tiles=len(row.columns))


def tile_fractions(
    codes: npt.NDArray[np.int64], stored: npt.NDArray[np.int64], config: PatchesConfig
) -> Fractions:
    """Shares of a tile: cloud and what is ignored as stored, the rest as the full scheme has it.

    Args:
        codes: counts (256,) of the full scheme's codes.
        stored: counts (256,) of the labels that the store gets; `codes` for ``nearest``, folded or not.
        config: options.
    """
    full = fractions(codes, config.size, scheme="full", soft=False)
    if config.method == "nearest":
        return full
    found = fractions(stored, config.size, scheme="full", soft=config.soft)
    return replace(full, cloud_fraction=found.cloud_fraction, ignore_fraction=found.ignore_fraction)


def wanted(found: Fractions, config: PatchesConfig) -> bool:
    """Whether a patch passes the filters; one without a labelled pixel never does."""
    cloud, snow = found.cloud_fraction, found.snow_fraction
    return (
        cloud is not None
        and found.ignore_fraction < 1
        and found.valid_fraction >= config.min_valid
        and config.min_cloud <= cloud <= config.max_cloud
        and config.min_snow <= (snow or 0.0) <= config.max_snow
    )


class _Origin:
    """What all records of a pair share."""

    def __init__(self, pair: Pair, opened: OpenPair, displacement: Any, size: int) -> None:
        self._pair, self._grid, self._size = pair, opened.raster.info.grid, size
        self._shift = _shift(displacement)
        self._residual_m = self._shift["shift_spread_m"] if self._shift["shift_accepted"] else None
        self._dt_s = pair.dt_s if pair.dt_local_s is None else pair.dt_local_s
        names = ("pair_id", "ps_id", "l8_id", "dt_s", "dt_local_s", "sun_elevation", "ps_acquired")
        self._shared = {name: getattr(pair, name) for name in names}
        self._shared |= {"epsg": _epsg(opened.raster), "simulated": opened.kind.simulated}

    def records(self, row: int, columns: Sequence[int], shares: Sequence[Fractions]) -> list[PatchRecord]:
        shapes = footprints(self._grid, row, columns, self._size) if columns else []
        return [
            PatchRecord(
                patch_id=f"{self._pair.pair_id}_{row:05d}_{column:05d}",
                row=row,
                col=column,
                weight=label_weight(found.ignore_fraction, self._dt_s, self._residual_m),
                transform=_moved(self._grid, row, column),
                geometry=shape,
                **asdict(found),
                **self._shared,
                **self._shift,
            )
            for column, found, shape in zip(columns, shares, shapes, strict=True)
        ]


def _epsg(raster: Raster) -> int:
    crs = raster.info.grid.crs
    code = crs.to_epsg() if crs else None
    if code is None:
        raise InputError(f"{raster.info.path}: expected a CRS with an EPSG code, found none")
    return int(code)


def _shift(displacement: Any) -> dict[str, Any]:
    """Columns of the index on how the clouds were moved; null where nobody tried."""
    names = {"shift_x_m": "shift_x_m", "shift_y_m": "shift_y_m", "shift_spread_m": "spread_m"}
    found = {column: getattr(displacement, name, None) for column, name in names.items()}
    tried = {"shift_accepted": "accepted", "shift_reason": "reason"}
    return found | {column: getattr(displacement, name, None) for column, name in tried.items()}


def _moved(grid: Grid, row: int, column: int) -> tuple[float, float, float, float, float, float]:
    a, b, c, d, e, f = grid.transform[:6]
    return a, b, a * column + b * row + c, d, e, d * column + e * row + f


def footprints(grid: Grid, row: int, columns: Sequence[int], size: int) -> list[bytes]:
    """Outlines of tiles that start at a row, WKB in EPSG:6931."""
    import shapely
    from pyproj import Transformer

    if grid.crs is None:
        raise ValueError("the grid has no CRS")
    transformer = Transformer.from_crs(grid.crs.to_wkt(), CRS, always_xy=True)
    a, b, c, d, e, f = grid.transform[:6]
    corners = np.array([(0, 0), (size, 0), (size, size), (0, size), (0, 0)], np.float64)
    column = np.asarray(columns, np.float64)[:, None] + corners[:, 0]
    line = row + np.broadcast_to(corners[:, 1], column.shape)
    x, y = transformer.transform(a * column + b * line + c, d * column + e * line + f)
    rings: npt.NDArray[np.float64] = np.stack([x, y], axis=-1)
    return list(shapely.to_wkb(shapely.polygons(rings)))
