"""What lies beside a scene: XML, manifests, areas, points, scenes that change while they are read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from tests.hostile.box import SR, Box, mask_is_of, small_dn
from tests.hostile.case import Made, accepted, refused
from tests.hostile.cases.catalogues import XML_BOMB

RADIANCE = SR.replace("_SR", "")
XML = RADIANCE.replace(".tif", "_metadata.xml")


def radiance(box: Box, xml: str | bytes) -> list[object]:
    """The command that masks radiance, for which an XML has the coefficients."""
    box.write(XML, xml)
    return box.mask(box.scene(RADIANCE))


@refused(3, "needs its XML")
def xml_that_is_missing(box: Box) -> Made:
    return box.mask(box.scene(RADIANCE))


@refused(3, "document type", named=False)
def xml_of_a_billion_laughs(box: Box) -> Made:
    return radiance(box, XML_BOMB + "]><a>&j;</a>")


@refused(3, "document type", named=False)
def xml_of_a_billion_laughs_in_utf_16(box: Box) -> Made:
    """No search for bytes finds the document type of this one."""
    text = XML_BOMB.replace('"1.0"', '"1.0" encoding="UTF-16"', 1) + "]><a>&j;</a>"
    return radiance(box, text.encode("utf-16"))


@refused(3, "document type", named=False)
def xml_that_names_a_file(box: Box) -> Made:
    return radiance(box, '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>')


@refused(3, "document type", named=False)
def xml_that_names_a_network(box: Box) -> Made:
    return radiance(box, f'<!DOCTYPE a SYSTEM "{box.sound.url}/a.dtd"><a/>')


@refused(3, "reflectanceCoefficient", named=False)
def xml_without_coefficients(box: Box) -> Made:
    return radiance(box, "<a><b/></a>")


@refused(3, "not readable as Planet metadata", named=False)
def xml_cut_short(box: Box) -> Made:
    return radiance(box, "<a><b>")


@refused(3, "coefficient|metadata", named=False)
def xml_of_deep_nesting(box: Box) -> Made:
    return radiance(box, "<a>" * 100_000 + "</a>" * 100_000)


@refused(3, "coefficient|not readable", named=False)
def xml_of_coefficients_that_are_no_numbers(box: Box) -> Made:
    band = "<x:bandSpecificMetadata><bandNumber>{}</bandNumber><reflectanceCoefficient>nan"
    bands = "".join(
        f"{band.format(n)}</reflectanceCoefficient></x:bandSpecificMetadata>" for n in range(1, 5)
    )
    return radiance(box, f'<a xmlns:x="y">{bands}</a>')


@refused(3, "not a regular file|needs its XML", named=False)
def xml_that_is_a_fifo(box: Box) -> Made:
    os.mkfifo(box.inputs / XML)
    return box.mask(box.scene(RADIANCE))


def _order(box: Box, content: object) -> list[object]:
    """A folder with a manifest, to be masked as a whole."""
    box.scene(f"order/{SR}")
    box.json("order/manifest.json", content)
    return ["mask", box.inputs / "order", "--out-dir", box.out, "--model", box.sound.model]


@refused(3, "manifest", named=False)
def manifest_that_is_a_list(box: Box) -> Made:
    return _order(box, [1, 2, 3])


@refused(3, "manifest", named=False)
def manifest_of_another_digest(box: Box) -> Made:
    return _order(box, {"files": [{"path": SR, "digests": {"sha256": "0" * 64}}]})


@refused(3, "manifest", named=False)
def manifest_of_deep_nesting(box: Box) -> Made:
    command = _order(box, {})
    box.write("order/manifest.json", "[" * 200_000)
    return command


@accepted()
def manifest_that_lists_files_elsewhere(box: Box) -> Made:
    """An entry outside of the order is left out: nothing there is read."""
    return _order(box, {"files": [{"path": "../../../../../dev/zero", "digests": {"md5": "0"}}]})


@refused(3, "manifest|digest|sha|not readable", named=False)
def manifest_of_digests_of_other_types(box: Box) -> Made:
    return _order(box, {"files": [{"path": SR, "size": "x", "digests": {"sha256": [1]}}]})


def area(box: Box, content: str | bytes) -> list[object]:
    """The command that counts inside of an area."""
    return box.mask(box.scene(), "--aoi", box.write("aoi.geojson", content))


def polygon(ring: object) -> str:
    """A polygon as GeoJSON."""
    return json.dumps({"type": "Polygon", "coordinates": [ring]})


@refused(3, "JSON")
def area_that_is_no_json(box: Box) -> Made:
    return area(box, b"\xff\xfe\x00nothing")


@refused(3, "JSON")
def area_of_deep_json(box: Box) -> Made:
    return area(box, '{"features":[' + '{"geometry":' * 100_000)


@refused(3, "polygon|nested|expected")
def area_of_deep_collections(box: Box) -> Made:
    """Valid JSON, whose collections hold collections."""
    text = '{"type":"GeometryCollection","geometries":['
    return area(box, text * 450 + "]}" * 450)


@refused(3, "expected rings")
def area_of_empty_rings(box: Box) -> Made:
    return area(box, polygon([]))


@refused(3, "expected rings")
def area_of_text_for_numbers(box: Box) -> Made:
    return area(box, polygon([["a", "b"]] * 5))


@refused(3, "expected rings")
def area_of_numbers_off_the_earth(box: Box) -> Made:
    return area(box, polygon([[1e300, 1e300], [1e300, 0], [0, 0], [1e300, 1e300]]))


@refused(3, "expected rings|nan|finite")
def area_of_nan(box: Box) -> Made:
    return area(box, '{"type":"Polygon","coordinates":[[[NaN,1],[2,NaN],[3,4],[NaN,1]]]}')


@refused(3, "not a regular file")
def area_that_is_a_fifo(box: Box) -> Made:
    os.mkfifo(box.inputs / "aoi.geojson")
    return box.mask(box.scene(), "--aoi", box.inputs / "aoi.geojson")


@refused(3, "not a regular file")
def area_without_end(box: Box) -> Made:
    (box.inputs / "aoi.geojson").symlink_to("/dev/zero")
    return box.mask(box.scene(), "--aoi", box.inputs / "aoi.geojson")


@accepted(mask_is_of(), warns="outside_aoi")
def area_elsewhere(box: Box) -> Made:
    return area(box, polygon([[10, 50], [11, 50], [11, 51], [10, 50]]))


@accepted(mask_is_of())
def area_of_a_bow_tie(box: Box) -> Made:
    return area(box, polygon([[-160, 71], [-158, 72], [-158, 71], [-160, 72], [-160, 71]]))


@accepted(mask_is_of())
def area_of_a_hundred_thousand_corners(box: Box) -> Made:
    angles = np.linspace(0, 2 * np.pi, 100_000)
    ring = np.stack([-159 + np.cos(angles), 71.2 + 0.5 * np.sin(angles)], 1).round(7).tolist()
    return area(box, polygon([*ring, ring[0]]))


def _mask_while(scene: str, output: str, model: str, change: str) -> None:
    """Mask a scene, and change it once its first rows are done."""
    from catfast.mask import MaskConfig, mask_scene

    path, done = Path(scene), []

    def progress(rows: int, of: int) -> None:
        if not done:
            done.append(rows)
            size = path.stat().st_size
            if change == "shrinks":
                os.truncate(path, size // 8)
            elif change == "changes":
                with path.open("rb+") as file:
                    file.seek(size - size // 4)
                    file.write(b"\x55" * (size // 8))
            else:
                other = path.with_name("other.tif")
                other.replace(path)

    mask_scene(scene, output, MaskConfig(model=model, batch_size=1, threads=1), progress=progress)


def _tall(box: Box, name: str = SR, **more: int) -> Path:
    """A scene of so many rows that it is not read at once; its blocks carry no checksum."""
    dn = np.tile(small_dn(128, **more), (1, 40, 1))
    return box.scene(name, dn, compress="lzw", blockxsize=128, blockysize=16)


def _while(box: Box, change: str) -> list[object]:
    return [_mask_while, str(_tall(box)), str(box.out / "m.tif"), str(box.sound.model), change]


CHANGED = "changed while it was read|cannot be read|damaged|truncated"


@refused(3, CHANGED, changes=True)
def scene_that_shrinks_while_it_is_read(box: Box) -> Made:
    return _while(box, "shrinks")


@refused(3, CHANGED, changes=True)
def scene_that_changes_while_it_is_read(box: Box) -> Made:
    return _while(box, "changes")


@refused(3, CHANGED, changes=True)
def scene_that_is_replaced_while_it_is_read(box: Box) -> Made:
    _tall(box, "other.tif", seed=4)
    return _while(box, "replaced")
