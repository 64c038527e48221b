from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason='needs pip install "catfast[train]"')
pytest.importorskip("segmentation_models_pytorch", reason='needs pip install "catfast[train]"')
pytest.importorskip("onnxscript", reason='needs pip install "catfast[train]"')
rasterio = pytest.importorskip("rasterio")

sys.path.insert(0, str(Path(__file__).parents[2]))  # recipes are run from a clone, not installed

from catfast.models import resolve  # noqa: E402
from recipes import default_model, trials  # noqa: E402
from recipes.chips import load_checks, load_chips  # noqa: E402
from recipes.settings import CLEAR, CLOUD, NOT_CLOUD, SHADOW, Settings, Stage  # noqa: E402
from tests.recipe_settings import SMALL  # noqa: E402

STAGES = replace(
    SMALL,
    folds=2,
    pretrain=Stage(steps=2, learning_rate=1e-3, warmup=1),
    finetune=Stage(steps=2, learning_rate=1e-3, warmup=1, real_share=0.5, seed=1),
    polish=Stage(steps=2, learning_rate=1e-3, warmup=1, real_share=0.5, low_sun=1.0, seed=2),
    harden=Stage(steps=2, learning_rate=1e-3, warmup=1, real_share=0.5, seed=4),
    members=1,
)


