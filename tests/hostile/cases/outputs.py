"""Outputs that are inputs, links, folders, or out of reach."""

from __future__ import annotations

import os
from pathlib import Path

from tests.hostile.box import SR, Box, mask_is_of
from tests.hostile.case import Made, accepted, refused
from tests.hostile.cases.catalogues import item


@refused(4, "is the scene itself")
def output_that_is_the_scene(box: Box) -> Made:
    scene = box.scene()
    return ["mask", scene, "-o", scene, "--overwrite", "--model", box.sound.model]


@refused(4, "is the scene itself")
def output_that_links_to_the_scene(box: Box) -> Made:
    scene = box.scene()
    (box.out / "m.tif").symlink_to(scene)
    return box.mask(scene, "--overwrite")


@refused(4, "is the scene itself")
def output_that_is_another_name_of_the_scene(box: Box) -> Made:
    scene = box.scene()
    os.link(scene, box.out / "m.tif")
    return box.mask(scene, "--overwrite")


def _target_kept(box: Box) -> None:
    assert (box.inputs / "precious").read_text() == "precious"
    mask_is_of()(box)


@accepted(_target_kept)
def output_that_links_to_another_file(box: Box) -> Made:
    """The link is replaced by the mask; what it pointed to stays as it was."""
    (box.out / "m.tif").symlink_to(box.write("precious", "precious"))
    return box.mask(box.scene(), "--overwrite")


@refused(4, "exists already")
def output_that_is_a_foreign_file(box: Box) -> Made:
    (box.out / "m.tif").write_text("mine")
    return box.mask(box.scene())


@refused(4, "is a folder")
def output_that_is_a_folder(box: Box) -> Made:
    (box.out / "m.tif").mkdir()
    return box.mask(box.scene())


@refused(4, "folder does not exist")
def output_in_no_folder(box: Box) -> Made:
    return ["mask", box.scene(), "-o", box.out / "no" / "m.tif", "--model", box.sound.model]


@refused(4, "cannot be made|cannot be written|not a folder")
def output_below_a_file(box: Box) -> Made:
    (box.out / "file").write_text("x")
    return ["mask", box.scene(), "--out-dir", box.out / "file", "--model", box.sound.model]


@refused(4, "cannot be written|No such file|not permitted|denied")
def output_below_proc(box: Box) -> Made:
    return ["mask", box.scene(), "-o", "/proc/m.tif", "--model", box.sound.model]


@refused(4, "is the scene itself")
def output_quicklook_that_is_the_scene(box: Box) -> Made:
    scene = box.scene("scene.png")
    return box.mask(scene, "--quicklook", scene)


@refused(4, "is an input|itself|exists")
def output_rejects_that_are_the_source(box: Box) -> Made:
    source = box.json("x.json", item())
    return ["catalog", "planet", source, "-o", box.out / "c.parquet", "--rejects", source, "--overwrite"]


@refused(4, "is an input|itself|exists")
def output_catalogue_that_is_the_source(box: Box) -> Made:
    source = box.json("x.json", item())
    return ["catalog", "planet", source, "-o", source, "--overwrite"]


@refused(4, "is the mask itself|is an input")
def output_report_that_is_a_mask(box: Box) -> Made:
    from tests.hostile.cases.udm2 import _tagged, write_mask

    path = _tagged(write_mask(box))
    return ["report", path, "-o", path]


@refused(4, "found other files")
def output_store_that_is_a_foreign_folder(box: Box) -> Made:
    (box.out / "store").mkdir()
    (box.out / "store" / "mine.txt").write_text("mine")
    pairs = box.take("pairs.parquet")
    world = box.sound.folder / "world"
    return ["patches", pairs, "--scenes", world, "-o", box.out / "store", "--size", 128, "--overwrite"]


@refused(4, "exists|overwrite|simulated world|not empty")
def output_world_that_is_a_foreign_folder(box: Box) -> Made:
    (box.out / "world").mkdir()
    (box.out / "world" / "mine.txt").write_text("mine")
    return ["simulate", box.out / "world", "--pairs", 1, "--size", 256, "--overwrite"]


@refused(2, "pairs|least|from")
def output_world_of_too_many_pairs(box: Box) -> Made:
    return ["simulate", box.out / "world", "--pairs", -1]


@refused(2, "size|px|from|most")
def output_world_of_a_gigapixel_side(box: Box) -> Made:
    return ["simulate", box.out / "world", "--pairs", 1, "--size", 10**9]


@refused(4, "exists|overwrite|is there|not empty|report")
def output_evaluation_into_a_foreign_folder(box: Box) -> Made:
    (box.out / "report").mkdir()
    (box.out / "report" / "report.html").write_text("mine")
    store = box.take("store")
    return ["evaluate", box.sound.model, store, "--split", "train", "-o", box.out / "report"]


@refused(4, "exists|model|overwrite")
def output_export_into_a_foreign_folder(box: Box) -> Made:
    (box.out / "m").mkdir()
    (box.out / "m" / "mine.txt").write_text("mine")
    return ["export", box.model(), "-o", box.out / "m"]


def _no_link_followed(box: Box) -> None:
    assert (box.inputs / "precious").read_text() == "precious"
    assert Path(box.out / "c.parquet").is_file()


@accepted(_no_link_followed)
def output_catalogue_that_is_a_link(box: Box) -> Made:
    target = box.write("precious", "precious")
    (box.out / "c.parquet").symlink_to(target)
    return ["catalog", "planet", box.json("x.json", item()), "-o", box.out / "c.parquet", "--overwrite"]


@accepted()
def output_mask_of_another_run_is_kept(box: Box) -> Made:
    """A planted temporary name is a link to an input: the run neither follows nor trusts it."""
    scene = box.scene()
    (box.out / f".m.tif.{os.getpid()}.tmp.tif").symlink_to(box.write("precious", "precious"))
    return box.mask(scene)


@accepted(mask_is_of(SR))
def output_twice_by_the_same_command(box: Box) -> Made:
    return box.mask(box.scene(), "--overwrite", "--confidence", "--qml", "--stac")
