"""What a case is, and how one is declared: a function that makes its files and returns what to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hostile.box import Box

Made = Sequence[Any]
"""A command line without its ``catfast``, or a function and its arguments."""

Check = Callable[[Box], None]
"""Looks at what an accepted input became; raises AssertionError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One hostile input and the answer it deserves."""

    name: str
    """Of the function that makes it."""
    make: Callable[[Box], Made]
    """Writes the files into the box."""
    code: int
    """The exit code."""
    says: str
    """Pattern of the sentence on stderr; empty where nothing need be said."""
    check: Check | None = None
    """Of an accepted one: whether what was written is right."""
    changes: bool = False
    """Whether the case itself changes its input on the way."""
    lines: int = 1
    """Most lines of the answer: where several files are wrong, each has its own."""
    named: bool = True
    """Whether the sentence names a file of the command line: not where that file names another."""
    memory: int | None = None
    """Address space in bytes; such a case runs in a process of its own from the start."""


CASES: list[Case] = []


def refused(code: int, says: str, **more: Any) -> Callable[[Callable[[Box], Made]], Callable[[Box], Made]]:
    """The input deserves this exit code, and a sentence that this pattern finds."""
    return _case(code=code, says=says, **more)


def accepted(
    check: Check | None = None, *, warns: str = "", code: int = 0
) -> Callable[[Callable[[Box], Made]], Callable[[Box], Made]]:
    """The input is sound, or sound enough with a warning of this name."""
    return _case(code=code, says=rf"warning: .*\({warns}\)" if warns else "", check=check)


def _case(**expected: Any) -> Callable[[Callable[[Box], Made]], Callable[[Box], Made]]:
    def declare(make: Callable[[Box], Made]) -> Callable[[Box], Made]:
        name = getattr(make, "__name__", "")
        if any(case.name == name for case in CASES):
            raise ValueError(f"two cases are called {name}")
        CASES.append(Case(name=name, make=make, **expected))
        return make

    return declare


def folder_of(path: Path) -> Path:
    """``path``, made as a folder."""
    path.mkdir(parents=True, exist_ok=True)
    return path
