"""``catfast patches``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catfast.errors import UsageError, one_line

if TYPE_CHECKING:
    from catfast.patches import Estimate, Failure, PatchesResult, Progress

PATH = click.Path(path_type=Path)
KINDS = ("dilated", "medium", "cirrus")


@click.command("patches")
@click.argument("pairs", type=PATH)
@click.argument("more_scenes", nargs=-1, type=PATH, metavar="")
@click.option(
    "--scenes",
    type=PATH,
    multiple=True,
    metavar="DIR...",
    help="Folders with the scenes of both sensors.  [default: where the catalogues say]",
)
@click.option("-o", "--output", type=PATH, required=True, metavar="STORE", help="The store, a folder.")
@click.option(
    "--preset", type=click.Choice(["cat"]), help="cat: the paper's 400 px, binary, over half valid."
)
@click.option("--size", type=int, metavar="PX", help="Rows and columns of a patch.  [default: 512]")
@click.option("--stride", type=int, metavar="PX", help="From patch to patch.  [default: the size]")
@click.option("--min-valid", type=float, metavar="F", help="Least share of pixels with data.  [default: 0.5]")
@click.option("--min-cloud", type=float, metavar="F", help="Least share of cloud.  [default: 0]")
@click.option("--max-cloud", type=float, metavar="F", help="Largest share of cloud.  [default: 1]")
@click.option("--min-snow", type=float, metavar="F", help="Least share of snow or ice.  [default: 0]")
@click.option("--max-snow", type=float, metavar="F", help="Largest share of snow or ice.  [default: 1]")
@click.option(
    "--format",
    type=click.Choice(["geotiff", "safetensors"]),
    help="Files for every program, or shards for training.  [default: geotiff]",
)
@click.option(
    "--scheme", type=click.Choice(["full", "binary"]), help="binary: cloud or clear only.  [default: full]"
)
@click.option("--cloud", type=click.Choice(KINDS), multiple=True, help="Call these cloud too.")
@click.option(
    "--ignore",
    type=click.Choice(["fill", *KINDS]),
    multiple=True,
    help="Make these 255, fill always.  [default: fill, dilated, medium]",
)
@click.option(
    "--method",
    type=click.Choice(["nearest", "majority", "bilinear", "fraction"]),
    help="How labels are carried; fraction: soft labels.  [default: nearest]",
)
@click.option("--align", is_flag=True, default=None, help="Move clouds to where PlanetScope saw them.")
@click.option("--landsat-bands", type=PATH, metavar="DIR", help="Landsat's bands 2-5, for --align.")
@click.option(
    "--max-overlap",
    type=float,
    metavar="F",
    help="Of patches of two pairs of one pass that share more ground, one stays.  [default: 0.5]",
)
@click.option("--balance", is_flag=True, default=None, help="As many cloudy patches as others, drawn.")
@click.option("--max-patches", type=int, metavar="N", help="Keep at most N, drawn.")
@click.option("--seed", type=int, metavar="S", help="Of all draws and the splits.  [default: 0]")
@click.option("--splits", metavar="T,V,T", help="Shares of train, val and test.  [default: 0.7,0.15,0.15]")
@click.option(
    "--verify",
    type=click.Choice(["auto", "always", "never"]),
    help="Compare the checksums of compressed blocks; always refuses files without.  [default: auto]",
)
@click.option(
    "--engine", type=click.Choice(["local", "spark"]), help="Who cuts: the same store.  [default: local]"
)
@click.option("--master", metavar="URL", help="Spark's master, for --engine spark.  [default: local[*]]")
@click.option("--workers", type=int, metavar="N", help="Processes of the engine local.  [default: 1]")
@click.option("--dry-run", is_flag=True, help="Say how many patches, gigabytes and minutes, and stop.")
@click.option("--overwrite", is_flag=True, help="Replace a store that is there.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(
    pairs: Path,
    more_scenes: tuple[Path, ...],
    preset: str | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Cut image and label patches of all pairs into a store.

    PAIRS is what 'catfast pairs' wrote. The store has images (blue, green, red, nir; uint16 reflectance x
    10000, nodata 0), labels on the same grid, index.parquet and store.json. No ground, PlanetScope strip or
    Landsat scene is in two of train, val and test. A run that was interrupted is gone on with when it is
    given again, and ends in the same bytes.

    \b
    catfast patches pairs.parquet --scenes world -o store
    catfast patches pairs.parquet --scenes planet --scenes landsat -o store --preset cat --dry-run
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.patches import PRESETS, PatchesConfig, estimate, make_store

    chosen = dict(PRESETS[preset]) if preset else {}
    given = {name: value for name, value in options.items() if value not in (None, ())}
    config = PatchesConfig(**chosen | given | _collections(options, more_scenes))
    if dry_run:
        return _say_estimate(estimate(pairs, config), as_json=as_json, quiet=quiet)
    with _pair_bar(quiet=quiet) as progress:
        result = make_store(pairs, config, progress=progress)
    return _say_result(result, as_json=as_json, quiet=quiet)


def _collections(options: dict[str, Any], more_scenes: tuple[Path, ...]) -> dict[str, Any]:
    """Options that are several values; ``--scenes A B`` leaves B among the arguments."""
    if more_scenes and not options["scenes"]:
        raise UsageError(f"expected one file of pairs, found {more_scenes[0]} as well")
    found: dict[str, Any] = {"scenes": (*options["scenes"], *more_scenes)}
    found |= {name: frozenset(options[name]) for name in ("cloud", "ignore") if options[name]}
    if options["splits"] is not None:
        try:
            found["splits"] = tuple(float(share) for share in options["splits"].split(","))
        except ValueError as error:
            raise UsageError(f"--splits must be three shares, e.g. .7,.15,.15: {error}") from error
    return found


@contextmanager
def _pair_bar(*, quiet: bool) -> Iterator[Progress | None]:
    """A bar of pairs on a terminal, None elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    patches = 0
    with tqdm(desc="patches", unit="pair", leave=False, file=sys.stderr) as bar:

        def advance(done: int, total: int, more: int) -> None:
            nonlocal patches
            patches += more
            bar.total = total
            bar.set_postfix_str(f"{patches} patches", refresh=False)
            bar.update(done - bar.n)

        yield advance


