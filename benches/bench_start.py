"""How long ``catfast --help`` takes beside a bare click program with as many subcommands."""

from __future__ import annotations

import subprocess
import sys

from report import Result, interleaved, options, show, spread, write

BARE = """
import click
cli = click.Group("bare", help="Cloud masks.")
for name in ("mask", "simulate"):
    cli.add_command(click.Command(name, help="A command."))
cli()
"""
OURS = "from catfast.cli import main; main()"


def runs(code: str) -> None:
    subprocess.run([sys.executable, "-c", code, "--help"], stdout=subprocess.DEVNULL, check=True)


def main() -> None:
    chosen = options(__doc__)
    rounds = 10 if chosen.quick else 40
    took, rival, ratios = interleaved(lambda: runs(OURS), {"bare click": lambda: runs(BARE)}, rounds)
    result = Result(
        name="catfast --help",
        value=round(took * 1e3, 1),
        unit="ms",
        rival=rival,
        **spread(ratios),
        goal=0.4,
        note=f"{rounds} rounds",
    )
    show(result)
    write([result], chosen.json)


if __name__ == "__main__":
    main()
