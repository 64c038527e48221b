"""`catfast labels --align` as a user runs it, on simulated pairs with known truth."""

from __future__ import annotations

import json

import numpy as np
import rasterio

from tests.align_files import read, write_pair
from tests.conftest import run_catfast


def align(pair, output, *options):
    return run_catfast("labels", pair.qa, "--like", pair.scene, "-o", output, "--json", "--align", *options)


def wrong(label, truth):
    """Share of the labelled pixels that say cloud where there is none, or the other way round."""
    both = (label != 255) & (truth != 255)
    return np.mean((label == 1)[both] != (truth == 1)[both])


def test_clouds_land_where_the_scene_has_them(tmp_path):
    pair = write_pair(tmp_path, 210, -120)
    run = align(pair, tmp_path / "label.tif", "--scheme", "binary")
    assert run.code == 0, run.err
    found = json.loads(run.out)["displacement"]
    assert (found["accepted"], found["reason"]) == (True, "accepted")
    assert np.hypot(found["shift_x_m"] - 210, found["shift_y_m"] + 120) < 15
    assert found["spread_m"] < 30
    plain = run_catfast(
        "labels", pair.qa, "--like", pair.scene, "-o", tmp_path / "plain.tif", "--scheme", "binary"
    )
    assert plain.code == 0, plain.err
    assert wrong(read(tmp_path / "plain.tif"), pair.truth) > 0.1
    assert wrong(read(tmp_path / "label.tif"), pair.truth) < 0.01
    with rasterio.open(tmp_path / "label.tif") as dataset:
        tags = dataset.tags()
    assert tags["CATFAST_SHIFT_ACCEPTED"] == "1"
    assert float(tags["CATFAST_SHIFT_X_M"]) == found["shift_x_m"]
    again = align(pair, tmp_path / "label.tif", "--scheme", "binary")
    assert json.loads(again.out)["status"] == "skipped"
    assert json.loads(again.out)["displacement"] == found


def test_threads_change_nothing(tmp_path):
    pair = write_pair(tmp_path, -160, 240, seed=9)
    outputs = []
    for count in (1, 2):
        run = run_catfast(
            "labels",
            pair.qa,
            "--like",
            pair.scene,
            "-o",
            tmp_path / f"{count}.tif",
            "--align",
            "--overwrite",
            RAYON_NUM_THREADS=str(count),
            OMP_NUM_THREADS=str(count),
        )
        assert run.code == 0, run.err
        outputs.append((tmp_path / f"{count}.tif").read_bytes())
    assert outputs[0] == outputs[1]


def test_another_sky_is_left_alone(tmp_path):
    pair = write_pair(tmp_path, 0, 0, same_sky=False)
    run = align(pair, tmp_path / "label.tif")
    assert run.code == 0, run.err
    assert not json.loads(run.out)["displacement"]["accepted"]
    assert run_catfast("labels", pair.qa, "--like", pair.scene, "-o", tmp_path / "plain.tif").code == 0
    assert np.array_equal(read(tmp_path / "label.tif"), read(tmp_path / "plain.tif"))


def test_clouds_that_hardly_moved_stay(tmp_path):
    pair = write_pair(tmp_path, 20, 10)
    found = json.loads(align(pair, tmp_path / "label.tif").out)["displacement"]
    assert (found["accepted"], found["reason"]) == (False, "too_small")


def test_missing_bands_are_one_sentence(tmp_path):
    pair = write_pair(tmp_path, 210, -120)
    pair.qa.with_name(pair.qa.name.replace("QA_PIXEL", "B4")).unlink()
    run = align(pair, tmp_path / "label.tif")
    assert run.code == 3
    assert "--align needs Landsat's bands 2-5" in run.err
    assert "Traceback" not in run.err
    assert not (tmp_path / "label.tif").exists()
    assert json.loads(run.out)["displacement"] is None


def test_a_band_of_landsat_is_never_replaced(tmp_path):
    pair = write_pair(tmp_path, 210, -120)
    band = pair.qa.with_name(pair.qa.name.replace("QA_PIXEL", "B4"))
    before = band.read_bytes()
    run = align(pair, band, "--overwrite")
    assert (run.code, "itself: choose another output" in run.err) == (4, True)
    assert band.read_bytes() == before


def test_a_simulated_world_gets_better_or_is_left_alone(tmp_path):
    world = tmp_path / "world"
    assert run_catfast("simulate", world, "--pairs", 4, "--size", 1024, "--seed", 5).code == 0
    accepted = 0
    for pair in json.loads((world / "world.json").read_text())["pairs"]:
        scene = next((world / "PSScene").glob(f"{pair['ps_id']}_3B_AnalyticMS*.tif"))
        qa = world / "landsat" / pair["l8_id"] / f"{pair['l8_id']}_QA_PIXEL.TIF"
        truth = read(world / "truth" / f"{pair['ps_id']}_truth.tif")
        found = []
        for name, options in (("plain", ()), ("moved", ("--align",))):
            output = tmp_path / f"{pair['ps_id']}_{name}.tif"
            run = run_catfast("labels", qa, "--like", scene, "-o", output, "--json", *options)
            assert run.code == 0, run.err
            found.append((read(output), json.loads(run.out)["displacement"]))
        (plain, none), (moved, displacement) = found
        assert none is None
        if displacement["accepted"]:
            accepted += 1
            assert wrong(moved, truth) < 0.5 * wrong(plain, truth)
        else:
            assert np.array_equal(plain, moved)
    assert accepted >= 1
