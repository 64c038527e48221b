"""The public function: check everything that can be checked, then hand over to the loop."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from catfast.errors import InputError, MissingExtraError, OutputError, ResourceError, UsageError
from catfast.models import Domain, ModelConfig, resolve
from catfast.train.config import TrainConfig, TrainResult
from catfast.train.folder import only_writer, prepare, removed_if_nothing_came_of_it
from catfast.train.source import Source, open_source

__all__ = ["train", "train_model"]

_PACKAGES = ("torch", "lightning", "safetensors", "tensorboard", "tomli_w")
_ALONE = "Expected more than 1 value per channel when training"
"""How torch begins where batch normalisation has nothing to take a variance of."""
_COMPILERS = ("torch._dynamo", "torch._inductor")
"""Where the errors of torch.compile come from."""
_MEAN, _STD = 0.3, 0.3
"""Reflectance that networks see as 0, and that much above it as 1."""


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
    with only_writer(run), removed_if_nothing_came_of_it(run), _in_one_sentence(run):
        prepare(run, config, source, resume=resume)
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
def _in_one_sentence(run: Path) -> Iterator[None]:
    """Tell what goes wrong in the loop as an error of ours."""
    import torch

    try:
        yield
    except (InputError, MemoryError) as error:
        text = str(error.args[0]) if error.args else ""
        if not text.startswith("Caught "):
            raise
        # A reading process sends its traceback along; its last line is the sentence.
        raise type(error)(text.rstrip().splitlines()[-1].partition(": ")[2]) from None
    except ValueError as error:
        if not str(error).startswith(_ALONE):
            raise
        raise UsageError(
            "--batch-size must be at least 2: this network brings such a patch down to one pixel, "
            "and normalises by several"
        ) from None
    except torch.cuda.OutOfMemoryError:
        raise UsageError("the GPU has no room for such batches: lower --batch-size") from None
    except OSError as error:
        raise OutputError(f"{run}: cannot be written: {error.strerror or error}") from error
    except RuntimeError as error:
        if ended := _of_others(error):
            raise ResourceError(f"{run}: {ended}") from None
        if type(error).__module__.startswith(_COMPILERS):
            reason = str(error).strip().partition("\n")[0]
            raise UsageError(f"--compile: torch cannot compile the network here: {reason}") from None
        # Lightning may fail to tidy up after a loop that did not begin.
        if not isinstance(first := error.__context__, OSError):
            raise
        raise OutputError(f"{run}: training stopped: {first.strerror or first}") from first


def _of_others(error: RuntimeError) -> str | None:
    """What became of another process, where that is what the error is about."""
    from torch.distributed import DistError

    if str(error).startswith("DataLoader worker"):
        return "a reading process was killed, as for want of memory"
    if isinstance(error, DistError) or "/gloo/" in str(error):
        return "another of the processes that train together ended"
    return None


def _resolved(config: TrainConfig, source: Source) -> TrainConfig:
    """Fill in what the stores and ``init`` decide."""
    changes: dict[str, Any] = {"classes": source.classes, "gsd_m": config.gsd_m or source.gsd_m}
    if config.gsd_m is not None and config.gsd_m < source.gsd_m:
        raise UsageError(f"--gsd {config.gsd_m:g} is finer than the patches, which have {source.gsd_m:g} m")
    if config.model == "mean" and config.init is None:
        raise UsageError("--model mean is put together of trained networks: --init starts from one")
    if config.init is None:
        changes["model"] = config.model or "unet"
        size, default = ("variant", "b0") if changes["model"] == "segformer" else ("encoder", "mobilenet_v2")
        changes[size] = getattr(config, size) or default
    return dataclasses.replace(config, **changes)


def _model(config: TrainConfig, source: Source, name: str) -> ModelConfig:
    """The model that the run makes."""
    options = {"type": config.model, "encoder": config.encoder, "variant": config.variant}
    given = {key: value for key, value in options.items() if value is not None}
    gsd_m = config.gsd_m or source.gsd_m
    if config.init is not None:
        start = _start(config.init, config, given)
        return dataclasses.replace(start, name=name or "run", gsd_m=gsd_m, domain=Domain())
    return ModelConfig(
        name=name or "run",
        architecture=given,
        bands=config.bands,
        mean=(_MEAN,) * len(config.bands),
        std=(_STD,) * len(config.bands),
        gsd_m=gsd_m,
        classes=source.classes,
    )


def _start(init: str, config: TrainConfig, given: Mapping[str, Any]) -> ModelConfig:
    """The model that ``init`` names, whose weights know its own normalisation."""
    start = ModelConfig.load(resolve(init))
    if start.classes != config.classes:
        raise InputError(
            f"--init {init} tells {', '.join(start.classes)} apart, "
            f"but this run {', '.join(config.classes or ())}"
        )
    if start.bands != config.bands:
        raise InputError(
            f"--init {init} sees {', '.join(start.bands)}, but this run {', '.join(config.bands)}"
        )
    known = start.architecture
    if differing := [key for key, value in given.items() if known.get(key) != value]:
        name = differing[0]
        if name not in known:
            raise InputError(f"--init {init} is a {known['type']}, which has no {name} {given[name]}")
        raise InputError(f"--init {init} has {name} {known[name]}, not {given[name]}")
    return start
