"""The public function: check everything that can be checked, then hand over to the loop."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from catfast.errors import InputError, MissingExtraError, OutputError, UsageError
from catfast.models import ModelConfig, resolve
from catfast.train.config import TrainConfig, TrainResult
from catfast.train.source import Source, open_source
from catfast.train.toml import RUN_TOML, load_config, read, write

__all__ = ["train", "train_model"]

_PACKAGES = ("torch", "lightning", "safetensors", "tensorboard", "tomli_w")
_MEAN, _STD = 0.3, 0.3
"""Reflectance that networks see as 0, and that much above it as 1."""
_FREE = ("num_workers",)
"""Options that a resumed run may change: nothing that is learnt depends on them."""


def train(
    stores: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    config: TrainConfig | None = None,
    *,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> TrainResult:
    """Train a network on patch stores; ``out`` becomes a model folder.

    The validation split of the stores chooses the model that is kept. Under torchrun every process calls
    this. A run killed at any time goes on with ``resume`` from its last state and, on a processor, ends with
    the very weights of an unbroken one.

    Args:
        stores: patch stores of the same size, ground sampling distance and kind of label.
        out: run folder; it holds the model, ``train.toml``, ``log.jsonl``, ``tensorboard/``, ``samples/``
            and ``state.safetensors``.
        config: options; None takes the defaults.
        resume: go on with the run in ``out``, or begin where there is none.
        progress: called now and then with steps done and steps in all.

    Raises:
        InputError: a store that cannot be trained on, or ``init`` of another architecture or other classes.
        OutputError: ``out`` holds a run already, or the disk did not take it.
        UsageError: options that do not fit, or a device that is not there.
        MissingExtraError: the packages of ``catfast[train]`` are not installed.
    """
    began = time.monotonic()
    run, paths = Path(out), [Path(store) for store in stores]
    config = config or TrainConfig()
    source = open_source(paths, config.classes)
    config = _resolved(config, source)
    model = _model(config, source, run.name)
    _need_packages()
    from catfast.train.loop import fit, network_of

    network = network_of(model, config)
    with _removed_if_nothing_came_of_it(run), _in_one_sentence(run):
        _prepare(run, paths, config, source, resume=resume)
        outcome = fit(source, run, model, network, config, progress)
    return TrainResult(
        run=run,
        warnings=source.warnings,
        simulated=source.simulated,
        seconds=time.monotonic() - began,
        **outcome,
    )


train_model = train
"""The name of :func:`train` outside this room."""


def _need_packages() -> None:
    # Spinning OpenMP threads take the processor from the readers; read when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        for name in _PACKAGES:
            importlib.import_module(name)
    except ImportError:
        raise MissingExtraError("Training", "train") from None


@contextlib.contextmanager
def _removed_if_nothing_came_of_it(run: Path) -> Iterator[None]:
    """Take away a run that ends by an error before it has weights or a state, so that it blocks no other."""
    before = set(run.iterdir()) if run.is_dir() else None
    try:
        yield
    except BaseException:
        first = os.environ.get("RANK", "0") == "0"
        if first and run.is_dir() and not any(run.glob("*.safetensors")):
            _remove(set(run.iterdir()) - (before or set()))
            if before is None:
                run.rmdir()
        raise


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _in_one_sentence(run: Path) -> Iterator[None]:
    """Tell what goes wrong in the loop as an error of ours."""
    import torch

    try:
        yield
    except InputError as error:
        # A reading process sends its traceback along; its last line is the sentence.
        last = str(error).rstrip().splitlines()[-1]
        raise InputError(last.removeprefix("catfast.errors.InputError: ")) from None
    except torch.cuda.OutOfMemoryError:
        raise UsageError("the GPU has no room for such batches: lower --batch-size") from None
    except OSError as error:
        raise OutputError(f"{run}: cannot be written: {error.strerror or error}") from error
    except RuntimeError as error:
        # Lightning may fail to tidy up after a loop that did not begin.
        if not isinstance(first := error.__context__, OSError):
            raise
        raise OutputError(f"{run}: training stopped: {first.strerror or first}") from first


def _resolved(config: TrainConfig, source: Source) -> TrainConfig:
    """Fill in what the stores and ``init`` decide."""
    changes: dict[str, Any] = {"classes": source.classes, "gsd_m": config.gsd_m or source.gsd_m}
    if config.gsd_m is not None and config.gsd_m < source.gsd_m:
        raise UsageError(f"--gsd {config.gsd_m:g} is finer than the patches, which have {source.gsd_m:g} m")
    if config.model == "deeplabv3plus" and config.batch_size < 2:
        raise UsageError("--batch-size must be at least 2 for deeplabv3plus, whose pooling is normalised")
    if config.init is None:
        changes["model"] = config.model or "unet"
        size, default = ("variant", "b0") if changes["model"] == "segformer" else ("encoder", "mobilenet_v2")
        changes[size] = getattr(config, size) or default
    return dataclasses.replace(config, **changes)


def _model(config: TrainConfig, source: Source, name: str) -> ModelConfig:
    """The model that the run makes."""
    return ModelConfig(
        name=name or "run",
        architecture=_architecture(config),
        bands=config.bands,
        mean=(_MEAN,) * len(config.bands),
        std=(_STD,) * len(config.bands),
        gsd_m=config.gsd_m or source.gsd_m,
        classes=source.classes,
    )


def _architecture(config: TrainConfig) -> dict[str, Any]:
    options = {"type": config.model, "encoder": config.encoder, "variant": config.variant}
    given = {key: value for key, value in options.items() if value is not None}
    if config.init is None:
        return given
    start = ModelConfig.load(resolve(config.init))
    if start.classes != config.classes:
        raise InputError(
            f"--init {config.init} tells {', '.join(start.classes)} apart, "
            f"but this run {', '.join(config.classes or ())}"
        )
    if start.bands != config.bands:
        raise InputError(
            f"--init {config.init} sees {', '.join(start.bands)}, but this run {', '.join(config.bands)}"
        )
    known = dict(start.architecture)
    if differing := [key for key, value in given.items() if known.get(key) != value]:
        raise InputError(
            f"--init {config.init} has {differing[0]} {known.get(differing[0])}, not {given[differing[0]]}"
        )
    return known


def _prepare(run: Path, stores: Sequence[Path], config: TrainConfig, source: Source, *, resume: bool) -> None:
    """Make the run folder, or check that the run in it is this one."""
    from catfast import __version__

    toml = run / RUN_TOML
    if os.environ.get("RANK", "0") != "0":
        return  # the first of torchrun's processes does it for all
    if toml.exists():
        if not resume:
            raise OutputError(f"{run} holds a run already: give --resume to go on with it, or another folder")
        _check_same(toml, stores, config)
        return
    if run.exists() and any(not path.name.startswith(".") for path in run.iterdir()):
        raise OutputError(f"{run} is not empty, and holds no run of catfast train")
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{run} cannot be made: {error.strerror}") from None
    write(toml, config, stores, simulated=source.simulated, version=__version__)


def _check_same(toml: Path, stores: Sequence[Path], config: TrainConfig) -> None:
    before, kept = load_config(toml), read(toml).get("stores", [])
    if kept != [str(store) for store in stores]:
        raise UsageError(f"--resume: this run was begun with the stores {', '.join(kept)}")
    for field in dataclasses.fields(TrainConfig):
        old, new = getattr(before, field.name), getattr(config, field.name)
        if old != new and field.name not in _FREE:
            raise UsageError(f"--resume: this run was begun with {field.name} {old}, not {new}")
