"""``catfast compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from catfast.classes import CLASS_CODES

if TYPE_CHECKING:
    from catfast.report import Comparison

PATH = click.Path(path_type=Path)


@click.command("compare", context_settings={"show_default": True})
@click.argument("mask", type=PATH)
@click.argument("other", type=PATH)
@click.option("-o", "--output", type=PATH, metavar="TIF", help="Also write a map of where they differ.")
@click.option("--overwrite", is_flag=True, help="Replace a map that is there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(mask: Path, other: Path, output: Path | None, overwrite: bool, as_json: bool) -> None:
    """Tell how two masks of one scene agree.

    MASK and OTHER each are a mask with catfast's codes or an 8-band UDM2, on one grid.

    \b
    catfast compare scene_mask.tif scene_udm2.tif -o where.tif
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.report import compare

    result = compare(mask, other, output, overwrite=overwrite)
    for notice in result.warnings:
        click.echo(f"catfast: warning: {notice.message} ({notice.name})", err=True)
    click.echo(json.dumps(result.as_dict()) if as_json else _table(result))


def _table(result: Comparison) -> str:
    """Per cent of pixels by class of the one (rows) and of the other (columns)."""
    total = max(int(result.counts.sum()), 1)
    lines = [
        f"{'':8}" + "".join(f"{name:>10}" for name in CLASS_CODES) + f"  <- {result.second.name}",
        *(
            f"{name:8}" + "".join(f"{100 * count / total:9.2f}%" for count in result.counts[code])
            for name, code in CLASS_CODES.items()
        ),
    ]
    told = {key: "-" if value is None else f"{value:.4f}" for key, value in result.cloud.items()}
    lines.append(
        f"{int(result.counts.sum())} pixels seen by both, {result.seen_by_one} by one; "
        f"cloud against the rest: agreement {told['agreement']}, IoU {told['iou']}"
    )
    return "\n".join(lines)
