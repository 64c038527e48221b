"""A file written past the page cache: what nobody reads soon is not copied there, and is on the disk at once.

The disk takes whole pages from memory at whole pages; what is left of the last one waits for what comes next.
Where a file system refuses, or the operating system knows no such thing, the same writes are ordinary ones.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from itertools import chain, cycle
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from catfast.patches.ahead import ahead
from catfast.raster import Memory

PAGE = 4096
"""Bytes; a multiple of every disk's sectors."""

HELD_BYTES = 128 << 20
"""Bytes of a file that stay in memory for its digest; those after them are read back."""

_PIECE = 8 << 20

Bytes = npt.NDArray[np.uint8]
T = TypeVar("T")


class DirectFile:
    """A new file that grows, and whose first ``header`` bytes, whole pages, are known last.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path, header: int, *, held: int = HELD_BYTES) -> None:
        self._path, self._header, self._held = path, header, held
        self._tail, self._end = np.empty(0, np.uint8), header
        self._direct = True
        try:
            self._file = FileIO(path, "w+", opener=_past_the_cache)
        except OSError as error:
            self._take_cache(error, "w+")
        self._memory, self._spare = page_memory(held, _OWN.memory), np.empty(0, np.uint8)
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="catfast-write")
        self._written = self._beside.submit(int)

    def append(self, size: int, fill: Callable[[Bytes], T]) -> T:
        """Have ``fill`` make the next ``size`` bytes, return what it returned; the disk may still be at work.

        Raises:
            OSError: the disk did not take them, or those before.
        """
        ready = len(self._tail)
        memory = self._room(ready + size)
        memory[:ready] = self._tail
        made = fill(memory[ready:])
        pages = len(memory) // PAGE * PAGE
        self._written.result()
        self._written = self._beside.submit(self._write, memory[:pages], self._end)
        self._tail, self._end = memory[pages:].copy(), self._end + pages
        return made

    def _room(self, size: int) -> Bytes:
        """Memory for the next bytes: a place of their own while there is one."""
        first = self._end - self._header
        if first + size <= self._held:
            return self._memory[first : first + size]
        self._held = min(self._held, first)
        self._written.result()
        if len(self._spare) < size:
            self._spare = page_memory(size)
        return self._spare[:size]

    def _write(self, pages: Bytes, place: int) -> int:
        while len(pages):
            try:
                self._file.seek(place)
                count = self._file.write(pages.data)
            except OSError as error:
                self._file.close()
                self._take_cache(error, "r+")
            else:
                place, pages = place + count, pages[count:]
        return place

    def _take_cache(self, error: OSError, mode: str) -> None:
        """Go on with ordinary writes, if they were refused for being none."""
        if error.errno != errno.EINVAL or not self._direct:
            raise error
        self._direct = False
        self._file = FileIO(self._path, mode)

    def finish(self, header: bytes) -> str:
        """Put the header in its place and make the file last; its SHA-256.

        Raises:
            OSError: the disk did not take it, or does not give it back.
        """
        self._written.result()
        digest = self._beside.submit(self._sha256, header)
        with self._path.open("rb+") as file:
            file.write(header)
            file.seek(self._end)
            file.write(self._tail.data)
            file.flush()
            os.fsync(file.fileno())
        told = digest.result()
        self.close()
        return told

    def close(self) -> None:
        """End what is under way, and write no more."""
        self._beside.shutdown()
        self._file.close()

    def _sha256(self, header: bytes) -> str:
        digest = hashlib.sha256(header)
        held = self._memory[: min(self._held, self._end - self._header)]
        with ahead(self._read_back(self._header + len(held))) as rest:
            for part in chain([held], rest, [self._tail]):
                digest.update(part.data)
        return digest.hexdigest()

    def _read_back(self, place: int) -> Iterator[Bytes]:
        """What is not held, in pieces of two memories in turn: one is filled while the other is used."""
        for memory in cycle([page_memory(_PIECE), page_memory(_PIECE)]):
            if place == self._end:
                return
            self._file.seek(place)
            count = self._file.readinto(memory.data[: self._end - place])
            if not count:
                raise OSError(errno.EIO, "the disk does not give back what was written")
            place += count
            yield memory[:count]


class _Own(threading.local):
    """What a thread's files are held in, one after another: pages come slowly from the system."""

    def __init__(self) -> None:
        self.memory = Memory()


_OWN = _Own()


def page_memory(size: int, memory: Memory | None = None) -> Bytes:
    """Bytes, not set, that begin where a page of memory does."""
    whole: Bytes = (memory or Memory()).empty((size + PAGE,), np.dtype(np.uint8))
    first = -whole.ctypes.data % PAGE
    return whole[first : first + size]


def _past_the_cache(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_DIRECT", 0), 0o666)
