"""Every kind of file that a catalogue is made of, written here as its provider writes it."""

from __future__ import annotations

import csv
import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely

from catfast.catalog import CatalogConfig, build, describe
from catfast.errors import InputError, OutputError, UsageError
from tests.scenes import TO_PLANE, planet_item, rows, square, to_degrees, write_catalogue

HERE = to_degrees(square(-50, 67))
WHEN = "2023-07-14T14:48:24.593901Z"
IDS = [f"20230714_14482{index}_59_2414" for index in range(5)]
ITEMS = [planet_item(scene_id, WHEN, HERE) for scene_id in IDS]
PRODUCT = "LC08_L1TP_007013_20230714_20230725_02_T1"


def made(kind: str, source: Path, **options: object) -> list[dict]:
    output = source.parent / f"{kind}.parquet"
    build(kind, [source], output, CatalogConfig(**options))
    return rows(output)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def to_plane(shape: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(shape, lambda xy: np.column_stack(TO_PLANE.transform(xy[:, 0], xy[:, 1])))


def table(path: Path, entries: list[dict]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, entries[0])
        writer.writeheader()
        writer.writerows(entries)
    return path


PAGE = {"_links": {"_next": "x"}, "features": ITEMS, "type": "FeatureCollection"}
LAYOUTS = {
    "page.json": json.dumps(PAGE),
    "indented.json": json.dumps(PAGE, indent=2),
    "list.json": json.dumps(ITEMS),
    "lines.jsonl": "\n".join(map(json.dumps, ITEMS)),
    "blank.ndjson": "\n\n".join(map(json.dumps, ITEMS)) + "\n\n",
    "bom.json": "\ufeff" + json.dumps(PAGE),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_planet_items_in_every_layout(tmp_path, name):
    found = made("planet", written(tmp_path, name, LAYOUTS[name]))
    assert [row["scene_id"] for row in found] == IDS
    assert found[0]["acquired"] == datetime(2023, 7, 14, 14, 48, 24, 594_000, UTC)
    assert found[0]["platform"] == "planetscope"
    assert found[0]["instrument"] == "PSB.SD"
    assert found[0]["cloud_cover"] == 25
    assert shapely.from_wkb(found[0]["geometry"]).equals_exact(square(-50, 67), 1e-3, normalize=True)


def test_pages_of_many_pages(tmp_path):
    """Longer than what is read at once, in small batches: nothing is lost at the seams."""
    ids = [f"20230714_{index:06d}_59_2414" for index in range(3000)]
    page = json.dumps({"features": [planet_item(scene_id, WHEN, HERE) for scene_id in ids]})
    assert len(page) > 1 << 20
    found = made("planet", written(tmp_path, "long.json", page), batch_size=700)
    assert [row["scene_id"] for row in found] == ids


def test_one_item(tmp_path):
    assert len(made("planet", written(tmp_path, "item.json", json.dumps(ITEMS[0], indent=1)))) == 1


def test_a_folder_gives_each_kind_its_own(tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    written(folder, f"{IDS[0]}_metadata.json", json.dumps(ITEMS[0]))
    written(folder, f"{IDS[0]}_3B_AnalyticMS_SR.tif", "")
    written(folder, "manifest.json", json.dumps({"name": "", "files": [{"path": "x"}]}))
    written(folder, "broken.json", "{")
    mtl = {"LANDSAT_METADATA_FILE": {"A": {"LANDSAT_PRODUCT_ID": PRODUCT}, "B": {"CLOUD_COVER": "46.36"}}}
    mtl["LANDSAT_METADATA_FILE"]["B"] |= {
        "DATE_ACQUIRED": "2023-07-14",
        "SCENE_CENTER_TIME": "14:48:09.8718430Z",
    }
    written(folder, f"{PRODUCT}_MTL.json", json.dumps(mtl))
    written(folder, f"{PRODUCT}_B2.TIF", "")
    (planet,) = made("planet", folder)
    assert (planet["scene_id"], planet["path"]) == (IDS[0], str(folder))
    (landsat,) = made("landsat", folder)
    assert (landsat["scene_id"], landsat["path"]) == (PRODUCT, str(folder))
    assert (landsat["wrs_path"], landsat["wrs_row"], landsat["cloud_cover"]) == (7, 13, 46.36)
    assert landsat["acquired"] == datetime(2023, 7, 14, 14, 48, 9, 872_000, UTC)
    assert shapely.from_wkb(landsat["geometry"]).area == pytest.approx(185e3 * 180e3, rel=0.02)


MTL_TXT = """GROUP = LANDSAT_METADATA_FILE
  GROUP = PRODUCT_CONTENTS
    LANDSAT_PRODUCT_ID = "{product}"
  END_GROUP = PRODUCT_CONTENTS
  GROUP = IMAGE_ATTRIBUTES
    DATE_ACQUIRED = 2023-07-14
    SCENE_CENTER_TIME = "14:48:09.8718430Z"
    CLOUD_COVER = 46.36
  END_GROUP = IMAGE_ATTRIBUTES
  GROUP = LEVEL1_PROCESSING_RECORD
    LANDSAT_PRODUCT_ID = "LC08_L1TP_007013_20230714_20230724_02_T1"
  END_GROUP = LEVEL1_PROCESSING_RECORD
END_GROUP = LANDSAT_METADATA_FILE
END
"""


def mtl_xml(text: str) -> str:
    """The same as USGS writes it in XML."""
    text = re.sub(r'(\w+) = "?(.*?)"?\n', r"<\1>\2</\1>\n", text.removesuffix("END\n"))
    return re.sub(r"<(END_)?GROUP>(\w+)</\1?GROUP>", lambda m: f"<{'/' if m[1] else ''}{m[2]}>", text)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("suffix", [".txt", ".xml", ".TXT"])
def test_products_by_any_of_their_mtl_files(tmp_path, suffix, lower):
    folder = tmp_path / "scenes"
    folder.mkdir()
    text = MTL_TXT.format(product=PRODUCT)
    name, image = f"{PRODUCT}_MTL{suffix}", f"{PRODUCT}_QA_PIXEL.TIF"
    mtl = written(folder, name.lower() if lower else name, mtl_xml(text) if suffix == ".xml" else text)
    written(folder, image.lower() if lower else image, "")
    (found,) = made("landsat", folder)
    assert (found["scene_id"], found["cloud_cover"], found["path"]) == (PRODUCT, 46.36, str(folder))
    assert found["acquired"] == datetime(2023, 7, 14, 14, 48, 9, 872_000, UTC)
    assert [row["scene_id"] for row in made("landsat", mtl)] == [PRODUCT]


XML = """<?xml version="1.0"?>
<ps:EarthObservation xmlns:ps="http://schemas.planet.com/ps" xmlns:gml="http://www.opengis.net/gml">
  <identifier>{scene_id}_3B_AnalyticMS</identifier>
  <Platform><shortName>PlanetScope</shortName></Platform>
  <Instrument><shortName>PSB.SD</shortName></Instrument>
  <ps:illuminationElevationAngle>4.436e+01</ps:illuminationElevationAngle>
  <ps:acquisitionDateTime>{when}</ps:acquisitionDateTime>
  <gml:coordinates>{places}</gml:coordinates>
  <cloudCoverPercentage>46.5</cloudCoverPercentage>
</ps:EarthObservation>
"""
PLACES = " ".join(f"{lon!r},{lat!r}" for lon, lat in HERE.exterior.coords)


def xml(folder: Path, scene_id: str, marks: str = "AnalyticMS", **changes: str) -> Path:
    given = {"scene_id": scene_id, "when": "2023-07-14T14:48:20+00:00", "places": PLACES, **changes}
    return written(folder, f"{scene_id}_3B_{marks}_metadata.xml", XML.format(**given))


def test_a_folder_of_scenes_with_their_xml_only(tmp_path):
    """One row a scene, however many XMLs; where there is JSON too, that one is read."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    xml(folder, IDS[0])
    xml(folder, IDS[0], "AnalyticMS_8b")
    xml(folder, IDS[1])
    xml(folder, IDS[2], "Visual")
    written(folder, f"{IDS[1]}_metadata.json", json.dumps(ITEMS[1]))
    written(folder, f"{IDS[0]}_3B_AnalyticMS.tif", "")
    written(folder, "other.xml", "<a/>")
    found = {row["scene_id"]: row for row in made("planet", folder)}
    assert sorted(found) == IDS[:3]
    scene = found[IDS[0]]
    assert scene["acquired"] == datetime(2023, 7, 14, 14, 48, 20, 590_000, UTC)
    assert (scene["cloud_cover"], scene["sun_elevation"], scene["instrument"]) == (46.5, 44.36, "PSB.SD")
    assert shapely.from_wkb(scene["geometry"]).equals_exact(square(-50, 67), 1e-3, normalize=True)
    assert (scene["path"], found[IDS[1]]["cloud_cover"]) == (str(folder), 25)
    with pytest.raises(InputError, match="1 of the other kind only"):
        made("landsat", folder)


def test_one_xml_and_what_is_none(tmp_path):
    assert made("planet", xml(tmp_path, IDS[0]))[0]["scene_id"] == IDS[0]
    for changes, reason in (({"when": ""}, "no_time"), ({"places": "x"}, "no_geometry")):
        source, rejects = xml(tmp_path, IDS[0], **changes), tmp_path / "rejects.csv"
        with pytest.raises(InputError, match=IDS[0]):
            made("planet", source, rejects=rejects)
        assert rejects.read_text().splitlines()[1].split(",")[2:4] == [IDS[0], reason]
    with pytest.raises(InputError, match="document type"):
        made("planet", written(tmp_path, "x.xml", "<!DOCTYPE x><x/>"))


BULK = {
    "Display ID": PRODUCT,
    "Landsat Product Identifier L1": PRODUCT,
    "WRS Path": "7",
    "WRS Row": " 013",
    "Date Acquired": "2023/07/14",
    "Start Time": "2023:195:14:47:57.5",
    "Stop Time": "2023:195:14:48:22.5",
    "Scene Cloud Cover L1": "46.36",
    "Sun Elevation L0RA": "44.36",
    "Sensor Identifier": "OLI_TIRS",
    "Satellite": "8",
}
CORNERS = {
    "Upper Left": (-52, 68),
    "Upper Right": (-48, 68),
    "Lower Right": (-48, 66),
    "Lower Left": (-52, 66),
}
BULK |= {f"Corner {corner} Latitude": lat for corner, (_, lat) in CORNERS.items()}
BULK |= {f"Corner {corner} Longitude": lon for corner, (lon, _) in CORNERS.items()}
EARTH_ENGINE = {
    "system:index": "LC08_007013_20230714",
    "CLOUD_COVER": "46.36",
    "SUN_ELEVATION": "44.36",
    "WRS_PATH": "7",
    "WRS_ROW": "13",
    "system:time_start": "1689346090000",
    ".geo": '{"type":"Polygon","coordinates":[[[-52,68],[-48,68],[-48,66],[-52,66],[-52,68]]]}',
}


@pytest.mark.parametrize("entry", [BULK, EARTH_ENGINE], ids=["usgs", "earth engine"])
def test_csvs_of_landsat(tmp_path, entry):
    (found,) = made("landsat", table(tmp_path / "scenes.csv", [entry]))
    assert found["scene_id"].startswith("LC08_")
    assert found["acquired"] == datetime(2023, 7, 14, 14, 48, 10, 0, UTC)
    assert (found["platform"], found["instrument"]) == ("landsat-8", "oli,tirs")
    assert (found["wrs_path"], found["wrs_row"]) == (7, 13)
    assert (found["cloud_cover"], found["sun_elevation"]) == (46.36, 44.36)
    west, _, east, _ = to_degrees(shapely.from_wkb(found["geometry"])).bounds
    assert (west, east) == pytest.approx((-52, -48))


ENGINE = {
    "system:index": "LC08_007013_20230714",
    "system:time_start": "1.689346089872E12",
    "WRS_PATH": "7",
    "WRS_ROW": "13",
}
RING = list(map(list, HERE.exterior.coords))


@pytest.mark.parametrize(
    ("geometry", "area"),
    [
        ({"type": "Polygon", "coordinates": [RING]}, 4e8),
        ({"type": "LinearRing", "coordinates": RING}, 4e8),
        ({"type": "MultiPoint", "coordinates": []}, 185e3 * 180e3),
    ],
)
def test_earth_engine_as_it_exports(tmp_path, geometry, area):
    """Times in the digits of a double, rings, and features without a geometry."""
    (found,) = made("landsat", table(tmp_path / "x.csv", [ENGINE | {".geo": json.dumps(geometry)}]))
    assert found["acquired"] == datetime(2023, 7, 14, 14, 48, 9, 872_000, UTC)
    assert shapely.from_wkb(found["geometry"]).area == pytest.approx(area, rel=0.02)


@pytest.mark.parametrize(("start", "stop"), [("14:47:54.0", "14:48:25.0"), ("23:59:50", "00:00:21")])
def test_clock_times_of_start_and_stop(tmp_path, start, stop):
    named = {"Landsat Product Identifier L1": PRODUCT, "Date Acquired": "2023/07/14"}
    (found,) = made("landsat", table(tmp_path / "x.csv", [named | {"Start Time": start, "Stop Time": stop}]))
    first = datetime.fromisoformat(f"2023-07-14T{start}+00:00")
    assert found["acquired"] == first + timedelta(seconds=15.5)


def test_the_middle_of_a_span_of_stac(tmp_path):
    span = {"start_datetime": "2023-07-14T14:47:54Z", "end_datetime": "2023-07-14T14:48:25Z"}
    item = {"type": "Feature", "id": PRODUCT, "geometry": None, "properties": {"datetime": None, **span}}
    (found,) = made("landsat", written(tmp_path, "x.json", json.dumps(item)))
    assert found["acquired"] == datetime(2023, 7, 14, 14, 48, 9, 500_000, UTC)


def test_gzipped_csv_in_batches(tmp_path):
    entries = [
        BULK | {"Landsat Product Identifier L1": f"LC08_L1TP_007013_202307{day:02d}_20230725_02_T1"}
        for day in range(10, 30)
    ]
    plain = table(tmp_path / "scenes.csv", entries)
    zipped = tmp_path / "scenes.csv.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    assert made("landsat", zipped, batch_size=7) == made("landsat", plain)


def test_any_csv_by_its_columns(tmp_path):
    entries = [{"a": IDS[0], "b": "2023-07-14 14:48:24", "c": HERE.wkt}]
    path = table(tmp_path / "own.csv", entries)
    output = tmp_path / "x.parquet"
    result = build("planet", [path], output, CatalogConfig(id_col="a", time_col="b", geometry_col="c"))
    assert [notice.name for notice in result.warnings] == ["naive_time"]
    (found,) = rows(output)
    assert found["acquired"] == datetime(2023, 7, 14, 14, 48, 24, 0, UTC)


def test_stac_geoparquet(tmp_path):
    columns = {
        "id": ["LC09_L2SP_010012_20220129_02_T1"],
        "datetime": pa.array([datetime(2022, 1, 29, 15, 28, 34, 396428, UTC)], pa.timestamp("us", "UTC")),
        "geometry": [shapely.to_wkb(HERE)],
        "eo:cloud_cover": [21.12],
        "landsat:wrs_path": ["010"],
        "landsat:wrs_row": ["012"],
        "platform": ["landsat-9"],
        "instruments": [["oli", "tirs"]],
    }
    path = tmp_path / "stac.parquet"
    pq.write_table(pa.table(columns), path)
    (found,) = made("landsat", path)
    assert (found["platform"], found["wrs_path"], found["cloud_cover"]) == ("landsat-9", 10, 21.12)


NS = 1_689_346_104_593_901_777


@pytest.mark.parametrize(
    "acquired",
    [
        pa.array([NS, None, NS + 10**9], pa.timestamp("ns", "UTC")),
        pa.array([NS // 1000, None, NS // 1000 + 10**6], pa.timestamp("us")),
        pa.array([NS // 1000, None, NS // 1000 + 10**6], pa.timestamp("us", "America/Anchorage")),
        pa.array([WHEN, "yesterday", "2023-07-14T14:48:25.593901"]),
        pa.array([NS / 1e6, None, NS / 1e6 + 1e3]),
    ],
)
def test_info_of_times_of_any_type(tmp_path, acquired):
    """Finer than milliseconds, as geopandas writes them, text, numbers; sides of boxes in any order."""
    path = write_catalogue(tmp_path / "x.parquet", [square(-50, 67)] * 3, [0] * 3)
    sides = {"xmin": -2.0, "xmax": 5.0, "ymin": -7.0, "ymax": 11.0}
    boxes = pa.array([sides, None, {name: value * 2 for name, value in sides.items()}])
    table = pq.read_table(path).append_column("bbox", boxes)
    pq.write_table(table.set_column(2, "acquired", acquired), path)
    info = describe(path)
    first = datetime(2023, 7, 14, 14, 48, 24, 593_901, UTC)
    assert abs(info.first - first) < timedelta(milliseconds=1)
    assert info.last - info.first == timedelta(seconds=1)
    assert info.bounds == (-4, -14, 10, 22)


def test_info_of_no_time_at_all(tmp_path):
    path = write_catalogue(tmp_path / "x.parquet", [square(-50, 67)], [0])
    table = pq.read_table(path)
    pq.write_table(table.set_column(2, "acquired", pa.nulls(1, pa.timestamp("ms", "UTC"))), path)
    with pytest.raises(InputError, match="expected times in the column acquired, found none"):
        describe(path)


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
@pytest.mark.parametrize("shape", [HERE, shapely.MultiPolygon([HERE]), HERE - HERE.centroid.buffer(0.01)])
def test_encodings_of_geoparquet(tmp_path, encoding, shape):
    frame = geopandas.GeoDataFrame(
        {"scene_id": IDS, "platform": "planetscope", "acquired": datetime(2023, 7, 14, tzinfo=UTC)},
        geometry=[shape, None, *[shape] * 3],
        crs="OGC:CRS84",
    )
    frame.to_parquet(tmp_path / "x.parquet", geometry_encoding=encoding)
    found = made("planet", tmp_path / "x.parquet")
    assert [row["scene_id"] for row in found] == [IDS[0], *IDS[2:]]
    holes = len(shapely.get_parts(shape)[0].interiors)
    expected = shapely.Polygon(square(-50, 67).exterior, [] if not holes else [to_plane(shape).interiors[0]])
    for row in found:
        assert shapely.from_wkb(row["geometry"]).equals_exact(expected, 1e-3, normalize=True)


@pytest.mark.parametrize(
    "column", [[], "x", None, {"encoding": ["WKB"]}, {"encoding": "WKT"}, {"encoding": "point"}]
)
def test_geo_metadata_that_describe_nothing(tmp_path, column):
    path = write_catalogue(tmp_path / "x.parquet", [HERE], [0])
    geo = json.dumps({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}})
    pq.write_table(pq.read_table(path).replace_schema_metadata({"geo": geo}), path)
    with pytest.raises(InputError, match=r"x\.parquet: (its geo metadata|expected geometry as one of WKB)"):
        made("planet", path)


@pytest.mark.parametrize("ring", [[{"a": 1.0}], [{"x": 1.0, "y": None}], [[{"x": 1.0, "y": 67.0}]], [None]])
def test_native_footprints_that_are_none(tmp_path, ring):
    path = write_catalogue(tmp_path / "x.parquet", [HERE], [0], crs="OGC:CRS84")
    table = pq.read_table(path)
    meta = table.schema.metadata[b"geo"].replace(b"WKB", b"polygon")
    table = table.set_column(3, "geometry", pa.array([[ring]])).replace_schema_metadata({b"geo": meta})
    pq.write_table(table, path)
    with pytest.raises(InputError, match="found 1 rows that cannot be used"):
        made("planet", path)


def test_longitudes_of_another_datum(tmp_path):
    """NAD27 and WGS 84 lie 100 m apart in Alaska: PROJ says where."""
    place = to_degrees(square(-150, 70))
    path = write_catalogue(tmp_path / "x.parquet", [place], [1_689_346_090_000], ids=IDS[:1], crs="EPSG:4267")
    (found,) = made("planet", path)
    way = pyproj.Transformer.from_crs("EPSG:4267", "EPSG:6931", always_xy=True)
    expected = shapely.transform(place, lambda xy: np.column_stack(way.transform(xy[:, 0], xy[:, 1])))
    assert expected.hausdorff_distance(square(-150, 70)) > 50
    assert shapely.from_wkb(found["geometry"]).equals_exact(expected, 1e-3, normalize=True)
    assert describe(path).crs == "NAD27"


def test_geoparquet_in_another_crs(tmp_path):
    utm = square(-50, 67)
    other = shapely.transform(utm, lambda xy: xy)
    path = write_catalogue(tmp_path / "x.parquet", [other], [1_689_346_090_000], ids=IDS[:1])
    (found,) = made("planet", path)
    assert shapely.from_wkb(found["geometry"]).equals_exact(utm, 1e-6, normalize=True)
    info = describe(tmp_path / "planet.parquet")
    assert (info.scenes, info.platforms) == (1, {"planetscope": 1})


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array([7, 0, None]), ["7", "0"]),
        (pa.array([b"a", None, b"b"]), ["a", "b"]),
        (pa.array(["a", "", "b"]), ["a", "b"]),
    ],
)
def test_ids_and_paths_that_are_no_text(tmp_path, ids, expected):
    """As pandas and others write them: numbers, and bytes without a word of their encoding."""
    path = write_catalogue(tmp_path / "x.parquet", [square(-50, 67)] * 3, [1_689_346_090_000] * 3)
    source = pq.read_table(path)
    source = source.set_column(0, "scene_id", ids).append_column("path", pa.array([1, 2, None]))
    pq.write_table(source, path)
    assert [row["scene_id"] for row in made("planet", path)] == expected


def test_duplicates_keep_the_first(tmp_path):
    items = [planet_item(IDS[0], WHEN, HERE, cloud_cover=0), *ITEMS, planet_item(IDS[3], WHEN, HERE)]
    source, rejects = written(tmp_path, "x.json", json.dumps(items)), tmp_path / "rejects.csv"
    result = build(
        "planet", [source, source], tmp_path / "x.parquet", CatalogConfig(rejects=rejects, batch_size=2)
    )
    assert result.scenes == 5
    assert result.rejected == {"duplicate": 9}
    assert rows(tmp_path / "x.parquet")[0]["cloud_cover"] == 0
    with rejects.open() as file:
        lines = list(csv.DictReader(file))
    assert [(line["row"], line["scene_id"]) for line in lines[:2]] == [("2", IDS[0]), ("7", IDS[3])]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (planet_item(IDS[0], "", HERE), "no_time"),
        (planet_item(IDS[0], "9999-12-31T00:00:00Z", HERE), "bad_time"),
        (planet_item(IDS[0], WHEN, None), "no_geometry"),
        (planet_item(IDS[0], WHEN, shapely.Polygon()), "no_geometry"),
        (planet_item(IDS[0], WHEN, shapely.Point(1, 2)), "bad_geometry"),
        (planet_item(IDS[0], WHEN, {"type": "Polygon", "coordinates": "x"}), "bad_geometry"),
        (
            planet_item(IDS[0], WHEN, {"type": "Polygon", "coordinates": [[[1, 70], [2, 70], [1, 70]]]}),
            "bad_geometry",
        ),
        (planet_item(IDS[0], WHEN, shapely.box(67, 120, 68, 121)), "swapped"),
        (planet_item("", WHEN, HERE), "no_id"),
    ],
)
def test_unusable_rows_are_named_and_leave_no_file(tmp_path, item, reason):
    source, rejects = written(tmp_path, "x.json", json.dumps([item])), tmp_path / "rejects.csv"
    with pytest.raises(InputError, match="expected PlanetScope scenes"):
        build("planet", [source], tmp_path / "x.parquet", CatalogConfig(rejects=rejects))
    assert rejects.read_text().splitlines()[1].split(",")[3] == reason
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rejects.csv", "x.json"]


def ring_with(value: object) -> dict:
    return {"type": "Polygon", "coordinates": [[[-50, 67], [value, 67], [-49, 68], [-50, 67]]]}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"geometry": ring_with(float("nan"))}, "bad_geometry"),
        ({"geometry": ring_with(10**400)}, "bad_geometry"),
        ({"geometry": {"type": "LinearRing", "coordinates": 5}}, "bad_geometry"),
        ({"id": "20230714_14482\ud800_59_2414"}, "bad_text"),
        ({"id": "20230714_14482\x1b[2J_59_2414"}, "bad_text"),
        ({"instrument": "\udfff"}, "bad_text"),
    ],
)
def test_one_row_of_nonsense_costs_no_other(tmp_path, change, reason):
    wrong = planet_item(IDS[0], WHEN, HERE, **{k: v for k, v in change.items() if k == "instrument"})
    wrong |= {name: value for name, value in change.items() if name != "instrument"}
    source, rejects = written(tmp_path, "x.json", json.dumps([wrong, ITEMS[1]])), tmp_path / "rejects.csv"
    result = build("planet", [source], tmp_path / "x.parquet", CatalogConfig(rejects=rejects))
    assert (result.scenes, result.rejected) == (1, {reason: 1})
    assert rejects.read_text(encoding="utf-8").isascii()


@pytest.mark.parametrize(
    "stated", [{"instruments": "PSB.SD"}, {"instruments": ["psb.sd"]}, {"instruments": {}}]
)
def test_instruments_in_any_form(tmp_path, stated):
    (found,) = made(
        "planet", written(tmp_path, "x.json", json.dumps(planet_item(IDS[0], WHEN, HERE, **stated)))
    )
    assert found["instrument"] == "PSB.SD"


def test_a_swapped_landsat_footprint_is_seen_by_its_row(tmp_path):
    swapped = {"type": "Polygon", "coordinates": [[[68, -52], [68, -48], [66, -48], [66, -52], [68, -52]]]}
    entry = EARTH_ENGINE | {".geo": json.dumps(swapped)}
    with pytest.raises(InputError, match="longitude and latitude are swapped"):
        made("landsat", table(tmp_path / "scenes.csv", [entry]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "found none"),
        ("{", "expected JSON"),
        ("[1, 2", "expected JSON"),
        ("a,b\n1,2\n", "expected a column with the id"),
        ("PAR1 but no parquet", "expected a parquet file"),
    ],
)
def test_broken_files_are_one_sentence(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        made("planet", written(tmp_path, "x.dat", text))


def test_every_rejected_row_is_named(tmp_path):
    """Each by its source, its place there, its id, and why; the good one between them is kept."""
    bad = {
        "no_time": planet_item(IDS[0], "", HERE),
        "bad_time": planet_item(IDS[1], "yesterday", HERE),
        "no_geometry": planet_item(IDS[2], WHEN, None),
        "not_a_scene": {"type": "Feature", "id": "x", "properties": {}},
    }
    source, rejects = tmp_path / "x.json", tmp_path / "rejects.csv"
    source.write_text(json.dumps([ITEMS[4], *bad.values(), ITEMS[4]]))
    result = build("planet", [source], tmp_path / "x.parquet", CatalogConfig(rejects=rejects, batch_size=2))
    assert (result.scenes, sum(result.rejected.values())) == (1, 5)
    with rejects.open() as file:
        lines = [
            (line["source"], int(line["row"]), line["scene_id"], line["reason"])
            for line in csv.DictReader(file)
        ]
    expected = [(str(source), row, item["id"], why) for row, (why, item) in enumerate(bad.items(), 2)]
    assert sorted(lines) == sorted([*expected, (str(source), 6, IDS[4], "duplicate")])


def test_only_its_own_kind_of_file_is_replaced(tmp_path):
    source = written(tmp_path, "x.json", json.dumps(ITEMS))
    out, rejects = tmp_path / "x.parquet", tmp_path / "rejects.csv"
    for _ in range(2):
        build("planet", [source], out, CatalogConfig(rejects=rejects))
    landsat = table(tmp_path / "l.csv", [BULK])
    before = out.read_bytes()
    with pytest.raises(OutputError, match="--overwrite"):
        build("landsat", [landsat], out)
    with pytest.raises(OutputError, match="--overwrite"):
        build("landsat", [landsat], tmp_path / "l.parquet", CatalogConfig(rejects=out))
    with pytest.raises(OutputError, match="is an input"):
        build("landsat", [landsat], tmp_path / "l.parquet", CatalogConfig(rejects=landsat, overwrite=True))
    with pytest.raises(OutputError, match="is an input"):
        build("planet", [out], out, CatalogConfig(overwrite=True))
    assert out.read_bytes() == before
    build("landsat", [landsat], out, CatalogConfig(overwrite=True))
    assert rows(out)[0]["scene_id"] == PRODUCT


def test_usage(tmp_path):
    source = written(tmp_path, "x.json", json.dumps(ITEMS))
    with pytest.raises(UsageError):
        build("modis", [source], tmp_path / "x.parquet")
    with pytest.raises(UsageError):
        CatalogConfig(id_col="a")
    with pytest.raises(InputError, match="found nothing there"):
        build("planet", [tmp_path / "absent"], tmp_path / "x.parquet")
    with pytest.raises(OutputError) as told:
        build("planet", [source], tmp_path / "absent" / "x.parquet")
    assert ".tmp" not in str(told.value)
    with pytest.raises(InputError, match="expected a column"):
        build(
            "planet",
            [table(tmp_path / "o.csv", [{"a": 1}])],
            tmp_path / "x.parquet",
            CatalogConfig(id_col="z", time_col="y"),
        )
