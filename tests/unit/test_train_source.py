"""Which patches a run learns from, and which it is judged by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catfast.patches import GroupWriter, finish
from catfast.train.source import open_source
from tests.stores import group, store_info


def store(root: Path, splits: dict[str, str], *, simulated: bool = False) -> Path:
    """One whose scenes go to these splits."""
    info, chosen = store_info("geotiff", simulated=simulated), {}
    for scene, split in splits.items():
        made = group(f"{root.name} {scene}", info)
        records = [replace(record, ps_id=scene, l8_id=f"under {scene}") for record in made.records]
        chosen |= {record.patch_id: split for record in records}
        with GroupWriter(root, info, f"{root.name} {scene}") as writer:
            writer.append(made.images, made.labels, records)
    return finish(root, info, chosen).path


@pytest.mark.parametrize("held", ["val", "test"])
def test_a_scene_to_learn_from_in_one_store_and_judged_by_in_another_is_named(tmp_path, held):
    one = store(tmp_path / "one", {"a": "train", "b": held, "c": "val"})
    other = store(tmp_path / "other", {"b": "train", "d": "val"})
    (notice,) = open_source([one, other], None).warnings
    assert notice.name == "shared_scenes"
    assert notice.message.startswith("2 scenes, as b, are in train splits and in val or test splits")


def test_stores_that_share_no_scene_are_silent(tmp_path):
    one = store(tmp_path / "one", {"a": "train", "b": "val"})
    other = store(tmp_path / "other", {"a": "train", "b": "val", "c": "train"})
    assert open_source([one, other], None).warnings == ()


def test_simulated_scenes_may_have_one_name_in_several_stores(tmp_path):
    one = store(tmp_path / "one", {"a": "train", "b": "val"}, simulated=True)
    other = store(tmp_path / "other", {"b": "train", "a": "val"}, simulated=True)
    assert open_source([one, other], None).warnings == ()
