"""Every error that catfast raises on purpose, and the notices it attaches to a result.

The command line maps an error to its exit code; a library user catches :class:`CatfastError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "CatfastError",
    "InputError",
    "MissingExtraError",
    "Notice",
    "OutputError",
    "ResourceError",
    "UsageError",
    "one_line",
]


LONGEST = 2000
"""Characters of a message: what a file says of itself may be quoted in one, and may be endless."""


def one_line(text: str) -> str:
    """A text fit to be shown: names may hold line ends, escapes of a terminal, or bytes that are no text."""
    text = _clipped(text)
    if text.isprintable():
        return text
    return _clipped("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text))


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} [...] {text[-LONGEST // 4 :]}"


class CatfastError(Exception):
    """Base of all errors that catfast raises on purpose; its text is one clear sentence."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return one_line(super().__str__())


class UsageError(CatfastError):
    """Options that do not fit together, or a value outside its range."""

    exit_code = 2


class MissingExtraError(UsageError):
    """A feature needs packages that come with an extra, e.g. ``pip install "catfast[train]"``."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} needs more packages: pip install "catfast[{extra}]"')
        self.extra = extra


class InputError(CatfastError):
    """A file given to catfast is missing, broken, or not what the command works on."""

    exit_code = 3


class ResourceError(CatfastError):
    """The machine does not give what is needed: memory, threads, open files."""

    exit_code = 4


class OutputError(CatfastError):
    """The output exists already, or the disk did not take it."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Notice:
    """A named warning about one scene: the result stands, but the user should know."""

    name: str
    """Stable identifier in snake case, e.g. ``no_crs``."""
    message: str
    """One sentence for a person."""
