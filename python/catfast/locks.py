"""One writer at a time: a lock that the system gives back when its holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catfast.errors import OutputError


@contextmanager
def held(lock: Path, output: Path) -> Iterator[None]:
    """Hold the file ``lock`` while writing ``output``; what a killed process left behind holds nobody up.

    Raises:
        OutputError: another process holds it, or its folder cannot be written to.
    """
    from filelock import FileLock, Timeout

    holder = FileLock(lock)
    try:
        holder.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(f"{output}: another catfast is writing it") from error
    except OSError as error:
        raise OutputError(f"{output}: cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        holder.release()
