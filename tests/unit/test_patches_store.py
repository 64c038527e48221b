"""The store: what is written is what is read, whole or not at all, and the same bytes every time."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catfast.errors import InputError, OutputError, UsageError
from catfast.patches import GroupWriter, finish, finished_groups, open_store
from tests.stores import GROUPS, SIZE, files_of, group, make_store, splits_of, store_info, write_groups

FORMATS = ("geotiff", "safetensors")
both = pytest.mark.parametrize("store_format", FORMATS)


@both
def test_what_is_written_is_read(tmp_path, store_format):
    store, groups = make_store(tmp_path / "s", store_format)
    assert len(store) == 8
    for row, entry in enumerate(store.index.to_pylist()):
        made = next(made for made in groups if made.name == entry["pair_id"])
        place = entry["row"] // SIZE
        image, label = store.read(row)
        np.testing.assert_array_equal(image, made.images[place])
        np.testing.assert_array_equal(label, made.labels[place])
        assert image.dtype == np.uint16
        assert label.dtype == np.uint8
        assert entry["patch_id"] == made.records[place].patch_id
        assert entry["split"] == ("train" if made.name == "pair a" else "val")
        assert (store.path / entry["shard"]).is_file()


@both
def test_windows_of_a_scene_are_cut_as_numpy_cuts_them(tmp_path, store_format):
    info = store_info(store_format)
    made = group("g", info)
    rng = np.random.default_rng(1)
    image = rng.integers(0, 10_000, (4, 90, 100)).astype(np.uint16)
    label = rng.integers(0, 5, (90, 100)).astype(np.uint8)
    rows, cols = [0, 58, 7, 11], [68, 0, 13, 1]
    with GroupWriter(tmp_path, info, "g") as writer:
        writer.append_windows(image, label, rows, cols, made.records)
    store = finish(tmp_path, info, dict.fromkeys([r.patch_id for r in made.records], "test"))
    for place, (row, col) in enumerate(zip(rows, cols, strict=True)):
        found = store.read(place)
        np.testing.assert_array_equal(found[0], image[:, row : row + SIZE, col : col + SIZE])
        np.testing.assert_array_equal(found[1], label[row : row + SIZE, col : col + SIZE])


@both
def test_the_index_is_geoparquet_in_order(tmp_path, store_format):
    store, groups = make_store(tmp_path / "s", store_format)
    frame = geopandas.read_parquet(tmp_path / "s" / "index.parquet")
    assert frame.crs.to_epsg() == 6931
    assert list(zip(frame.pair_id, frame.row, strict=True)) == sorted(
        zip(frame.pair_id, frame.row, strict=True)
    )
    np.testing.assert_allclose(frame.area, (3 * SIZE) ** 2, rtol=0.02)
    record = groups[0].records[0]
    first = store.index.to_pylist()[0]
    for name in ("valid_fraction", "cloud_fraction", "snow_fraction", "water_fraction", "ignore_fraction"):
        assert first[name] == getattr(record, name)
    assert first["valid_fraction"] == (SIZE - 2) / SIZE
    assert first["transform"] == list(record.transform)
    assert first["ps_acquired"] == record.ps_acquired
    assert first["shift_accepted"] is None


@both
def test_the_same_patches_give_the_same_bytes_whatever_the_order(tmp_path, store_format):
    make_store(tmp_path / "one", store_format)
    info = store_info(store_format)
    for name in reversed(GROUPS):
        made = group(name, info)
        with GroupWriter(tmp_path / "two", info, name) as writer:
            writer.append(made.images, made.labels, made.records)
    finish(tmp_path / "two", info, splits_of([group(name, info) for name in GROUPS]))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


@both
def test_only_what_is_kept_stays(tmp_path, store_format):
    root, info = tmp_path / "s", store_info(store_format)
    groups = list(write_groups(root, info))
    assert finished_groups(root) == set(GROUPS)
    keep = {"pair a_1", "pair a_3", "pair/b_0"}
    store = finish(root, info, splits_of(groups), keep)
    assert store.index["patch_id"].to_pylist() == ["pair a_1", "pair a_3", "pair/b_0"]
    np.testing.assert_array_equal(store.read(1)[0], groups[0].images[3])
    np.testing.assert_array_equal(store.read(2)[1], groups[1].labels[0])
    pixels = [name for name in files_of(root) if "/" in name]
    assert len(pixels) == (6 if store_format == "geotiff" else 2)
    assert finished_groups(root) == set()


@both
def test_a_group_of_which_nothing_is_kept_leaves_nothing(tmp_path, store_format):
    info = store_info(store_format)
    groups = list(write_groups(tmp_path, info))
    store = finish(tmp_path, info, splits_of(groups), {"pair a_0"})
    assert len(store) == 1
    assert not [name for name in files_of(tmp_path) if "b" in Path(name).stem and "/" in name]


@both
def test_nothing_kept_and_empty_groups_make_an_empty_store(tmp_path, store_format):
    info = store_info(store_format)
    with GroupWriter(tmp_path, info, "empty"):
        pass
    assert finished_groups(tmp_path) == {"empty"}
    store = finish(tmp_path, info, {})
    assert len(store) == 0
    assert sorted(files_of(tmp_path)) == ["SHA256SUMS", "index.parquet", "store.json"]


@both
def test_sha256sum_agrees(tmp_path, store_format):
    make_store(tmp_path / "s", store_format)
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],
        cwd=tmp_path / "s",
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert len(checked.stdout.splitlines()) == len(files_of(tmp_path / "s")) - 1


@both
def test_an_error_leaves_nothing_of_the_group(tmp_path, store_format):
    info = store_info(store_format)
    made = group("g", info)

    def write() -> None:
        with GroupWriter(tmp_path, info, "g") as writer:
            writer.append(made.images, made.labels, made.records)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write()
    assert files_of(tmp_path) == {}
    assert finished_groups(tmp_path) == set()


@both
def test_a_group_is_written_once(tmp_path, store_format):
    list(write_groups(tmp_path, store_info(store_format)))
    with pytest.raises(OutputError, match="group pair a is there already"):
        GroupWriter(tmp_path, store_info(store_format), "pair a")


@both
def test_leftovers_of_a_killed_run_vanish(tmp_path, store_format):
    """What a killed writer leaves: temporary files, and files with names but without a part."""
    make_store(tmp_path / "clean", store_format)
    root, info = tmp_path / "killed", store_info(store_format)
    list(write_groups(root, info))
    (root / "parts" / "pair%2Fb.parquet").unlink()
    folder = root / ("images" if store_format == "geotiff" else "parts")
    (folder / ".pair%2Fb_0.tif.1.tmp").write_bytes(b"half")
    (folder / "stray.tif").write_bytes(b"from another choice")
    made = group("pair/b", info)
    with GroupWriter(root, info, "pair/b") as writer:
        writer.append(made.images, made.labels, made.records)
    finish(root, info, splits_of([group(name, info) for name in GROUPS]))
    assert files_of(root) == files_of(tmp_path / "clean")


STEPS = (1, 3, 5, 8, 12, 17, 60)

KILLED = """
import os, sys
from pathlib import Path
from catfast.patches import finish
from tests.stores import GROUPS, group, splits_of, store_info

