"""Catalogues of a million scenes, from text on disk to GeoParquet on disk, beside geopandas and pandas.

Planet Data-API items as JSON lines and a CSV with WKT: made here, 60 to 82 N, one in a thousand a duplicate.
The rival reads the file whole (``pandas.read_json(lines=True)``, ``read_csv`` with pyarrow), makes footprints
by shapely's array functions, times by ``to_datetime``, drops duplicates, goes to EPSG:6931 and writes
GeoParquet. It checks nothing else: no swapped axes, no antimeridian, no rejects. Each run is a process of its
own, for its peak memory; interpreter and imports are in its time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely

from report import Result, options, show, spread, write

OURS = """
from pathlib import Path
from catfast.catalog import CatalogConfig, build
csv = CatalogConfig(id_col="id", time_col="acquired", geometry_col="footprint")
config = csv if {source!r}.endswith("csv") else CatalogConfig()
done = build("planet", [Path({source!r})], Path({output!r}), config)
rows = done.scenes
"""
GEOPANDAS_JSON = """
import geopandas, pandas, shapely, json
frame = pandas.read_json({source!r}, lines=True, dtype=False, convert_dates=False)
properties = pandas.DataFrame(frame["properties"].tolist())
shapes = shapely.from_geojson([json.dumps(shape) for shape in frame["geometry"]])
table = properties.assign(scene_id=frame["id"])
times = "acquired"
"""
GEOPANDAS_CSV = """
import geopandas, pandas, shapely
table = pandas.read_csv({source!r}, engine="pyarrow").rename(columns={{"id": "scene_id"}})
shapes = shapely.from_wkt(table.pop("footprint"))
"""
GEOPANDAS_END = """
table["acquired"] = pandas.to_datetime(table["acquired"], utc=True, format="ISO8601")
frame = geopandas.GeoDataFrame(table, geometry=shapes, crs="OGC:CRS84").drop_duplicates("scene_id")
frame.to_crs(6931).to_parquet({output!r}, compression="zstd")
rows = len(frame)
"""
PEAK = """
print(rows, Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
NAMES = {"jsonl": "Planet items, JSON lines", "csv": "CSV with WKT"}
BATCH = 50_000


def footprints(count: int) -> Iterator[np.ndarray]:
    """Rings (n, 5, 2) in degrees, by batches: 32 x 20 km, turned at random."""
    from pyproj import Transformer

    to_degrees = Transformer.from_crs("EPSG:6931", "OGC:CRS84", always_xy=True)
    rng = np.random.default_rng(0)
    corners = np.array([-16e3 - 10e3j, 16e3 - 10e3j, 16e3 + 10e3j, -16e3 + 10e3j, -16e3 - 10e3j])
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        radius, angle, turn = rng.uniform(0.9e6, 3.3e6, size), *rng.uniform(0, 2 * np.pi, (2, size))
        places = (radius * np.exp(1j * angle))[:, None] + np.exp(1j * turn)[:, None] * corners
        yield np.stack(to_degrees.transform(places.real, places.imag), axis=-1).round(9)


def synthesise(folder: Path, count: int) -> dict[str, Path]:
    """The same scenes as JSON lines and as CSV."""
    paths = {kind: folder / f"scenes_{count}.{kind}" for kind in NAMES}
    first = 0
    with paths["jsonl"].open("w") as lines, paths["csv"].open("w") as table:
        table.write("id,acquired,cloud_percent,sun_elevation,footprint\n")
        for rings in footprints(count):
            wkt = shapely.to_wkt(shapely.polygons(rings), rounding_precision=9)
            for offset, (ring, text) in enumerate(zip(rings.tolist(), wkt, strict=True)):
                row = first + offset
                row -= row % 1000 == 999
                scene_id, second = (
                    f"20230714_{row:09d}_59_2414",
                    f"2023-07-14T{row // 3600 % 24:02d}:{row // 60 % 60:02d}",
                )
                when = f"{second}:{row % 60:02d}.593901Z"
                lines.write(json.dumps(item(scene_id, when, ring, row)) + "\n")
                table.write(f'{scene_id},{when},{row % 100},{row % 60},"{text}"\n')
            first += len(rings)
    return paths


def item(scene_id: str, when: str, ring: list, row: int) -> dict:
    """As Planet's Data API lists it, with its assets left out."""
    known = {
        "acquired": when, "anomalous_pixels": 0, "clear_confidence_percent": 94, "clear_percent": 92,
        "cloud_cover": row % 100 / 100, "cloud_percent": row % 100, "ground_control": True, "gsd": 4.1,
        "heavy_haze_percent": 0, "instrument": "PSB.SD", "item_type": "PSScene", "light_haze_percent": 2,
        "pixel_resolution": 3, "provider": "planetscope", "published": when, "publishing_stage": "finalized",
        "quality_category": "standard", "satellite_id": "2414", "shadow_percent": 0, "snow_ice_percent": 8,
        "strip_id": "6665497", "sun_azimuth": 161.5, "sun_elevation": row % 60, "updated": when,
    }  # fmt: skip
    links = {"_self": f"https://api.planet.com/data/v1/item-types/PSScene/items/{scene_id}"}
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {
        "_links": links,
        "_permissions": [],
        "type": "Feature",
        "id": scene_id,
        "geometry": shape,
        "properties": known,
    }


def run(code: str, source: Path, output: Path) -> tuple[float, int, float]:
    """Seconds, rows written and peak memory (GB) of a process of its own."""
    script = "from pathlib import Path\n" + code.format(source=str(source), output=str(output)) + PEAK
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    rows, peak = done.stdout.split()
    return time.perf_counter() - started, int(rows), int(peak) / 1e6


def beside_geopandas(
    kind: str, source: Path, folder: Path, rounds: int
) -> list[tuple[float, float, float, float]]:
    """Our seconds and peak, and the rival's, a round."""
    rival = (GEOPANDAS_JSON if kind == "jsonl" else GEOPANDAS_CSV) + GEOPANDAS_END
    found = []
    for _ in range(rounds):
        ours, rows, peak = run(OURS, source, folder / "ours.parquet")
        theirs, their_rows, their_peak = run(rival, source, folder / "theirs.parquet")
        assert rows == their_rows, f"{source.name}: catfast writes {rows} scenes, geopandas {their_rows}"
        found.append((ours, peak, theirs, their_peak))
    return found


def results(kind: str, size: int, turns: list[tuple[float, float, float, float]]) -> list[Result]:
    ours, peak, _, their_peak = np.median(np.array(turns), axis=0).tolist()
    ratios = [turn[2] / turn[0] for turn in turns]
    name = f"{NAMES[kind]}, {size / 1e6:g} M"
    note = f"peak {peak:.2f} GB, geopandas {their_peak:.2f} GB"
    return [
        Result(
            name=name, value=round(size / ours), unit="rows/s", rival="geopandas", note=note, **spread(ratios)
        )
    ]


def main() -> None:
    given = options(__doc__)
    sizes, rounds = ((10_000, 40_000), 2) if given.quick else ((250_000, 1_000_000), 3)
    found: list[Result] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peaks: dict[str, list[float]] = {kind: [] for kind in NAMES}
        for size in sizes:
            for kind, source in synthesise(folder, size).items():
                turns = beside_geopandas(kind, source, folder, rounds)
                source.unlink()
                peaks[kind].append(float(np.median([turn[1] for turn in turns])))
                found += results(kind, size, turns)
                show(found[-1])
    for kind, (small, large) in peaks.items():
        growth = Result(
            name=f"peak memory, {NAMES[kind]}",
            value=round(large / small, 3),
            unit="x",
            note=f"{large:.2f} GB at {sizes[1] / 1e6:g} M rows over {small:.2f} GB at {sizes[0] / 1e6:g} M",
        )
        show(growth)
        found.append(growth)
    write(found, given.json)


if __name__ == "__main__":
    main()
