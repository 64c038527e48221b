"""The patches of one pair: what each tile shows, which stay, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from catfast.errors import Notice
from catfast.labels import Labeller
from catfast.order import check_image
from catfast.patches.config import PatchesConfig
from catfast.patches.opening import Kind, OpenPair, open_pair
from catfast.patches.origin import Origin
from catfast.patches.pairlist import Pair
from catfast.patches.records import PatchRecord
from catfast.patches.scenes import PairFiles
from catfast.patches.statistics import Fractions, fractions, label_counts
from catfast.patches.tiles import Codes, Counts, TileReader, TileRow
from catfast.patches.writer import GroupWriter


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
    notices: tuple[Notice, ...]
    """What the user should know of the scene."""

    def write(self, writer: GroupWriter) -> None:
        """Add the patches to a group.

        Raises:
            OutputError: the disk did not take them.
        """
        if self.records:
            columns = [record.col for record in self.records]
            writer.append_windows(self.image, self.labels, [self.top] * len(columns), columns, self.records)


def pair_batches(
    pair: Pair, files: PairFiles, config: PatchesConfig, like: Kind, only: Sequence[int] | None = None
) -> Iterator[Batch]:
    """Patches of a pair, a row of tiles at a time; ``only`` those rows of tiles that start there.

    Raises:
        InputError: a file is not what it should be, not of the kind ``like``, or the two do not overlap.
    """
    vouched = check_image(files.image)
    with open_pair(files, verify=config.verify, vouched=vouched) as opened:
        like.check(files, opened.kind)
        labellers = labellers_of(opened, config)
        fold = config.from_codes and config.scheme == "binary"
        reader = TileReader(opened.raster, opened.scene, labellers, fold=fold)
        origin = Origin(pair, opened, labellers[0], config.size)
        row = None
        for row in reader.rows(config.size, config.step, only):
            yield _batch(row, origin, config, opened.scene.notices)
        if row is not None and only is None:
            labellers[0].check_inside()


def labellers_of(opened: OpenPair, config: PatchesConfig) -> list[Labeller]:
    """Makers of the labels, and last of the full scheme's codes; one where it does for both.

    Where clouds went is found once.
    """
    pair, stored = (opened.qa, opened.raster, opened.scene), config.labels()
    full = replace(stored, scheme="full", method="nearest")
    if config.from_codes:
        return [Labeller(*pair, full)]
    first = Labeller(*pair, stored)
    return [first, Labeller(*pair, full, displacement=first.displacement)]


def _batch(row: TileRow, origin: Origin, config: PatchesConfig, notices: tuple[Notice, ...]) -> Batch:
    rows, columns = np.full(len(row.columns), row.top, np.int64), np.asarray(row.columns, np.int64)
    codes = label_counts(row.image, row.codes, rows, columns, config.size)
    stored = codes
    if not config.from_codes:
        stored = label_counts(row.image, row.labels, rows, columns, config.size)
    shares = [tile_fractions(*counts, config) for counts in zip(codes, stored, strict=True)]
    kept = [place for place, found in enumerate(shares) if wanted(found, config)]
    records = origin.records(row.row, [row.columns[place] for place in kept], [shares[p] for p in kept])
    return Batch(
        image=row.image,
        labels=row.labels,
        top=row.top,
        records=records,
        tiles=len(row.columns),
        notices=notices,
    )


def tile_fractions(
    codes: npt.NDArray[np.int64], stored: npt.NDArray[np.int64], config: PatchesConfig
) -> Fractions:
    """Shares of a tile: cloud and what is ignored as stored, the rest as the full scheme has it.

    Args:
        codes: counts (256,) of the full scheme's codes.
        stored: counts (256,) of the labels that the store gets; of no use where they follow from `codes`.
        config: options.
    """
    full = fractions(codes, config.size, scheme="full", soft=False)
    if config.from_codes:
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
