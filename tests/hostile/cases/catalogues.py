"""Lists of scenes, broken, odd or too much: JSON, CSV, Parquet and XML in ``catalog`` and ``pairs``."""

from __future__ import annotations

import gzip
import json
import os
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from tests.hostile.box import Box
from tests.hostile.case import Made, accepted, refused

ID = "20230714_144824_59_2414"
RING = [[-50.78, 67.15], [-50.75, 67.15], [-50.75, 67.16], [-50.78, 67.16], [-50.78, 67.15]]
BOW_TIE = [[-50.78, 67.15], [-50.75, 67.16], [-50.75, 67.15], [-50.78, 67.16], [-50.78, 67.15]]


def item(name: str = ID, acquired: object = "2023-07-14T14:48:24Z", ring: object = RING) -> dict[str, Any]:
    """An item of Planet's Data API."""
    return {
        "type": "Feature",
        "id": name,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"acquired": acquired, "item_type": "PSScene", "cloud_cover": 0.1},
    }


def listed(*items: object) -> dict[str, object]:
    """A page of items."""
    return {"type": "FeatureCollection", "features": list(items)}


def catalog(box: Box, source: object, *more: object) -> list[object]:
    """The command that catalogues PlanetScope scenes."""
    return ["catalog", "planet", source, "-o", box.out / "c.parquet", *more]


def rows(path: Path) -> list[dict[str, Any]]:
    """Of a parquet file."""
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def _rows_are(count: int) -> Callable[[Box], None]:
    def check(box: Box) -> None:
        found = rows(box.out / "c.parquet")
        assert len(found) == count
        assert all(shapely.from_wkb(row["geometry"]).is_valid for row in found)

    return check


@accepted(_rows_are(1))
def catalog_of_a_sound_item(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item())))


@refused(3, "no such|found nothing|expected a file or a folder")
def catalog_of_nothing(box: Box) -> Made:
    return catalog(box, box.inputs / "none.json")


@refused(3, "expected a file or a folder|not a regular")
def catalog_of_a_fifo(box: Box) -> Made:
    os.mkfifo(box.inputs / "pipe.json")
    return catalog(box, box.inputs / "pipe.json")


@refused(3, "expected a file or a folder|not a regular")
def catalog_of_dev_zero(box: Box) -> Made:
    return catalog(box, "/dev/zero")


@refused(3, "no scene|none|empty|expected")
def catalog_of_an_empty_file(box: Box) -> Made:
    return catalog(box, box.write("x.json", b""))


@refused(3, "JSON")
def catalog_of_json_cut_short(box: Box) -> Made:
    return catalog(box, box.write("x.json", json.dumps(listed(item(), item()))[:-30]))


@refused(3, "JSON|nested|deep")
def catalog_of_deeply_nested_json(box: Box) -> Made:
    return catalog(box, box.write("x.json", '{"features": [' + "[" * 300_000))


@refused(3, "cannot be used|cannot be read|JSON")
def catalog_of_a_deeply_nested_feature(box: Box) -> Made:
    deep = "[" * 900 + "]" * 900
    return catalog(box, box.write("x.json", json.dumps(item(ring="deep")).replace('["deep"]', deep)))


@refused(3, "rejected|no scene|usable|none|numbers|JSON")
def catalog_of_a_number_of_a_million_digits(box: Box) -> Made:
    text = json.dumps(item()).replace("0.1", "1" * 1_000_000)
    return catalog(box, box.write("x.json", text))


@accepted(_rows_are(1), warns="rejected_duplicate")
def catalog_of_one_id_three_times(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(), item(), item())))


@accepted(_rows_are(1), warns=r"naive\w*|time\w*|no_zone|assumed_utc")
def catalog_of_times_without_a_zone(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(acquired="2023-07-14T14:48:24"))))


@refused(3, "time|rejected|no scene|usable")
def catalog_of_null_times(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(acquired=None))))


@refused(3, "time|rejected|no scene|usable")
def catalog_of_times_in_the_far_future(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(acquired="9999-12-31T23:59:59Z"))))


@refused(3, "time|rejected|no scene|usable")
def catalog_of_times_before_landsat(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(acquired="0001-01-01T00:00:00Z"))))


@refused(3, "time|rejected|no scene|usable")
def catalog_of_times_that_are_lists(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(acquired=[2023, 7, 14]))))


@accepted(_rows_are(1))
def catalog_of_a_bow_tie(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(ring=BOW_TIE))))


@refused(3, "footprint|geometry|rejected|no scene|usable")
def catalog_of_empty_footprints(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(ring=[]))))


