"""The training loop: Lightning's, fed with our data, state and logs.

Lightning rather than transformers' Trainer or accelerate: both of those pickle optimiser and random state in
the middle of their own save functions, while Lightning passes one tree to a plug-in
(:mod:`catfast.train.state`); it also brings accumulation, clipping, mixed precision, torchrun and early
stopping.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import EarlyStopping

from catfast.errors import InputError, UsageError
from catfast.models import ModelConfig, build, load, resolve
from catfast.train.callbacks import Keeper, Recorder
from catfast.train.config import TrainConfig
from catfast.train.data import PatchReader, loader
from catfast.train.devices import World
from catfast.train.domain import domain_of
from catfast.train.module import Learner
from catfast.train.pictures import sampler
from catfast.train.source import Source
from catfast.train.state import STATE_NAME, SafeState, read_tree
from catfast.train.stream import TrainStream, ValidStream, plan

__all__ = ["fit", "network_of", "quietly", "trainer_options"]

_CLIP = 1.0
"""Largest norm of a gradient."""
_MOST_WORKERS = 16


def fit(
    source: Source,
    run: Path,
    model: ModelConfig,
    network: torch.nn.Module,
    config: TrainConfig,
    progress: Callable[[int, int], None] | None,
) -> dict[str, Any]:
    """Train, or go on from the state in ``run``; fields of a :class:`~catfast.train.TrainResult`."""
    world, cuda = World.found(), _on_cuda(config)
    outline = plan(
        len(source.train),
        config.batch_size,
        config.accumulate * world.size,
        config.epochs,
        config.max_steps,
        config.validate_every,
    )
    state = run / STATE_NAME
    first = _step_of(state) if state.exists() else 0
    train, valid = _readers(source, model, config)
    model = dataclasses.replace(model, domain=domain_of(source, train))
    learner = Learner(network, model, config, outline, soft=source.soft)
    stream = TrainStream(len(source.train), config.batch_size, outline, config.seed, world.rank, world.size)
    stream.start_at(first)
    checks = ValidStream(len(source.val), config.batch_size, world.rank, world.size)
    patience = EarlyStopping("score", mode="max", patience=config.patience) if config.patience else None
    show = sampler(run, valid, len(source.val), simulated=source.simulated)
    keeper = Keeper(run, config.checkpoint_every, patience, show)
    recorder = Recorder(run, first, outline.steps, progress)
    workers = _workers(config, cuda=cuda)
    if cuda:
        torch.set_float32_matmul_precision("high")
    with quietly():
        trainer = Trainer(
            max_epochs=outline.rounds,
            callbacks=[recorder, keeper, *([patience] if patience else [])],
            default_root_dir=run,
            **trainer_options(config, world, cuda=cuda),
        )
        loaders = (loader(train, stream, workers, pin=cuda), loader(valid, checks, workers, pin=cuda))
        try:
            trainer.fit(learner, *loaders, ckpt_path=state if first else None)
        except SystemExit:  # what Lightning makes of Ctrl-C
            raise KeyboardInterrupt from None
    return _outcome(trainer, learner, keeper, first, outline.steps)


def trainer_options(config: TrainConfig, world: World, *, cuda: bool) -> dict[str, Any]:
    """What Lightning is told of numbers, devices and silence."""
    bf16 = config.precision == "bf16" or (config.precision == "auto" and cuda)
    return {
        "plugins": [SafeState()],
        "accumulate_grad_batches": config.accumulate,
        "gradient_clip_val": _CLIP,
        "precision": "bf16-mixed" if bf16 else "32-true",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "benchmark": cuda,
        "use_distributed_sampler": False,
    } | _devices(world, cuda=cuda)


def _readers(source: Source, model: ModelConfig, config: TrainConfig) -> tuple[PatchReader, PatchReader]:
    """Of the training and of the validation split."""
    gsd_m, seed = model.gsd_m, config.seed
    train = PatchReader(source, source.train, gsd_m=gsd_m, seed=seed, augment=config.augment)
    return train, PatchReader(source, source.val, gsd_m=gsd_m, seed=seed, augment=False)


def _outcome(trainer: Trainer, learner: Learner, keeper: Keeper, first: int, steps: int) -> dict[str, Any]:
    taken = trainer.global_step
    status = "skipped" if taken == first and first else "done" if taken == steps else "stopped"
    return {
        "status": status,
        "steps": taken,
        "best_step": keeper.best["step"],
        "metrics": keeper.best["metrics"],
        "parameters": sum(parameter.numel() for parameter in learner.network.parameters()),
    }


def network_of(model: ModelConfig, config: TrainConfig) -> torch.nn.Module:
    """The network to begin with; random weights depend on the seed alone.

    Raises:
        InputError: there is no such network, or ``init`` does not hold its weights.
    """
    if config.init is None:
        torch.manual_seed(config.seed)
        return build(model)
    return load(resolve(config.init)).train()


def _step_of(state: Path) -> int:
    """Optimiser steps that a state has behind it."""
    tree = read_tree(state)
    try:
        step = tree["global_step"]
    except KeyError:
        raise InputError(f"{state} is not the state of a run: it has no step") from None
    return int(step)


def _on_cuda(config: TrainConfig) -> bool:
    found = torch.cuda.is_available()
    if config.device == "cuda" and not found:
        raise UsageError("--device cuda: torch finds no CUDA GPU on this machine")
    return found and config.device != "cpu"


def _workers(config: TrainConfig, *, cuda: bool) -> int:
    if config.num_workers is not None:
        return config.num_workers
    return min(_MOST_WORKERS, os.cpu_count() or 1) if cuda else 1


def _devices(world: World, *, cuda: bool) -> dict[str, Any]:
    """How Lightning is to use the processes that torchrun started."""
    from lightning.pytorch.strategies import DDPStrategy

    alone = world.size == 1
    backend = "nccl" if cuda else "gloo"
    return {
        "accelerator": "gpu" if cuda else "cpu",
        "devices": 1 if alone else world.here,
        "num_nodes": world.size // world.here,
        "strategy": "auto" if alone else DDPStrategy(process_group_backend=backend),
        "sync_batchnorm": cuda and not alone,
    }


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep Lightning's greetings and hints off the terminal; what matters is an error or a notice of ours."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
