"""Verify, pack and show: what is damaged is found and named; packed patches are the same patches."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from catfast.errors import InputError, OutputError, UsageError
from catfast.patches import contact_sheet, open_store, pack, verify
from tests.conftest import run_catfast
from tests.stores import SIZE, files_of, make_store

both = pytest.mark.parametrize("store_format", ["geotiff", "safetensors"])


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    root = tmp_path_factory.mktemp("clean")
    return {name: make_store(root / name, name)[0].path for name in ("geotiff", "safetensors")}


@pytest.fixture
def store(clean, tmp_path, store_format):
    """A copy to damage."""
    return shutil.copytree(clean[store_format], tmp_path / "store")


@both
def test_a_clean_store_has_no_problem(store):
    assert verify(store) == []


@both
def test_a_flipped_byte_anywhere_is_found_in_its_file(store):
    """The first, the last, and a byte between, of every file."""
    rng = np.random.default_rng(0)
    for name, content in files_of(store).items():
        for place in {0, len(content) - 1, int(rng.integers(len(content)))}:
            damaged = bytearray(content)
            damaged[place] ^= 1 << int(rng.integers(8))
            (store / name).write_bytes(damaged)
            if name == "SHA256SUMS":
                try:
                    assert verify(store)
                except InputError as error:
                    assert name in str(error)  # noqa: PT017 - a broken line cannot be compared at all
            else:
                assert name in {problem.file for problem in verify(store)}, (name, place)
        (store / name).write_bytes(content)
    assert verify(store) == []


@both
def test_missing_and_foreign_files_are_named(store):
    victim = sorted(name for name in files_of(store) if "/" in name)[0]
    (store / victim).unlink()
    (store / "labels").mkdir(exist_ok=True)
    (store / "labels" / "foreign.tif").write_bytes(b"x")
    found = {(problem.file, problem.message) for problem in verify(store)}
    assert found == {(victim, "is missing"), ("labels/foreign.tif", "is not in SHA256SUMS")}


def test_a_flipped_byte_in_a_shard_names_the_patch(clean, tmp_path):
    store = shutil.copytree(clean["safetensors"], tmp_path / "store")
    entry = open_store(store).index.to_pylist()[5]
    path = store / entry["shard"]
    content = bytearray(path.read_bytes())
    content[4096 + (entry["offset"] * 4 + 2) * SIZE * SIZE * 2] ^= 1
    path.write_bytes(content)
    messages = {problem.message for problem in verify(store)}
    assert (
        f"patch {entry['patch_id']}, place {entry['offset']}: its digest differs from index.parquet"
        in messages
    )
    assert len(messages) == 2


def rewrite_index(store, change) -> None:
    """Change the rows and make SHA256SUMS agree again, as one would who only looks at the files."""
    import hashlib

    table = pq.read_table(store / "index.parquet")
    rows = change(table.to_pylist())
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), store / "index.parquet")
    digest = hashlib.sha256((store / "index.parquet").read_bytes()).hexdigest()
    lines = (store / "SHA256SUMS").read_text().splitlines()
    kept = [line for line in lines if not line.endswith("  index.parquet")]
    (store / "SHA256SUMS").write_text("\n".join([*kept, f"{digest}  index.parquet"]) + "\n")


@both
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [rows[0], *rows], "is there 2 times"),
        (lambda rows: [rows[0] | {"split": None}, *rows[1:]], "is in split None"),
        (lambda rows: [rows[0] | {"sha256": "0" * 64}, *rows[1:]], "its digest differs from index.parquet"),
        (
            lambda rows: [rows[0] | {"patch_id": "other", "sha256": rows[1]["sha256"]}, *rows[1:]],
            "its digest",
        ),
    ],
)
def test_an_index_that_does_not_fit_is_told(store, change, message):
    rewrite_index(store, change)
    assert any(message in problem.message for problem in verify(store))


def test_rows_swapped_between_shards_are_found(clean, tmp_path):
    store = shutil.copytree(clean["safetensors"], tmp_path / "store")

    def swap(rows: list[dict]) -> list[dict]:
        return [rows[0] | {"offset": 1}, rows[1] | {"offset": 0}, *rows[2:-1], rows[-1] | {"offset": 99}]

    rewrite_index(store, swap)
    messages = " ".join(problem.message for problem in verify(store))
    assert messages.count("its digest differs") == 2
    assert "place 99, cannot be read" in messages


@both
def test_the_command_says_what_is_damaged(store):
    done = run_catfast("store", "verify", store, "--json")
    assert done.code == 0
    assert done.objects == [{"input": str(store), "status": "clean", "problems": []}]
    victim = sorted(name for name in files_of(store) if "/" in name)[-1]
    content = (store / victim).read_bytes()
    (store / victim).write_bytes(content[:-1] + bytes([content[-1] ^ 128]))
    done = run_catfast("store", "verify", store, "--json")
    assert done.code == 3
    (found,) = done.objects
    assert found["status"] == "damaged"
    assert victim in {problem["file"] for problem in found["problems"]}
    assert victim in done.err
    assert "Traceback" not in done.err


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        verify(tmp_path / "nothing")
    with pytest.raises(InputError, match="has no SHA256SUMS"):
        verify(tmp_path)
    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  ../../etc/passwd\n")
    with pytest.raises(InputError, match="line 1 is not a digest and a path inside"):
        verify(tmp_path)


@both
def test_packed_patches_are_the_same(store, tmp_path):
    """Three shards of at most three patches."""
    patch_bytes = 9 * SIZE * SIZE
    packed = pack(store, tmp_path / "packed", shard_bytes=4096 + 3 * patch_bytes)
    source = open_store(store)
    assert packed.info.format == "safetensors"
    assert verify(packed.path) == []
    assert packed.index["shard"].to_pylist() == [f"shards/0000{row // 3}.safetensors" for row in range(8)]
    unchanged = [name for name in source.index.column_names if name not in ("shard", "offset", "sha256")]
    assert packed.index.select(unchanged).equals(source.index.select(unchanged))
    for row in range(len(source)):
        for ours, theirs in zip(packed.read(row), source.read(row), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["packed", "store"]


@both
def test_packing_refuses(store, tmp_path):
    with pytest.raises(OutputError, match="exists already"):
        pack(store, store)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="exists already"):
        pack(store, tmp_path / "link")
    (tmp_path / "link").unlink()
    with pytest.raises(OutputError, match="its folder does not exist"):
        pack(store, tmp_path / "no" / "packed")
    with pytest.raises(UsageError, match="--shard-mb"):
        pack(store, tmp_path / "packed", shard_bytes=0)
    victim = sorted(name for name in files_of(store) if "/" in name)[0]
    content = bytearray((store / victim).read_bytes())
    content[-1] ^= 1
    (store / victim).write_bytes(content)
    with pytest.raises(InputError, match="is not what was written"):
        pack(store, tmp_path / "packed")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@both
def test_what_is_made_of_a_store_never_lies_in_it(store, tmp_path):
    (tmp_path / "link").symlink_to(store)
    for place in (store, tmp_path / "link"):
        with pytest.raises(OutputError, match="lies in the store"):
            pack(store, place / "packed")
        for name in ("index.parquet", "images/new.png", "new.png"):
            (store / name).parent.mkdir(exist_ok=True)
            with pytest.raises(OutputError, match="lies in the store"):
                contact_sheet(store, place / name)
    assert verify(store) == []


def test_a_sheet_replaces_a_picture_and_nothing_else(clean, tmp_path):
    store, picture, table = clean["geotiff"], tmp_path / "sheet.png", tmp_path / "pairs.parquet"
    table.write_bytes(b"PAR1")
    for target, words in (
        (table, "is no PNG"),
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "s.png", "its folder does not exist"),
    ):
        with pytest.raises(OutputError, match=words):
            contact_sheet(store, target)
    assert table.read_bytes() == b"PAR1"
    assert contact_sheet(store, picture, count=3) == contact_sheet(store, picture, count=3) == 3


def test_the_commands_pack_and_show(clean, tmp_path):
    done = run_catfast("store", "pack", clean["geotiff"], "-o", tmp_path / "packed", "--json", "-q")
    assert done.code == 0, done.err
    assert done.objects[0]["patches"] == 8
    assert done.objects[0]["shards"] == 1
    done = run_catfast("store", "show", tmp_path / "packed", "-o", tmp_path / "sheet.png")
    assert done.code == 0, done.err
    assert Image.open(tmp_path / "sheet.png").format == "PNG"
    assert run_catfast("store", "show", tmp_path, "-o", tmp_path / "no.png").code == 3
    assert run_catfast("store", "show", clean["geotiff"], "-o", tmp_path / "no" / "s.png").code == 4
    assert run_catfast("store", "show", clean["geotiff"], "-o", tmp_path / "s.png", "--count", 0).code == 2


def test_names_with_line_ends_and_escapes_are_shown_in_one_line(tmp_path):
    store = tmp_path / "a\n\x1b[31mb"
    make_store(store)
    for arguments in (
        ("verify", store),
        ("show", store, "-o", tmp_path / "s.png"),
        ("pack", store, "-o", tmp_path / "p"),
    ):
        done = run_catfast("store", *arguments)
        assert (done.code, done.err.count("\n"), "\x1b" in done.err) == (0, 1, False), done.err
    (store / "images" / "c\nd.tif").write_bytes(b"")
    damaged = run_catfast("store", "verify", store)
    assert (damaged.code, damaged.err.count("\n")) == (3, 2), damaged.err


def test_names_that_are_no_text_are_refused_in_a_sentence(tmp_path):
    make_store(tmp_path / "s")
    store = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    (tmp_path / "s").rename(store)
    for arguments in (
        ("verify", store),
        ("show", store, "-o", tmp_path / "s.png"),
        ("pack", store, "-o", tmp_path / "p"),
    ):
        done = run_catfast("store", *arguments)
        assert (done.code, done.err.count("\n"), "expected names in UTF-8" in done.err) == (3, 1, True), (
            done.err
        )
    assert os.listdir(tmp_path) == ["\udcff"]


@pytest.mark.parametrize("changes", [{}, {"soft": True}, {"scheme": "binary"}])
def test_a_sheet_shows_images_under_their_labels(tmp_path, changes):
    """One patch a split: white where cloud lies on white, green where clear lies on white."""
    make_store(tmp_path / "s", **changes)
    assert contact_sheet(tmp_path / "s", tmp_path / "sheet.png", count=2) == 2
    assert contact_sheet(tmp_path / "s", tmp_path / "all.png", count=100) == 8
    one, many = (np.asarray(Image.open(tmp_path / name)) for name in ("sheet.png", "all.png"))
    assert many.shape[0] > one.shape[0]
    assert len(np.unique(one.reshape(-1, 3), axis=0)) > 100


@both
def test_a_sheet_of_patches_whose_time_is_not_known(store, tmp_path):
    rewrite_index(store, lambda rows: [row | {"dt_s": None} for row in rows])
    assert contact_sheet(store, tmp_path / "sheet.png") == 8


def test_the_same_seed_draws_the_same_sheet(tmp_path):
    make_store(tmp_path / "s")
    for name, seed in (("a.png", 0), ("b.png", 0), ("c.png", 1)):
        contact_sheet(tmp_path / "s", tmp_path / name, count=3, seed=seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png", "c.png"))
    assert a == b
    assert a != c


def test_an_empty_store_can_be_checked_packed_and_drawn(tmp_path):
    make_store(tmp_path / "s", count=0)
    assert verify(tmp_path / "s") == []
    assert len(pack(tmp_path / "s", tmp_path / "p")) == 0
    assert contact_sheet(tmp_path / "p", tmp_path / "sheet.png") == 0
    assert json.loads((tmp_path / "p" / "store.json").read_text())["format"] == "safetensors"
