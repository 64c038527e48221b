from __future__ import annotations

import copy
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs pip install "catfast[train]"')
pytest.importorskip("segmentation_models_pytorch", reason='needs pip install "catfast[train]"')

sys.path.insert(0, str(Path(__file__).parents[2]))  # recipes are run from a clone, not installed

from catfast.models import build  # noqa: E402
from catfast.simulate.draws import Draws  # noqa: E402
from recipes import augment, default_model, score  # noqa: E402
from recipes.chips import Chip, folds  # noqa: E402
from recipes.clouds import add_clouds  # noqa: E402
from recipes.loop import follow_loss, loss_of, train  # noqa: E402
from recipes.settings import CLEAR, CLOUD, IGNORE, NOT_CLOUD, SHADOW, Stage  # noqa: E402
from recipes.stream import Stream  # noqa: E402
from tests.recipe_settings import SMALL  # noqa: E402

STAGE = Stage(steps=8, learning_rate=3e-3, warmup=2, real_share=0.25, seed=3)


def _chip(name="Barren_00", cloud=0.5):
    rng = np.random.default_rng(0)
    label = np.where(rng.random((96, 96)) < cloud, CLOUD, CLEAR).astype(np.uint8)
    image = (0.1 + 0.6 * (label == CLOUD) + 0.01 * rng.random((4, 96, 96))).astype(np.float32)
    return Chip(name, "l8_biome", image, label)


def _run(tmp_path, stop=None, stage=STAGE):
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    try:
        stream = Stream(SMALL, stage, [_chip()])
        state = tmp_path / "state.safetensors"
        return train(build(SMALL.config()), SMALL.config(), SMALL, stage, stream, state, stop=stop, every=4)
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(tmp_path):
    whole = _run(tmp_path / "whole")
    _run(tmp_path / "broken", stop=4)
    again = _run(tmp_path / "broken")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    states = [(tmp_path / part / "state.safetensors").read_bytes() for part in ("whole", "broken")]
    assert states[0] == states[1]


class SameBatch(Stream):
    """The first batch over and over."""

    def batch(self, step):
        return super().batch(0)


def test_a_batch_can_be_learnt(tmp_path):
    torch.manual_seed(0)
    stage = replace(STAGE, steps=25)
    stream = SameBatch(SMALL, stage, [_chip()])
    train(build(SMALL.config()), SMALL.config(), SMALL, stage, stream, tmp_path / "s.safetensors", every=5)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.7 * losses[0]


def test_batches_are_a_function_of_seed_and_step():
    first, second = (Stream(SMALL, STAGE, [_chip()]) for _ in range(2))
    second.batch(0)
    for found, expected in zip(first.batch(5), second.batch(5), strict=True):
        assert torch.equal(found, expected)
    other = Stream(SMALL, replace(STAGE, seed=4), [_chip()])
    assert not torch.equal(other.batch(5)[0], first.batch(5)[0])


def test_every_simulated_scene_is_reused_as_often_as_set():
    stage = replace(STAGE, real_share=0.0)
    stream = Stream(SMALL, stage, [])
    brightness = [round(float(image.mean()), 5) for step in range(4) for image in stream.batch(step)[0]]
    assert sorted(brightness[:8]) == pytest.approx(sorted(brightness[8:]), abs=1e-4)


def test_all_crops_of_a_stage_may_be_recalibrated_band_by_band():
    plain, other = (Stream(SMALL, replace(STAGE, any_band_gain=gain), [_chip()]) for gain in (0.0, 0.1))
    (image, label), (changed, same) = plain.batch(1), other.batch(1)
    gain = (changed / image).flatten(2)
    assert torch.equal(label, same)
    assert torch.allclose(gain, gain.median(2, keepdim=True).values.expand_as(gain), rtol=1e-4)
    assert 0.02 < gain[..., 0].log().std() < 0.3


def test_a_student_is_as_far_from_its_teacher_as_their_softened_probabilities():
    rng = np.random.default_rng(0)
    logits, taught = rng.normal(0, 3, (2, 2, 3, 4, 5))

    def soft(values):
        exponents = np.exp(values / 2)
        return exponents / exponents.sum(1, keepdims=True)

    apart = (soft(taught) * np.log(soft(taught) / soft(logits))).sum(1).mean() * 4
    found = follow_loss(torch.from_numpy(logits), torch.from_numpy(taught)).item()
    assert found == pytest.approx(apart, rel=1e-4)
    assert follow_loss(torch.from_numpy(taught), torch.from_numpy(taught)).item() == pytest.approx(
        0, abs=1e-6
    )


class Mislabelled(SameBatch):
    """The same images, and nothing true said of them."""

    def batch(self, step):
        image, label = super().batch(step)
        return image, torch.full_like(label, CLOUD)


def test_a_student_learns_answers_not_labels_and_keeps_its_normalisation(tmp_path):
    stage = replace(STAGE, steps=25, frozen_norm=True)
    torch.manual_seed(0)
    start, teacher = build(SMALL.config()), build(SMALL.config()).eval()
    found = []
    for kind in (SameBatch, Mislabelled):
        state = tmp_path / kind.__name__ / "s.safetensors"
        stream, module = kind(SMALL, stage, [_chip()]), copy.deepcopy(start)
        found.append(
            train(module, SMALL.config(), SMALL, stage, stream, state, every=5, teacher=teacher).state_dict()
        )
        losses = [json.loads(line)["loss"] for line in state.with_suffix(".jsonl").read_text().splitlines()]
        assert losses[-1] < 0.7 * losses[0]
    for name, tensor in start.state_dict().items():
        assert torch.equal(found[0][name], found[1][name]), name
        if "running" in name:
            assert torch.equal(found[0][name], tensor), name


