"""From a test set and models to a report."""

from __future__ import annotations

import json
import time
from dataclasses import fields
from pathlib import Path

from catfast.errors import InputError, UsageError
from catfast.evaluate.codes import code_table
from catfast.evaluate.collect import Progress, collect
from catfast.evaluate.config import EvaluateConfig, EvaluateResult
from catfast.evaluate.contenders import contenders_of
from catfast.evaluate.folders import ImageFolder
from catfast.evaluate.markdown import to_markdown
from catfast.evaluate.page import check_extra, to_html
from catfast.evaluate.pictures import worst_pictures
from catfast.evaluate.report import check_free, write_report
from catfast.evaluate.samples import TestSet
from catfast.evaluate.shapes import SHAPE_ENDS, ShapeSet
from catfast.evaluate.stores import StoreSet
from catfast.evaluate.strata import read_facts
from catfast.evaluate.summary import scored_classes, summarise

__all__ = ["evaluate_models", "open_test_set"]


def evaluate_models(
    test_set: str | Path,
    output: str | Path,
    config: EvaluateConfig | None = None,
    *,
    progress: Progress | None = None,
) -> EvaluateResult:
    """Score models and mask files on a test set and write a report.

    Args:
        test_set: a patch store, a folder of images with masks, or points and polygons (GeoPackage, GeoJSON).
        output: folder for ``report.json``, ``report.md`` and ``report.html``.
        config: options.
        progress: called as samples are finished.

    Raises:
        InputError: not a test set, not a model, or files that do not fit each other.
        OutputError: the report is there already, or the disk did not take it.
        UsageError: options that do not fit the test set.
        MissingExtraError: the packages of ``catfast[report]`` or of a model are not installed.
    """
    started = time.perf_counter()
    config, output = config or EvaluateConfig(), Path(output)
    check_free(output, overwrite=config.overwrite)
    check_extra()
    tests = open_test_set(Path(test_set), config)
    contenders = contenders_of(config)
    classes = scored_classes(tests, contenders, config)
    units = collect(tests, contenders, config, progress)
    report = summarise(tests, contenders, units, config, classes)
    texts = {
        "report.json": json.dumps(report, indent=2) + "\n",
        "report.md": to_markdown(report),
        "report.html": to_html(report, worst_pictures(tests, contenders, units)),
    }
    write_report(output, texts, overwrite=config.overwrite)
    return EvaluateResult(
        output=output,
        report=report,
        markdown=texts["report.md"],
        warnings=tests.notices,
        seconds=time.perf_counter() - started,
    )


_STORE, _IMAGES, _SHAPES = "a patch store", "a folder of images with masks", "a file of points and polygons"

_OF_USE_WITH = {
    "split": ("--split", (_STORE,)),
    "codes": ("--codes", (_IMAGES,)),
    "gsd_m": ("--gsd", (_IMAGES,)),
    "reflectance_scale": ("--reflectance-scale", (_IMAGES, _SHAPES)),
    "scenes": ("--scenes", (_SHAPES,)),
    "class_column": ("--class-column", (_SHAPES,)),
}
"""Options by field, and the kinds of test set that they change anything of."""


def open_test_set(path: Path, config: EvaluateConfig) -> TestSet:
    """The test set at a path, by what lies there.

    Raises:
        InputError: nothing there that is a test set.
        UsageError: an option that is of no use with it.
    """
    facts = read_facts(config.facts) if config.facts else {}
    if path.suffix.lower() in SHAPE_ENDS:
        _refuse_idle(config, path, _SHAPES)
        return ShapeSet(path, facts, config)
    if not path.is_dir():
        found = "a file" if path.exists() else "nothing there"
        raise InputError(
            f"{path}: expected a patch store, a folder of images with masks, or points and polygons "
            f"({', '.join(SHAPE_ENDS)}), found {found}"
        )
    if (path / "store.json").is_file():
        _refuse_idle(config, path, _STORE)
        return StoreSet(path, facts, split=config.split)
    _refuse_idle(config, path, _IMAGES)
    table = code_table(config.codes, config.thin)
    return ImageFolder(path, table, facts, gsd_m=config.gsd_m, reflectance_scale=config.reflectance_scale)


def _refuse_idle(config: EvaluateConfig, path: Path, kind: str) -> None:
    """Refuse options that are of no use with such a test set: whoever gives one expects something of it."""
    for item in fields(config):
        option, kinds = _OF_USE_WITH.get(item.name, ("", (kind,)))
        if kind not in kinds and getattr(config, item.name) != item.default:
            raise UsageError(f"{option} is of use with {' or '.join(kinds)} only: {path} is {kind}")
