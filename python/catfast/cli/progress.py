"""The progress bar of commands that work through the rows of a scene, or through patches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def row_bar(name: str, *, quiet: bool, unit: str = "row") -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal, called with (done, in all); None elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=name, unit=unit, leave=False, file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance
