"""``catfast evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catfast.cli.progress import row_bar
from catfast.errors import UsageError

if TYPE_CHECKING:
    from catfast.evaluate import EvaluateResult

PATH = click.Path(path_type=Path)


@click.command("evaluate", context_settings={"show_default": True})
@click.argument("arguments", nargs=-1, required=True, metavar="MODEL... TESTSET")
@click.option("-o", "--output", type=PATH, required=True, metavar="REPORT", help="Folder for the report.")
@click.option(
    "--against",
    type=PATH,
    multiple=True,
    metavar="DIR",
    help="Masks to score beside the models: UDM2, or one band; may be repeated.",
)
@click.option(
    "--against-codes",
    multiple=True,
    metavar="CODES",
    help="Their codes, as for --codes; once for all or once for each.  [default: catfast]",
)
@click.option(
    "--codes",
    default="catfast",
    metavar="CODES",
    help="Mask codes of a folder of images: catfast, l8biome, on-cloud-n, cloudsen12, ukis or V=CLASS,...",
)
@click.option(
    "--thin", type=click.Choice(["cloud", "clear", "ignore"]), default="cloud", help="What thin cloud is."
)
@click.option("--classes", metavar="NAME,...", help="Classes to score.  [default: those that all know]")
@click.option(
    "--split", type=click.Choice(["train", "val", "test"]), help="Split of a store.  [default: test]"
)
@click.option("--scenes", type=PATH, metavar="DIR", help="Scenes under points and polygons.")
@click.option("--class-column", default="class", metavar="NAME", help="Class of points and polygons.")
@click.option(
    "--facts",
    type=PATH,
    metavar="CSV",
    help="Table by name: scene, surface, sun_elevation, latitude, dt_s, seen.",
)
@click.option(
    "--gsd",
    "gsd_m",
    type=float,
    metavar="M",
    help="Metres a pixel where no CRS says.  [default: the model's]",
)
@click.option(
    "--reflectance-scale", type=float, metavar="S", help="Reflectance a count.  [default: from the product]"
)
@click.option(
    "--threshold", type=float, metavar="P", help="Cloud from this probability on.  [default: likeliest class]"
)
@click.option("--resamples", type=int, default=1000, metavar="N", help="Bootstrap samples of scenes.")
@click.option("--seed", type=int, default=0, metavar="S", help="Of the bootstrap.")
@click.option("--worst", type=int, default=6, metavar="N", help="Pictures of the worst samples of each.")
@click.option("--threads", type=int, metavar="N", help="Processor threads.  [default: all]")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", help="Where to compute."
)
@click.option("--overwrite", is_flag=True, help="Replace a report that is there.")
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(
    arguments: tuple[str, ...],
    output: Path,
    classes: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Score models and masks on a test set.

    MODEL is a bundled model or a model folder. TESTSET is a patch store, a folder of images with masks
    (images/X.tif with masks/X.tif, X.tif with X_mask.tif, or band files with label.tif in a folder each), or
    points and polygons with a class column over --scenes (GeoPackage, GeoJSON). REPORT gets report.json,
    report.md and report.html.

    \b
    catfast evaluate default store -o report
    catfast evaluate default runs/unet l8biome --codes l8biome --gsd 30 -o report
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.evaluate import EvaluateConfig, evaluate_models

    *models, test_set = arguments
    if not models and not options["against"]:
        raise UsageError("give a model and a test set: catfast evaluate MODEL... TESTSET -o REPORT")
    chosen = {name: value for name, value in options.items() if value is not None}
    config = EvaluateConfig(
        models=tuple(models), classes=tuple(classes.split(",")) if classes else None, **chosen
    )
    with row_bar(Path(test_set).name, quiet=quiet, unit="sample") as progress:
        result = evaluate_models(test_set, output, config, progress=progress)
    for notice in result.warnings:
        click.echo(f"catfast: warning: {test_set}: {notice.message} ({notice.name})", err=True)
    if as_json:
        click.echo(json.dumps(result.report))
    if not quiet:
        click.echo(_sentences(result), err=True)


def _sentences(result: EvaluateResult) -> str:
    lines = []
    for found in result.report["contenders"]:
        figures = ((name, found["cloud"][name]["value"]) for name in ("iou", "oa", "precision", "recall"))
        said = ", ".join(
            f"{name} {'-' if value is None else format(value, '.3f')}" for name, value in figures
        )
        lines.append(f"{found['name']}: cloud {said}")
    simulated = " (simulated)" if result.report["test_set"]["simulated"] else ""
    count = result.report["test_set"]["samples"]
    noun = "sample" if count == 1 else "samples"
    lines.append(f"{result.output}: {count} {noun}{simulated}, {result.seconds:.1f} s")
    return "\n".join(lines)
