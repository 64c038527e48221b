"""Names that a shell, a terminal, GDAL or a page might take for something else."""

from __future__ import annotations

import os
from pathlib import Path

from tests.hostile.box import Box, mask_is_of
from tests.hostile.case import Made, accepted, refused

NEWLINE = "a\nb.tif"
SHELL = "x; rm -rf $(y) `z` 'q\" &.tif"
PERCENT = "100%s %d {x} %n.tif"
ESCAPE = "\x1b[2J\x1b]0;x\x07.tif"
LONG = "a" * 251 + ".tif"
STRANGE = "é\u202e\u200bñ日本.tif"


@accepted(mask_is_of(NEWLINE))
def name_with_a_line_end(box: Box) -> Made:
    return box.mask(box.scene(NEWLINE))


@refused(3, r"a\\nb\.tif")
def name_with_a_line_end_refused(box: Box) -> Made:
    """One line, in which the end of a line is written out."""
    return [*box.mask(box.write(NEWLINE, "x"))[:-2], "--model", box.sound.model]


@refused(3, r"\\x1b\[2J")
def name_that_would_clear_the_terminal(box: Box) -> Made:
    return box.mask(box.write(ESCAPE, "x"))


@accepted(mask_is_of(SHELL))
def name_with_a_command_in_it(box: Box) -> Made:
    return box.mask(box.scene(SHELL))


@accepted(mask_is_of(PERCENT))
def name_with_formats_in_it(box: Box) -> Made:
    return box.mask(box.scene(PERCENT))


@accepted(mask_is_of(STRANGE))
def name_in_other_scripts(box: Box) -> Made:
    return box.mask(box.scene(STRANGE))


@accepted(mask_is_of("-o.tif"))
def name_that_is_an_option(box: Box) -> Made:
    box.scene("-o.tif")
    return ["mask", "-o", box.out / "m.tif", "--model", box.sound.model, "--", "-o.tif"]


@accepted()
def name_of_the_longest_kind(box: Box) -> Made:
    return box.mask(box.scene(LONG))


@refused(4, "cannot be written|too long|File name")
def name_too_long_for_its_mask(box: Box) -> Made:
    """The name of the mask would be longer than a name can be."""
    return ["mask", box.scene(LONG), "--out-dir", box.out, "--model", box.sound.model]


@refused(3, "does not start as a TIFF")
def name_that_is_no_text(box: Box) -> Made:
    path = os.fsdecode(os.fsencode(box.inputs) + b"/\xff\xfe.tif")
    Path(path).write_bytes(b"x")
    return box.mask(path)


@accepted(mask_is_of("a[1].tif"))
def name_that_is_a_pattern(box: Box) -> Made:
    return box.mask(box.scene("a[1].tif"))


@refused(3, "no such file|expected scenes|not a regular")
def name_of_a_curl(box: Box) -> Made:
    return box.mask(f"/vsicurl/{box.sound.url}/scene.tif")


@refused(3, "no such file|not a regular|cannot be opened")
def name_of_a_zip(box: Box) -> Made:
    import zipfile

    scene = box.scene("s.tif")
    with zipfile.ZipFile(box.inputs / "z.zip", "w") as archive:
        archive.write(scene, "s.tif")
    return box.mask(f"/vsizip/{box.inputs}/z.zip/s.tif")


@refused(3, "no such file|not a regular|cannot be opened")
def name_of_a_url(box: Box) -> Made:
    return box.mask(f"{box.sound.url}/scene.tif")


@refused(3, "no such file|not a regular|cannot be opened")
def name_of_a_netcdf_part(box: Box) -> Made:
    return box.mask(f"GTIFF_DIR:1:{box.scene()}")


@refused(3, "no such file")
def name_of_a_curl_in_labels(box: Box) -> Made:
    return ["labels", f"/vsicurl/{box.sound.url}/q.tif", "--like", box.scene(), "-o", box.out / "l.tif"]


@refused(3, "no such file")
def name_of_a_curl_in_compare(box: Box) -> Made:
    url = f"/vsicurl/{box.sound.url}/m.tif"
    return ["compare", url, url]


@refused(3, "expected|no such")
def name_of_a_curl_in_evaluate(box: Box) -> Made:
    box.scene("set/x.tif")
    url = f"/vsicurl/{box.sound.url}/points.gpkg"
    return ["evaluate", box.sound.model, url, "--scenes", box.inputs / "set", "-o", box.out / "r"]


@refused(3, "expected a GeoPackage")
def name_of_a_geopackage_that_is_a_vrt(box: Box) -> Made:
    """OGR knows a VRT by its content, whatever its name, and fetches what it names."""
    box.scene("set/x.tif")
    source = f"<SrcDataSource>/vsicurl/{box.sound.url}/x.geojson</SrcDataSource>"
    text = f'<OGRVRTDataSource><OGRVRTLayer name="x">{source}</OGRVRTLayer></OGRVRTDataSource>'
    path = box.write("points.gpkg", text)
    return ["evaluate", box.sound.model, path, "--scenes", box.inputs / "set", "-o", box.out / "r"]


@refused(3, "does not start as a TIFF")
def name_of_a_tiff_that_is_a_vrt(box: Box) -> Made:
    source = f"<SourceFilename>/vsicurl/{box.sound.url}/x.tif</SourceFilename>"
    band = f'<VRTRasterBand dataType="UInt16" band="1"><SimpleSource>{source}</SimpleSource></VRTRasterBand>'
    return box.mask(box.write("v.tif", f'<VRTDataset rasterXSize="9" rasterYSize="9">{band}</VRTDataset>'))


@refused(3, "/vsicurl/.*no such file", named=False)
def name_of_a_curl_in_a_list(box: Box) -> Made:
    path = box.write("list.txt", f"/vsicurl/{box.sound.url}/a.tif\n")
    return ["mask", path, "--out-dir", box.out, "--model", box.sound.model]


@refused(3, "cannot be read|not a regular")
def name_of_a_list_that_is_a_fifo(box: Box) -> Made:
    os.mkfifo(box.inputs / "list.txt")
    return ["mask", box.inputs / "list.txt", "--out-dir", box.out, "--model", box.sound.model]


@refused(3, "cannot be read|not a regular")
def name_of_a_list_without_end(box: Box) -> Made:
    (box.inputs / "list.txt").symlink_to("/dev/zero")
    return ["mask", box.inputs / "list.txt", "--out-dir", box.out, "--model", box.sound.model]


@refused(3, "no text")
def name_of_a_list_that_is_binary(box: Box) -> Made:
    path = box.write("list.txt", bytes(range(128, 256)) * 10)
    return ["mask", path, "--out-dir", box.out, "--model", box.sound.model]
