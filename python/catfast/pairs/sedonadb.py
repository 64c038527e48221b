"""The engine in this process: Apache SedonaDB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from catfast.errors import InputError, MissingExtraError
from catfast.pairs.config import PairsConfig
from catfast.pairs.sql import pairs_sql

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


def run(planet: Path, landsat: Path, config: PairsConfig) -> pa.Table:
    """Rows of the query, in any order.

    Raises:
        MissingExtraError: sedonadb is not installed.
        InputError: the engine cannot read a catalogue.
    """
    import pyarrow as pa

    try:
        import sedonadb
    except ImportError as error:
        raise MissingExtraError("the engine sedonadb", "pairs") from error
    context = sedonadb.connect()
    try:
        for setting in _SETTINGS:
            context.sql(setting)
        for name, path in (("ps", planet), ("l8", landsat)):
            context.read_parquet(str(path)).to_view(f"{name}_files")
            context.sql(_VIEW.format(table=f"{name}_files")).to_view(f"{name}_scenes")
        # Its own to_arrow_table wants geoarrow for a geometry type that these columns do not have.
        return pa.RecordBatchReader.from_stream(context.sql(pairs_sql(config))).read_all()
    except Exception as error:
        raise _sentence(planet, landsat, error) from error


def _sentence(planet: Path, landsat: Path, error: Any) -> InputError:
    """SedonaDB raises errors of many kinds; the first line says which."""
    text = str(error).strip().splitlines()
    return InputError(f"{planet}, {landsat}: sedonadb cannot pair them: {text[0] if text else type(error)}")
