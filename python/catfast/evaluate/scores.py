"""Figures of confusion matrices: always of pooled pixel counts, never means of figures.

Every function takes matrices of any leading shape, so that all bootstrap samples are scored at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from catfast.classes import CLASS_CODES
from catfast.evaluate.codes import THIN, TRUTH_NAMES

__all__ = ["ONE_CLASS", "calibration", "expected_calibration_error", "fold", "one_class", "overall"]

Array = npt.NDArray[np.float64]

ONE_CLASS = ("oa", "balanced_oa", "precision", "recall", "f1", "iou")
"""Figures of one class against the rest."""


def fold(confusion: npt.NDArray[np.generic], classes: Sequence[str]) -> Array:
    """Confusion (..., 6, 6) of truth and answer to (..., c, c) of ``classes``; the others count as clear.

    Thin cloud is cloud; unanswered pixels are left out.
    """
    place = {name: classes.index(name) if name in classes else classes.index("clear") for name in CLASS_CODES}
    rows = np.zeros((len(classes), len(TRUTH_NAMES)))
    for name, code in CLASS_CODES.items():
        rows[place[name], code] = 1
    columns = rows[:, : len(CLASS_CODES)].T.copy()
    rows[place["cloud"], THIN] = 1
    answered = confusion[..., : len(CLASS_CODES)].astype(np.float64)
    found: Array = rows @ answered @ columns
    return found


def overall(matrix: Array) -> dict[str, Array]:
    """Overall accuracy, and its mean over classes that the truth holds; (...) from (..., c, c)."""
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    truth = matrix.sum(-1)
    recall = _share(right, truth)
    present = (truth > 0).sum(-1)
    balanced = _share(np.nansum(recall, -1), present)
    return {"oa": _share(right.sum(-1), matrix.sum((-2, -1))), "balanced_oa": balanced}


def one_class(matrix: Array, index: int) -> dict[str, Array]:
    """Figures of one class against the rest, each (...), of (..., c, c); NaN if undefined."""
    hit = matrix[..., index, index]
    false = matrix[..., :, index].sum(-1) - hit
    missed = matrix[..., index, :].sum(-1) - hit
    rest = matrix.sum((-2, -1)) - hit - false - missed
    two = np.stack([np.stack([rest, false], -1), np.stack([missed, hit], -1)], -2)
    return {
        **overall(two),
        "precision": _share(hit, hit + false),
        "recall": _share(hit, hit + missed),
        "f1": _share(2 * hit, 2 * hit + false + missed),
        "iou": _share(hit, hit + false + missed),
    }


def calibration(reliability: npt.NDArray[np.int64], bins: int = 10) -> list[dict[str, float]]:
    """Bins of a reliability diagram that hold pixels: number, mean cloud probability, share of true cloud.

    Args:
        reliability: pixels (101, 2) by per cent of cloud probability and truth.
        bins: equal parts of 0-1.
    """
    percent = np.arange(101)
    place = np.minimum(percent * bins // 100, bins - 1)
    found = []
    for index in range(bins):
        part = reliability[place == index]
        if pixels := int(part.sum()):
            mean = float((part.sum(1) * percent[place == index]).sum()) / pixels / 100
            cloud = float(part[:, 1].sum()) / pixels
            found.append(
                {
                    "low": index / bins,
                    "high": (index + 1) / bins,
                    "pixels": pixels,
                    "probability": mean,
                    "cloud": cloud,
                }
            )
    return found


def expected_calibration_error(bins: Sequence[Mapping[str, float]]) -> float:
    """Mean of |probability - share of cloud| over bins by pixels (Guo et al., ICML 2017); NaN of none."""
    pixels = sum(part["pixels"] for part in bins)
    gaps = sum(part["pixels"] * abs(part["probability"] - part["cloud"]) for part in bins)
    return gaps / pixels if pixels else float("nan")


def _share(part: npt.NDArray[np.generic], whole: npt.NDArray[np.generic]) -> Array:
    over, under = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    found: Array = np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)
    return found
