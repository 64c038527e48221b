"""The group of all subcommands, and what an error becomes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from catfast import __version__
from catfast.cli import COMMANDS
from catfast.cli.limits import check_memory, shortage
from catfast.errors import CatfastError, one_line

_PANIC = "PanicException"
"""What a panic in a compiled library, such as sedonadb, becomes: no Exception, and of a class of its own."""

_NO_ARGUMENTS: tuple[type[click.UsageError], ...] = tuple(
    filter(None, [getattr(click.exceptions, "NoArgsIsHelpError", None)])
)
"""A group without a subcommand, since click 8.2; its message is the help."""


class OrderedGroup(click.Group):
    """Lists its subcommands as they were written down, the order that a user meets them in."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in that order."""
        return list(self.commands)


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
    130 interrupted, 143 terminated.
    """


def run(arguments: Sequence[str] | None) -> int:
    """Run a subcommand; an expected error becomes one sentence and its exit code."""
    try:
        code = cli.main(args=arguments, prog_name="catfast", standalone_mode=False)
    except _NO_ARGUMENTS as error:  # as long as the help, which is what is asked for
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.UsageError as error:
        hint = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
        return _failure(f"{error.format_message()}{hint}", error.exit_code)
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except click.ClickException as error:
        return _failure(error.format_message(), error.exit_code)
    except CatfastError as error:
        return _failure(str(error), error.exit_code)
    except BrokenPipeError:
        _drop_stdout()  # its reader went away, as `| head` does: nothing is left to say
        return 1
    except UnicodeEncodeError as error:  # bytes that are no text, which libraries take no name of
        return _failure(f"expected names in UTF-8, found {error.object!a}: rename it", 3)
    except Exception as error:
        if (short := shortage(error)) is not None:
            return _failure(str(short), short.exit_code)
        if not isinstance(error, OSError):
            raise
        _drop_stdout()
        return _failure(f"{error.filename or 'standard output'}: {error.strerror or error}", 4)
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        return _failure(f"a library broke down: {error}", 4)
    return code if isinstance(code, int) else 0


def _failure(message: str, code: int) -> int:
    with suppress(OSError):  # nobody reads stderr either
        click.echo(f"catfast: {one_line(message)}", err=True)
    return code


def _drop_stdout() -> None:
    """What is still in its buffer goes nowhere, and is no second error at exit."""
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
