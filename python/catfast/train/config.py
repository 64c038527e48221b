"""What a user may ask of :func:`catfast.train.train`, and what comes back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catfast.classes import BANDS, CLASS_CODES
from catfast.errors import Notice, UsageError

PRECISIONS = ("auto", "bf16", "fp32")
DEVICES = ("auto", "cpu", "cuda")
LOSSES = ("ce", "gce", "sce", "bootstrap")
SCORES = ("cloud_iou", "loss")
_MANY = 1_000_000_000
_LARGEST_SEED = 2**64 - 1
"""Of torch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Options of training; every field is a flag of ``catfast train`` and a key of its TOML."""

    model: str | None = None
    """Architecture, one of :data:`catfast.models.BUILDERS`; None takes that of ``init``, else unet."""
    encoder: str | None = None
    """Encoder of a unet or deeplabv3plus, any of segmentation-models-pytorch's; None takes mobilenet_v2."""
    variant: str | None = None
    """Size of a segformer, b0 to b5; None takes b0."""
    classes: tuple[str, ...] | None = None
    """Classes to tell apart; None: clear, cloud, shadow, or clear, cloud where the labels know no more."""
    bands: tuple[str, ...] = BANDS
    """Bands that the network sees."""
    gsd_m: float | None = None
    """Ground sampling distance to train at, metres; None takes the store's own."""
    epochs: int = 30
    """Passes over the training patches."""
    max_steps: int | None = None
    """Optimiser steps, instead of ``epochs``."""
    validate_every: int | None = None
    """Optimiser steps between two validations; None validates after every pass."""
    batch_size: int = 16
    """Patches a forward pass, a device."""
    accumulate: int = 1
    """Forward passes an optimiser step."""
    learning_rate: float = 1e-3
    """Peak of AdamW's rate, reached after ``warmup`` and brought down to 1 % along a cosine."""
    weight_decay: float = 0.01
    """AdamW's, on matrices and kernels only."""
    warmup: int = 200
    """Steps of linear rise, at most a tenth of all."""
    ema: float = 0.998
    """Decay of the running mean of the weights, which is what is validated and kept; 0 keeps the last."""
    loss: str = "ce"
    """``ce`` cross-entropy; for noisy labels ``gce`` generalised, ``sce`` symmetric, ``bootstrap`` soft."""
    dice: float = 0.5
    """Weight of the Dice loss beside it."""
    augment: bool = True
    """Turn, zoom, recalibrate, haze, shift bands, add noise and cut edges."""
    patience: int = 10
    """Validations without a better score before training stops; 0 never stops early."""
    score: str = "cloud_iou"
    """What the validation split is scored by: ``cloud_iou``, or ``loss``."""
    precision: str = "auto"
    """``bf16`` (mixed), ``fp32``, or ``auto``: bf16 on a GPU."""
    compile: bool = False
    """Compile network and loss with torch.compile."""
    device: str = "auto"
    """``cpu``, ``cuda``, or ``auto``: a GPU where there is one."""
    num_workers: int | None = None
    """Processes that read patches; None takes one, and on a GPU one a core up to 16. No effect on results."""
    checkpoint_every: int = 1000
    """Steps between two saved states, besides one after every validation."""
    seed: int = 0
    """Decides weights, order and augmentation."""
    init: str | None = None
    """Model folder, or bundled model, to start from."""

    def __post_init__(self) -> None:
        for problem in (*self._choice_problems(), *self._number_problems()):
            raise UsageError(problem)

    def _choice_problems(self) -> list[str]:
        found = [
            f"{flag} must be one of {', '.join(choices)}, not {value}"
            for flag, value, choices in (
                ("--loss", self.loss, LOSSES),
                ("--score", self.score, SCORES),
                ("--precision", self.precision, PRECISIONS),
                ("--device", self.device, DEVICES),
            )
            if value not in choices
        ]
        for flag, names, known in (
            ("--classes", self.classes or ("clear", "cloud"), tuple(CLASS_CODES)),
            ("--bands", self.bands, BANDS),
        ):
            if not names or len(set(names)) != len(names) or not set(names) <= set(known):
                found.append(f"{flag} must be distinct names from {', '.join(known)}, not {','.join(names)}")
        if self.classes is not None and not ({"clear", "cloud"} <= set(self.classes)):
            found.append(f"--classes must hold clear and cloud, not {','.join(self.classes)} alone")
        if self.encoder is not None and self.model == "segformer":
            found.append("--encoder is for unet and deeplabv3plus; a segformer takes --variant")
        if self.variant is not None and self.model != "segformer":
            found.append("--variant is for --model segformer")
        return found

    def _number_problems(self) -> list[str]:
        found = [
            f"{flag} must be a whole number from {least} to {most}, not {value}"
            for flag, value, least, most in (
                ("--epochs", self.epochs, 1, _MANY),
                ("--max-steps", self.max_steps, 1, _MANY),
                ("--validate-every", self.validate_every, 1, _MANY),
                ("--batch-size", self.batch_size, 1, 65_536),
                ("--accumulate", self.accumulate, 1, 65_536),
                ("--warmup", self.warmup, 0, _MANY),
                ("--patience", self.patience, 0, _MANY),
                ("--num-workers", self.num_workers, 0, 1024),
                ("--checkpoint-every", self.checkpoint_every, 1, _MANY),
                ("--seed", self.seed, 0, _LARGEST_SEED),
            )
            if value is not None and (type(value) is not int or not least <= value <= most)
        ]
        for flag, number, low, high in (
            ("--lr", self.learning_rate, 0.0, 1.0),
            ("--weight-decay", self.weight_decay, -1e-9, 1.0),
            ("--dice", self.dice, -1e-9, 100.0),
            ("--ema", self.ema, -1e-9, 0.999999),
            ("--gsd", self.gsd_m, 0.0, 10_000.0),
        ):
            if number is not None and not (math.isfinite(number) and low < number <= high):
                found.append(f"{flag} must be from {max(low, 0):g} to {high:g}, not {number:g}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What became of a run."""

    run: Path
    """The run folder, a model folder."""
    status: str
    """``done``, ``stopped`` early by patience, or ``skipped``: it was done already."""
    steps: int
    """Optimiser steps taken in all."""
    best_step: int
    """The step whose running mean was kept."""
    metrics: Mapping[str, float]
    """Of the kept model on the validation split: loss, accuracy, and IoU a class."""
    parameters: int
    """Weights of the network."""
    warnings: tuple[Notice, ...]
    """Named warnings."""
    simulated: bool
    """Whether any of the patches is simulated."""
    seconds: float
    """Wall time of this call."""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "output": str(self.run),
            "status": self.status,
            "error": None,
            "warnings": [{"name": notice.name, "message": notice.message} for notice in self.warnings],
            "steps": self.steps,
            "best_step": self.best_step,
            "metrics": dict(self.metrics),
            "parameters": self.parameters,
            "simulated": self.simulated,
            "seconds": round(self.seconds, 3),
        }
