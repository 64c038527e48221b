"""The experiment's figures: pixels counted scene by scene, pooled, with intervals over scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.classes import CLASS_CODES, NODATA
from catfast.evaluate.bootstrap import Resampler, interval
from catfast.evaluate.scores import one_class
from recipes.experiment_world import Codes

__all__ = ["Counts", "figures", "less", "markdown", "pixels"]

Counts = npt.NDArray[np.int64]
"""Pixels (scenes, 2, 2): truth not cloud and cloud by called not cloud and cloud."""

_SAMPLES = 1000


def pixels(called: Codes, truth: Codes, label: Codes | None = None) -> Counts:
    """Pixels (2, 2) of one scene, where its truth is known, and where ``label`` is if one is given."""
    where = truth != NODATA if label is None else (truth != NODATA) & (label != NODATA)
    cloud = CLASS_CODES["cloud"]
    pair = 2 * (truth[where] == cloud) + (called[where] == cloud)
    return np.bincount(pair, minlength=4).reshape(2, 2)


def figures(counts: Counts) -> dict[str, Any]:
    """Pooled figures of the cloud class; ``cloud_iou`` with its 95 % interval over scenes."""
    pooled = {name: float(value) for name, value in one_class(counts.sum(0).astype(float), 1).items()}
    low, high = interval(_samples(counts))
    (clear, false), _ = counts.sum(0).tolist()
    return {
        "cloud_iou": pooled["iou"],
        "low": low,
        "high": high,
        "accuracy": pooled["oa"],
        "precision": pooled["precision"],
        "recall": pooled["recall"],
        "false_cloud": false / max(1, clear + false),
        "pixels": int(counts.sum()),
    }


def less(ours: Counts, theirs: Counts) -> dict[str, float]:
    """Cloud IoU of one less that of another on the same pixels; its interval over scenes is paired."""
    samples = _samples(ours) - _samples(theirs)
    low, high = interval(samples)
    return {"value": _iou(ours) - _iou(theirs), "low": low, "high": high}


def _samples(counts: Counts) -> npt.NDArray[np.float64]:
    return Resampler(len(counts), _SAMPLES, 0).scores(counts.astype(float), 1)["iou"]


def _iou(counts: Counts) -> float:
    return float(one_class(counts.sum(0).astype(float), 1)["iou"])


def markdown(report: Mapping[str, Any]) -> str:
    """The table, and the answer."""
    lines = [
        "Simulated scenes only: no figure here is PlanetScope or Arctic accuracy. Cloud IoU, pooled over",
        "scenes that no network saw, against the truth at 3 m; in brackets 95 % of 1,000 draws of scenes.",
        "Everywhere, a teacher counts as saying clear where it ignores.",
        "",
        "| | everywhere | less its teacher | less the first row | where its teacher labels "
        "| less its teacher | recall | false cloud on clear | patches shown |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for teacher in report["teachers"]:
        cells = (
            _with_interval(teacher["all"]),
            "",
            "",
            f"{_with_interval(teacher['labelled'])} of {teacher['share_labelled']:.0%}",
            "",
            *_errors(teacher),
            "",
        )
        lines.append(f"| teacher: {teacher['labels']} | {' | '.join(cells)} |")
    for name in dict.fromkeys(student["row"] for student in report["students"]):
        lines.append(_line(name, [s for s in report["students"] if s["row"] == name]))
    return "\n".join([*lines, "", *_answers(report), ""])


def _line(name: str, students: Sequence[Mapping[str, Any]]) -> str:
    """A row: the seed in the middle, and how far the others are apart."""
    ordered = sorted(students, key=lambda student: student["all"]["cloud_iou"])
    middle = ordered[(len(ordered) - 1) // 2]
    scores = [student["all"]["cloud_iou"] for student in ordered]
    spread = f", seeds {scores[0]:.3f} to {scores[-1]:.3f}" if len(scores) > 1 else ""
    against = middle["less_teacher"] or {"all": None, "labelled": None}
    cells = (
        _with_interval(middle["all"]) + spread,
        _difference(against["all"]),
        _difference(middle["less_first"]),
        _with_interval(middle["labelled"]),
        _difference(against["labelled"]),
        *_errors(middle),
        f"{middle['patches']:,}",
    )
    return f"| {name} | {' | '.join(cells)} |"


def _errors(entry: Mapping[str, Any]) -> tuple[str, str]:
    return f"{entry['all']['recall']:.3f}", f"{entry['all']['false_cloud']:.3f}"


def _with_interval(part: Mapping[str, float]) -> str:
    return f"{part['cloud_iou']:.3f} ({part['low']:.3f} to {part['high']:.3f})"


def _difference(part: Mapping[str, float] | None) -> str:
    return f"{part['value']:+.3f} ({part['low']:+.3f} to {part['high']:+.3f})" if part else ""


def _answers(report: Mapping[str, Any]) -> list[str]:
    """Whether students beat the teachers that they learnt from."""
    return [
        f"- {student['row']} (seed {student['seed']}) {_verdict(student['less_teacher'][part])} its teacher "
        f"{where}: {_difference(student['less_teacher'][part])}."
        for student in report["students"]
        for part, where in (("all", "everywhere"), ("labelled", "where it labels"))
        if student["less_teacher"]
    ]


def _verdict(part: Mapping[str, float]) -> str:
    return "beats" if part["low"] > 0 else "does not beat" if part["high"] < 0 else "is on a par with"
