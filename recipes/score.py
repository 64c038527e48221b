"""Scores of a model on labelled chips and on images known to be clear, the rule blue > 0.20 beside it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from catfast.models import ModelConfig
from recipes.chips import Check, Chip
from recipes.loop import normalise
from recipes.settings import CLOUD, IGNORE

__all__ = ["RULE", "Counts", "cloud_of", "score_checks", "score_chips", "summary"]

RULE = 0.20
"""Blue reflectance above which the rule says cloud."""


@dataclass(slots=True)
class Counts:
    """Pixels by truth and answer, cloud against the rest."""

    tp: int = 0
    """Cloud called cloud."""
    fp: int = 0
    """Other called cloud."""
    fn: int = 0
    """Cloud called other."""
    tn: int = 0
    """Other called other."""

    def add(self, found: npt.NDArray[np.bool_], chip: Chip) -> None:
        """Count one chip; pixels without a label are left out."""
        truth, known = chip.label == CLOUD, chip.label != IGNORE
        self.tp += int((found & truth & known).sum())
        self.fp += int((found & ~truth & known).sum())
        self.fn += int((~found & truth & known).sum())
        self.tn += int((~found & ~truth & known).sum())

    def figures(self) -> dict[str, float]:
        """Overall accuracy, and IoU, precision and recall of cloud."""
        tp, fp, fn, tn = self.tp, self.fp, self.fn, self.tn
        return {
            "oa": round((tp + tn) / max(tp + fp + fn + tn, 1), 4),
            "iou": round(tp / max(tp + fp + fn, 1), 4),
            "precision": round(tp / max(tp + fp, 1), 4),
            "recall": round(tp / max(tp + fn, 1), 4),
        }


@torch.no_grad()
def cloud_of(module: nn.Module, config: ModelConfig, image: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Where the model says cloud in reflectance (4, h, w), the whole image in one go."""
    height, width = image.shape[1:]
    padding = (0, -width % config.multiple_of, 0, -height % config.multiple_of)
    device = next(module.parameters()).device
    seen = F.pad(normalise(torch.from_numpy(image)[None].to(device), config), padding, mode="reflect")
    found: npt.NDArray[np.bool_] = (module(seen).argmax(1)[0, :height, :width] == CLOUD).cpu().numpy()
    return found


def score_chips(module: nn.Module, config: ModelConfig, chips: list[Chip]) -> dict[str, Any]:
    """Confusion counts by chip, of the model and of the rule."""
    module.eval()
    found: dict[str, Any] = {}
    for chip in chips:
        ours, rule = Counts(), Counts()
        ours.add(cloud_of(module, config, chip.image), chip)
        rule.add(chip.image[0] > RULE, chip)
        found[chip.name] = {"source": chip.source, "model": _as_list(ours), "rule": _as_list(rule)}
    return found


def summary(by_chip: dict[str, Any]) -> dict[str, Any]:
    """Pool counts by source: ``{source: {"model": figures, "rule": figures, "chips": n}}``."""
    pooled: dict[str, dict[str, Counts]] = defaultdict(lambda: {"model": Counts(), "rule": Counts()})
    number: dict[str, int] = defaultdict(int)
    for entry in by_chip.values():
        number[entry["source"]] += 1
        for who in ("model", "rule"):
            have = _as_list(pooled[entry["source"]][who])
            pooled[entry["source"]][who] = Counts(*(a + b for a, b in zip(have, entry[who], strict=True)))
    return {
        source: {"chips": number[source], **{who: counts.figures() for who, counts in both.items()}}
        for source, both in pooled.items()
    }


def score_checks(module: nn.Module, config: ModelConfig, checks: list[Check]) -> dict[str, dict[str, float]]:
    """Share called cloud in each check image, by the model and by the rule."""
    module.eval()
    return {
        check.name: {
            "model": round(float(cloud_of(module, config, check.image).mean()), 4),
            "rule": round(float((check.image[0] > RULE).mean()), 4),
            "truth": float(check.cloudy),
        }
        for check in checks
    }


def _as_list(counts: Counts) -> list[int]:
    return [counts.tp, counts.fp, counts.fn, counts.tn]
