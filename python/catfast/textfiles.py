"""Text and JSON from files that come from elsewhere."""

from __future__ import annotations

import errno
import json
import stat
from pathlib import Path
from typing import Any

__all__ = ["nesting_told", "parse_json", "read_small"]

LARGEST = 1 << 28
"""Bytes of a file that is read as a whole."""


def read_small(path: Path) -> bytes:
    """All bytes of a file that describes others: metadata, a configuration, a list.

    Raises:
        OSError: it is not a regular file, so that reading might never end; or it is too large to be one that
            describes; or it cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if status.st_size > LARGEST:
        raise OSError(errno.EFBIG, f"over {LARGEST >> 20} MB", str(path))
    return path.read_bytes()


def parse_json(text: str | bytes) -> Any:
    """What a JSON text says; as ``json.loads``, which answers deep nesting with an error of its own.

    Raises:
        ValueError: it is not JSON, or nested beyond what Python can follow.
    """
    return nesting_told(json.loads, text)


def nesting_told(parse: Any, *arguments: Any) -> Any:
    """Call a parser of JSON, and tell of deep nesting as of other text that is no JSON.

    Raises:
        ValueError: what the parser raises, or nested beyond what Python can follow.
    """
    try:
        return parse(*arguments)
    except RecursionError:
        raise ValueError("nested too deeply") from None