info = store_info(sys.argv[1])
splits = splits_of([group(name, info) for name in GROUPS])

def finish_until(root, steps):
    left = steps
    def stop(event, arguments):
        nonlocal left
        changes = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir")
        if changes and str(arguments[0]).startswith(str(root)):
            left -= 1
            if left == 0:
                os._exit(9)
    sys.addaudithook(stop)
    finish(root, info, splits, set(splits) - {"pair a_1", "pair/b_2"})

for argument in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        finish_until(Path(argument), int(Path(argument).name))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@both
def test_finish_killed_at_any_change_of_the_folder_can_be_run_again(tmp_path, store_format):
    """Real processes that end, without any clean-up, just before their n-th change."""
    info = store_info(store_format)
    splits = splits_of(list(write_groups(tmp_path / "begun", info)))
    keep = set(splits) - {"pair a_1", "pair/b_2"}
    roots = [tmp_path / "killed" / str(step) for step in STEPS]
    for root in [*roots, tmp_path / "whole"]:
        shutil.copytree(tmp_path / "begun", root)
    finish(tmp_path / "whole", info, splits, keep)
    command = [sys.executable, "-c", KILLED, store_format, *map(str, roots)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    codes = [int(line) for line in done.stdout.splitlines()]
    assert len(codes) == len(STEPS), done.stderr
    assert codes.count(9) > 3
    assert codes[-1] == 0
    for root in roots:
        finish(root, info, splits, keep)
        assert files_of(root) == files_of(tmp_path / "whole")


LIMITED = """
import sys
from pathlib import Path
from catfast.errors import OutputError
from catfast.patches import GroupWriter
from tests.stores import group, store_info

info = store_info(sys.argv[2], size=128)
made = group("g", info, count=8)
try:
    with GroupWriter(Path(sys.argv[1]), info, "g") as writer:
        writer.append(made.images, made.labels, made.records)
except OutputError as error:
    print(error)
    sys.exit(4)
"""


@both
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, store_format):
    """A limit on file sizes makes real writes fail as on a full disk."""
    resource = pytest.importorskip("resource")
    limit = 100_000
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "s"), store_format],
        cwd=Path(__file__).parents[2],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert "cannot be written: " in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert files_of(tmp_path / "s") == {}


@both
def test_a_store_survives_pickling(tmp_path, store_format):
    store, _ = make_store(tmp_path / "s", store_format)
    copy = pickle.loads(pickle.dumps(store))  # noqa: S301 - what multiprocessing does with it
    np.testing.assert_array_equal(copy.read(3)[0], store.read(3)[0])
    assert copy.index.equals(store.index)


