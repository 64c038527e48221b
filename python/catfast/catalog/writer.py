"""Writes a catalogue by batches, whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

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
ROW_GROUP = 100_000
"""Scenes of a row group, some 20 MB: fewer make many heads to read, more take memory."""
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
        told = os.strerror(error.errno) if error.errno else error  # pyarrow's text has the temporary name
        raise OutputError(f"{path}: cannot be written: {told}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


class CatalogWriter:
    """An open catalogue."""

    def __init__(self, path: Path, kind: str) -> None:
        import pyarrow.parquet as pq

        self._schema = catalog_schema(kind)
        self._writer = pq.ParquetWriter(path, self._schema, **writer_options())
        self._waiting: list[pa.Table] = []

    def write(self, records: Sequence[Record], shapes: npt.NDArray[Any]) -> None:
        """Append records with their polygons in EPSG:6931."""
        if records:
            self._waiting.append(_table(records, shapes, self._schema))
            if sum(table.num_rows for table in self._waiting) >= ROW_GROUP:
                self._flush()

    def close(self) -> None:
        """Write what waits, and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks(), ROW_GROUP)
            self._waiting.clear()


def _table(records: Sequence[Record], shapes: npt.NDArray[Any], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa
    import shapely

    bounds = shapely.bounds(shapes).T
    names = ("acquired", "scene_id", "platform", *OPTIONAL)
    times, *others = zip(*map(attrgetter(*names), records), strict=True)
    box = schema.field("bbox").type
    columns: dict[str, Any] = {
        "acquired": pa.array(epoch_ms(times)).cast(schema.field("acquired").type),
        **dict(zip(names[1:], others, strict=True)),
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
