"""One process a device: torchrun, whose tracebacks of itself nobody needs."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from catfast.errors import MissingExtraError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import BaseFileLock
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

__all__ = ["World", "launch", "said_by_another"]

_BECAUSE_OF_OTHERS = (-signal.SIGTERM, 128 + signal.SIGTERM)
"""Exit codes of processes that torchrun ended when another had failed."""

_SAID = "CATFAST_SAID"
"""Environment variable: the folder in which the processes of a launch note what they say."""

_saying: list[BaseFileLock] = []
"""Locks that are held until this process has ended, and so has spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The processes that train together, as torchrun tells each of them."""

    rank: int
    """Which of them this one is."""
    size: int
    """How many there are."""
    here: int
    """How many there are on this node."""

    @classmethod
    def found(cls) -> World:
        """From torchrun's environment; alone without it."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
        rank, size, here = (
            int(os.environ.get(name, default)) for name, default in zip(names, "011", strict=True)
        )
        return cls(rank=rank, size=size, here=here)

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks for all."""
        return self.rank == 0


def launch(devices: int, command: Sequence[str]) -> int:
    """Run a command once a device; the exit code of the process that failed first, which said why.

    Raises:
        MissingExtraError: torch is not installed.
        ResourceError: one of the processes was killed.
    """
    try:
        from torch.distributed.elastic.multiprocessing.api import SignalException
        from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
        from torch.distributed.run import main
    except ImportError:
        raise MissingExtraError("Training", "train") from None
    logging.disable(logging.ERROR)  # each of torchrun's loggers has a level of its own
    try:
        with _notes():
            main(["--standalone", f"--nproc-per-node={devices}", "--no-python", *command])
    except ChildFailedError as error:
        rank, failure = min(error.failures.items(), key=lambda item: _place(item[1]))
        if failure.exitcode < 0:
            raise ResourceError(
                f"process {rank} of {devices} was killed by signal {-failure.exitcode}: --resume goes on"
            ) from None
        return failure.exitcode
    except SignalException:  # torchrun answers signals in its own way: it has ended the others
        raise KeyboardInterrupt from None
    finally:
        logging.disable(logging.NOTSET)
    return 0


def _place(failure: ProcessFailure) -> tuple[bool, bool, int]:
    """Which failure was the first: times are in whole seconds, and one process draws the others after it."""
    killed = failure.exitcode == -signal.SIGKILL
    return not killed, failure.exitcode in _BECAUSE_OF_OTHERS, failure.timestamp


@contextmanager
def _notes() -> Iterator[None]:
    with TemporaryDirectory(prefix="catfast_") as folder:
        os.environ[_SAID] = folder
        try:
            yield
        finally:
            del os.environ[_SAID]


def said_by_another(sentence: str) -> bool:
    """Whether another process of this :func:`launch` has said it, and ended; if not, this one is to."""
    from filelock import FileLock

    if (folder := os.environ.get(_SAID)) is None:
        return False
    note = Path(folder, sha256(sentence.encode()).hexdigest())
    lock = FileLock(f"{note}.lock")
    lock.acquire()
    _saying.append(lock)
    if note.exists():
        return True
    note.touch()
    return False
