"""``catfast store``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from catfast.cli.group import OrderedGroup
from catfast.cli.progress import row_bar
from catfast.errors import InputError, one_line

PATH = click.Path(path_type=Path)


@click.group("store", cls=OrderedGroup)
def command() -> None:
    """Check, look at and pack patch stores."""


@command.command("verify", context_settings={"show_default": True})
@click.argument("store", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but problems and errors.")
def verify_command(store: Path, as_json: bool, quiet: bool) -> None:
    """Find damage: flipped bytes, missing and foreign files, rows that do not fit.

    Compares every file of STORE with SHA256SUMS and every patch with the index. Exits with 3 where something
    is wrong.

    catfast store verify patches
    """
    from catfast.patches import verify

    with row_bar("verify", quiet=quiet, unit="step") as progress:
        problems = verify(store, progress)
    if as_json:
        found = [{"file": problem.file, "message": problem.message} for problem in problems]
        status = "damaged" if found else "clean"
        click.echo(json.dumps({"input": str(store), "status": status, "problems": found}))
    for problem in problems:
        click.echo(one_line(f"{store}: {problem}"), err=True)
    if problems:
        raise InputError(f"{store}: {len(problems)} problem{'s'[: len(problems) > 1]} found")
    if not quiet:
        click.echo(one_line(f"{store}: all files are what was written"), err=True)


@command.command("show", context_settings={"show_default": True})
@click.argument("store", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, metavar="PNG", help="The picture.")
@click.option("--count", type=int, default=24, metavar="N", help="Patches to draw.")
@click.option("--seed", type=int, default=0, metavar="S", help="Another seed, other patches.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def show_command(store: Path, output: Path, count: int, seed: int, quiet: bool) -> None:
    """Draw a contact sheet: images beside the same under their labels.

    catfast store show patches -o sheet.png
    """
    from catfast.patches import contact_sheet

    drawn = contact_sheet(store, output, count=count, seed=seed)
    if not quiet:
        click.echo(one_line(f"{output}: {drawn} patches of {store}"), err=True)


@command.command("pack", context_settings={"show_default": True})
@click.argument("store", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, metavar="STORE2", help="The new store.")
@click.option("--shard-mb", type=int, default=1024, metavar="MB", help="Largest size of a shard.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def pack_command(store: Path, output: Path, shard_mb: int, as_json: bool, quiet: bool) -> None:
    """Copy a store into large safetensors shards, from which training reads fastest.

    Patches, order, splits and records stay. Every patch is compared with its digest on the way.

    catfast store pack patches -o packed
    """
    from catfast.patches import pack

    with row_bar("pack", quiet=quiet, unit="patch") as progress:
        packed = pack(store, output, shard_bytes=shard_mb << 20, progress=progress)
    shards = len(set(packed.index["shard"].to_pylist()))
    if as_json:
        result = {"input": str(store), "output": str(output), "patches": len(packed), "shards": shards}
        click.echo(json.dumps(result))
    if not quiet:
        click.echo(one_line(f"{output}: {len(packed)} patches in {shards} shards"), err=True)
