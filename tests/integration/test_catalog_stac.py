"""A catalogue from a STAC API: a real server of rustac's, on localhost, started and ended by these tests."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
import shapely

from catfast.catalog import CatalogConfig, build
from catfast.errors import InputError, UsageError
from tests.conftest import run_catfast
from tests.scenes import rows, square, to_degrees

COUNT, FIRST = 600, datetime(2023, 6, 1, 12, tzinfo=UTC)
LANDSAT, PLANET = "landsat-c2-l1", "planetscope"


def items() -> list[dict]:
    """A Landsat scene an hour, by turns over Greenland and Svalbard, and a few of PlanetScope."""
    made = []
    for index in range(COUNT):
        path, row, lon, lat = ((7, 13, -50.0, 67.0), (215, 4, 20.0, 78.0))[index % 2]
        time_ = FIRST + timedelta(hours=index)
        made.append(
            item(
                f"LC08_L1TP_{path:03d}{row:03d}_{time_:%Y%m%d}_{index:08d}_02_T1",
                LANDSAT,
                time_,
                to_degrees(square(lon, lat, 90_000)),
                {"platform": "landsat-8", "eo:cloud_cover": index % 100, "view:sun_elevation": 40.5},
            )
        )
    for index in range(3):
        scene = to_degrees(square(-50, 67))
        made.append(item(f"20230601_12000{index}_59_2414", PLANET, FIRST, scene, {"constellation": PLANET}))
    return made


def item(name: str, collection: str, when: datetime, shape: shapely.Geometry, properties: dict) -> dict:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": collection,
        "geometry": json.loads(shapely.to_geojson(shape)),
        "bbox": list(shape.bounds),
        "properties": {"datetime": when.isoformat(), **properties},
        "links": [],
        "assets": {},
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    pytest.importorskip("rustac", reason='needs the extra "dev"')
    pytest.importorskip("pystac_client", reason='needs the extra "pairs"')
    folder = tmp_path_factory.mktemp("stac")
    (folder / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": items()}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    rustac = Path(sys.executable).with_name("rustac")
    command = [str(rustac), "serve", "-a", address, "--create-collections", str(folder / "items.json")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield _answering(f"http://{address}/", process, folder / "log")
    finally:
        process.terminate()
        process.wait(30)


def _answering(url: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urlopen(url, timeout=2).close()  # noqa: S310 - localhost
        except OSError:
            time.sleep(0.1)
        else:
            return url
    raise AssertionError(f"the STAC server never answered: {log.read_text()[-500:]}")


def test_all_pages_are_read(server, tmp_path, catfast):
    """More items than a page holds, in the order of the server, and none of the other kind."""
    out = tmp_path / "landsat.parquet"
    done = catfast("catalog", "landsat", server, "--collection", LANDSAT, "-o", out, "--json", "-q")
    assert done.code == 0, done.err
    assert done.objects[0]["scenes"] == COUNT
    expected = {entry["id"]: entry for entry in items()[:COUNT]}
    found = rows(out)
    assert {row["scene_id"] for row in found} == set(expected)
    for row in found[::50]:
        true = expected[row["scene_id"]]
        assert row["acquired"] == datetime.fromisoformat(true["properties"]["datetime"])
        assert row["cloud_cover"] == true["properties"]["eo:cloud_cover"]
        assert (row["wrs_path"], row["sun_elevation"]) == (int(row["scene_id"][10:13]), 40.5)
        place = (-50, 67) if row["wrs_path"] == 7 else (20, 78)
        shape = shapely.from_wkb(row["geometry"])
        assert shape.hausdorff_distance(square(*place, 90_000)) < 1


def test_a_search_by_place_and_time(server, tmp_path, catfast):
    out = tmp_path / "landsat.parquet"
    span = "2023-06-03T00:00:00Z/2023-06-10T00:00:00Z"
    arguments = ("--collection", LANDSAT, "--bbox", -60, 60, -40, 70, "--datetime", span)
    assert catfast("catalog", "landsat", server, *arguments, "-o", out, "-q").code == 0
    start, stop = datetime(2023, 6, 3, tzinfo=UTC), datetime(2023, 6, 10, tzinfo=UTC)
    inside = [index for index in range(0, COUNT, 2) if start <= FIRST + timedelta(hours=index) <= stop]
    assert {int(row["scene_id"][26:34]) for row in rows(out)} == set(inside)


def test_planetscope_of_an_api_and_of_a_file_together(server, tmp_path):
    source = tmp_path / "more.json"
    extra = item(
        "20230601_120009_59_2414", PLANET, FIRST, to_degrees(square(0, 75)), {"constellation": PLANET}
    )
    source.write_text(json.dumps(extra))
    out = tmp_path / "planet.parquet"
    result = build("planet", [server, source], out, CatalogConfig(collections=(PLANET, LANDSAT)))
    assert (result.scenes, result.left) == (4, COUNT)


def test_an_empty_search_is_a_sentence(server, tmp_path, catfast):
    done = catfast("catalog", "landsat", server, "--collection", "nonesuch", "-o", tmp_path / "x.parquet")
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert list(tmp_path.iterdir()) == []


def test_nothing_listens_there(tmp_path, catfast):
    pytest.importorskip("pystac_client", reason='needs the extra "pairs"')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    done = catfast("catalog", "landsat", url, "--collection", "x", "-o", tmp_path / "x.parquet")
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert "no STAC API answers there" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["collections", "api", "nonesuch"])
def test_a_url_that_is_no_api(server, tmp_path, place):
    with pytest.raises(InputError, match="no STAC API answers there"):
        build("landsat", [server + place], tmp_path / "x.parquet", CatalogConfig(collections=("x",)))
    assert list(tmp_path.iterdir()) == []


def test_stac_geoparquet_as_rustac_writes_it(tmp_path):
    pytest.importorskip("rustac", reason='needs the extra "dev"')
    source, parquet = tmp_path / "items.json", tmp_path / "items.parquet"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": items()}))
    rustac = Path(sys.executable).with_name("rustac")
    subprocess.run([str(rustac), "translate", str(source), str(parquet)], check=True)
    for kind, count in (("landsat", COUNT), ("planet", 3)):
        results = []
        for path in (source, parquet):
            out = tmp_path / f"{kind}_{path.suffix[1:]}.parquet"
            assert build(kind, [path], out).scenes == count
            results.append(sorted(rows(out), key=lambda row: row["scene_id"]))
        assert results[0] == results[1]


def test_searches_that_do_not_fit(server, tmp_path):
    with pytest.raises(UsageError, match="--collection"):
        build("landsat", [server], tmp_path / "x.parquet")
    config = CatalogConfig(collections=(LANDSAT,), datetime="yesterday")
    with pytest.raises(UsageError, match="searched"):
        build("landsat", [server], tmp_path / "x.parquet", config)
    with pytest.raises(UsageError, match="go with the URL"):
        build("landsat", [tmp_path], tmp_path / "x.parquet", CatalogConfig(collections=(LANDSAT,)))


def test_a_server_that_stops_in_the_middle(tmp_path):
    """It promises a next page, and closes the door: no catalogue of half a search."""
    pytest.importorskip("pystac_client", reason='needs the extra "pairs"')
    script = tmp_path / "half.py"
    script.write_text(HALF)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            out = tmp_path / "x.parquet"
            done = run_catfast("catalog", "landsat", url, "--collection", LANDSAT, "-o", out)
        finally:
            process.terminate()
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert "broke off" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["half.py"]


HALF = """
import json
from http.server import BaseHTTPRequestHandler, HTTPServer

class Half(BaseHTTPRequestHandler):
    def do_GET(self):
        url = f"http://127.0.0.1:{self.server.server_port}/"
        core = [f"https://api.stacspec.org/v1.0.0/{part}" for part in ("core", "item-search")]
        links = [{"rel": "root", "href": url}, {"rel": "search", "href": url + "search", "method": "GET"}]
        root = {"type": "Catalog", "id": "half", "stac_version": "1.0.0", "description": "half"}
        item = {"type": "Feature", "id": "LC08_L1TP_007013_20230601_02_T1", "properties": {}}
        link = {"rel": "next", "href": url + "next"}
        page = {"type": "FeatureCollection", "features": [item], "links": [link]}
        body = page if "search" in self.path else root | {"conformsTo": core, "links": links}
        self.send_response(404 if "next" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_POST = do_GET

    def log_message(self, *arguments):
        pass

server = HTTPServer(("127.0.0.1", 0), Half)
print(f"http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
"""
