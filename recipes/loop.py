"""The training loop: AdamW, one cosine, a running mean of the weights, and a state that survives a kill.

It runs where its module is; nothing in a step waits for the GPU.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from catfast.models import ModelConfig
from recipes.settings import CLEAR, CLOUD, IGNORE, NOT_CLOUD, SHADOW, Settings, Stage
from recipes.stream import Stream

__all__ = ["follow_loss", "loss_of", "normalise", "train"]

State = dict[str, torch.Tensor]


def normalise(image: torch.Tensor, config: ModelConfig) -> torch.Tensor:
    """What the network sees of reflectance (N, bands, h, w)."""
    mean, std = (_constant(tuple(v), image.device).view(1, -1, 1, 1) for v in (config.mean, config.std))
    return (image.clamp(*config.clip) - mean) / std


@lru_cache(maxsize=16)
def _constant(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)


def loss_of(
    logits: torch.Tensor, label: torch.Tensor, settings: Settings, weights: tuple[float, ...] = (1, 1, 1)
) -> torch.Tensor:
    """Weighted, smoothed cross-entropy that takes "not cloud" as a label, and soft Dice of cloud."""
    logs = F.log_softmax(logits.float(), 1)
    known = label != IGNORE
    target = torch.where(label > SHADOW, CLEAR, label).long()
    right = logs.gather(1, target[:, None])[:, 0]
    either = torch.logaddexp(logs[:, CLEAR], logs[:, SHADOW])
    right = torch.where(label == NOT_CLOUD, either, right)
    smooth = settings.label_smoothing
    weight = _constant(tuple(weights), logits.device)[target] * known
    entropy = -((1 - smooth) * right + smooth * logs.mean(1))
    entropy = (entropy * weight).sum() / weight.sum().clamp(min=1)
    cloud, truth = logs[:, CLOUD].exp() * known, (label == CLOUD).float()
    dice = 1 - (2 * (cloud * truth).sum() + 1) / (cloud.sum() + truth.sum() + 1)
    return entropy + settings.dice * dice


def follow_loss(logits: torch.Tensor, taught: torch.Tensor, temperature: float = 2.0) -> torch.Tensor:
    """How far a network's softened probabilities are from its teacher's (N, classes, h, w).

    Kullback-Leibler divergence a pixel, times the temperature squared, so that its gradient does not shrink
    with it: Hinton, Vinyals & Dean (2015), "Distilling the Knowledge in a Neural Network".
    """
    own, target = (F.log_softmax(part.float() / temperature, 1) for part in (logits, taught))
    apart = F.kl_div(own, target, reduction="none", log_target=True)
    return apart.sum(1).mean() * temperature**2


def train(
    module: nn.Module,
    config: ModelConfig,
    settings: Settings,
    stage: Stage,
    stream: Stream,
    state_file: Path,
    *,
    stop: int | None = None,
    every: int = 100,
    watch: Callable[[nn.Module, int], None] | None = None,
    teacher: nn.Module | None = None,
) -> nn.Module:
    """Train for ``stage.steps``, or to step ``stop``; go on from ``state_file`` where there is one.

    The state is written every ``every`` steps and ``watch`` is called with the running-mean model.
    With a ``teacher`` its answers are learnt and the labels are not looked at.
    Returns the module holding the running mean of its weights.
    """
    module = module.to(memory_format=torch.channels_last).train()
    if stage.frozen_norm:
        _freeze_norm(module)
    fused = next(module.parameters()).is_cuda
    optimiser = torch.optim.AdamW(module.parameters(), 1.0, weight_decay=settings.weight_decay, fused=fused)
    mean = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    first = _resume(state_file, module, optimiser, mean) if state_file.exists() else 0
    last, began = min(stop or stage.steps, stage.steps), time.monotonic()
    losses: list[torch.Tensor] = []
    for step in range(first, last):
        for group in optimiser.param_groups:
            group["lr"] = _rate(stage, step)
        image, label = stream.batch(step)
        shown = normalise(image, config).contiguous(memory_format=torch.channels_last)
        logits = _answer(module, shown)
        if teacher is None:
            loss = loss_of(logits, label, settings, stage.class_weights)
        else:
            with torch.no_grad():
                taught = _answer(teacher, shown)
            loss = follow_loss(logits, taught)
        losses.append(_update(module, optimiser, loss))
        _follow(mean, module.state_dict(), min(settings.ema, (step + 1) / (step + 10)))
        if (step + 1) % every == 0 or step + 1 == last:
            _save(state_file, module, optimiser, mean, step + 1)
            _log(state_file, step + 1, losses, (time.monotonic() - began) / (step + 1 - first))
            losses = []
            if watch:
                watch(_with(module, mean), step + 1)
    return _with(module, mean).eval()


def _freeze_norm(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()


def _rate(stage: Stage, step: int) -> float:
    rise = min(1.0, (step + 1) / max(stage.warmup, 1))
    fall = 0.5 * (1 + math.cos(math.pi * step / stage.steps))
    return stage.learning_rate * rise * (0.99 * fall + 0.01)


def _answer(module: nn.Module, shown: torch.Tensor) -> torch.Tensor:
    with torch.autocast(shown.device.type, torch.bfloat16):
        logits: torch.Tensor = module(shown)
    return logits


def _update(module: nn.Module, optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> torch.Tensor:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimiser.step()
    return loss.detach()


@torch.no_grad()
def _follow(mean: State, state: State, decay: float) -> None:
    names = [name for name, tensor in state.items() if tensor.is_floating_point()]
    get_ema_multi_avg_fn(decay)([mean[name] for name in names], [state[name] for name in names], None)
    for name in state.keys() - set(names):
        mean[name].copy_(state[name])


def _with(module: nn.Module, state: State) -> nn.Module:
    import copy

    other = copy.deepcopy(module)
    other.load_state_dict(state)
    return other.eval()


def _moments(module: nn.Module, optimiser: torch.optim.Optimizer) -> State:
    found = {}
    for name, parameter in module.named_parameters():
        for kind, value in optimiser.state[parameter].items():
            found[f"{kind}/{name}"] = value
    return found


def _save(path: Path, module: nn.Module, optimiser: torch.optim.Optimizer, mean: State, step: int) -> None:
    """Everything that the next step depends on, in one file put in place in one step."""
    tensors = {f"module/{name}": tensor for name, tensor in module.state_dict().items()}
    tensors |= {f"mean/{name}": tensor for name, tensor in mean.items()}
    tensors |= _moments(module, optimiser)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    save_file({k: v.contiguous() for k, v in tensors.items()}, partial, {"step": json.dumps(step)})
    partial.replace(path)


def _resume(path: Path, module: nn.Module, optimiser: torch.optim.Optimizer, mean: State) -> int:
    with safe_open(path, "pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        step: int = json.loads(file.metadata()["step"])
    part = {kind: _under(stored, kind) for kind in ("module", "mean", "exp_avg", "exp_avg_sq", "step")}
    module.load_state_dict(part["module"])
    for name, tensor in part["mean"].items():
        mean[name].copy_(tensor)
    for name, parameter in module.named_parameters():
        optimiser.state[parameter] = {
            kind: part[kind][name].to(parameter.device if parameter.is_cuda else "cpu")
            if kind == "step"
            else torch.empty_like(parameter).copy_(part[kind][name])
            for kind in ("step", "exp_avg", "exp_avg_sq")
        }
    return step


def _under(stored: State, kind: str) -> State:
    return {name.removeprefix(f"{kind}/"): t for name, t in stored.items() if name.startswith(f"{kind}/")}


def _log(state_file: Path, step: int, losses: list[torch.Tensor], seconds: float) -> None:
    loss = round(torch.stack(losses).mean().item(), 4)
    entry = {"step": step, "loss": loss, "seconds_a_step": round(seconds, 4)}
    with state_file.with_suffix(".jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    print(f"{state_file.stem}: {entry}", flush=True)
