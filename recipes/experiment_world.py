"""The experiment's worlds: scenes, pairs, labels and patch stores, each made once by the public stages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.catalog import build as build_catalog
from catfast.classes import CLASS_CODES, NODATA
from catfast.labels import LabelConfig, transfer
from catfast.pairs import PairsConfig, mine
from catfast.patches import PatchesConfig, make_store
from catfast.raster import open_raster, write_geotiff
from catfast.simulate import WorldConfig, simulate_world

__all__ = ["Codes", "beside", "label_of", "make_patches", "make_world", "mine_pairs", "perfect", "scenes"]

Codes = npt.NDArray[np.uint8]

_QA_OF_CLASS = {"clear": 21824, "cloud": 22280, "shadow": 23888, "snow": 30048, "water": 21952}
"""Values of QA_PIXEL that say so and nothing else."""
_FILL = 1
_HALF = 100
"""Soft label of a pixel that is half cloud."""


def make_world(folder: Path, pairs: int, size_px: int, seed: int) -> Path:
    """Simulate a world and list its scenes."""
    if not folder.exists():
        simulate_world(folder, WorldConfig(pairs=pairs, size_px=size_px, seed=seed))
    for kind in ("planet", "landsat"):
        catalogue = beside(folder, f"{kind}.parquet")
        if not catalogue.exists():
            build_catalog(kind, [folder], catalogue)
    return folder


def beside(world: Path, name: str) -> Path:
    """A path next to a world, called after it."""
    return world.with_name(f"{world.name}-{name}")


def mine_pairs(world: Path, options: Mapping[str, Any]) -> Path:
    """Pairs of a world by options of :class:`PairsConfig`."""
    name = "-".join(f"{key}_{value}" for key, value in options.items()) or "all"
    path = beside(world, f"pairs-{name}.parquet")
    if not path.exists():
        planet, landsat = (beside(world, f"{kind}.parquet") for kind in ("planet", "landsat"))
        mine(planet, landsat, path, PairsConfig(**options))
    return path


def perfect(world: Path) -> Path:
    """Quality bands that tell the truth, on PlanetScope's own grid: the teacher that nobody has."""
    folder = beside(world, "perfect")
    values = np.full(256, _FILL, np.uint16)
    for name, value in _QA_OF_CLASS.items():
        values[CLASS_CODES[name]] = value
    for pair in _pairs_of(world):
        path = folder / pair["l8_id"] / f"{pair['l8_id']}_QA_PIXEL.TIF"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_raster(world / "truth" / f"{pair['ps_id']}_truth.tif") as raster:
            grid = raster.info.grid
            codes = raster.read_rows((1,), 0, grid.height)
        write_geotiff(path, values[codes], grid, nodata=_FILL)
    return folder


def make_patches(
    world: Path, store: Path, size: int, pairs: Path, labels: Mapping[str, Any], *, truth: bool
) -> Path:
    """Cut the patches of a world, labelled by its Landsat scenes or, with ``truth``, by what is true."""
    if not store.exists():
        store.parent.mkdir(exist_ok=True)
        config = PatchesConfig(
            output=store,
            scenes=(world / "PSScene", perfect(world)) if truth else (world,),
            size=size,
            format="safetensors",
            splits=(0.8, 0.2, 0.0),
            **labels,
        )
        make_store(pairs, config)
    return store


def label_of(world: Path, scene: Path, name: str, options: Mapping[str, Any]) -> Codes:
    """The label that a kind of teacher gives a scene; of soft ones, cloud from a half on."""
    folder = beside(world, "labels") / name
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"{scene.stem}_label.tif"
    shared = {key: value for key, value in options.items() if key in ("align", "ignore", "method")}
    if not output.exists():
        pair = next(pair for pair in _pairs_of(world) if scene.name.startswith(pair["ps_id"]))
        qa = world / "landsat" / pair["l8_id"] / f"{pair['l8_id']}_QA_PIXEL.TIF"
        transfer(qa, scene, output, LabelConfig(**shared))
    codes = codes_of(output)
    if shared.get("method") != "fraction":
        return codes
    return np.where(codes == NODATA, NODATA, codes >= _HALF).astype(np.uint8)


def scenes(world: Path) -> Iterator[tuple[Path, Codes]]:
    """PlanetScope scenes of a world with their true classes."""
    for path in sorted((world / "truth").glob("*_truth.tif")):
        (scene,) = (world / "PSScene").rglob(f"{path.name.removesuffix('_truth.tif')}*AnalyticMS*.tif")
        yield scene, codes_of(path)


def codes_of(path: Path) -> Codes:
    """The only band of a file."""
    with open_raster(path) as raster:
        codes: Codes = raster.read_rows((1,), 0, raster.info.grid.height)[0]
    return codes


def _pairs_of(world: Path) -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = json.loads((world / "world.json").read_text(encoding="utf-8"))["pairs"]
    return pairs
