"""The mean of networks of two runs, for each fold and for all chips, and what its card says of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason='needs pip install "catfast[train]"')
pytest.importorskip("segmentation_models_pytorch", reason='needs pip install "catfast[train]"')

sys.path.insert(0, str(Path(__file__).parents[2]))  # recipes are run from a clone, not installed

from catfast.models import build, load, save  # noqa: E402
from recipes.blend import Member, blend  # noqa: E402
from recipes.default_model import RECORD, records  # noqa: E402
from recipes.settings import CLOUD  # noqa: E402
from tests.recipe_settings import SMALL  # noqa: E402


def _work(folder, seed):
    """A run of the recipe: networks that nobody taught, and records of rounds."""
    torch.manual_seed(seed)
    names = [
        *records(SMALL),
        *(f"fold{number}{part}" for number in range(SMALL.folds) for part in ("", "-1")),
    ]
    for name in (*names, "final"):
        save(build(SMALL.config()), SMALL.config(), folder / name)
        record = {"commit": f"abc{seed}", "device": "cpu", "steps": 10, "seed": seed, "seconds": 1.0}
        (folder / name / RECORD).write_text(json.dumps(record))
    return folder


def test_logits_are_shared_and_the_bias_of_cloud_is_added_where_asked(tmp_path):
    members = [
        Member(0.75, _work(tmp_path / "a", 1), "", 0.0),
        Member(0.25, _work(tmp_path / "b", 2), "-1", 0.5),
    ]
    settings = blend(SMALL, members, tmp_path / "both")
    image = torch.rand(1, 4, 64, 64)
    for name in ("fold0", "final"):
        with torch.no_grad():
            found = load(tmp_path / "both" / name)(image)
            first = load(tmp_path / "a" / name)(image)
            second = load(tmp_path / "b" / f"{name}-1")(image)
        second[:, CLOUD] += 0.5
        assert torch.allclose(found, 0.75 * first + 0.25 * second, atol=1e-4)
    assert settings.config().name == "accurate"
    assert "0.25 of one made from the start at commit abc2, 30 steps in all" in settings.note
    for part in records(SMALL):
        assert (tmp_path / "both" / part / RECORD).exists()
