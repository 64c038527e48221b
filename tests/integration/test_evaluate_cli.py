"""``catfast evaluate`` from files to report, beside numpy."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import Affine

from tests.conftest import NORTH_UP, UTM_4N, run_catfast
from tests.evaluate_files import blobs, image_folder, image_of, patch_store, run_inside, write_tif

pytest.importorskip("jinja2", reason='needs the extra "report"')

SHAPE = (96, 128)
FILES = {"report.json", "report.md", "report.html"}


def iou_of(truth: np.ndarray, answer: np.ndarray) -> float:
    return (truth & answer).sum() / (truth | answer).sum()


@pytest.fixture
def catfast(capsys):
    return functools.partial(run_inside, capsys)


@pytest.fixture(scope="module")
def answers() -> list[np.ndarray]:
    return [blobs(SHAPE, seed) for seed in range(4)]


@pytest.fixture(scope="module")
def clouds() -> list[np.ndarray]:
    """True clouds: unlike the answers in places of their own."""
    return [blobs(SHAPE, seed) ^ (blobs(SHAPE, 50 + seed, 0.1)) for seed in range(4)]


@pytest.fixture
def folder(tmp_path, answers, clouds) -> Path:
    return image_folder(tmp_path / "set", answers, [cloud.astype(np.uint8) for cloud in clouds])


def report_of(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text())


class TestImages:
    def test_scores_are_those_of_numpy(self, known_model, folder, tmp_path, answers, clouds):
        run = run_catfast("evaluate", known_model, folder, "-o", tmp_path / "report", "--json", "--worst", 2)
        assert run.code == 0, run.err
        assert {path.name for path in (tmp_path / "report").iterdir()} == FILES
        report = report_of(tmp_path / "report")
        assert run.objects == [report]
        (found,) = report["contenders"]
        truth, answer = np.stack(clouds), np.stack(answers)
        assert found["cloud"]["iou"]["value"] == pytest.approx(iou_of(truth, answer), abs=1e-6)
        assert found["cloud"]["oa"]["value"] == pytest.approx((truth == answer).mean(), abs=1e-6)
        assert found["cloud"]["iou"]["low"] < found["cloud"]["iou"]["value"] < found["cloud"]["iou"]["high"]
        assert found["pixels"] == truth.size
        wrong = [int((a != b).sum()) for a, b in zip(truth, answer, strict=True)]
        place = int(np.argmax(wrong))
        assert found["worst"][0] == {"name": f"scene_{place}", "errors": wrong[place]}
        images = np.stack([image_of(cloud, seed) for seed, cloud in enumerate(answers)])
        normalised = ((images * 1e-4 - 0.3) / 0.3).sum(axis=1)
        probability = 1 / (1 + np.exp(-2 * normalised))
        place = np.minimum((10 * probability).astype(int), 9)
        gaps = [abs((probability - truth)[place == b].sum()) for b in range(10)]
        assert found["calibration"]["ece"] == pytest.approx(sum(gaps) / truth.size, abs=0.005)

    def test_the_page_loads_nothing_and_shows_the_worst(self, catfast, known_model, folder, tmp_path):
        assert catfast("evaluate", known_model, folder, "-o", tmp_path / "r", "--worst", 1, "-q").code == 0
        page = (tmp_path / "r" / "report.html").read_text()
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1)
        style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy.startswith("default-src 'none'; img-src data:;")
        assert f"style-src 'sha256-{digest}'" in policy
        assert not re.search(r"https?:|<script|style=|src=\"(?!data:)", page)
        (picture,) = re.findall(r"data:image/png;base64,([^\"]+)", page)
        assert Image.open(io.BytesIO(base64.b64decode(picture))).size == (4 * SHAPE[1] + 12, SHAPE[0])

    def test_names_are_escaped(self, catfast, known_model, tmp_path, answers):
        evil = "<b>x&y"
        write_tif(tmp_path / "set" / f"{evil}.tif", image_of(answers[0]))
        write_tif(tmp_path / "set" / f"{evil}_mask.tif", (~answers[0]).astype(np.uint8))
        assert catfast("evaluate", known_model, tmp_path / "set", "-o", tmp_path / "r").code == 0
        page = (tmp_path / "r" / "report.html").read_text()
        assert evil not in page
        assert "&lt;b&gt;x&amp;y" in page

    def test_two_runs_write_the_same_bytes(self, catfast, known_model, folder, tmp_path):
        for name, threads in (("a", 1), ("b", 2)):
            catfast("evaluate", known_model, folder, "-o", tmp_path / name, "--threads", threads)
        for name in FILES:
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

    def test_other_codes_and_thin_cloud(self, catfast, known_model, tmp_path, answers, clouds):
        thin = blobs(SHAPE, 9, 0.5)
        truths = [np.where(cloud, np.where(thin, 192, 255), 128).astype(np.uint8) for cloud in clouds]
        folder = image_folder(tmp_path / "set", answers, truths)
        arguments = ("evaluate", known_model, folder, "--codes", "l8biome")
        assert catfast(*arguments, "-o", tmp_path / "a").code == 0
        assert catfast(*arguments, "-o", tmp_path / "b", "--thin", "clear").code == 0
        truth, answer = np.stack(clouds), np.stack(answers)
        (cloud,) = report_of(tmp_path / "a")["contenders"]
        (clear,) = report_of(tmp_path / "b")["contenders"]
        assert cloud["cloud"]["iou"]["value"] == pytest.approx(iou_of(truth, answer), abs=1e-6)
        assert clear["cloud"]["iou"]["value"] == pytest.approx(iou_of(truth & ~thin, answer), abs=1e-6)
        assert cloud["called_cloud"]["thin"]["share"] == pytest.approx(answer[truth & thin].mean(), abs=1e-6)

    @pytest.mark.parametrize("part", ["images", "masks"])
    def test_one_simulated_file_is_told_of(self, catfast, known_model, folder, tmp_path, part):
        with rasterio.open(folder / part / "scene_1.tif", "r+") as dataset:
            dataset.update_tags(CATFAST_SIMULATED="1")
        assert catfast("evaluate", known_model, folder, "-o", tmp_path / "r").code == 0
        assert report_of(tmp_path / "r")["test_set"]["simulated"] is True

    def test_facts_split_the_scores(self, catfast, known_model, folder, tmp_path, answers, clouds):
        table = tmp_path / "facts.csv"
        table.write_text(
            "name,surface,sun_elevation,seen\nscene_0,snow/ice,5,yes\nscene_1,snow/ice,25,no\n"
            "scene_2,other,25,no\nscene_3,other,25,no\n"
        )
        run = catfast("evaluate", known_model, folder, "-o", tmp_path / "r", "--facts", table)
        assert run.code == 0, run.err
        splits = report_of(tmp_path / "r")["contenders"][0]["splits"]
        truth, answer = np.stack(clouds), np.stack(answers)
        snow, low = splits["surface"]["snow/ice"], splits["sun_elevation"]["under 10 degrees"]
        assert snow["iou"] == pytest.approx(iou_of(truth[:2], answer[:2]), abs=1e-6)
        assert snow["false_cloud"] == pytest.approx(answer[:2][~truth[:2]].mean(), abs=1e-6)
        assert low["iou"] == pytest.approx(iou_of(truth[0], answer[0]), abs=1e-6)
        assert splits["seen"]["yes"]["scenes"] == 1
        assert splits["latitude"] == {}

    def test_images_without_crs_have_the_sampling_distance_given(
        self, catfast, known_model, folder, tmp_path
    ):
        """At half a metre the 10 m network sees a twentieth of the rows: small clouds must go."""
        catfast("evaluate", known_model, folder, "-o", tmp_path / "a")
        catfast("evaluate", known_model, folder, "-o", tmp_path / "b", "--gsd", 0.5)
        first, second = (report_of(tmp_path / name)["contenders"][0] for name in "ab")
        assert first["pixels"] == second["pixels"]
        assert first["confusion"] != second["confusion"]

    def test_bands_in_files_of_their_own(self, catfast, known_model, tmp_path, answers, clouds):
        place = {"crs": UTM_4N, "transform": NORTH_UP @ Affine.scale(10 / 3)}
        for index in range(2):
            image = image_of(answers[index], index)
            chip = tmp_path / "set" / f"chip_{index}"
            for band, name in zip(image, ("B02", "B03", "B04", "B08"), strict=True):
                write_tif(chip / f"{name}.tif", band, **place)
            write_tif(chip / "label.tif", clouds[index].astype(np.uint8), **place)
        run = catfast(
            "evaluate", known_model, tmp_path / "set", "-o", tmp_path / "r", "--codes", "on-cloud-n"
        )
        assert run.code == 0, run.err
        (found,) = report_of(tmp_path / "r")["contenders"]
        wanted = iou_of(np.stack(clouds[:2]), np.stack(answers[:2]))
        assert found["cloud"]["iou"]["value"] == pytest.approx(wanted, abs=1e-6)


class TestSideBySide:
    def test_masks_beside_a_model_and_their_paired_difference(
        self, catfast, known_model, folder, tmp_path, answers, clouds
    ):
        rival = [blobs(SHAPE, 70 + seed) for seed in range(4)]
        for index, mask in enumerate(rival):
            write_tif(tmp_path / "rival" / f"scene_{index}_mask.tif", mask.astype(np.uint8))
        run = catfast("evaluate", known_model, folder, "-o", tmp_path / "r", "--against", tmp_path / "rival")
        assert run.code == 0, run.err
        report = report_of(tmp_path / "r")
        ours, theirs = report["contenders"]
        truth = np.stack(clouds)
        wanted = iou_of(truth, np.stack(rival))
        assert theirs["cloud"]["iou"]["value"] == pytest.approx(wanted, abs=1e-6)
        assert theirs["calibration"] is None
        (difference,) = report["differences"]
        gap = ours["cloud"]["iou"]["value"] - theirs["cloud"]["iou"]["value"]
        assert difference["iou"]["value"] == pytest.approx(gap, abs=2e-6)
        assert difference["iou"]["low"] <= difference["iou"]["value"] <= difference["iou"]["high"]

    def test_masks_with_codes_of_their_own(self, catfast, folder, tmp_path, clouds):
        """Thick, thin, shadow and a value of no answer, as other tools write them; and one with our codes."""
        kinds = [np.random.default_rng(seed).integers(0, 5, SHAPE) for seed in range(4)]
        values = np.array([0, 1, 2, 3, 99], np.uint8)
        for index, kind in enumerate(kinds):
            write_tif(tmp_path / "theirs" / f"scene_{index}.tif", values[kind])
            write_tif(tmp_path / "ours" / f"scene_{index}.tif", (kind == 1).astype(np.uint8))
        masks = ("--against", tmp_path / "theirs", "--against", tmp_path / "ours")
        codes = ("--against-codes", "cloudsen12", "--against-codes", "catfast")
        arguments = ("evaluate", folder, *masks, *codes)
        assert catfast(*arguments, "-o", tmp_path / "a").code == 0
        assert catfast(*arguments, "-o", tmp_path / "b", "--thin", "clear").code == 0
        truth, kind = np.stack(clouds), np.stack(kinds)
        known = kind != 4
        for name, cloud in (("a", (kind == 1) | (kind == 2)), ("b", kind == 1)):
            theirs, ours = report_of(tmp_path / name)["contenders"]
            wanted = iou_of(truth[known], cloud[known])
            assert theirs["cloud"]["iou"]["value"] == pytest.approx(wanted, abs=1e-6)
            assert theirs["unanswered"] == (~known).sum()
            assert theirs["classes_known"] == ["clear", "cloud", "shadow"]
            assert ours["cloud"]["iou"]["value"] == pytest.approx(iou_of(truth, kind == 1), abs=1e-6)

    def test_udm2_of_planet_names_and_pixels_without_answer(self, catfast, tmp_path, clouds):
        name = "20230601_101112_12_2401"
        udm2 = np.zeros((8, *SHAPE), np.uint8)
        udm2[5] = blobs(SHAPE, 3)
        udm2[0] = 1 - udm2[5]
        udm2[7, :10] = 1
        write_tif(tmp_path / "udm" / f"{name}_3B_udm2.tif", udm2)
        write_tif(tmp_path / "set" / "images" / f"{name}_3B_AnalyticMS_SR.tif", image_of(clouds[0]))
        write_tif(tmp_path / "set" / "truth" / f"{name}_truth.tif", clouds[0].astype(np.uint8))
        run = catfast("evaluate", tmp_path / "set", "-o", tmp_path / "r", "--against", tmp_path / "udm")
        assert run.code == 0, run.err
        (found,) = report_of(tmp_path / "r")["contenders"]
        assert found["unanswered"] == 10 * SHAPE[1]
        wanted = iou_of(clouds[0][10:], udm2[5, 10:] == 1)
        assert found["cloud"]["iou"]["value"] == pytest.approx(wanted, abs=1e-6)
        assert found["cloud"]["iou"]["low"] is None


class TestStores:
    @pytest.fixture(params=["geotiff", "safetensors"])
    def store(self, request, tmp_path, clouds) -> tuple[Path, np.ndarray, np.ndarray]:
        pytest.importorskip("pyarrow", reason='needs the extra "pairs"')
        answer = np.stack([blobs((64, 64), seed) for seed in range(6)])
        truth = np.where(answer ^ blobs((64, 64), 80, 0.1), 1, 3).astype(np.uint8)
        truth[:, :, :5] = 255
        images = np.stack([image_of(cloud, seed) for seed, cloud in enumerate(answer)])
        return patch_store(tmp_path / "store", images, truth, format=request.param), truth, answer

    def test_the_test_split_is_scored(self, catfast, known_model, store, tmp_path):
        path, truth, answer = store
        run = catfast("evaluate", known_model, path, "-o", tmp_path / "r")
        assert run.code == 0, run.err
        report = report_of(tmp_path / "r")
        (found,) = report["contenders"]
        chosen = [0, 1, 3, 4]
        known = truth[chosen] != 255
        wanted = iou_of(truth[chosen][known] == 1, answer[chosen][known])
        assert found["cloud"]["iou"]["value"] == pytest.approx(wanted, abs=1e-6)
        assert (report["test_set"]["samples"], report["test_set"]["scenes"]) == (4, 3)
        assert set(found["splits"]["surface"]) == {"snow/ice"}
        assert set(found["splits"]["dt_s"]) == {"under 5 s", "5 to 10 s", "10 to 20 s"}
        assert set(found["splits"]["sun_elevation"]) == {
            "under 10 degrees",
            "10 to 20 degrees",
            "20 to 30 degrees",
            "30 to 40 degrees",
        }

    def test_a_mask_of_the_scene_is_read_at_the_patch(self, catfast, store, tmp_path):
        path, truth, answer = store
        for scene in range(3):
            mask = np.concatenate([answer[2 * scene], answer[2 * scene + 1]], axis=1)
            write_tif(tmp_path / "masks" / f"ps{scene:03d}_mask.tif", mask.astype(np.uint8))
        arguments = ("evaluate", path, "--against", tmp_path / "masks", "--split", "train")
        assert catfast(*arguments, "-o", tmp_path / "r").code == 0
        (found,) = report_of(tmp_path / "r")["contenders"]
        known = truth[[2, 5]] != 255
        wanted = iou_of(truth[[2, 5]][known] == 1, answer[[2, 5]][known])
        assert found["cloud"]["iou"]["value"] == pytest.approx(wanted, abs=1e-6)

    def test_a_simulated_store_says_so(self, catfast, known_model, tmp_path, clouds):
        pytest.importorskip("pyarrow", reason='needs the extra "pairs"')
        images = np.stack([image_of(blobs((64, 64), seed)) for seed in range(2)])
        labels = np.zeros((2, 64, 64), np.uint8)
        path = patch_store(tmp_path / "store", images, labels, simulated=True, scheme="binary")
        run = catfast("evaluate", known_model, path, "-o", tmp_path / "r")
        assert "simulated" in run.err
        assert "**Simulated**" in (tmp_path / "r" / "report.md").read_text()
        assert "Simulated" in (tmp_path / "r" / "report.html").read_text()
        (found,) = report_of(tmp_path / "r")["contenders"]
        assert list(found["classes"]) == ["clear", "cloud"]

    def test_an_empty_split_is_refused(self, catfast, known_model, store, tmp_path):
        run = catfast("evaluate", known_model, store[0], "-o", tmp_path / "r", "--split", "val")
        assert run.code == 3
        assert "expected patches of the split val, found test, train" in run.err


class TestRefusals:
    def fails(self, run, code: int, *words: str) -> None:
        assert run.code == code, run.err
        assert len(run.err.strip().splitlines()) == 1, run.err
        assert all(word in run.err for word in words), run.err

    def test_no_masks(self, catfast, known_model, tmp_path, answers):
        write_tif(tmp_path / "set" / "a.tif", image_of(answers[0]))
        run = catfast("evaluate", known_model, tmp_path / "set", "-o", tmp_path / "r")
        self.fails(run, 3, "expected images with masks", "1 images and 0 masks")
        assert not (tmp_path / "r").exists()

    def test_two_images_of_one_name(self, catfast, known_model, folder, tmp_path, answers):
        write_tif(folder / "more" / "scene_0.tif", image_of(answers[0]))
        run = catfast("evaluate", known_model, folder, "-o", tmp_path / "r")
        self.fails(run, 3, "found two of scene_0")

    def test_nothing_there(self, catfast, known_model, tmp_path):
        run = catfast("evaluate", known_model, tmp_path / "none", "-o", tmp_path / "r")
        self.fails(run, 3, "expected a patch store", "found nothing there")

    def test_a_value_without_a_class(self, catfast, known_model, folder, tmp_path):
        run = catfast("evaluate", known_model, folder, "-o", tmp_path / "r", "--codes", "1=clear,7=cloud")
        self.fails(run, 3, "masks/scene_0.tif", "mask value 0")

    def test_a_mask_of_another_size(self, catfast, known_model, folder, tmp_path):
        write_tif(folder / "masks" / "scene_2.tif", np.zeros((9, 9), np.uint8))
        run = catfast("evaluate", known_model, folder, "-o", tmp_path / "r")
        self.fails(run, 3, "scene_2.tif", "expected 128 x 96 pixels", "found 9 x 9")

    def test_a_mask_of_another_place(self, catfast, known_model, tmp_path, answers, clouds):
        truths = [cloud.astype(np.uint8) for cloud in clouds]
        folder = image_folder(tmp_path / "set", answers, truths, crs=UTM_4N, transform=NORTH_UP)
        beside = NORTH_UP @ Affine.translation(0.4, 0)
        write_tif(folder / "masks" / "scene_2.tif", truths[2], crs=UTM_4N, transform=beside)
        assert catfast("evaluate", known_model, folder, "-o", tmp_path / "r").code == 0
        away = NORTH_UP @ Affine.translation(0, -7)
        moved = write_tif(tmp_path / "moved" / "scene_2.tif", truths[2], crs=UTM_4N, transform=away)
        run = catfast("evaluate", known_model, folder, "--against", moved.parent, "-o", tmp_path / "r2")
        self.fails(run, 3, "scene_2.tif", "found one 7.0 pixels off")
        write_tif(folder / "masks" / "scene_2.tif", truths[2], crs=UTM_4N, transform=away)
        run = catfast("evaluate", known_model, folder, "-o", tmp_path / "r2")
        self.fails(run, 3, "scene_2.tif", "expected the grid of scene_2.tif, found one 7.0 pixels off")

    def test_a_class_that_the_truth_does_not_know(self, catfast, known_model, folder, tmp_path):
        run = catfast(
            "evaluate", known_model, folder, "-o", tmp_path / "r", "--codes", "on-cloud-n",
            "--classes", "clear,cloud,shadow",
        )  # fmt: skip
        self.fails(run, 3, "set: expected the class shadow")

    def test_nothing_but_ignored_pixels(self, catfast, known_model, tmp_path, answers):
        folder = image_folder(tmp_path / "set", answers[:1], [np.full(SHAPE, 255, np.uint8)])
        run = catfast("evaluate", known_model, folder, "-o", tmp_path / "r")
        self.fails(run, 3, "expected pixels with truth, found none")

    def test_masks_of_other_names(self, catfast, folder, tmp_path):
        write_tif(tmp_path / "rival" / "else.tif", np.zeros(SHAPE, np.uint8))
        run = catfast("evaluate", folder, "-o", tmp_path / "r", "--against", tmp_path / "rival")
        self.fails(run, 3, "rival: no mask in it has the name of a sample")

    def test_codes_of_masks_that_do_not_fit(self, catfast, known_model, folder, tmp_path):
        write_tif(tmp_path / "rival" / "scene_0.tif", np.full(SHAPE, 7, np.uint8))
        report = ("-o", tmp_path / "r")
        masks = ("evaluate", folder, *report, "--against", tmp_path / "rival")
        self.fails(catfast(*masks), 3, "mask value 7", "--against-codes")
        self.fails(catfast(*masks, "--against-codes", "7=cloud"), 2, "--against-codes 7=cloud: expected")
        self.fails(catfast(*masks, *("--against-codes", "ukis") * 2), 2, "once for each of 1 folders")
        lonely = catfast("evaluate", known_model, folder, *report, "--against-codes", "ukis")
        self.fails(lonely, 2, "with --against only")

    def test_no_model_and_no_masks(self, catfast, folder, tmp_path):
        self.fails(catfast("evaluate", folder, "-o", tmp_path / "r"), 2, "MODEL... TESTSET")

    def test_a_report_is_replaced_only_when_asked(self, catfast, known_model, folder, tmp_path):
        arguments = ("evaluate", known_model, folder, "-o", tmp_path / "r")
        assert catfast(*arguments).code == 0
        self.fails(catfast(*arguments), 4, "exists already (--overwrite replaces it)")
        assert catfast(*arguments, "--overwrite").code == 0
        (tmp_path / "r" / "thesis.txt").write_text("mine")
        self.fails(catfast(*arguments, "--overwrite"), 4, "found thesis.txt in it")
        assert {path.name for path in (tmp_path / "r").iterdir()} == FILES | {"thesis.txt"}
