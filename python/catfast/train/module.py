"""The network, its running mean, and what one step of the loop does with a batch."""

from __future__ import annotations

import copy
import math
from typing import Any, cast

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from catfast.classes import BANDS, NODATA
from catfast.models import ModelConfig
from catfast.train.augment import WIDTH, apply
from catfast.train.config import TrainConfig
from catfast.train.data import Batch
from catfast.train.losses import targets, total
from catfast.train.stream import Plan

__all__ = ["Learner"]

_NO_DECAY = 1
"""Tensors of at most this many dimensions (biases, normalisation) are not decayed."""
_LAST_RATE = 0.01
"""Share of the peak rate that the cosine ends at."""


class Learner(LightningModule):
    """What Lightning's loop trains: ``network`` learns, ``average`` follows and is what is validated."""

    def __init__(
        self, network: nn.Module, model: ModelConfig, config: TrainConfig, plan: Plan, *, soft: bool
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(network).requires_grad_(False)
        self.model, self.config, self.plan, self.soft = model, config, plan, soft
        self._loss = total
        if config.compile:
            self.network.compile()
            self._loss = torch.compile(total)
        self.metrics: dict[str, float] = {}
        self._followed: tuple[list[Tensor], list[Tensor]] | None = None
        # On the device from the start: a copy in every step would wait for the device.
        self._keep("lookup", torch.tensor(_classes_of_codes(model)))
        self._keep("mean", torch.tensor(model.mean).view(1, -1, 1, 1))
        self._keep("std", torch.tensor(model.std).view(1, -1, 1, 1))
        self._keep("bands", torch.tensor([BANDS.index(band) for band in model.bands]))
        self._counts, self._sums = torch.zeros(0), torch.zeros(0)

    def _keep(self, name: str, tensor: Tensor) -> None:
        self.register_buffer(name, tensor, persistent=False)

    def train(self, mode: bool = True) -> Learner:
        """The running mean never trains."""
        super().train(mode)
        self.average.eval()
        return self

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Seed torch by the chunk, change training patches, normalise, and make targets."""
        scale, weight, changes = torch.split(batch["facts"], [1, 1, WIDTH], dim=1)
        image, label = batch["image"].float() * scale[:, :, None, None], batch["label"]
        if self.training:
            # Noise and dropout then depend on the chunk alone: on no worker, device, or earlier step.
            torch.manual_seed(_seed(self.config.seed, batch["number"]))
            if self.config.augment:
                image, label = apply(image, label, changes, NODATA)
        goal, known = targets(
            label,
            cast(Tensor, self.lookup),
            soft=self.soft,
            classes=len(self.model.classes),
            cloud=self.model.classes.index("cloud"),
        )
        seen = (image > 0).all(1)
        padded = self._normalised(image.index_select(1, cast(Tensor, self.bands)), seen)
        return {"image": padded, "goal": goal, "known": known & seen, "weight": weight[:, 0]}

    def _normalised(self, image: Tensor, seen: Tensor) -> Tensor:
        """What the network sees: normalised, 0 where nothing was seen as in masking, padded to multiples."""
        mean, std = cast(Tensor, self.mean), cast(Tensor, self.std)
        scaled = (image.clamp(*self.model.clip) - mean) / std * seen[:, None]
        height, width = image.shape[2:]
        padding = (0, -width % self.model.multiple_of, 0, -height % self.model.multiple_of)
        return F.pad(scaled, padding).contiguous(memory_format=torch.channels_last)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        logits = self._logits(self.network, batch)
        form, dice = self.config.loss, self.config.dice
        return self._loss(logits, batch["goal"], batch["known"], batch["weight"], form, dice)

    def _logits(self, network: nn.Module, batch: Batch) -> Tensor:
        height, width = batch["known"].shape[1:]
        logits: Tensor = network(batch["image"])
        return logits[:, :, :height, :width]

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Take the step, then let the running mean follow."""
        super().optimizer_step(*args, **kwargs)
        if dist.is_initialized() and self.device.type == "cpu":
            self._share_statistics()
        self.follow()

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by norm; Lightning refuses to with a fused optimiser, for the sake of scaled fp16."""
        if gradient_clip_val:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), gradient_clip_val)

    def _share_statistics(self) -> None:
        """Mean of all processes' normalisation statistics; on GPUs SyncBatchNorm sees to it."""
        buffers = [buffer for buffer in self.network.buffers() if buffer.is_floating_point()]
        flat = torch.cat([buffer.flatten() for buffer in buffers]) / dist.get_world_size()
        dist.all_reduce(flat)
        for buffer, mean in zip(buffers, torch.split(flat, [b.numel() for b in buffers]), strict=True):
            buffer.copy_(mean.view_as(buffer))

    @torch.no_grad()
    def follow(self) -> None:
        """Bring the running mean nearer to the weights; more so in the first steps."""
        step = self.trainer.global_step
        share = 1 - min(self.config.ema, (step + 1) / (step + 10)) if self.config.ema else 1.0
        if self._followed is None:  # gathered once: the device does not change after the first step
            ours, theirs = self.average.state_dict(), self.network.state_dict()
            floats = [name for name, tensor in ours.items() if tensor.is_floating_point()]
            self._followed = ([ours[name] for name in floats], [theirs[name] for name in floats])
        torch._foreach_lerp_(*self._followed, share)

    def configure_optimizers(self) -> Any:
        """AdamW, and a cosine with a linear rise, by step."""
        weights = [p for p in self.network.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in weights if p.ndim > _NO_DECAY]},
            {"params": [p for p in weights if p.ndim <= _NO_DECAY], "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(
            groups, self.config.learning_rate, weight_decay=self.config.weight_decay, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self.rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def rate(self, step: int) -> float:
        """Share of the peak learning rate at an optimiser step."""
        warmup = min(self.config.warmup, self.plan.steps // 10)
        if step < warmup:
            return (step + 1) / (warmup + 1)
        done = (step - warmup) / max(1, self.plan.steps - warmup)
        return _LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def on_validation_epoch_start(self) -> None:
        """Begin to count."""
        classes = len(self.model.classes)
        self._counts = torch.zeros(classes, classes, dtype=torch.int64, device=self.device)
        self._sums = torch.zeros(2, dtype=torch.float64, device=self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Count pixels by true and predicted class, and add up plain cross-entropy."""
        logits, known = self._logits(self.average, batch).float(), batch["known"]
        entropy = -(batch["goal"] * F.log_softmax(logits, 1)).sum(1)
        self._sums += torch.stack([(entropy * known).sum(), known.sum()]).double()
        classes = logits.shape[1]
        pair = batch["goal"].argmax(1)[known] * classes + logits.argmax(1)[known]
        self._counts += torch.bincount(pair, minlength=classes**2).view(classes, classes)

    def on_validation_epoch_end(self) -> None:
        """Pool the counts of all devices into metrics; ``score`` is what patience watches."""
        if dist.is_initialized():
            dist.all_reduce(self._counts)
            dist.all_reduce(self._sums)
        counts, (loss, pixels) = self._counts.cpu().numpy(), self._sums.tolist()
        self.metrics = {"loss": loss / max(pixels, 1)} | pooled(counts, self.model.classes)
        cloud = self.metrics["cloud_iou"]
        self.log("score", -self.metrics["loss"] if self.config.score == "loss" else cloud, logger=False)


def pooled(counts: np.ndarray, classes: tuple[str, ...]) -> dict[str, float]:
    """Accuracy and IoU a class of pixel counts by true (rows) and predicted (columns) class.

    The IoU of a class that neither occurs nor is predicted is 1.
    """
    hits = np.diag(counts)
    union = counts.sum(0) + counts.sum(1) - hits
    found = {"accuracy": float(hits.sum() / max(1, counts.sum()))}
    return found | {
        f"{name}_iou": float(hits[k] / union[k]) if union[k] else 1.0 for k, name in enumerate(classes)
    }


def _classes_of_codes(model: ModelConfig) -> list[int]:
    """Class of each code 0-255: codes that the model does not know are clear, 5-255 are not learnt from."""
    known = {code: number for number, code in enumerate(model.codes)}
    clear = model.classes.index("clear")
    return [known.get(code, clear) if code <= 4 else len(model.classes) for code in range(256)]


def _seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, 3, number]).generate_state(1, np.uint64)[0] >> 1)
