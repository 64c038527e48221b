"""Make a simulated world: plan its pairs, render them, write every file, and only then show the folder."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from catfast.classes import CLASS_CODES, NODATA
from catfast.errors import OutputError
from catfast.paths import files_below
from catfast.raster import write_geotiff
from catfast.simulate.world.config import PairSummary, WorldConfig, WorldSummary
from catfast.simulate.world.landsat import write_landsat
from catfast.simulate.world.plan import PairPlan, plan_world
from catfast.simulate.world.planetscope import SIMULATED, grid_of, write_planetscope
from catfast.simulate.world.twin import Twin, make_twin
from catfast.temporary import temporary_path

__all__ = ["simulate_world"]

INDEX = "world.json"
WORKERS = 2


def simulate_world(
    out: str | Path, config: WorldConfig | None = None, progress: Callable[[PairSummary], None] | None = None
) -> WorldSummary:
    """Make a folder of coincident PlanetScope and Landsat scenes with known truth.

    ``PSScene/`` holds PlanetScope items (image, XML, JSON, UDM2) and ``landsat/<product>/`` Landsat
    Collection 2 products (bands 2-5, QA_PIXEL, MTL, STAC item), under their real names; ``truth/`` holds the
    true classes on PlanetScope's grid and how far the clouds moved; ``world.json`` lists pairs and files.
    Every file says that it is simulated. The folder appears when it is complete.

    Args:
        out: the folder to make.
        config: size, number and seed.
        progress: called with every pair that is done, from a worker thread.

    Raises:
        OutputError: `out` exists and is not empty, or holds what is not of the world to be replaced, or the
            disk did not take it.
    """
    out, config = Path(out), config or WorldConfig()
    started = time.perf_counter()
    _check(out, config.overwrite)
    building = temporary_path(out.absolute())
    try:
        for name in ("PSScene", "landsat", "truth"):
            (building / name).mkdir(parents=True)
        pairs = _make_pairs(building, plan_world(config), progress)
        index = {
            "simulated": True,
            "format": 1,
            "config": asdict(config),
            "pairs": [asdict(p) for p in pairs],
            "files": [path.relative_to(building).as_posix() for path in files_below(building)],
        }
        _write_json(building / INDEX, index)
        if out.exists():
            shutil.rmtree(out)
        building.replace(out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror or error}") from error
    except OutputError as error:
        raise OutputError(str(error).replace(str(building), str(out))) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return WorldSummary(out=out, pairs=tuple(pairs), seconds=time.perf_counter() - started)


def _check(out: Path, overwrite: bool) -> None:
    """Refuse to write over anything but an empty folder or, when asked to, an older simulated world."""
    if not out.exists() and not out.is_symlink():
        if not out.absolute().parent.is_dir():
            raise OutputError(f"{out}: expected a folder {out.absolute().parent} to make it in, found none")
        return
    if not out.is_dir() or out.is_symlink():
        raise OutputError(f"{out}: expected a folder or nothing, found a file or a link")
    if not any(out.iterdir()):
        return
    if not overwrite:
        raise OutputError(
            f"{out}: expected an empty folder or nothing, found files; --overwrite replaces a world"
        )
    index = _index(out)
    if index is None:
        raise OutputError(f"{out}: --overwrite replaces a simulated world only, and this folder is none")
    if other := _others(out, index):
        raise OutputError(
            f"{out}: --overwrite replaces what simulate wrote, and {other[0]} is not of it: move it away"
        )


def _index(out: Path) -> dict[str, Any] | None:
    """What lists the files of a folder that `simulate_world` made; None for any other."""
    try:
        index = json.loads((out / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return index if isinstance(index, dict) and index.get("simulated") is True else None


def _others(out: Path, index: dict[str, Any]) -> list[Path]:
    """Files that somebody else put there; what desktops and GDAL leave beside files does not count."""
    listed = index.get("files")
    if not isinstance(listed, list):  # worlds were made before their files were listed
        return []
    own = {INDEX, *map(str, listed)}
    found = (path.relative_to(out) for path in files_below(out) if not path.name.startswith("."))
    return [path for path in found if path.as_posix().removesuffix(".aux.xml") not in own]


def _make_pairs(
    building: Path, plans: list[PairPlan], progress: Callable[[PairSummary], None] | None
) -> list[PairSummary]:
    """Render and write all pairs, two at a time: what a pair looks like hangs on its own seed alone."""

    def make(plan: PairPlan) -> PairSummary:
        summary = _make_pair(building, plan)
        if progress is not None:
            progress(summary)
        return summary

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        futures = [pool.submit(make, plan) for plan in plans]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _make_pair(building: Path, plan: PairPlan) -> PairSummary:
    """Render and write one pair."""
    twin = make_twin(plan)
    write_planetscope(building / "PSScene", plan, twin.planet)
    product = building / "landsat" / plan.l8_id
    product.mkdir()
    write_landsat(product, plan, twin.landsat)
    _write_truth(building / "truth", plan, twin)
    shares = np.bincount(twin.planet.truth[twin.planet.valid], minlength=5) * (
        100.0 / twin.planet.valid.sum()
    )
    return PairSummary(
        ground=plan.ground,
        ps_id=plan.ps_id,
        l8_id=plan.l8_id,
        dt_s=round(plan.dt_s, 3),
        classes={name: round(float(shares[code]), 2) for name, code in CLASS_CODES.items()},
    )


def _write_truth(folder: Path, plan: PairPlan, twin: Twin) -> None:
    """Write what is true of a pair: the classes that PlanetScope saw, and what moved how far."""
    write_geotiff(
        folder / f"{plan.ps_id}_truth.tif",
        twin.planet.truth[None],
        grid_of(plan.ps),
        nodata=NODATA,
        descriptions=("truth",),
        tags=SIMULATED,
    )
    layers = {}
    for k, name in enumerate(("low", "high")):
        if name == "high" and plan.site.high is None:
            continue
        layers[name] = {
            "kind": plan.site.low if k == 0 else plan.site.high,
            "height_m": round(twin.heights_m[k], 1),
            "wind_m_s": _rounded(plan.winds[k]),
            "clouds_moved_m": _rounded(twin.moved_m[k]),
            "shadows_moved_m": _rounded(twin.shadows_moved_m[k]),
        }
    truth = {
        "simulated": True,
        "ground": plan.ground,
        "ps_id": plan.ps_id,
        "l8_id": plan.l8_id,
        "dt_s": round(plan.dt_s, 3),
        "dt_local_s": round(plan.dt_local_s, 3),
        "sun_azimuth_deg": round(plan.sun[0], 3),
        "sun_elevation_deg": round(plan.sun[1], 3),
        "surfaces": list(plan.site.surfaces),
        "moved": "metres east and north on the scene's grid, from where Landsat saw it",
        "layers": layers,
        "codes": {**CLASS_CODES, "not seen": NODATA},
    }
    _write_json(folder / f"{plan.ps_id}_truth.json", truth)


def _rounded(pair: tuple[float, float]) -> list[float]:
    """Return a pair of numbers as a list, rounded to centimetres."""
    return [round(v, 2) for v in pair]


def _write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON file that a person can read."""
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
