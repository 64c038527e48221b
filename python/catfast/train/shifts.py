"""Labels that may lie beside what they mean: clouds move between the two passes, and are seen from two sides.

The offset of a patch's label is not known. Its probability follows from Bayes' rule: how well the shifted
label fits what the network sees (against what a label of the same shares would do anywhere), times how likely
so long a way is. The label that is learnt is the mean over all offsets: the step of expectation in
expectation maximisation (Dempster, Laird and Rubin, 1977), with the offset as the hidden variable.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["moved"]

_PIXEL_M = 150.0
"""Side of the ground that counts as one independent observation, metres: neighbours err alike."""
_DOUBT = 0.1
"""How often a label says something else than what is there, wherever it lies."""
_SPREAD = 0.5
"""Standard deviation of an offset, as a share of the longest."""


def moved(
    logits: Tensor, goal: Tensor, known: Tensor, seen: Tensor, *, reach: int, gsd_m: float
) -> tuple[Tensor, Tensor]:
    """The labels of a batch as they are to be expected, given what the network sees.

    Args:
        logits: of the network, (N, classes, h, w); no gradient flows through them.
        goal: labels (N, classes, h, w), that sum to one where ``known`` and are 0 elsewhere.
        known: where there is a label, (N, h, w) bool.
        seen: where there is an image, (N, h, w) bool.
        reach: longest offset, pixels.
        gsd_m: metres a pixel.

    Returns:
        Soft labels (N, classes, h, w), and how far they are known, (N, h, w) from 0 to 1.
    """
    height, width = goal.shape[2:]
    size = (max(height, reach + 1) + reach, max(width, reach + 1) + reach)  # none wraps around onto another
    goal = goal.float() * known[:, None]
    labels = torch.fft.rfft2(goal, s=size)
    chance = _chance(_ratio(logits.detach(), goal, known) * seen[:, None], labels, size, reach, gsd_m)
    spread = torch.fft.irfft2(torch.fft.rfft2(chance)[:, None] * labels, s=size)
    soft = spread[:, :, :height, :width].clamp_min(0) * seen[:, None]
    return soft, soft.sum(1)


def _ratio(logits: Tensor, goal: Tensor, known: Tensor) -> Tensor:
    """Log of the probability of each class at each pixel over its share in the patch's label."""
    classes = logits.shape[1]
    seen = logits.float().softmax(1) * (1 - _DOUBT) + _DOUBT / classes
    share = goal.sum((2, 3)) / known.sum((1, 2)).clamp_min(1)[:, None]
    usual = share * (1 - _DOUBT) + _DOUBT / classes
    return seen.log() - usual.log()[:, :, None, None]


def _chance(ratio: Tensor, labels: Tensor, size: tuple[int, int], reach: int, gsd_m: float) -> Tensor:
    """Probability of each offset (N, rows, columns), negative ones from the end."""
    fit = torch.fft.irfft2((torch.fft.rfft2(ratio, s=size) * labels.conj()).sum(1), s=size)
    down, across = (_offsets(length, ratio.device) for length in size)
    far = (down[:, None] ** 2 + across[None, :] ** 2) / reach**2
    evidence = fit * (gsd_m / _PIXEL_M) ** 2 - far / (2 * _SPREAD**2)
    chance: Tensor = evidence.masked_fill(far > 1, -torch.inf).flatten(1).softmax(1)
    return chance.view_as(fit)


def _offsets(length: int, device: torch.device) -> Tensor:
    offsets: Tensor = torch.fft.fftfreq(length, 1 / length, device=device)
    return offsets
