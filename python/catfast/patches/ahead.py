"""One step ahead: the next thing is made by a thread of its own while this one is used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

_END = object()


@contextmanager
def ahead(things: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same things, each made while the one before is used; all of them by one thread.

    What the thread raises is raised where the thing would have come. At most one thing waits.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="catfast-ahead") as pool:
        try:
            yield _follow(pool, things)
        finally:
            close = getattr(things, "close", None)
            if close is not None:
                pool.submit(close)


def _follow(pool: ThreadPoolExecutor, things: Iterator[T]) -> Iterator[T]:
    def step() -> object:
        return next(things, _END)

    coming: Future[object] = pool.submit(step)
    while (thing := coming.result()) is not _END:
        coming = pool.submit(step)
        yield thing  # type: ignore[misc]  # all but the end is a T
