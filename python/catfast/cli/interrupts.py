"""Ctrl-C, SIGTERM and SIGHUP: one sentence and an exit code, politely at once, in any case soon."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from catfast.temporary import remove_own

ANSWERS = {
    getattr(signal, name): answer
    for name, answer in {
        "SIGINT": ("interrupted", 130),
        "SIGTERM": ("terminated", 143),
        "SIGHUP": ("hung up", 129),
    }.items()
    if hasattr(signal, name)
}
"""What is said of a signal, and the exit code: 128 and its number, as shells have it."""

PATIENCE_S = 1.0
"""How long the main thread may take to tidy up; then the process ends."""

LAST_NAPS = 34
"""Naps of 50 ms after which a thread of Rust ends the process, where no thread of Python may run."""

_AGAIN_S = 0.05
"""How soon a signal that came at a bad moment is raised again."""


class Interrupts:
    """The answer to signals while a command runs.

    A signal raises KeyboardInterrupt in the main thread, so that temporary files are removed on the way out.
    It waits while modules are being imported, for compiled ones may swallow it, print it or abort; and it is
    raised again where a callback swallowed it. A second thread, woken by the C level of the handler, ends the
    process after ``PATIENCE_S``, whatever the main thread is doing: computing in Rust, say. While a large
    library is loaded no thread of Python may run; then a third one, of Rust, ends it soon after.
    """

    def __init__(self) -> None:
        self.received = 0
        """Number of the first signal; 0 for none."""
        self._raised = False
        self._over: int | None = None
        self._first_to_say: Callable[[], bool] = functools.partial(threading.Lock().acquire, blocking=False)
        self._wakeup = -1
        self._main = threading.main_thread()
        self._before: dict[int, Any] = {}

    def install(self) -> None:
        """Answer from now on; signals that are ignored, as by nohup, stay so.

        Windows has Ctrl-C only, and Python's own answer to it.
        """
        if os.name != "posix" or threading.current_thread() is not self._main:
            return
        # What a killed run left of named semaphores is removed by Python's tracker: no need to talk of it.
        sys.warnoptions.append("ignore:resource_tracker")
        reader = self._open()
        threading.Thread(target=self._watch, args=(reader,), name="catfast-signals", daemon=True).start()
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        sys.unraisablehook = self._unraisable
        threading.excepthook = self._thread_failed
        os.register_at_fork(after_in_child=self._in_child)
        for number in ANSWERS:
            before = signal.getsignal(number)
            if before not in (signal.SIG_IGN, None):
                self._before[number] = before
                signal.signal(number, self._handle)

    def _open(self) -> int:
        """Open the way from the handler to the watching thread, by way of Rust; the end to read."""
        try:
            from catfast import _core
        except ImportError:  # said by whatever needs it
            reader, self._wakeup = os.pipe()
        else:
            answers = [(int(number), code, _sentence(word)) for number, (word, code) in ANSWERS.items()]
            self._wakeup, reader = _core.watch_signals(answers, LAST_NAPS)
            self._first_to_say = _core.claim_last_word
        os.set_blocking(self._wakeup, False)
        return reader

    def over(self, code: int) -> None:
        """All is done: signals change nothing any more but cut a long exit short."""
        self._over = code

    def restore(self) -> None:
        """Give signals back to the program that called the command line."""
        if self._wakeup >= 0:
            signal.set_wakeup_fd(-1)
            os.close(self._wakeup)  # the watches end
        for number, before in self._before.items():
            signal.signal(number, before)
        sys.unraisablehook, threading.excepthook = sys.__unraisablehook__, threading.__excepthook__

    def stopped_by(self, error: BaseException) -> bool:
        """Whether it was a signal that ended the command, whatever came of it on the way out."""
        if isinstance(error, KeyboardInterrupt):
            self.received = self.received or signal.SIGINT
        return bool(self.received)

    def say(self) -> int:
        """Print the sentence, once; the exit code."""
        word, code = ANSWERS[self.received]
        if self._first_to_say():
            say(word)
        self._over = code if self._over is None else self._over
        return code

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number
        if self._over is None and not self._raised and not _importing(frame):
            self._raised = True
            raise KeyboardInterrupt

    def _watch(self, reader: int) -> None:
        number = 0
        while number not in ANSWERS:
            told = os.read(reader, 1)
            if not told:
                os.close(reader)
                return
            number = told[0]
        self.received = self.received or number
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            time.sleep(_AGAIN_S)
            if not self._raised and self._over is None and signal.getsignal(number) == self._handle:
                signal.pthread_kill(self._main.ident or 0, number)
        code = self.say()
        remove_own()
        os._exit(code)

    def _unraisable(self, caught: Any) -> None:
        # A loader of torch whose making failed, which is said elsewhere, fails to tidy up too.
        half_made = getattr(caught.object, "__module__", "").startswith("torch.utils.data.")
        if issubclass(caught.exc_type, KeyboardInterrupt):
            self._raised = False
        elif not self.received and not half_made:
            sys.__unraisablehook__(caught)

    def _thread_failed(self, caught: Any) -> None:
        # The thread in which tensorboard writes raises its error again in the one that logs.
        said_elsewhere = type(caught.thread).__module__.startswith("tensorboard.")
        if not self.received and not said_elsewhere:
            threading.__excepthook__(caught)

    def _in_child(self) -> None:
        """A forked process leaves Ctrl-C to its parent, and ends by the other signals."""
        signal.set_wakeup_fd(-1)
        for number in self._before:
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)


def say(word: str) -> None:
    """One line on stderr, past Python's buffers, whose lock the interrupted code may hold."""
    try:
        os.write(2, _sentence(word))
    except OSError:  # stderr is closed: nobody listens
        return


def _sentence(word: str) -> bytes:
    return f"catfast: {word}\n".encode()


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("importlib._bootstrap"):
            return True
        frame = frame.f_back
    return False
