"""``rio catfast``: the same commands under rasterio's ``rio``, which finds them by an entry point."""

from __future__ import annotations

import click

from catfast.cli import LazyGroup, cli
from catfast.errors import CatfastError

__all__ = ["group"]


class RioGroup(LazyGroup):
    """Ends with catfast's exit codes: ``rio`` itself knows neither them nor catfast's errors."""

    def invoke(self, ctx: click.Context) -> None:
        """Run a subcommand and exit."""
        try:
            code = super().invoke(ctx)
        except CatfastError as error:
            click.echo(f"catfast: {error}", err=True)
            code = error.exit_code
        ctx.exit(code if isinstance(code, int) else 0)


group = RioGroup("catfast", help=cli.help, params=cli.params, context_settings=cli.context_settings)
"""What ``rio`` adds to its commands."""
