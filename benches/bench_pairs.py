"""Pairs from GeoParquet on disk to pairs on disk, beside the paper's plan on one machine and two plain joins.

Synthetic orbits: Landsat scenes of WRS-2 rows 1 to 21 and PlanetScope footprints of 32 x 20 km from 60 to
82 N, at random times of 300 days. geopandas and DuckDB run at 1 M x 100 k, in this process, without start-up
and imports, and as whole processes, with them (with ``--full`` at 4 M and at the paper's size too); the plain
spatial join at 200 k x 30 k, beyond which it is hopeless; ours runs on all sizes. DuckDB's spatial extension
is a download: bounds stand in for it, and shapely finishes. The original took 177.5 s on 120 cores for
17.9 M x 136 k: it parsed text in that time, and ours reads parquet.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj import Transformer

from catfast.catalog.schema import catalog_schema, writer_options
from catfast.catalog.writer import ROW_GROUP
from catfast.pairs import mine
from catfast.pairs.sedonadb import _VIEW
from catfast.wrs2 import footprints
from report import Result, interleaved, options, show, spread, write

PAPER = (17_886_985, 135_807)
DAYS_MS = 300 * 86_400_000
START_MS = 1_672_531_200_000
BATCH = ROW_GROUP
SPAN = 1_000_000 // ROW_GROUP
"""Row groups that geopandas takes at a time."""
LIMIT_S = 1800
"""A rival that takes longer is stopped, and said to have been."""
TO_PLANE = Transformer.from_crs("OGC:CRS84", "EPSG:6931", always_xy=True)


def write_side(path: Path, kind: str, times: np.ndarray, rings, columns) -> None:
    """A catalogue by batches; `rings` and `columns` give what belongs to a slice."""
    schema = catalog_schema(kind)
    with pq.ParquetWriter(path, schema, **writer_options()) as writer:
        for start in range(0, len(times), BATCH):
            part = slice(start, min(start + BATCH, len(times)))
            count = part.stop - part.start
            shapes = shapely.polygons(rings(part))
            sides = [pa.array(side) for side in shapely.bounds(shapes).T]
            table = {name: pa.nulls(count, schema.field(name).type) for name in schema.names}
            table |= {
                "platform": ["synthetic"] * count,
                "acquired": pa.array(times[part]).cast(schema.field("acquired").type),
                "geometry": list(shapely.to_wkb(shapes)),
                "bbox": pa.StructArray.from_arrays(sides, fields=list(schema.field("bbox").type)),
                **columns(part),
            }
            writer.write_table(pa.table(table, schema=schema))


def synthesise(folder: Path, planet: int, landsat: int) -> tuple[Path, Path]:
    """Both catalogues of one size."""
    rng = np.random.default_rng(0)
    path, row = rng.integers(1, 234, landsat), rng.integers(1, 22, landsat)
    lat = np.degrees(np.arcsin(rng.uniform(math.sin(math.radians(60)), math.sin(math.radians(82)), planet)))
    lon, turn = rng.uniform(-180, 180, planet), rng.uniform(0, 2 * np.pi, planet)
    times = [START_MS + np.sort(rng.integers(0, DAYS_MS, count)) for count in (planet, landsat)]
    corners = np.array([-16e3 - 10e3j, 16e3 - 10e3j, 16e3 + 10e3j, -16e3 + 10e3j, -16e3 - 10e3j])

    def squares(part: slice) -> np.ndarray:
        x, y = TO_PLANE.transform(lon[part], lat[part])
        places = (x + 1j * y)[:, None] + np.exp(1j * turn[part])[:, None] * corners
        return np.stack([places.real, places.imag], axis=-1)

    def scenes(part: slice) -> np.ndarray:
        return np.stack(TO_PLANE.transform(*footprints(path[part], row[part])), axis=-1)

    ps, l8 = folder / f"ps_{planet}.parquet", folder / f"l8_{planet}.parquet"
    write_side(
        ps, "planet", times[0], squares, lambda part: {"scene_id": [f"ps_{i:09d}" for i in _range(part)]}
    )
    write_side(
        l8,
        "landsat",
        times[1],
        scenes,
        lambda part: {
            "scene_id": [f"LC08_{path[i]:03d}{row[i]:03d}_{i:08d}" for i in _range(part)],
            "wrs_path": path[part].astype(np.int32),
            "wrs_row": row[part].astype(np.int32),
        },
    )
    return ps, l8


def _range(part: slice) -> range:
    return range(part.start, part.stop)


def geopandas_days(ps: Path, l8: Path, out: Path) -> int:
    """The paper's plan on one machine: a spatial join of each day's scenes, then the time window.

    A million PlanetScope scenes at a time: faster than by days from disk, and it fits in memory.
    """
    import pandas

    landsat = geopandas_frame(pq.ParquetFile(l8))
    others = dict(iter(landsat.groupby(landsat["acquired"].dt.floor("D"))))
    found = []
    with pq.ParquetFile(ps) as file:
        for first in range(0, file.num_row_groups, SPAN):
            planet = geopandas_frame(file, range(first, min(first + SPAN, file.num_row_groups)))
            for day, group in planet.groupby(planet["acquired"].dt.floor("D")):
                if day in others:
                    found.append(geopandas_day(group, others[day]))
    pairs = pandas.concat(found)
    pairs.to_parquet(out)
    return len(pairs)


def geopandas_frame(file: pq.ParquetFile, groups: range | None = None):
    """As geopandas.read_parquet makes it, of some row groups."""
    import geopandas

    groups = range(file.num_row_groups) if groups is None else groups
    table = file.read_row_groups(list(groups), columns=["scene_id", "acquired", "geometry"])
    shapes = shapely.from_wkb(table["geometry"].to_numpy())
    return geopandas.GeoDataFrame(table.drop(["geometry"]).to_pandas(), geometry=shapes, crs=6931)


def geopandas_day(planet, landsat):
    joined = planet.sjoin(landsat, predicate="intersects", lsuffix="ps", rsuffix="l8")
    apart = (joined["acquired_ps"] - joined["acquired_l8"]).dt.total_seconds().abs()
    joined = joined[apart <= 30]
    common = joined.geometry.intersection(landsat.geometry.loc[joined["index_l8"]], align=False)
    return joined[(common.area / joined.geometry.area).to_numpy() >= 0.05]


def sedonadb_query(ps: Path, l8: Path, out: Path, text: str) -> int:
    import sedonadb

    context = sedonadb.connect()
    for name, path in (("ps", ps), ("l8", l8)):
        context.read_parquet(str(path)).to_view(f"{name}_files")
        context.sql(_VIEW.format(table=f"{name}_files")).to_view(f"{name}_scenes")
    table = pa.RecordBatchReader.from_stream(context.sql(text)).read_all()
    pq.write_table(table, out)
    return table.num_rows


def plain_join(ps: Path, l8: Path, out: Path) -> int:
    """A spatial join first, as one would write it."""
    text = """
    SELECT p.scene_id AS ps_id, l.scene_id AS l8_id, p.t AS ps_t, l.t AS l8_t,
           ST_Area(ST_Intersection(p.g, l.g)) / ST_Area(p.g) AS overlap
    FROM ps_scenes p JOIN l8_scenes l ON ST_Intersects(p.g, l.g)
    WHERE abs(p.t - l.t) <= 30000 AND ST_Area(ST_Intersection(p.g, l.g)) / ST_Area(p.g) >= 0.05
    """
    return sedonadb_query(ps, l8, out, text)


def duckdb_range(ps: Path, l8: Path, out: Path) -> int:
    """DuckDB's range join on the times, bounds in the same join, shapely for the overlaps."""
    import duckdb

    duckdb.sql(f"SET memory_limit = '4GB'; SET temp_directory = '{out.parent}'")
    found = duckdb.sql(f"""
    SELECT p.scene_id AS ps_id, l.scene_id AS l8_id, p.geometry::BLOB AS a, l.geometry::BLOB AS b
    FROM (SELECT *, epoch_ms(acquired) AS t FROM read_parquet('{ps}')) p
    JOIN (SELECT *, epoch_ms(acquired) AS t FROM read_parquet('{l8}')) l
    ON p.t >= l.t - 30000 AND p.t <= l.t + 30000
    WHERE p.bbox.xmin <= l.bbox.xmax AND l.bbox.xmin <= p.bbox.xmax
      AND p.bbox.ymin <= l.bbox.ymax AND l.bbox.ymin <= p.bbox.ymax
    """).to_arrow_table()  # noqa: S608 - paths of this bench
    a, b = (shapely.from_wkb(found[name].to_pylist()) for name in "ab")
    kept = shapely.area(shapely.intersection(a, b)) / shapely.area(a) >= 0.05
    table = found.select(["ps_id", "l8_id"]).filter(pa.array(kept))
    pq.write_table(table, out)
    return table.num_rows


