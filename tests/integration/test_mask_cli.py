"""``catfast mask`` as a user calls it: files, codes, tags, exit codes, JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import rasterio
from PIL import Image
from rio_cogeo.cogeo import cog_validate

from catfast.mask import PIXELS_VERSION, MaskConfig
from tests.conftest import cloudy_dn, write_scene

NAME = "20230601_101112_12_2401_3B_AnalyticMS_SR"


@pytest.fixture
def mask(catfast, known_model):
    def run(*arguments, **environment):
        return catfast("mask", "--model", known_model, *arguments, **environment)

    return run


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def test_one_scene_with_defaults(mask, scene):
    run = mask(scene)
    assert (run.code, run.out) == (0, "")
    output = scene.with_name(f"{NAME}_mask.tif")
    assert str(output) in run.err
    assert cog_validate(output, strict=True, quiet=True)[0]
    with rasterio.open(scene) as before, rasterio.open(output) as after:
        assert (after.shape, after.transform, after.crs) == (before.shape, before.transform, before.crs)
        codes = after.read(1)
        seen = before.read(1) != 0
        assert (after.nodata, after.dtypes, after.descriptions) == (255, ("uint8",), ("cloud mask",))
        assert after.colormap(1)[1] == (255, 255, 255, 255)
        tags, names = after.tags(), after.tags(1)
    assert np.array_equal(codes != 255, seen)
    assert set(np.unique(codes)) == {0, 1, 255}
    assert (tags["CATFAST_MODEL"], tags["CATFAST_INPUT"]) == ("pixel", scene.name)
    assert float(tags["CATFAST_PERCENT_CLOUD"]) == pytest.approx(
        100 * (codes == 1).sum() / seen.sum(), abs=1e-3
    )
    assert names["CATEGORY_1"] == "cloud"


def test_the_help_tells_the_budget_of_samples(catfast):
    text = " ".join(catfast("mask", "--help").out.split())
    told = text.split("--max-pixels N", 1)[1].split("[default: ", 1)[1].split("]", 1)[0]
    assert float(told) == MaskConfig().max_pixels


def test_json_says_what_was_done(mask, scene, tmp_path):
    run = mask(scene, "-o", tmp_path / "m.tif", "--json", "-q")
    (found,) = run.objects
    assert run.err == ""
    assert (found["status"], found["error"], found["warnings"]) == ("done", None, [])
    assert found["input"] == str(scene)
    assert found["output"] == str(tmp_path / "m.tif")
    assert sum(found["classes"].values()) == pytest.approx(100, abs=0.01)
    assert found["valid_percent"] == pytest.approx(100 * 236 / 256)
    assert found["model"] == "pixel"
    assert found["seconds"] > 0


def test_the_same_again_is_skipped_and_another_needs_overwrite(mask, scene, tmp_path):
    output = tmp_path / "m.tif"
    assert mask(scene, "-o", output).code == 0
    stamp, first = output.stat().st_mtime_ns, output.read_bytes()
    again = mask(scene, "-o", output, "--json")
    assert (again.code, again.objects[0]["status"]) == (0, "skipped")
    assert again.objects[0]["classes"]["cloud"] > 1
    assert again.objects[0]["valid_percent"] == pytest.approx(100 * 236 / 256, abs=1e-3)
    assert "skipped" in again.err
    assert output.stat().st_mtime_ns == stamp
    refused = mask(scene, "-o", output, "--threshold", "0.9")
    assert (refused.code, "--overwrite" in refused.err) == (4, True)
    assert output.read_bytes() == first
    other = write_scene(tmp_path / "other.tif", cloudy_dn(seed=1))
    assert mask(other, "-o", output).code == 4
    assert mask(other, "-o", output, "--overwrite").code == 0
    assert not np.array_equal(first, output.read_bytes())


@pytest.mark.parametrize("option", ["--threshold", "--buffer"])
def test_options_that_differ_in_the_eighth_digit_are_others(mask, scene, tmp_path, option):
    output = tmp_path / "m.tif"
    assert mask(scene, "-o", output, option, "0.12345671").code == 0
    assert mask(scene, "-o", output, option, "0.12345671", "--json").objects[0]["status"] == "skipped"
    assert mask(scene, "-o", output, option, "0.12345674").code == 4


@pytest.mark.parametrize("version", [None, "0"])
def test_a_mask_of_a_build_with_other_pixels_needs_overwrite(mask, scene, tmp_path, version):
    output = tmp_path / "m.tif"
    assert mask(scene, "-o", output).code == 0
    with rasterio.open(output) as dataset:
        profile, codes, tags = dataset.profile, dataset.read(), dataset.tags()
    assert tags.pop("CATFAST_PIXELS_VERSION") == PIXELS_VERSION
    tags |= {} if version is None else {"CATFAST_PIXELS_VERSION": version}
    with rasterio.open(output, "w", **profile) as dataset:
        dataset.write(codes)
        dataset.update_tags(**tags)
    before = output.read_bytes()
    refused = mask(scene, "-o", output)
    assert refused.code == 4
    assert "made with another pixels version: --overwrite replaces it" in refused.err
    assert output.read_bytes() == before
    assert mask(scene, "-o", output, "--overwrite").code == 0
    assert mask(scene, "-o", output, "--json").objects[0]["status"] == "skipped"


@pytest.mark.parametrize(
    ("option", "name"),
    [("--confidence", "m_confidence.tif"), ("--stac", "m_mask.json"), ("--quicklook", "m.png")],
)
def test_what_lies_beside_is_of_the_same_options_or_needs_overwrite(mask, scene, tmp_path, option, name):
    """A mask made anew without its side files leaves those of before: they are not taken for its own."""
    pytest.importorskip("pystac", reason='needs the extra "report"')
    beside = tmp_path / name
    first = [scene, "-o", tmp_path / "m_mask.tif"]
    asked = [option, beside] if option == "--quicklook" else [option]
    assert mask(*first, *asked).code == 0
    assert mask(*first, *asked, "--json").objects[0]["status"] == "skipped"
    old = beside.read_bytes()
    assert mask(*first, "--threshold", "0.9", "--overwrite").code == 0
    refused = mask(*first, "--threshold", "0.9", *asked)
    assert (refused.code, f"{beside}: exists already, made with another threshold" in refused.err) == (
        4,
        True,
    )
    assert beside.read_bytes() == old
    assert mask(*first, "--threshold", "0.9", *asked, "--overwrite").code == 0
    assert beside.read_bytes() != old
    assert mask(*first, "--threshold", "0.9", *asked, "--json").objects[0]["status"] == "skipped"


def test_a_picture_of_ones_own_is_never_replaced_unasked(mask, scene, tmp_path):
    picture = tmp_path / "mine.png"
    Image.new("RGB", (4, 4)).save(picture)
    before = picture.read_bytes()
    refused = mask(scene, "-o", tmp_path / "m.tif", "--quicklook", picture)
    assert (refused.code, "--overwrite replaces it" in refused.err) == (4, True)
    assert (picture.read_bytes(), (tmp_path / "m.tif").exists()) == (before, False)


@pytest.mark.parametrize(
    ("name", "option"), [("m.json", ["--stac"]), ("m.qml", ["--qml"]), ("m.png", ["--quicklook", "m.png"])]
)
def test_a_file_beside_the_mask_does_not_replace_it(mask, scene, tmp_path, monkeypatch, name, option):
    monkeypatch.chdir(tmp_path)
    run = mask(scene, "-o", name, *option)
    assert (run.code, "choose another -o" in run.err, (tmp_path / name).exists()) == (2, True, False)


@pytest.mark.parametrize("output", [".", "/", ".."])
def test_a_folder_is_no_output(mask, scene, tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    run = mask(scene, "-o", output)
    assert (run.code, run.err) == (4, f"catfast: {output}: is a folder: name a file in it\n")


def test_another_xml_is_another_input(mask, tmp_path):
    scene = write_scene(tmp_path / f"{NAME.removesuffix('_SR')}.tif", cloudy_dn())
    xml = tmp_path / f"{NAME.removesuffix('_SR')}_metadata.xml"
    for coefficient, told in (
        (2e-5, (0, "1")),
        (2e-5, (0, "skipped")),
        (3e-5, (4, "another reflectance scale")),
    ):
        bands = "".join(
            f"<bandSpecificMetadata><bandNumber>{band}</bandNumber>"
            f"<reflectanceCoefficient>{coefficient}</reflectanceCoefficient></bandSpecificMetadata>"
            for band in range(1, 5)
        )
        xml.write_text(f"<a>{bands}</a>")
        run = mask(scene)
        assert (run.code, told[1] in run.err) == (told[0], True), run.err


def test_a_foreign_file_is_never_replaced_unasked(mask, scene, tmp_path):
    output = tmp_path / "notes.tif"
    output.write_text("my notes")
    assert mask(scene, "-o", output).code == 4
    assert output.read_text() == "my notes"
    run = mask(scene, "-o", scene, "--overwrite")
    assert (run.code, "is the scene itself" in run.err) == (4, True)


def test_one_bad_scene_does_not_stop_the_others(mask, scene, tmp_path):
    bad = tmp_path / "bad.tif"
    bad.write_text("no tiff")
    other = write_scene(tmp_path / "good.tif", cloudy_dn(seed=2))
    run = mask(bad, scene, tmp_path / "none.tif", other, "--out-dir", tmp_path / "masks", "--json")
    assert run.code == 1
    assert [found["status"] for found in run.objects] == ["failed", "done", "failed", "done"]
    assert run.objects[0]["error"]["code"] == 3
    assert "no such file" in run.objects[2]["error"]["message"]
    made = [name for name in sorted(os.listdir(tmp_path / "masks")) if not name.startswith("catfast_")]
    assert made == [f"{NAME}_mask.tif", "good_mask.tif"]


@pytest.mark.parametrize("count", [1, 2])
def test_all_bad_is_bad_input(mask, tmp_path, count):
    run = mask(*[tmp_path / f"{n}.tif" for n in range(count)])
    assert run.code == 3
    assert run.err.strip().count("\n") == count - 1
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--threshold", "1.5"], "--threshold must be from 0 to 1"),
        (["--gsd", "-1"], "--gsd must be a finite number above 0"),
        (["--batch-size", "0"], "--batch-size must be at least 1"),
        (["--threads", "0"], "--threads must be at least 1"),
        (["--device", "tpu"], "tpu"),
        (["--frobnicate"], "No such option"),
        (["-o", "a.tif", "--out-dir", "b"], "exclude each other"),
    ],
)
def test_usage_errors_are_one_line(mask, scene, arguments, sentence):
    run = mask(scene, *arguments)
    assert (run.code, run.out) == (2, "")
    assert sentence in run.err
    assert len(run.err.strip().splitlines()) == 1


def test_two_scenes_that_would_write_one_file_are_refused_before_the_start(mask, scene, tmp_path):
    (tmp_path / "sub").mkdir()
    twin = write_scene(tmp_path / "sub" / scene.name, cloudy_dn())
    run = mask(scene, twin, "--out-dir", tmp_path / "masks")
    assert (run.code, "would both write" in run.err) == (2, True)
    assert not (tmp_path / "masks").exists()


def test_threshold_and_binary(mask, scene, tmp_path):
    shares = {}
    for threshold in ("0", "0.5", "0.999", "1"):
        run = mask(scene, "-o", tmp_path / f"{threshold}.tif", "--threshold", threshold, "--json")
        shares[threshold] = run.objects[0]["classes"]["cloud"]
    assert shares["0"] == 100
    assert shares["0"] > shares["0.5"] >= shares["0.999"] >= shares["1"]
    run = mask(scene, "-o", tmp_path / "b.tif", "--classes", "binary", "--json")
    assert set(run.objects[0]["classes"]) == {"clear", "cloud"}


def test_confidence_and_quicklook(mask, scene, tmp_path):
    run = mask(scene, "--out-dir", tmp_path / "o", "--confidence", "--quicklook", tmp_path / "o" / "q.png")
    assert run.code == 0
    assert sorted(os.listdir(tmp_path / "o")) == [f"{NAME}_confidence.tif", f"{NAME}_mask.tif", "q.png"]
    with rasterio.open(tmp_path / "o" / f"{NAME}_confidence.tif") as dataset:
        percent = dataset.read()
        assert dataset.descriptions[1] == "cloud probability, per cent"
    seen = read(scene) != 0
    assert (percent[:, ~seen] == 255).all()
    assert np.abs(percent[:, seen].astype(int).sum(axis=0) - 100).max() <= 2
    with Image.open(tmp_path / "o" / "q.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    half = pixels.shape[1] // 2
    left, right = pixels[:-60, :half], pixels[:-60, half:]
    assert (right == 255).all(axis=2).sum() > 100, "the cloud is painted white on the right"
    assert len(np.unique(left.reshape(-1, 3), axis=0)) > 50, "the image is on the left"


def test_all_nodata_is_a_mask_of_255_and_a_warning(mask, tmp_path):
    path = write_scene(tmp_path / "a.tif", np.zeros((4, 100, 100), np.uint16))
    run = mask(path, "--json")
    assert run.code == 0
    assert "all_nodata" in [notice["name"] for notice in run.objects[0]["warnings"]]
    assert (run.objects[0]["classes"], run.objects[0]["valid_percent"]) == ({}, 0)
    assert (read(tmp_path / "a_mask.tif") == 255).all()
    again = mask(path, "--json")
    assert again.objects[0]["status"] == "skipped"
    assert again.objects[0]["warnings"] == run.objects[0]["warnings"]


def test_infinite_values_are_refused(mask, tmp_path):
    values = (cloudy_dn() / 1e4).astype(np.float32)
    values[:, 100:110] = np.inf
    run = mask(write_scene(tmp_path / "a.tif", values))
    assert (run.code, "infinite" in run.err) == (3, True)
    assert os.listdir(tmp_path) == ["a.tif"]


def test_a_mask_is_not_taken_for_a_scene(mask, scene):
    assert mask(scene).code == 0
    run = mask(scene.with_name(f"{NAME}_mask.tif"))
    assert (run.code, "found a mask written by catfast" in run.err) == (3, True)


def test_a_missing_folder_and_a_read_only_one(mask, scene, tmp_path):
    run = mask(scene, "-o", tmp_path / "no" / "m.tif")
    assert (run.code, "its folder does not exist" in run.err) == (4, True)
    blocked = tmp_path / "file"
    blocked.write_text("x")
    run = mask(scene, "--out-dir", blocked)
    assert run.code == 4


def test_the_mask_does_not_depend_on_batch_or_threads(mask, tmp_path):
    path = write_scene(tmp_path / "a.tif", cloudy_dn(1100, 900))
    reference = None
    for number, options in enumerate([(1, 1), (3, 2), (16, 4), (64, 1)]):
        output = tmp_path / f"{number}.tif"
        assert mask(path, "-o", output, "--batch-size", options[0], "--threads", options[1]).code == 0
        codes = read(output)
        assert reference is None or np.array_equal(reference, codes)
        reference = codes


def test_names_from_the_wild(mask, tmp_path):
    odd = write_scene(tmp_path / "weird name; rm -rf $(x) é\n.tif", cloudy_dn(64, 64))
    dashed = write_scene(tmp_path / "--help.tif", cloudy_dn(64, 64))
    run = mask("--json", "--", odd, dashed)
    assert run.code == 0
    assert [json.loads(line)["status"] for line in run.out.splitlines()] == ["done", "done"]


def test_a_device_that_is_not_there_is_a_usage_error(mask, scene):
    torch = pytest.importorskip("torch", reason='needs the extra "train"')
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA GPU")
    run = mask(scene, "--device", "cuda")
    assert (run.code, run.err.strip()) == (
        2,
        "catfast: --device cuda: torch finds no CUDA GPU on this machine",
    )


@pytest.mark.skipif(os.name != "posix", reason="limits and signals as POSIX has them")
class TestInterruption:
    def start(self, scene, model, output, **options):
        command = [
            sys.executable,
            "-c",
            "from catfast.cli import main; main()",
            "mask",
            scene,
            "--model",
            model,
        ]
        command += ["-o", output, "--gsd", "3", "--confidence", "--threads", "1"]
        return subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )

    def interrupt(self, scene, model, output):
        """Exit code and stderr of a run that gets SIGINT as soon as it writes."""
        # Where the tests run in the background, SIGINT is ignored, and children inherit that.
        process = self.start(
            scene, model, output, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        )
        while not list(output.parent.iterdir()) and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        return process.returncode, err

    def test_ctrl_c_answers_130_and_leaves_nothing(self, known_model, tmp_path):
        scene = write_scene(tmp_path / "a_AnalyticMS_SR.tif", cloudy_dn(3000, 3000))
        for attempt in range(3):
            output = tmp_path / str(attempt) / "m.tif"
            output.parent.mkdir()
            code, err = self.interrupt(scene, known_model, output)
            if code:  # 0: on a busy machine it had ended before the signal came
                break
        assert (code, err.strip()) == (130, "catfast: interrupted")
        assert not list(output.parent.iterdir())

    @pytest.mark.parametrize("limit", [0, 5_000, 50_000])
    def test_a_disk_that_takes_no_more_is_an_output_error(self, known_model, tmp_path, limit):
        import resource

        scene = write_scene(tmp_path / "a_AnalyticMS_SR.tif", cloudy_dn(1000, 1000))
        (tmp_path / "out").mkdir()
        process = self.start(
            scene,
            known_model,
            tmp_path / "out" / "m.tif",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        _, err = process.communicate(timeout=120)
        assert process.returncode == 4
        assert "cannot be written" in err.strip().splitlines()[-1]
        assert "Traceback" not in err
        assert not list((tmp_path / "out").iterdir())

    def test_a_reader_that_goes_away_is_no_traceback(self, scene, known_model, tmp_path):
        read, write = os.pipe()
        os.close(read)
        process = subprocess.run(
            [
                sys.executable,
                "-c",
                "from catfast.cli import main; main()",
                "mask",
                str(scene),
                "--json",
                "--model",
                str(known_model),
            ],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(write)
        assert (process.returncode, "Traceback" in process.stderr) == (1, False)
        assert "Exception ignored" not in process.stderr
