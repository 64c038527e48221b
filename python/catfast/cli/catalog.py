"""``catfast catalog``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from catfast.cli.group import OrderedGroup

PATH = click.Path(path_type=Path)


@click.group(
    "catalog",
    cls=OrderedGroup,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
def command() -> None:
    """Make scene catalogues (GeoParquet) of what you have, and look into them."""


def _options(function: Any) -> Any:
    for decorate in reversed(
        (
            click.argument("sources", nargs=-1, required=True, metavar="SRC..."),
            click.option(
                "-o", "--output", required=True, type=PATH, metavar="X.parquet", help="The catalogue."
            ),
            click.option("--id-col", metavar="C", help="Column of scene ids in a CSV of your own."),
            click.option("--time-col", metavar="C", help="Column of acquisition times in it."),
            click.option("--geometry-col", metavar="C", help="Column of footprints in it, as WKT."),
            click.option(
                "--collection",
                "collections",
                multiple=True,
                metavar="ID",
                help="Collection of a STAC API to search; may be repeated.",
            ),
            click.option("--bbox", type=float, nargs=4, metavar="W S E N", help="Degrees, for the same."),
            click.option("--datetime", metavar="SPAN", help="As in 2023-06-01/2023-08-31, for the same."),
            click.option("--rejects", type=PATH, metavar="FILE", help="CSV of the rows that cannot be used."),
            click.option("--overwrite", is_flag=True, help="Replace what is not a catalogue by catfast too."),
            click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout."),
            click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors."),
        )
    ):
        function = decorate(function)
    return function


@command.command("planet")
@_options
def planet(**options: Any) -> None:
    """Catalogue PlanetScope scenes.

    SRC is a page or list of Data API items, search GeoJSON, item JSON, JSON lines, STAC items, an order
    folder, a folder of scenes with their JSON or XML, a CSV (with --id-col and --time-col), GeoParquet, or
    the URL of a STAC API (with --collection).

    \b
    catfast catalog planet search.json -o planet.parquet
    catfast catalog planet scenes.csv --id-col id --time-col acquired --geometry-col wkt -o planet.parquet
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    _build("planet", **options)


@command.command("landsat")
@_options
@click.option(
    "--wrs2", type=PATH, metavar="FILE", help="Footprints by path and row: USGS's WRS2_descending.zip."
)
def landsat(**options: Any) -> None:
    """Catalogue Landsat scenes.

    SRC is STAC items, a folder of them, stac-geoparquet, a folder of products with their MTL, or a CSV: USGS
    bulk metadata (.gz too), EarthExplorer, Earth Engine, or your own with --id-col and --time-col. A row
    without a footprint gets that of its path and row. The URL of a STAC API is searched page by page.

    \b
    catfast catalog landsat LANDSAT_OT_C2_L2.csv.gz -o landsat.parquet
    catfast catalog landsat https://landsatlook.usgs.gov/stac-server --collection landsat-c2l1 \\
        --bbox -170 60 -140 72 --datetime 2023-06-01/2023-08-31 -o landsat.parquet
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    _build("landsat", **options)


@command.command("info")
@click.argument("file", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def info(file: Path, as_json: bool) -> None:
    """Say what is in a catalogue."""
    from catfast.catalog import describe

    found = describe(file)
    if as_json:
        click.echo(json.dumps(found.as_dict()))
        return
    click.echo(f"{found.path}: {found.scenes} scenes")
    click.echo(f"acquired    {found.first:%Y-%m-%d %H:%M:%S} to {found.last:%Y-%m-%d %H:%M:%S} UTC")
    for title, counts in (("platform", found.platforms), ("instrument", found.instruments)):
        if counts:
            click.echo(f"{title:11} {', '.join(f'{name} {count}' for name, count in counts.items())}")
    click.echo(f"CRS         {found.crs}")
    if found.bounds:
        click.echo(f"bounds      {', '.join(f'{side:.6g}' for side in found.bounds)}")


def _build(
    kind: str, sources: tuple[str, ...], output: Path, as_json: bool, quiet: bool, **options: Any
) -> None:
    from tqdm import tqdm

    from catfast.catalog import CatalogConfig, build

    config = CatalogConfig(**options)
    hidden = quiet or not sys.stderr.isatty()
    with tqdm(desc="catalog", unit="row", disable=hidden, file=sys.stderr) as bar:

        def advance(rows: int) -> None:
            bar.update(rows)

        result = build(kind, sources, output, config, advance)
    for notice in result.warnings:
        click.echo(f"catfast: warning: {notice.message} ({notice.name})", err=True)
    if as_json:
        click.echo(json.dumps(result.as_dict()))
    if not quiet:
        rejected = sum(result.rejected.values())
        click.echo(
            f"{output}: {result.scenes} scenes, {rejected} rejected, {result.left} of the other kind left, "
            f"{result.seconds:.1f} s",
            err=True,
        )