def test_shards_are_mapped_not_loaded(tmp_path):
    store, _ = make_store(tmp_path / "s", "safetensors")
    image, _ = store.read(0)
    assert not image.flags.owndata
    assert not image.flags.writeable


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        open_store(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="not a folder"):
        open_store(tmp_path / "file")
    with pytest.raises(InputError, match=r"has no store\.json"):
        open_store(tmp_path)
    (tmp_path / "parts").mkdir()
    with pytest.raises(InputError, match="no finished group"):
        finish(tmp_path, store_info("geotiff"), {})


def test_an_unfinished_store_is_refused(tmp_path):
    list(write_groups(tmp_path, store_info("geotiff")))
    with pytest.raises(InputError, match="is not finished"):
        open_store(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 1, found 2"),
        ({"format": "zarr"}, "--format must be one of"),
        ({"size": "big"}, "not the description"),
        ({"bands": None}, "not the description"),
        ({"bands": [1, 2, 3, 4]}, "names of bands"),
        ({"size": 32.5}, "expected size"),
        ({"stride": True}, "expected stride"),
        ({"gsd_m": "3"}, "expected gsd_m"),
        ({"gsd_m": float("nan")}, "cannot be read|expected gsd_m above 0"),
        ({"scale": 0}, "expected scale above 0"),
        ({"soft": "yes"}, "expected soft"),
        ({"options": []}, "expected options"),
        ({"command": None}, "expected command"),
        (None, "cannot be read"),
        ([], "version 1, found list"),
    ],
)
def test_a_broken_description_is_refused(tmp_path, change, message):
    make_store(tmp_path / "s")
    path = tmp_path / "s" / "store.json"
    document = json.loads(path.read_text())
    text = "{" if change is None else json.dumps(change if change == [] else document | change)
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        open_store(tmp_path / "s")


@pytest.mark.parametrize("damage", ["cut", "column", "type", "gap", "gone"])
def test_a_broken_index_is_refused(tmp_path, damage):
    make_store(tmp_path / "s")
    path = tmp_path / "s" / "index.parquet"
    table = pq.read_table(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "column":
        pq.write_table(table.drop_columns(["weight"]), path)
    elif damage == "type":
        pq.write_table(table.set_column(4, "row", table["patch_id"]), path)
    elif damage == "gap":
        place = table.schema.get_field_index("weight")
        gaps = pa.nulls(len(table), pa.float64())
        pq.write_table(table.set_column(place, "weight", gaps), path)
    else:
        path.unlink()
    with pytest.raises(InputError, match=r"index\.parquet"):
        open_store(tmp_path / "s")


@both
@pytest.mark.parametrize("damage", ["cut", "gone", "other"])
def test_damaged_pixels_are_an_input_error(tmp_path, store_format, damage):
    store, _ = make_store(tmp_path / "s", store_format)
    path = store.path / store.index["shard"][0].as_py()
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "other":
        path.write_bytes(b"x" * 5000)
    else:
        path.unlink()
    with pytest.raises(InputError, match=path.name.replace("%", ".")):
        open_store(store.path).read(0)


@both
def test_arrays_that_do_not_fit_are_refused(tmp_path, store_format):
    info = store_info(store_format)
    made = group("g", info)
    with GroupWriter(tmp_path, info, "g") as writer:
        for images, labels, records in (
            (made.images[:, :, 1:], made.labels[:, 1:], made.records),
            (made.images[:, :3], made.labels, made.records),
            (made.images, made.labels[:3], made.records),
            (made.images, made.labels, made.records[:3]),
            (made.images.astype(np.int32), made.labels, made.records),
            (made.images, made.labels.astype(np.int64), made.records),
        ):
            with pytest.raises(ValueError, match="expected"):
                writer.append(images, labels, records)
        with pytest.raises(ValueError, match="rows: expected"):
            writer.append_windows(made.images[0], made.labels[0], [1], [0], made.records[:1])


def test_patches_need_a_split_and_one_name(tmp_path):
    info = store_info("geotiff")
    groups = list(write_groups(tmp_path / "a", info))
    with pytest.raises(InputError, match="expected a split of train, val, test, found None"):
        finish(tmp_path / "a", info, splits_of(groups[:1]))
    assert len(finish(tmp_path / "a", info, splits_of(groups))) == 8
    made = groups[0]
    for name in ("x", "y"):
        with GroupWriter(tmp_path / "b", info, name) as writer:
            writer.append(made.images, made.labels, made.records)
    with pytest.raises(InputError, match="patch pair a_0 was written twice"):
        finish(tmp_path / "b", info, splits_of(groups))


def test_options_are_checked():
    for change in ({"format": "zarr"}, {"size": 0}, {"size": 9000}, {"scheme": "all"}, {"bands": ("red",)}):
        with pytest.raises(UsageError):
            store_info("geotiff", **({"format": "geotiff"} | change))
