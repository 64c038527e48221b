"""Worker processes: Ctrl-C is their parent's to answer, and they end when it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

from catfast.temporary import remove_own

T = TypeVar("T")
J = TypeVar("J")

KILLED = 137
"""Exit code of a worker whose parent is gone."""

_ENDING = {getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)}
"""Signals that end a worker, once it has begun."""

_stop: Event | None = None
"""In a worker: set when the run ends."""


class StoppedError(Exception):
    """The run ended before this piece of it did."""


def stopping() -> bool:
    """In a worker: whether the run has ended, so that its work is not wanted any more."""
    return _stop is not None and _stop.is_set()


@contextmanager
def worker_pool(count: int, start: Callable[..., None], *arguments: object) -> Iterator[ProcessPoolExecutor]:
    """Processes that call ``start(*arguments)`` first; on leaving, they are told to stop and waited for.

    They are spawned: forked ones would share the threads of onnxruntime and GDAL, which do not survive it.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(
        count, mp_context=context, initializer=_begin, initargs=(stop, start, arguments)
    )
    try:
        yield pool
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def submit_each(pool: ProcessPoolExecutor, work: Callable[[J], T], jobs: Iterable[J]) -> dict[Future[T], J]:
    """Hand ``work`` of every job to the pool, whose processes this starts."""
    with _signals_later():
        return {pool.submit(work, job): job for job in jobs}


@contextmanager
def _signals_later() -> Iterator[None]:
    """Hold signals back, here and in the processes that are started meanwhile.

    A process that is still importing its modules would answer with a traceback, and one whose parent is torn
    away while starting it too.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it lets SIGINT through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_ENDING})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(stop: Event, start: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        remove_own()
        os._exit(KILLED)

    threading.Thread(target=watch, daemon=True).start()
    start(*arguments)
