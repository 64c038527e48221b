"""The model card, written from the recipe's settings and scores: no figure is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catfast.models import ModelConfig, Parity
from recipes.chips import CLEAR_SOURCE
from recipes.settings import Settings, Stage

__all__ = ["write_card"]

_NAMES = {"l8_biome": "L8 Biome", "on_cloud_n": "On-Cloud-N", "ukis_csmask": "ukis-csmask"}

RIVAL = "ukis-csmask 1.0.0"
_RIVAL_NOTE = f"""
{RIVAL} is its network of four bands, fed at the pixels of the chips (`python -m recipes.rival`);
it may have been trained on scenes that some of them were cut from.
"""

_CLEAR_SCENES = """ and
   - {count} images without clouds, taught as not cloud: **Sentinel-2** over the Dolomites, its few small
     clouds left out (from the repository ducciorocchini/imageRy), and over tundra, **Landsat 8** over the
     same tundra (both from initze/RTS_digitization_experiment), **Landsat 9** over a dry coast (from
     compgeolab/xlandsat). Contains modified Copernicus Sentinel data; Landsat imagery courtesy of the
     U.S. Geological Survey."""

_DISTILLED = """
4. A last round from there, {steps:,} steps, in which no label counts but a teacher's answers do: the mean
   of two networks (`recipes.blend`, `recipes/trials.md`), fold by fold, which saw no chip held out either.
   Shown are simulation and, {real} of every {batch} crops, the same chips and images.
