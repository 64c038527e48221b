"""Footprints by path and row from a file, written here as USGS and others would write it."""

from __future__ import annotations

import csv
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely

from catfast.catalog import CatalogConfig, build
from catfast.catalog.footprint import Footprints
from catfast.catalog.frames import Frames
from catfast.catalog.record import Record
from catfast.errors import InputError
from tests.scenes import TO_PLANE, rows, square, to_degrees, write_catalogue

pyogrio = pytest.importorskip("pyogrio", reason='needs the extra "pairs"')

HERE, SEAM = square(-50, 67, 80_000), square(180, 70, 80_000)
DRIVERS = {"w.shp": "ESRI Shapefile", "w.geojson": "GeoJSON", "w.gpkg": "GPKG"}


def written(path: Path, *, names: tuple[str, str] = ("PATH", "ROW"), crs: str = "EPSG:4326") -> Path:
    """Two frames; the one at 180 degrees is cut there, as USGS does."""
    halves = [shapely.box(-1e7, 0, 0, 1e7), shapely.box(0, 0, 1e7, 1e7)]
    east, west = (to_degrees(shapely.intersection(SEAM, half)) for half in halves)
    sides = [_signed(east, -1), _signed(west, 1)]
    shapes = [to_degrees(HERE), shapely.MultiPolygon(sides)]
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.array(shapes, object)),
        [np.array([7, 99], np.int32), np.array([13, 11], np.int32)],
        list(names),
        driver=DRIVERS[path.name],
        geometry_type="Unknown" if path.suffix != ".shp" else "Polygon",
        crs=crs,
    )
    return path


def _signed(shape: shapely.Geometry, side: int) -> shapely.Geometry:
    """A half whose corners on the seam bear its own sign of 180."""

    def fix(places: np.ndarray) -> np.ndarray:
        on_it = np.abs(np.abs(places[:, 0]) - 180) < 1e-6
        return np.column_stack([np.where(on_it, 180.0 * side, places[:, 0]), places[:, 1]])

    return shapely.transform(shape, fix)


def bare(path: int, row: int, **fields: object) -> Record:
    when = datetime(2023, 7, 1, tzinfo=UTC)
    return Record(scene_id="x", acquired=when, platform="landsat-8", wrs_path=path, wrs_row=row, **fields)


@pytest.mark.parametrize("name", DRIVERS)
def test_a_row_without_geometry_gets_its_frame(tmp_path, name):
    frames = Frames(written(tmp_path / name))
    shapes, wrong = Footprints(None, frames).project([bare(7, 13), bare(99, 11), bare(57, 8)])
    assert wrong == [None] * 3
    assert shapes[0].hausdorff_distance(HERE) < 1
    assert shapes[1].geom_type == "Polygon"
    assert shapes[1].symmetric_difference(SEAM).area < 1e-4 * SEAM.area
    assert frames.missing == 1
    assert shapes[2].area == pytest.approx(185e3 * 180e3, rel=0.02)  # of the orbit model


def test_names_of_any_case(tmp_path):
    frames = Frames(written(tmp_path / "w.geojson", names=("Path", "row")))
    assert shapely.from_wkb(frames.footprint(7, 13)).equals_exact(to_degrees(HERE), 1e-6)


def test_a_frame_is_cut_by_the_corners_of_its_product(tmp_path):
    corners = {
        "type": "Polygon",
        "coordinates": [[[-51, 66.5], [-49, 66.5], [-49, 67.5], [-51, 67.5], [-51, 66.5]]],
    }
    frames = Frames(written(tmp_path / "w.gpkg"))
    (shape,), _ = Footprints(None, frames).project([bare(7, 13, within=corners)])
    ring = shapely.Polygon([TO_PLANE.transform(*place) for place in corners["coordinates"][0]])
    assert shape.symmetric_difference(ring.intersection(HERE)).area < 1e-4 * ring.area


@pytest.mark.parametrize("with_frames", [False, True])
def test_footprints_in_metres_and_none_in_one_file(tmp_path, with_frames):
    """Those of path and row are in degrees: they must not be taken for metres."""
    config = CatalogConfig(wrs2=written(tmp_path / "w.gpkg") if with_frames else None)
    other = square(100, 75, 90_000)
    ids = ["LC08_007013_20230714", "LC08_130010_20230714"]
    source = write_catalogue(tmp_path / "s.parquet", [None, other], [0, 1], ids=ids, platform="landsat-8")
    times = pa.array([1_689_346_090_000] * 2).cast(pa.timestamp("ms", "UTC"))
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    pq.write_table(table.set_column(table.schema.get_field_index("acquired"), "acquired", times), source)
    build("landsat", [source], tmp_path / "l.parquet", config)
    first, second = (shapely.from_wkb(row["geometry"]) for row in rows(tmp_path / "l.parquet"))
    assert second.equals_exact(other, 1e-6, normalize=True)
    assert first.centroid.distance(HERE.centroid) < (1 if with_frames else 60_000)


def test_what_the_file_lacks_is_said(tmp_path):
    source = tmp_path / "s.csv"
    with source.open("w", newline="") as file:
        lines = [["id", "t"], ["LC08_007013_20230714", "2023-07-14T14:48:10Z"]]
        csv.writer(file).writerows([*lines, ["LC08_057008_20230714", "2023-07-14T14:48:10Z"]])
    config = CatalogConfig(id_col="id", time_col="t", wrs2=written(tmp_path / "w.geojson"))
    result = build("landsat", [source], tmp_path / "l.parquet", config)
    assert (result.scenes, [notice.name for notice in result.warnings]) == (2, ["no_frame"])


@pytest.mark.parametrize("trouble", ["absent", "torn", "no fields", "metres"])
def test_files_that_are_none(tmp_path, trouble):
    path = tmp_path / "w.geojson"
    if trouble == "torn":
        path.write_bytes(b"PK\x03\x04 torn")
    elif trouble == "no fields":
        written(path, names=("a", "b"))
    elif trouble == "metres":
        path = written(tmp_path / "w.gpkg", crs="EPSG:3995")
    with pytest.raises(InputError) as caught:
        Frames(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("hidden", "arguments"),
    [
        ("pyogrio", ["s.csv", "--wrs2", "w.gpkg"]),
        ("pystac_client", ["http://127.0.0.1:9/", "--collection", "x"]),
    ],
)
def test_a_missing_extra_is_one_line(tmp_path, hidden, arguments):
    """A real absence: an import hook in a fresh interpreter."""
    script = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {hidden!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from catfast.cli import main
main(["catalog", "landsat", *{arguments!r}, "-o", "o.parquet"])
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert 'pip install "catfast[pairs]"' in done.stderr
    assert list(tmp_path.iterdir()) == []
