"""The engine ``local``: pairs in this process, two at a time, or in several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event

from catfast import _core
from catfast.errors import OutputError
from catfast.patches.jobs import Job, Outcome, run_job

KILLED = 137
"""Exit code of a worker whose parent is gone."""

TOGETHER = 2
"""Pairs that one process works on at a time: while one waits for the disk, the other computes."""


def run(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    """What becomes of the jobs, in the order in which they end.

    Raises:
        OutputError: the disk did not take a patch, or a process died.
    """
    if min(workers, len(jobs)) < 2:
        return _threads(jobs)
    return _processes(jobs, min(workers, len(jobs)))


def _threads(jobs: Sequence[Job]) -> Iterator[Outcome]:
    stop = threading.Event()
    pool = ThreadPoolExecutor(TOGETHER, thread_name_prefix="catfast-pair")
    try:
        for done in as_completed([pool.submit(run_job, job, stop) for job in jobs]):
            yield done.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _processes(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")
    stop, threads = context.Event(), max((os.cpu_count() or 1) // workers, 1)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(threads, stop))
    try:
        for done in as_completed([pool.submit(_work, job) for job in jobs]):
            yield done.result()
    except BrokenProcessPool as error:
        raise OutputError(
            f"{jobs[0].root}: a worker process died (out of memory?): run the command again to go on"
        ) from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


_stop: Event | None = None
"""In a worker: set when the run ends."""


def _work(job: Job) -> Outcome:
    return run_job(job, _stop)


def _begin(threads: int, stop: Event) -> None:
    """Set up a worker: its share of the processors, and an end when its parent ends, killed or not."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the parent answers it
    _core.set_threads(threads)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(KILLED)

    threading.Thread(target=watch, daemon=True).start()
