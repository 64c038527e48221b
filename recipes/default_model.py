"""Make the bundled default model: pretrain on simulation, cross-validate, finetune with real chips, export.

    python -m recipes.default_model all --work WORK --chips DATA --out python/catfast/models/weights/default

Each stage resumes where it was stopped and is skipped once done. ``--chips`` is a folder of l8biome_patches,
on_cloud_n and ukis_csmask; none of it is part of this repository.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

# Spinning OpenMP threads waste a core whenever another program wants it; read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import nn

from catfast.models import build, export, load, save
from recipes.card import write_card
from recipes.chips import Chip, folds, load_checks, load_chips
from recipes.loop import train
from recipes.score import score_checks, score_chips, summary
from recipes.settings import Settings, Stage
from recipes.stream import Stream

_PARTS = ("pretrained", "final", "final-polished")
COMMIT = "commit.txt"
"""In a stage's folder: the commit that the stage began with."""


def pretrain(settings: Settings, work: Path, chips_folder: Path) -> Path:
    """Train on simulation alone; real chips are only looked at, for the log."""
    chips, config = load_chips(chips_folder), settings.config()

    def watch(module: nn.Module, step: int) -> None:
        if step % 500 == 0:
            print(json.dumps(summary(score_chips(module, config, chips))), flush=True)

    torch.manual_seed(settings.pretrain.seed)
    return _run(settings, settings.pretrain, build(config), [], work / "pretrained", watch)


def finetune(settings: Settings, work: Path, chips: list[Chip], name: str) -> Path:
    """Go on from the pretrained weights with real chips mixed in, in two rounds."""
    first = _run(settings, settings.finetune, load(work / "pretrained"), chips, work / name, None)
    return _run(settings, settings.polish, load(first), chips, work / f"{name}-polished", None)


def _run(
    settings: Settings, stage: Stage, module: nn.Module, chips: list[Chip], folder: Path, watch: Any
) -> Path:
    if (folder / "model.safetensors").exists():
        return folder
    config = settings.config()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / COMMIT).exists():
        (folder / COMMIT).write_text(_commit() + "\n", encoding="utf-8")
    stream = Stream(settings, stage, chips)
    mean = train(module, config, settings, stage, stream, folder / "state.safetensors", watch=watch)
    save(mean, config, folder)
    return folder


def _commit() -> str:
    """Commit of this clone, which the card names; the simulator is part of what makes a model."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)  # noqa: S603
    return found.stdout.strip() or "unknown"


def fold_parts(settings: Settings, chips: list[Chip], number: int) -> tuple[list[Chip], list[Chip]]:
    """Chips to train on and chips held out in fold ``number``."""
    held = folds(chips, settings.folds)[number]
    names = {chip.name for chip in held}
    return [chip for chip in chips if chip.name not in names], held


def crossval(settings: Settings, work: Path, chips_folder: Path) -> dict[str, Any]:
    """Finetune without each fold in turn and score the fold; the pretrained weights saw none of them."""
    chips, checks, config = load_chips(chips_folder), load_checks(chips_folder), settings.config()
    by_chip: dict[str, Any] = {}
    fold_scores = []
    for number in range(settings.folds):
        kept, held = fold_parts(settings, chips, number)
        module = load(finetune(settings, work, kept, f"fold{number}"))
        scores = score_chips(module, config, held)
        by_chip |= scores
        fold_scores.append({"chips": summary(scores), "checks": score_checks(module, config, checks)})
        print(json.dumps(fold_scores[-1], indent=1), flush=True)
    pooled = summary(by_chip)
    report = {"pooled": pooled, "folds": fold_scores, "by_chip": by_chip}
    base = load(work / "pretrained")
    report["simulation_only"] = {
        "chips": summary(score_chips(base, config, chips)),
        "checks": score_checks(base, config, checks),
    }
    (work / "scores.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(pooled, indent=1), flush=True)
    return report


def ship(settings: Settings, work: Path, chips_folder: Path, out: Path) -> None:
    """Finetune on all chips, write the model folder and its card."""
    chips, checks, config = load_chips(chips_folder), load_checks(chips_folder), settings.config()
    module = load(finetune(settings, work, chips, "final"))
    save(module, config, out)
    parity = export(out)
    scores = json.loads((work / "scores.json").read_text(encoding="utf-8"))
    scores["final_checks"] = score_checks(module, config, checks)
    scores["commits"] = [(work / part / COMMIT).read_text(encoding="utf-8").strip() for part in _PARTS]
    parameters = sum(parameter.numel() for parameter in module.parameters())
    write_card(out, settings, scores, parity, parameters)
    print(parity, json.dumps(scores["final_checks"], indent=1), flush=True)


def _ahead(settings: Settings, arguments: argparse.Namespace) -> None:
    """Train one model that crossval or ship will find done: several can run side by side."""
    chips = load_chips(arguments.chips)
    if arguments.stage == "final":
        finetune(settings, arguments.work, chips, "final")
    else:
        kept, _ = fold_parts(settings, chips, arguments.fold)
        finetune(settings, arguments.work, kept, f"fold{arguments.fold}")


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = Settings()
    changes: dict[str, Any] = {}
    for name in ("pretrain", "finetune"):
        if steps := getattr(arguments, f"{name}_steps"):
            changes[name] = replace(getattr(settings, name), steps=steps)
    return replace(settings, **changes)


def main(argv: list[str] | None = None) -> None:
    """Run the stages named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m recipes.default_model", description=__doc__)
    parser.add_argument("stage", choices=["pretrain", "fold", "final", "crossval", "ship", "all"])
    parser.add_argument("--work", type=Path, required=True, help="folder for states, logs and scores")
    parser.add_argument("--chips", type=Path, required=True, help="folder of the real data")
    parser.add_argument("--out", type=Path, help="model folder to write (ship, all)")
    parser.add_argument("--fold", type=int, default=0, help="which fold to train ahead (fold)")
    parser.add_argument("--pretrain-steps", type=int)
    parser.add_argument("--finetune-steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    settings = _settings(arguments)
    if arguments.stage in ("pretrain", "all"):
        pretrain(settings, arguments.work, arguments.chips)
    if arguments.stage in ("fold", "final"):
        _ahead(settings, arguments)
    if arguments.stage in ("crossval", "all"):
        crossval(settings, arguments.work, arguments.chips)
    if arguments.stage in ("ship", "all"):
        if arguments.out is None:
            parser.error("--out is needed to ship")
        ship(settings, arguments.work, arguments.chips, arguments.out)


if __name__ == "__main__":
    main()
