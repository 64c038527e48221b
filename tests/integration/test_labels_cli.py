"""`catfast labels` as a user runs it: files, codes, tags, exit codes, refusals."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from affine import Affine

from catfast.classes import COLOURS
from catfast.errors import InputError
from catfast.labels import transfer
from tests.conftest import NORTH_UP, cloudy_dn, run_catfast, write_scene
from tests.golden.test_core_qa import VECTORS
from tests.label_files import CODE_OF, QA_NAME, SCENE_NAME, around, noise, open_pair, write_qa


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return open_pair(tmp_path_factory.mktemp("pair"))


def labels(pair, output, *options):
    return run_catfast("labels", pair[0], "--like", pair[1], "-o", output, "--json", *options)


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def expected_codes(shape=(256, 256)) -> np.ndarray:
    codes = CODE_OF[noise((60, 60))][10:, 10:]  # the scene starts 315 m inside: half a pixel on
    fine = [(np.arange(size) * 3 + 1.5 + 15) // 30 for size in shape]
    return codes[np.ix_(fine[0].astype(int), fine[1].astype(int))]


def test_label_of_a_scene(pair, tmp_path):
    output = tmp_path / "label.tif"
    run = labels(pair, output)
    assert run.code == 0, run.err
    expected = expected_codes()
    seen = cloudy_dn().any(axis=0)
    codes = read(output)
    assert np.array_equal(codes, np.where(seen, expected, 255))
    with rasterio.open(pair[1]) as scene, rasterio.open(output) as label:
        assert (label.crs, label.transform, label.shape) == (scene.crs, scene.transform, scene.shape)
        assert (label.dtypes, label.nodata, label.count) == (("uint8",), 255, 1)
        assert label.profile["tiled"]
        assert label.compression.name == "deflate"
        assert label.colormap(1)[1] == COLOURS[1]
        assert label.tags(1)["CATEGORY_3"] == "snow/ice"
        tags = label.tags()
    assert tags["CATFAST_QA"] == QA_NAME
    assert tags["CATFAST_SCENE"] == SCENE_NAME
    assert len(tags["CATFAST_QA_SHA256"]) == len(tags["CATFAST_SCENE_SHA256"]) == 64
    assert {"CATFAST_VERSION", "CATFAST_SCHEME", "CATFAST_METHOD"} <= set(tags)
    told = run.objects[0]
    assert told["status"] == "done"
    assert sum(told["classes"].values()) == pytest.approx(100, abs=0.01)
    assert told["labelled_percent"] == pytest.approx(100 * np.mean(codes != 255), abs=0.01)
    assert told["classes"]["snow"] == pytest.approx(100 * (codes == 3).sum() / (codes != 255).sum(), abs=0.01)


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ([], {}),
        (["--scheme", "binary"], dict.fromkeys((2, 3, 4), 0)),
    ],
)
def test_every_known_code_through_the_command(tmp_path, options, changes):
    values = np.array(list(VECTORS), np.uint16)
    qa = write_qa(tmp_path / QA_NAME, np.tile(values, (4, 1)), around(pixels=4))
    grid = around(pixels=4)
    transform = Affine(30, 0, grid.transform.c, 0, -30, grid.transform.f)
    dn = np.full((4, 4, len(values)), 900, np.uint16)
    scene = write_scene(tmp_path / SCENE_NAME, dn, transform=transform, tiled=False)
    run = labels((qa, scene), tmp_path / "label.tif", *options)
    assert run.code == 0, run.err
    assert read(tmp_path / "label.tif")[0].tolist() == [changes.get(code, code) for code in VECTORS.values()]


def test_kinds_are_chosen(pair, tmp_path):
    seen, medium = cloudy_dn().any(axis=0), expected_codes() == 255
    for options, code in ((["--cloud", "medium"], 1), (["--ignore", "dilated", "--ignore", "cirrus"], 0)):
        output = tmp_path / f"{code}.tif"
        assert labels(pair, output, *options).code == 0
        assert set(read(output)[seen & medium]) == {code}


def test_fraction_and_majority(pair, tmp_path):
    """A scene one metre off Landsat's pixel edges: areas are ninths, counted on a grid of 1 m."""
    fraction, majority = tmp_path / "fraction.tif", tmp_path / "majority.tif"
    dn = np.full((4, 256, 256), 900, np.uint16)
    shifted = (
        pair[0],
        write_scene(tmp_path / SCENE_NAME, dn, transform=Affine.translation(1, -1) @ NORTH_UP),
    )
    run = labels(shifted, fraction, "--fraction")
    assert run.code == 0, run.err
    assert labels(shifted, majority, "--method", "majority").code == 0
    metres = CODE_OF[noise((60, 60))].repeat(30, axis=0).repeat(30, axis=1)[316:, 316:][:768, :768]
    parts = metres.reshape(256, 3, 256, 3).swapaxes(1, 2).reshape(256, 256, 9)
    seen = (parts != 255).sum(axis=-1)
    share = (parts == 1).sum(axis=-1) / np.maximum(seen, 1)
    soft = read(fraction)
    assert np.array_equal(soft, np.where(seen == 0, 255, np.floor(200 * share + 0.5)))
    assert ((soft > 0) & (soft < 200)).mean() > 0.01
    counts = np.stack([(parts == code).sum(axis=-1) for code in (0, 1, 2, 3, 4, 255)])
    most = np.array([0, 1, 2, 3, 4, 255])[counts.argmax(axis=0)]
    alone = (counts == counts.max(axis=0)).sum(axis=0) == 1
    assert np.array_equal(read(majority)[alone], most[alone])
    assert run.objects[0]["classes"]["cloud"] == pytest.approx(soft[soft != 255].mean() / 2, abs=0.01)
    with rasterio.open(fraction) as dataset:
        assert dataset.descriptions == ("cloud fraction x 200",)


