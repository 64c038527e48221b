"""The layout of a safetensors file, read from its header alone (no torch, no tensor is loaded).

Format: eight bytes of little-endian header length, a JSON header, then the tensors' bytes
(https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catfast.errors import InputError

__all__ = ["TensorPlace", "layout"]

_MAX_HEADER = 100_000_000


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
            if start[:2] == b"PK" or start[:1] == b"\x80":
                raise InputError(
                    f"{path} holds a Python pickle, which catfast never loads; it needs safetensors"
                )
            if not 2 <= header_length <= min(size - 8, _MAX_HEADER):
                raise InputError(f"{path} is not a whole safetensors file (cut short, or of another format)")
            header = json.loads(file.read(header_length))
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
                dtype=entry["dtype"],
                shape=tuple(entry["shape"]),
                offset=begin + entry["data_offsets"][0],
                length=entry["data_offsets"][1] - entry["data_offsets"][0],
            )
            for name, entry in header.items()
        }
    except (AttributeError, KeyError, TypeError, IndexError):
        raise InputError(f"{path} cannot be read as safetensors: its header is broken") from None
    end = max((place.offset + place.length for place in places.values()), default=begin)
    if end != size:
        raise InputError(
            f"{path} should have {end} bytes by its header, but has {size}: cut short or damaged"
        )
    return places
