"""The ``catfast`` command: one file a subcommand, imported only when it is called."""

from __future__ import annotations

import os
import sys

from catfast._lazy import names_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from catfast.cli.group import LazyGroup, cli

__all__ = ["COMMANDS", "LazyGroup", "cli", "main"]

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

_STREAMS = 3
"""stdin, stdout and stderr."""

_LEAST_MB = 64
"""Address space in which Python, its threads and the compiled module are there at all."""

__getattr__ = names_from(__name__, {"LazyGroup": "group", "cli": "group"})


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; an expected error or a signal becomes one sentence and its exit code.

    Nothing is imported before signals are answered, but for what Python itself imports.
    """
    try:
        _open_streams()
        _refuse_too_little_memory()
        from catfast.cli.interrupts import Interrupts

        interrupts = Interrupts()
        interrupts.install()
    except KeyboardInterrupt:
        os.write(2, b"catfast: interrupted\n")
        os._exit(130)
    try:
        from catfast.cli.group import run

        code = run(arguments)
        interrupts.over(code)
    except BaseException as error:
        if not interrupts.stopped_by(error):
            raise
    if interrupts.received:
        code = interrupts.say()
    if arguments is not None:
        interrupts.restore()
    sys.exit(code)


def _open_streams() -> None:
    """Open closed standard streams: the next file would get their number, and whatever is printed."""
    while (number := os.open(os.devnull, os.O_RDWR)) < _STREAMS:
        pass
    os.close(number)


def _refuse_too_little_memory() -> None:
    """End in a sentence where not even imports are sure to; what a command needs, it says itself."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if 0 <= limit < _LEAST_MB << 20:
        found = f"found a limit of {limit >> 20} MB (ulimit -v)"
        os.write(2, f"catfast: Python needs an address space of {_LEAST_MB} MB or more, {found}\n".encode())
        os._exit(4)
