"""``catfast mask``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catfast.cli.progress import row_bar
from catfast.errors import CatfastError, OutputError, UsageError

if TYPE_CHECKING:
    from catfast.mask import Masker, MaskResult

PATH = click.Path(path_type=Path)


@click.command("mask", context_settings={"show_default": True})
@click.argument("scenes", nargs=-1, required=True, type=PATH, metavar="SCENE...")
@click.option(
    "-o", "--output", type=PATH, help="The mask, for one scene.  [default: <stem>_mask.tif beside it]"
)
@click.option("--out-dir", type=PATH, help="Folder for <stem>_mask.tif of each scene; made if absent.")
@click.option("--model", default="default", metavar="NAME|DIR", help="A bundled model, or a model folder.")
@click.option("--confidence", is_flag=True, help="Also write <stem>_confidence.tif, per cent a class.")
@click.option(
    "--threshold", type=float, metavar="P", help="Cloud from this probability on.  [default: likeliest class]"
)
@click.option(
    "--classes", type=click.Choice(["full", "binary"]), default="full", help="binary: cloud or clear only."
)
@click.option(
    "--gsd", "gsd_m", type=float, metavar="M", help="Metres a pixel to work at.  [default: the model's]"
)
@click.option(
    "--reflectance-scale", type=float, metavar="S", help="Reflectance a count.  [default: from the product]"
)
@click.option(
    "--batch-size", type=int, default=4, metavar="N", help="Tiles a network call; never changes the mask."
)
@click.option(
    "--threads", type=int, metavar="N", help="Processor threads; never changes the mask.  [default: all]"
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", help="Where to compute."
)
@click.option(
    "--max-pixels",
    type=int,
    metavar="N",
    help="Refuse scenes of more samples, width x height x bands.  [default: 4e9]",
)
@click.option(
    "--verify",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Compare checksums inside the file; always: refuse a scene that carries none.",
)
@click.option("--quicklook", type=PATH, metavar="PNG", help="Picture of image and mask, for one scene.")
@click.option("--overwrite", is_flag=True, help="Replace masks made from something else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a scene on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(
    scenes: tuple[Path, ...],
    output: Path | None,
    out_dir: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Mask clouds and their shadows in scenes.

    SCENE is a PlanetScope GeoTIFF (4 or 8 bands, surface reflectance, or AnalyticMS radiance with its XML
    beside it) or one of any sensor with blue, green, red and near infrared. The mask is a COG on the scene's
    own grid: 0 clear, 1 cloud, 2 cloud shadow, 255 nodata.

    \b
    catfast mask scene.tif
    catfast mask *_SR.tif --out-dir masks --json
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.mask import MaskConfig, Masker

    _check_outputs(scenes, output, out_dir, options["quicklook"])
    masker = Masker(MaskConfig(**{name: value for name, value in options.items() if value is not None}))
    targets = _targets(scenes, output, out_dir)
    errors = [_mask_one(masker, scene, targets[scene], as_json=as_json, quiet=quiet) for scene in scenes]
    failed = [error for error in errors if error is not None]
    if len(failed) == len(scenes):
        codes = {error.exit_code for error in failed}
        return codes.pop() if len(codes) == 1 else 3
    return 1 if failed else 0


def _check_outputs(
    scenes: tuple[Path, ...], output: Path | None, out_dir: Path | None, quicklook: Path | None
) -> None:
    if output is not None and out_dir is not None:
        raise UsageError("-o and --out-dir exclude each other")
    if len(scenes) > 1 and (output is not None or quicklook is not None):
        raise UsageError("-o and --quicklook name one file: for several scenes use --out-dir")


def _targets(scenes: tuple[Path, ...], output: Path | None, out_dir: Path | None) -> dict[Path, Path]:
    """The mask of each scene; two scenes that would share one are refused before the start."""
    from catfast.mask import mask_path

    if out_dir is not None:
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{out_dir}: cannot be made: {error.strerror}") from error
    targets: dict[Path, Path] = {}
    for scene in dict.fromkeys(scenes):
        target = output or mask_path(scene, out_dir)
        clash = next((other for other, taken in targets.items() if taken == target), None)
        if clash is not None:
            raise UsageError(f"{clash} and {scene} would both write {target}")
        targets[scene] = target
    return targets


def _mask_one(
    masker: Masker, scene: Path, output: Path, *, as_json: bool, quiet: bool
) -> CatfastError | None:
    try:
        with row_bar(scene.name, quiet=quiet) as progress:
            result = masker.mask(scene, output, progress)
    except CatfastError as error:
        click.echo(f"catfast: {error}", err=True)
        if as_json:
            _print_json(_failure(scene, output, masker.model, error))
        return error
    for notice in result.warnings:
        click.echo(f"catfast: warning: {scene}: {notice.message} ({notice.name})", err=True)
    if as_json:
        _print_json(result.as_dict())
    if not quiet:
        click.echo(_sentence(result), err=True)
    return None


def _sentence(result: MaskResult) -> str:
    if result.status == "skipped":
        return f"{result.output}: exists already, made by the same model from the same scene: skipped"
    shares = ", ".join(f"{value:.1f} % {name}" for name, value in result.classes.items()) or "nothing seen"
    return f"{result.output}: {shares} of {result.valid_percent:.1f} % valid pixels, {result.seconds:.1f} s"


def _failure(scene: Path, output: Path, model: str, error: CatfastError) -> dict[str, Any]:
    return {
        "input": str(scene),
        "output": str(output),
        "status": "failed",
        "error": {"code": error.exit_code, "message": str(error)},
        "warnings": [],
        "classes": {},
        "valid_percent": None,
        "seconds": None,
        "model": model,
    }


def _print_json(content: dict[str, Any]) -> None:
    click.echo(json.dumps(content))
