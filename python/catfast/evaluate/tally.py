"""Counts of one contender on one unit: all that evaluation remembers of its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from catfast.classes import CLASS_CODES, NODATA
from catfast.evaluate.boundary import DISTANCES
from catfast.evaluate.codes import THIN, TRUTH_NAMES

__all__ = ["UNANSWERED", "Counts", "Tally", "is_cloud"]

Counts = npt.NDArray[np.int64]

UNANSWERED = len(CLASS_CODES)
"""Column of a confusion matrix for pixels that have truth and no answer."""

_TRUTHS, _ANSWERS = len(TRUTH_NAMES), len(CLASS_CODES) + 1

_ROW = np.full(256, _TRUTHS, np.int64)
_ROW[:_TRUTHS] = np.arange(_TRUTHS)
_COLUMN = np.full(256, UNANSWERED, np.int64)
_COLUMN[: len(CLASS_CODES)] = np.arange(len(CLASS_CODES))


def is_cloud(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where codes of truth or of a mask are cloud, thin or thick."""
    found: npt.NDArray[np.bool_] = (codes == CLASS_CODES["cloud"]) | (codes == THIN)
    return found


@dataclass(slots=True)
class Tally:
    """Sums over pixels that have truth."""

    confusion: Counts = field(default_factory=lambda: np.zeros((_TRUTHS, _ANSWERS), np.int64))
    """Pixels by truth (rows, :data:`TRUTH_NAMES`) and answer (codes 0-4, then unanswered)."""
    reliability: Counts = field(default_factory=lambda: np.zeros((101, 2), np.int64))
    """Answered pixels by per cent of cloud probability, 0-100, and by truth: not cloud, cloud."""
    boundary: Counts = field(default_factory=lambda: np.zeros((2, 1 + len(DISTANCES)), np.int64))
    """Pixels on boundaries of cloud, of the answer and of the truth: all, and those near the other's."""

    def count(
        self,
        truth: npt.NDArray[np.uint8],
        answer: npt.NDArray[np.uint8],
        cloud_percent: npt.NDArray[np.uint8] | None,
    ) -> None:
        """Add pixels: codes of truth and of the answer, and the cloud probability in per cent (255 none)."""
        cells = _ROW[truth] * _ANSWERS + _COLUMN[answer]
        found = np.bincount(cells.ravel(), minlength=(_TRUTHS + 1) * _ANSWERS)
        self.confusion += found[: _TRUTHS * _ANSWERS].reshape(_TRUTHS, _ANSWERS)
        if cloud_percent is not None:
            seen = (truth != NODATA) & (cloud_percent <= 100)
            cells = 2 * cloud_percent[seen].astype(np.int64) + is_cloud(truth[seen])
            self.reliability += np.bincount(cells, minlength=202).reshape(101, 2)

    def add(self, other: Tally) -> None:
        """Add the sums of another tally."""
        self.confusion += other.confusion
        self.reliability += other.reliability
        self.boundary += other.boundary

    @property
    def errors(self) -> int:
        """Answered pixels where one of truth and answer is cloud and the other is not."""
        cloud = [CLASS_CODES["cloud"], THIN]
        called = self.confusion[:, CLASS_CODES["cloud"]]
        missed = self.confusion[cloud, :UNANSWERED].sum() - called[cloud].sum()
        return int(missed + called.sum() - called[cloud].sum())
