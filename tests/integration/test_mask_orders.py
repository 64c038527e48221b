"""``catfast mask`` on folders, Planet orders, globs, lists and catalogues; by processes; taken up again."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import hashlib
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import cloudy_dn, write_scene

IDS = (
    "20230601_101112_12_2401",
    "20230603_101010_55_2402",
    "20230602_090807_1003",
    "20230605_111111_33_24aa",
)
LEDGER, SERIES = "catfast_ledger.jsonl", "catfast_series.csv"


@pytest.fixture
def mask(catfast, known_model):
    def run(*arguments, **environment):
        return catfast("mask", "--model", known_model, *arguments, **environment)

    return run


def image(folder: Path, item: str) -> Path:
    return folder / f"{item}_3B_AnalyticMS_SR.tif"


@pytest.fixture
def order(tmp_path) -> Path:
    """An order of four scenes as Planet delivers it: images, usable data masks, metadata and a manifest."""
    folder = tmp_path / "order"
    inner = folder / "PSScene"
    inner.mkdir(parents=True)
    for seed, item in enumerate(IDS):
        write_scene(image(inner, item), cloudy_dn(seed=seed))
        write_scene(inner / f"{item}_3B_udm2.tif", cloudy_dn(seed=seed)[:1])
        (inner / f"{item}_metadata.json").write_text("{}")
    entries = [
        {
            "path": str(path.relative_to(folder)),
            "size": path.stat().st_size,
            "digests": {
                "md5": hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(),
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            },
        }
        for path in sorted(inner.iterdir())
    ]
    (folder / "manifest.json").write_text(json.dumps({"name": "", "files": entries}))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith("_mask.tif"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*_mask.tif")}


EXPECTED = sorted(f"{item}_3B_AnalyticMS_SR_mask.tif" for item in IDS)


def test_an_order_gives_a_mask_a_scene_a_ledger_and_a_series(mask, order, tmp_path):
    out = tmp_path / "masks"
    run = mask(order, "--out-dir", out)
    assert (run.code, names(out)) == (0, EXPECTED), run.err
    ledger = [json.loads(line) for line in (out / LEDGER).read_text().splitlines()]
    assert [entry["status"] for entry in ledger] == ["done"] * 4
    rows = list(csv.DictReader((out / SERIES).open()))
    assert [row["acquired"] for row in rows] == [
        "2023-06-01T10:11:12.120Z",
        "2023-06-02T09:08:07.000Z",
        "2023-06-03T10:10:10.550Z",
        "2023-06-05T11:11:11.330Z",
    ]
    by_mask = {entry["output"]: entry for entry in ledger}
    table = pq.read_table(out / SERIES.replace(".csv", ".parquet"))
    assert str(table.schema.field("acquired").type) == "timestamp[ms, tz=UTC]"
    for row, cells in zip(rows, table.to_pylist(), strict=True):
        assert float(row["cloud"]) == cells["cloud"] == by_mask[row["mask"]]["classes"]["cloud"]
        assert row["snow"] == ""
        assert cells["snow"] is None


def test_one_bad_scene_of_four_leaves_three_masks_and_its_reason(mask, order, tmp_path):
    broken = image(order / "PSScene", IDS[1])
    data = bytearray(broken.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    out = tmp_path / "masks"
    run = mask(order, "--out-dir", out)
    assert (run.code, len(names(out))) == (1, 3)
    failed = [json.loads(line) for line in (out / LEDGER).read_text().splitlines()]
    failed = [entry for entry in failed if entry["status"] == "failed"]
    assert [Path(entry["input"]).name for entry in failed] == [broken.name]
    assert failed[0]["error"]["code"] == 3
    assert "its sha256 is not the one in" in failed[0]["error"]["message"]
    assert len(list(csv.DictReader((out / SERIES).open()))) == 3


def test_a_named_scene_is_masked_though_the_manifest_disagrees(mask, order, tmp_path):
    scene = image(order / "PSScene", IDS[0])
    manifest = order / "manifest.json"
    manifest.write_text(
        manifest.read_text().replace(hashlib.sha256(scene.read_bytes()).hexdigest(), "0" * 64)
    )
    run = mask(scene, "-o", tmp_path / "m.tif", "--json")
    assert run.code == 0
    assert [warning["name"] for warning in run.objects[0]["warnings"]] == ["manifest_mismatch"]
    assert (tmp_path / "m.tif").exists()


def test_a_listed_file_that_is_absent_is_a_warning(mask, order, tmp_path):
    (order / "PSScene" / f"{IDS[2]}_3B_udm2.tif").unlink()
    run = mask(order, "--out-dir", tmp_path / "masks", "--json")
    assert run.code == 0
    told = {Path(entry["input"]).name: [w["name"] for w in entry["warnings"]] for entry in run.objects}
    assert told.pop(image(order, IDS[2]).name) == ["manifest_missing"]
    assert set(map(tuple, told.values())) == {()}


@pytest.mark.parametrize("below", [".", "PSScene"])
def test_a_scene_whose_image_is_absent_is_told_of(mask, order, tmp_path, below):
    absent = image(order / "PSScene", IDS[2])
    absent.unlink()
    run = mask(order / below, "--out-dir", tmp_path / "masks", "--json")
    assert (run.code, len(run.objects)) == (0, 3)
    assert run.err.count("(manifest_missing)") == 1
    assert f"lists {absent.name}, which is not there" in run.err
    whole = mask(image(order / "PSScene", IDS[0]), "--out-dir", tmp_path / "one")
    assert "manifest_missing" not in whole.err


def test_masks_named_with_their_scenes_are_none(mask, order, tmp_path):
    """As a shell names them in place of ``*.tif``."""
    scenes = [image(order / "PSScene", item) for item in IDS[:2]]
    assert mask(*scenes, "--confidence").code == 0
    named = [path for item in IDS[:2] for path in sorted((order / "PSScene").glob(f"{item}*SR*.tif"))]
    assert len(named) == 6
    run = mask(*named, "--json")
    assert [(entry["input"], entry["status"]) for entry in run.objects] == [
        (str(scene), "skipped") for scene in scenes
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"files": [{"size": 3}]}', '{"files": 7}', "\x00"])
def test_a_broken_manifest_refuses_what_was_found_and_warns_of_what_was_named(mask, order, tmp_path, text):
    (order / "manifest.json").write_text(text)
    run = mask(order, "--out-dir", tmp_path / "masks")
    assert (run.code, names(tmp_path / "masks")) == (3, [])
    assert run.err.count("not readable as the manifest of an order") == 4
    run = mask(image(order / "PSScene", IDS[0]), "-o", tmp_path / "m.tif", "--json")
    assert (run.code, run.objects[0]["warnings"][0]["name"]) == (0, "manifest_mismatch")


def test_a_manifest_cannot_name_files_outside_its_folder(mask, order, tmp_path):
    (tmp_path / f"{IDS[0]}_secret.txt").write_text("x")
    manifest = json.loads((order / "manifest.json").read_text())
    manifest["files"].append({"path": f"../{IDS[0]}_secret.txt", "size": 99, "digests": {}})
    (order / "manifest.json").write_text(json.dumps(manifest))
    assert mask(order, "--out-dir", tmp_path / "masks").code == 0


def test_globs_lists_and_catalogues_name_the_same_scenes(mask, catfast, order, tmp_path):
    """The catalogue is made by catfast from JSON items, with the folder in its ``path`` column."""
    inner = order / "PSScene"
    lines = ["# mine", *(f" {image(inner, item)}" for item in IDS[:2]), "  # not this", ""]
    (tmp_path / "list.txt").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    for out, source, expected in (
        ("glob", f"{order}/*/*_24*_SR.tif", 3),
        ("all", f"{order}/*/*", 4),
        ("list", tmp_path / "list.txt", 2),
        ("folder", inner, 4),
    ):
        run = mask(source, "--out-dir", tmp_path / out)
        assert (run.code, len(names(tmp_path / out))) == (0, expected), run.err


def test_a_catalogue_leads_to_its_scenes(mask, catfast, paired_world, tmp_path):
    run = mask(paired_world / "planet.parquet", "--out-dir", tmp_path / "masks")
    assert run.code == 0, run.err
    scenes = pq.read_table(paired_world / "planet.parquet")["scene_id"].to_pylist()
    assert {
        name[: len(scene)] for name in names(tmp_path / "masks") for scene in scenes if name.startswith(scene)
    } == set(scenes)


def test_a_scene_of_a_catalogue_without_its_image_is_told_of(mask, catfast, order, tmp_path):
    inner = order / "PSScene"
    ids = [*IDS[:2], "20230601_000000_00_2401"]
    table = pa.table({"scene_id": ids, "path": [str(inner), str(image(inner, IDS[1])), str(inner)]})
    pq.write_table(table, tmp_path / "c.parquet")
    run = mask(tmp_path / "c.parquet", "--out-dir", tmp_path / "masks", "--json")
    assert (run.code, names(tmp_path / "masks")) == (1, EXPECTED[:1] + EXPECTED[2:3]), run.err
    assert [found["status"] for found in run.objects] == ["done", "done", "failed"]
    assert run.objects[2]["error"]["message"] == f"{inner / ids[2]}: no such file"
    pq.write_table(table.slice(2), tmp_path / "none.parquet")
    assert mask(tmp_path / "none.parquet", "--out-dir", tmp_path / "masks").code == 3
    pq.write_table(table.drop(["path"]), tmp_path / "short.parquet")
    short = mask(tmp_path / "short.parquet", "--out-dir", tmp_path / "masks").err
    assert short.endswith("expected a scene catalogue with scene_id and path, found scene_id\n")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("empty", "expected a folder with scenes"),
        ("nothing*.tif", "expected scenes, found none"),
        ("list.txt", "expected scenes, found none"),
        ("masks.txt", "expected scenes, found none"),
        ("*_mask.tif", "expected scenes, found none"),
        ("bad.txt", "expected a list of scenes, found no text"),
        ("bad.parquet", "expected a scene catalogue"),
    ],
)
def test_sources_without_scenes_are_refused(mask, tmp_path, source, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text("\n# none\n")
    (tmp_path / "masks.txt").write_text(f"{tmp_path}/a_mask.tif\n")
    write_scene(tmp_path / "a_mask.tif", cloudy_dn(64, 64)[:1])
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not")
    run = mask(tmp_path / source, "--out-dir", tmp_path / "masks")
    assert (run.code, len(run.err.splitlines()), message in run.err) == (3, 1, True), run.err


def test_an_archive_is_to_be_unpacked(mask, order, tmp_path):
    packed = tmp_path / "packed" / "order.zip"
    packed.parent.mkdir()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(image(order / "PSScene", IDS[0]))
    for source, words in ((packed, "an archive: unpack it"), (packed.parent, "unpack order.zip first")):
        run = mask(source, "--out-dir", tmp_path / "masks")
        assert (run.code, run.err.count("\n")) == (3, 1)
        assert words in run.err


def test_the_end_tells_how_many_became_what(mask, order, tmp_path):
    out = tmp_path / "masks"
    image(order / "PSScene", IDS[1]).write_bytes(b"II*\0")
    assert mask(image(order / "PSScene", IDS[0]), "--out-dir", out).code == 0
    run = mask(order, "--out-dir", out)
    assert run.code == 1
    assert "4 scenes: 2 done, 1 skipped, 1 failed" in run.err.splitlines()
    assert "scenes:" not in mask(order, "--out-dir", out, "--quiet").err


def test_several_processes_write_the_same_bytes(mask, order, tmp_path):
    write_scene(order / "lonely.tif", cloudy_dn(seed=9))
    (order / "no.tif").write_text("no tiff")
    one, two = (mask(order, "--out-dir", tmp_path / n, "--workers", n, "--json") for n in ("1", "2"))
    assert one.code == two.code == 1
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert len(names(tmp_path / "2")) == 5
    assert sorted(entry["status"] for entry in two.objects) == ["done"] * 5 + ["failed"]


def test_a_run_is_taken_up_where_it_was_killed(order, tmp_path, known_model, mask):
    out = tmp_path / "masks"
    command = [
        sys.executable,
        "-c",
        "from catfast.cli import main; main()",
        "mask",
        "--model",
        str(known_model),
    ]
    run = subprocess.Popen([*command, str(order), "--out-dir", str(out)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (out.is_dir() and names(out)) and time.monotonic() < deadline:
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    run.wait()
    done = contents(out)
    stamps = {name: (out / name).stat().st_mtime_ns for name in done}
    again = mask(order, "--out-dir", out, "--json")
    assert again.code == 0, again.err
    assert [entry["status"] for entry in again.objects].count("skipped") == len(done)
    assert all((out / name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    assert mask(order, "--out-dir", tmp_path / "fresh").code == 0
    assert contents(out) == contents(tmp_path / "fresh")
    assert sorted(os.listdir(out)) == sorted([*EXPECTED, LEDGER, SERIES, SERIES.replace(".csv", ".parquet")])


def test_two_runs_into_one_folder(order, tmp_path, mask):
    from filelock import FileLock

    out = tmp_path / "masks"
    out.mkdir()
    with FileLock(out / ".catfast.lock"):
        run = mask(order, "--out-dir", out)
    assert (run.code, run.err.strip()) == (4, f"catfast: {out}: another catfast is writing it")
    (out / ".catfast.lock").write_text("stale")
    assert mask(order, "--out-dir", out).code == 0
    assert not (out / ".catfast.lock").exists()


def test_the_same_file_named_twice_is_masked_once(mask, order, tmp_path):
    scene = image(order / "PSScene", IDS[0])
    run = mask(order, scene, "--out-dir", tmp_path / "masks", "--json")
    assert (run.code, len(run.objects)) == (0, 4)


def test_workers_below_one_are_refused(mask, order, tmp_path):
    run = mask(order, "--out-dir", tmp_path / "masks", "--workers", "0")
    assert (run.code, "--workers must be at least 1" in run.err) == (2, True)


def on_a_terminal(*arguments: object) -> str:
    """What a command shows on a terminal 300 columns wide; its exit code must be 0."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 300, 0, 0))
    command = [sys.executable, "-c", "from catfast.cli import main; main()", *map(str, arguments)]
    run = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux tells the end of a terminal
        while part := os.read(ours, 1 << 16):
            shown += part
    os.close(ours)
    assert run.wait() == 0, shown
    return shown.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("workers", [1, 2])
def test_one_bar_over_scenes_and_every_sentence_on_a_line_of_its_own(order, tmp_path, known_model, workers):
    shown = on_a_terminal(
        "mask", order, "--out-dir", tmp_path / "o", "--model", known_model, "--workers", workers
    )
    assert "scenes: 100%" in shown
    assert "4/4" in shown
    assert shown.count("scenes:   0%") >= 1
    lines = [line.rstrip("\r").split("\r")[-1].split("\x1b[A")[-1] for line in shown.split("\n")]
    told = [line for line in lines if "valid pixels" in line]
    assert len(told) == 4
    assert all(line.startswith(str(tmp_path)) for line in told), told
    assert ("row" in shown) == (workers == 1)
