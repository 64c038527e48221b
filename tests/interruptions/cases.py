"""The commands that are interrupted, each small, on one simulated world."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from recipes.simulated_store import simulated_store
from tests.conftest import pixel_model, run_catfast

Words = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command with its inputs in place."""

    name: str
    """What it is called in the report."""
    words: Callable[[Path], Words]
    """The command that writes into a folder."""
    timed: tuple[str, ...] = ()
    """Files that say how long something took, or when: never the same bytes twice."""

    def contents(self, folder: Path) -> dict[str, bytes]:
        """The bytes of all files, but for those that say how long it took."""
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not any(path.match(pattern) for pattern in self.timed)
        }


def make_world(folder: Path, *, pairs: int = 4, size: int = 512) -> Path:
    """A simulated world with catalogues, pairs, a small store and a model; an order of its scenes."""
    for words in (
        ("simulate", folder / "world", "--pairs", pairs, "--size", size, "--seed", 3),
        ("catalog", "planet", folder / "world", "-o", folder / "planet.parquet"),
        ("catalog", "landsat", folder / "world", "-o", folder / "landsat.parquet"),
        ("pairs", folder / "planet.parquet", folder / "landsat.parquet", "-o", folder / "pairs.parquet"),
    ):
        done = run_catfast(*words)
        assert done.code == 0, done.err
    pixel_model(folder / "model")
    simulated_store(folder / "store", 40, 32, seed=6)
    (folder / "order").mkdir()
    for path in scenes(folder):
        shutil.copy(path, folder / "order" / path.name)
        for xml in path.parent.glob(f"{path.name.split('_3B_')[0]}*.xml"):
            shutil.copy(xml, folder / "order" / xml.name)
    return folder


def scenes(world: Path) -> list[Path]:
    """PlanetScope images of a world."""
    return sorted(p for p in (world / "world" / "PSScene").rglob("*.tif") if "udm2" not in p.name)


def cases(world: Path) -> list[Case]:
    """All of them."""
    pair = pq.read_table(world / "pairs.parquet").to_pylist()[0]
    scene = next(path for path in scenes(world) if path.name.startswith(pair["ps_id"]))
    qa = next((world / "world" / "landsat").rglob(f"{pair['l8_id']}_QA_PIXEL.TIF"))
    model = ("--model", world / "model")
    train = ("train", world / "store", "--encoder", "tu-mobilenetv3_small_050", "--resume", "-q")
    train = (*train, "--max-steps", 8, "--validate-every", 4, "--batch-size", 2, "--num-workers", 1)
    train = (*train, "--checkpoint-every", 2)
    lists = (world / "planet.parquet", world / "landsat.parquet")
    return [
        Case(
            name="mask",
            words=lambda out: ("mask", scene, "-o", out / "m.tif", "--confidence", "--qml", *model),
        ),
        Case(
            name="mask --workers 2",
            words=lambda out: ("mask", world / "order", "--out-dir", out, "--workers", 2, *model),
            timed=("catfast_ledger.jsonl",),
        ),
        Case(name="labels", words=lambda out: ("labels", qa, "--like", scene, "-o", out / "l.tif")),
        Case(
            name="patches",
            words=lambda out: ("patches", world / "pairs.parquet", "-o", out / "store", "--size", 96),
        ),
        Case(
            name="patches --workers 2",
            words=lambda out: (
                *("patches", world / "pairs.parquet", "-o", out / "store", "--size", 96),
                *("--workers", 2, "--format", "safetensors"),
            ),
        ),
        Case(name="pairs", words=lambda out: ("pairs", *lists, "-o", out / "p.parquet")),
        Case(
            name="catalog",
            words=lambda out: ("catalog", "planet", world / "world", "-o", out / "c.parquet"),
        ),
        Case(
            name="train",
            words=lambda out: (*train, "-o", out / "run"),
            timed=("log.jsonl", "events.*"),
        ),
    ]
