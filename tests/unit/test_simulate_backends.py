"""The same code over numpy and torch: equal where nothing is random, alike where it is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from catfast.simulate import batch
from catfast.simulate.atmosphere import draw_air
from catfast.simulate.cloud import draw_sky, shadow
from catfast.simulate.draws import Draws
from catfast.simulate.fields import filtered, hillshade
from catfast.simulate.scene import classes, compose
from catfast.simulate.surface import draw_ground, draw_sun

torch = pytest.importorskip("torch", reason='torch comes with the extra "train"')


@pytest.fixture(autouse=True)
def one_thread():
    """Torch's threads spin while they wait: on a busy machine of few cores one is faster than two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def as_torch(record):
    """The same dataclass with its arrays as tensors."""
    tensors = {
        f.name: torch.from_numpy(np.array(getattr(record, f.name))) for f in dataclasses.fields(record)
    }
    return dataclasses.replace(record, **tensors)


def test_composing_given_fields_gives_the_same_numbers():
    draws = Draws(1)
    sun = draw_sun(draws, 6)
    parts = [draw_ground(draws, 6, (48, 48), sun), draw_sky(draws, 6, (48, 48), sun), draw_air(draws, 6, sun)]
    ours = compose(np, *parts)
    tensors = [as_torch(p) for p in parts]
    xp = Draws(0, torch).xp
    np.testing.assert_allclose(compose(xp, *tensors).numpy(), ours, atol=1e-5)
    np.testing.assert_array_equal(classes(xp, *tensors[:2]).numpy(), classes(np, *parts[:2]))


def test_filters_give_the_same_numbers():
    field = np.abs(Draws(2).normal((3, 40, 64)))
    one = np.ones((3, 1, 1), np.float32)
    sun = draw_sun(Draws(3), 3)
    theirs = Draws(0, torch)
    tensor, tone, tsun = torch.from_numpy(field), torch.from_numpy(one), as_torch(sun)
    np.testing.assert_allclose(
        filtered(theirs, tensor, sigma=1.3, dy=0.4, dx=-2.7).numpy(),
        filtered(Draws(0), field, sigma=1.3, dy=0.4, dx=-2.7),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        hillshade(theirs.xp, tensor, tsun.azimuth, tsun.elevation).numpy(),
        hillshade(np, field, sun.azimuth, sun.elevation),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        shadow(theirs, tensor, 900 * tone, tsun, 30 * tone).numpy(),
        shadow(Draws(0), field, 900 * one, sun, 30 * one),
        atol=1e-5,
    )


def test_torch_gives_a_batch_of_tensors_that_its_seed_decides():
    first, again = (batch(3, 64, seed=4, xp=torch) for _ in range(2))
    assert first[0].dtype == torch.float32
    assert first[1].dtype == torch.uint8
    assert tuple(first[0].shape) == (3, 4, 64, 64)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


def test_both_draw_from_the_same_world():
    """Band means and class shares of 320 scenes agree within four standard errors of a scene mean."""
    (ours, our_label), (theirs, their_label) = (batch(320, 32, seed=9, xp=xp) for xp in (np, torch))
    a, b = ours.mean((2, 3)), theirs.numpy().mean((2, 3))
    error = np.sqrt(a.var(0) / len(a) + b.var(0) / len(b))
    assert (np.abs(a.mean(0) - b.mean(0)) < 4 * error).all()
    for code in range(5):
        p, q = (x.mean((1, 2)) for x in (our_label == code, their_label.numpy() == code))
        assert abs(p.mean() - q.mean()) < 4 * np.sqrt(p.var() / len(p) + q.var() / len(q))