"""

_TEMPLATE = Path(__file__).with_name("card.md")


def write_card(
    folder: Path, settings: Settings, scores: dict[str, Any], parity: Parity, parameters: int
) -> Path:
    """Write ``README.md`` into the model folder and return its path."""
    path = folder / "README.md"
    path.write_text(_text(folder, settings, scores, parity, parameters), encoding="utf-8")
    return path


def _text(folder: Path, settings: Settings, scores: dict[str, Any], parity: Parity, parameters: int) -> str:
    chips = {source: entry["chips"] for source, entry in scores["pooled"].items()}
    config = ModelConfig.load(folder)
    fine: Stage = settings.finetune
    return _TEMPLATE.read_text(encoding="utf-8").format(
        tables=_pooled(scores) + _by_fold(scores) + _clear_chips(scores) + _checks(scores),
        folds=settings.folds,
        domain="\n".join(f"- {line}" for line in config.domain.lines()),
        gsd=config.gsd_m,
        architecture=_architecture(settings.architecture),
        parameters=parameters,
        commits=_runs(scores["runs"]),
        name=settings.name,
        distilled="" if settings.teacher is None else _distilled(settings),
        note=settings.note,
        out=f"python/catfast/models/weights/{settings.name}",
        seeds=_seeds(settings),
        agreement=parity.argmax_agreement,
        difference=parity.largest_difference,
        pre_steps=settings.pretrain.steps,
        fine_steps=fine.steps + settings.polish.steps,
        hard_steps=settings.harden.steps,
        bias=settings.cloud_bias,
        members=f"; the mean of the weights of {settings.members} such" if settings.members > 1 else "",
        batch=settings.batch,
        crop=settings.crop,
        real=round(settings.batch * fine.real_share),
        overlay=settings.overlay,
        chips=sum(count for source, count in chips.items() if source != CLEAR_SOURCE),
        clear=_CLEAR_SCENES.format(count=chips[CLEAR_SOURCE]) if CLEAR_SOURCE in chips else ".",
        l8=chips.get("l8_biome", 0),
        ocn=chips.get("on_cloud_n", 0),
        ukis=chips.get("ukis_csmask", 0),
    )


def _distilled(settings: Settings) -> str:
    real = round(settings.batch * settings.distil.real_share)
    return _DISTILLED.format(steps=settings.distil.steps, real=real, batch=settings.batch)


def _architecture(options: Mapping[str, Any]) -> str:
    if members := options.get("members"):
        return f"{len(members)} times {_architecture(members[0])}"
    return ", ".join(f"{key} {value}" for key, value in options.items())


def _seeds(settings: Settings) -> str:
    begins = {stage: str(stage.seed) for stage in settings.stages}
    if settings.members > 1:
        begins[settings.harden] += f" to {settings.harden.seed + settings.members - 1}"
    return ", ".join(begins.values())


def _runs(found: list[dict[str, Any]]) -> str:
    seconds = sum(run["seconds"] for run in found)
    commits, devices = (list(dict.fromkeys(run[name] for run in found)) for name in ("commit", "device"))
    text = f"on {', '.join(devices)}, in {seconds:,.0f} s without the cross-validation"
    if len(commits) == 1:
        return f"at commit {commits[0]}, {text}"
    changed = "recipe and simulator changed between them: a new run gives a somewhat different model"
    return f"{text}, its rounds at commits {', '.join(commits)}; {changed}"


def _pooled(scores: dict[str, Any]) -> str:
    rows = [
        "| chips | | IoU | overall accuracy | precision | recall |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for source, entry in _clouded(scores).items():
        alone = scores["simulation_only"]["chips"][source]["model"]
        label = f"{_NAMES[source]} ({entry['chips']})"
        rows.append(_row(label, "held out", entry["model"]))
        rows.append(_row("", "blue > 0.20", entry["rule"]))
        rows.append(_row("", "simulation alone", alone))
        if rival := scores.get("rival"):
            rows.append(_row("", RIVAL, rival["pooled"][source]))
    return "\n".join(rows) + "\n" + (_RIVAL_NOTE if "rival" in scores else "")


def _clouded(scores: dict[str, Any]) -> dict[str, Any]:
    """Pooled scores of the sources that have clouds."""
    return {source: entry for source, entry in scores["pooled"].items() if source in _NAMES}


def _row(label: str, who: str, figures: dict[str, float]) -> str:
    numbers = " | ".join(f"{figures[name]:.3f}" for name in ("iou", "oa", "precision", "recall"))
    return f"| {label} | {who} | {numbers} |"


def _by_fold(scores: dict[str, Any]) -> str:
    rows = ["\nIoU by fold, held out / rule:\n", "| fold | " + " | ".join(_NAMES.values()) + " |"]
    rows.append("| --- |" + " --- |" * len(_NAMES))
    for number, fold in enumerate(scores["folds"]):
        cells = []
        for source in _NAMES:
            entry = fold["chips"].get(source)
            cells.append(f"{entry['model']['iou']:.3f} / {entry['rule']['iou']:.3f}" if entry else "none")
        rows.append(f"| {number} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _clear_chips(scores: dict[str, Any]) -> str:
    """Held-out chips without any cloud, where every cloud is a false one."""
    rows = ["\nShare called cloud in held-out chips that are clear:\n"]
    rows += _head("chip | model | blue > 0.20", scores)
    for name, entry in scores["by_chip"].items():
        tp, _, fn, _ = entry["model"]
        if tp + fn == 0:
            counts = [entry["model"], entry["rule"]]
            shares = [f"{fp / (fp + tn):.1%}" for _, fp, _, tn in counts]
            shares += [_rival_share(scores["rival"], name)] if "rival" in scores else []
            rows.append(f"| {name} | {' | '.join(shares)} |")
    return "\n".join(rows) + "\n"


def _rival_share(rival: dict[str, Any], name: str) -> str:
    """Share that the rival calls cloud, of a chip or of a check image; a dash where it was not scored."""
    if counts := rival["by_chip"].get(name):
        _, fp, _, tn = counts
        return f"{fp / (fp + tn):.1%}"
    return f"{rival['checks'][name]:.1%}" if name in rival["checks"] else "-"


def _head(names: str, scores: dict[str, Any]) -> list[str]:
    """The first two lines of a table, with a last column for the rival where it was scored."""
    names += f" | {RIVAL}" if "rival" in scores else ""
    return [f"| {names} |", "| --- |" + " --- |" * names.count(" | ")]


def _checks(scores: dict[str, Any]) -> str:
    rows = [
        "\nShare called cloud in images used for checks alone (never for training), by the shipped weights:\n"
    ]
    rows += _head("image | truth | model | blue > 0.20", scores)
    for name, entry in scores["final_checks"].items():
        truth = "all cloud" if entry["truth"] else "clear"
        shares = [entry["model"], entry["rule"]]
        shares += [scores["rival"]["checks"][name]] if "rival" in scores else []
        rows.append(f"| {name} | {truth} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    return "\n".join(rows) + "\n"
