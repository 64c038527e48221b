"""Parts of training against numpy: order of patches, losses, augmentation, state, options."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast.errors import InputError, UsageError
from catfast.models import ModelConfig, build
from catfast.train import TrainConfig, load_config
from catfast.train.augment import WIDTH, apply, draw, identity
from catfast.train.losses import FORMS, targets, total
from catfast.train.module import pooled
from catfast.train.state import SafeState
from catfast.train.stream import NOTHING, TrainStream, ValidStream, plan
from catfast.train.toml import read, write

SIZES = {"patches": st.integers(1, 40), "batch": st.integers(1, 7), "devices": st.integers(1, 3)}


def seen_by(stream, rounds):
    found = []
    for number in range(rounds):
        stream.set_epoch(number)
        found += list(stream)
    return found


@given(**SIZES, accumulate=st.integers(1, 3), every=st.integers(1, 9), steps=st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_the_order_is_the_same_however_it_is_shared(patches, batch, devices, accumulate, every, steps):
    chunks = devices * accumulate
    outline = plan(patches, batch, chunks, 1, steps, every)
    assert outline.steps == steps
    assert sum(outline.steps_in(number) for number in range(outline.rounds)) == steps
    alone = seen_by(TrainStream(patches, batch, outline, 3, 0, 1), outline.rounds)
    assert [chunk.number for chunk in alone] == list(range(outline.steps * chunks))
    shared = [
        seen_by(TrainStream(patches, batch, outline, 3, r, devices), outline.rounds) for r in range(devices)
    ]
    assert [chunk for turn in zip(*shared, strict=True) for chunk in turn] == alone
    flat = [(turn, i) for chunk in alone for turn, i in zip(chunk.passes, chunk.indices, strict=True)]
    for turn in range(len(flat) // patches):
        one_pass = [i for t, i in flat if t == turn]
        assert sorted(one_pass) == list(range(patches))


@given(**SIZES, stop=st.integers(0, 11))
@settings(max_examples=40, deadline=None)
def test_any_step_can_be_the_first(patches, batch, devices, stop):
    outline = plan(patches, batch, devices, 1, 12, 4)
    whole = seen_by(TrainStream(patches, batch, outline, 0, 0, devices), outline.rounds)
    resumed = TrainStream(patches, batch, outline, 0, 0, devices)
    resumed.start_at(stop)
    rest = list(resumed)
    for number in range(stop // 4 + 1, outline.rounds):
        resumed.set_epoch(number)
        rest += list(resumed)
    assert rest == whole[stop:]


@given(**SIZES)
def test_validation_sees_every_patch_once(patches, batch, devices):
    streams = [list(ValidStream(patches, batch, rank, devices)) for rank in range(devices)]
    assert len({len(stream) for stream in streams}) == 1
    indices = [i for stream in streams for chunk in stream for i in chunk.indices if i != NOTHING]
    assert sorted(indices) == list(range(patches))


def numpy_loss(logits, goal, known, weight, form, dice):
    logits, goal = logits.astype(np.float64), goal.astype(np.float64)
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    ce = -(goal * np.log(p)).sum(1)
    pixel = {
        "ce": lambda: ce,
        "gce": lambda: (goal * (1 - p**0.7) / 0.7).sum(1),
        "sce": lambda: 0.5 * ce - 0.5 * (p * np.maximum(np.log(np.maximum(goal, 1e-300)), -4)).sum(1),
        "bootstrap": lambda: -((0.8 * goal + 0.2 * p) * np.log(p)).sum(1),
    }[form]()
    loss = (pixel * known).mean((1, 2))
    p = p * known[:, None]
    smooth = 0.01 * known.shape[1] * known.shape[2]
    overlap = (2 * (p * goal).sum((2, 3)) + smooth) / (p.sum((2, 3)) + goal.sum((2, 3)) + smooth)
    loss += dice * (1 - overlap).mean(1) * known.mean((1, 2))
    return (loss * weight).mean()


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("soft", [False, True])
def test_losses_against_numpy(form, soft):
    rng = np.random.default_rng(1)
    classes = 2 if soft else 3
    logits = rng.normal(0, 2, (4, classes, 9, 9)).astype(np.float32)
    label = rng.choice([0, 60, 200, 255] if soft else [0, 1, 2, 255], (4, 9, 9)).astype(np.uint8)
    lookup = torch.tensor([0, 1, 2] + [3] * 253)
    goal, known = targets(torch.from_numpy(label), lookup, soft=soft, classes=classes, cloud=1)
    expected = np.zeros((4, classes, 9, 9))
    if soft:
        expected[:, 1], expected[:, 0] = label / 200, 1 - label / 200
        expected *= (label <= 200)[:, None]
    else:
        for k in range(3):
            expected[:, k] = label == k
    np.testing.assert_allclose(goal.numpy(), expected, atol=1e-7)
    np.testing.assert_array_equal(known.numpy(), label != 255)
    weight = rng.uniform(0, 2, 4).astype(np.float32)
    found = total(torch.from_numpy(logits), goal, known, torch.from_numpy(weight), form, 0.5)
    wanted = numpy_loss(logits, expected, label != 255, weight, form, 0.5)
    assert found.item() == pytest.approx(wanted, rel=1e-5)


def test_ignored_pixels_teach_nothing():
    rng = np.random.default_rng(2)
    logits = torch.from_numpy(rng.normal(0, 1, (2, 3, 8, 8)).astype(np.float32)).requires_grad_()
    label = torch.from_numpy(rng.choice([0, 1, 255], (2, 8, 8)).astype(np.uint8))
    goal, known = targets(label, torch.tensor([0, 1, 2] + [3] * 253), soft=False, classes=3, cloud=1)
    total(logits, goal, known, torch.ones(2), "sce", 1.0).backward()
    assert not logits.grad.abs().sum(1)[~known].any()
    assert logits.grad.abs().sum(1)[known].all()


def test_a_batch_is_the_mean_of_its_parts():
    """What makes devices and accumulation equal one large batch."""
    rng = np.random.default_rng(3)
    logits = torch.from_numpy(rng.normal(0, 1, (6, 3, 8, 8)).astype(np.float32))
    label = torch.from_numpy(rng.choice([0, 1, 2, 255], (6, 8, 8)).astype(np.uint8))
    goal, known = targets(label, torch.tensor([0, 1, 2] + [3] * 253), soft=False, classes=3, cloud=1)
    weight = torch.from_numpy(rng.uniform(0, 2, 6).astype(np.float32))
    whole = total(logits, goal, known, weight, "ce", 0.5)
    parts = [total(logits[s], goal[s], known[s], weight[s], "ce", 0.5) for s in (slice(3), slice(3, 6))]
    assert whole.item() == pytest.approx(sum(part.item() for part in parts) / 2, rel=1e-6)


def changed(**values):
    from catfast.train import augment

    return torch.from_numpy(augment._packed(**{"scale": 1, "gain": np.ones(4), "edge": (1, 0, 9)} | values))


@pytest.fixture
def patch():
    rng = np.random.default_rng(4)
    image = rng.uniform(0.05, 0.9, (1, 4, 16, 16)).astype(np.float32)
    return torch.from_numpy(image), torch.from_numpy(rng.integers(0, 3, (1, 16, 16), dtype=np.uint8))


def test_no_change_changes_nothing(patch):
    image, label = apply(*patch, torch.from_numpy(identity())[None], 255)
    np.testing.assert_allclose(image.numpy(), patch[0].numpy(), atol=1e-5)
    np.testing.assert_array_equal(label.numpy(), patch[1].numpy())


def test_turns_are_the_dihedral_group_and_labels_go_along(patch):
    image, label = (part.numpy() for part in patch)
    wanted = {}
    for k in range(4):
        for flip in (False, True):
            turned = np.rot90(label[0], k)
            wanted[(turned[:, ::-1] if flip else turned).tobytes()] = (k, flip)
    found = set()
    for turn in range(8):
        moved, codes = (part.numpy() for part in apply(*patch, changed(turn=turn)[None], 255))
        k, flip = wanted[codes[0].tobytes()]
        expected = np.rot90(image[0], k, (1, 2))
        np.testing.assert_allclose(moved[0], expected[:, :, ::-1] if flip else expected, atol=1e-5)
        found.add((k, flip))
    assert len(found) == 8


def test_sensor_and_air_against_their_formula(patch):
    change = changed(gain=[1.1, 1.0, 0.9, 1.2], offset=[0.01] * 4, haze=[0.1, 0.08, 0.06, 0.04], veil=0.5)
    image, _ = apply(*patch, change[None], 255)
    gain, haze = np.array([1.1, 1.0, 0.9, 1.2]), np.array([0.1, 0.08, 0.06, 0.04])
    expected = (patch[0].numpy()[0] * gain[:, None, None] + 0.01) * (1 - haze[:, None, None])
    np.testing.assert_allclose(image.numpy()[0], expected + 0.5 * haze[:, None, None], atol=1e-5)


def test_a_shifted_band_moves_alone(patch):
    shift = np.zeros(8)
    shift[2] = 1.0  # one pixel across, second band
    image, label = apply(*patch, changed(shift=shift)[None], 255)
    np.testing.assert_allclose(image[0, 1, :, :-1], patch[0][0, 1, :, 1:], atol=1e-5)
    np.testing.assert_allclose(image[0, [0, 2, 3]], patch[0][0, [0, 2, 3]], atol=1e-5)
    np.testing.assert_array_equal(label, patch[1])


def test_what_is_not_seen_is_ignored(patch):
    image = patch[0].clone()
    image[:, :, :5] = 0
    moved, label = apply(image, patch[1], changed(edge=(1, 0, 0.5))[None], 255)
    unseen = np.zeros((16, 16), bool)
    unseen[:5] = True
    unseen |= np.linspace(-1, 1, 16)[None, :] >= 0.5
    np.testing.assert_array_equal(label[0] == 255, unseen)
    np.testing.assert_array_equal((moved[0] == 0).all(0), unseen)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_drawn_changes_keep_reflectance_sane(seed):
    change = draw(np.random.default_rng(seed))
    assert change.shape == (WIDTH,)
    image = torch.full((1, 4, 16, 16), 0.4)
    moved, label = apply(image, torch.ones(1, 16, 16, dtype=torch.uint8), torch.from_numpy(change)[None], 255)
    assert moved.isfinite().all()
    assert set(label.unique().tolist()) <= {1, 255}
    assert ((moved > 0).all(1) == (label == 1)).all()
    assert moved.max() < 1.0


def test_state_round_trip(tmp_path):
    tree = {
        "numbers": [1, 0.1 + 0.2, True, None, "text"],
        "pair": (0.9, 0.999),
        "by_place": {0: {"mean": torch.arange(6.0).view(2, 3)}, 1: torch.tensor(3)},
        "kernel": torch.randn(4, 3, 5, 5).to(memory_format=torch.channels_last),
    }
    path = tmp_path / "state.safetensors"
    SafeState().save_checkpoint(tree, path)
    found = SafeState().load_checkpoint(path)
    assert found["numbers"] == tree["numbers"]
    assert found["pair"] == tree["pair"]
    assert torch.equal(found["by_place"][0]["mean"], tree["by_place"][0]["mean"])
    assert found["by_place"][1].dtype == torch.int64
    assert torch.equal(found["kernel"], tree["kernel"])
    assert found["kernel"].stride() == tree["kernel"].stride()
    assert [child.name for child in tmp_path.iterdir()] == ["state.safetensors"]


def test_a_state_holds_nothing_that_needs_pickle(tmp_path):
    with pytest.raises(TypeError, match="object"):
        SafeState().save_checkpoint({"x": object()}, tmp_path / "state.safetensors")
    (tmp_path / "state.safetensors").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(InputError, match="not the state of a run"):
        SafeState().load_checkpoint(tmp_path / "state.safetensors")


def test_metrics_are_pooled():
    rng = np.random.default_rng(5)
    truth, found = rng.integers(0, 3, 500), rng.integers(0, 3, 500)
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (truth, found), 1)
    metrics = pooled(counts, ("clear", "cloud", "shadow"))
    assert metrics["accuracy"] == pytest.approx((truth == found).mean())
    both, either = ((truth == 1) & (found == 1)).sum(), ((truth == 1) | (found == 1)).sum()
    assert metrics["cloud_iou"] == pytest.approx(both / either)


def test_toml_round_trip(tmp_path):
    config = TrainConfig(
        model="segformer", variant="b2", max_steps=7, bands=("blue", "nir"), learning_rate=3e-4
    )
    path = tmp_path / "train.toml"
    write(path, config, {"stores": [str(tmp_path / "store")], "simulated": True, "catfast": "0"})
    assert load_config(path) == config
    assert load_config(path, {"max_steps": 9, "seed": None}).max_steps == 9
    assert read(path)["stores"] == [str(tmp_path / "store")]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("epochs = ", InputError, "not TOML"),
        ("epoch = 3", InputError, "unknown key 'epoch'"),
        ("epochs = 'three'", InputError, "epochs should be int"),
        ("epochs = 0", UsageError, "--epochs must be"),
        ("loss = 'mse'", UsageError, "--loss must be one of"),
        ("classes = ['cloud', 'haze']", UsageError, "distinct names"),
        ("model = 'segformer'\nencoder = 'resnet34'", UsageError, "--variant"),
    ],
)
def test_bad_options_are_one_sentence(tmp_path, text, error, says):
    path = tmp_path / "train.toml"
    path.write_text(text)
    with pytest.raises(error, match=says) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)


def test_epochs_of_a_flag_overrule_the_steps_of_a_file(tmp_path):
    path = tmp_path / "train.toml"
    path.write_text("epochs = 30\nmax_steps = 5\n")
    assert load_config(str(path)).max_steps == 5
    found = load_config(path, {"epochs": 3, "max_steps": None})
    assert (found.epochs, found.max_steps) == (3, None)
    both = load_config(path, {"epochs": 3, "max_steps": 4})
    assert (both.epochs, both.max_steps) == (3, 4)


def test_a_toml_that_is_not_there_is_named_once(tmp_path):
    with pytest.raises(InputError) as caught:
        load_config(tmp_path / "none.toml")
    assert str(caught.value) == f"{tmp_path / 'none.toml'} cannot be read: No such file or directory"


def test_deeplab_is_a_builder():
    architecture = {"type": "deeplabv3plus", "encoder": "tu-mobilenetv3_small_050"}
    module = build(ModelConfig(name="d", architecture=architecture)).eval()
    with torch.no_grad():
        assert module(torch.zeros(1, 4, 64, 96)).shape == (1, 3, 64, 96)
