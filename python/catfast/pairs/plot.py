"""A picture of pairs: footprints on a polar map, and how far apart in time they are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catfast.catalog import PLOT_SOFTWARE, whole_file
from catfast.errors import MissingExtraError
from catfast.pairs.config import PairsConfig
from catfast.pairs.graticule import Box, draw_graticule

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes

Shapes = npt.NDArray[Any]

LANDSAT, PLANET, OVERLAP = "#2166ac", "#d6604d", "#f4a582"
SMALLEST_VIEW_M = 60_000.0
EMPTY_VIEW_M = 3_500_000.0
"""Half the map's side where there is no pair: the world north of about 58 N."""
DOT = 1 / 150
"""Overlaps narrower than this share of the map are drawn as dots."""
_BATCH = 65_536


def check_matplotlib() -> None:
    """Refuse early.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("a plot of pairs", "pairs") from error


def read_footprints(catalogue: Path, ids: pa.ChunkedArray) -> Shapes:
    """Polygons (n,) of the scenes of a catalogue that `ids` names, read batch by batch."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    import shapely

    found: list[bytes] = []
    ids = ids.unique()
    with pq.ParquetFile(catalogue) as file:
        for batch in file.iter_batches(_BATCH, columns=["scene_id", "geometry"]):
            wanted = pc.is_in(batch["scene_id"], value_set=ids)
            found += pa.Table.from_batches([batch]).filter(wanted)["geometry"].to_pylist()
    return np.asarray(shapely.from_wkb(found), object)


def draw(pairs: pa.Table, planet: Shapes, landsat: Shapes, output: Path, config: PairsConfig) -> None:
    """Write a PNG: `planet` and `landsat` are the footprints in any pair.

    Raises:
        OutputError: the disk does not take it.
    """
    import shapely
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    common = np.asarray(shapely.from_wkb(pairs["geometry"].to_pylist()), object)
    _map(left, planet, landsat, common)
    _histogram(right, pairs, config)
    counts = (pairs.num_rows, "pair"), (len(planet), "PlanetScope scene"), (len(landsat), "Landsat scene")
    found, *scenes = (f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts)
    figure.suptitle(f"{found} of {' and '.join(scenes)}", fontsize=12)
    with whole_file(output) as part:
        figure.savefig(part, format="png", metadata={"Software": PLOT_SOFTWARE})


def _map(axes: Axes, planet: Shapes, landsat: Shapes, common: Shapes) -> None:
    import shapely
    from matplotlib.patches import Patch

    box = _view(np.concatenate([planet, landsat]))
    side = box[2] - box[0]
    many = len(common) > 500
    _polygons(axes, landsat, LANDSAT, face=0.02 if many else 0.08, line=0.4 if many else 1.0, order=2)
    _polygons(axes, common, OVERLAP, face=0.8, line=0.0, order=3)
    _polygons(axes, planet, PLANET, face=0.0, line=0.4 if many else 1.0, order=4)
    small = np.sqrt(shapely.area(common)) < DOT * side
    x, y = shapely.get_coordinates(shapely.centroid(common[small])).reshape(-1, 2).T
    axes.scatter(x, y, s=4 if many else 12, color=PLANET, linewidths=0, alpha=0.5 if many else 0.9, zorder=5)
    draw_graticule(axes, box)
    axes.set(xlim=(box[0], box[2]), ylim=(box[1], box[3]), aspect="equal", xticks=[], yticks=[])
    axes.set_title(f"Footprints, EPSG:6931; the map is {side / 1000:.0f} km wide", fontsize=10)
    kinds = (("Landsat", LANDSAT, 0.15), ("PlanetScope", PLANET, 0.0), ("overlap", OVERLAP, 0.8))
    marks = [Patch(edgecolor=colour, facecolor=(colour, alpha), label=name) for name, colour, alpha in kinds]
    axes.legend(handles=marks, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3, frameon=False)


def _view(shapes: Shapes) -> Box:
    """A square round all shapes, with a margin."""
    import shapely

    if not len(shapes):
        return -EMPTY_VIEW_M, -EMPTY_VIEW_M, EMPTY_VIEW_M, EMPTY_VIEW_M
    west, south, east, north = (float(side) for side in shapely.total_bounds(shapes))
    half = 0.54 * max(east - west, north - south, SMALLEST_VIEW_M)
    x, y = (west + east) / 2, (south + north) / 2
    return x - half, y - half, x + half, y + half


def _polygons(axes: Axes, shapes: Shapes, colour: str, *, face: float, line: float, order: int) -> None:
    import shapely
    from matplotlib.collections import PolyCollection

    parts = shapely.get_parts(shapes)
    parts = parts[shapely.get_type_id(parts) == 3]  # an intersection may touch in a line too
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_exterior_ring(parts)]
    edge = colour if line else "none"
    axes.add_collection(
        PolyCollection(rings, facecolors=[(colour, face)], edgecolors=edge, linewidths=line, zorder=order)
    )


def _histogram(axes: Axes, pairs: pa.Table, config: PairsConfig) -> None:
    from matplotlib.ticker import MaxNLocator

    limit = config.max_dt_s
    dt = np.asarray(pairs["dt_s"].to_numpy(), np.float64)
    local = np.asarray(pairs["dt_local_s"].drop_null().to_numpy(), np.float64)
    furthest = max(limit, *np.abs(np.concatenate([dt, local, [0.0]])))
    width = max(limit / 12, furthest / 40)
    count = max(12, math.ceil(furthest / width - 1e-9))
    bins = [step * width for step in range(-count, count + 1)]
    if len(dt):
        axes.hist(dt, bins=bins, color=LANDSAT, alpha=0.45, label="dt_s, from the Landsat scene centre")
    if len(local):
        known = f" ({len(local)} known)" if len(local) < len(dt) else ""
        axes.hist(
            local,
            bins=bins,
            histtype="step",
            color=PLANET,
            linewidth=1.6,
            label=f"dt_local_s, from its pass over the overlap{known}",
        )
    for place in (-limit, limit):
        axes.axvline(place, color="0.4", linestyle="--", linewidth=0.9)
    axes.set(xlabel="PlanetScope minus Landsat, s", ylabel="pairs")
    axes.set_title(f"Time apart; dashed: the window of {limit:g} s", fontsize=10)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if len(dt):
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), frameon=False, fontsize=9)
