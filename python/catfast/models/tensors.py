"""The layout of a safetensors file, read from its header alone (no torch, no tensor is loaded).

Format: eight bytes of little-endian header length, a JSON header, then the tensors' bytes
(https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import math
import operator
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catfast.errors import InputError
from catfast.textfiles import parse_json

__all__ = ["TensorPlace", "layout"]

_MAX_HEADER = 100_000_000
_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2}
_BYTES |= {"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8}
"""Bytes of a number of each type."""


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """Where one tensor lies in the file."""

    dtype: str
    """Safetensors name, e.g. ``F16``."""
    shape: tuple[int, ...]
    """Dimensions."""
    offset: int
    """First byte, from the start of the file."""
    length: int
    """Number of bytes."""


def layout(path: Path) -> dict[str, TensorPlace]:
    """Tensor names of a safetensors file and where each lies.

    Raises:
        InputError: the file is missing, a pickle, cut short, or not safetensors.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            header_length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            fits = 2 <= header_length <= min(size - 8, _MAX_HEADER)
            # A header may be as long as these bytes say: one of 128 bytes starts as a pickle does.
            if not fits and start.startswith((b"PK", b"\x80")):
                raise InputError(
                    f"{path} holds a Python pickle, which catfast never loads; it needs safetensors"
                )
            if not fits:
                raise InputError(f"{path} is not a whole safetensors file (cut short, or of another format)")
            header = parse_json(file.read(header_length))
    except FileNotFoundError:
        raise InputError(f"{path.parent} has no {path.name}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as safetensors: {error}") from None
    return _places(header, 8 + header_length, size, path)


def _places(header: Any, begin: int, size: int, path: Path) -> dict[str, TensorPlace]:
    try:
        header.pop("__metadata__", None)
        places = {
            name: TensorPlace(
                dtype=str(entry["dtype"]),
                shape=tuple(operator.index(side) for side in entry["shape"]),
                offset=begin + entry["data_offsets"][0],
                length=entry["data_offsets"][1] - entry["data_offsets"][0],
            )
            for name, entry in header.items()
        }
    except (AttributeError, KeyError, TypeError, IndexError):
        raise InputError(f"{path} cannot be read as safetensors: its header is broken") from None
    _check(places, begin, size, path)
    return places


def _check(places: dict[str, TensorPlace], begin: int, size: int, path: Path) -> None:
    """Refuse tensors that overlap, leave holes, or have another size than their shape.

    The format demands this: else one file could hide another, or lead a reader out of it.
    """
    here = begin
    for name, place in sorted(places.items(), key=lambda item: (item[1].offset, item[1].length)):
        if place.dtype not in _BYTES:
            raise InputError(
                f"{path} is damaged: {name[:80]!r} is of an unknown type {str(place.dtype)[:20]!r}"
            )
        if place.length != math.prod(place.shape) * _BYTES[place.dtype] or min(place.shape, default=0) < 0:
            raise InputError(f"{path} is damaged: {name[:80]!r} has another size than its shape calls for")
        if place.offset != here:
            raise InputError(f"{path} is damaged: its tensors overlap, or leave holes, at {name[:80]!r}")
        here += place.length
    if here != size:
        raise InputError(
            f"{path} should have {here} bytes by its header, but has {size}: cut short or damaged"
        )