def _say_failures(failures: tuple[Failure, ...]) -> None:
    for failure in failures:
        click.echo(f"catfast: {one_line(failure.message)}", err=True)


def _say_estimate(found: Estimate, *, as_json: bool, quiet: bool) -> int:
    _say_failures(found.failures)
    if as_json:
        click.echo(json.dumps(found.as_dict()))
    if not quiet:
        click.echo(
            f"about {found.patches} patches of {found.tiles} tiles in {found.pairs} pairs, "
            f"{found.bytes / 1e9:.2f} GB, {found.seconds / 60:.1f} minutes (from {found.tried} tiles tried)",
            err=True,
        )
    return _code(found.pairs, found.failures)


def _say_result(result: PatchesResult, *, as_json: bool, quiet: bool) -> int:
    _say_failures(result.failures)
    for notice in result.warnings:
        click.echo(f"catfast: warning: {one_line(notice.message)} ({notice.name})", err=True)
    if as_json:
        click.echo(json.dumps(result.as_dict()))
    if not quiet and result.store is not None:
        click.echo(one_line(_sentence(result)), err=True)
    return _code(result.pairs, result.failures)


def _sentence(result: PatchesResult) -> str:
    if result.status == "skipped":
        return f"{result.output}: exists already, made from the same pairs in the same way: skipped"
    splits = ", ".join(f"{result.patches.get(name, 0)} {name}" for name in ("train", "val", "test"))
    kind = "simulated " if result.store and result.store.info.simulated else ""
    return (
        f"{result.output}: {sum(result.patches.values())} patches of {result.pairs} {kind}pairs ({splits}), "
        f"{result.seconds:.1f} s"
    )


def _code(done: int, failures: tuple[Failure, ...]) -> int:
    if not failures:
        return 0
    return 1 if done else 3
