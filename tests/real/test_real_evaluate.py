"""Evaluation of the bundled model on real labelled chips, beside a plain numpy score."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import rasterio

from catfast.mask import MaskConfig, Masker

pytest.importorskip("jinja2", reason='needs the extra "report"')


def masks_of(images, out, model="default"):
    """What ``catfast mask`` writes, file by file."""
    masker = Masker(MaskConfig(model=model))
    for path in images:
        masker.mask(path, out / f"{path.stem}.tif")


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as dataset:
            return dataset.read(1)


def test_l8_biome_scores_are_those_of_the_masks_that_mask_writes(catfast, shared_data, tmp_path):
    chips = shared_data / "l8biome_patches"
    run = catfast("evaluate", "default", chips, "--codes", "l8biome", "-o", tmp_path / "report", "-q")
    assert run.code == 0, run.err
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    (found,) = report["contenders"]

    images = sorted(chips.glob("images/*.tif"))
    (tmp_path / "masks").mkdir()
    masks_of(images, tmp_path / "masks")
    truth = np.concatenate([read(chips / "masks" / path.name).ravel() for path in images])
    answer = np.concatenate([read(tmp_path / "masks" / path.name).ravel() for path in images])
    cloud, called = truth >= 192, answer == 1
    assert found["cloud"]["iou"]["value"] == pytest.approx(
        (cloud & called).sum() / (cloud | called).sum(), abs=1e-6
    )
    assert found["called_cloud"]["thin"]["share"] == pytest.approx(called[truth == 192].mean(), abs=1e-6)
    assert report["test_set"]["scenes"] == len(images)
    assert {"snow/ice", "water", "other"} == set(found["splits"]["surface"])


@pytest.mark.parametrize(("name", "codes"), [("on_cloud_n", "on-cloud-n"), ("ukis_csmask", "ukis")])
def test_other_layouts_are_read(catfast, shared_data, tmp_path, name, codes):
    run = catfast("evaluate", "default", shared_data / name, "--codes", codes, "-o", tmp_path / "r", "--json")
    assert run.code == 0, run.err
    (report,) = run.objects
    assert report["contenders"][0]["pixels"] > 250_000
    assert report["contenders"][0]["cloud"]["iou"]["value"] > 0.5
