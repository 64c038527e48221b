"""The engine ``local``: pairs in this process, two at a time, or in several processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from catfast import _core
from catfast.errors import OutputError
from catfast.patches.jobs import Job, Outcome, run_job
from catfast.workers import as_ended, stopping, worker_pool

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
        for done, _ in as_ended(pool, lambda job: run_job(job, stop.is_set), jobs):
            yield done.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _processes(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    threads = max((os.cpu_count() or 1) // workers, 1)
    try:
        with worker_pool(workers, _core.set_threads, threads) as pool:
            for done, _ in as_ended(pool, _work, jobs):
                yield done.result()
    except BrokenProcessPool as error:
        raise OutputError(
            f"{jobs[0].root}: a worker process died (out of memory?): run the command again to go on"
        ) from error


def _work(job: Job) -> Outcome:
    return run_job(job, stopping)