def test_an_equal_label_is_skipped_and_another_refused(pair, tmp_path):
    output = tmp_path / "label.tif"
    first = labels(pair, output).objects[0]
    before = output.stat().st_mtime_ns
    again = labels(pair, output)
    assert again.code == 0
    assert again.objects[0]["status"] == "skipped"
    assert again.objects[0]["classes"] == first["classes"]
    assert output.stat().st_mtime_ns == before
    other = labels(pair, output, "--scheme", "binary")
    assert other.code == 4
    assert other.objects[0]["error"]["code"] == 4
    assert "another scheme: --overwrite replaces it" in other.err
    assert labels(pair, output, "--scheme", "binary", "--overwrite").code == 0
    assert labels(pair, pair[1]).code == 4
    assert labels(pair, tmp_path / "nowhere" / "label.tif").code == 4


def refused(tmp_path, qa, scene, sentence, code=3):
    folder = tmp_path / "out"
    folder.mkdir()
    run = labels((qa, scene), folder / "label.tif")
    assert (run.code, run.err.count("\n")) == (code, 1), run.err
    assert sentence in run.err
    assert run.objects[0]["status"] == "failed"
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("name", "qa", "changes", "sentence"),
    [
        ("LC08_L1TP_005004_20170410_20170414_01_T1_BQA.TIF", noise((60, 60)), {}, "found a Collection 1"),
        (QA_NAME, np.full((60, 60), 2720, np.uint16), {}, "found 2720"),
        (QA_NAME, np.full((60, 60), 3744, np.uint16), {}, "found 3744"),
        (QA_NAME, noise((60, 60)).astype(np.float32), {}, "found 1 band of float32"),
        (QA_NAME, np.zeros((60, 60), np.uint8), {}, "found 1 band of uint8"),
        (QA_NAME, noise((60, 60)), {"crs": None}, "found no CRS"),
        (QA_NAME.replace("QA_PIXEL", "QA_RADSAT"), noise((60, 60)), {}, "found another band"),
        (QA_NAME, noise((60, 60)), {"transform": Affine(30, 0, 0, 0, -30, 5_000_000)}, "no pixel of it lies"),
    ],
    ids=["C1 by name", "2720", "3744", "float", "8-bit", "no CRS", "RADSAT", "no overlap"],
)
def test_what_is_no_qa_is_refused_in_a_sentence(tmp_path, pair, name, qa, changes, sentence):
    refused(tmp_path, write_qa(tmp_path / name, qa, around(), **changes), pair[1], sentence)


def test_a_scene_without_crs_is_refused(tmp_path, pair):
    scene = write_scene(tmp_path / SCENE_NAME, cloudy_dn(), crs=None)
    refused(tmp_path, pair[0], scene, "the file has no CRS")


def test_options_that_exclude_each_other(pair, tmp_path):
    assert labels(pair, tmp_path / "label.tif", "--fraction", "--method", "nearest").code == 2


def test_a_scene_beyond_landsat_is_255_there(tmp_path):
    qa = write_qa(tmp_path / QA_NAME, noise((60, 60)), around())
    scene = write_scene(
        tmp_path / SCENE_NAME, np.full((4, 700, 700), 900, np.uint16), transform=NORTH_UP, tiled=True
    )
    assert labels((qa, scene), tmp_path / "label.tif").code == 0
    codes = read(tmp_path / "label.tif")
    assert (codes[:, 495:] == 255).all()
    assert np.array_equal(codes[:490, :490], expected_codes((490, 490)))


def test_padding_of_0_counts_as_fill(tmp_path, pair):
    qa = noise((60, 60))
    qa[:30] = 0
    path = write_qa(tmp_path / QA_NAME, qa, around(), nodata=None)
    assert labels((path, pair[1]), tmp_path / "label.tif").code == 0
    assert (read(tmp_path / "label.tif")[:190] == 255).all()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_scene(tmp_path):
    """The peak of a process of its own (VmHWM: ru_maxrss would count what pytest held at the fork)."""
    code = (
        "import sys; from pathlib import Path; from catfast.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    peaks = []
    for rows in (1024, 16384):
        grid = around(pixels=rows * 3 // 30 + 30)
        qa = write_qa(tmp_path / f"{rows}_QA_PIXEL.TIF", noise((grid.height, grid.width)), grid)
        dn = np.full((4, rows, 1024), 900, np.uint16)
        scene = write_scene(tmp_path / f"{rows}.tif", dn, blockysize=256, blockxsize=256)
        command = [
            sys.executable,
            "-c",
            code,
            "labels",
            qa,
            "--like",
            scene,
            "-o",
            tmp_path / f"{rows}_l.tif",
        ]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.split()[-1]) / 1024)
    assert peaks[1] < peaks[0] + 30, "MB; the scene holds 134 MB"


def test_the_library_says_the_same(pair, tmp_path):
    result = transfer(*pair, tmp_path / "label.tif")
    assert json.loads(json.dumps(result.as_dict()))["status"] == "done"
    with pytest.raises(InputError, match="no such file"):
        transfer(tmp_path / "nothing.TIF", pair[1], tmp_path / "label2.tif")
