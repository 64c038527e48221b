"""Progress bars, drawn on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click


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


@dataclass(slots=True)
class SceneBars:
    """A bar over scenes, and under it one over the rows of the scene at hand where one process works."""

    scenes: Any = None
    """The bar over scenes."""
    row: Any = None
    """The bar over rows."""

    def rows(self, source: Any) -> Callable[[int, int], None] | None:
        """The row-by-row progress of a scene."""
        if self.row is None:
            return None
        self.row.reset()
        self.row.set_description(source.path.name)

        def advance(done: int, total: int) -> None:
            self.row.total = total
            self.row.update(done - self.row.n)

        return advance

    def say(self, text: str) -> None:
        """Write a line to stderr, above the bars where there are any."""
        bar = self.scenes or self.row
        if bar is None:
            click.echo(text, err=True)
        else:
            bar.write(text, file=sys.stderr)

    def scene_done(self) -> None:
        """One scene more is done."""
        if self.scenes is not None:
            self.scenes.update()


@contextmanager
def scene_bars(count: int, workers: int, *, quiet: bool) -> Iterator[SceneBars]:
    """Bars for ``count`` scenes; none off a terminal."""
    if quiet or not sys.stderr.isatty():
        yield SceneBars()
        return
    from tqdm import tqdm

    bars = SceneBars()
    if count > 1:
        bars.scenes = tqdm(total=count, desc="scenes", unit="scene", file=sys.stderr)
    if workers == 1 or count == 1:
        bars.row = tqdm(unit="row", leave=False, position=int(count > 1), file=sys.stderr)
    try:
        yield bars
    finally:
        for bar in (bars.row, bars.scenes):
            if bar is not None:
                bar.close()
