"""Finds what is wrong with a store: flipped bytes, missing and foreign files, rows that do not fit."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from catfast.errors import InputError
from catfast.patches.records import INDEX_NAME, SPLITS
from catfast.patches.store import PatchStore, open_store
from catfast.raster import file_sha256
from catfast.sums import SUMS_NAME, read_sums

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    file: str
    """Where, relative to the store."""
    message: str
    """What, to be read after the file's name."""

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"


def verify(path: str | Path, progress: Progress | None = None) -> list[Problem]:
    """Compare all files of a store with its digests, and its index with its files.

    Args:
        path: the store.
        progress: called with (steps done, steps in all).

    Returns:
        What is wrong, by file; nothing for a store as it was made.

    Raises:
        InputError: it is not a folder, or has no list of digests.
    """
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"{root} is not a patch store: it is not a folder")
    sums = read_sums(root)
    present = set(_files(root))
    problems = [Problem(name, f"is not in {SUMS_NAME}") for name in present - set(sums)]
    problems += [Problem(name, "is missing") for name in set(sums) - present]
    store = _opened(root, problems)
    problems += _compared(root, sums, present, store, progress or (lambda done, total: None))
    return sorted(set(problems), key=lambda problem: (problem.file, problem.message))


def _files(root: Path) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        for name in names:
            place = (Path(folder) / name).relative_to(root).as_posix()
            if place != SUMS_NAME:
                yield place


def _opened(root: Path, problems: list[Problem]) -> PatchStore | None:
    try:
        store = open_store(root)
    except InputError as error:
        problems.append(Problem(INDEX_NAME, f"the store cannot be opened: {error}"))
        return None
    problems += _index_problems(store)
    return store


def _index_problems(store: PatchStore) -> Iterator[Problem]:
    columns = {name: store.index[name].to_pylist() for name in ("patch_id", "split", "shard", "offset")}
    for patch, count in Counter(columns["patch_id"]).items():
        if count > 1:
            yield Problem(INDEX_NAME, f"patch {patch} is there {count} times")
    for patch, split in zip(columns["patch_id"], columns["split"], strict=True):
        if split not in SPLITS:
            yield Problem(INDEX_NAME, f"patch {patch} is in split {split}, not in {', '.join(SPLITS)}")
    places = Counter(zip(columns["shard"], columns["offset"], strict=True))
    for (shard, offset), count in places.items():
        if count > 1:
            yield Problem(INDEX_NAME, f"{count} patches are at {shard}, place {offset}")


def _compared(
    root: Path, sums: dict[str, str], present: set[str], store: PatchStore | None, progress: Progress
) -> Iterator[Problem]:
    """Problems of digests; a file that holds one patch alone is read once."""
    rows = range(len(store) if store else 0)
    files: dict[str, str] = {}
    patches: list[str | None] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        if store is not None:
            for digest, own in pool.map(partial(_digests, store), rows):
                patches.append(digest)
                files |= own
                progress(len(patches), len(rows) + len(sums))
        others = sorted(set(sums) & present - set(files))
        for name, found in zip(others, pool.map(file_sha256, [root / name for name in others]), strict=True):
            files[name] = found
            progress(len(rows) + len(files), len(rows) + len(sums))
    wrong = {name for name, digest in files.items() if sums.get(name, digest) != digest}
    for name in wrong:
        yield Problem(name, f"is not what was written: its digest differs from {SUMS_NAME}")
    if store is not None:
        yield from _patch_problems(store, patches, wrong, present)


def _digests(store: PatchStore, row: int) -> tuple[str | None, dict[str, str]]:
    try:
        return store.digests(row)
    except (InputError, OSError):
        return None, {}


def _patch_problems(
    store: PatchStore, digests: Sequence[str | None], wrong: set[str], present: set[str]
) -> Iterator[Problem]:
    """Patches that are not those of the index, where the file alone does not tell it."""
    columns = (store.index[name].to_pylist() for name in ("patch_id", "shard", "offset", "sha256"))
    for patch, shard, offset, expected, found in zip(*columns, digests, strict=True):
        if found is None and shard in present:
            yield Problem(shard, f"patch {patch}, place {offset}, cannot be read")
        elif found not in (None, expected) and not store.files_of(shard) & wrong:
            yield Problem(shard, f"patch {patch}, place {offset}: its digest differs from {INDEX_NAME}")
