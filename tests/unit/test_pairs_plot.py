"""The picture of pairs: read back as pixels and by the lines that it draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely
from PIL import Image
from pyproj import Geod

from catfast.errors import OutputError
from catfast.pairs import PairsConfig, mine
from tests.conftest import run_catfast
from tests.scenes import T0_MS, TO_DEGREES, square, write_catalogue

pytest.importorskip("matplotlib", reason='needs the extra "pairs"')


def catalogues(folder: Path, places: list[tuple[float, float]]) -> tuple[Path, Path]:
    times = [T0_MS + 40_000 * index for index in range(len(places))]
    known = {
        "wrs_path": pa.array([7] * len(places), pa.int32()),
        "wrs_row": pa.array([13] * len(places), pa.int32()),
    }
    ps = write_catalogue(folder / "ps.parquet", [square(*p, 12_000) for p in places], times)
    landsat = [square(*p, 90_000) for p in places]
    return ps, write_catalogue(folder / "l8.parquet", landsat, times, platform="landsat-8", **known)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def share(image: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((np.abs(image - colour).max(axis=-1) < 12).mean())


PLANET, LANDSAT = (214, 96, 77), (33, 102, 172)
OVERLAP = (243, 181, 154)
"""As it shows: four fifths of its own colour, over Landsat's tint."""


@pytest.mark.parametrize(
    "places",
    [[(-50, 67)], [(180, 75)], [(0, 89.95)], [(lon, 70) for lon in range(-180, 180, 30)], []],
    ids=["one", "antimeridian", "pole", "round the pole", "none"],
)
def test_the_extent_follows_the_pairs(tmp_path, places):
    ps, l8 = catalogues(tmp_path, places or [(0, 75)])
    config = PairsConfig(
        plot=tmp_path / "p.png", min_overlap=0.05, max_cloud=None, latitude=None if places else (89, 90)
    )
    result = mine(ps, l8, tmp_path / "p.parquet", config)
    assert result.pairs == len(places)
    image = pixels(tmp_path / "p.png")
    left = image[:, : int(image.shape[1] * 0.55)]
    assert (share(left, LANDSAT) > 1e-3) == bool(places)
    if len(places) == 1:
        side = 1.08 * 2 * 90_000 * (np.cos(0.3) + np.sin(0.3))  # turned by 0.3, and a margin
        on_map = (2 * 12_000 / side) ** 2 * (0.42 * image.shape[1]) ** 2 / left[..., 0].size
        assert share(left, OVERLAP) == pytest.approx(on_map, rel=0.15)
    if places:
        assert share(left, PLANET) > 1e-4


def test_the_graticule_lies_where_proj_says(tmp_path):
    """Every line drawn is a meridian or a parallel of a round number; every label says which."""
    from matplotlib.figure import Figure

    from catfast.pairs.graticule import draw_graticule

    axes = Figure().subplots()
    centre = square(-150, 70).centroid
    box = (centre.x - 3e5, centre.y - 3e5, centre.x + 3e5, centre.y + 3e5)
    draw_graticule(axes, box)
    assert len(axes.lines) >= 6
    for line in axes.lines:
        lon, lat = TO_DEGREES.transform(*(np.asarray(side)[::400] for side in line.get_data()))
        lon, lat = np.unwrap(lon[lat < 89.9], period=360), lat[lat < 89.9]
        assert np.ptp(lat) < 1e-6 or np.ptp(lon) < 1e-6
    assert axes.texts
    for text in axes.texts:
        lon, lat = TO_DEGREES.transform(*text.get_position())
        value, side = text.get_text().split("°")
        signed = float(value) * (-1 if side in ("W", "S") else 1)
        is_lat = side in ("N", "S")
        there = (lon, signed) if is_lat else (signed, lat)
        assert Geod(ellps="WGS84").inv(lon, lat, *there)[2] < 1
        assert box[0] < text.get_position()[0] < box[2]
        assert box[1] < text.get_position()[1] < box[3]


def test_ten_thousand_pairs(tmp_path):
    """In seconds, and still with ground between them: not one blot."""
    from catfast.pairs.plot import draw

    rng = np.random.default_rng(0)
    x, y = rng.uniform(-3e6, 3e6, (2, 10_000))
    planet = shapely.box(x - 12e3, y - 12e3, x + 12e3, y + 12e3)
    landsat = shapely.box(x[:500] - 9e4, y[:500] - 9e4, x[:500] + 9e4, y[:500] + 9e4)
    table = {"geometry": list(shapely.to_wkb(planet)), "dt_s": rng.uniform(-30, 30, len(x))}
    pairs = pa.table(table | {"dt_local_s": pa.nulls(len(x), pa.float64())})
    draw(pairs, planet, landsat, tmp_path / "p.png", PairsConfig())
    image = pixels(tmp_path / "p.png")
    left = image[100:-150, : int(image.shape[1] * 0.5)]
    assert share(left, (255, 255, 255)) > 0.3
    assert 0.02 < (np.abs(left - 255).max(axis=-1) > 60).mean() < 0.7


def test_the_same_pairs_give_the_same_bytes_and_only_plots_are_replaced(tmp_path):
    ps, l8 = catalogues(tmp_path, [(-50, 67)])
    plot = tmp_path / "p.png"
    for _ in range(2):
        before = plot.read_bytes() if plot.exists() else b""
        mine(ps, l8, tmp_path / "p.parquet", PairsConfig(plot=plot))
    assert plot.read_bytes() == before
    plot.write_bytes(b"a drawing of mine")
    with pytest.raises(OutputError, match="not a plot of pairs"):
        mine(ps, l8, tmp_path / "p.parquet", PairsConfig(plot=plot))
    assert plot.read_bytes() == b"a drawing of mine"
    mine(ps, l8, tmp_path / "p.parquet", PairsConfig(plot=plot, overwrite=True))
    assert pixels(plot).size
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "l8.parquet",
        "p.parquet",
        "p.png",
        "ps.parquet",
    ]


def test_a_plot_that_the_disk_does_not_take_leaves_no_pairs(tmp_path):
    ps, l8 = catalogues(tmp_path, [(-50, 67)])
    plot = tmp_path / "absent" / "p.png"
    done = run_catfast("pairs", ps, l8, "-o", tmp_path / "p.parquet", "--plot", plot)
    assert (done.code, done.err.count("\n")) == (4, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l8.parquet", "ps.parquet"]


def test_without_matplotlib_it_is_one_sentence(tmp_path):
    """A real absence: an import hook in a fresh interpreter."""
    ps, l8 = catalogues(tmp_path, [(-50, 67)])
    script = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from catfast.cli import main
main(["pairs", {str(ps)!r}, {str(l8)!r}, "-o", {str(tmp_path / "o.parquet")!r}, "--plot", "p.png"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert 'pip install "catfast[pairs]"' in done.stderr
    assert not (tmp_path / "o.parquet").exists()
