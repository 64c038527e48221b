"""``catfast report``."""

from __future__ import annotations

from pathlib import Path

import click

from catfast.cli.progress import row_bar

PATH = click.Path(path_type=Path)


@click.command("report", context_settings={"show_default": True})
@click.argument("masks", nargs=-1, required=True, type=PATH, metavar="MASKS...")
@click.option("-o", "--output", type=PATH, required=True, metavar="HTML", help="The page.")
@click.option(
    "--scenes",
    multiple=True,
    type=PATH,
    metavar="DIR",
    help="Where images and UDM2 files are; may be repeated.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(masks: tuple[Path, ...], output: Path, scenes: tuple[Path, ...], quiet: bool) -> int:
    """Show masks over their images, in one page that needs no network.

    MASKS are files that 'catfast mask' wrote, or folders of them. Images are found by the name that each mask
    remembers, beside the masks and below --scenes; a mask without its image is shown alone.

    \b
    catfast report masks --scenes orders -o report.html
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.report import write_report

    with row_bar(output.name, quiet=quiet, unit="scene") as progress:
        result = write_report(masks, output, scenes=scenes, progress=progress)
    for failure in result.failures:
        click.echo(f"catfast: {failure}", err=True)
    if not quiet:
        alone = f", {result.without_image} without their image" if result.without_image else ""
        alone += " (--scenes DIR looks for it)" if alone and not scenes else ""
        click.echo(f"{result.output}: {result.scenes} masks{alone}", err=True)
    return 1 if result.failures else 0
