"""UDM2 files and masks that do not belong together, in ``compare``, ``report`` and ``evaluate``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from tests.conftest import NORTH_UP
from tests.hostile.box import SR, Box, small_dn
from tests.hostile.case import Made, accepted, refused


def codes() -> npt.NDArray[np.uint8]:
    """A mask of the small scene, (1, 96, 96)."""
    dn = small_dn()
    found = (dn[0] > 4000).astype(np.uint8)
    found[dn[0] == 0] = 255
    return found[None]


def udm2() -> npt.NDArray[np.uint8]:
    """The same as UDM2, (8, 96, 96)."""
    mask = codes()[0]
    bands = np.zeros((8, 96, 96), np.uint8)
    bands[0], bands[5], bands[6], bands[7] = mask == 0, mask == 1, 90, mask == 255
    return bands


def write_mask(box: Box, name: str = "a_mask.tif", array: object = None, **more: object) -> Path:
    """A mask, or another file of 8 bits."""
    return box.scene(name, codes() if array is None else array, **{"nodata": 255, **more})


def write_udm2(box: Box, name: str = "b_udm2.tif", array: object = None, **more: object) -> Path:
    """A UDM2."""
    return box.scene(name, udm2() if array is None else array, **{"nodata": None, **more})


def compare(box: Box, first: object, second: object) -> list[object]:
    """The command, with a map."""
    return ["compare", first, second, "-o", box.out / "where.tif"]


def _no_difference(box: Box) -> None:
    with rasterio.open(box.out / "where.tif") as where:
        assert set(np.unique(where.read(1))) == {0, 1, 255}


@accepted(_no_difference)
def compare_with_a_sound_udm2(box: Box) -> Made:
    return compare(box, write_mask(box), write_udm2(box))


@accepted(warns="shifted")
def compare_with_half_a_pixel_of_shift(box: Box) -> Made:
    shifted = NORTH_UP @ rasterio.Affine.translation(0.5, 0.5)
    return compare(box, write_mask(box), write_udm2(box, transform=shifted))


@refused(3, "pixels off")
def compare_with_three_pixels_of_shift(box: Box) -> Made:
    shifted = NORTH_UP @ rasterio.Affine.translation(3, 0)
    return compare(box, write_mask(box), write_udm2(box, transform=shifted))


@refused(3, "expected the grid of")
def compare_with_another_shape(box: Box) -> Made:
    return compare(box, write_mask(box), write_udm2(box, array=udm2()[:, :90]))


@refused(3, "expected the grid of")
def compare_in_another_crs(box: Box) -> Made:
    return compare(box, write_mask(box), write_udm2(box, crs="EPSG:32605"))


@refused(3, "found 7 of uint8")
def compare_with_seven_bands(box: Box) -> Made:
    return compare(box, write_mask(box), write_udm2(box, array=udm2()[:7]))


@refused(3, "found 1 of uint16")
def compare_with_16_bits(box: Box) -> Made:
    return compare(box, write_mask(box), write_mask(box, "wide.tif", codes().astype(np.uint16)))


@refused(3, "expected codes 0-4 and 255 of a mask, found 77")
def compare_with_codes_of_another_kind(box: Box) -> Made:
    return compare(box, write_mask(box), write_mask(box, "other.tif", np.full_like(codes(), 77)))


@refused(3, "geotransform|area|pixels")
def compare_on_grids_of_no_size(box: Box) -> Made:
    flat = rasterio.Affine(0, 0, 5e5, 0, 0, 7.9e6)
    return compare(box, write_mask(box, transform=flat), write_mask(box, "other.tif", transform=flat))


@refused(4, "exists|itself")
def compare_into_its_own_input(box: Box) -> Made:
    path = write_mask(box)
    return ["compare", path, write_udm2(box), "-o", path, "--overwrite"]


@refused(3, "no such file")
def compare_with_nothing(box: Box) -> Made:
    return compare(box, write_mask(box), box.inputs / "none.tif")


def _tagged(path: Path, **tags: str) -> Path:
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(**{"CATFAST_INPUT": SR, "CATFAST_MODEL": "pixel", **tags})
    return path


def report(box: Box, *sources: object) -> list[object]:
    """The command that shows masks."""
    return ["report", *sources, "-o", box.out / "report.html"]


@refused(3, "written by catfast")
def report_on_a_foreign_file(box: Box) -> Made:
    return report(box, write_mask(box))


@refused(3, "expected masks")
def report_on_an_empty_folder(box: Box) -> Made:
    return report(box, box.inputs)


def _escaped(box: Box) -> None:
    page = (box.out / "report.html").read_text()
    assert "<script>alert" not in page
    assert 'onerror="' not in page


@accepted(_escaped)
def report_on_a_mask_with_markup_in_its_tags(box: Box) -> Made:
    markup = '<script>alert(1)</script><img src=x onerror="x">'
    return report(
        box, _tagged(write_mask(box), CATFAST_MODEL=markup, CATFAST_VERSION=markup, CATFAST_INPUT=markup)
    )


@accepted()
def report_on_a_mask_that_names_a_file_elsewhere(box: Box) -> Made:
    """The name of the image leads out of the folder, and to a network: neither is opened."""
    _tagged(write_mask(box, "a_mask.tif"), CATFAST_INPUT="../../../../etc/passwd")
    _tagged(write_mask(box, "b_mask.tif"), CATFAST_INPUT=f"/vsicurl/{box.sound.url}/x.tif")
    return report(box, box.inputs)


@accepted()
def report_on_percentages_that_are_no_numbers(box: Box) -> Made:
    path = _tagged(write_mask(box), CATFAST_PERCENT_CLOUD="many", CATFAST_VALID_PERCENT="nan")
    return report(box, path)


def evaluate(box: Box, *more: object, model: object | None = None) -> list[object]:
    """The command that scores the known model on the inputs."""
    return ["evaluate", model or box.sound.model, box.inputs / "set", "-o", box.out / "report", *more]


def pair(box: Box, mask: npt.NDArray[np.generic] | None = None, **more: object) -> None:
    """An image and its mask, as a test set has them."""
    for folder in ("set/images", "set/masks"):
        (box.inputs / folder).mkdir(parents=True)
    box.scene("set/images/x.tif", descriptions=("blue", "green", "red", "nir"))
    write_mask(box, "set/masks/x.tif", mask, **more)


@accepted()
def evaluate_a_sound_pair(box: Box) -> Made:
    pair(box)
    return evaluate(box)


@refused(3, "expected 96 x 96 pixels")
def evaluate_a_mask_of_another_shape(box: Box) -> Made:
    pair(box, codes()[:, :80])
    return evaluate(box)


@refused(3, "77|unknown|code")
def evaluate_a_mask_of_other_codes(box: Box) -> Made:
    pair(box, np.full_like(codes(), 77))
    return evaluate(box)


@refused(3, "expected|float")
def evaluate_a_mask_of_floats(box: Box) -> Made:
    pair(box, codes().astype(np.float32) + 0.5)
    return evaluate(box)


@refused(3, "expected images with masks")
def evaluate_an_empty_folder(box: Box) -> Made:
    (box.inputs / "set").mkdir()
    return evaluate(box)


@refused(3, "expected|masks|udm2|pixels")
def evaluate_against_udm2_of_another_shape(box: Box) -> Made:
    pair(box)
    (box.inputs / "udm2").mkdir()
    write_udm2(box, "udm2/x_udm2.tif", udm2()[:, :50])
    return evaluate(box, "--against", box.inputs / "udm2")
