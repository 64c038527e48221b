"""Sources in, catalogue out: a batch of rows at a time."""

from __future__ import annotations

import contextlib
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from catfast.catalog.config import KINDS, CatalogConfig, CatalogResult
from catfast.catalog.duplicates import Seen
from catfast.catalog.footprint import Footprints
from catfast.catalog.frames import Frames
from catfast.catalog.record import LeftAloneError, Record, Reject, RejectedError
from catfast.catalog.sources import Batch, batches
from catfast.catalog.stacapi import is_url
from catfast.catalog.writer import CatalogWriter, RejectsWriter, check_output, whole_file
from catfast.errors import InputError, MissingExtraError, Notice, UsageError

Shapes = npt.NDArray[Any]
Rows = list[tuple[int, Record | RejectedError]]
"""Places in the source, from 1, and what is there."""
Progress = Callable[[int], None]
"""Called with the number of rows read since the last call."""


def build(
    kind: str,
    sources: Path | str | Iterable[Path | str],
    output: str | Path,
    config: CatalogConfig | None = None,
    progress: Progress | None = None,
) -> CatalogResult:
    """Make a scene catalogue, GeoParquet in EPSG:6931, of everything of one kind that sources hold.

    Args:
        kind: ``planet`` or ``landsat``; scenes of the other kind are left alone.
        sources: files and folders: GeoJSON, JSON lines, CSV, parquet, MTL, XML; the URL (str) of a STAC API,
            which is searched for what `config` says.
        output: the catalogue; one of the same kind that catfast made is replaced.
        config: options.
        progress: told how many rows were read.

    Raises:
        UsageError: an unknown kind, no source, or a search that does not go with the sources.
        MissingExtraError: pyarrow or shapely are not installed.
        InputError: a source cannot be read, or no row of all can be used.
        OutputError: something else is at `output`, or the disk does not take it.
    """
    paths = [sources] if isinstance(sources, str | Path) else list(sources)
    config, output = config or CatalogConfig(), Path(output)
    _check_asked(kind, paths, config)
    _check_packages()
    started = time.perf_counter()
    files_read = [Path(path) for path in paths if not is_url(path)]
    check_output(output, kind, files_read, overwrite=config.overwrite)
    if config.rejects:
        check_output(config.rejects, "rejects", [*files_read, output], overwrite=config.overwrite)
    frames = Frames(config.wrs2) if config.wrs2 else None
    with contextlib.ExitStack() as files:
        rejects = _open_rejects(files, config.rejects)
        part = files.enter_context(whole_file(output))
        run = _Run(kind, RejectsWriter(rejects), frames)
        writer = files.enter_context(contextlib.closing(CatalogWriter(part, kind)))
        files.enter_context(_few_collections())
        _read_and_write(run, batches(paths, kind, config), writer, progress)
        if not run.scenes:
            raise InputError(run.nothing(paths))
    return CatalogResult(
        output=output,
        kind=kind,
        scenes=run.scenes,
        rejected=dict(sorted(run.reasons.items())),
        left=run.left,
        warnings=tuple(run.notices()),
        seconds=time.perf_counter() - started,
    )


def _check_asked(kind: str, paths: Sequence[Path | str], config: CatalogConfig) -> None:
    if kind not in KINDS:
        raise UsageError(f"the kind must be one of {', '.join(KINDS)}, not {kind}")
    if not paths:
        raise UsageError("name at least one file or folder to make a catalogue of")
    if (config.collections or config.bbox or config.datetime) and not any(map(is_url, paths)):
        raise UsageError("--collection, --bbox and --datetime go with the URL of a STAC API")


def _check_packages() -> None:
    try:
        import pyarrow  # noqa: F401
        import shapely  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("making a catalogue", "pairs") from error


def _read_and_write(
    run: _Run, read: Iterable[Batch], writer: CatalogWriter, progress: Progress | None
) -> None:
    """Read each batch while the one before is projected and written."""
    before = None
    with ThreadPoolExecutor(1) as worker:
        for batch in read:
            rows = run.read(batch)
            if before is not None:
                before.result()
            before = worker.submit(_write, run, writer, batch, rows)
            if progress:
                progress(len(batch.rows))
        if before is not None:
            before.result()


