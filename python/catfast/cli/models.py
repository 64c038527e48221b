"""``catfast models``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from catfast.models import ModelCard


@click.command("models")
@click.argument("name", required=False, metavar="[NAME|DIR]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a model on stdout.")
def command(name: str | None, as_json: bool) -> None:
    """List the models that come with catfast, or print the card of one.

    \b
    catfast models
    catfast models default
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.models import bundled_names, model_card

    found = [model_card(chosen) for chosen in ([name] if name else bundled_names())]
    for model in found:
        if as_json:
            click.echo(json.dumps(model.as_dict(card=name is not None)))
        elif name:
            click.echo(model.card.rstrip() or f"{model.folder} has no card")
        else:
            click.echo(_lines(model))


def _lines(model: ModelCard) -> str:
    head = (
        f"{model.name}: {model.bytes / 1e6:.1f} MB, {', '.join(model.classes)}, {model.gsd_m:g} m, "
        f"{model.architecture}, sha256 {model.sha256}"
    )
    held_out = [score for score in model.scores if "held out" in score.who]
    scores = [
        f"  {score.data}, {score.who}: "
        + ", ".join(f"{key} {value:g}" for key, value in score.figures.items())
        for score in (held_out or model.scores)
    ]
    return "\n".join([head, *scores])
