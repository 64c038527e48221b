"""``catfast labels``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catfast.cli.progress import row_bar
from catfast.errors import CatfastError, UsageError, one_line

if TYPE_CHECKING:
    from catfast.labels import LabelResult

PATH = click.Path(path_type=Path)


@click.command("labels", context_settings={"show_default": True})
@click.argument("qa", type=PATH, metavar="QA_PIXEL.TIF")
@click.option("--like", type=PATH, required=True, metavar="SCENE", help="The scene whose grid is wanted.")
@click.option("-o", "--output", type=PATH, required=True, help="The label.")
@click.option(
    "--scheme", type=click.Choice(["full", "binary"]), default="full", help="binary: cloud or clear only."
)
@click.option(
    "--cloud",
    type=click.Choice(["dilated", "medium", "cirrus"]),
    multiple=True,
    help="Call these cloud too; may be repeated.",
)
@click.option(
    "--ignore",
    type=click.Choice(["fill", "dilated", "medium", "cirrus"]),
    multiple=True,
    default=("fill", "dilated", "medium"),
    help="Make these 255, fill always; may be repeated.",
)
@click.option(
    "--method",
    type=click.Choice(["nearest", "majority", "bilinear"]),
    help="The code under the pixel's centre; the one that covers most of it; or the one with the largest "
    "bilinear weight, for smooth edges.  [default: nearest]",
)
@click.option("--fraction", is_flag=True, help="Write the share of cloud by area, 0-200, instead of codes.")
@click.option(
    "--verify",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Compare checksums inside the files; always: refuse a file that carries none.",
)
@click.option(
    "--align",
    is_flag=True,
    help="Move clouds to where the scene has them, where that can be told (on trial). "
    "Needs Landsat's bands 2-5 beside QA_PIXEL.TIF.",
)
@click.option("--landsat-bands", type=PATH, metavar="DIR", help="Where bands 2-5 are, for --align.")
@click.option("--overwrite", is_flag=True, help="Replace a label made from something else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(
    qa: Path,
    like: Path,
    output: Path,
    scheme: str,
    cloud: tuple[str, ...],
    ignore: tuple[str, ...],
    method: str | None,
    fraction: bool,
    align: bool,
    landsat_bands: Path | None,
    verify: str,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Carry Landsat's cloud flags onto the grid of a scene.

    QA_PIXEL.TIF is the quality band of a Landsat Collection 2 product. The label is a GeoTIFF on the scene's
    own grid: 0 clear, 1 cloud, 2 cloud shadow, 3 snow or ice, 4 water, 255 not seen or not to be learnt from.

    \b
    catfast labels LC08_..._QA_PIXEL.TIF --like scene.tif -o label.tif
    catfast labels LC08_..._QA_PIXEL.TIF --like scene.tif -o label.tif --scheme binary --cloud dilated
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.labels import LabelConfig, transfer

    if fraction and method is not None:
        raise UsageError("--fraction and --method exclude each other")
    config = LabelConfig(
        scheme=scheme,
        cloud=frozenset(cloud),
        ignore=frozenset(ignore),
        method="fraction" if fraction else method or "nearest",
        verify=verify,
        align=align,
        landsat_bands=landsat_bands,
        overwrite=overwrite,
    )
    try:
        with row_bar(like.name, quiet=quiet) as progress:
            result = transfer(qa, like, output, config, progress=progress)
    except CatfastError as error:
        if as_json:
            click.echo(json.dumps(_failure(qa, like, output, error)))
        raise
    for notice in result.warnings:
        click.echo(f"catfast: warning: {one_line(f'{like}: {notice.message} ({notice.name})')}", err=True)
    if as_json:
        click.echo(json.dumps(result.as_dict()))
    if not quiet:
        click.echo(one_line(_sentence(result)), err=True)


def _sentence(result: LabelResult) -> str:
    if result.status == "skipped":
        return f"{result.output}: exists already, made from the same files in the same way: skipped"
    shares = ", ".join(f"{value:.1f} % {name}" for name, value in result.classes.items()) or "nothing seen"
    labelled = f"{result.labelled_percent:.1f} % labelled pixels"
    moved = "" if result.displacement is None else f", {result.displacement.sentence()}"
    return f"{result.output}: {shares} of {labelled}{moved}, {result.seconds:.1f} s"


def _failure(qa: Path, like: Path, output: Path, error: CatfastError) -> dict[str, Any]:
    return {
        "input": str(qa),
        "scene": str(like),
        "output": str(output),
        "status": "failed",
        "error": {"code": error.exit_code, "message": str(error)},
        "warnings": [],
        "classes": {},
        "labelled_percent": None,
        "displacement": None,
        "seconds": None,
    }
