"""``catfast export``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from catfast.errors import UsageError

PATH = click.Path(path_type=Path)


@click.command("export", context_settings={"show_default": True})
@click.argument("run", metavar="RUN")
@click.option("--onnx", is_flag=True, default=True, help="Write ONNX: the one format there is.")
@click.option("--fp16", is_flag=True, help="Keep kernels in half precision.")
@click.option("--int8", is_flag=True, help="Quantise to 8 bits: the ONNX file then stands alone.")
@click.option(
    "-o", "--output", type=PATH, metavar="DIR", help="A new model folder.  [default: the run itself]"
)
@click.option(
    "--calibrate",
    type=PATH,
    metavar="STORE",
    help="Patches to calibrate and check on.  [default: simulated ones]",
)
@click.option("--patches", type=int, default=48, metavar="N", help="How many; a third calibrates --int8.")
@click.option("--force", is_flag=True, help="Keep it though fewer than 99.5 % of pixels agree with torch.")
@click.option("--overwrite", is_flag=True, help="Replace an export that is there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def command(
    run: str,
    onnx: bool,
    fp16: bool,
    int8: bool,
    output: Path | None,
    calibrate: Path | None,
    patches: int,
    force: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a trained model as ONNX, with a card and a STAC item.

    RUN is a folder that catfast train made, or any model folder. The ONNX file is run beside torch, and kept
    where both give the same class to 99.5 % of the pixels.

    \b
    catfast export runs/unet --onnx
    catfast export runs/unet --onnx --int8 --calibrate store -o models/unet8
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.models import ExportConfig, export_run

    if fp16 and int8:
        raise UsageError("--fp16 and --int8 exclude each other")
    config = ExportConfig(
        precision="fp16" if fp16 else "int8" if int8 else "stored",
        calibrate=calibrate,
        patches=patches,
        force=force,
        overwrite=overwrite,
    )
    result = export_run(run, output, config)
    if as_json:
        click.echo(json.dumps(result.as_dict()))
    if not quiet:
        click.echo(
            f"{result.output}: {', '.join(result.files)}; same class as torch in "
            f"{result.parity.argmax_agreement:.4%} of the pixels of {result.checked_on}, largest difference "
            f"{result.parity.largest_difference:.2g}",
            err=True,
        )
