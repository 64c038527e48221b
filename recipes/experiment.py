"""The experiment of the paper on simulated scenes: does a network taught by Landsat's mask beat that mask?

    python -m recipes.experiment --work WORK [--small]

One simulated world is paired, labelled and cut by the public stages; networks are trained on those labels
alone. A second world, which none of them saw, is masked and compared with the truth that only the simulator
knows, pixel by pixel at 3 m, pooled over its scenes. Nothing here says how well anything works on real ones.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.catalog import build as build_catalog
from catfast.classes import CLASS_CODES, NODATA
from catfast.labels import LabelConfig, transfer
from catfast.mask import MaskConfig, mask_scene
from catfast.pairs import PairsConfig, mine
from catfast.patches import PatchesConfig, make_store
from catfast.raster import open_raster
from catfast.simulate import WorldConfig, simulate_world
from catfast.train import TrainConfig, train

__all__ = ["FULL", "ROWS", "SMALL", "Row", "Scale", "run"]

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How large the experiment is."""

    train_pairs: int
    """Pairs of the world that is learnt from."""
    test_pairs: int
    """Pairs of the world that is tested on."""
    size_px: int
    """Rows and columns of a scene."""
    patch: int
    """Rows and columns of a patch, at 3 m."""
    steps: int
    """Optimiser steps of each network."""
    batch: int
    """Patches a step."""
    encoder: str
    """Of the U-Nets."""
    seeds: int
    """Networks of each row, from different random weights."""


FULL = Scale(
    train_pairs=160, test_pairs=40, size_px=1536, patch=512, steps=4000, batch=16, encoder="resnet34", seeds=3
)
SMALL = Scale(
    train_pairs=64,
    test_pairs=16,
    size_px=512,
    patch=256,
    steps=240,
    batch=8,
    encoder="tu-mobilenetv3_small_100",
    seeds=1,
)
"""Many small scenes rather than few large ones: it is grounds and skies that a network has to see many of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: what differs from the first."""

    name: str
    """What a person reads."""
    labels: Mapping[str, Any] = field(default_factory=dict)
    """Options of :class:`PatchesConfig`."""
    pairs: Mapping[str, Any] = field(default_factory=dict)
    """Options of :class:`PairsConfig`."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Options of :class:`TrainConfig`."""

    @property
    def store(self) -> str:
        """Rows with the same labels and pairs share a store, and a teacher."""
        options = {**self.labels, **self.pairs}
        return "-".join(f"{k}_{_plain(v)}" for k, v in sorted(options.items())) or "plain"


ROWS = (
    Row(name="U-Net, 10 m"),
    Row(name="SegFormer-B0, 10 m", training={"model": "segformer"}),
    Row(name="U-Net, labels moved by --align", labels={"align": True}),
    Row(name="U-Net, pairs within 10 s", pairs={"max_dt_s": 10.0}),
    Row(name="U-Net, nothing ignored", labels={"ignore": frozenset({"fill"})}),
    Row(name="U-Net, soft labels", labels={"method": "fraction"}),
    Row(name="U-Net, no NIR", training={"bands": ("blue", "green", "red")}),
    Row(name="U-Net, 3 m", training={"gsd_m": 3.0}),
    Row(name="U-Net, 30 m", training={"gsd_m": 30.0}),
    Row(name="U-Net, generalised cross-entropy", training={"loss": "gce", "dice": 0.0}),
    Row(name="U-Net, symmetric cross-entropy", training={"loss": "sce", "dice": 0.0}),
    Row(name="U-Net, bootstrapping", training={"loss": "bootstrap", "dice": 0.0}),
    Row(name="U-Net, cross-entropy without Dice", training={"dice": 0.0}),
)
"""All rows of the table but the teachers."""


def _plain(value: object) -> str:
    return "+".join(sorted(value)) if isinstance(value, frozenset) else str(value)


