"""The engine ``spark``: scenes on the executors of a cluster that sees the same folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from catfast.errors import CatfastError, InputError
from catfast.mask.batch import Outcome, outcome_of
from catfast.mask.config import MaskConfig
from catfast.mask.masker import Masker
from catfast.mask.sources import Source
from catfast.pairs import spark_session, task_cores

Job = tuple[Source, Path]
"""A scene and its mask."""

WAVE = 4
"""Scenes a core between two words of progress."""


def mask_on_spark(
    sources: Sequence[Source], outputs: Mapping[Path, Path], config: MaskConfig, master: str | None
) -> Iterator[Outcome]:
    """What becomes of the scenes, a wave after the other; the same bytes as without Spark.

    Raises:
        MissingExtraError: pyspark is not installed.
        UsageError: no Java, or Spark did not start.
        InputError: the master does not answer, or executors cannot run catfast.
    """
    jobs = [(source, outputs[source.path]) for source in sources]
    with spark_session(master) as spark:
        context = spark.sparkContext
        try:
            wave = WAVE * context.defaultParallelism
            for start in range(0, len(jobs), wave):
                some = context.parallelize(jobs[start : start + wave], context.defaultParallelism)
                yield from some.mapPartitions(lambda part: _work(part, config)).collect()
        except CatfastError:
            raise
        except Exception as error:
            reason = next((line.strip() for line in str(error).splitlines() if "Error" in line), error)
            raise InputError(f"{context.master}: Spark cannot mask scenes: {reason}") from error


def _work(jobs: Iterator[Job], config: MaskConfig) -> Iterator[Outcome]:
    """On an executor: the model is loaded once for all scenes of a part."""
    masker = Masker(replace(config, threads=config.threads or task_cores()))
    for source, output in jobs:
        yield outcome_of(masker, source, output, config.model)
