"""``catfast train``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catfast.cli.progress import row_bar
from catfast.errors import CatfastError
from catfast.train import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from catfast.train import TrainResult

PATH = click.Path(path_type=Path)


class Names(click.ParamType):  # type: ignore[type-arg]
    """Names with commas between them."""

    name = "names"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Split at the commas."""
        return value if isinstance(value, tuple) else tuple(part.strip() for part in value.split(","))


def _option(flag: str, field: str, kind: Any, text: str, **more: Any) -> Callable[..., Any]:
    """An option whose default is that of :class:`TrainConfig`, and which a TOML can give instead."""
    default = TrainConfig.__dataclass_fields__[field].default
    shown = ",".join(default) if isinstance(default, tuple) else default
    help_text = text if default is None or isinstance(default, bool) else f"{text}  [default: {shown}]"
    return click.option(flag, field, type=kind, default=None, help=help_text, **more)


@click.command("train")
@click.argument("stores", nargs=-1, type=PATH, required=True)
@click.option("-o", "--output", required=True, type=PATH, metavar="RUN", help="Run folder, a model folder.")
@click.option("--config", "toml", type=PATH, metavar="FILE.toml", help="Options by name; flags overrule it.")
@click.option("--resume", is_flag=True, help="Go on with the run in RUN, or begin where there is none.")
@_option("--model", "model", str, "unet, segformer or deeplabv3plus.  [default: unet, or that of --init]")
@_option("--encoder", "encoder", str, "Of unet or deeplabv3plus, any of smp.  [default: mobilenet_v2]")
@_option("--variant", "variant", str, "Of segformer, b0 to b5.  [default: b0]")
@_option("--init", "init", str, "Model folder, or bundled model, to start from.")
@_option("--classes", "classes", Names(), "Classes to learn.  [default: clear,cloud,shadow if labelled]")
@_option("--bands", "bands", Names(), "Bands to see.")
@_option("--gsd", "gsd_m", float, "Metres to work at.  [default: the store's]")
@_option("--epochs", "epochs", int, "Passes over the patches.")
@_option("--max-steps", "max_steps", int, "Optimiser steps, instead of epochs.")
@_option("--validate-every", "validate_every", int, "Steps between validations.  [default: one pass]")
@_option("--batch-size", "batch_size", int, "Patches a forward pass, a device.")
@_option("--accumulate", "accumulate", int, "Forward passes a step.")
@_option("--lr", "learning_rate", float, "Peak learning rate.")
@_option("--weight-decay", "weight_decay", float, "AdamW's.")
@_option("--warmup", "warmup", int, "Steps of linear rise, at most a tenth of all.")
@_option("--ema", "ema", float, "Decay of the running mean of the weights; 0: none.")
@_option("--loss", "loss", str, "ce; against noisy labels gce, sce or bootstrap.")
@_option("--dice", "dice", float, "Weight of the Dice loss.")
@_option("--augment/--no-augment", "augment", None, "Change patches at random, or not.  [default: augment]")
@_option("--patience", "patience", int, "Validations without gain before it stops; 0: never.")
@_option("--score", "score", str, "What chooses the model: cloud_iou or loss.")
@_option("--precision", "precision", str, "bf16, fp32 or auto (bf16 on a GPU).")
@_option("--compile/--no-compile", "compile", None, "Compile the network with torch.compile.")
@_option("--device", "device", str, "cpu, cuda or auto.")
@_option("--num-workers", "num_workers", int, "Reading processes; no effect on results.")
@_option("--checkpoint-every", "checkpoint_every", int, "Steps between saved states.")
@_option("--seed", "seed", int, "The same seed trains the same model.")
@click.option(
    "--devices", type=click.IntRange(1), default=1, metavar="N", help="Train on N devices by torchrun."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(
    stores: tuple[Path, ...],
    output: Path,
    toml: Path | None,
    resume: bool,
    devices: int,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> int | None:
    """Train a network on patch stores, with no manual label.

    STORES are folders made by 'catfast patches'. RUN becomes a model folder for 'catfast mask --model RUN',
    with the options (train.toml), logs (log.jsonl, tensorboard/), pictures (samples/) and the state to go on
    from. Several nodes: torchrun ... --no-python catfast train ...

    \b
    catfast train patches -o run --model unet --encoder resnet34
    catfast train patches -o run --model segformer --variant b0 --gsd 10 --epochs 50
    catfast train patches -o run --resume --config run/train.toml
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.train import World, launch, load_config, said_by_another, train

    config = load_config(toml, flags)
    if devices > 1 and "LOCAL_RANK" not in os.environ:
        again = [sys.executable, "-c", "from catfast.cli import main; main()", *sys.argv[1:]]
        return launch(devices, again)
    first = World.found().first
    try:
        with row_bar(output.name, quiet=quiet or not first, unit="step") as progress:
            result = train(stores, output, config, resume=resume, progress=progress)
    except CatfastError as error:
        if as_json and first:
            click.echo(json.dumps(_failure(output, error)))
        if said_by_another(str(error)):
            return error.exit_code
        raise
    if not first:
        return None
    for notice in result.warnings:
        click.echo(f"catfast: warning: {notice.message} ({notice.name})", err=True)
    if as_json:
        click.echo(json.dumps(result.as_dict()))
    if not quiet:
        click.echo(_sentence(result), err=True)
    return None


def _sentence(result: TrainResult) -> str:
    if result.status == "skipped":
        return f"{result.run}: was done already: skipped"
    ended = "stopped early" if result.status == "stopped" else "done"
    cloud, kind = result.metrics["cloud_iou"], "simulated " if result.simulated else ""
    return (
        f"{result.run}: {ended} after {result.steps} steps, kept step {result.best_step}, "
        f"cloud IoU {cloud:.3f} with the labels of the {kind}validation split, {result.seconds:.1f} s"
    )


def _failure(output: Path, error: CatfastError) -> dict[str, Any]:
    return {
        "output": str(output),
        "status": "failed",
        "error": {"code": error.exit_code, "message": str(error)},
        "warnings": [],
        "steps": None,
        "best_step": None,
        "metrics": {},
        "parameters": None,
        "simulated": None,
        "seconds": None,
    }
