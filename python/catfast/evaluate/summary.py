"""From tallies to the content of ``report.json``: pooled figures, intervals, splits, differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast import __version__
from catfast.classes import CLASS_CODES
from catfast.errors import InputError
from catfast.evaluate.bootstrap import LEVEL, Resampler, interval
from catfast.evaluate.boundary import DISTANCES
from catfast.evaluate.codes import TRUTH_NAMES
from catfast.evaluate.collect import Units
from catfast.evaluate.config import EvaluateConfig
from catfast.evaluate.contenders import Contender
from catfast.evaluate.samples import TestSet
from catfast.evaluate.scores import (
    calibration,
    expected_calibration_error,
    fold,
    one_class,
    overall,
)
from catfast.evaluate.strata import SPLITS
from catfast.evaluate.tally import UNANSWERED, Tally

__all__ = ["FORMAT", "scored_classes", "summarise"]

FORMAT = 1
"""Of ``report.json``."""

_CLOUD = ("clear", "cloud")


def summarise(
    tests: TestSet,
    contenders: Sequence[Contender],
    units: Sequence[Units],
    config: EvaluateConfig,
    classes: tuple[str, ...],
) -> dict[str, Any]:
    """Everything that ``report.json`` holds; figures that are undefined are null."""
    scenes = sorted({scene for found in units for scene, _ in found.by_key})
    resampler = Resampler(len(scenes), config.resamples, config.seed)
    return {
        "catfast": __version__,
        "format": FORMAT,
        "test_set": _test_set(tests, scenes),
        "settings": _settings(config, classes),
        "contenders": [
            _contender(contender, found, classes, scenes, resampler)
            for contender, found in zip(contenders, units, strict=True)
        ],
        "differences": _differences(contenders, units, scenes, resampler),
    }


def scored_classes(
    tests: TestSet, contenders: Sequence[Contender], config: EvaluateConfig
) -> tuple[str, ...]:
    """Classes to score: those asked for, else those that the test set and every contender know.

    Raises:
        InputError: a class that was asked for is not known to all of them.
    """
    known = {tests.path.name: set(tests.classes)} | {found.name: set(found.classes) for found in contenders}
    if config.classes is None:
        return tuple(name for name in CLASS_CODES if all(name in classes for classes in known.values()))
    for name in config.classes:
        for owner, classes in known.items():
            if name not in classes:
                raise InputError(
                    f"{owner}: expected the class {name} (--classes), found {', '.join(sorted(classes))}"
                )
    return tuple(name for name in CLASS_CODES if name in config.classes)


def _test_set(tests: TestSet, scenes: Sequence[str]) -> dict[str, Any]:
    return {
        "name": tests.path.resolve().name,
        "kind": tests.kind,
        "simulated": tests.simulated,
        "samples": len(tests),
        "scenes": len(scenes),
        "classes": list(tests.classes),
    }


def _settings(config: EvaluateConfig, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "classes": list(classes),
        "codes": config.codes,
        "thin": config.thin,
        "threshold": config.threshold,
        "gsd_m": config.gsd_m,
        "split": config.split,
        "resamples": config.resamples,
        "seed": config.seed,
        "interval": LEVEL,
    }


def _contender(
    contender: Contender,
    units: Units,
    classes: tuple[str, ...],
    scenes: Sequence[str],
    resampler: Resampler,
) -> dict[str, Any]:
    total = _total(unit.tally for unit in units.by_key.values())
    by_scene = _by_scene(units, scenes)
    return {
        "name": contender.name,
        "kind": contender.kind,
        "sha256": contender.sha256,
        "classes_known": list(contender.classes),
        "samples": sum(unit.samples for unit in units.by_key.values()),
        "missing": units.missing,
        "pixels": int(total.confusion[:, :UNANSWERED].sum()),
        "unanswered": int(total.confusion[:, UNANSWERED].sum()),
        "cloud": _figures(fold(by_scene, _CLOUD), 1, resampler),
        "overall": {name: _number(value) for name, value in overall(fold(total.confusion, classes)).items()},
        "classes": {
            name: _figures(fold(by_scene, classes), index, resampler) for index, name in enumerate(classes)
        },
        "confusion": {
            "truth": list(TRUTH_NAMES),
            "answer": [*CLASS_CODES, "unanswered"],
            "pixels": total.confusion.tolist(),
        },
        "called_cloud": _called_cloud(total),
        "boundary": _boundary(total),
        "calibration": _calibration(total),
        "splits": {name: _split(units, place) for place, name in enumerate(SPLITS)},
        "worst": [{"name": name, "errors": errors} for errors, _, name in sorted(units.worst, reverse=True)],
    }


def _total(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


def _by_scene(units: Units, scenes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Confusion of each scene, (scenes, 6, 6)."""
    place = {scene: row for row, scene in enumerate(scenes)}
    found = np.zeros((len(scenes), *Tally().confusion.shape), np.int64)
    for (scene, _), unit in units.by_key.items():
        found[place[scene]] += unit.tally.confusion
    return found