@dataclass(frozen=True)
class Rival:
    """Somebody else's way."""

    run: Callable[[Path, Path, Path], int]
    package: str
    goal: float | None
    large: bool
    """Whether it can be waited for at the larger sizes."""


RIVALS = {
    "geopandas": Rival(geopandas_days, "geopandas", 50.0, True),
    "plain join, sedonadb": Rival(plain_join, "sedonadb", 10.0, False),
    "duckdb range": Rival(duckdb_range, "duckdb", None, True),
}
SMALL, LARGE = (200_000, 30_000), (1_000_000, 100_000)


def beside_rivals(folder: Path, size: tuple[int, int], rounds: int, *, quick: bool = False) -> list[Result]:
    """Ours and each rival that this size suits, in turn."""
    results = []
    sides = synthesise(folder, *size)
    count = mine(*sides, folder / "ours.parquet").pairs
    for name, rival in RIVALS.items():
        if not quick and rival.large != (size != SMALL):
            continue
        if find_spec(rival.package) is None:
            print(f"{name}: not installed, left out")
            continue
        theirs = rival.run(*sides, folder / "theirs.parquet")
        midnight = count - theirs if rival.run is geopandas_days else 0
        assert 0 <= midnight <= 1 + count / 100, f"{name} finds {theirs} pairs, catfast {count}"
        assert theirs + midnight == count, f"{name} finds {theirs} pairs, catfast {count}"
        ours, rival_name, ratios = interleaved(
            lambda: mine(*sides, folder / "ours.parquet"),
            {name: lambda rival=rival: rival.run(*sides, folder / "theirs.parquet")},
            rounds,
        )
        lost = f", {midnight} of them over midnight, which its days miss" if midnight else ""
        note = "; its goal is for larger sizes" if quick and rival.goal else ""
        results.append(
            Result(
                name=f"pairs, {in_words(size)}",
                value=ours,
                unit="s",
                rival=rival_name,
                goal=None if quick else rival.goal,
                note=f"{count} pairs{lost}{note}",
                **spread(ratios),
            )
        )
        show(results[-1])
    for side in sides:
        side.unlink()
    return results


