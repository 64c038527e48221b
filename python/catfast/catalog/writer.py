"""Writes a catalogue by batches, whole or not at all."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catfast.catalog.record import Record, Reject
from catfast.catalog.schema import MARK, OPTIONAL, catalog_schema, writer_options
from catfast.catalog.times import epoch_ms
from catfast.errors import OutputError
from catfast.temporary import temporary_path

if TYPE_CHECKING:
    import pyarrow as pa


NAMES = {
    "planet": "a Planet catalogue",
    "landsat": "a Landsat catalogue",
    "pairs": "a pairs file",
    "rejects": "a rejects file",
    "plot": "a plot of pairs",
}
REJECT_COLUMNS = ("source", "row", "scene_id", "reason", "detail")
PLOT_SOFTWARE = "catfast pairs"
"""What a plot's PNG names as its software."""


def check_output(path: Path, kind: str, inputs: Iterable[Path], *, overwrite: bool) -> None:
    """Make sure that writing `path` destroys nothing that the user may want.

    What catfast made of the same kind, a key of NAMES, is replaced; an input never is.

    Raises:
        OutputError: something else is there, or an input.
    """
    for source in inputs:
        if path.exists() and source.exists() and path.samefile(source):
            raise OutputError(f"{path}: is an input: name another output")
    if path.is_file() and not overwrite and mark_of(path) != kind:
        raise OutputError(f"{path}: exists already and is not {NAMES[kind]} made by catfast: see --overwrite")


def mark_of(path: Path) -> str | None:
    """The kind of file that catfast wrote there, a key of NAMES; None for any other."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as opened:
            head = opened.read(1024)
        if head.startswith(",".join(REJECT_COLUMNS).encode()):
            return "rejects"
        if head.startswith(b"\x89PNG") and PLOT_SOFTWARE.encode() in head:
            return "plot"
        with pq.ParquetFile(path) as file:
            return (file.schema_arrow.metadata or {}).get(MARK, b"").decode() or None
    except (OSError, pa.ArrowException):
        return None


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that becomes `path` at the end, and vanishes on an error.

    Raises:
        OutputError: the disk does not take it.
    """
    part = temporary_path(path)
    try:
        if path.is_dir():
            raise OutputError(f"{path}: expected a file name, found a folder")
        yield part
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


class CatalogWriter:
    """An open catalogue."""

    def __init__(self, path: Path, kind: str) -> None:
        import pyarrow.parquet as pq

        self._schema = catalog_schema(kind)
        self._writer = pq.ParquetWriter(path, self._schema, **writer_options())

    def write(self, records: Sequence[Record], shapes: npt.NDArray[Any]) -> None:
        """Append records with their polygons in EPSG:6931 as one row group."""
        if records:
            self._writer.write_table(_table(records, shapes, self._schema))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


def _table(records: Sequence[Record], shapes: npt.NDArray[Any], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa
    import shapely

    bounds = shapely.bounds(shapes).T
    milliseconds = np.array([epoch_ms(record.acquired) for record in records], np.int64)
    box = schema.field("bbox").type
    columns: dict[str, Any] = {
        "scene_id": [record.scene_id for record in records],
        "platform": [record.platform for record in records],
        "acquired": pa.array(milliseconds).cast(schema.field("acquired").type),
        **{name: [getattr(record, name) for record in records] for name in OPTIONAL},
        "geometry": list(shapely.to_wkb(shapes)),
        "bbox": pa.StructArray.from_arrays([pa.array(side) for side in bounds], fields=list(box)),
    }
    return pa.table(columns, schema=schema)


class RejectsWriter:
    """A CSV of the rows that could not be used; nothing without a file."""

    def __init__(self, file: IO[str] | None) -> None:
        self._writer = csv.writer(file) if file else None
        if self._writer:
            self._writer.writerow(REJECT_COLUMNS)

    def write(self, reject: Reject) -> None:
        """Append a row."""
        if self._writer:
            self._writer.writerow(
                [reject.source, reject.row or "", reject.scene_id, reject.reason, reject.detail]
            )
