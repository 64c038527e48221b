"""Labels that lie beside their clouds, against sums written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast.errors import UsageError
from catfast.train import TrainConfig
from catfast.train.shifts import moved


def written_out(logits, goal, known, seen, reach, gsd_m):
    """One patch, offset by offset: labels at x mean what is at x + offset."""
    p = np.exp(logits - logits.max(0))
    p = 0.9 * p / p.sum(0) + 0.1 / len(p)
    share = 0.9 * goal.sum((1, 2)) / max(known.sum(), 1) + 0.1 / len(p)
    ratio = (np.log(p) - np.log(share)[:, None, None]) * seen
    height, width = known.shape
    chances, labels = [], []
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            if down**2 + across**2 > reach**2:
                continue
            there = np.zeros_like(goal)
            for row in range(height):
                for col in range(width):
                    if 0 <= row + down < height and 0 <= col + across < width:
                        there[:, row + down, col + across] = goal[:, row, col]
            far = (down**2 + across**2) / reach**2
            chances.append((there * ratio).sum() * (gsd_m / 150) ** 2 - 2 * far)
            labels.append(there)
    weights = np.exp(np.array(chances) - max(chances))
    soft = np.tensordot(weights / weights.sum(), np.array(labels), 1) * seen
    return soft, soft.sum(0)


@given(seed=st.integers(0, 2**32), reach=st.integers(1, 6), classes=st.integers(2, 3))
@settings(max_examples=25, deadline=None)
def test_it_is_the_mean_over_all_offsets(seed, reach, classes):
    rng = np.random.default_rng(seed)
    shape = (3, classes, 7, 5)
    logits = rng.normal(0, 2, shape)
    known, seen = rng.random((2, 3, 7, 5)) > 0.2
    goal = np.moveaxis(rng.dirichlet(np.ones(classes), (3, 7, 5)), -1, 1) * known[:, None]
    parts = [torch.from_numpy(part) for part in (logits, goal, known, seen)]
    soft, share = moved(*parts, reach=reach, gsd_m=30.0)
    for k in range(3):
        ours = written_out(logits[k], goal[k], known[k], seen[k], reach, 30.0)
        np.testing.assert_allclose(soft[k], ours[0], atol=2e-5)
        np.testing.assert_allclose(share[k], ours[1], atol=2e-5)
        alone, _ = moved(*(part[k : k + 1] for part in parts), reach=reach, gsd_m=30.0)
        np.testing.assert_allclose(soft[k], alone[0], atol=2e-5)


@given(down=st.integers(-10, 10), across=st.integers(-10, 10), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_shifted_label_goes_back_to_its_cloud(down, across, seed):
    """A cloud of a kilometre, seen where it is by the network, labelled beside it."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:64, :64]
    middle = rng.uniform(24, 40, 2)
    cloud = np.hypot((rows - middle[0]) / 1.3, cols - middle[1]) < 14
    label = np.roll(cloud, (down, across), (0, 1))
    logits = np.where(cloud, 3.0, -3.0)
    goal = torch.from_numpy(np.stack([~label, label])[None]).float()
    everywhere = torch.ones(1, 64, 64, dtype=torch.bool)
    both = torch.from_numpy(np.stack([-logits, logits])[None])
    soft, known = moved(both, goal, everywhere, everywhere, reach=20, gsd_m=30.0)
    sure = known[0].numpy() > 0.5
    wrong = ((soft[0, 1] > soft[0, 0]).numpy() != cloud)[sure].mean()
    assert sure.mean() > 0.6
    assert wrong <= (label != cloud).mean() / 4 + 0.005


def test_it_takes_no_gradient_and_static_classes_are_refused():
    logits = torch.randn(1, 2, 8, 8, requires_grad=True)
    known = torch.ones(1, 8, 8, dtype=torch.bool)
    soft, share = moved(logits, torch.full((1, 2, 8, 8), 0.5), known, known, reach=3, gsd_m=30.0)
    assert not soft.requires_grad
    assert not share.requires_grad
    with pytest.raises(UsageError, match="snow and water stay"):
        TrainConfig(label_shift_m=600.0, classes=("clear", "cloud", "snow"))
    with pytest.raises(UsageError, match="--label-shift must be"):
        TrainConfig(label_shift_m=-1.0)
