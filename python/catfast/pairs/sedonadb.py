"""The engine in this process: Apache SedonaDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catfast.errors import InputError, MissingExtraError
from catfast.pairs.config import PairsConfig
from catfast.pairs.narrow import MOST, Times, meeting_times
from catfast.pairs.sql import L8_COLUMNS, PS_COLUMNS, pairs_sql

if TYPE_CHECKING:
    import pyarrow as pa

_SETTINGS = (
    # The Landsat side and the candidates are small: one hash table of each, and the large side stays.
    "SET datafusion.optimizer.repartition_joins = false",
    "SET datafusion.execution.parquet.pushdown_filters = true",
)
_VIEW = """
SELECT *, CAST(acquired AS BIGINT) AS t, geometry AS g,
       bbox['xmin'] AS xmin, bbox['ymin'] AS ymin, bbox['xmax'] AS xmax, bbox['ymax'] AS ymax
FROM {table}
"""
# Bounds of the few are quicker made than read.
_FEW_VIEW = """
SELECT *, CAST(acquired AS BIGINT) AS t, geometry AS g,
       ST_XMin(geometry) AS xmin, ST_YMin(geometry) AS ymin,
       ST_XMax(geometry) AS xmax, ST_YMax(geometry) AS ymax
FROM {table}
"""


def run(planet: Path, landsat: Path, config: PairsConfig, most: int = MOST) -> pa.Table:
    """Rows of the query, in any order; run on the scenes that can meet, where those are `most` or fewer.

    Raises:
        MissingExtraError: sedonadb is not installed.
        InputError: the engine cannot read a catalogue.
    """
    try:
        import sedonadb
    except ImportError as error:
        raise MissingExtraError("the engine sedonadb", "pairs") from error
    try:
        few = meeting_times(planet, landsat, config.window_ms, most)
        context = sedonadb.connect()
        for setting in _SETTINGS:
            context.sql(setting)
        for name, path in (("ps", planet), ("l8", landsat)):
            context.read_parquet(str(path)).to_view(f"{name}_files")
            view = _VIEW.format(table=f"{name}_files")
            context.sql(view).to_view(f"{name}_scenes")
        if few is not None:
            with ThreadPoolExecutor() as pool:
                list(pool.map(_keep, (context, context), ("ps", "l8"), few))
        return _rows(context, pairs_sql(config))
    except Exception as error:
        raise _sentence(planet, landsat, error) from error


def _keep(context: Any, name: str, times: Times) -> None:
    """Make the scenes of these times, in memory, what the query sees of a catalogue."""
    import pyarrow as pa

    wanted = pa.table({"wanted": pa.array(times).cast(pa.timestamp("ms", "UTC"))})
    context.create_data_frame(wanted).to_view(f"{name}_times")
    columns = ", ".join(("scene_id", "acquired", "geometry", *(PS_COLUMNS if name == "ps" else L8_COLUMNS)))
    found = _rows(context, f"SELECT {columns} FROM {name}_times JOIN {name}_files ON acquired = wanted")  # noqa: S608
    context.create_data_frame(found).to_view(f"{name}_few")
    context.sql(_FEW_VIEW.format(table=f"{name}_few")).to_view(f"{name}_scenes", overwrite=True)


def _rows(context: Any, text: str) -> pa.Table:
    """Its own to_arrow_table wants geoarrow for a geometry type that these columns do not have."""
    import pyarrow as pa

    return pa.RecordBatchReader.from_stream(context.sql(text)).read_all()


def _sentence(planet: Path, landsat: Path, error: Any) -> InputError:
    """SedonaDB raises errors of many kinds; the first line says which."""
    text = str(error).strip().splitlines()
    return InputError(
        f"{planet}, {landsat}: sedonadb cannot pair them: a column or a footprint is not what "
        f"a catalogue holds: {text[0] if text else type(error)}"
    )
