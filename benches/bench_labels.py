"""Labels: a QA band on a PlanetScope grid, against rasterio (GDAL) at two threads, in interleaved rounds.

Clouds are smooth fields, as real ones are, or the real full scene of ../shared/data where it is there. The
rival of a code is GDAL's warp of the decoded band (nearest, mode; its bilinear one, which mixes codes up, for
what smooth edges cost), by rasterio and by odc-geo, that of the fraction its average warp; ours includes
decoding and PROJ. The last lines count pixels that differ from PROJ at every pixel.
A ratio above 1 means that ours is faster.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.warp import reproject
from rasterio.windows import Window

from catfast import _core
from catfast.labels import LabelConfig, QaWarp
from catfast.labels.nodes import Mapper
from catfast.labels.warp import source_window
from catfast.landsat import open_qa
from catfast.raster import Grid, parse_crs
from report import Result, Run, interleaved, options, show, spread, write

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.golden.test_labels_grids import CASES, exact, grids

THREADS = 2
BAND = 512
REAL = Path(__file__).parents[2] / "shared/data/landsat_c2_qa_fullscene"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A QA band in memory, and the grid that labels are wanted on."""

    qa: npt.NDArray[np.uint16]
    source: Grid
    target: Grid

    @property
    def pixels(self) -> int:
        return self.target.width * self.target.height

    def place(self) -> dict[str, object]:
        """Arguments of GDAL's warp."""
        return {
            "src_transform": self.source.transform,
            "src_crs": self.source.crs,
            "dst_transform": self.target.transform,
            "dst_crs": self.target.crs,
            "num_threads": THREADS,
        }


def smooth_pair(crs: str, height: int, width: int) -> Pair:
    """Clouds of a few kilometres, dilated, over another zone's scene."""
    side = max(height, width) // 10 + 300
    rng = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((side, side))) * frequency**-1.6).real
    field /= field.std()
    values = np.array([21824, 21762, 22280], np.uint16)
    qa = values[np.digitize(field, [0.3, 0.45])]
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32604", always_xy=True).transform(-156.4, 71.0)
    corner = round(x / 30) * 30 - side * 15, round(y / 30) * 30 + side * 15
    transform = Affine(30, 0, corner[0], 0, -30, corner[1])
    source = Grid(width=side, height=side, transform=transform, crs=parse_crs("EPSG:32604"))
    return Pair(qa=qa, source=source, target=target_grid(crs, -156.4, 71.0, height, width))


def target_grid(crs: str, lon: float, lat: float, height: int, width: int) -> Grid:
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    transform = Affine(3, 0, round(x / 3) * 3 - width * 1.5, 0, -3, round(y / 3) * 3 + height * 1.5)
    return Grid(width=width, height=height, transform=transform, crs=parse_crs(crs))


def our_warp(pair: Pair, method: str, out: npt.NDArray[np.uint8]) -> Run:
    valid = np.ones((BAND, pair.target.width), np.uint8)

    def run() -> None:
        mapper = Mapper(pair.source, pair.target)
        for start in range(0, pair.target.height, BAND):
            stop = min(start + BAND, pair.target.height)
            nodes, step, node_row = mapper.nodes(start, stop)
            window = source_window(nodes, step, pair.source)
            origin = (window.rows[0], window.columns[0]) if window else (0, 0)
            qa = pair.qa[slice(*window.rows), slice(*window.columns)].copy() if window else pair.qa
            place = {"step": step, "first_row": start, "node_row": node_row, "origin": origin}
            _core.warp_qa(qa, nodes, valid[: stop - start], out[start:stop], **place, method=method)

    return run


