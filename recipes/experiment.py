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
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from catfast.mask import MaskConfig, Masker
from catfast.train import TrainConfig, train
from recipes.experiment_table import Counts, figures, less, markdown, pixels
from recipes.experiment_world import codes_of, label_of, make_patches, make_world, mine_pairs, scenes

__all__ = ["FULL", "ROWS", "SMALL", "Row", "Scale", "effort", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How large the experiment is."""

    train_pairs: int
    """Pairs of the world that is learnt from."""
    test_pairs: int
    """Pairs of the world that is tested on."""
    size_px: int
    """Rows and columns of a scene: clouds move by up to a kilometre, so it should be several across."""
    patch: int
    """Rows and columns of a patch, at 3 m."""
    gsd_m: float
    """Ground sampling distance of all rows but those about it, metres."""
    steps: int
    """Optimiser steps of each network."""
    pixels: int | None
    """Most pixels that a network is shown: at finer grids it takes fewer steps; None is no limit."""
    batch: int
    """Patches a step; at finer grids fewer, so that a step sees about as many pixels."""
    learning_rate: float
    """Peak of the U-Nets' rate."""
    augment: bool
    """Whether patches are changed: no, where steps are too few to pay for it."""
    encoder: str
    """Of the U-Nets."""
    seeds: int
    """Networks of each row, from different random weights."""


FULL = Scale(
    train_pairs=160,
    test_pairs=40,
    size_px=1536,
    patch=512,
    gsd_m=10.0,
    steps=4000,
    pixels=None,
    batch=16,
    learning_rate=1e-3,
    augment=True,
    encoder="resnet34",
    seeds=3,
)
SMALL = Scale(
    train_pairs=128,
    test_pairs=28,
    size_px=1024,
    patch=320,
    gsd_m=30.0,
    steps=300,
    pixels=15_000_000,
    batch=16,
    learning_rate=4e-3,
    augment=False,
    encoder="resnet18",
    seeds=1,
)
"""At Landsat's own 30 m, where a step takes a tenth of a second of one core."""

_LEAST_BATCH = 2
_STORED_M = 3.0
"""Ground sampling distance of simulated PlanetScope scenes."""


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
    truth: bool = False
    """Taught by the truth instead of Landsat's mask: what the network could reach."""

    @property
    def teacher(self) -> str:
        """Name of its labels."""
        return "truth" if self.truth else _joined(self.labels)

    @property
    def store(self) -> str:
        """Rows with the same labels and pairs share a store."""
        return "truth" if self.truth else _joined({**self.labels, **self.pairs})


def _joined(options: Mapping[str, Any]) -> str:
    return "-".join(f"{key}_{_plain(value)}" for key, value in sorted(options.items())) or "plain"


def _plain(value: object) -> str:
    return "+".join(sorted(value)) if isinstance(value, frozenset) else str(value)


ROWS = (
    Row(name="U-Net"),
    Row(name="U-Net taught by the truth", truth=True),
    Row(name="U-Net, labels moved by --align", labels={"align": True}),
    Row(name="U-Net, nothing ignored", labels={"ignore": frozenset({"fill"})}),
    Row(name="U-Net, --align and nothing ignored", labels={"align": True, "ignore": frozenset({"fill"})}),
    Row(name="U-Net, pairs within 15 s", pairs={"max_dt_s": 15.0}),
    Row(name="U-Net, soft labels", labels={"method": "fraction"}),
    Row(name="U-Net, no NIR", training={"bands": ("blue", "green", "red")}),
    Row(name="SegFormer-B0", training={"model": "segformer", "learning_rate": 6e-4}),
    Row(name="U-Net, generalised cross-entropy", training={"loss": "gce", "dice": 0.0}),
    Row(name="U-Net, symmetric cross-entropy", training={"loss": "sce", "dice": 0.0}),
    Row(name="U-Net, bootstrapping", training={"loss": "bootstrap", "dice": 0.0}),
    Row(name="U-Net, cross-entropy without Dice", training={"dice": 0.0}),
    Row(name="U-Net at 30 m", training={"gsd_m": 30.0}),
    Row(name="U-Net at 10 m", training={"gsd_m": 10.0}),
    Row(name="U-Net at 3 m", training={"gsd_m": 3.0}),
)
"""All rows of the table but the teachers; the first is what the others are compared with."""


def run(work: Path, scale: Scale, rows: Sequence[Row] = ROWS) -> dict[str, Any]:
    """Make both worlds, train every row, score teachers and students.

    The table is written anew after each row; what is done already is kept when it is run again.
    """
    work.mkdir(parents=True, exist_ok=True)
    learn = make_world(work / "learn", scale.train_pairs, scale.size_px, 101)
    test = make_world(work / "test", scale.test_pairs, scale.size_px, 202)
    report: dict[str, Any] = {
        "simulated": True,
        "scale": dataclasses.asdict(scale),
        "teachers": [],
        "students": [],
    }
    first: Counts | None = None
    for row in rows:
        if row.training.get("gsd_m") == scale.gsd_m:
            continue
        teacher = None if row.truth else _teacher(work, test, row)
        if teacher is not None and row.teacher not in [found["labels"] for found in report["teachers"]]:
            report["teachers"].append(_of_teacher(row, teacher))
        for seed in range(scale.seeds):
            counts = _student(work, learn, test, scale, row, seed)
            first = counts["all"] if first is None else first
            about = {"row": row.name, "seed": seed, "patches": math.prod(effort(scale, row))}
            report["students"].append(about | _of_student(counts, teacher, first))
        _write(work, report)
    return report


def _of_teacher(row: Row, counts: Mapping[str, Counts]) -> dict[str, Any]:
    found = {part: figures(counts[part]) for part in ("all", "labelled")}
    share = found["labelled"]["pixels"] / max(1, found["all"]["pixels"])
    return {"labels": row.teacher, "share_labelled": share} | found


def _of_student(
    counts: Mapping[str, Counts], teacher: Mapping[str, Counts] | None, first: Counts
) -> dict[str, Any]:
    return {
        "all": figures(counts["all"]),
        "labelled": figures(counts["labelled"]),
        "less_teacher": teacher and {part: less(counts[part], teacher[part]) for part in counts},
        "less_first": None if counts["all"] is first else less(counts["all"], first),
    }


def _write(work: Path, report: Mapping[str, Any]) -> None:
    (work / "experiment.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (work / "experiment.md").write_text(markdown(report), encoding="utf-8")


def _kept(path: Path) -> dict[str, Counts] | None:
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return {name: np.array(counts, np.int64) for name, counts in found.items()}


def _keep(path: Path, counts: Mapping[str, Sequence[Counts]]) -> dict[str, Counts]:
    path.parent.mkdir(exist_ok=True)
    arrays = {name: np.stack(parts) for name, parts in counts.items()}
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps({name: array.tolist() for name, array in arrays.items()}))
    partial.replace(path)
    return arrays


def _teacher(work: Path, test: Path, row: Row) -> dict[str, Counts]:
    """Pixels of the teacher of a row against the truth: where it labels, and everywhere, ignored as clear."""
    path = work / "scores" / f"teacher-{row.teacher}.json"
    if (kept := _kept(path)) is not None:
        return kept
    counts: dict[str, list[Counts]] = {"all": [], "labelled": []}
    for scene, truth in scenes(test):
        label = label_of(test, scene, row.teacher, row.labels)
        counts["all"].append(pixels(label, truth))
        counts["labelled"].append(pixels(label, truth, label))
    return _keep(path, counts)


def _student(work: Path, learn: Path, test: Path, scale: Scale, row: Row, seed: int) -> dict[str, Counts]:
    """Pixels of a student against the truth: all, and those that its teacher would have labelled."""
    name = f"{_slug(row.name)}-{seed}"
    path = work / "scores" / f"{name}.json"
    if (kept := _kept(path)) is not None:
        return kept
    model = _trained(work, learn, scale, row, seed, work / "runs" / name)
    (model / "masks").mkdir(exist_ok=True)
    masker = Masker(MaskConfig(model=str(model)))
    counts: dict[str, list[Counts]] = {"all": [], "labelled": []}
    for scene, truth in scenes(test):
        output = model / "masks" / f"{scene.stem}_mask.tif"
        masker.mask(scene, output)
        called = codes_of(output)
        label = truth if row.truth else label_of(test, scene, row.teacher, row.labels)
        counts["all"].append(pixels(called, truth))
        counts["labelled"].append(pixels(called, truth, label))
    return _keep(path, counts)


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def _trained(work: Path, learn: Path, scale: Scale, row: Row, seed: int, folder: Path) -> Path:
    """Cut the patches of a row and train on them."""
    pairs = mine_pairs(learn, row.pairs)
    store = make_patches(learn, work / "stores" / row.store, scale.patch, pairs, row.labels, truth=row.truth)
    options: dict[str, Any] = {
        "classes": ("clear", "cloud"),
        "gsd_m": scale.gsd_m,
        "patience": 0,
        "seed": seed,
        "ema": 0.98,
        "learning_rate": scale.learning_rate,
        "augment": scale.augment,
        **row.training,
    }
    options["batch_size"], options["max_steps"] = effort(scale, row)
    options["validate_every"] = max(1, options["max_steps"] // 4)
    if options.get("model") != "segformer":
        options["encoder"] = scale.encoder
    return train([store], folder, TrainConfig(**options), resume=True).run


def effort(scale: Scale, row: Row) -> tuple[int, int]:
    """Patches a step and steps of a network: steps of as many pixels, unless that is too few patches."""
    gsd_m = row.training.get("gsd_m", scale.gsd_m)
    batch = max(_LEAST_BATCH, round(scale.batch / max(1.0, (scale.gsd_m / gsd_m) ** 2)))
    pixels = batch * (scale.patch * _STORED_M / gsd_m) ** 2
    return batch, scale.steps if scale.pixels is None else min(scale.steps, int(scale.pixels / pixels))


def main(argv: list[str] | None = None) -> None:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(prog="python -m recipes.experiment", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for worlds, stores and runs")
    parser.add_argument("--small", action="store_true", help="half an hour on two cores instead of hours")
    parser.add_argument("--rows", help="only the rows whose names hold this text, besides the first")
    arguments = parser.parse_args(argv)
    rows = [row for row in ROWS if row is ROWS[0] or (arguments.rows or "") in row.name]
    print(markdown(run(arguments.work, SMALL if arguments.small else FULL, rows)))


if __name__ == "__main__":
    main()
