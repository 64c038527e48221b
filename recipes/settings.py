"""Every number that decides what the default model becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catfast.models import ModelConfig

__all__ = ["CLEAR", "CLOUD", "IGNORE", "NOT_CLOUD", "SHADOW", "STAGES", "Settings", "Stage"]

CLEAR, CLOUD, SHADOW = 0, 1, 2
NOT_CLOUD = 254
"""Training label: clear or shadow, the annotator did not say which."""
IGNORE = 255

STAGES = ("pretrain", "finetune", "polish", "harden", "distil")
"""Names of the stages of :class:`Settings`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One run of the training loop."""

    steps: int
    """Optimiser steps."""
    learning_rate: float
    """Peak of AdamW's rate, reached after ``warmup`` and brought down to 1 % along a cosine."""
    warmup: int = 100
    """Steps of linear rise."""
    real_share: float = 0.0
    """Share of each batch that is cut from real chips; the rest is simulated."""
    class_weights: tuple[float, float, float] = (1.0, 1.0, 1.5)
    """Of clear, cloud and shadow in the cross-entropy."""
    low_sun: float = 0.0
    """Share of real crops that are seen through the longer way of light of a low sun."""
    band_gain: float = 0.03
    """Standard deviation of the calibration of one band against the others in real crops."""
    any_band_gain: float = 0.0
    """The same of every crop, simulated ones too, on top: for a stage that learns a teacher's answers, which
    no such change makes wrong."""
    frozen_norm: bool = False
    """Whether batch normalisation keeps its means and spreads, as it does in use: those of a batch that is
    part real and part simulated are neither's."""
    clear_scenes: bool = False
    """Whether real images that show hardly a cloud are taught beside the chips, as not cloud."""
    seed: int = 0
    """Decides every simulated scene, crop and augmentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The recipe of the default model."""

    name: str = "default"
    """Of the model, and of its folder."""
    note: str = ""
    """What its card says at the end of how it was made."""
    architecture: dict[str, Any] = field(
        default_factory=lambda: {
            "type": "unet",
            "encoder": "tu-mobilenetv3_small_100",
            "decoder_channels": [96, 64, 32, 24, 16],
        }
    )
    """See :data:`catfast.models.BUILDERS`."""
    crop: int = 256
    """Side of a training crop, pixels."""
    batch: int = 8
    """Crops a step."""
    weight_decay: float = 0.01
    """AdamW's."""
    label_smoothing: float = 0.02
    """Share of each target spread over the other classes."""
    dice: float = 0.5
    """Weight of the soft Dice loss of the cloud class beside the cross-entropy."""
    ema: float = 0.998
    """Decay of the running mean of the weights that is kept as the model."""
    overlay: float = 0.33
    """Share of real crops that get simulated clouds on top."""
    reuse: int = 2
    """Times each simulated scene is seen, turned and flipped anew."""
    chunk: int = 128
    """Simulated scenes kept at a time."""
    at_once: int = 16
    """Simulated scenes computed at once; decides their random numbers."""
    pretrain: Stage = field(default_factory=lambda: Stage(steps=3200, learning_rate=2e-3, warmup=150))
    """Simulation only."""
    finetune: Stage = field(
        default_factory=lambda: Stage(
            steps=700,
            learning_rate=8e-4,
            warmup=50,
            real_share=0.375,
            class_weights=(1.0, 2.0, 1.5),
            seed=1,
        )
    )
    """Real chips mixed with simulation, from the pretrained weights."""
    polish: Stage = field(
        default_factory=lambda: Stage(
            steps=600,
            learning_rate=6e-4,
            warmup=50,
            real_share=0.375,
            class_weights=(1.0, 2.0, 1.5),
            low_sun=0.3,
            seed=2,
        )
    )
    """The same again from the finetuned weights, with the light of a low sun."""
    harden: Stage = field(
        default_factory=lambda: Stage(
            steps=500,
            learning_rate=4e-4,
            warmup=50,
            real_share=0.375,
            class_weights=(1.0, 2.0, 1.5),
            low_sun=0.3,
            band_gain=0.01,
            clear_scenes=True,
            seed=4,
        )
    )
    """And again from the polished ones, with clear images, and bands that are well calibrated: the colour of
    pale rock and of snow is what tells them from cloud."""
    teacher: Path | None = None
    """Work folder of :mod:`recipes.blend`: what its networks answer, fold by fold, is learnt in the end."""
    distil: Stage = field(
        default_factory=lambda: Stage(
            steps=700,
            learning_rate=5e-4,
            warmup=50,
            real_share=0.5,
            low_sun=0.3,
            band_gain=0.01,
            any_band_gain=0.01,
            frozen_norm=True,
            clear_scenes=True,
            seed=7,
        )
    )
    """From the finished weights to the answers of a teacher, if there is one."""
    members: int = 1
    """Models hardened from one seed after the other, whose weights are averaged."""
    cloud_bias: float = 0.3
    """Added to the logit of cloud in the end: hardening makes thin clouds too seldom cloud."""
    folds: int = 3
    """Parts of the chips for cross-validation."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Those that a model goes through, in their order."""
        taught = (self.pretrain, self.finetune, self.polish, self.harden)
        return taught if self.teacher is None else (*taught, self.distil)

    def config(self) -> ModelConfig:
        """Configuration of the model that the recipe makes."""
        return ModelConfig(name=self.name, architecture=self.architecture)
