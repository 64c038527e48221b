"""Many scenes: each is masked or told why not, by one process or several, and none stops the others."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from catfast.errors import CatfastError, InputError, OutputError, UsageError
from catfast.locks import held
from catfast.mask.config import MaskConfig, MaskResult
from catfast.mask.masker import Masker, Progress, processors
from catfast.mask.outputs import mask_path
from catfast.mask.sources import Source

LOCK_NAME = ".catfast.lock"
"""In the folder of a run, while it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one scene of several."""

    scene: Path
    """The scene."""
    output: Path
    """Its mask."""
    model: str
    """Name or folder of the model that was asked for."""
    result: MaskResult | None = None
    """What was made; None where it failed."""
    code: int = 0
    """Exit code that the failure deserves."""
    message: str = ""
    """The sentence of the failure."""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints and that a run's ledger holds."""
        if self.result is not None:
            return self.result.as_dict()
        return {
            "input": str(self.scene),
            "output": str(self.output),
            "status": "failed",
            "error": {"code": self.code, "message": self.message},
            "warnings": [],
            "classes": {},
            "valid_percent": None,
            "seconds": None,
            "model": self.model,
        }


def targets(sources: Sequence[Source], output: Path | None, out_dir: Path | None) -> dict[Path, Path]:
    """The mask of each scene.

    Raises:
        UsageError: two scenes would write one file.
        OutputError: the folder cannot be made.
    """
    if out_dir is not None:
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{out_dir}: cannot be made: {error.strerror}") from error
    found: dict[Path, Path] = {}
    taken: dict[Path, Path] = {}
    for source in sources:
        target = output or mask_path(source.path, out_dir)
        if target in taken:
            raise UsageError(f"{taken[target]} and {source.path} would both write {target}")
        taken[target] = source.path
        found[source.path] = target
    return found


@contextmanager
def run_lock(folder: Path | None) -> Iterator[None]:
    """Hold the folder of a run: a second run into it is refused.

    Raises:
        OutputError: another run holds it, or it cannot be written.
    """
    if folder is None:
        yield
    else:
        with held(folder / LOCK_NAME, folder):
            yield


def mask_all(
    sources: Sequence[Source],
    outputs: Mapping[Path, Path],
    config: MaskConfig,
    *,
    workers: int = 1,
    progress: Callable[[Source], Progress | None] = lambda source: None,
) -> Iterator[Outcome]:
    """Mask every scene, and tell of each as soon as it is done.

    Args:
        sources: the scenes.
        outputs: the mask of each.
        config: options of all of them.
        workers: processes; each has its share of the processors. With one, in the order of ``sources``.
        progress: gives the row-by-row progress of a scene; used with one worker.

    Raises:
        CatfastError: the model or an option is of no use: nothing was masked.
    """
    if workers < 1:
        raise UsageError(f"--workers must be at least 1, not {workers}")
    if workers == 1 or len(sources) < 2:
        masker = Masker(config)
        for source in sources:
            yield outcome_of(masker, source, outputs[source.path], config.model, progress(source))
        return
    Masker(config)  # what is wrong with the model is told once, and before any process starts
    threads = max(1, (config.threads or processors()) // workers)
    yield from _spread(sources, outputs, replace(config, threads=threads), workers)


def outcome_of(
    masker: Masker, source: Source, output: Path, model: str, progress: Progress | None = None
) -> Outcome:
    """Mask one scene and tell of it, whatever becomes of it."""
    try:
        notices = source.checked()
        result = masker.mask(source.path, output, progress)
    except CatfastError as error:
        return Outcome(
            scene=source.path, output=output, model=model, code=error.exit_code, message=str(error)
        )
    except MemoryError:
        message = f"{source.path}: not enough memory to mask it"
        return Outcome(scene=source.path, output=output, model=model, code=4, message=message)
    result = replace(result, warnings=(*result.warnings, *notices))
    return Outcome(scene=source.path, output=output, model=model, result=result)


_masker: Masker | None = None
"""The model of a worker process."""


def _start(config: MaskConfig) -> None:
    global _masker
    _masker = Masker(config)


def _work(source: Source, output: Path, model: str) -> Outcome:
    if _masker is None:
        raise InputError("the worker has no model")
    return outcome_of(_masker, source, output, model)


def _spread(
    sources: Sequence[Source], outputs: Mapping[Path, Path], config: MaskConfig, workers: int
) -> Iterator[Outcome]:
    # Forked processes would share the threads of onnxruntime and GDAL, which do not survive it.
    context = multiprocessing.get_context("spawn")
    count = min(workers, len(sources))
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(config,)) as pool:
        try:
            jobs = {
                pool.submit(_work, source, outputs[source.path], config.model): source for source in sources
            }
            for job in as_completed(jobs):
                yield _finished(job, jobs[job], outputs[jobs[job].path], config.model)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _finished(job: Future[Outcome], source: Source, output: Path, model: str) -> Outcome:
    """A process that dies, for want of memory say, takes the scenes that wait for it along."""
    try:
        return job.result()
    except (BrokenExecutor, OSError) as error:
        message = f"{source.path}: its worker process died ({error}): fewer --workers need less memory"
        return Outcome(scene=source.path, output=output, model=model, code=4, message=message)
