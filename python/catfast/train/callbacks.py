"""What happens beside the loop: logs, progress, the state of the run, its best model and its pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, EarlyStopping
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from catfast.errors import InputError
from catfast.models import drop_export, save
from catfast.raster import atomic_path
from catfast.train.module import Learner
from catfast.train.state import STATE_NAME

__all__ = ["LOG_NAME", "Keeper", "Recorder"]

LOG_NAME = "log.jsonl"
_EVERY = 20
"""Steps between two lines of the log."""


class Recorder(Callback):
    """Writes ``log.jsonl`` and TensorBoard events, and moves the progress bar."""

    def __init__(
        self, run: Path, first: int, steps: int, progress: Callable[[int, int], None] | None
    ) -> None:
        self._run, self._first, self._steps, self._progress = run, first, steps, progress
        self._board: SummaryWriter | None = None
        self._losses: list[Tensor] = []

    def state_dict(self) -> dict[str, Any]:
        """Losses since the last line, so that a resumed run writes the same next one."""
        return {"losses": [loss.item() for loss in self._losses]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the losses since the last line."""
        self._losses = [torch.tensor(loss) for loss in state_dict["losses"]]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the logs; lines of steps that a killed run took after its last state are dropped."""
        if not trainer.is_global_zero:
            return
        path = self._run / LOG_NAME
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= self._first]
        with atomic_path(path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._board = SummaryWriter(str(self._run / "tensorboard"), purge_step=self._first + 1)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log the mean loss now and then.

        Raises:
            InputError: the loss is not finite.
        """
        self._losses.append(outputs["loss"].detach())
        step = trainer.global_step
        if not _stepped(trainer, batch_idx) or (step % _EVERY and step != self._steps):
            return
        loss = (
            torch.stack([loss.cpu() for loss in self._losses]).mean().item() * trainer.accumulate_grad_batches
        )
        self._losses = []
        if not loss < float("inf"):
            raise InputError(f"the loss is not finite at step {step}: train with a lower --lr")
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self._write(step, {"train/loss": loss, "train/learning_rate": rate})
        if self._progress is not None and trainer.is_global_zero:
            self._progress(step, self._steps)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the metrics of the validation split."""
        metrics = cast(Learner, pl_module).metrics
        self._write(trainer.global_step, {f"val/{name}": value for name, value in metrics.items()})

    def _write(self, step: int, values: dict[str, float]) -> None:
        if self._board is None:
            return
        with (self._run / LOG_NAME).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step} | values) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Close the logs."""
        if self._board is not None:
            self._board.close()


class Keeper(Checkpoint):
    """Keeps the state after every validation and every so many steps, and the best model as the run's own."""

    def __init__(
        self, run: Path, every: int, patience: EarlyStopping | None, show: Callable[..., None]
    ) -> None:
        super().__init__()
        self._run, self._every, self._patience, self._show = run, every, patience, show
        self.best: dict[str, Any] = {"score": None, "step": 0, "metrics": {}}

    def state_dict(self) -> dict[str, Any]:
        """What is best so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what was best."""
        self.best = state_dict["best"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that had lost patience when it was killed stays stopped."""
        if self._patience is not None and self._patience.wait_count >= self._patience.patience:
            trainer.should_stop = True

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The last round may be shorter, and Lightning takes all to be as long as the first."""
        steps = cast(Learner, pl_module).plan.steps_in(trainer.current_epoch)
        trainer.fit_loop.max_batches = trainer.val_check_batch = steps * trainer.accumulate_grad_batches

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the state within a long round; that of its last step is kept after the validation."""
        last = batch_idx + 1 == trainer.num_training_batches
        if _stepped(trainer, batch_idx) and not last and trainer.global_step % self._every == 0:
            trainer.save_checkpoint(self._run / STATE_NAME)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the running mean if it is the best so far, then the state."""
        learner = cast(Learner, pl_module)
        score = trainer.callback_metrics["score"].item()
        if self.best["score"] is None or score > self.best["score"]:
            metrics = dict(learner.metrics)
            self.best = {"score": score, "step": trainer.global_step, "metrics": metrics}
            if trainer.is_global_zero:
                drop_export(self._run)
                save(learner.average, learner.model, self._run)
        if trainer.is_global_zero:
            self._show(learner, trainer.global_step)
        trainer.save_checkpoint(self._run / STATE_NAME)


def _stepped(trainer: Trainer, batch_idx: int) -> bool:
    """Whether this forward pass ended an optimiser step."""
    return (batch_idx + 1) % trainer.accumulate_grad_batches == 0