def _figures(by_scene: npt.NDArray[np.float64], index: int, resampler: Resampler) -> dict[str, Any]:
    pooled = one_class(by_scene.sum(0), index)
    samples = resampler.scores(by_scene, index)
    return {name: _with_interval(float(value), samples[name]) for name, value in pooled.items()}


def _with_interval(value: float, samples: npt.NDArray[np.float64]) -> dict[str, float | None]:
    low, high = interval(samples)
    return {"value": _number(value), "low": _number(low), "high": _number(high)}


def _number(value: float | npt.NDArray[np.float64], digits: int = 6) -> float | None:
    """Rounded; None in place of NaN, which JSON does not have."""
    number = float(value)
    return round(number, digits) if math.isfinite(number) else None


def _called_cloud(total: Tally) -> dict[str, Any]:
    """Share of each class of truth that was called cloud: recall for clouds, false cloud for the rest."""
    answered = total.confusion[:, :UNANSWERED]
    pixels, cloud = answered.sum(1), answered[:, CLASS_CODES["cloud"]]
    return {
        name: {"pixels": int(all_of), "share": _number(int(called) / int(all_of))}
        for name, all_of, called in zip(TRUTH_NAMES, pixels, cloud, strict=True)
        if all_of
    }


def _boundary(total: Tally) -> list[dict[str, Any]]:
    (own, *near_truth), (true, *near_answer) = total.boundary.tolist()
    found = []
    for distance, hit, met in zip(DISTANCES, near_truth, near_answer, strict=True):
        precision = hit / own if own else math.nan
        recall = met / true if true else math.nan
        both = precision + recall
        f1 = 2 * precision * recall / both if both else (0.0 if own or true else math.nan)
        figures = {"precision": precision, "recall": recall, "f1": f1}
        found.append({"pixels": distance} | {name: _number(value) for name, value in figures.items()})
    return found


def _calibration(total: Tally) -> dict[str, Any] | None:
    bins = calibration(total.reliability)
    if not bins:
        return None
    rounded = [{name: _number(value) for name, value in part.items()} for part in bins]
    return {"ece": _number(expected_calibration_error(bins)), "bins": rounded}


def _split(units: Units, place: int) -> dict[str, Any]:
    """Cloud figures of the parts of one split; nothing where all is unknown."""
    parts: dict[str, Tally] = {}
    scenes: dict[str, set[str]] = {}
    for (scene, labels), unit in units.by_key.items():
        parts.setdefault(labels[place], Tally()).add(unit.tally)
        scenes.setdefault(labels[place], set()).add(scene)
    if set(parts) == {"unknown"}:
        return {}
    return {
        label: {
            "scenes": len(scenes[label]),
            "pixels": int(parts[label].confusion[:, :UNANSWERED].sum()),
            **{name: _number(value) for name, value in _cloud(parts[label]).items()},
            "false_cloud": _false_cloud(parts[label]),
        }
        for label in sorted(parts)
    }


def _cloud(tally: Tally) -> dict[str, npt.NDArray[np.float64]]:
    return one_class(fold(tally.confusion, _CLOUD), 1)


def _false_cloud(tally: Tally) -> float | None:
    """Share of what is not cloud that was called cloud."""
    clear = fold(tally.confusion, _CLOUD)[0]
    return _number(clear[1] / clear.sum()) if clear.sum() else None


def _differences(
    contenders: Sequence[Contender],
    units: Sequence[Units],
    scenes: Sequence[str],
    resampler: Resampler,
) -> list[dict[str, Any]]:
    """The first contender minus each other, figure by figure, on scenes that both answered."""
    found = []
    for other in range(1, len(contenders)):
        shared = [{scene for scene, _ in units[index].by_key} for index in (0, other)]
        common = [scene for scene in scenes if scene in shared[0] & shared[1]]
        rows = [scenes.index(scene) for scene in common]
        pair = [fold(_by_scene(units[index], scenes)[rows], _CLOUD) for index in (0, other)]
        draws = Resampler(len(common), resampler.samples, resampler.seed)
        pooled = [one_class(part.sum(0), 1) for part in pair]
        drawn = [draws.scores(part, 1) for part in pair]
        figures = {
            name: _with_interval(float(pooled[0][name] - pooled[1][name]), drawn[0][name] - drawn[1][name])
            for name in pooled[0]
        }
        found.append(
            {"of": contenders[0].name, "minus": contenders[other].name, "scenes": len(common)} | figures
        )
    return found
