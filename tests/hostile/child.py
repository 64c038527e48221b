"""What runs in the process of one case, forked from a server that has imported everything already."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Imported here so that the fork server has them: they take seconds.
import jinja2  # noqa: F401
import lightning  # noqa: F401
import onnxruntime  # noqa: F401
import pyarrow.parquet  # noqa: F401
import pyogrio  # noqa: F401
import shapely  # noqa: F401
import torch  # noqa: F401

import catfast.catalog
import catfast.evaluate
import catfast.labels
import catfast.mask
import catfast.pairs
import catfast.patches
import catfast.report
import catfast.train  # noqa: F401
from catfast.cli import main
from catfast.errors import CatfastError

LARGEST_FILE = 300 << 20
WATCHED = ("os.system", "os.exec", "pickle.find_class", "socket.connect", "socket.getaddrinfo")
"""Audit events of Python that no input may bring about."""


def run(made: Sequence[Any], folder: Path) -> None:
    """Run a command line, or a function, with stdout and stderr in files of ``folder``; exits as it does."""
    os.setpgid(0, 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(folder / "in")
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    events = os.open(folder / "events", os.O_WRONLY | os.O_CREAT)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in WATCHED:
            os.write(events, f"{event} {arguments}\n".encode())

    sys.addaudithook(watch)
    if callable(made[0]):
        _call(made)
    main([str(argument) for argument in made])


def _call(made: Sequence[Any]) -> None:
    """A call of the Python interface, whose errors are told as the command line tells them."""
    function, *arguments = made
    try:
        function(*arguments)
    except CatfastError as error:
        print(f"catfast: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(0)
