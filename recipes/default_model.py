"""Make the bundled default model: pretrain on simulation, cross-validate, finetune with real chips, export.

    python -m recipes.default_model all --work WORK --chips DATA --out OUT --device cuda

Each stage resumes where it was stopped and is skipped once done. ``--chips`` is a folder of l8biome_patches,
on_cloud_n and ukis_csmask; none of it is part of this repository. ``WORK/rival.json``, written by
:mod:`recipes.rival`, puts ukis-csmask into the card.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

# Spinning OpenMP threads waste a core whenever another program wants it; read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import nn

from catfast.models import build, export, load, save
from catfast.raster import file_sha256
from catfast.sums import write_sums
from recipes.card import write_card
from recipes.chips import CLEAR_SOURCE, Check, Chip, folds, load_checks, load_chips
from recipes.domain import domain_of
from recipes.loop import train
from recipes.score import score_checks, score_chips, summary
from recipes.settings import CLOUD, STAGES, Settings, Stage
from recipes.stream import Stream

RECORD = "run.json"
"""In a stage's folder: the commit and device that it ran on, its steps and seconds."""
_PRETRAINED, _FINAL = "pretrained", "final"
_RUN_ON = ("config.json", "model.onnx", "model.safetensors")
"""What a model runs on: `catfast doctor` compares their digests."""


def pretrain(settings: Settings, work: Path, chips_folder: Path, device: str = "cpu") -> Path:
    """Train on simulation alone; real chips are only looked at, for the log."""
    chips, config = _chips(settings, chips_folder), settings.config()

    def watch(module: nn.Module, step: int) -> None:
        print(json.dumps(summary(score_chips(module, config, chips))), flush=True)

    torch.manual_seed(settings.pretrain.seed)
    return _run(settings, settings.pretrain, build(config), [], work / _PRETRAINED, device, watch)


def _chips(settings: Settings, folder: Path) -> list[Chip]:
    return load_chips(folder, clear=any(stage.clear_scenes for stage in settings.stages))


def unseen(checks: list[Check], taught: list[Chip]) -> list[Check]:
    """Checks that are not among the images taught."""
    names = {chip.name for chip in taught}
    return [check for check in checks if check.name not in names]


def finetune(settings: Settings, work: Path, chips: list[Chip], name: str, device: str = "cpu") -> Path:
    """Go on from the pretrained weights with real chips mixed in, round by round; average the members."""
    if (work / name / "model.safetensors").exists():
        return work / name
    start = work / _PRETRAINED
    for part, stage in _rounds(settings, name):
        start = _run(settings, stage, load(start), chips, work / part, device, None)
    total: dict[str, torch.Tensor] = {}
    for part, stage in _members(settings, name):
        module = load(_run(settings, stage, load(start), chips, work / part, device, None))
        for key, tensor in module.state_dict().items():
            total[key] = total.get(key, 0) + tensor / settings.members
    module.load_state_dict(total)
    add_cloud_bias(module, settings.cloud_bias)
    if settings.teacher is None:
        return save(module, settings.config(), work / name)
    teacher = load(settings.teacher / name).to(device)
    return _run(settings, settings.distil, module, chips, work / name, device, None, teacher)


def add_cloud_bias(module: nn.Module, bias: float) -> None:
    """Add to the logit of cloud, where the network adds to the logit of each class at the end."""
    *_, last = (layer for layer in module.modules() if isinstance(layer, nn.Conv2d))
    if last.bias is None:
        raise ValueError("the last layer of the network has no bias")
    last.bias.data[CLOUD] += bias


def records(settings: Settings) -> list[str]:
    """Folders of the rounds that the shipped weights went through; each has a :data:`RECORD`."""
    rounds = [_PRETRAINED, *(part for part, _ in _rounds(settings, _FINAL) + _members(settings, _FINAL))]
    return rounds if settings.teacher is None else [*rounds, _FINAL]


def _rounds(settings: Settings, name: str) -> list[tuple[str, Stage]]:
    """Folder and stage of each round that all members of ``name`` go through together."""
    return [(f"{name}-{place}", stage) for place, stage in enumerate((settings.finetune, settings.polish))]


def _members(settings: Settings, name: str) -> list[tuple[str, Stage]]:
    """Folder and stage of the last round of each member."""
    stage = settings.harden
    return [(f"{name}-2-{n}", replace(stage, seed=stage.seed + n)) for n in range(settings.members)]


def _run(
    settings: Settings,
    stage: Stage,
    module: nn.Module,
    chips: list[Chip],
    folder: Path,
    device: str,
    watch: Any,
    teacher: nn.Module | None = None,
) -> Path:
    if (folder / "model.safetensors").exists():
        return folder
    config, began = settings.config(), time.monotonic()
    taught = [chip for chip in chips if stage.clear_scenes or chip.source != CLEAR_SOURCE]
    stream = Stream(settings, stage, taught, device)
    state = folder / "state.safetensors"
    mean = train(
        module.to(device), config, settings, stage, stream, state, every=500, watch=watch, teacher=teacher
    )
    record = {"commit": _commit(), "device": _device_name(device), "steps": stage.steps}
    record |= {"seed": stage.seed, "seconds": round(time.monotonic() - began, 1)}
    (folder / RECORD).write_text(json.dumps(record) + "\n", encoding="utf-8")
    return save(mean, config, folder)


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def _commit() -> str:
    """Commit of this clone, which the card names; the simulator is part of what makes a model."""
    if given := os.environ.get("CATFAST_COMMIT"):  # a copy without .git, on another machine
        return given
    command = ["git", "describe", "--always", "--dirty", "--abbrev=7"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)  # noqa: S603
    return found.stdout.strip() or "unknown"


