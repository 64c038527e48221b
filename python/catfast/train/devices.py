"""One process a device: torchrun, whose tracebacks of itself nobody needs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from catfast.errors import MissingExtraError, ResourceError

__all__ = ["launch"]


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
        rank, failure = error.get_first_failure()
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