def run(work: Path, scale: Scale, rows: Sequence[Row] = ROWS) -> dict[str, Any]:
    """Make both worlds, train every row, score teachers and students; what is done already is kept."""
    work.mkdir(parents=True, exist_ok=True)
    worlds = {
        name: _world(work / name, pairs, scale.size_px, seed)
        for name, pairs, seed in (("learn", scale.train_pairs, 101), ("test", scale.test_pairs, 202))
    }
    test = worlds["test"]
    table: list[dict[str, Any]] = []
    for row in rows:
        for seed in range(scale.seeds):
            folder = work / "runs" / f"{_slug(row.name)}-{seed}"
            model = _student(row, worlds["learn"], work, scale, seed, folder)
            table.append({"row": row.name, "seed": seed} | _scores(test, model, row))
    report = {
        "simulated": True,
        "scale": dataclasses.asdict(scale),
        "teachers": _teachers(test, rows),
        "students": table,
    }
    (work / "experiment.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (work / "experiment.md").write_text(markdown(report), encoding="utf-8")
    return report


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def _world(folder: Path, pairs: int, size_px: int, seed: int) -> Path:
    """Simulate a world and list its scenes; once."""
    if not folder.exists():
        simulate_world(folder, WorldConfig(pairs=pairs, size_px=size_px, seed=seed))
    for kind in ("planet", "landsat"):
        catalogue = _beside(folder, f"{kind}.parquet")
        if not catalogue.exists():
            build_catalog(kind, [folder], catalogue)
    return folder


def _beside(world: Path, name: str) -> Path:
    return world.with_name(f"{world.name}-{name}")


def _pairs(world: Path, options: Mapping[str, Any]) -> Path:
    name = "-".join(f"{key}_{value}" for key, value in options.items()) or "all"
    path = _beside(world, f"pairs-{name}.parquet")
    if not path.exists():
        planet, landsat = (_beside(world, f"{kind}.parquet") for kind in ("planet", "landsat"))
        mine(planet, landsat, path, PairsConfig(**options))
    return path


def _student(row: Row, world: Path, work: Path, scale: Scale, seed: int, folder: Path) -> Path:
    """Cut the patches of a row and train on them."""
    store = work / "stores" / row.store
    if not store.exists():
        store.parent.mkdir(exist_ok=True)
        config = PatchesConfig(
            output=store,
            scenes=(world,),
            size=scale.patch,
            format="safetensors",
            splits=(0.8, 0.2, 0.0),
            **row.labels,
        )
        make_store(_pairs(world, row.pairs), config)
    options: dict[str, Any] = {
        "gsd_m": 10.0,
        "max_steps": scale.steps,
        "validate_every": max(1, scale.steps // 8),
        "batch_size": scale.batch,
        "patience": 0,
        "seed": seed,
        "ema": 0.99,
    } | row.training
    if options.get("model") != "segformer":
        options["encoder"] = scale.encoder
    return train([store], folder, TrainConfig(**options), resume=True).run


@dataclass(slots=True)
class Tally:
    """Cloud and not cloud, called and true, counted over scenes."""

    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, 2), np.int64))
    seen: int = 0

    def add(self, called: Codes, truth: Codes, where: npt.NDArray[np.bool_]) -> None:
        """Count the pixels of one scene."""
        cloud = CLASS_CODES["cloud"]
        pair = 2 * (truth[where] == cloud) + (called[where] == cloud)
        self.counts += np.bincount(pair, minlength=4).reshape(2, 2)
        self.seen += int((truth != NODATA).sum())

    def scores(self) -> dict[str, float]:
        """Of the cloud class, pooled."""
        (clear, false), (missed, hit) = self.counts.tolist()
        total = clear + false + missed + hit
        return {
            "cloud_iou": hit / max(1, hit + false + missed),
            "accuracy": (clear + hit) / max(1, total),
            "precision": hit / max(1, hit + false),
            "recall": hit / max(1, hit + missed),
            "false_cloud": false / max(1, clear + false),
            "share_scored": total / max(1, self.seen),
        }


def _scores(world: Path, model: Path, row: Row) -> dict[str, Any]:
    """A student on all pixels, and on those that its teacher would have labelled."""
    everywhere, labelled = Tally(), Tally()
    for scene, truth in _scenes(world):
        output = model / "masks" / f"{scene.stem}_mask.tif"
        output.parent.mkdir(exist_ok=True)
        mask_scene(scene, output, MaskConfig(model=str(model)))
        called = _codes(output)
        label = _label(world, scene, row)
        everywhere.add(called, truth, truth != NODATA)
        labelled.add(called, truth, (truth != NODATA) & (label != NODATA))
    return {"all": everywhere.scores(), "labelled": labelled.scores()}


