"""Features out of JSON files of any length, one at a time."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from catfast.errors import InputError
from catfast.textfiles import nesting_told, parse_json

_CHUNK = 1 << 20
_SPACE = re.compile(r"[\s,]*")
_LIST = re.compile(r'"features"\s*:\s*\[')
_LONGEST = 1 << 28
"""Characters of one feature: what is longer is not a list of scenes."""


def open_text(path: Path, encoding: str = "utf-8-sig") -> IO[str]:
    """Open a text file, gzipped or not; bytes that are not text become question marks."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    if zipped:
        return gzip.open(path, "rt", encoding=encoding, errors="replace", newline="")
    return path.open("r", encoding=encoding, errors="replace", newline="")


def features(path: Path) -> Iterator[Any]:
    """Objects of a feature, a feature collection, a list, a page with a list of features, or JSON lines.

    Raises:
        InputError: not readable or not JSON.
    """
    try:
        with open_text(path) as file:
            yield from _features(file)
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except ValueError as error:
        raise InputError(f"{path}: expected JSON, found something else: {error}") from error


def _features(file: IO[str]) -> Iterator[Any]:
    head = file.read(_CHUNK)
    text = head.lstrip()
    if text.startswith("["):
        yield from _stream(file, text[1:], closing="]")
        return
    start = _LIST.search(text)
    first_line = text.split("\n", 1)[0].strip()
    if _is_object(first_line):
        one = parse_json(first_line)
        if not isinstance(one.get("features"), list):
            yield from _stream(file, text, closing="")  # JSON lines, of which there may be one
            return
    if start is not None and not _stands_inside_a_feature(text, start.start()):
        yield from _stream(file, text[start.end() :], closing="]")
        return
    yield from _stream(file, text, closing="")


def _is_object(line: str) -> bool:
    try:
        return isinstance(parse_json(line), dict)
    except ValueError:
        return False


def _stands_inside_a_feature(text: str, place: int) -> bool:
    """Whether a key belongs to an inner object: more than one brace is open before it."""
    before = re.sub(r'"(?:[^"\\]|\\.)*"', "", text[:place])
    return before.count("{") - before.count("}") > 1


def _stream(file: IO[str], text: str, *, closing: str) -> Iterator[Any]:
    """Values one after the other, from `text` and then from the file, up to `closing` or the end."""
    decoder = json.JSONDecoder()
    place = 0
    while True:
        match = _SPACE.match(text, place)
        place = match.end() if match else place
        if closing and text.startswith(closing, place):
            return
        try:
            if place == len(text):
                raise ValueError("ended early")
            value, place = nesting_told(decoder.raw_decode, text, place)
        except ValueError:
            more = file.read(max(_CHUNK, len(text) - place))
            if not more and place == len(text) and not closing:
                return
            if not more or len(text) - place > _LONGEST:
                raise
            text, place = text[place:] + more, 0
            continue
        yield value
