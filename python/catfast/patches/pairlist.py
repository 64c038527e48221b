"""The pairs file as :func:`catfast.pairs.mine` writes it, or any parquet with its first columns."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catfast.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

IDS = ("pair_id", "ps_id", "l8_id")
REQUIRED = (*IDS, "dt_s", "ps_acquired")
NUMBERS = ("dt_local_s", "ps_sun_elevation", "l8_sun_elevation")
OPTIONAL = (*NUMBERS, "ps_path", "l8_path")
_PLAIN = re.compile(r"\w[\w.+-]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A row of the pairs; None where the file does not say."""

    pair_id: str
    """Unique in the file, and fit to be part of a file name."""
    ps_id: str
    """Planet's item id."""
    l8_id: str
    """Landsat's product id."""
    dt_s: float
    """PlanetScope minus Landsat's scene centre, seconds."""
    ps_acquired: datetime
    """When PlanetScope saw it, UTC."""
    dt_local_s: float | None = None
    """PlanetScope minus Landsat's pass over the overlap, seconds."""
    sun_elevation: float | None = None
    """Degrees: PlanetScope's, else Landsat's."""
    ps_path: str | None = None
    """Where the catalogue has PlanetScope's files."""
    l8_path: str | None = None
    """Where the catalogue has Landsat's files."""


def read_pairs(path: Path) -> list[Pair]:
    """The pairs, ordered by ``pair_id`` whatever their order in the file.

    Raises:
        InputError: no such file, none of parquet, without pairs, or with ids that cannot be file names.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputError(f"{path}: expected pairs as 'catfast pairs' writes them, found no such file")
    try:
        schema = pq.read_schema(path)
        names = schema.names
        missing = [name for name in REQUIRED if name not in names]
        if missing:
            raise InputError(f"{path}: expected the columns {', '.join(REQUIRED)}, found no {missing[0]}")
        _check_types(path, schema)
        rows = pq.read_table(path, columns=[n for n in (*REQUIRED, *OPTIONAL) if n in names]).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: expected a parquet file: {str(error).splitlines()[0]}") from error
    if not rows:
        raise InputError(f"{path}: expected pairs, found an empty file")
    _check(path, rows)
    return sorted((_pair(row) for row in rows), key=lambda pair: pair.pair_id)


def _check_types(path: Path, schema: pa.Schema) -> None:
    import pyarrow as pa

    numbers = [name for name in ("dt_s", *NUMBERS) if name in schema.names]
    for name in numbers:
        found = schema.field(name).type
        if not (pa.types.is_floating(found) or pa.types.is_integer(found) or pa.types.is_null(found)):
            raise InputError(f"{path}: expected {name} as numbers, found {found}")
    found = schema.field("ps_acquired").type
    if not (pa.types.is_timestamp(found) and found.tz):
        raise InputError(f"{path}: expected ps_acquired as times with a zone, found {found}")


def _check(path: Path, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        for name in REQUIRED[len(IDS) :]:
            if row[name] is None:
                raise InputError(f"{path}: expected {name} of every pair, found none for {row['pair_id']}")
        if not math.isfinite(row["dt_s"]):
            raise InputError(f"{path}: expected dt_s in seconds, found {row['dt_s']:g} for {row['pair_id']}")
        for name in OPTIONAL[len(NUMBERS) :]:
            if not isinstance(row.get(name), str | None):
                raise InputError(f"{path}: expected {name} as text, found {row[name]!r}")
        for name in IDS:
            if not isinstance(row[name], str) or not _PLAIN.fullmatch(row[name]):
                raise InputError(
                    f"{path}: expected {name} of letters, digits, dots and dashes, found {row[name]!r}"
                )
    pair_id, count = Counter(row["pair_id"] for row in rows).most_common(1)[0]
    if count > 1:
        raise InputError(f"{path}: expected each pair once, found {pair_id} {count} times")


def _pair(row: dict[str, Any]) -> Pair:
    # NaN and infinity are what programs without null write in its place.
    row |= {name: None for name in NUMBERS if not math.isfinite(row.get(name) or 0.0)}
    suns = [row.pop(name, None) for name in ("ps_sun_elevation", "l8_sun_elevation")]
    return Pair(**row, sun_elevation=next((sun for sun in suns if sun is not None), None))
