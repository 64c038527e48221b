"""Many scenes: each is masked or told why not, by one process or several, and none stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from catfast.errors import CatfastError, InputError, OutputError, UsageError
from catfast.locks import held
from catfast.mask.config import MaskConfig, MaskResult
from catfast.mask.masker import Masker, Progress, processors
from catfast.mask.outputs import is_picture, mask_path, quicklook_path
from catfast.mask.sources import Source
from catfast.workers import StoppedError, as_ended, stopping, worker_pool

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


def targets(
    sources: Sequence[Source], output: Path | None, out_dir: Path | None, quicklook: Path | None = None
) -> dict[Path, Path]:
    """The mask of each scene; the folders of masks and of pictures are made.

    Raises:
        UsageError: two scenes would write one file.
        OutputError: a folder cannot be made.
    """
    found: dict[Path, Path] = {}
    taken: dict[Path, Path] = {}
    for source in sources:
        target = output or mask_path(source.path, out_dir)
        wanted = {target} if quicklook is None else {target, quicklook_path(quicklook, target)}
        for path in sorted(wanted):
            if path in taken:
                raise UsageError(f"{taken[path]} and {source.path} would both write {path}")
            taken[path] = source.path
        found[source.path] = target
    pictures = None if quicklook is None or is_picture(quicklook) else quicklook
    for folder in filter(None, (out_dir, pictures)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
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


_worker: tuple[Masker, str] | None = None
"""In a worker process: what masks, and the model that was asked for."""


def _start(config: MaskConfig) -> None:
    global _worker
    _worker = Masker(config), config.model


def _work(job: tuple[Source, Path]) -> Outcome:
    if _worker is None:
        raise InputError("the worker has no model")
    masker, model = _worker
    return outcome_of(masker, *job, model, _go_on)


def _go_on(rows: int, height: int) -> None:
    if stopping():
        raise StoppedError


def _spread(
    sources: Sequence[Source], outputs: Mapping[Path, Path], config: MaskConfig, workers: int
) -> Iterator[Outcome]:
    each = [(source, outputs[source.path]) for source in sources]
    with worker_pool(min(workers, len(sources)), _start, config) as pool:
        for future, (source, output) in as_ended(pool, _work, each):
            yield _finished(future, source, output, config.model)


def _finished(future: Future[Outcome], source: Source, output: Path, model: str) -> Outcome:
    """A process that dies, for want of memory say, takes the scenes that wait for it along."""
    try:
        return future.result()
    except (BrokenExecutor, OSError) as error:
        message = f"{source.path}: its worker process died ({error}): fewer --workers need less memory"
        return Outcome(scene=source.path, output=output, model=model, code=4, message=message)
