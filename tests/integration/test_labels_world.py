"""From `catfast simulate` to labels: they agree with the truth as far as CFMask and 30 s of wind let them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio

from tests.conftest import run_catfast


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    out = tmp_path_factory.mktemp("labels") / "world"
    done = run_catfast("simulate", out, "--pairs", 4, "--size", 512, "--seed", 3)
    assert done.code == 0, done.err
    return out


def codes_of(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def test_labels_of_a_simulated_world(world, tmp_path):
    right, seen, ground_right, ground = 0, 0, 0, 0
    for pair in json.loads((world / "world.json").read_text())["pairs"]:
        scene = next((world / "PSScene").glob(f"{pair['ps_id']}_3B_AnalyticMS*.tif"))
        qa = world / "landsat" / pair["l8_id"] / f"{pair['l8_id']}_QA_PIXEL.TIF"
        output = tmp_path / f"{pair['ps_id']}_label.tif"
        run = run_catfast("labels", qa, "--like", scene, "-o", output, "--json")
        assert run.code == 0, run.err
        label = codes_of(output)
        truth = codes_of(world / "truth" / f"{pair['ps_id']}_truth.tif")
        with rasterio.open(output) as dataset:
            assert dataset.tags()["CATFAST_SIMULATED"] == "1"
        both = (label != 255) & (truth != 255)
        assert both.mean() > 0.2
        assert (label[truth == 255] == 255).all()
        right += np.count_nonzero((label == 1)[both] == (truth == 1)[both])
        seen += np.count_nonzero(both)
        # Ground does not move: snow and water of the label are those of the truth, but for mixed pixels.
        still = np.isin(label, (0, 3, 4)) & np.isin(truth, (0, 3, 4))
        ground_right += np.count_nonzero(label[still] == truth[still])
        ground += np.count_nonzero(still)
    assert right / seen > 0.65
    assert ground_right / ground > 0.9
