"""``report.md`` from the content of ``report.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catfast.evaluate.scores import ONE_CLASS

__all__ = ["FIGURES", "caveat", "number", "per_cent", "to_markdown", "with_interval"]

FIGURES: Mapping[str, str] = {
    "oa": "overall accuracy",
    "balanced_oa": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "iou": "IoU",
}
"""Figures as people read them."""


def number(value: float | None) -> str:
    """Three decimals, or a dash."""
    return "-" if value is None else f"{value:.3f}"


def per_cent(value: float | None) -> str:
    """Per cent with two decimals, or a dash."""
    return "-" if value is None else f"{100 * value:.2f} %"


def with_interval(figure: Mapping[str, float | None]) -> str:
    """A figure and its interval."""
    if figure["low"] is None:
        return number(figure["value"])
    return f"{number(figure['value'])} ({number(figure['low'])} to {number(figure['high'])})"


def caveat(report: Mapping[str, Any]) -> str:
    """What the figures are of, in Markdown."""
    tests, settings = report["test_set"], report["settings"]
    size = f"{_count(tests, 'sample')} from {_count(tests, 'scene')} ({tests['kind']}). "
    truth = (
        "**Simulated** images and truth: no figure here is an accuracy on real imagery. "
        if tests["simulated"]
        else ""
    )
    spread = (
        f"Intervals: {settings['interval']:.0%}, {settings['resamples']} bootstrap samples of "
        f"{tests['scenes']} scenes, seed {settings['seed']}."
        if tests["scenes"] > 1 and settings["resamples"]
        else "One scene, or no resampling: no intervals."
    )
    pooled = f"All figures are of pooled pixel counts. Thin cloud counts as {settings['thin']}. "
    return f"{size}{truth}{pooled}{spread}"


def _count(tests: Mapping[str, Any], word: str) -> str:
    number = tests[f"{word}s"]
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def to_markdown(report: Mapping[str, Any]) -> str:
    """The whole report as text."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"# Evaluation on {report['test_set']['name']}"
    yield ""
    yield caveat(report)
    yield from _table("Cloud against the rest", ["", *FIGURES.values()], _cloud_rows(report))
    yield from _table("Difference of cloud figures", ["", *FIGURES.values()], _difference_rows(report))
    yield from _table("All classes", ["", "class", *FIGURES.values()], _class_rows(report))
    yield from _table("Called cloud, by truth", ["", "truth", "pixels", "share"], _called_rows(report))
    yield from _table("Edges of clouds", ["", "within", "precision", "recall", "F1"], _edge_rows(report))
    yield from _table("Calibration of cloud probability", ["", "ECE"], _calibration_rows(report))
    for split in report["contenders"][0]["splits"]:
        header = ["", split, "scenes", "IoU", "precision", "recall", "overall accuracy", "false cloud"]
        yield from _table(f"By {split.replace('_', ' ')}", header, _split_rows(report, split))
    yield from _table("Worst samples", ["", "sample", "wrong pixels"], _worst_rows(report))
    yield from _table("Coverage", ["", "samples", "without answer", "pixels", "unanswered"], _seen(report))


def _table(title: str, header: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    found = list(rows)
    if found:
        yield from ("", f"## {title}", "", _row(header), _row(["---"] * len(header)), *map(_row, found))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _cloud_rows(report: Mapping[str, Any]) -> Iterator[list[str]]:
    for found in report["contenders"]:
        yield [found["name"], *(with_interval(found["cloud"][name]) for name in ONE_CLASS)]


def _difference_rows(report: Mapping[str, Any]) -> Iterator[list[str]]:
    for found in report["differences"]:
        yield [f"{found['of']} minus {found['minus']}", *(with_interval(found[name]) for name in ONE_CLASS)]


def _class_rows(report: Mapping[str, Any]) -> Iterator[list[str]]:
    for found in report["contenders"]:
        for name, figures in found["classes"].items():
            yield [found["name"], name, *(number(figures[key]["value"]) for key in ONE_CLASS)]
        both = [number(found["overall"][key]) for key in ("oa", "balanced_oa")]
        yield [found["name"], "all", *both, "", "", "", ""]


def _called_rows(report: Mapping[str, Any]) -> Iterator[list[str]]:
    for found in report["contenders"]:
        for name, entry in found["called_cloud"].items():
            yield [found["name"], name, str(entry["pixels"]), per_cent(entry["share"])]


def _edge_rows(report: Mapping[str, Any]) -> Iterator[list[str]]:
    for found in report["contenders"]:
        for entry in found["boundary"]:
            figures = (number(entry[name]) for name in ("precision", "recall", "f1"))
            yield [found["name"], f"{entry['pixels']} px", *figures]


def _calibration_rows(report: Mapping[str, Any]) -> Iterator[list[str]]:
    for found in report["contenders"]:
        if found["calibration"]:
            yield [found["name"], number(found["calibration"]["ece"])]


def _split_rows(report: Mapping[str, Any], split: str) -> Iterator[list[str]]:
    for found in report["contenders"]:
        for label, entry in found["splits"][split].items():
            figures = (number(entry[name]) for name in ("iou", "precision", "recall", "oa"))
            yield [found["name"], label, str(entry["scenes"]), *figures, per_cent(entry["false_cloud"])]


def _worst_rows(report: Mapping[str, Any]) -> Iterator[list[str]]:
    for found in report["contenders"]:
        for entry in found["worst"]:
            yield [found["name"], entry["name"], str(entry["errors"])]


def _seen(report: Mapping[str, Any]) -> Iterator[list[str]]:
    for found in report["contenders"]:
        yield [
            found["name"],
            *(str(found[key]) for key in ("samples", "missing", "pixels", "unanswered")),
        ]
