"""The experiment, small enough to run in a test: every stage, every kind of row."""

from __future__ import annotations

import json

import numpy as np
import rasterio

from recipes.experiment import ROWS, Scale, run

TINY = Scale(
    train_pairs=6,
    test_pairs=2,
    size_px=384,
    patch=96,
    steps=4,
    batch=4,
    encoder="tu-mobilenetv3_small_050",
    seeds=1,
)


def chosen():
    """One row that shares the first one's labels, and one with labels of its own."""
    return [row for row in ROWS if row is ROWS[0] or row.name in ("U-Net, no NIR", "U-Net, soft labels")]


def test_the_experiment_scores_teacher_and_students(tmp_path):
    report = run(tmp_path, TINY, chosen())
    assert [student["row"] for student in report["students"]] == [row.name for row in chosen()]
    (teacher,) = report["teachers"]
    union = hits = 0
    for truth_path in (tmp_path / "test" / "truth").glob("*_truth.tif"):
        stem = truth_path.name.removesuffix("_truth.tif")
        (label_path,) = (tmp_path / "test-labels" / teacher["labels"]).glob(f"{stem}*.tif")
        with rasterio.open(truth_path) as truth, rasterio.open(label_path) as label:
            true, said = truth.read(1), label.read(1)
        known = (true != 255) & (said != 255)
        hits += ((true == 1) & (said == 1) & known).sum()
        union += (((true == 1) | (said == 1)) & known).sum()
    assert np.isclose(teacher["labelled"]["cloud_iou"], hits / union)
    written = json.loads((tmp_path / "experiment.json").read_text())
    assert written == json.loads(json.dumps(report))
    assert written["simulated"] is True
    text = (tmp_path / "experiment.md").read_text()
    assert text.startswith("Simulated scenes only")
    assert all(f"| {row.name} |" in text for row in chosen())
