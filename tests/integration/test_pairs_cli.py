"""From files to pairs by the command line: a simulated world, refusals, and what they leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import termios

import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import pytest

from tests.conftest import run_catfast
from tests.scenes import T0_MS, planet_item, rows, square, to_degrees, write_catalogue


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    assert run_catfast("simulate", folder / "w", "--pairs", 3, "--size", 256, "-q").code == 0
    for kind in ("planet", "landsat"):
        done = run_catfast("catalog", kind, folder / "w", "-o", folder / f"{kind}.parquet", "--json", "-q")
        assert done.code == 0, done.err
        (summary,) = done.objects
        assert (summary["scenes"], summary["rejected"], summary["left"]) == (3, {}, 3)
    return folder


def test_a_simulated_world_gives_its_pairs(world, catfast):
    done = catfast(
        "pairs", world / "planet.parquet", world / "landsat.parquet", "-o", world / "p.parquet", "--json"
    )
    assert done.code == 0, done.err
    true = json.loads((world / "w/world.json").read_text())["pairs"]
    found = rows(world / "p.parquet")
    assert {(row["ps_id"], row["l8_id"]) for row in found} == {
        (pair["ps_id"], pair["l8_id"]) for pair in true
    }
    assert done.objects[0]["pairs"] == len(true) == 3
    dt = {pair["ps_id"]: pair["dt_s"] for pair in true}
    for row in found:
        assert row["dt_s"] == pytest.approx(dt[row["ps_id"]], abs=0.002)
        assert abs(row["dt_local_s"] - row["dt_s"]) < 15
        assert row["overlap"] > 0.9
        assert row["ps_path"].endswith("PSScene")
        assert row["l8_path"].endswith(row["l8_id"])


def test_files_are_geoparquet(world):
    run_catfast("pairs", world / "planet.parquet", world / "landsat.parquet", "-o", world / "g.parquet", "-q")
    for name in ("planet.parquet", "g.parquet"):
        geo = json.loads(pq.read_schema(world / name).metadata[b"geo"])
        column = geo["columns"][geo["primary_column"]]
        assert column["encoding"] == "WKB"
        assert pyproj.CRS.from_json_dict(column["crs"]) == pyproj.CRS("EPSG:6931")


def test_info(world, catfast):
    done = catfast("catalog", "info", world / "landsat.parquet")
    assert done.code == 0
    assert "3 scenes" in done.out
    assert "landsat-8 3" in done.out
    (summary,) = catfast("catalog", "info", world / "landsat.parquet", "--json").objects
    assert summary["scenes"] == 3


def broken(folder):
    """Catalogues that cannot be paired, by what is wrong with them."""
    good = write_catalogue(folder / "good.parquet", [square(0, 75)], [T0_MS])
    (folder / "torn.parquet").write_bytes(good.read_bytes()[:-20])
    table = pq.read_table(good)
    pq.write_table(table.drop(["acquired"]), folder / "no_time.parquet")
    pq.write_table(table.replace_schema_metadata(None), folder / "no_geo.parquet")
    write_catalogue(folder / "no_crs.parquet", [square(0, 75)], [T0_MS], crs="EPSG:6931")
    local = 'LOCAL_CS["site",UNIT["metre",1]]'
    write_catalogue(folder / "northless.parquet", [square(0, 75)], [T0_MS], crs=local)
    write_catalogue(folder / "late.parquet", [square(0, 75)], [253_370_764_800_000])
    write_catalogue(folder / "empty.parquet", [], [])
    return good


@pytest.mark.parametrize("name", ["absent", "torn", "no_time", "no_geo", "northless", "late", "empty"])
def test_refusals_are_one_sentence_and_leave_nothing(tmp_path, name):
    from catfast.errors import InputError
    from catfast.pairs import mine

    good = broken(tmp_path)
    before = sorted(tmp_path.iterdir())
    for pair in ((tmp_path / f"{name}.parquet", good), (good, tmp_path / f"{name}.parquet")):
        with pytest.raises(InputError) as caught:
            mine(*pair, tmp_path / "out.parquet")
        assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_exit_codes(tmp_path, catfast):
    good = broken(tmp_path)
    out = tmp_path / "out.parquet"
    bad = catfast("pairs", good, tmp_path / "torn.parquet", "-o", out)
    assert (bad.code, bad.err.count("\n")) == (3, 1)
    assert catfast("pairs", good, good, "-o", out, "--max-dt", -1).code == 2
    assert catfast("pairs", good, good, "-o", tmp_path / "absent" / "out.parquet").code == 4
    assert catfast("catalog", "planet", tmp_path / "torn.parquet", "-o", out).code == 3
    assert not out.exists()


def test_a_bar_on_a_terminal_only(tmp_path):
    """Its stderr is a pseudo-terminal once, and a pipe once."""
    source = tmp_path / "x.json"
    source.write_text(
        json.dumps(planet_item("20230714_144820_59_2414", "2023-07-14T14:48:24Z", to_degrees(square(0, 75))))
    )
    code = "from catfast.cli import main; main()"
    command = [
        sys.executable,
        "-c",
        code,
        "catalog",
        "planet",
        str(source),
        "-o",
        str(tmp_path / "x.parquet"),
    ]
    reader, writer = os.openpty()
    termios.tcsetwinsize(writer, (24, 80))
    subprocess.run(command, stderr=writer, check=True)
    os.close(writer)
    shown = os.read(reader, 100_000).decode()
    os.close(reader)
    assert "row/s" in shown
    piped = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True).stderr
    assert "row/s" not in piped


def test_no_pairs_is_no_error(tmp_path):
    from catfast.pairs import mine

    ps = write_catalogue(tmp_path / "ps.parquet", [square(0, 75)], [T0_MS])
    l8 = write_catalogue(tmp_path / "l8.parquet", [square(90, 75)], [T0_MS], platform="landsat-8")
    result = mine(ps, l8, tmp_path / "out.parquet")
    assert (result.pairs, [notice.name for notice in result.warnings]) == (0, ["no_pairs"])
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


def test_a_catalogue_by_pandas_and_what_is_left_out_of_it(tmp_path):
    """Times in nanoseconds and without an offset, and an id that comes twice."""
    from catfast.pairs import mine

    l8 = write_catalogue(tmp_path / "l8.parquet", [square(0, 75, 90_000)], [T0_MS], platform="landsat-8")
    ps = write_catalogue(tmp_path / "ps.parquet", [square(0, 75)] * 2, [T0_MS, T0_MS], ids=["a", "a"])
    table = pq.read_table(ps)
    place = table.schema.get_field_index("acquired")
    nanoseconds = pa.array([T0_MS * 1_000_000 + 1] * 2).cast(pa.timestamp("ns"))
    pq.write_table(table.set_column(place, "acquired", nanoseconds), ps)
    result = mine(ps, l8, tmp_path / "out.parquet")
    assert (result.pairs, rows(tmp_path / "out.parquet")[0]["dt_s"]) == (1, 0.0)
    names = [notice.name for notice in result.warnings]
    assert names == ["naive_time", "rejected_duplicate", "no_path_row"]


def test_a_catalogue_of_the_other_kind_is_refused(world, catfast):
    done = catfast("pairs", world / "landsat.parquet", world / "planet.parquet", "-o", world / "no.parquet")
    assert done.code == 3
    assert "expected a catalogue of planet scenes" in done.err


@pytest.mark.parametrize("hidden", ["sedonadb", "shapely", "pyarrow"])
def test_a_missing_extra_is_one_line(tmp_path, hidden):
    """A real absence: an import hook in a fresh interpreter, as on the light install."""
    good = write_catalogue(tmp_path / "good.parquet", [square(0, 75)], [T0_MS])
    other = write_catalogue(tmp_path / "other.parquet", [square(0, 75)], [T0_MS], platform="landsat-8")
    script = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {hidden!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from catfast.cli import main
main(["pairs", {str(good)!r}, {str(other)!r}, "-o", {str(tmp_path / "o.parquet")!r}])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install "catfast[pairs]"' in done.stderr
