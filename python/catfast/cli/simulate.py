"""``catfast simulate``."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click

from catfast.errors import UsageError


@click.command("simulate", context_settings={"show_default": True})
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--pairs", type=int, default=8, metavar="N", help="Pairs of scenes, each on its own ground.")
@click.option(
    "--size", "size_px", type=int, default=1536, metavar="PX", help="Rows and columns of PlanetScope."
)
@click.option("--seed", type=int, default=0, metavar="S", help="The same seed makes the same world.")
@click.option("--overwrite", is_flag=True, help="Replace a simulated world that is there.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def command(
    out: Path, pairs: int, size_px: int, seed: int, overwrite: bool, as_json: bool, quiet: bool
) -> None:
    """Make a simulated world of coincident PlanetScope and Landsat scenes.

    OUT becomes a folder with PlanetScope items at 3 m (PSScene/), Landsat 8 products of the same grounds
    taken within 30 s (landsat/), and the true classes of all PlanetScope pixels (truth/). All have real names
    and layouts, and say that they are simulated.

    catfast simulate world --pairs 2 --size 1024
    """
    from tqdm import tqdm

    from catfast.simulate import PairSummary, WorldConfig, simulate_world

    try:
        config = WorldConfig(pairs=pairs, size_px=size_px, seed=seed, overwrite=overwrite)
    except ValueError as error:
        raise UsageError(f"--{error}".replace("size_px", "size")) from error
    hidden = quiet or not sys.stderr.isatty()
    with tqdm(total=pairs, desc="simulate", unit="pair", disable=hidden, file=sys.stderr) as bar:

        def advance(_: PairSummary) -> None:
            bar.update()

        summary = simulate_world(out, config, advance)
    if as_json:
        document = {"simulated": True} | dataclasses.asdict(summary) | {"out": str(summary.out)}
        click.echo(json.dumps(document))
    elif not quiet:
        for pair in summary.pairs:
            shares = ", ".join(f"{name} {share:.0f} %" for name, share in pair.classes.items())
            click.echo(
                f"{pair.ground}: {pair.ps_id} and {pair.l8_id}, {pair.dt_s:+.1f} s; {shares}", err=True
            )
        count = f"{len(summary.pairs)} simulated pair{'s'[: len(summary.pairs) > 1]}"
        click.echo(f"{out}: {count} in {summary.seconds:.1f} s", err=True)
