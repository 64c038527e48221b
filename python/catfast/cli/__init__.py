"""The ``catfast`` command: one file a subcommand, imported only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from catfast import __version__
from catfast.cli.limits import check_memory, told
from catfast.errors import CatfastError, one_line

COMMANDS = {
    "catalog": "Make scene catalogues of Planet and Landsat metadata, and look into them.",
    "pairs": "Find pairs of scenes taken at the same time over the same ground.",
    "labels": "Carry Landsat's cloud flags onto the grid of a scene.",
    "patches": "Cut image and label patches of all pairs into a store.",
    "store": "Check, look at and pack patch stores.",
    "train": "Train a network on patches.",
    "evaluate": "Score models and masks on a test set.",
    "export": "Write a trained model as ONNX, with a card and a STAC item.",
    "models": "List the models that come with catfast.",
    "mask": "Mask clouds and their shadows in scenes.",
    "report": "Show masks over their images in one page.",
    "compare": "Tell how two masks of one scene agree.",
    "simulate": "Make a simulated world of coincident PlanetScope and Landsat scenes.",
    "doctor": "Check this installation.",
    "cite": "Print how to cite catfast and its paper.",
}
"""Subcommands, in the order of ``--help``, with their one-line help."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""


class LazyGroup(click.Group):
    """Imports a subcommand's module when it is called, and none for ``--help``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order that a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the subcommand, None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        check_memory(cmd_name)
        command: click.Command = importlib.import_module(f"catfast.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="catfast")
def cli() -> None:
    """Cloud masks for Arctic PlanetScope, taught by Landsat.

    Exit codes: 0 all done, 1 some of several scenes failed, 2 usage, 3 bad input, 4 output or disk,
    130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; an expected error becomes one sentence and its exit code."""
    try:
        code = cli.main(args=arguments, prog_name="catfast", standalone_mode=False)
    except click.UsageError as error:
        hint = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
        _fail(f"{error.format_message()}{hint}", error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except CatfastError as error:
        _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader of stdout went away, as `| head` does: nothing is left to say, nor to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        foreseen = told(error)
        if foreseen is None:
            raise
        _fail(str(foreseen), foreseen.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    click.echo(f"catfast: {one_line(message)}", err=True)
    sys.exit(code)