def _write(path: Path, data: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = data.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": data.dtype.name}
    with rasterio.open(path, "w", **profile) as file:
        file.write(data)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A few chips of each source with their own codes, made of bright squares on dark ground."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for number in range(4):
        bright = np.zeros((96, 96), bool)
        bright[10:50, 10 + number * 10 : 60] = True
        dn = (900 + 5000 * bright + rng.integers(0, 200, (4, 96, 96))).astype(np.uint16)
        mask = np.where(bright, 255, 128).astype(np.uint8)
        mask[60:64] = 64 if number < 2 else 192
        _write(folder / f"l8biome_patches/images/Barren_{number:02}.tif", dn)
        _write(folder / f"l8biome_patches/masks/Barren_{number:02}.tif", mask[None])
        for index, band in enumerate(("B02", "B03", "B04", "B08")):
            _write(folder / f"on_cloud_n/chip_id_{number}/{band}.tif", dn[index : index + 1])
        _write(folder / f"on_cloud_n/chip_id_{number}/label.tif", bright[None].astype(np.uint8))
    _write(folder / "ukis_csmask/landsat5_image.tif", dn)
    _write(folder / "ukis_csmask/landsat5_mask.tif", np.where(bright, 4, 1).astype(np.uint8)[None])
    _write(folder / "planetscope_s2_pair/pan_test.tif", np.full((4, 99, 97), 800, np.uint16))
    return folder


def test_chips_speak_one_language(data):
    chips = {chip.name: chip for chip in load_chips(data)}
    assert set(np.unique(chips["Barren_00"].label)) == {CLEAR, CLOUD, SHADOW}
    assert set(np.unique(chips["Barren_03"].label)) == {NOT_CLOUD, CLOUD}
    assert set(np.unique(chips["chip_id_1"].label)) == {NOT_CLOUD, CLOUD}
    assert chips["landsat5"].image.shape == (4, 96, 96)
    assert 0.08 < chips["landsat5"].image.min() < 0.12
    (check,) = load_checks(data)
    assert check.image.shape == (4, 33, 32)


def test_a_folder_without_chips_is_said_to_be_so(tmp_path):
    with pytest.raises(SystemExit, match="expected chips"):
        load_chips(tmp_path)


def test_all_stages_make_a_model_and_its_card(data, tmp_path):
    work, out = tmp_path / "work", tmp_path / "model"
    default_model.pretrain(STAGES, work, data)
    default_model.crossval(STAGES, work, data)
    chips = json.loads((work / "scores.json").read_text())["by_chip"]
    rival = {name: [0, 50, 0, 50] for name in chips}
    figures = {"oa": 0.5, "iou": 0.123, "precision": 0.5, "recall": 0.5}
    pooled = {entry["source"]: figures for entry in chips.values()}
    checks = {check.name: 0.25 for check in load_checks(data)}
    (work / "rival.json").write_text(json.dumps({"by_chip": rival, "pooled": pooled, "checks": checks}))
    shipped = replace(STAGES, members=2)
    default_model.ship(shipped, work, data, out)
    assert resolve(out) == out
    assert {path.name for path in out.iterdir()} == {
        "README.md",
        "SHA256SUMS",
        "config.json",
        "model.onnx",
        "model.safetensors",
    }
    scores = json.loads((work / "scores.json").read_text())
    card = (out / "README.md").read_text()
    assert "{" not in card
    assert f"{scores['pooled']['l8_biome']['model']['iou']:.3f}" in card
    assert f"{scores['pooled']['on_cloud_n']['rule']['iou']:.3f}" in card
    assert "4 chips of **L8 Biome**" in card
    assert "| ukis-csmask 1.0.0 | 0.123 |" in card
    assert "| 25.0% |" in card
    assert "on cpu" in card
    before = (out / "model.safetensors").read_bytes()
    default_model.ship(shipped, work, data, out)  # everything is there: nothing is trained again
    assert (out / "model.safetensors").read_bytes() == before


def test_what_it_makes_can_be_taught_by_another(data, tmp_path):
    work, taught, out = tmp_path / "work", tmp_path / "taught", tmp_path / "model"
    default_model.pretrain(STAGES, work, data)
    default_model.crossval(STAGES, work, data)
    default_model.finetune(STAGES, work, load_chips(data), "final")
    shutil.copytree(work, taught, ignore=shutil.ignore_patterns("fold?", "final", "scores.json"))
    settings = replace(STAGES, teacher=work, distil=Stage(steps=2, learning_rate=1e-3, warmup=1, seed=7))
    default_model.crossval(settings, taught, data)
    default_model.ship(settings, taught, data, out)
    assert "in which no label counts but a teacher's answers do" in (out / "README.md").read_text()
    assert "seeds 0, 1, 2, 4, 7" in (out / "README.md").read_text()
    assert (out / "model.safetensors").read_bytes() != (work / "final" / "model.safetensors").read_bytes()


TINY = [f"{stage}.steps=2" for stage in ("pretrain", "finetune", "polish", "harden")]
TINY += ["crop=64", "batch=4", "chunk=8", "at_once=8", "folds=2"]
TINY += [f"architecture={json.dumps(SMALL.architecture)}"]


def test_trials_go_side_by_side_and_are_taken_up_again(data, tmp_path):
    where, tried, plenty = (tmp_path, data, "cpu"), trials.TRIALS[:2], 600.0
    assert trials.run(where, tried, 0.0, 2, TINY).count("not done") == 10
    text = trials.run(where, tried, plenty, 2, TINY)
    assert "not done" not in text, [path.read_text() for path in (tmp_path / "logs").iterdir()]
    for trial in tried:
        pooled = json.loads((tmp_path / trials.folder_name(trial) / "scores.json").read_text())["pooled"]
        assert f"| {trial.name} | {pooled['l8_biome']['model']['iou']:.3f} |" in text
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    assert len(before) > 10
    assert trials.run(where, tried, plenty, 2, TINY) == text
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}


def test_every_trial_changes_settings_that_there_are():
    changed = [
        [default_model.changed(Settings(), list(given)) for given in (trial.settings, trial.start)]
        for trial in trials.TRIALS
    ]
    assert changed[0] == [Settings(), Settings()]
    assert all(changed.count(both) == 1 for both in changed)


def test_trials_with_one_start_share_it(tmp_path):
    by_start = {trial.start: trials._origin(tmp_path, trial) for trial in trials.TRIALS}
    assert len(set(by_start.values())) == len(by_start) > 2