def decoded(qa: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    out = np.empty(qa.shape, np.uint8)
    _core.decode_qa(qa, out)
    return out


def nearest(pair: Pair, rounds: int) -> Result:
    """Codes by the pixel's centre."""
    ours, theirs = (np.full((pair.target.height, pair.target.width), 255, np.uint8) for _ in range(2))
    codes = decoded(pair.qa)

    def warp() -> None:
        reproject(codes, theirs, **pair.place(), resampling=Resampling.nearest, init_dest_nodata=False)

    def warp_and_decode() -> None:
        np.copyto(codes, decoded(pair.qa))
        warp()

    run = our_warp(pair, "nearest", ours)
    run(), warp()
    assert np.mean(ours != theirs) < 1e-2
    rivals = {
        "rasterio nearest": warp,
        "decode + rasterio nearest": warp_and_decode,
        "odc-geo nearest": odc_warp(pair, codes, theirs, "nearest"),
    }
    return timed("nearest", pair, run, rivals, rounds, 6.0)


def majority(pair: Pair, rounds: int) -> Result:
    """Codes by area."""
    ours, theirs = (np.full((pair.target.height, pair.target.width), 255, np.uint8) for _ in range(2))
    codes = decoded(pair.qa)

    def warp() -> None:
        reproject(codes, theirs, **pair.place(), resampling=Resampling.mode, init_dest_nodata=False)

    return timed("majority", pair, our_warp(pair, "majority", ours), {"rasterio mode": warp}, rounds, None)


def bilinear(pair: Pair, rounds: int) -> Result:
    """Codes by bilinear weight."""
    ours, theirs = (np.full((pair.target.height, pair.target.width), 255, np.uint8) for _ in range(2))
    codes = decoded(pair.qa)

    def warp() -> None:
        reproject(codes, theirs, **pair.place(), resampling=Resampling.bilinear, init_dest_nodata=False)

    rivals = {"rasterio bilinear": warp, "odc-geo bilinear": odc_warp(pair, codes, theirs, "bilinear")}
    return timed("bilinear", pair, our_warp(pair, "bilinear", ours), rivals, rounds, 4.5)


def odc_warp(pair: Pair, codes: npt.NDArray[np.uint8], out: npt.NDArray[np.uint8], resampling: str) -> Run:
    from odc.geo.geobox import GeoBox
    from odc.geo.warp import rio_reproject

    boxes = [
        GeoBox((grid.height, grid.width), grid.transform, grid.crs.to_wkt())
        for grid in (pair.source, pair.target)
    ]
    return lambda: rio_reproject(codes, out, *boxes, resampling, num_threads=THREADS, init_dest_nodata=False)


def fraction(pair: Pair, rounds: int) -> Result:
    """Cloud by area; GDAL averages what is not nodata, as ours does."""
    ours = np.empty((pair.target.height, pair.target.width), np.uint8)
    theirs = np.empty(ours.shape, np.float32)
    codes = decoded(pair.qa)
    share = np.where(codes == 255, np.nan, np.where(codes == 1, 200, 0)).astype(np.float32)
    bytes_in, bytes_out = (
        np.where(codes == 255, 255, np.where(codes == 1, 200, 0)).astype(np.uint8),
        ours.copy(),
    )

    def warp() -> None:
        reproject(
            share, theirs, **pair.place(), src_nodata=np.nan, dst_nodata=np.nan, resampling=Resampling.average
        )

    def warp_bytes() -> None:
        reproject(
            bytes_in, bytes_out, **pair.place(), src_nodata=255, dst_nodata=255, resampling=Resampling.average
        )

    run = our_warp(pair, "fraction", ours)
    run(), warp()
    both = (ours != 255) & ~np.isnan(theirs)
    assert both.mean() > 0.5
    assert np.abs(ours[both] - theirs[both]).mean() < 1
    rivals = {"rasterio average": warp, "rasterio average of bytes": warp_bytes}
    return timed("fraction", pair, run, rivals, rounds, 8.0)


def timed(
    name: str, pair: Pair, ours: Run, rivals: dict[str, Run], rounds: int, goal: float | None
) -> Result:
    took, rival, ratios = interleaved(ours, rivals, rounds)
    return Result(
        name=name,
        value=round(pair.pixels / took / 1e6, 1),
        unit="Mpx/s",
        rival=rival,
        **spread(ratios),
        goal=goal,
        note=f"{pair.target.width} x {pair.target.height} px, {THREADS} threads, {rounds} rounds",
    )


def fused(path: Path, height: int, width: int, rounds: int) -> Result:
    """From the real file to a label array: ours reads the windows it needs."""
    with rasterio.open(path) as dataset:
        lon, lat = dataset.lnglat()
        source = Grid(
            width=dataset.width, height=dataset.height, transform=dataset.transform, crs=dataset.crs
        )
    pair = Pair(
        qa=np.empty((0, 0), np.uint16),
        source=source,
        target=target_grid("EPSG:32646", lon, lat, height, width),
    )
    table = decoded(np.arange(65536, dtype=np.uint16)[None])[0]
    ours, theirs = (np.full((height, width), 255, np.uint8) for _ in range(2))

    def run() -> None:
        with open_qa(path) as qa:
            warp = QaWarp(qa, pair.target, LabelConfig())
            for start in range(0, height, BAND):
                stop = min(start + BAND, height)
                ours[start:stop] = warp.labels(warp.place(start, stop))

    def warp_from(window: Window | None) -> None:
        with rasterio.open(path, num_threads=THREADS) as dataset:
            qa = dataset.read(1, window=window)
            transform = dataset.transform if window is None else dataset.window_transform(window)
        place = pair.place() | {"src_transform": transform}
        reproject(table[qa], theirs, **place, resampling=Resampling.nearest, init_dest_nodata=False)

    nodes = Mapper(source, pair.target).nodes(0, height)[0].reshape(-1, 2)
    top, left = np.maximum(np.floor(nodes.min(axis=0)) - 2, 0).astype(int)
    bottom, right = np.ceil(nodes.max(axis=0)).astype(int) + 2
    window = Window(left, top, right - left, bottom - top)
    rivals = {
        "read + table + rasterio": lambda: warp_from(None),
        "read window + table + rasterio": lambda: warp_from(window),
    }
    run(), warp_from(window)
    assert np.mean(ours != theirs) < 1e-2
    return timed("fused, real full scene", pair, run, rivals, rounds, 3.0)


def wrong_pixels(name: str) -> Result:
    """Pixels that are not what PROJ at each pixel's centre says, a million: ours, and GDAL's in the note."""
    source, target = grids(name)
    code = np.random.default_rng(0).integers(0, 5, (source.height, source.width)).astype(np.uint8)
    values = np.array([21824, 22280, 23888, 30048, 21888], np.uint16)
    pair = Pair(qa=values[code], source=source, target=target)
    place = np.floor(exact(source, target)).astype(np.int64)
    inside = ((place >= 0) & (place < code.shape)).all(axis=-1)
    row, column = np.moveaxis(place.clip(0, np.array(code.shape) - 1), -1, 0)
    truth = np.where(inside, code[row, column], 255)
    ours, theirs = (np.full((target.height, target.width), 255, np.uint8) for _ in range(2))
    our_warp(pair, "nearest", ours)()
    reproject(code, theirs, **pair.place(), resampling=Resampling.nearest, init_dest_nodata=False)
    wrong, gdal = (float(np.mean(found != truth)) * 1e6 for found in (ours, theirs))
    return Result(
        name=f"wrong: {name}", value=round(wrong, 1), unit="ppm", goal=10.0, note=f"rasterio {gdal:.0f} ppm"
    )


def main() -> None:
    chosen = options(__doc__)
    _core.set_threads(THREADS)
    height, width, rounds = (2000, 4000, 5) if chosen.quick else (4000, 8000, 9)
    pair = smooth_pair("EPSG:32605", height, width)
    results = []

    def add(result: Result) -> None:
        results.append(result)
        show(result)

    with rasterio.Env(GDAL_NUM_THREADS=str(THREADS)):
        for measure in (nearest, majority, bilinear, fraction):
            add(measure(pair, rounds))
        for path in sorted(REAL.glob("*_QA_PIXEL.TIF")):
            add(fused(path, height, width, rounds))
        for name in CASES:
            add(wrong_pixels(name))
    write(results, chosen.json)


if __name__ == "__main__":
    main()
