"""What the directory of a TIFF says of its blocks; GDAL tells it block by block, or not at all.

TIFF 6.0, section 2, and the BigTIFF design. Nothing in a file is trusted to be there: values are read only as
far as the file goes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

_TYPES = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}
"""BYTE, SHORT, LONG and LONG8."""

_MOST_ENTRIES = 4096

Values = npt.NDArray[np.unsignedinteger]


@dataclass(frozen=True, slots=True)
class Directory:
    """Tags of one image."""

    big_endian: bool
    """Whether numbers in the file, samples included, have their first byte first."""
    tags: dict[int, Values]
    """Values by number; those that are not there, or not whole numbers, are left out."""

    def number(self, tag: int, default: int) -> int:
        """The one value of a tag; its first, where there are more."""
        return int(self.tags[tag][0]) if tag in self.tags else default


def read_directory(path: Path, at: int, wanted: Mapping[int, int]) -> Directory:
    """Tags of the directory at byte ``at``: those ``wanted``, as many values at most as it says.

    Raises:
        OSError: the file cannot be read.
        ValueError: there is no directory, or a value lies beyond the end of the file.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        order, is_big = (">" if magic[:1] == b"M" else "<"), 43 in magic[2:]
        long = f"{order}u{8 if is_big else 4}"
        entry = np.dtype([("tag", f"{order}u2"), ("type", f"{order}u2"), ("count", long), ("value", long)])
        width = np.dtype(long if is_big else f"{order}u2")
        (count,) = _read(file, at, width, 1)
        if count > _MOST_ENTRIES:
            raise ValueError(f"expected a directory of at most {_MOST_ENTRIES} entries, found {count}")
        first, tags = at + width.itemsize, dict[int, Values]()
        for index, told in enumerate(_read(file, first, entry, int(count))):
            tag, kind = int(told["tag"]), _TYPES.get(int(told["type"]))
            if tag in wanted and tag not in tags and kind is not None and told["count"]:
                dtype, room = np.dtype(f"{order}{kind}"), entry["value"].itemsize
                inside = int(told["count"]) * dtype.itemsize <= room
                own = first + (index + 1) * entry.itemsize - room
                values = min(int(told["count"]), wanted[tag])
                tags[tag] = _read(file, own if inside else int(told["value"]), dtype, values)
    return Directory(order == ">", tags)


def _read(file: BinaryIO, at: int, dtype: np.dtype[Any], count: int) -> npt.NDArray[Any]:
    size = count * dtype.itemsize
    if at + size > os.fstat(file.fileno()).st_size:
        raise ValueError(f"expected {size} bytes from {at}, found the end of the file")
    file.seek(at)
    return np.frombuffer(file.read(size), dtype)
