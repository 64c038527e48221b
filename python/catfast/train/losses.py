"""Losses a patch: cross-entropy and its forms for noisy labels, and Dice.

Each is a sum over the labelled pixels of a patch divided by all of its pixels, so that a batch's loss is the
plain mean over patches: splitting a batch over devices or accumulated passes then changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

__all__ = ["FORMS", "targets", "total"]

FRACTION_STEPS = 200
"""Label of a pixel that is all cloud in a soft store."""
_POWER = 0.7
"""q of the generalised cross-entropy (Zhang and Sabuncu, NeurIPS 2018)."""
_FORWARD, _REVERSE, _LOG_ZERO = 0.5, 0.5, -4.0
"""alpha, beta and A of the symmetric cross-entropy (Wang et al., ICCV 2019, whose A is -4)."""
_TRUST = 0.8
"""beta of soft bootstrapping: how far the label is believed (Reed et al., 2015, use 0.95 at best 0.8)."""
_DICE_SHARE = 0.01
"""Smoothing of Dice as a share of the patch, so that a class of a few pixels does not rule."""


def targets(label: Tensor, lookup: Tensor, *, soft: bool, classes: int, cloud: int) -> tuple[Tensor, Tensor]:
    """What to learn, (N, classes, h, w) float32 that sums to one, and which pixels count (N, h, w).

    Args:
        label: codes, or with ``soft`` cloud fractions in :data:`FRACTION_STEPS`, (N, h, w) uint8.
        lookup: class of each code 0-255, or ``classes`` for what is not to be learnt from, int64.
        soft: whether labels are fractions.
        classes: number of classes.
        cloud: which of them is cloud; with ``soft`` the first other one takes the rest.
    """
    if soft:
        fraction = label.float() / FRACTION_STEPS
        goal = torch.zeros(label.shape[0], classes, *label.shape[1:], device=label.device)
        goal[:, cloud] = fraction
        goal[:, 1 if cloud == 0 else 0] = 1 - fraction
        known = label <= FRACTION_STEPS
        return goal * known[:, None], known
    found = lookup[label.long()]
    known = found < classes
    goal = F.one_hot(found, classes + 1)[..., :classes].movedim(-1, 1).float()
    return goal, known


def _cross_entropy(logs: Tensor, goal: Tensor) -> Tensor:
    return -(goal * logs).sum(1)


def _generalised(logs: Tensor, goal: Tensor) -> Tensor:
    return (goal * (1 - (logs * _POWER).exp())).sum(1) / _POWER


def _symmetric(logs: Tensor, goal: Tensor) -> Tensor:
    reverse = -(logs.exp() * goal.log().clamp_min(_LOG_ZERO)).sum(1)
    return _FORWARD * _cross_entropy(logs, goal) + _REVERSE * reverse


def _bootstrap(logs: Tensor, goal: Tensor) -> Tensor:
    return _cross_entropy(logs, _TRUST * goal + (1 - _TRUST) * logs.detach().exp())


FORMS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ce": _cross_entropy,
    "gce": _generalised,
    "sce": _symmetric,
    "bootstrap": _bootstrap,
}
"""Name to loss: log-probabilities and targets (N, classes, h, w) to (N, h, w)."""


def total(logits: Tensor, goal: Tensor, known: Tensor, weight: Tensor, form: str, dice: float) -> Tensor:
    """Mean over patches of pixel loss and ``dice`` times Dice, each patch by its ``weight`` (N,)."""
    logs = F.log_softmax(logits.float(), dim=1)
    mask = known.float()
    entropy = (FORMS[form](logs, goal) * mask).mean((1, 2))
    if dice:
        entropy = entropy + dice * _dice(logs.exp() * mask[:, None], goal) * mask.mean((1, 2))
    return (entropy * weight).mean()


def _dice(probability: Tensor, goal: Tensor) -> Tensor:
    """One minus the Dice coefficient of each patch, the mean over classes."""
    smooth = _DICE_SHARE * goal.shape[2] * goal.shape[3]
    common = (probability * goal).sum((2, 3))
    both = probability.sum((2, 3)) + goal.sum((2, 3))
    return (1 - (2 * common + smooth) / (both + smooth)).mean(1)
