"""``catfast doctor``."""

from __future__ import annotations

import json

import click

MARKS = {"ok": "ok    ", "absent": "absent", "bad": "BAD   "}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding on stdout.")
def command(as_json: bool) -> int:
    """Check this installation, and say what to do where something is wrong.

    Exit code 0 where all that masking needs works, 1 where it does not; extras may be absent.
    """
    from catfast.doctor import examine

    bad = 0
    for finding in examine():
        bad += finding.status == "bad"
        if as_json:
            click.echo(json.dumps(finding.as_dict()))
            continue
        advice = f"\n        {'':16}-> {finding.advice}" if finding.advice else ""
        click.echo(f"{MARKS[finding.status]}  {finding.name:16}{finding.text}{advice}")
    return 1 if bad else 0
