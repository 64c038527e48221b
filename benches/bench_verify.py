"""Overwritten bytes in deflate and zstd scenes: how many GDAL finds, how many catfast, what looking costs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from catfast.errors import InputError
from catfast.raster import open_raster
from report import Result, interleaved, options, show, spread, write

LAYOUTS = {
    "deflate tiles": {"compress": "deflate", "tiled": True},
    "deflate tiles, predictor 2": {"compress": "deflate", "tiled": True, "predictor": 2},
    "deflate strips": {"compress": "deflate"},
    "zstd tiles": {"compress": "zstd", "tiled": True},
    "lzw tiles": {"compress": "lzw", "tiled": True},
}
OVERWRITTEN = 16
"""Bytes a trial."""


def scene(path: Path, side: int, **layout: object) -> None:
    """Simulated counts with the grain of a real scene: smooth ground, two to three bits of noise."""
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(side), np.arange(side)) % 3000
    dn = (smooth + rng.integers(0, 6, (4, side, side)) + 500).astype(np.uint16)
    profile = {"count": 4, "height": side, "width": side, "dtype": "uint16", "nodata": 0}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        crs="EPSG:32604",
        transform=from_origin(5e5, 7.9e6, 3, 3),
        **profile,
        **layout,
    ) as dataset:
        dataset.write(dn)


def read_by_catfast(path: Path, verify: str) -> None:
    with open_raster(path, verify=verify) as raster:
        grid = raster.info.grid
        for start in range(0, grid.height, 512):
            raster.read_rows([1, 2, 3, 4], start, min(start + 512, grid.height))


def finds(path: Path, *, catfast: bool) -> bool:
    try:
        if catfast:
            read_by_catfast(path, "auto")
        else:
            with rasterio.open(path) as dataset:
                dataset.read()
    except (InputError, rasterio.errors.RasterioError):
        return True
    return False


def trials(path: Path, count: int) -> tuple[int, int]:
    """Of ``count`` files with 16 bytes of their pixels overwritten: found by GDAL, found by catfast."""
    whole, rng, damaged = path.read_bytes(), np.random.default_rng(1), path.with_name("damaged.tif")
    with rasterio.open(path) as dataset:
        first = int(dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", 1))
    found = [0, 0]
    for _ in range(count):
        data = bytearray(whole)
        at = int(rng.integers(first, len(data) - OVERWRITTEN))
        data[at : at + OVERWRITTEN] = rng.bytes(OVERWRITTEN)
        damaged.write_bytes(data)
        for who in (0, 1):
            found[who] += finds(damaged, catfast=bool(who))
    return found[0], found[1]


def main() -> None:
    chosen = options(__doc__)
    count, side, rounds = (10, 1024, 3) if chosen.quick else (40, 4096, 7)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.tif"
        for name, layout in LAYOUTS.items():
            scene(path, 1024, **layout)
            by_gdal, by_catfast = trials(path, count)
            results.append(
                Result(
                    name=name,
                    value=by_catfast,
                    unit="found",
                    rival="GDAL's read",
                    goal=float(count) if "deflate" in name else None,
                    note=f"of {count} simulated scenes with {OVERWRITTEN} bytes overwritten; GDAL {by_gdal}",
                )
            )
            show(results[-1])
        scene(path, side, **LAYOUTS["deflate tiles"])
        took, rival, ratios = interleaved(
            lambda: read_by_catfast(path, "auto"),
            {"the same, verify never": lambda: read_by_catfast(path, "never")},
            rounds,
        )
        results.append(
            Result(
                name="read and compare",
                value=round(side * side / took / 1e6, 1),
                unit="Mpx/s",
                rival=rival,
                **spread(ratios),
                note=f"{side * side / 1e6:.0f} Mpx of 4 bands, deflate tiles; {rounds} rounds",
            )
        )
        show(results[-1])
    write(results, chosen.json)


if __name__ == "__main__":
    main()
