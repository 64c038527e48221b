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
    "UsageError",
]


class CatfastError(Exception):
    """Base of all errors that catfast raises on purpose; its text is one clear sentence."""

    exit_code: ClassVar[int] = 1


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
