"""``catfast pairs``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

PATH = click.Path(path_type=Path)


@click.command("pairs", context_settings={"show_default": True})
@click.argument("planet", type=PATH)
@click.argument("landsat", type=PATH)
@click.option("-o", "--output", required=True, type=PATH, metavar="P.parquet", help="The pairs.")
@click.option(
    "--max-dt", "max_dt_s", type=float, default=30.0, metavar="S", help="Longest time apart, seconds."
)
@click.option(
    "--min-overlap",
    type=float,
    default=0.05,
    metavar="F",
    help="Smallest share of the PlanetScope footprint.",
)
@click.option("--within", is_flag=True, help="Only PlanetScope footprints wholly within the Landsat one.")
@click.option(
    "--time-reference",
    type=click.Choice(["centre", "local"]),
    default="centre",
    help="Landsat's time: of its scene centre, or of the overlap itself.",
)
@click.option("--max-cloud", type=float, metavar="PCT", help="Leave out scenes with more cloud.")
@click.option("--min-sun", type=float, metavar="DEG", help="Leave out scenes with a lower sun.")
@click.option(
    "--latitude",
    type=float,
    nargs=2,
    metavar="MIN MAX",
    help="Only PlanetScope scenes between these latitudes.",
)
@click.option(
    "--id-lists", type=PATH, metavar="DIR", help="Write the ids to order, and the overlaps as GeoJSON."
)
@click.option(
    "--limit-per-scene", type=int, metavar="N", help="At most N pairs a Landsat scene, nearest in time."
)
@click.option("--plot", type=PATH, metavar="FILE.png", help="Draw a map of the pairs and their times apart.")
@click.option("--overwrite", is_flag=True, help="Replace an output that is not catfast's too.")
@click.option(
    "--engine", type=click.Choice(["sedonadb", "spark"]), default="sedonadb", help="Who does the join."
)
@click.option("--master", metavar="URL", help="Spark's master, for --engine spark.  [default: local[*]]")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(planet: Path, landsat: Path, output: Path, as_json: bool, quiet: bool, **options: Any) -> None:
    """Find pairs of scenes taken at the same time over the same ground.

    PLANET and LANDSAT are scene catalogues, made by 'catfast catalog'. dt_s is measured from the Landsat
    scene centre, dt_local_s from when Landsat passed the overlap, which can differ by 14 s.

    \b
    catfast pairs planet.parquet landsat.parquet -o pairs.parquet
    catfast pairs planet.parquet landsat.parquet -o pairs.parquet --time-reference local --within
    catfast pairs planet.parquet landsat.parquet -o pairs.parquet --latitude 66.5 90 --plot pairs.png
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.pairs import PairsConfig, mine

    result = mine(planet, landsat, output, PairsConfig(**options))
    for notice in result.warnings:
        click.echo(f"catfast: warning: {notice.message} ({notice.name})", err=True)
    if as_json:
        click.echo(json.dumps(result.as_dict()))
    if not quiet:
        click.echo(
            f"{output}: {result.pairs} pairs of {result.planet_scenes} PlanetScope scenes and "
            f"{result.landsat_scenes} Landsat scenes, {result.over_local} of them over "
            f"{options['max_dt_s']:g} s apart at the overlap, "
            f"{result.seconds:.1f} s",
            err=True,
        )