def test_not_cloud_may_be_clear_or_shadow_but_not_cloud():
    label = torch.full((1, 4, 4), NOT_CLOUD, dtype=torch.uint8)
    losses = {}
    for answer in (CLEAR, CLOUD, SHADOW):
        logits = torch.zeros(1, 3, 4, 4)
        logits[:, answer] = 6.0
        losses[answer] = loss_of(logits, label, SMALL).item()
    assert losses[CLEAR] == pytest.approx(losses[SHADOW], abs=1e-5)
    assert losses[CLOUD] > losses[CLEAR] + 2


def test_ignored_pixels_do_not_count():
    torch.manual_seed(0)
    logits = torch.randn(1, 3, 4, 8)
    label = torch.randint(0, 3, (1, 4, 8), dtype=torch.uint8)
    label[..., 4:] = IGNORE
    assert loss_of(logits, label, SMALL).item() == pytest.approx(
        loss_of(logits[..., :4], label[..., :4], SMALL).item(), rel=1e-5
    )


def test_augmentation_keeps_image_and_label_together():
    deck = augment.Deck.of([_chip()])
    for seed in range(4):
        draws = Draws(seed, torch)
        crop, codes = augment.cut(draws, deck, 6, 64)
        assert crop.shape == (6, 4, 64, 64)
        assert set(codes.unique().tolist()) <= {CLEAR, CLOUD}
        turned, again = augment.turned(draws, crop, codes)
        order = [sorted(image.flatten().tolist()) for image in crop[:, 0]]
        assert [sorted(image.flatten().tolist()) for image in turned[:, 0]] == order
        assert (again == CLOUD).sum() == (codes == CLOUD).sum()
        assert augment.sensor(draws, crop, 0.02).shape == crop.shape


def test_a_crop_shows_cloud_where_its_label_says_cloud():
    label = np.zeros((96, 96), np.uint8)
    label[20:60, 30:80] = CLOUD
    image = np.repeat(0.1 + 0.6 * (label[None] == CLOUD), 4, axis=0).astype(np.float32)
    deck = augment.Deck.of([Chip("one", "l8_biome", image, label), _chip("larger")])
    seen, codes = augment.cut(Draws(5, torch), replace(deck, odds=(1.0, 0.0)), 16, 64)
    assert ((seen.mean(1) > 0.4) == (codes == CLOUD)).float().mean() > 0.97
    assert 0.05 < (codes == CLOUD).float().mean() < 0.6


def test_every_turn_and_flip_of_a_square_comes_up():
    square = torch.arange(4.0).view(1, 1, 2, 2).expand(64, 4, 2, 2)
    turned, _ = augment.turned(Draws(1, torch), square, square[:, 0].to(torch.uint8))
    assert len({tuple(image.flatten().tolist()) for image in turned[:, 0]}) == 8


def test_the_light_of_a_low_sun_is_bluer():
    image = torch.full((8, 4, 8, 8), 0.1)
    seen = augment.low_sun(Draws(1, torch), image, 1.0).mean((2, 3))
    assert (seen[:, 0] / seen[:, 3] > 1.0).all()
    assert torch.equal(augment.low_sun(Draws(1, torch), image, 0.0), image)


def test_simulated_clouds_brighten_dark_ground_and_leave_the_rest_of_the_labels_alone():
    image, label = torch.full((2, 4, 96, 96), 0.05), torch.full((2, 96, 96), NOT_CLOUD, dtype=torch.uint8)
    label[:, :8] = IGNORE
    seen, codes = add_clouds(Draws(1, torch), image, label)
    assert set(codes.unique().tolist()) <= {CLOUD, SHADOW, NOT_CLOUD, IGNORE}
    assert (codes[:, :8] == IGNORE).all()
    assert seen[:, 0][codes == CLOUD].mean() > 0.1
    assert seen[:, 3][codes == SHADOW].mean() < 0.06
    assert ((codes == CLOUD) | (codes == IGNORE))[label == IGNORE].all()


def test_folds_share_no_chip_and_lose_none():
    chips = [_chip(f"Scene_{n:02}", n / 10) for n in range(10)]
    parts = folds(chips, 3)
    names = [chip.name for part in parts for chip in part]
    assert sorted(names) == [chip.name for chip in chips]
    shares = [np.mean([chip.cloud_share for chip in part]) for part in parts]
    assert max(shares) - min(shares) < 0.25


def test_figures_of_the_rule_are_those_of_its_counts():
    chip = _chip()
    found = score.summary(score.score_chips(build(SMALL.config()), SMALL.config(), [chip]))
    assert found["l8_biome"]["rule"] == {"oa": 1.0, "iou": 1.0, "precision": 1.0, "recall": 1.0}
    assert found["l8_biome"]["chips"] == 1
    counts = score.Counts(tp=6, fp=2, fn=2, tn=10)
    assert counts.figures() == {"oa": 0.8, "iou": 0.6, "precision": 0.75, "recall": 0.75}


def test_settings_are_changed_by_name_and_only_by_names_that_are_there():
    found = default_model.changed(SMALL, ["batch=2", "finetune.steps=7", "finetune.class_weights=[1, 2, 1]"])
    assert (found.batch, found.finetune.steps, found.finetune.class_weights) == (2, 7, [1, 2, 1])
    assert found.pretrain == SMALL.pretrain
    with pytest.raises(ValueError, match="no setting"):
        default_model.changed(SMALL, ["finetune.pace=1"])


@pytest.mark.parametrize("stage", ["all", "ship"])
def test_where_to_ship_to_is_asked_before_hours_of_training(stage, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        default_model.main([stage, "--work", str(tmp_path), "--chips", str(tmp_path / "none")])
    assert ended.value.code == 2
    assert "--out is needed to ship" in capsys.readouterr().err
