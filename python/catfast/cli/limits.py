"""What a machine or a data centre allows a process, told in a sentence where it is too little."""

from __future__ import annotations

import errno

from catfast.errors import ResourceError

LEAST_MB = {
    "mask": 512,
    "labels": 512,
    "report": 512,
    "compare": 512,
    "simulate": 1024,
    "catalog": 2048,
    "patches": 2048,
    "store": 2048,
    "evaluate": 2048,
    "pairs": 3072,
    "train": 6144,
    "export": 6144,
}
"""Address space below which a command cannot begin, a quarter or so above what a small input took. Libraries
that are refused memory for a thread abort or wait for ever: better not to start."""

_SHORT = (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN)
_WORDS = ("failed to map segment", "allocate memory", "start new thread", "cannot start threads", "bad_alloc")
_KINDS = (ImportError, RuntimeError, SystemError)


def check_memory(command: str) -> None:
    """Refuse to start where the address space is limited to less than ``command`` needs.

    Raises:
        ResourceError: it is.
    """
    least, limit = LEAST_MB.get(command, 0), _address_space_mb()
    if limit is not None and limit < least:
        raise ResourceError(
            f"{command} needs an address space of {least} MB or more, found a limit of {limit} MB (ulimit -v)"
        )


def _address_space_mb() -> int | None:
    try:
        import resource
    except ImportError:  # not on every system
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft >> 20


def shortage(error: BaseException) -> ResourceError | None:
    """A want of memory, threads or open files, as one of our errors; None for any other error."""
    text = str(error)
    if (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno in _SHORT)
        or (isinstance(error, _KINDS) and any(words in text for words in _WORDS))
    ):
        return ResourceError(
            f"out of memory, threads or open files: {text.strip() or 'an allocation failed'}"
        )
    return None