def fold_parts(settings: Settings, chips: list[Chip], number: int) -> tuple[list[Chip], list[Chip]]:
    """Chips to train on and chips held out in fold ``number``."""
    held = folds(chips, settings.folds)[number]
    names = {chip.name for chip in held}
    return [chip for chip in chips if chip.name not in names], held


def crossval(settings: Settings, work: Path, chips_folder: Path, device: str = "cpu") -> dict[str, Any]:
    """Finetune without each fold in turn and score the fold; the pretrained weights saw none of them."""
    chips, checks = _chips(settings, chips_folder), load_checks(chips_folder)
    config = settings.config()
    by_chip: dict[str, Any] = {}
    fold_scores = []
    for number in range(settings.folds):
        kept, held = fold_parts(settings, chips, number)
        module = load(finetune(settings, work, kept, f"fold{number}", device)).to(device)
        scores = score_chips(module, config, held)
        by_chip |= scores
        left = unseen(checks, kept)
        fold_scores.append({"chips": summary(scores), "checks": score_checks(module, config, left)})
    pooled = summary(by_chip)
    report = {"pooled": pooled, "folds": fold_scores, "by_chip": by_chip}
    base = load(work / _PRETRAINED).to(device)
    report["simulation_only"] = {
        "chips": summary(score_chips(base, config, chips)),
        "checks": score_checks(base, config, checks),
    }
    (work / "scores.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({"pooled": pooled, "checks": [fold["checks"] for fold in fold_scores]}), flush=True)
    return report


def ship(settings: Settings, work: Path, chips_folder: Path, out: Path, device: str = "cpu") -> None:
    """Finetune on all chips, write the model folder and its card."""
    chips, checks = _chips(settings, chips_folder), load_checks(chips_folder)
    config = settings.config()
    module = load(finetune(settings, work, chips, _FINAL, device))
    config = replace(config, domain=domain_of(settings, chips))
    save(module, config, out)
    parity = export(out)
    scores = json.loads((work / "scores.json").read_text(encoding="utf-8"))
    scores["final_checks"] = score_checks(module, config, unseen(checks, chips))
    paths = [work / part / RECORD for part in records(settings)]
    scores["runs"] = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    if (rival := work / "rival.json").exists():
        scores["rival"] = json.loads(rival.read_text(encoding="utf-8"))
    parameters = sum(parameter.numel() for parameter in module.parameters())
    write_card(out, settings, scores, parity, parameters)
    write_sums(out, {name: file_sha256(out / name) for name in _RUN_ON})
    print(parity, json.dumps(scores["final_checks"], indent=1), flush=True)


def _ahead(settings: Settings, arguments: argparse.Namespace) -> None:
    """Train one model that crossval or ship will find done: several can run side by side."""
    chips = _chips(settings, arguments.chips)
    if arguments.stage != "fold":
        finetune(settings, arguments.work, chips, _FINAL, arguments.device)
    else:
        kept, _ = fold_parts(settings, chips, arguments.fold)
        finetune(settings, arguments.work, kept, f"fold{arguments.fold}", arguments.device)


def changed(settings: Settings, changes: list[str]) -> Settings:
    """Settings with ``name=JSON`` or ``stage.name=JSON`` put in place of what they are.

    Raises:
        ValueError: there is no such setting, or the value is not JSON.
    """
    for change in changes:
        path, _, value = change.partition("=")
        stage, _, name = path.rpartition(".")
        part: Any = getattr(settings, stage) if stage in STAGES else settings
        if name not in {field.name for field in fields(part)}:
            raise ValueError(f"there is no setting {path!r}")
        part = replace(part, **{name: json.loads(value)})
        settings = replace(settings, **{stage: part}) if stage else part
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m recipes.default_model", description=__doc__)
    stages = ["pretrain", "fold", "final", "crossval", "trial", "ship", "all"]
    parser.add_argument("stage", choices=stages, help="trial: crossval, then the weights of all chips")
    parser.add_argument("--work", type=Path, required=True, help="folder for states, logs and scores")
    parser.add_argument("--chips", type=Path, required=True, help="folder of the real data")
    parser.add_argument("--out", type=Path, help="model folder to write (ship, all)")
    parser.add_argument(
        "--teacher",
        type=Path,
        help="work folder of recipes.blend: learn what its networks answer in the end",
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--fold", type=int, default=0, help="which fold to train ahead (fold)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=JSON", help="e.g. finetune.steps=300"
    )
    parser.add_argument("--threads", type=int, default=2)
    return parser


def main(argv: list[str] | None = None) -> None:
    """Run the stages named on the command line."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.stage in ("ship", "all") and arguments.out is None:
        parser.error("--out is needed to ship")
    torch.set_num_threads(arguments.threads)
    settings = replace(changed(Settings(), arguments.set), teacher=arguments.teacher)
    where = (settings, arguments.work, arguments.chips)
    if arguments.stage in ("pretrain", "all"):
        pretrain(*where, arguments.device)
    if arguments.stage in ("crossval", "trial", "all"):
        crossval(*where, arguments.device)
    if arguments.stage in ("fold", "final", "trial"):
        _ahead(settings, arguments)
    if arguments.stage in ("ship", "all"):
        ship(*where, arguments.out, arguments.device)


if __name__ == "__main__":
    main()
