"""Files and folders that a user names, to rows that can be read one by one."""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from catfast.catalog.config import CatalogConfig
from catfast.catalog.csvfiles import csv_records
from catfast.catalog.features import from_feature
from catfast.catalog.jsonfiles import features, open_text
from catfast.catalog.mtl import mtl_record
from catfast.catalog.parquetfiles import ParquetSource
from catfast.catalog.record import LeftAloneError, Record, RejectedError
from catfast.catalog.stacapi import PAGE, api_features, is_url
from catfast.errors import InputError
from catfast.paths import walk

Read = Callable[[], tuple[Record, bool]]
"""Gives a row's record and whether its time was naive, or raises RejectedError or LeftAloneError."""

_ITEM_SUFFIXES = (".json", ".geojson", ".jsonl", ".ndjson")
_MTL = re.compile(r"_MTL\.(json|txt|xml)$", re.IGNORECASE)
_XML = re.compile(r"(\d{8}_\w+?)_3B_\w*metadata\w*\.xml$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one file."""

    source: Path | str
    """The file, or the URL."""
    first: int
    """Place of the first row in the source, from 1."""
    rows: list[Read]
    """One call a row."""
    crs: Any = None
    """CRS of the footprints, None for longitude and latitude."""
    strict: bool = True
    """Whether rows that are no scenes count as rejected: not so in a folder, where other files lie about."""


def batches(sources: Iterable[Path | str], kind: str, config: CatalogConfig) -> Iterator[Batch]:
    """Rows of all sources, in their order; the files of a folder in the order of their names.

    Raises:
        InputError: a source that is absent or cannot be read.
        UsageError: a STAC API without a collection to search.
    """
    for source in sources:
        if is_url(source):
            found = (partial(_feature, item, kind) for item in api_features(str(source), config))
            yield from _numbered(source, map(_now, found), min(config.batch_size, PAGE))
            continue
        source = Path(source)
        if source.is_dir():
            yield from _packed(_folder(source, kind), config.batch_size)
        elif source.is_file():
            yield from _file(source, kind, config)
        else:
            raise InputError(f"{source}: expected a file or a folder, found nothing there")


def _file(path: Path, kind: str, config: CatalogConfig) -> Iterator[Batch]:
    rows: Iterator[Read] = iter(())
    with open_text(path, "latin-1") if os.access(path, os.R_OK) else _unreadable(path) as file:
        head = file.read(64).lstrip("\ufeffï»¿ \t\r\n")
    if head.startswith("PAR1"):
        parquet = ParquetSource(path)
        first = 1
        for calls in parquet.batches(config.batch_size, kind):
            yield Batch(source=path, first=first, rows=calls, crs=parquet.crs)
            first += len(calls)
        return
    if _MTL.search(path.name):
        rows = iter([partial(_product, path, None)])
    elif head.startswith("<"):
        rows = _located(path, iter([partial(_xml, path)]))
    elif head.startswith(("{", "[")):
        rows = _located(path, (partial(_feature, feature, kind) for feature in features(path)))
    elif head:
        rows = csv_records(path, kind, config)
    yield from _numbered(path, rows, config.batch_size)


def _numbered(source: Path | str, rows: Iterator[Read], size: int) -> Iterator[Batch]:
    first = 1
    while calls := list(islice(rows, size)):
        yield Batch(source=source, first=first, rows=calls)
        first += len(calls)


def _unreadable(path: Path) -> Any:
    raise InputError(f"{path}: cannot be read: no permission")


def _folder(folder: Path, kind: str) -> Iterator[tuple[Path, Read]]:
    """Items of all files below a folder; a Landsat product is one row whatever files describe it."""
    for here, names in sorted(walk(folder), key=lambda found: str(found[0])):
        images = _images(names)
        products = {
            name[: found.start()]: here / name for name in reversed(names) if (found := _MTL.search(name))
        }
        taken: set[str] = set()
        if kind == "landsat":
            for stem, mtl in sorted(products.items()):
                item = next((name for name in names if _describes(name, stem)), None)
                taken.update(name for name in names if _describes(name, stem))
                yield mtl, _with_path(partial(_product, mtl, here / item if item else None), here, images)
        for name in names:
            if name.lower().endswith(_ITEM_SUFFIXES) and not _MTL.search(name) and name not in taken:
                for row in _items(here / name, kind):
                    yield here / name, _with_path(row, here, images)
        for name in _lone_xmls(names) if kind == "planet" else ():
            yield here / name, _with_path(partial(_xml, here / name), here, images)


def _lone_xmls(names: list[str]) -> list[str]:
    """Planet's metadata XMLs of scenes that no JSON describes, one a scene; `names` are sorted."""
    found = {match[1]: name for name in reversed(names) if (match := _XML.match(name))}
    items = [name for name in names if name.lower().endswith(".json")]
    return [name for scene, name in sorted(found.items()) if not any(i.startswith(scene) for i in items)]


def _xml(path: Path) -> tuple[Record, bool]:
    from catfast.catalog.planetxml import xml_record  # rasterio comes with it

    return xml_record(path)


def _describes(name: str, stem: str) -> bool:
    return name.startswith(stem) and name.lower().endswith(".json") and not _MTL.search(name)


def _items(path: Path, kind: str) -> Iterator[Read]:
    """Features of a file in a folder; a broken file is one rejected row."""
    try:
        for feature in features(path):
            yield partial(_feature, feature, kind)
    except InputError as error:
        yield partial(_broken, str(error))


def _broken(detail: str) -> tuple[Record, bool]:
    raise RejectedError("unreadable", detail)


def _feature(feature: Any, kind: str) -> tuple[Record, bool]:
    if not isinstance(feature, Mapping):
        raise RejectedError("not_a_scene", f"expected a feature, found {str(feature)[:40]!r}")
    return from_feature(feature, kind)


def _product(mtl: Path, item: Path | None) -> tuple[Record, bool]:
    """A Landsat product: time and numbers from its MTL, the footprint from its STAC item if any."""
    record = mtl_record(mtl)
    if item is not None:
        try:
            geometry = next(features(item))["geometry"]
        except (InputError, LookupError, TypeError, StopIteration):
            geometry = None
        if geometry:
            record = replace(record, geometry=geometry, within=None)
    return record, False


def _located(path: Path, rows: Iterator[Read]) -> Iterator[Read]:
    """Rows of one file, with its folder as their path where it holds their images."""
    folder = path.absolute().parent
    images = _images([entry.name for entry in folder.iterdir()])
    return (_now(_with_path(row, folder, images)) for row in rows)


def _now(row: Read) -> Read:
    """What a row gives, without what it was read from: items are long, and batches hold thousands."""
    try:
        found = row()
    except (RejectedError, LeftAloneError) as error:
        return partial(_again, error.with_traceback(None))
    return lambda: found


def _again(error: Exception) -> tuple[Record, bool]:
    raise error


def _images(names: list[str]) -> list[str]:
    """Their names in lower case, in order."""
    return sorted(name for name in map(str.lower, names) if name.endswith((".tif", ".tiff")))


def _with_path(row: Read, folder: Path, images: list[str]) -> Read:
    """`images` are in order: those of a scene start with its id."""
    if not images:
        return row

    def read() -> tuple[Record, bool]:
        record, naive = row()
        start = record.scene_id.lower()
        place = bisect_left(images, start)
        if place < len(images) and images[place].startswith(start):
            record = replace(record, path=str(folder.absolute()))
        return record, naive

    return read


def _packed(rows: Iterator[tuple[Path, Read]], size: int) -> Iterator[Batch]:
    """Rows of many small files in batches; each keeps its own file as the source of what it says."""
    while chunk := list(islice(rows, size)):
        yield Batch(
            source=chunk[0][0], first=0, rows=[_named(path, row) for path, row in chunk], strict=False
        )


def _named(path: Path, row: Read) -> Read:
    def read() -> tuple[Record, bool]:
        try:
            return row()
        except RejectedError as error:
            raise RejectedError(error.reason, f"{path.name}: {error}", error.scene_id) from error

    return read
