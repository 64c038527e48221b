"""One process a device: torchrun, whose tracebacks of itself nobody needs."""

from __future__ import annotations

import logging
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from catfast.errors import MissingExtraError, ResourceError

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

__all__ = ["launch"]

_BECAUSE_OF_OTHERS = (-signal.SIGTERM, 128 + signal.SIGTERM)
"""Exit codes of processes that torchrun ended when another had failed."""


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
