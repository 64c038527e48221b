"""The experiment, small enough to run in a test: every stage, every kind of row."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio

from recipes.experiment import FULL, ROWS, SMALL, Row, Scale, effort, run
from recipes.experiment_table import figures, less, markdown, pixels

TINY = Scale(
    train_pairs=6,
    test_pairs=2,
    size_px=384,
    patch=96,
    gsd_m=10.0,
    steps=4,
    pixels=None,
    batch=4,
    learning_rate=1e-3,
    augment=True,
    encoder="tu-mobilenetv3_small_050",
    seeds=1,
)
CHOSEN = ("U-Net", "U-Net taught by the truth", "U-Net, soft labels", "U-Net at 10 m", "U-Net at 30 m")


def chosen():
    """The first row, one of the truth, one with its own labels, one that repeats the first, one coarser."""
    return [row for row in ROWS if row.name in CHOSEN]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    work = tmp_path_factory.mktemp("experiment")
    return work, run(work, TINY, chosen())


def test_rows_of_the_scale_itself_are_left_out(done):
    _, report = done
    assert [student["row"] for student in report["students"]] == [
        name for name in CHOSEN if name != "U-Net at 10 m"
    ]
    assert {row.training["gsd_m"] for row in ROWS if "gsd_m" in row.training} >= {FULL.gsd_m, SMALL.gsd_m}


def test_finer_rows_see_no_more_pixels_than_they_may():
    """Patches of 320 px at 3 m; a step at 30 m is 16 patches of 32 px."""
    shown = {gsd: effort(SMALL, Row(name="", training={"gsd_m": gsd})) for gsd in (30.0, 10.0, 3.0)}
    assert shown[30.0] == (16, SMALL.steps)
    for gsd, (batch, steps) in shown.items():
        assert batch >= 2
        assert 0 < steps * batch * (320 * 3 / gsd) ** 2 <= SMALL.pixels
    assert effort(FULL, Row(name="")) == (FULL.batch, FULL.steps)


def test_the_teacher_is_scored_against_the_truth(done):
    work, report = done
    teacher = report["teachers"][0]
    union = hits = known_pixels = 0
    for truth_path in (work / "test" / "truth").glob("*_truth.tif"):
        stem = truth_path.name.removesuffix("_truth.tif")
        (label_path,) = (work / "test-labels" / teacher["labels"]).glob(f"{stem}*.tif")
        with rasterio.open(truth_path) as truth, rasterio.open(label_path) as label:
            true, said = truth.read(1), label.read(1)
        known = (true != 255) & (said != 255)
        hits += ((true == 1) & (said == 1) & known).sum()
        union += (((true == 1) | (said == 1)) & known).sum()
        known_pixels += int(known.sum())
    assert np.isclose(teacher["labelled"]["cloud_iou"], hits / union)
    assert teacher["labelled"]["pixels"] == known_pixels


def test_a_perfect_teacher_says_the_truth(done):
    work, _ = done
    for truth_path in (work / "learn" / "truth").glob("*_truth.tif"):
        with rasterio.open(truth_path) as source:
            truth = source.read(1)
        ps_id = truth_path.name.removesuffix("_truth.tif")
        index = json.loads((work / "learn" / "world.json").read_text())
        (l8_id,) = (pair["l8_id"] for pair in index["pairs"] if pair["ps_id"] == ps_id)
        with rasterio.open(work / "learn-perfect" / l8_id / f"{l8_id}_QA_PIXEL.TIF") as source:
            qa = source.read(1)
        assert ((qa & 1 > 0) == (truth == 255)).all()
        assert ((qa & 1 << 3 > 0) == (truth == 1)).all()
        assert ((qa & 1 << 4 > 0) == (truth == 2)).all()
        assert ((qa & 1 << 5 > 0) == (truth == 3)).all()
        assert ((qa & 1 << 7 > 0) == (truth == 4)).all()


def test_the_table_is_written_and_taken_up_again(done):
    work, report = done
    written = json.loads((work / "experiment.json").read_text())
    assert written == json.loads(json.dumps(report))
    assert written["simulated"] is True
    text = (work / "experiment.md").read_text()
    assert text.startswith("Simulated scenes only")
    assert all(f"| {student['row']} |" in text for student in report["students"])
    weights = work / "runs" / "u-net-0" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    assert run(work, TINY, chosen()) == report
    assert weights.stat().st_mtime_ns == before


def test_the_student_taught_by_the_truth_has_no_teacher_to_beat(done):
    _, report = done
    by_name = {student["row"]: student for student in report["students"]}
    assert by_name["U-Net taught by the truth"]["less_teacher"] is None
    assert by_name["U-Net"]["less_first"] is None
    assert by_name["U-Net"]["less_teacher"]["labelled"]["low"] <= (
        by_name["U-Net"]["labelled"]["cloud_iou"] - report["teachers"][0]["labelled"]["cloud_iou"]
    )
    assert "teacher: truth" not in markdown(report)


def test_figures_pool_pixels_and_pair_differences():
    truth, called = np.array([[1, 1, 0, 255]], np.uint8), np.array([[1, 0, 1, 1]], np.uint8)
    assert pixels(called, truth).tolist() == [[0, 1], [1, 1]]
    label = np.array([[1, 255, 0, 0]], np.uint8)
    assert pixels(called, truth, label).tolist() == [[0, 1], [0, 1]]
    counts = np.array([[[5, 0], [0, 5]], [[0, 5], [5, 0]]])
    found = figures(counts)
    assert found["cloud_iou"] == pytest.approx(5 / 15)
    assert (found["low"], found["high"]) == (0.0, 1.0)
    assert less(counts, counts) == {"value": 0.0, "low": 0.0, "high": 0.0}