def in_words(size: tuple[int, int]) -> str:
    return f"{size[0] / 1e6:.2f} M x {size[1] / 1e3:.0f} k"


def ours(ps: Path, l8: Path, out: Path) -> int:
    return mine(ps, l8, out).pairs


WAYS = {"catfast": ours} | {name: rival.run for name, rival in RIVALS.items()}
IN_A_PROCESS = """
import sys
from pathlib import Path
import bench_pairs
pairs = bench_pairs.WAYS[sys.argv[1]](*map(Path, sys.argv[2:]))
print(pairs, Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def whole_process(name: str, sides: tuple[Path, Path], folder: Path) -> tuple[float, int, float]:
    """Seconds of a process of its own from start to end, pairs, and its peak memory in GB."""
    out = folder / ("ours.parquet" if name == "catfast" else "theirs.parquet")
    arguments = [name, *map(str, sides), str(out)]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS, *arguments],
        cwd=Path(__file__).parent,
        check=True,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    pairs, peak = done.stdout.split()
    return time.perf_counter() - started, int(pairs), int(peak) / 1e6


def processes(folder: Path, size: tuple[int, int], rounds: int) -> list[Result]:
    """Ours and the rivals in turn as whole processes, start-up and imports alike, and their peak memory."""
    sides = synthesise(folder, *size)
    whole_process("catfast", sides, folder)
    results = []
    for name, rival in RIVALS.items():
        if not rival.large or find_spec(rival.package) is None:
            continue
        try:
            turns = [
                (whole_process("catfast", sides, folder), whole_process(name, sides, folder))
                for _ in range(rounds)
            ]
        except subprocess.TimeoutExpired:
            print(f"{in_words(size)}: {name} was stopped after {LIMIT_S} s")
            continue
        mine_, theirs = turns[-1]
        peaks = f"{mine_[1]} pairs in {mine_[2]:.2f} GB, theirs {theirs[1]} in {theirs[2]:.2f} GB"
        results.append(
            Result(
                name=f"whole process, {in_words(size)}",
                value=float(np.median([turn[0][0] for turn in turns])),
                unit="s",
                rival=name,
                note=peaks + ("; the original: 177.5 s on 120 cores, parsing text too" * (size == PAPER)),
                **spread([turn[1][0] / turn[0][0] for turn in turns]),
            )
        )
        show(results[-1])
    for side in sides:
        side.unlink()
    return results


def scaling(folder: Path, sizes: list[tuple[int, int]]) -> list[Result]:
    """Each size in a process of its own, for its peak memory; the second of two runs, from a warm cache."""
    results = []
    for size in sizes:
        sides = synthesise(folder, *size)
        for _ in range(2):
            spent, _, peak = whole_process("catfast", sides, folder)
        goal = 60.0 if size == PAPER else None
        results.append(Result(name=in_words(size), value=spent, unit="s", goal=goal, note=f"{peak:.2f} GB"))
        show(results[-1])
        for side in sides:
            side.unlink()
    return results


def growth(sizes: list[tuple[int, int]], results: list[Result]) -> Result:
    """The straight line through cost against size, and how far the sizes lie off it."""
    scenes = np.array([size[0] for size in sizes], float)
    seconds = np.array([result.value for result in results])
    slope, start = np.polyfit(scenes, seconds, 1)
    fitted = start + slope * scenes
    worst = float(np.abs(seconds / fitted - 1).max())
    result = Result(
        name="cost of a million more",
        value=float(slope * 1e6),
        unit="s",
        note=f"a straight line from {start:.2f} s on; no size is off it by more than {100 * worst:.0f} %",
    )
    show(result)
    return result


def draw(sizes: list[tuple[int, int]], results: list[Result], output: Path) -> None:
    """Cost against size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    millions = [size[0] / 1e6 for size in sizes]
    axes.plot(millions, [result.value for result in results], "o-", label="catfast pairs, parquet to parquet")
    axes.set(xlabel="PlanetScope scenes, millions (simulated)", ylabel="s", xlim=(0, None), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    axes.set_title(f"Pairs with {sizes[0][1] / 1e3:.0f} k Landsat scenes", fontsize=10)
    figure.savefig(output)


def main() -> None:
    given = options(
        __doc__,
        files={"plot": "draw cost against size into this PNG"},
        full="rivals at 4 M and the paper's size too: 3 GB of disk, 5 GB of memory, many minutes",
    )
    landsat = PAPER[1]
    steps = [(count, landsat) for count in (250_000, 500_000, 1_000_000, 2_000_000, 4_000_000)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.quick:
            steps = [(25_000, 20_000), (50_000, 20_000), (100_000, 20_000)]
            results = beside_rivals(folder, (100_000, 20_000), 2, quick=True)
        else:
            results = beside_rivals(folder, SMALL, 3) + beside_rivals(folder, LARGE, 5)
            results += processes(folder, LARGE, 3)
        if given.full:
            results += processes(folder, steps[-1], 2)
            steps.append(PAPER)
            results += processes(folder, PAPER, 1)
        costs = scaling(folder, steps)
        results += [*costs, growth(steps, costs)]
        if given.plot:
            draw(steps, costs, given.plot)
    write(results, given.json)


if __name__ == "__main__":
    main()