@refused(3, "footprint|geometry|rejected|no scene|usable")
def catalog_of_footprints_of_no_area(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(ring=[RING[0]] * 5))))


@refused(3, "footprint|geometry|rejected|no scene|usable")
def catalog_of_footprints_off_the_earth(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(ring=[[x * 1e9, y] for x, y in RING]))))


@refused(3, "footprint|geometry|rejected|no scene|usable")
def catalog_of_footprints_of_text(box: Box) -> Made:
    return catalog(box, box.json("x.json", listed(item(ring="here"))))


@accepted(_rows_are(1))
def catalog_of_a_footprint_of_a_million_corners(box: Box) -> Made:
    side = [[-50.78 + 0.03 * i / 250_000, 67.15] for i in range(250_000)]
    return catalog(box, box.json("x.json", listed(item(ring=[*side, *RING[1:]]))))


@accepted(_rows_are(1))
def catalog_of_one_good_row_among_bad_ones(box: Box) -> Made:
    bad = [item(acquired=None), 7, "x", [], {}, {"type": "Feature"}, item(name=""), None]
    return catalog(box, box.json("x.json", listed(*bad, item())))


@refused(3, "JSON|cannot be read|large|long|ended")
def catalog_of_a_gzip_bomb(box: Box) -> Made:
    """A gigabyte of blanks in a megabyte: no feature is so long."""
    path = box.inputs / "x.json.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(b'{"features": [{"id": "')
        for _ in range(600):
            file.write(b"x" * (1 << 20))
    return catalog(box, path)


