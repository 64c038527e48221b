"""Trials of the default model in the time of one loan of a GPU: unattended, side by side, a table at the end.

    python -m recipes.trials --work WORK --chips DATA --minutes 24 --device cuda

All trials start from one network pretrained as the shipped one was (or from their own ``start``), are
cross-validated on its folds, and then taught all chips. They go in the order of :data:`TRIALS`, as many at
a time as ``--at-once``; what is not done by ``--minutes`` is stopped, and goes on from its last state when
this is run again with the same WORK.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["TRIALS", "Trial", "folder_name", "run", "table"]

_CHECKS = ("Dolomites, a few small clouds, Sentinel-2", "dark soil, Sentinel-2")
Where = tuple[Path, Path, str]
"""Folder for the work, folder of chips, and device."""
_SHARED = "shared"
_TICK = 0.5
"""Seconds between two looks at what runs."""
_SETS = ("l8_biome", "on_cloud_n", "ukis_csmask")


@dataclass(frozen=True, slots=True)
class Trial:
    """One question to the folds."""

    name: str
    """What a person reads, and its folder."""
    settings: tuple[str, ...] = ()
    """Settings that differ from those of the shipped model, as ``NAME=JSON``."""
    start: tuple[str, ...] = ()
    """Settings of its pretraining that differ; trials with the same share it."""


_HALF_REAL = ("finetune.real_share=0.5", "polish.real_share=0.5", "harden.real_share=0.5")
_SHORT = ("pretrain.steps=1600",)

TRIALS = (
    Trial("as shipped"),
    Trial("half the simulation", start=_SHORT),
    Trial("half the simulation, twice the last round", ("harden.steps=1000",), start=_SHORT),
    Trial("half the simulation, half real", _HALF_REAL, start=_SHORT),
    Trial("a third of the simulation", start=("pretrain.steps=1000",)),
)
"""Small steps from the shipped settings: large ones lost on L8 Biome (recipes/trials.md)."""


def run(
    where: tuple[Path, Path, str],
    trials: Sequence[Trial],
    minutes: float,
    at_once: int,
    common: Sequence[str],
) -> str:
    """Pretrain once, cross-validate each trial, and return the table.

    Args:
        where: see :data:`Where`.
        trials: what to try, the most wanted first.
        minutes: when to stop.
        at_once: trials side by side.
        common: settings of all trials, as ``NAME=JSON``.
    """
    work, _, _ = where
    ends = time.monotonic() + 60 * minutes
    waiting = [trial for trial in trials if not _scores(work, trial)]
    starts = {_origin(work, trial): trial.start for trial in reversed(waiting)}
    running = {
        f"start {folder.name}": _start(where, folder, "pretrain", (*common, *starts[folder]))
        for folder in reversed(starts)
    }
    while running and time.monotonic() < ends:
        time.sleep(_TICK)
        for name in [name for name, process in running.items() if process.poll() is not None]:
            if running.pop(name).returncode:
                print(f"{name} failed: see {work / 'logs'}", flush=True)
        ready = [trial for trial in waiting if _pretrained(_origin(work, trial)).exists()]
        for trial in ready[: max(0, at_once - len(running))]:
            waiting.remove(trial)
            folder = work / folder_name(trial)
            _lend(_origin(work, trial) / "pretrained", folder / "pretrained")
            running[trial.name] = _start(where, folder, "trial", (*common, *trial.settings))
    for process in running.values():
        process.terminate()
        process.wait()
    return table({trial.name: _scores(work, trial) for trial in trials})


def _origin(work: Path, trial: Trial) -> Path:
    """Folder of the pretraining that a trial begins from."""
    said = zlib.crc32(" ".join(trial.start).encode())
    return work / (f"{_SHARED}-{said:08x}" if trial.start else _SHARED)


def _pretrained(folder: Path) -> Path:
    return folder / "pretrained" / "model.safetensors"


def _start(where: Where, folder: Path, stage: str, settings: Sequence[str]) -> subprocess.Popen[bytes]:
    work, chips, device = where
    command = [sys.executable, "-m", "recipes.default_model", stage, "--work", str(folder)]
    command += ["--chips", str(chips), "--device", device, "--threads", "1"]
    for setting in settings:
        command += ["--set", setting]
    (work / "logs").mkdir(parents=True, exist_ok=True)
    with (work / "logs" / f"{folder.name}.txt").open("ab") as log:
        clone = Path(__file__).parents[1]
        return subprocess.Popen(command, cwd=clone, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603


def _lend(pretrained: Path, to: Path) -> None:
    """Copy the shared start, whole or not at all."""
    if not to.exists():
        partial = to.with_suffix(".part")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(pretrained, partial)
        partial.replace(to)


def folder_name(trial: Trial) -> str:
    """Name of a trial's folder."""
    return trial.name.replace(",", "").replace(" ", "-")


def _scores(work: Path, trial: Trial) -> dict[str, Any]:
    path = work / folder_name(trial) / "scores.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def table(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """Held-out cloud IoU and false cloud on the checks that are furthest off, by trial, as Markdown."""
    lines = [
        f"| trial | {' | '.join((*_SETS, *_CHECKS))} |",
        f"| --- |{' --- |' * (len(_SETS) + len(_CHECKS))}",
    ]
    for name, found in scores.items():
        cells = [_iou(found, source) for source in _SETS] + [_false(found, check) for check in _CHECKS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _iou(found: Mapping[str, Any], source: str) -> str:
    if not found:
        return "not done"
    pooled = found["pooled"].get(source)
    return f"{pooled['model']['iou']:.3f}" if pooled else "no chip"


def _false(found: Mapping[str, Any], check: str) -> str:
    """Of the three folds' networks, least to most."""
    shares = sorted(
        fold["checks"][check]["model"] for fold in found.get("folds", ()) if check in fold["checks"]
    )
    if not shares:
        return "no image" if found else "not done"
    return f"{shares[0]:.1%} to {shares[-1]:.1%}"


def main(argv: list[str] | None = None) -> None:
    """Run the trials and print their table."""
    parser = argparse.ArgumentParser(prog="python -m recipes.trials", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for states, logs and scores")
    parser.add_argument("--chips", type=Path, required=True, help="folder of the real data")
    parser.add_argument("--minutes", type=float, default=24.0, help="when to stop")
    parser.add_argument("--device", default="cuda", help="cpu or cuda")
    parser.add_argument("--at-once", type=int, default=6, help="trials side by side")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON", help="for all trials")
    given = parser.parse_args(argv)
    where = (given.work.resolve(), given.chips.resolve(), given.device)
    print(run(where, TRIALS, given.minutes, given.at_once, given.set), flush=True)


if __name__ == "__main__":
    main()
