"""Pairs and patch stores that are damaged or name what they should not: ``patches``, ``store``, ``train``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile.box import Box
from tests.hostile.case import Made, accepted, refused
from tests.hostile.cases.catalogues import broken_footer, changed
from tests.hostile.cases.tiff_files import empty


def patches(box: Box, pairs: object, *more: object) -> list[object]:
    """The command that cuts patches of the simulated world."""
    world = box.sound.folder / "world"
    return ["patches", pairs, "--scenes", world, "-o", box.out / "store", "--size", 128, *more]


def _column(name: str, values: Callable[[int], list[object]]) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        return table.set_column(place, name, pa.array(values(len(table))))

    return change


@accepted()
def patches_of_sound_pairs(box: Box) -> Made:
    return patches(box, box.take("pairs.parquet"))


@refused(3, "parquet")
def patches_of_a_broken_footer(box: Box) -> Made:
    return patches(box, broken_footer(box, "pairs.parquet"))


@refused(3, "columns|found no l8_id")
def patches_without_columns(box: Box) -> Made:
    return patches(box, changed(box, "pairs.parquet", lambda table: table.drop_columns(["l8_id"])))


@refused(3, "letters, digits")
def patches_of_ids_that_climb(box: Box) -> Made:
    return patches(box, changed(box, "pairs.parquet", _column("pair_id", lambda n: ["../../x"] * n)))


@refused(3, "letters, digits")
def patches_of_null_ids(box: Box) -> Made:
    change = _column("ps_id", lambda n: [None] * n)
    return patches(box, changed(box, "pairs.parquet", change))


@refused(3, "times|once")
def patches_of_duplicate_pairs(box: Box) -> Made:
    return patches(box, changed(box, "pairs.parquet", lambda table: pa.concat_tables([table, table])))


@refused(3, "dt_s|number|type")
def patches_of_times_of_text(box: Box) -> Made:
    return patches(box, changed(box, "pairs.parquet", _column("dt_s", lambda n: ["soon"] * n)))


@refused(3, "ps_acquired|time|type")
def patches_of_acquired_as_numbers(box: Box) -> Made:
    return patches(box, changed(box, "pairs.parquet", _column("ps_acquired", lambda n: [7] * n)))


@refused(3, "no such file|regular")
def patches_of_a_fifo(box: Box) -> Made:
    os.mkfifo(box.inputs / "p.parquet")
    return patches(box, box.inputs / "p.parquet")


def _world(box: Box) -> Path:
    return box.take("world")


def patches_there(box: Box, *more: object) -> list[object]:
    """The command, with scenes of the box alone."""
    change: Callable[[pa.Table], pa.Table] = lambda table: table.drop_columns(["ps_path", "l8_path"])  # noqa: E731
    pairs = changed(box, "pairs.parquet", change)
    world = box.inputs / "world"
    return ["patches", pairs, "--scenes", world, "-o", box.out / "store", "--size", 128, *more]


@refused(3, "expected QA_PIXEL", lines=2)
def patches_of_qa_in_floats_alone(box: Box) -> Made:
    for qa in _world(box).glob("landsat/*/*_QA_PIXEL.TIF"):
        qa.unlink()
        empty(qa, 1, "float32", 64, blockxsize=32, blockysize=32)
    return patches_there(box)


def verify(box: Box) -> list[object]:
    """The command that checks a store."""
    return ["store", "verify", box.inputs / "store"]


def _store(box: Box) -> Path:
    return box.take("store")


@accepted()
def store_verify_of_a_sound_store(box: Box) -> Made:
    _store(box)
    return verify(box)


def _problem(pattern: str) -> Callable[[Callable[[Box], Made]], Callable[[Box], Made]]:
    return refused(3, pattern, lines=6)


@_problem("store")
def store_verify_of_a_flipped_byte(box: Box) -> Made:
    path = sorted(_store(box).glob("images/*.tif"))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return verify(box)


@_problem("not a patch store|store.json")
def store_verify_without_its_description(box: Box) -> Made:
    (_store(box) / "store.json").unlink()
    return verify(box)


@_problem("store.json")
def store_verify_of_a_deep_description(box: Box) -> Made:
    (_store(box) / "store.json").write_text("[" * 200_000)
    return verify(box)


def _info(**changes: object) -> Callable[[Path], None]:
    def spoil(store: Path) -> None:
        path = store / "store.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return spoil


@_problem("store.json")
def store_verify_of_another_version(box: Box) -> Made:
    _info(version=99)(_store(box))
    return verify(box)


@_problem("store.json|store")
def store_verify_of_a_format_that_is_a_module(box: Box) -> Made:
    _info(format="pickle")(_store(box))
    return verify(box)


@_problem("store.json|store")
def store_verify_of_a_size_of_a_billion(box: Box) -> Made:
    _info(size=1 << 30)(_store(box))
    return verify(box)


@_problem("store.json|store")
def store_verify_of_sizes_of_text(box: Box) -> Made:
    _info(size="128", bands=7, scale=None)(_store(box))
    return verify(box)


def _index(change: Callable[[pa.Table], pa.Table]) -> Callable[[Box], None]:
    def spoil(box: Box) -> None:
        path = _store(box) / "index.parquet"
        table = pq.read_table(path)
        pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)

    return spoil


def _as_before(name: str, value: object) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        return table.set_column(place, field, pa.array([value] * len(table), field.type))

    return change


@_problem("store")
def store_verify_of_shards_elsewhere(box: Box) -> Made:
    """The index names a file outside of the store: it is neither read nor taken for a patch."""
    _index(_as_before("shard", "../../../../../../etc/passwd"))(box)
    return verify(box)


@_problem("store")
def store_verify_of_absolute_shards(box: Box) -> Made:
    _index(_as_before("shard", "/etc/passwd"))(box)
    return verify(box)


@_problem("store")
def store_verify_of_offsets_below_zero(box: Box) -> Made:
    _index(_as_before("offset", -(1 << 40)))(box)
    return verify(box)


@_problem("column sha256|index.parquet")
def store_verify_of_an_index_without_columns(box: Box) -> Made:
    _index(lambda table: table.drop_columns(["sha256"]))(box)
    return verify(box)


@_problem("index.parquet")
def store_verify_of_an_index_with_a_broken_footer(box: Box) -> Made:
    noise = broken_footer(box, "store/index.parquet")
    noise.replace(_store(box) / "index.parquet")
    return verify(box)


@_problem("store")
def store_verify_of_linked_patches(box: Box) -> Made:
    """A patch is a link to a file elsewhere."""
    path = sorted(_store(box).glob("images/*.tif"))[0]
    path.unlink()
    path.symlink_to("/etc/passwd")
    return verify(box)


@_problem("not a patch store")
def store_verify_of_a_file(box: Box) -> Made:
    return ["store", "verify", box.write("store", "hello")]


@refused(3, "shards in the folders of the store")
def store_show_of_shards_elsewhere(box: Box) -> Made:
    _index(_as_before("shard", "../../../../../../etc/passwd"))(box)
    return ["store", "show", box.inputs / "store", "-o", box.out / "sheet.png"]


@refused(3, "store|is missing|cannot be read|damaged")
def store_pack_of_a_damaged_store(box: Box) -> Made:
    for path in _store(box).glob("images/*.tif"):
        path.write_bytes(path.read_bytes()[:300])
    return ["store", "pack", box.inputs / "store", "-o", box.out / "packed"]


@refused(3, "shards in the folders of the store")
def train_on_shards_elsewhere(box: Box) -> Made:
    _index(_as_before("shard", "/etc/passwd"))(box)
    return ["train", box.inputs / "store", "-o", box.out / "run", "--max-steps", 1, "--num-workers", 0]


@refused(3, "toml")
def train_with_a_config_of_another_kind(box: Box) -> Made:
    config = box.write("train.toml", "[[[[" * 1000)
    return ["train", _store(box), "-o", box.out / "run", "--config", config]


@refused(3, "unknown key 'evil'")
def train_with_options_that_do_not_exist(box: Box) -> Made:
    config = box.write("train.toml", 'evil = "__import__"\n')
    return ["train", _store(box), "-o", box.out / "run", "--config", config]


@refused(3, "plain name of an encoder")
def train_an_encoder_from_a_hub(box: Box) -> Made:
    """A network library would ask a hub for the encoder of such a name."""
    options = ("--encoder", "tu-hf-hub:evil/repo", "--max-steps", 1)
    return ["train", _store(box), "-o", box.out / "run", *options]
