"""Worker processes: Ctrl-C is their parent's to answer, and they end when it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from queue import SimpleQueue
from typing import Any, TypeVar

from catfast.errors import UsageError
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
    stop = context.Event()  # before any worker: it starts the resource tracker, whose start unblocks SIGINT
    pool = ProcessPoolExecutor(
        count, mp_context=context, initializer=_begin, initargs=(stop, start, arguments)
    )
    try:
        yield pool
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def as_ended(pool: Executor, work: Callable[[J], T], jobs: Iterable[J]) -> Iterator[tuple[Future[T], J]]:
    """Have the pool do ``work`` of every job; the futures that ended, each with its job, as they end.

    What a signal interrupts here holds no lock. ``concurrent.futures.as_completed`` and ``Future.result``
    take that of futures still running; where KeyboardInterrupt finds them holding it, the pool never ends.
    """
    ended: SimpleQueue[Future[T]] = SimpleQueue()
    with _signals_later():
        job_of = {pool.submit(work, job): job for job in jobs}
        for future in job_of:
            future.add_done_callback(ended.put)
    for _ in range(len(job_of)):
        future = ended.get()
        yield future, job_of[future]


@contextmanager
def _signals_later() -> Iterator[None]:
    """Hold signals back, here and in the processes that are started meanwhile.

    A process that is still importing its modules would answer with a traceback, and one whose parent is torn
    away while starting it too. The mask is for these processes. Here it holds nothing back where there are
    other threads: one of them takes the signal, and the main thread answers. So the answers wait too.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    numbers, came = (signal.SIGINT, *_ENDING), list[int]()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    answers = {}
    if threading.current_thread() is threading.main_thread():
        answers = {
            n: signal.getsignal(n) for n in numbers if signal.getsignal(n) not in (signal.SIG_IGN, None)
        }
    for number in answers:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, answer in answers.items():
            signal.signal(number, answer)
        if came:
            signal.raise_signal(came[0])


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


def refuse_idle_master(engine: str, master: str | None) -> None:
    """Refuse a master of Spark for an engine that is not Spark.

    Raises:
        UsageError: it is given one.
    """
    if master is not None and engine != "spark":
        raise UsageError("--master is of use with --engine spark only")
