"""The engine ``spark``: the same work a pair, on executors that see the same folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catfast import _core
from catfast.errors import CatfastError, InputError, OutputError
from catfast.pairs import spark_session, task_cores
from catfast.patches.jobs import Job, Outcome, run_job

WAVE = 8
"""Pairs a core between two words of progress."""


def run(jobs: Sequence[Job], master: str | None) -> Iterator[Outcome]:
    """What becomes of the jobs, a wave after the other.

    Raises:
        MissingExtraError: pyspark is not installed.
        UsageError: no Java, or Spark did not start.
        InputError: the master does not answer, or executors cannot run catfast.
        OutputError: the disk did not take a patch.
    """
    with spark_session(master) as spark:
        context = spark.sparkContext
        try:
            wave = WAVE * context.defaultParallelism
            for start in range(0, len(jobs), wave):
                some = jobs[start : start + wave]
                for outcome in context.parallelize(some, len(some)).map(_told).collect():
                    if isinstance(outcome, str):
                        raise OutputError(outcome)
                    yield outcome
        except CatfastError:
            raise
        except Exception as error:
            raise InputError(f"{context.master}: Spark cannot cut patches: {_last_line(error)}") from error


def _told(job: Job) -> Outcome | str:
    """The outcome; what would fail on every retry comes back as its sentence."""
    _core.set_threads(task_cores())
    try:
        return run_job(job)
    except OutputError as error:
        return str(error)


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "Error" in line), lines[0] if lines else type(error).__name__)
