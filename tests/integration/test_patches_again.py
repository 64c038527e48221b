"""A store without some pairs takes them up when their files are there, and is then as if made in one go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catfast.patches import open_store
from catfast.patches.info import read_info
from tests.conftest import run_catfast
from tests.kills import kill_and_take_up
from tests.patch_reference import tree

TWIN = "a_twin"


class World:
    """The simulated world with a pair more: the first scene under a second Landsat scene, seen at once."""

    def __init__(self, folder: Path, paired_world: Path) -> None:
        self.folder, self.pairs = folder, folder / "pairs.parquet"
        shutil.copytree(paired_world / "world", folder / "world")
        table = pq.read_table(paired_world / "pairs.parquet").drop_columns(["ps_path", "l8_path"])
        rows = sorted(table.to_pylist(), key=lambda row: row["pair_id"])
        l8_id = rows[0]["l8_id"]
        other = l8_id[:10] + "099099" + l8_id[16:]
        twin = rows[0] | {"pair_id": TWIN, "l8_id": other, "dt_s": 0.0, "dt_local_s": 0.0}
        pq.write_table(pa.Table.from_pylist([*rows, twin], schema=table.schema), self.pairs)
        self.twin_of = rows[0]["pair_id"]
        qa = next((folder / "world").rglob(f"{l8_id}_QA_PIXEL.TIF"))
        self.twin_qa = qa.with_name(f"{other}_QA_PIXEL.TIF")
        shutil.copy(qa, self.twin_qa)
        self.image = next((folder / "world").rglob(f"{rows[1]['ps_id']}_3B_Analytic*.tif"))

    def cut(self, store, *options):
        return run_catfast(
            "patches", self.pairs, "--scenes", self.folder / "world", "-o", store, "--size", 96, *options
        )


def hide(path):
    return path.rename(path.with_name(f"{path.name}.hidden"))


def show(path):
    path.rename(path.with_name(path.name.removesuffix(".hidden")))


@pytest.fixture
def world(tmp_path, paired_world):
    return World(tmp_path, paired_world)


@pytest.mark.parametrize(("kind", "chosen"), [("geotiff", False), ("safetensors", True)])
def test_pairs_whose_files_arrive_are_taken_up(world, tmp_path, kind, chosen):
    """The twin, when it comes, drops the patches of the first pair; with ``--max-patches`` some of all."""
    hidden, options = [hide(world.twin_qa), hide(world.image)], ["--format", kind]
    store, expected = tmp_path / "store", tmp_path / "expected"
    if chosen:
        world.cut(expected, *options)
        options += ["--max-patches", len(open_store(expected))]
        shutil.rmtree(expected)
    first = world.cut(store, *options)
    assert first.code == 1, first.err
    assert len(read_info(store).options["failed"]) == 2
    before = tree(store)
    again = world.cut(store, *options)
    assert (again.code, "skipped" in again.err) == (1, True)
    assert tree(store) == before
    for path in hidden:
        show(path)
    last = world.cut(store, *options)
    assert last.code == 0, last.err
    assert world.cut(expected, *options).code == 0
    assert tree(store) == tree(expected)
    ids = set(open_store(store).index["pair_id"].to_pylist())
    assert TWIN in ids
    assert chosen or world.twin_of not in ids


def test_pairs_that_lost_patches_are_cut_again(world, tmp_path):
    """The twin wins, patches of the first pair are dropped; all others stay the files that they are."""
    hidden, store = hide(world.image), tmp_path / "store"
    assert world.cut(store).code == 1
    assert read_info(store).options["partly"] == [world.twin_of]
    files = {path: path.stat().st_ino for path in (store / "images").iterdir()}
    show(hidden)
    done = world.cut(store)
    assert done.code == 0, done.err
    assert {path: path.stat().st_ino for path in files} == files
    assert world.cut(tmp_path / "expected").code == 0
    assert tree(store) == tree(tmp_path / "expected")


def test_where_nothing_could_stay_it_is_said(world, tmp_path):
    hidden, store, options = hide(world.image), tmp_path / "store", ("--max-patches", 2)
    assert world.cut(store, *options).code == 1
    before = tree(store)
    show(hidden)
    refused = world.cut(store, *options)
    assert (refused.code, refused.err.count("\n")) == (4, 1)
    assert "--overwrite makes it anew" in refused.err
    assert tree(store) == before
    assert world.cut(store, *options, "--overwrite").code == 0


def test_where_the_files_of_pairs_in_it_are_gone_it_is_said(world, tmp_path):
    hidden, store = hide(world.image), tmp_path / "store"
    assert world.cut(store).code == 1
    before = tree(store)
    show(hidden)
    hide(world.twin_qa)
    refused = world.cut(store)
    assert (refused.code, refused.err.count("\n")) == (4, 1)
    assert f"there are none of {TWIN} now" in refused.err
    assert tree(store) == before


def test_killed_while_it_takes_a_pair_up(world, tmp_path):
    (tmp_path / "stores").mkdir()
    options = ("--scenes", world.folder / "world", "--size", 96)
    assert kill_and_take_up(world.pairs, world.image, tmp_path / "stores", options, points=1, seed=4) == 1


@pytest.mark.parametrize("name", ["failed", "partly"])
def test_an_account_that_is_none_is_one_sentence(world, tmp_path, name):
    gone, store = hide(world.twin_qa), tmp_path / "s"
    assert world.cut(store).code == 1
    show(gone)
    document = json.loads((store / "store.json").read_text())
    document["options"][name] = 3
    (store / "store.json").write_text(json.dumps(document))
    done = world.cut(store)
    assert (done.code, f"option {name}" in done.err, done.err.count("\n")) == (3, True, 1), done.err
