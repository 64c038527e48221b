"""What a step of the loop does, on two small convolutions: the running mean, and parts of a batch."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip("torch", reason='needs pip install "catfast[train]"')

import torch

from catfast.models import ModelConfig
from catfast.train import TrainConfig
from catfast.train.loop import fit
from catfast.train.source import open_source
from catfast.train.state import STATE_NAME, SafeState
from recipes.simulated_store import simulated_store

CLASSES = ("clear", "cloud", "shadow")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return simulated_store(tmp_path_factory.mktemp("stores") / "store", 40, 32, seed=6).path


class Watched(torch.nn.Sequential):
    """Two small convolutions that note, whenever they run, whether they learn, and their weights."""

    seen: ClassVar[list[tuple[bool, dict[str, np.ndarray]]]] = []

    def forward(self, image):
        self.seen.append((self.training, numbers(self.state_dict())))
        return super().forward(image)


def network(*, normalised=False):
    torch.manual_seed(1)
    between = [torch.nn.BatchNorm2d(6)] if normalised else []
    first, last = torch.nn.Conv2d(4, 6, 3, padding=1), torch.nn.Conv2d(6, 3, 3, padding=1)
    return Watched(first, *between, torch.nn.ReLU(), last)


def numbers(state):
    """Floating-point entries of a state by name, as float64."""
    return {name: t.numpy().astype(np.float64) for name, t in state.items() if t.is_floating_point()}


def trained(store, run, net, **options):
    """Weights of the network at the end of a run."""
    Watched.seen.clear()
    run.mkdir()
    config = TrainConfig(classes=CLASSES, gsd_m=10.0, num_workers=0, device="cpu", augment=False, **options)
    model = ModelConfig(name="tiny", classes=CLASSES)
    fit(open_source([store], CLASSES), run, model, net, config, None)
    found = numbers(SafeState().load_checkpoint(run / STATE_NAME)["state_dict"])
    return {name.removeprefix("network."): v for name, v in found.items() if name.startswith("network.")}


def test_the_running_mean_is_that_of_numpy(store, tmp_path):
    """The mean of step n is ``min(ema, n / (n + 9))`` of the one before it, the rest of what was learnt."""
    ema, steps = 0.3, 6
    options = {"max_steps": steps, "validate_every": 1, "batch_size": 4, "learning_rate": 0.05}
    last = trained(store, tmp_path / "run", network(normalised=True), ema=ema, **options)
    starts = [place for place, (learning, _) in enumerate(Watched.seen) if learning]
    assert len(starts) == steps
    learnt = [Watched.seen[place][1] for place in starts[1:]] + [last]
    means = [Watched.seen[place + 1][1] for place in starts]
    mean = Watched.seen[0][1]
    for number, (weights, found) in enumerate(zip(learnt, means, strict=True), start=1):
        share = min(ema, number / (number + 9))
        mean = {name: share * mean[name] + (1 - share) * weights[name] for name in mean}
        for name, value in mean.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)
    assert any(not np.allclose(mean[name], last[name], atol=1e-3) for name in mean)


def test_four_small_batches_teach_as_one_large(store, tmp_path):
    options = {"max_steps": 5, "validate_every": 5, "learning_rate": 0.05, "ema": 0.0}
    one = trained(store, tmp_path / "one", network(), batch_size=8, **options)
    four = trained(store, tmp_path / "four", network(), batch_size=2, accumulate=4, **options)
    for name, value in one.items():
        np.testing.assert_allclose(four[name], value, rtol=1e-4, atol=1e-5)
    logs = [(tmp_path / run / "log.jsonl").read_text().splitlines() for run in ("one", "four")]
    for ours, theirs in zip(*map(reversed, logs), strict=True):
        assert json.loads(ours) == pytest.approx(json.loads(theirs), rel=1e-4)