@refused(3, "cannot be read|expected|ended")
def catalog_of_a_broken_gzip(box: Box) -> Made:
    whole = gzip.compress(json.dumps(listed(item())).encode())
    return catalog(box, box.write("x.json.gz", whole[: len(whole) // 2]))


@refused(3, "column|expected|CSV|field")
def catalog_of_a_csv_with_one_endless_field(box: Box) -> Made:
    return catalog(box, box.write("x.csv", "id,time,geometry\n" + '"' + "x" * 5_000_000))


@refused(3, "column|expected")
def catalog_of_a_csv_of_null_bytes(box: Box) -> Made:
    return catalog(box, box.write("x.csv", bytes(100_000)))


XML_BOMB = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">' for i in range(9)
)


@refused(3, "document type|rejected|no scene|usable")
def catalog_of_a_billion_laughs(box: Box) -> Made:
    return catalog(box, box.write(f"{ID}_3B_AnalyticMS_metadata.xml", XML_BOMB + "]><a>&j;</a>"))


@refused(3, "document type|rejected|no scene|usable")
def catalog_of_an_xml_that_names_a_file(box: Box) -> Made:
    text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>'
    return catalog(box, box.write(f"{ID}_3B_AnalyticMS_metadata.xml", text))


@refused(3, "XML|rejected|no scene|usable|metadata")
def catalog_of_an_xml_of_another_encoding(box: Box) -> Made:
    """In UTF-16 no byte search finds the document type."""
    text = XML_BOMB.replace('"1.0"', '"1.0" encoding="UTF-16"', 1) + "]><a>&j;</a>"
    return catalog(box, box.write(f"{ID}_3B_AnalyticMS_metadata.xml", text.encode("utf-16")))


@refused(3, "XML|rejected|no scene|usable|metadata")
def catalog_of_a_deeply_nested_xml(box: Box) -> Made:
    text = "<a>" * 200_000 + "</a>" * 200_000
    return catalog(box, box.write(f"{ID}_3B_AnalyticMS_metadata.xml", text))


@refused(3, "parquet")
def catalog_of_parquet_with_a_broken_footer(box: Box) -> Made:
    return catalog(box, broken_footer(box, "planet.parquet"))


@refused(3, "parquet")
def catalog_of_parquet_without_its_end(box: Box) -> Made:
    whole = (box.sound.folder / "planet.parquet").read_bytes()
    return catalog(box, box.write("x.parquet", whole[: len(whole) // 2]))


@refused(3, "parquet")
def catalog_of_parquet_with_a_footer_of_4_gigabytes(box: Box) -> Made:
    whole = (box.sound.folder / "planet.parquet").read_bytes()
    return catalog(box, box.write("x.parquet", whole[:-8] + b"\xff\xff\xff\x7fPAR1"))


def broken_footer(box: Box, name: str) -> Path:
    """A sound parquet file whose last part is noise, but for its length and magic."""
    whole = (box.sound.folder / name).read_bytes()
    (length,) = struct.unpack("<I", whole[-8:-4])
    return box.write("broken.parquet", whole[: -8 - length] + b"\xa7" * length + whole[-8:])


def changed(box: Box, name: str, change: Callable[[pa.Table], pa.Table]) -> Path:
    """A sound parquet file, with another table in it."""
    path = box.take(name)
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)
    return path


@refused(3, "columns")
def catalog_of_parquet_without_columns(box: Box) -> Made:
    return catalog(box, changed(box, "planet.parquet", lambda t: t.drop_columns(["acquired", "platform"])))


@refused(3, "broken|rejected|no scene|usable|time")
def catalog_of_parquet_with_times_as_text(box: Box) -> Made:
    def spoil(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("acquired")
        return table.set_column(place, "acquired", pa.array(["soon"] * len(table)))

    return catalog(box, changed(box, "planet.parquet", spoil))


@refused(3, "geo metadata|GeoParquet")
def catalog_of_parquet_that_is_not_geo(box: Box) -> Made:
    path = box.take("planet.parquet")
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    return catalog(box, path)


def pairs(box: Box, planet: object, landsat: object | None = None, *more: object) -> list[object]:
    """The command that pairs two catalogues."""
    landsat = landsat or box.sound.folder / "landsat.parquet"
    return ["pairs", planet, landsat, "-o", box.out / "p.parquet", *more]


def _first_pair_is(seconds: float | None) -> Callable[[Box], None]:
    def check(box: Box) -> None:
        found = [row["dt_s"] for row in rows(box.out / "p.parquet") if row["ps_id"] == ID]
        assert found == ([] if seconds is None else [seconds])

    return check


def _apart(box: Box, apart: timedelta) -> Path:
    """The PlanetScope catalogue, with its first scene so long after Landsat's."""
    landsat = {row["wrs_path"]: row["acquired"] for row in rows(box.sound.folder / "landsat.parquet")}

    def change(table: pa.Table) -> pa.Table:
        times = [
            landsat[7] + apart if row["scene_id"] == ID else row["acquired"] for row in table.to_pylist()
        ]
        place = table.schema.get_field_index("acquired")
        return table.set_column(
            place, table.schema.field(place), pa.array(times, table.schema.field(place).type)
        )

    return changed(box, "planet.parquet", change)


@accepted(_first_pair_is(30.0))
def pairs_at_exactly_30_seconds(box: Box) -> Made:
    return pairs(box, _apart(box, timedelta(seconds=30)))


@accepted(_first_pair_is(-30.0))
def pairs_at_exactly_30_seconds_before(box: Box) -> Made:
    return pairs(box, _apart(box, timedelta(seconds=-30)))


@accepted(_first_pair_is(None))
def pairs_a_millisecond_later(box: Box) -> Made:
    return pairs(box, _apart(box, timedelta(seconds=30, milliseconds=1)))


@accepted(_first_pair_is(None))
def pairs_in_the_far_future(box: Box) -> Made:
    return pairs(box, _apart(box, datetime(2099, 12, 31, tzinfo=UTC) - datetime(2023, 7, 14, tzinfo=UTC)))


@refused(3, "parquet")
def pairs_with_a_broken_footer(box: Box) -> Made:
    return pairs(box, broken_footer(box, "planet.parquet"))


@refused(3, "column")
def pairs_without_columns(box: Box) -> Made:
    return pairs(box, changed(box, "planet.parquet", lambda table: table.drop_columns(["acquired"])))


@refused(3, "expected|catalogue|CSV|parquet")
def pairs_of_text(box: Box) -> Made:
    return pairs(box, box.write("x.parquet", "hello"))


@refused(3, "regular|no such|expected")
def pairs_of_a_fifo(box: Box) -> Made:
    os.mkfifo(box.inputs / "x.parquet")
    return pairs(box, box.inputs / "x.parquet")


@refused(3, "Landsat|PlanetScope|kind|landsat|planet")
def pairs_of_two_planet_catalogues(box: Box) -> Made:
    path = box.take("planet.parquet")
    return pairs(box, path, path)


@refused(3, "every scene once, found one twice")
def pairs_of_duplicate_ids(box: Box) -> Made:
    return pairs(box, changed(box, "planet.parquet", lambda table: pa.concat_tables([table, table])))


@refused(3, "geometry|footprint|WKB|usable|scene")
def pairs_of_broken_footprints(box: Box) -> Made:
    def spoil(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("geometry")
        return table.set_column(
            place, table.schema.field(place), pa.array([b"\x01\x03junk"] * len(table), pa.binary())
        )

    return pairs(box, changed(box, "planet.parquet", spoil))


@refused(4, "is an input")
def pairs_over_their_own_catalogue(box: Box) -> Made:
    path = box.take("planet.parquet")
    return ["pairs", path, box.sound.folder / "landsat.parquet", "-o", path]