def _write(run: _Run, writer: CatalogWriter, batch: Batch, rows: Rows) -> None:
    """What becomes of a batch, while the next is read."""
    writer.write(*run.usable(batch, rows))
    gc.collect(0)


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    """Leave cyclic garbage to the end of each batch: the search among thousands of items is half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _open_rejects(files: contextlib.ExitStack, path: Path | None) -> IO[str] | None:
    """The rejects file is kept whatever happens: where no row is usable it says why."""
    if path is None:
        return None
    part = files.enter_context(_kept(path))
    return files.enter_context(part.open("w", newline="", encoding="utf-8", errors="backslashreplace"))


@contextlib.contextmanager
def _kept(path: Path) -> Iterator[Path]:
    failed: InputError | None = None
    with whole_file(path) as part:
        try:
            yield part
        except InputError as error:
            failed = error
    if failed is not None:
        raise failed


def _is_text(record: Record) -> bool:
    """Whether its texts can be written: JSON may hold halves of characters, and control characters."""
    return all(map(str.isprintable, (record.scene_id, record.platform, record.instrument or "")))


def _no_text(record: Record) -> RejectedError:
    return RejectedError(
        "bad_text", "its id, platform or instrument is no plain text", ascii(record.scene_id)[1:-1]
    )


class _Run:
    """Counts of one run."""

    def __init__(self, kind: str, rejects: RejectsWriter, frames: Frames | None) -> None:
        self._kind, self._rejects, self._frames = kind, rejects, frames
        self._seen = Seen()
        self._naive = 0
        self._reason = ""
        self.scenes = self.left = 0
        self.reasons: Counter[str] = Counter()

    def read(self, batch: Batch) -> Rows:
        """The record of each row, or why it has none; nothing of those that are left alone."""
        read: Rows = []
        for row, call in enumerate(batch.rows, batch.first):
            try:
                record, naive = call()
            except LeftAloneError:
                self.left += 1
            except RejectedError as error:
                if batch.strict or error.reason != "not_a_scene":
                    read.append((row, error.with_traceback(None)))
            else:
                self._naive += naive
                read.append((row, record if _is_text(record) else _no_text(record)))
        return read

    def usable(self, batch: Batch, rows: Rows) -> tuple[list[Record], Shapes]:
        """Records that can be used, and their polygons."""
        read: list[tuple[int, Record]] = []
        for row, found in rows:
            if isinstance(found, RejectedError):
                self._reject(batch, row, found.scene_id, found.reason, str(found))
            else:
                read.append((row, found))
        shapes, wrong = Footprints(batch.crs, self._frames).project([record for _, record in read])
        for (row, record), trouble in zip(read, wrong, strict=True):
            if trouble is not None:
                self._reject(batch, row, record.scene_id, *trouble)
        good = [place for place, trouble in enumerate(wrong) if trouble is None]
        first = self._seen.first([read[place][1].scene_id for place in good])
        for place in np.array(good, int)[~first].tolist():
            row, record = read[place]
            self._reject(batch, row, record.scene_id, "duplicate", "its id came before: the first is kept")
        kept = np.array(good, int)[first]
        self.scenes += len(kept)
        return [read[place][1] for place in kept.tolist()], shapes[kept]

    def _reject(self, batch: Batch, row: int, scene_id: str, reason: str, detail: str) -> None:
        self.reasons[reason] += 1
        self._reason = self._reason or f"{scene_id or f'row {row}'}: {detail}"
        self._rejects.write(
            Reject(
                source=batch.source,
                row=row if batch.strict else 0,
                scene_id=scene_id,
                reason=reason,
                detail=detail,
            )
        )

    def nothing(self, paths: list[Path | str]) -> str:
        """Why there is no catalogue."""
        found = (
            f"{sum(self.reasons.values())} rows that cannot be used ({self._reason})" if self.reasons else ""
        )
        found = found or (f"{self.left} of the other kind only" if self.left else "none")
        name = {"planet": "PlanetScope", "landsat": "Landsat"}[self._kind]
        return f"{', '.join(map(str, paths[:3]))}: expected {name} scenes, found {found}"

    def notices(self) -> Iterator[Notice]:
        """What the user should know."""
        if self._naive:
            yield Notice("naive_time", f"{self._naive} times have no offset: they are taken for UTC")
        if self._frames and self._frames.missing:
            yield Notice(
                "no_frame",
                f"{self._frames.path} does not hold the path and row of {self._frames.missing} scenes: "
                "the orbit model gives their footprints",
            )
        for reason, count in sorted(self.reasons.items()):
            yield Notice(f"rejected_{reason}", f"{count} rows cannot be used: {reason.replace('_', ' ')}")
