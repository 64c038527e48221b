"""The whole chain `simulate -> catalog -> pairs -> labels -> patches`, and what users meet on the way."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
from rasterio.warp import Resampling, calculate_default_transform, reproject

from catfast.patches import PatchesConfig, cut, open_store, verify
from tests.conftest import run_catfast, write_scene
from tests.label_files import around, write_qa
from tests.patch_reference import slow_image, slow_labels, slow_shares, tree

SIZE = 128


def files_of(world: Path, ps_id: str, l8_id: str) -> tuple[Path, Path]:
    image = next((world / "PSScene").glob(f"{ps_id}_3B_AnalyticMS*.tif"))
    return image, world / "landsat" / l8_id / f"{l8_id}_QA_PIXEL.TIF"


def to_polar(qa: Path) -> None:
    """Replace a QA file by one in polar stereographic, so that labels have to be carried across grids."""
    with rasterio.open(qa) as source:
        transform, width, height = calculate_default_transform(
            source.crs, "EPSG:3413", source.width, source.height, *source.bounds, resolution=30
        )
        profile = source.profile | {
            "crs": "EPSG:3413",
            "transform": transform,
            "width": width,
            "height": height,
        }
        codes, tags = np.ones((height, width), np.uint16), source.tags()
        reproject(
            source.read(1),
            codes,
            src_transform=source.transform,
            src_crs=source.crs,
            dst_transform=transform,
            dst_crs="EPSG:3413",
            init_dest_nodata=False,
            resampling=Resampling.nearest,
        )
    with rasterio.open(qa, "w", **profile) as dataset:
        dataset.write(codes, 1)
        dataset.update_tags(**tags)


@pytest.fixture(scope="module")
def chain(paired_world, tmp_path_factory):
    """A world whose first QA file is in another CRS, its pairs, and the store of all patches."""
    folder = tmp_path_factory.mktemp("chain")
    shutil.copytree(paired_world / "world", folder / "world")
    pairs = pq.read_table(paired_world / "pairs.parquet").drop_columns(["ps_path", "l8_path"])
    pq.write_table(pairs, folder / "pairs.parquet")
    to_polar(files_of(folder / "world", pairs["ps_id"][0].as_py(), pairs["l8_id"][0].as_py())[1])
    done = run_catfast(
        "patches", folder / "pairs.parquet", "--scenes", folder / "world", "-o", folder / "store",
        "--size", SIZE, "--min-valid", 0.25, "--max-overlap", 1, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    (summary,) = done.objects
    assert (summary["status"], summary["pairs"], summary["failed"]) == ("done", 4, [])
    return folder


def test_every_patch_is_what_a_slow_reference_makes_of_its_two_scenes(chain):
    store = open_store(chain / "store")
    rows = store.index.to_pylist()
    place = {row["patch_id"]: number for number, row in enumerate(rows)}
    expected = set()
    for pair in pq.read_table(chain / "pairs.parquet").to_pylist():
        image, qa = files_of(chain / "world", pair["ps_id"], pair["l8_id"])
        pixels, labels = slow_image(image), slow_labels(image, qa)
        alone = chain / "label.tif"
        assert run_catfast("labels", qa, "--like", image, "-o", alone, "--overwrite").code == 0
        with rasterio.open(alone) as dataset:
            np.testing.assert_array_equal(dataset.read(1), labels)
        for row in range(0, labels.shape[0] - SIZE + 1, SIZE):
            for column in range(0, labels.shape[1] - SIZE + 1, SIZE):
                window = np.s_[row : row + SIZE, column : column + SIZE]
                tile, label = pixels[:, *window], labels[window]
                shares = slow_shares(tile, label)
                if shares["valid"] < 0.25 or shares["ignore"] == 1:
                    continue
                expected.add(name := f"{pair['pair_id']}_{row:05d}_{column:05d}")
                found_image, found_label = store.read(place[name])
                np.testing.assert_array_equal(found_image, tile)
                np.testing.assert_array_equal(found_label, label)
                check_record(rows[place[name]], pair, shares, image, row, column)
    assert set(place) == expected
    assert len(expected) > 30
    assert list(verify(chain / "store")) == []


def check_record(record, pair, shares, image, row, column):
    for name, share in shares.items():
        assert record[f"{name}_fraction"] == pytest.approx(share, abs=1e-12), name
    for name in ("pair_id", "ps_id", "l8_id", "dt_s", "dt_local_s", "ps_acquired"):
        assert record[name] == pair[name]
    assert (record["row"], record["col"], record["simulated"]) == (row, column, True)
    assert record["sun_elevation"] == pair["ps_sun_elevation"]
    off_m = 15 * abs(pair["dt_local_s"])
    assert record["weight"] == pytest.approx((1 - shares["ignore"]) / (1 + off_m / 450))
    with rasterio.open(image) as dataset:
        moved = dataset.transform @ rasterio.Affine.translation(column, row)
        assert record["epsg"] == dataset.crs.to_epsg()
        corners = [moved @ corner for corner in ((0, 0), (SIZE, 0), (SIZE, SIZE), (0, SIZE))]
        x, y = rasterio.warp.transform(dataset.crs, "EPSG:6931", *zip(*corners, strict=True))
    assert record["transform"] == pytest.approx(moved[:6])
    outline = shapely.Polygon(zip(x, y, strict=True))
    assert shapely.hausdorff_distance(shapely.from_wkb(record["geometry"]), outline) < 1e-3


def test_splits_share_no_scene_and_none_is_empty(chain):
    rows = pq.read_table(chain / "store" / "index.parquet").to_pylist()
    assert {row["split"] for row in rows} == {"train", "val", "test"}
    for name in ("ps_id", "l8_id"):
        assert len({(row[name], row["split"]) for row in rows}) == len({row[name] for row in rows})


def test_the_default_world_fills_all_splits():
    """Six grounds of the default world, by their plans: no pixel is needed to know it."""
    from catfast.patches.splits import Node, assign
    from catfast.simulate import WorldConfig
    from catfast.simulate.world.plan import plan_world

    nodes = []
    for plan in plan_world(WorldConfig()):
        x, y = rasterio.warp.transform(
            f"EPSG:{plan.ps.epsg}", "EPSG:6931", *zip(*plan.ps.footprint(), strict=True)
        )
        shape = shapely.Polygon(zip(x, y, strict=True))
        nodes.append(
            Node(
                pair_id=plan.ground,
                ps_id=plan.ps_id,
                l8_id=plan.l8_id,
                acquired=plan.ps_time,
                strip=None,
                footprint=shape,
                patches=9,
            )
        )
    assert set(assign(nodes, (0.7, 0.15, 0.15), 0).values()) == {"train", "val", "test"}


def test_a_second_run_is_skipped_and_other_options_are_refused(chain):
    arguments = ("patches", chain / "pairs.parquet", "--scenes", chain / "world", "-o", chain / "store")
    before = tree(chain / "store")
    same = (*arguments, "--size", SIZE, "--min-valid", 0.25, "--max-overlap", 1)
    again = run_catfast(*same, "--workers", 2)
    assert (again.code, "skipped" in again.err) == (0, True)
    other = run_catfast(*arguments, "--size", 64)
    assert (other.code, other.err.count("\n")) == (4, 1)
    assert "--overwrite" in other.err
    assert tree(chain / "store") == before


def test_the_two_formats_and_the_workers_hold_the_same(chain, tmp_path):
    options = {"scenes": (chain / "world",), "size": SIZE, "min_valid": 0.25, "max_overlap": 1.0}
    store = open_store(chain / "store")
    shards = cut(
        chain / "pairs.parquet",
        PatchesConfig(output=tmp_path / "s", format="safetensors", workers=2, **options),
    )
    plain = [name for name in store.index.column_names if name not in ("shard", "offset", "sha256")]
    assert shards.index.select(plain).equals(store.index.select(plain))
    for place in range(0, len(store), 7):
        for ours, theirs in zip(store.read(place), shards.read(place), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    cut(chain / "pairs.parquet", PatchesConfig(output=tmp_path / "g", workers=2, **options))
    assert tree(tmp_path / "g") | {"store.json": b""} == tree(chain / "store") | {"store.json": b""} | {
        "SHA256SUMS": tree(tmp_path / "g")["SHA256SUMS"]
    }


def test_the_order_of_pairs_does_not_show(chain, tmp_path):
    pairs = pq.read_table(chain / "pairs.parquet")
    pq.write_table(pairs.take(list(range(len(pairs)))[::-1]), tmp_path / "pairs.parquet")
    config = PatchesConfig(
        output=tmp_path / "s", scenes=(chain / "world",), size=SIZE, min_valid=0.25, max_overlap=1.0
    )
    assert cut(tmp_path / "pairs.parquet", config).index.equals(open_store(chain / "store").index)


def test_the_papers_preset_and_explicit_options_over_it(paired_world, tmp_path):
    arguments = ("patches", paired_world / "pairs.parquet", "-o", tmp_path / "s", "--preset", "cat")
    assert run_catfast(*arguments, "--stride", 100).code == 0
    store = open_store(tmp_path / "s")
    assert (store.info.size, store.info.stride, store.info.scheme) == (400, 100, "binary")
    assert min(store.index["valid_fraction"].to_pylist()) >= 0.5
    assert {code for i in range(len(store)) for code in np.unique(store.read(i)[1])} <= {0, 1, 255}
    assert max(share or 0 for share in store.index["snow_fraction"].to_pylist()) > 0.1


def test_half_valid_is_enough_for_the_default_and_not_for_the_papers_preset(tmp_path):
    dn = np.full((4, 400, 800), 1000, np.uint16)
    dn[:, :200] = 0
    dn[:, 199, 799] = 1000  # the second patch has one pixel over half
    ps_id, l8_id = "20230601_101112_12_2401", "LC08_L1TP_074010_20230601_20230607_02_T1"
    write_scene(tmp_path / f"{ps_id}_3B_AnalyticMS_SR.tif", dn)
    write_qa(tmp_path / f"{l8_id}_QA_PIXEL.TIF", np.full((100, 100), 21824, np.uint16), around(pixels=100))
    pair = {"pair_id": ["p"], "ps_id": [ps_id], "l8_id": [l8_id], "dt_s": [1.0]}
    times = pa.array([1_688_000_000_000], pa.timestamp("ms", "UTC"))
    pq.write_table(pa.table({**pair, "ps_acquired": times}), tmp_path / "pairs.parquet")
    for name, options, columns in (
        ("default", ("--size", 400), [0, 400]),
        ("cat", ("--preset", "cat"), [400]),
    ):
        arguments = (tmp_path / "pairs.parquet", "--scenes", tmp_path, "-o", tmp_path / name)
        done = run_catfast("patches", *arguments, *options)
        assert done.code == 0, done.err
        assert open_store(tmp_path / name).index["col"].to_pylist() == columns


def test_a_line_end_in_a_name_is_shown_in_its_line(paired_world, tmp_path):
    (place := tmp_path / "a\nb").mkdir()
    shutil.copytree(paired_world / "world", place / "world")
    next((place / "world" / "PSScene").glob("*_3B_AnalyticMS*.tif")).write_bytes(b"no picture")
    pairs = pq.read_table(paired_world / "pairs.parquet").drop_columns(["ps_path", "l8_path"])
    pq.write_table(pairs, tmp_path / "pairs.parquet")
    arguments = ("patches", tmp_path / "pairs.parquet", "--scenes", place / "world", "-o", place / "s")
    for options, lines in ((("--dry-run",), 2), ((), 2), ((), 2)):
        done = run_catfast(*arguments, "--size", 128, *options)
        assert (done.code, done.err.count("\n")) == (1, lines), done.err


def test_a_store_whose_name_is_no_text_is_refused_before_the_start(paired_world, tmp_path):
    store = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    done = run_catfast("patches", paired_world / "pairs.parquet", "-o", store)
    assert (done.code, done.err.count("\n"), "expected a name in UTF-8" in done.err) == (4, 1, True), done.err
    assert os.listdir(tmp_path) == []


def test_soft_labels_and_filters(paired_world, tmp_path):
    config = PatchesConfig(
        output=tmp_path / "s", size=64, method="fraction", min_cloud=0.2, max_cloud=0.8, min_snow=0.05
    )
    store = cut(paired_world / "pairs.parquet", config)
    assert store.info.soft
    for place, row in enumerate(store.index.to_pylist()):
        _, label = store.read(place)
        cloud = label[label != 255].astype(float).mean() / 200
        assert row["cloud_fraction"] == pytest.approx(cloud)
        assert 0.2 <= cloud <= 0.8
        assert row["snow_fraction"] >= 0.05


@pytest.mark.parametrize("scheme", ["full", "binary"])
def test_aligned_labels_are_those_of_the_label_command(paired_world, tmp_path, scheme):
    """And the index says for each pair what was found, and whether it was used."""
    pairs, world = paired_world / "pairs.parquet", paired_world / "world"
    options = ("--align", "--scheme", scheme)
    done = run_catfast("patches", pairs, "-o", tmp_path / "s", "--size", 128, *options)
    assert done.code == 0, done.err
    store = open_store(tmp_path / "s")
    whole = {}
    for place, row in enumerate(store.index.to_pylist()):
        if row["ps_id"] not in whole:
            image, qa = files_of(world, row["ps_id"], row["l8_id"])
            output = tmp_path / f"{row['ps_id']}.tif"
            assert run_catfast("labels", qa, "--like", image, "-o", output, *options).code == 0
            with rasterio.open(output) as dataset:
                whole[row["ps_id"]] = dataset.read(1), dataset.tags()
        labels, tags = whole[row["ps_id"]]
        window = np.s_[row["row"] : row["row"] + 128, row["col"] : row["col"] + 128]
        np.testing.assert_array_equal(store.read(place)[1], labels[window])
        assert tags["CATFAST_SHIFT_REASON"] == row["shift_reason"]
        assert tags["CATFAST_SHIFT_ACCEPTED"] == str(int(row["shift_accepted"]))
        assert float(tags["CATFAST_SHIFT_X_M"]) == pytest.approx(row["shift_x_m"], abs=0.06)
        residual = row["shift_spread_m"] if row["shift_accepted"] else 15 * abs(row["dt_local_s"])
        assert row["weight"] == pytest.approx((1 - row["ignore_fraction"]) / (1 + residual / 450))
    assert len(whole) == 4


def test_what_scenes_leave_open_is_told_once(paired_world, tmp_path):
    """A scene under a name that does not say its scale."""
    row = pq.read_table(paired_world / "pairs.parquet").slice(0, 1).drop_columns(["ps_path", "l8_path"])
    grid = around(pixels=80)
    write_qa(tmp_path / f"{row['l8_id'][0].as_py()}_QA_PIXEL.TIF", np.full((80, 80), 21824, np.uint16), grid)
    write_scene(tmp_path / f"{row['ps_id'][0].as_py()}_mosaic.tif", np.full((4, 512, 512), 900, np.uint16))
    pq.write_table(row, tmp_path / "pairs.parquet")
    arguments = ("patches", tmp_path / "pairs.parquet", "--scenes", tmp_path, "-o", tmp_path / "s")
    done = run_catfast(*arguments, "--size", 128, "--json")
    assert done.code == 0, done.err
    assert [item["name"] for item in done.objects[0]["warnings"]] == ["few_grounds", "assumed_scale"]


def test_missing_files_are_listed_and_the_others_done(paired_world, tmp_path):
    world, pairs = tmp_path / "world", pq.read_table(paired_world / "pairs.parquet")
    shutil.copytree(paired_world / "world", world)
    bare = pairs.drop_columns(["ps_path", "l8_path"])
    pq.write_table(bare, tmp_path / "pairs.parquet")
    image, _ = files_of(world, bare["ps_id"][0].as_py(), bare["l8_id"][0].as_py())
    image.unlink()
    _, qa = files_of(world, bare["ps_id"][1].as_py(), bare["l8_id"][1].as_py())
    qa.unlink()
    arguments = (
        "patches",
        tmp_path / "pairs.parquet",
        "--scenes",
        world,
        "-o",
        tmp_path / "s",
        "--size",
        128,
    )
    done = run_catfast(*arguments, "--json")
    assert done.code == 1
    (summary,) = done.objects
    assert [item["pair_id"] for item in summary["failed"]] == sorted(bare["pair_id"].to_pylist()[:2])
    assert bare["ps_id"][0].as_py() in done.err
    assert bare["l8_id"][1].as_py() in done.err
    assert (summary["pairs"], summary["patches"]) == (2, len(open_store(tmp_path / "s")))
    before = tree(tmp_path / "s")
    assert run_catfast(*arguments).code == 1  # there, and the two pairs are as they were
    assert tree(tmp_path / "s") == before
    shutil.rmtree(world)
    world.mkdir()
    none = run_catfast(*arguments[:-4], "-o", tmp_path / "t")
    assert (none.code, none.err.count("\n")) == (3, 4)
    assert not (tmp_path / "t").exists()


def test_an_order_whose_digests_are_wrong(paired_world, tmp_path):
    world, pairs = tmp_path / "world", pq.read_table(paired_world / "pairs.parquet")
    shutil.copytree(paired_world / "world", world)
    entries = []
    for path in sorted((world / "PSScene").iterdir()):
        data = path.read_bytes()
        digests = {"md5": hashlib.md5(data).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}  # noqa: S324 - Planet's
        entries.append({"path": f"PSScene/{path.name}", "size": len(data), "digests": digests})
    (world / "manifest.json").write_text(json.dumps({"name": "", "files": entries}))
    bare = pairs.drop_columns(["ps_path", "l8_path"])
    pq.write_table(bare, tmp_path / "pairs.parquet")
    arguments = ("patches", tmp_path / "pairs.parquet", "--scenes", world, "--size", 128, "-o")
    assert run_catfast(*arguments, tmp_path / "good").code == 0
    image, _ = files_of(world, bare["ps_id"][2].as_py(), bare["l8_id"][2].as_py())
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 1
    image.write_bytes(data)
    done = run_catfast(*arguments, tmp_path / "bad", "--json")
    assert (done.code, done.objects[0]["pairs"]) == (1, 3)
    assert "manifest.json" in done.err


def test_a_dry_run_writes_nothing_and_comes_near(chain, tmp_path):
    arguments = ("patches", chain / "pairs.parquet", "--scenes", chain / "world", "-o", tmp_path / "s")
    told = run_catfast(*arguments, "--size", 64, "--dry-run", "--json")
    assert told.code == 0, told.err
    assert list(tmp_path.iterdir()) == []
    (plan,) = told.objects
    assert run_catfast(*arguments, "--size", 64).code == 0
    made = sum(path.stat().st_size for path in (tmp_path / "s").rglob("*") if path.is_file())
    assert plan["tiles"] == 4 * 8**2
    assert plan["patches"] == pytest.approx(len(open_store(tmp_path / "s")), rel=0.15)
    assert plan["gigabytes"] == pytest.approx(made / 1e9, rel=0.5)


def test_a_dry_run_tries_all_of_what_is_small(paired_world, tmp_path):
    """Corners of a turned footprint are empty: the middle row of tiles alone would promise too much."""
    arguments = ("patches", paired_world / "pairs.parquet", "-o", tmp_path / "s", "--size", 150)
    (plan,) = run_catfast(*arguments, "--dry-run", "--json").objects
    (made,) = run_catfast(*arguments, "--max-overlap", 1, "--json").objects
    assert (plan["tiles"], plan["tried"]) == (4 * 3**2, 4 * 3**2)
    assert plan["patches"] == made["patches"] < plan["tiles"]
    (few,) = run_catfast(*arguments, "--dry-run", "--json", "--max-patches", 5).objects
    assert few["patches"] == 5
    assert few["gigabytes"] < plan["gigabytes"] / 2


def test_a_dry_run_names_the_files_that_a_run_would_fail_on(paired_world, tmp_path):
    world = tmp_path / "world"
    shutil.copytree(paired_world / "world", world)
    pairs = pq.read_table(paired_world / "pairs.parquet").drop_columns(["ps_path", "l8_path"])
    pq.write_table(pairs, tmp_path / "pairs.parquet")
    ids = [pairs[name].to_pylist() for name in ("ps_id", "l8_id")]
    files_of(world, ids[0][0], ids[1][0])[0].write_bytes(b"no picture")
    shutil.copy(files_of(world, ids[0][1], ids[1][1])[0], files_of(world, ids[0][1], ids[1][1])[1])
    with files_of(world, ids[0][2], ids[1][2])[0].open("r+b") as scene:
        scene.seek(scene.seek(0, 2) // 3)
        scene.write(bytes(400_000))
    arguments = ("patches", tmp_path / "pairs.parquet", "--scenes", world, "--size", 128)
    plan = run_catfast(*arguments, "-o", tmp_path / "s", "--dry-run", "--json")
    done = run_catfast(*arguments, "-o", tmp_path / "s", "--json")
    assert plan.code == done.code == 1
    assert (plan.objects[0]["pairs"], plan.objects[0]["tiles"]) == (1, 4**2)
    assert [item["pair_id"] for item in plan.objects[0]["failed"]] == pairs["pair_id"].to_pylist()[:3]
    assert plan.objects[0]["failed"] == done.objects[0]["failed"]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("--splits", "1,2"), 2, "--splits"),
        (("--splits", "a,b,c"), 2, "--splits"),
        (("--splits", "0.5,0.2,0.2"), 2, "--splits"),
        (("--size", 1), 2, "--size"),
        (("--min-cloud", 0.8, "--max-cloud", 0.2), 2, "--min-cloud"),
        (("--min-valid", 7), 2, "--min-valid"),
        (("--landsat-bands", "."), 2, "--align"),
        (("--scenes", "/nowhere/at/all"), 3, "/nowhere/at/all"),
        (("--size", 1024), 3, "found none"),
        (("-o", "/nowhere/at/all/store"), 4, "/nowhere/at/all"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(paired_world, tmp_path, arguments, code, word):
    done = run_catfast("patches", paired_world / "pairs.parquet", "-o", tmp_path / "s", *arguments)
    assert (done.code, done.err.count("\n")) == (code, 1), done.err
    assert word in done.err
    assert list(tmp_path.glob("[!.]*")) == []


def test_an_error_keeps_what_was_done_before(paired_world, tmp_path):
    """Killed after a pair, gone on with on a Spark that does not answer: the pair is still there."""
    pytest.importorskip("pyspark")
    arguments = (
        "patches",
        paired_world / "pairs.parquet",
        "-o",
        tmp_path / "s",
        "--size",
        32,
        "--stride",
        16,
    )
    words = [sys.executable, "-c", "from catfast.cli import main; main()", *map(str, arguments)]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    while not (done := list((tmp_path / "s").glob("parts/[!.]*.parquet"))):
        assert process.poll() is None, "ended before a pair was done"
        time.sleep(0.01)
    process.kill()
    process.wait()
    refused = run_catfast(*arguments, "--engine", "spark", "--master", "spark://127.0.0.1:1")
    assert refused.code in (2, 3)
    assert set(done) <= set((tmp_path / "s").glob("parts/[!.]*.parquet"))
    fresh = run_catfast(
        *arguments[:2], "-o", tmp_path / "t", "--engine", "spark", "--master", "spark://127.0.0.1:1"
    )
    assert fresh.code in (2, 3)
    assert not (tmp_path / "t").exists()


def test_a_folder_of_other_things_is_never_replaced(paired_world, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "thesis.txt").write_text("ten years")
    done = run_catfast("patches", paired_world / "pairs.parquet", "-o", tmp_path / "s", "--overwrite")
    assert (done.code, done.err.count("\n")) == (4, 1)
    assert (tmp_path / "s" / "thesis.txt").read_text() == "ten years"


def test_what_a_store_is_made_from_is_not_replaced_with_it(paired_world, tmp_path):
    """Pairs and scenes that were moved into a store."""
    shutil.copytree(paired_world / "world", tmp_path / "world")
    pairs = pq.read_table(paired_world / "pairs.parquet").drop_columns(["ps_path", "l8_path"])
    pq.write_table(pairs, tmp_path / "pairs.parquet")
    store, options = tmp_path / "s", ("-o", tmp_path / "s", "--size", 256)
    made = run_catfast("patches", tmp_path / "pairs.parquet", "--scenes", tmp_path / "world", *options)
    assert made.code == 0, made.err
    (tmp_path / "pairs.parquet").rename(store / "pairs.parquet")
    shutil.move(tmp_path / "world", store / "world")
    before = tree(store)
    for inputs in ((store / "pairs.parquet",), (paired_world / "pairs.parquet", "--scenes", store / "world")):
        done = run_catfast("patches", *inputs, *options, "--overwrite")
        assert (done.code, "which it is made from" in done.err) == (4, True), done.err
    assert tree(store) == before


def test_overwrite_makes_it_anew(paired_world, tmp_path):
    arguments = ("patches", paired_world / "pairs.parquet", "-o", tmp_path / "s")
    assert run_catfast(*arguments, "--size", 128).code == 0
    assert run_catfast(*arguments, "--size", 256, "--overwrite").code == 0
    assert (
        run_catfast("patches", paired_world / "pairs.parquet", "-o", tmp_path / "t", "--size", 256).code == 0
    )
    assert tree(tmp_path / "s") == tree(tmp_path / "t")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "t"]


def test_two_writers_of_one_store(paired_world, tmp_path):
    from filelock import FileLock

    with FileLock(tmp_path / ".s.lock"):
        done = run_catfast("patches", paired_world / "pairs.parquet", "-o", tmp_path / "s")
    assert (done.code, done.err.count("\n")) == (4, 1)
    assert "another catfast is writing it" in done.err


@pytest.mark.parametrize("kind", ["geotiff", "safetensors"])
def test_a_disk_that_takes_no_more_and_a_resume_once_it_does(paired_world, tmp_path, kind):
    arguments = ("patches", paired_world / "pairs.parquet", "--size", 128, "--format", kind, "-o")
    command = [sys.executable, "-c", "from catfast.cli import main; main()", *map(str, arguments)]
    limit = 25_000 if kind == "geotiff" else 500_000
    full = subprocess.run(
        [*command, str(tmp_path / "s")],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert full.returncode == 4, full.stderr
    assert "cannot be written" in full.stderr.splitlines()[-1]
    assert "Traceback" not in full.stderr
    for name in ("s", "t"):
        assert run_catfast(*arguments, tmp_path / name).code == 0
    assert tree(tmp_path / "s") == tree(tmp_path / "t")


def test_no_room_is_said_before_the_start(paired_world, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=False).returncode:
        pytest.skip("a disk of a megabyte needs the right to mount one")
    try:
        done = run_catfast("patches", paired_world / "pairs.parquet", "-o", small / "s", "--size", 64)
        left = list((small / "s").rglob("*.tif"))
    finally:
        subprocess.run(["umount", small], check=True)
    assert (done.code, done.err.count("\n"), left) == (4, 1, [])
    assert "expected room for about" in done.err


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_grows_neither_with_scenes_nor_with_their_number(paired_world, tmp_path):
    """The peak of a process of its own: a small scene once, a tall one four times (268 MB of pixels)."""
    code = (
        "from pathlib import Path\nfrom catfast.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    row = pq.read_table(paired_world / "pairs.parquet").slice(0, 1).drop_columns(["ps_path", "l8_path"])
    peaks = []
    for rows, count in ((1024, 1), (8192, 4)):
        folder = tmp_path / str(rows)
        folder.mkdir()
        grid = around(pixels=rows * 3 // 30 + 30)
        qa = np.full((grid.height, grid.width), 21824, np.uint16)
        write_qa(folder / f"{row['l8_id'][0].as_py()}_QA_PIXEL.TIF", qa, grid)
        dn = np.full((4, rows, 1024), 900, np.uint16)
        image = folder / f"{row['ps_id'][0].as_py()}_3B_AnalyticMS_SR.tif"
        write_scene(image, dn, blockxsize=256, blockysize=256)
        ids = [[f"pair_{number}" for number in range(count)]]
        pairs = row.take([0] * count).set_column(0, row.schema.field(0), ids)
        pq.write_table(pairs, folder / "pairs.parquet")
        arguments = ("patches", folder / "pairs.parquet", "--scenes", folder, "-o", folder / "s")
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments), "--max-overlap", "1"],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout.split()[-1]) / 1024)
    assert peaks[1] < peaks[0] + 60, "MB"
