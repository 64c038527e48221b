"""``catfast report`` in a real browser, and ``catfast compare`` against numpy."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import Affine

from tests.conftest import NORTH_UP, cloudy_dn, run_catfast, write_scene

IDS = ("20230601_101112_12_2401", "20230608_101010_55_2402")
HOSTILE = '<img src=x onerror=alert(1)> & "quotes"'


def write_udm2(path: Path, clear: np.ndarray, seen: np.ndarray, **changes: object) -> Path:
    bands = np.zeros((8, *clear.shape), np.uint8)
    bands[0], bands[5], bands[7] = clear & seen, ~clear & seen, ~seen
    return write_scene(path, bands, **{"nodata": None, **changes})


@pytest.fixture(scope="module")
def masks(tmp_path_factory, known_model) -> Path:
    """Two dated scenes with UDM2 and confidence, one with a hostile name, and one whose image is gone."""
    folder = tmp_path_factory.mktemp("report")
    scenes, out = folder / "scenes", folder / "masks"
    scenes.mkdir()
    for seed, item in enumerate(IDS):
        dn = cloudy_dn(400, 500, seed=seed)
        write_scene(scenes / f"{item}_3B_AnalyticMS_SR.tif", dn)
        columns = np.indices(dn.shape[1:])[1]
        write_udm2(scenes / f"{item}_3B_udm2.tif", columns > 250, dn[0] != 0)
    write_scene(scenes / f"{HOSTILE}.tif", cloudy_dn(seed=5))
    lonely = write_scene(folder / "lonely.tif", cloudy_dn(seed=6))
    paths = [*sorted(scenes.glob("*_SR.tif")), scenes / f"{HOSTILE}.tif", lonely]
    run = run_catfast("mask", "--model", known_model, "--confidence", "--out-dir", out, *paths)
    assert run.code == 0, run.err
    lonely.unlink()
    return folder


@pytest.fixture(scope="module")
def page(masks) -> Path:
    output = masks / "report.html"
    run = run_catfast("report", masks / "masks", "--scenes", masks / "scenes", "-o", output)
    assert (run.code, "4 masks, 1 without their image" in run.err) == (0, True), run.err
    return output


@pytest.fixture(scope="module")
def browser():
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        if os.environ.get("CI"):
            pytest.fail("CI needs chromium and chromedriver")
        pytest.skip("no chromium with chromedriver here")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def opened(browser, page):
    browser.get(page.as_uri())
    return browser.find_elements("css selector", "article")


def shot(element) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(element.screenshot_as_png)).convert("RGB")).astype(int)


def test_the_page_is_small_and_asks_for_nothing(page):
    text = page.read_text()
    parts = text.split("<article")
    assert len(parts) == 5
    assert max(map(len, parts)) < 300_000
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert len(sources) >= 8
    assert all(source.startswith("data:image/") for source in sources)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_nothing_is_fetched_and_nothing_is_wrong(browser, page):
    assert len(opened(browser, page)) == 4
    assert browser.get_log("browser") == []
    asked = re.findall(
        r'"url":"((?:https?|file|ws)[^"]*)"', str(browser.get_log("performance")).replace("\\", "")
    )
    assert {url for url in asked if not url.startswith("file:")} == set()


def test_hostile_names_are_text(browser, page):
    titles = [article.find_element("css selector", "h2").text for article in opened(browser, page)]
    assert HOSTILE in titles
    with pytest.raises(Exception, match="no such alert"):
        browser.switch_to.alert.accept()


def test_left_half_image_and_right_half_mask_and_the_slider_by_keyboard(browser, page):
    from selenium.webdriver.common.keys import Keys

    article = next(
        found for found in opened(browser, page) if IDS[0] in found.find_element("css selector", "h2").text
    )
    picture = article.find_element("css selector", ".picture")
    slider = article.find_element("css selector", ".swipe")

    def only(value: int) -> np.ndarray:
        slider.send_keys(Keys.HOME if value == 0 else Keys.END)
        assert slider.get_attribute("value") == str(value)
        return shot(picture)

    half = shot(picture)
    mask, image = only(0), only(100)
    middle = half.shape[1] // 2
    assert not np.array_equal(mask, image)
    assert np.array_equal(half[:, : middle - 2], image[:, : middle - 2])
    assert np.array_equal(half[:, middle + 2 :], mask[:, middle + 2 :])
    slider.send_keys(Keys.ARROW_LEFT)
    assert slider.get_attribute("value") == "99"
    colours = {tuple(colour) for colour in mask.reshape(-1, 3)}
    assert (255, 255, 255) in colours, "cloud is white"
    assert (94, 148, 110) in colours, "clear is green"


def test_dragging_moves_the_edge(browser, page):
    from selenium.webdriver import ActionChains

    article = opened(browser, page)[0]
    picture, slider = (article.find_element("css selector", name) for name in (".picture", ".swipe"))
    ActionChains(browser).move_to_element_with_offset(
        picture, -picture.rect["width"] // 4, 0
    ).click_and_hold().perform()
    ActionChains(browser).move_by_offset(-10, 0).release().perform()
    assert 15 <= int(slider.get_attribute("value")) <= 25


def test_layers_are_chosen_by_buttons(browser, page):
    article = next(
        found for found in opened(browser, page) if IDS[0] in found.find_element("css selector", "h2").text
    )
    names = [
        button.get_attribute("data-layer") for button in article.find_elements("css selector", "[data-layer]")
    ]
    assert names == ["mask", "confidence", "udm2", "difference"]
    for name in names:
        article.find_element("css selector", f"[data-layer={name}]").click()
        shown = [
            image.get_attribute("class")
            for image in article.find_elements("css selector", ".picture img")
            if image.value_of_css_property("visibility") == "visible"
        ]
        assert shown == ["image", name]


def test_a_legend_is_shown_with_its_layer_only(browser, page):
    article = next(found for found in opened(browser, page) if IDS[0] in found.text)
    for name in ("confidence", "difference", "mask"):
        article.find_element("css selector", f"[data-layer={name}]").click()
        legends = article.find_elements("css selector", "[data-for]")
        assert len(legends) == 2
        shown = [legend.get_attribute("data-for") for legend in legends if legend.is_displayed()]
        assert shown == ([] if name == "mask" else [name])


def test_it_tells_how_much_udm2_differs(browser, page, masks):
    """Counted here on the files themselves, which the page shows pixel by pixel."""
    article = next(found for found in opened(browser, page) if IDS[0] in found.text)
    with rasterio.open(masks / "masks" / f"{IDS[0]}_3B_AnalyticMS_SR_mask.tif") as one:
        mask = one.read(1)
    with rasterio.open(masks / "scenes" / f"{IDS[0]}_3B_udm2.tif") as other:
        clear, cloud = other.read(1), other.read(6)
    seen = (mask != 255) & (clear + cloud > 0)
    differing = 100 * ((mask == 1) != (cloud == 1))[seen].mean()
    assert f"UDM2 differs about cloud on {differing:.1f} %" in article.text


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of ``rgb(...)``."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(browser, page, scheme):
    """A contrast of at least 4.5 to 1, as WCAG asks of text."""
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    article = opened(browser, page)[0]
    ground = luminance(article.value_of_css_property("background-color"))
    assert (ground < 0.2) == (scheme == "dark")
    for name in ("h2", ".small", "th", "td"):
        text = luminance(article.find_element("css selector", name).value_of_css_property("color"))
        low, high = sorted((text, ground))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_focus_is_seen(browser, page):
    from selenium.webdriver.common.keys import Keys

    opened(browser, page)
    browser.find_element("tag name", "body").send_keys(Keys.TAB)
    focused = browser.switch_to.active_element
    assert focused.get_attribute("id") == "sort"
    assert focused.value_of_css_property("outline-style") == "solid"
    assert float(focused.value_of_css_property("outline-width").removesuffix("px")) >= 2


def test_paper_shows_image_and_mask_side_by_side(browser, page):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    article = next(found for found in opened(browser, page) if IDS[0] in found.text)
    pictures = article.find_elements("css selector", ".picture img")
    shown = {p.get_attribute("class"): p.rect for p in pictures if p.is_displayed()}
    assert set(shown) == {"image", "mask"}
    assert shown["image"]["x"] + shown["image"]["width"] <= shown["mask"]["x"]
    assert not article.find_element("css selector", ".swipe").is_displayed()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_pictures_of_a_noisy_scene_stay_small(tmp_path):
    """Noise is what pictures can pack least."""
    from catfast.report.layers import layers

    rng = np.random.default_rng(0)
    dn = rng.integers(1, 9000, (4, 1500, 1500)).astype(np.uint16)
    image = write_scene(tmp_path / "a.tif", dn)
    codes_file(tmp_path / "a_mask.tif", rng.integers(0, 5, dn.shape[1:]).astype(np.uint8))
    sure = rng.integers(0, 101, (3, *dn.shape[1:])).astype(np.uint8)
    names = [f"{name} probability" for name in ("clear", "cloud", "shadow")]
    write_scene(tmp_path / "a_confidence.tif", sure, nodata=255, descriptions=names)
    udm2 = write_udm2(tmp_path / "u.tif", rng.random(dn.shape[1:]) < 0.5, np.ones(dn.shape[1:], bool))
    found = layers(tmp_path / "a_mask.tif", image, udm2)
    assert [layer.name for layer in found.layers] == ["image", "mask", "confidence", "udm2", "difference"]
    assert sum(len(layer.source) for layer in found.layers) < 295_000


def test_a_mask_without_its_image_is_shown_alone_and_said(browser, page):
    article = next(
        found for found in opened(browser, page) if found.find_element("css selector", "h2").text == "lonely"
    )
    assert not article.find_elements("css selector", ".swipe")
    assert "The image was not found" in article.text
    image = article.find_element("css selector", "img.mask")
    assert image.value_of_css_property("clip-path") == "none"


def test_images_of_one_name_go_with_the_masks_beside_them(tmp_path, known_model):
    """And an image whose scale was given by hand, radiance without its XML, is shown."""
    name = f"{IDS[0]}_3B_AnalyticMS.tif"
    for folder, bright in (("a", 0), ("b", 2)):
        (tmp_path / folder).mkdir()
        dn = cloudy_dn(120, 130)
        dn[bright] += 20_000
        write_scene(tmp_path / folder / name, dn)
        write_udm2(tmp_path / folder / f"{IDS[0]}_3B_udm2.tif", np.full(dn.shape[1:], bright > 0), dn[0] != 0)
        run = run_catfast(
            "mask", "--model", known_model, "--reflectance-scale", "1e-4", tmp_path / folder / name
        )
        assert run.code == 0, run.err
    run = run_catfast("report", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "r.html")
    assert run.err.endswith("2 masks\n"), run.err
    jpegs = re.findall(r"data:image/jpeg;base64,([^\"]+)", (tmp_path / "r.html").read_text())
    blue, red = (np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in jpegs)
    assert blue[..., 2].mean() > blue[..., 0].mean() + 20
    assert red[..., 0].mean() > red[..., 2].mean() + 20


def test_confidences_of_an_earlier_mask_are_not_shown_and_other_content_is_told(tmp_path, known_model):
    scene, page = write_scene(tmp_path / "a.tif", cloudy_dn(seed=1)), tmp_path / "r.html"
    masking = ("mask", "--model", known_model, "--overwrite", scene)

    def shown() -> str:
        run = run_catfast("report", tmp_path / "a_mask.tif", "-o", page)
        assert run.code == 0, run.err
        return page.read_text()

    assert run_catfast(*masking, "--confidence").code == 0
    text = shown()
    assert 'data-layer="confidence"' in text
    assert 'class="note"' not in text
    assert run_catfast(*masking, "--threshold", "0.9").code == 0
    text = shown()
    assert 'data-layer="confidence"' not in text
    assert "its CATFAST_THRESHOLD is likeliest, the mask&#39;s 0.9" in text
    assert "The image is not the file" not in text
    write_scene(scene, cloudy_dn(seed=2))
    assert "The image is not the file that the mask was made from" in shown()


def test_cards_are_sorted(browser, page):
    from selenium.webdriver.support.select import Select

    opened(browser, page)

    def clouds() -> list[float]:
        found = browser.find_elements("css selector", "article")
        return [float(article.get_attribute("data-cloud")) for article in found]

    Select(browser.find_element("id", "sort")).select_by_value("cloud")
    assert clouds() == sorted(clouds())
    browser.find_element("id", "turn").click()
    assert clouds() == sorted(clouds(), reverse=True)
    assert len(set(clouds())) > 1


def test_the_chart_has_a_point_a_dated_scene(browser, page):
    opened(browser, page)
    assert len(browser.find_elements("css selector", ".chart circle")) == 2


def test_masks_that_cannot_be_read_are_told_and_the_others_shown(masks, tmp_path):
    broken = tmp_path / "broken_mask.tif"
    data = bytearray((masks / "masks" / "lonely_mask.tif").read_bytes())
    with rasterio.open(masks / "masks" / "lonely_mask.tif") as dataset:
        at = int(dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", 1))
    data[at : at + 200] = bytes(200)
    broken.write_bytes(data)
    run = run_catfast("report", broken, masks / "masks", "-o", tmp_path / "r.html")
    assert (run.code, str(broken) in run.err, "Traceback" in run.err) == (1, True, False)
    assert (tmp_path / "r.html").exists()
    run = run_catfast("report", broken, "-o", tmp_path / "none.html")
    assert (run.code, (tmp_path / "none.html").exists()) == (3, False)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing.tif", "no such file"),
        ("folder", "expected masks"),
        ("scene.tif", "expected a mask written by"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path, source, message):
    (tmp_path / "folder").mkdir()
    write_scene(tmp_path / "scene.tif", cloudy_dn(64, 64))
    run = run_catfast("report", tmp_path / source, "-o", tmp_path / "r.html")
    assert (run.code, len(run.err.splitlines()), message in run.err) == (3, 1, True)
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize(
    ("command", "output", "sentence"),
    [
        ("report", ".", "is a folder: name a file in it"),
        ("compare", "/", "is a folder: name a file in it"),
        ("report", "none/r.html", "cannot be written: No such file or directory"),
        ("compare", "none/map.tif", "cannot be written: No such file or directory"),
    ],
)
def test_what_is_no_output_is_a_sentence(masks, command, output, sentence):
    one = masks / "masks" / "lonely_mask.tif"
    given = (one, one, "--overwrite") if command == "compare" else (one,)
    run = run_catfast(command, *given, "-o", output)
    assert (run.code, run.err) == (4, f"catfast: {output}: {sentence}\n")


def codes_file(path: Path, codes: np.ndarray, **changes: object) -> Path:
    return write_scene(path, codes[None], **{"nodata": 255, **changes})


def test_comparison_counts_pixels(tmp_path):
    rng = np.random.default_rng(1)
    a = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), (700, 300))
    clear, seen = rng.random(a.shape) < 0.6, rng.random(a.shape) < 0.9
    first, second = codes_file(tmp_path / "a.tif", a), write_udm2(tmp_path / "u.tif", clear, seen)
    run = run_catfast("compare", first, second, "-o", tmp_path / "map.tif", "--json")
    assert run.code == 0, run.err
    told, both = run.objects[0], seen & (a != 255)
    assert told["pixels"] == both.sum()
    assert told["seen_by_one"] == (seen != (a != 255)).sum()
    assert told["counts"]["shadow"]["cloud"] == (both & (a == 2) & ~clear).sum()
    assert told["counts"]["cloud"]["clear"] == (both & (a == 1) & clear).sum()
    cloud = (a == 1)[both], (~clear)[both]
    assert told["cloud"]["agreement"] == pytest.approx((cloud[0] == cloud[1]).mean())
    assert told["cloud"]["iou"] == pytest.approx((cloud[0] & cloud[1]).sum() / (cloud[0] | cloud[1]).sum())
    with rasterio.open(tmp_path / "map.tif") as dataset:
        where = dataset.read(1)
    assert np.array_equal(where == 255, ~both)
    assert np.array_equal(where == 2, both & (a == 1) & clear)
    assert np.array_equal(where == 3, both & (a != 1) & ~clear)
    again = run_catfast("compare", first, second, "-o", tmp_path / "map.tif")
    assert (again.code, "exists already" in again.err) == (4, True)
    table = run_catfast("compare", first, second)
    assert f"{told['pixels']} pixels seen by both" in table.out


def test_grids_that_differ_are_refused_or_warned_of(tmp_path):
    codes = np.zeros((100, 100), np.uint8)
    first = codes_file(tmp_path / "a.tif", codes)
    half = codes_file(tmp_path / "half.tif", codes, transform=NORTH_UP @ Affine.translation(0.5, 0.5))
    far = codes_file(tmp_path / "far.tif", codes, transform=NORTH_UP @ Affine.translation(5, 0))
    small = codes_file(tmp_path / "small.tif", codes[:50])
    other = codes_file(tmp_path / "other.tif", np.full_like(codes, 9))
    three = write_scene(tmp_path / "three.tif", np.zeros((3, 100, 100), np.uint8))
    run = run_catfast("compare", first, half, "--json")
    assert (run.code, run.objects[0]["warnings"][0]["name"]) == (0, "shifted")
    for path, message in (
        (far, "5.0 pixels off"),
        (small, "100 x 100 pixels"),
        (other, "found 9"),
        (three, "found 3 of uint8"),
    ):
        run = run_catfast("compare", first, path, "-o", tmp_path / "m.tif")
        assert (run.code, len(run.err.splitlines()), message in run.err) == (3, 1, True), run.err
        assert not (tmp_path / "m.tif").exists()