def _teachers(world: Path, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each kind of transferred label against the truth, where it says anything."""
    found = []
    kinds = {row.store: row for row in rows if "method" not in row.labels}
    for row in kinds.values():
        tally = Tally()
        for scene, truth in _scenes(world):
            label = _label(world, scene, row)
            tally.add(label, truth, (truth != NODATA) & (label != NODATA))
        found.append({"labels": row.store, "labelled": tally.scores()})
    return found


def _label(world: Path, scene: Path, row: Row) -> Codes:
    """The label that the teacher of a row gives a test scene; of soft ones, cloud from a half on."""
    folder = world.with_name(f"{world.name}-labels") / row.store
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"{scene.stem}_label.tif"
    shared = {key: value for key, value in row.labels.items() if key in ("align", "ignore", "method")}
    if not output.exists():
        transfer(_qa_of(world, scene), scene, output, LabelConfig(**shared))
    codes = _codes(output)
    if shared.get("method") != "fraction":
        return codes
    return np.where(codes == NODATA, NODATA, codes >= 100).astype(np.uint8)


def _qa_of(world: Path, scene: Path) -> Path:
    """Landsat's quality band of the pair of a scene, as the world's own list has it."""
    index = json.loads((world / "world.json").read_text(encoding="utf-8"))
    l8_id = next(pair["l8_id"] for pair in index["pairs"] if scene.name.startswith(pair["ps_id"]))
    return world / "landsat" / l8_id / f"{l8_id}_QA_PIXEL.TIF"


def _scenes(world: Path) -> list[tuple[Path, Codes]]:
    """PlanetScope scenes of a world with their true classes."""
    found = []
    for path in sorted((world / "truth").glob("*_truth.tif")):
        (scene,) = (world / "PSScene").rglob(f"{path.name.removesuffix('_truth.tif')}*AnalyticMS*.tif")
        found.append((scene, _codes(path)))
    return found


def _codes(path: Path) -> Codes:
    with open_raster(path) as raster:
        codes: Codes = raster.read_rows((1,), 0, raster.info.grid.height)[0]
    return codes


def markdown(report: Mapping[str, Any]) -> str:
    """The table, and the answer."""
    lines = [
        "Simulated scenes only: no figure here is PlanetScope or Arctic accuracy.",
        "",
        "| | cloud IoU where the teacher labels | cloud IoU everywhere | recall | false cloud on clear |",
        "| --- | --- | --- | --- | --- |",
    ]
    for teacher in report["teachers"]:
        part = teacher["labelled"]
        lines.append(
            f"| teacher: {teacher['labels']} | {part['cloud_iou']:.3f} "
            f"(labels {part['share_scored']:.0%}) | - | {part['recall']:.3f} | {part['false_cloud']:.3f} |"
        )
    for name in dict.fromkeys(student["row"] for student in report["students"]):
        lines.append(_line(name, [s for s in report["students"] if s["row"] == name]))
    return "\n".join([*lines, "", _answer(report), ""])


def _line(name: str, students: Sequence[Mapping[str, Any]]) -> str:
    def cell(part: str, score: str) -> str:
        values = [student[part][score] for student in students]
        spread = f" ({min(values):.3f}-{max(values):.3f})" if len(values) > 1 else ""
        return f"{np.median(values):.3f}{spread}"

    cells = (("labelled", "cloud_iou"), ("all", "cloud_iou"), ("all", "recall"), ("all", "false_cloud"))
    return f"| {name} | {' | '.join(cell(*which) for which in cells)} |"


def _answer(report: Mapping[str, Any]) -> str:
    """Whether the first student beats the teacher that it learnt from."""
    teacher = report["teachers"][0]["labelled"]["cloud_iou"]
    first = report["students"][0]["row"]
    student = np.median([s["labelled"]["cloud_iou"] for s in report["students"] if s["row"] == first])
    verdict = "beats" if student > teacher else "does not beat"
    return f"{first} {verdict} its teacher on these simulated scenes: {student:.3f} against {teacher:.3f}."


def main(argv: list[str] | None = None) -> None:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(prog="python -m recipes.experiment", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for worlds, stores and runs")
    parser.add_argument("--small", action="store_true", help="minutes instead of hours")
    parser.add_argument("--rows", help="only the rows whose names hold this text, besides the first")
    arguments = parser.parse_args(argv)
    rows = [row for row in ROWS if row is ROWS[0] or (arguments.rows or "") in row.name]
    print(markdown(run(arguments.work, SMALL if arguments.small else FULL, rows)))


if __name__ == "__main__":
    main()
