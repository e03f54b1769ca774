"""Ctrl-C, TERM and HUP: the first stops in order, the second leaves at once; the journal knows what is in doubt then."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from ..errors import Interrupted
from ..stop import Stop

_DRAINED = "Interrupted; what was in flight was finished."
HANG_UP = int(getattr(signal, "SIGHUP", 0))
"""The window was closed; 0 on systems that have no such signal."""
_STOPPING = "\nStopping: finishing what is in flight. Again to leave at once.\n"


@contextmanager
def orderly(stop: Stop) -> Iterator[None]:
    """While this lasts, SIGINT, SIGTERM and SIGHUP (the window was closed) ask `stop`; a second one ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heard(number: int, frame: Any) -> None:
        if stop.asked:
            if number != HANG_UP:  # a terminal that goes away may say so twice: by its shell, and by the system
                leave(number, stop)
            return
        stop.ask(_interrupted(number))
        _say(_STOPPING)

    # Who started the command with nohup wants it to outlive the window.
    heeded = [one for one in (signal.SIGINT, signal.SIGTERM, HANG_UP) if one and signal.getsignal(one) is not signal.SIG_IGN]
    earlier = {number: signal.signal(number, heard) for number in heeded}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def end_as_told(is_told: Callable[[], bool]) -> None:
    """SIGTERM and SIGHUP end this process at once, as ever, until its account is given: from then on its exit code is the account's."""

    def heard(number: int, frame: Any) -> None:
        if not is_told():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for number in (signal.SIGTERM, HANG_UP):
        if number and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, heard)


def _interrupted(number: int) -> Interrupted:
    # A closed window is an end from outside, as TERM is.
    return Interrupted(_DRAINED, signal_number=signal.SIGTERM if number == HANG_UP else number)


def _say(text: str) -> None:
    """Write to a terminal that may be gone; then what follows goes nowhere, and spoils no exit."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            with suppress(OSError):
                if os.isatty(descriptor) or descriptor == 2:
                    os.dup2(nowhere, descriptor)
        os.close(nowhere)


@contextmanager
def orderly_here(stop: Stop, *, silent: bool = False) -> Iterator[list[int]]:
    """The same for a script that called us: Ctrl-C and HUP alone, and only where nobody else has laid a hand on them.

    Yields the signals that were heard. A second Ctrl-C ends the process, or raises KeyboardInterrupt where a person types
    (a notebook, a prompt), whose session has to outlive it. `silent`: the first one is heeded without a word.
    """
    heard: list[int] = []

    def hear(number: int, frame: Any) -> None:
        if heard or stop.asked:
            if number == HANG_UP:
                return
            if hasattr(sys, "ps1") or "ipykernel" in sys.modules:
                raise KeyboardInterrupt
            leave(number, stop)
        heard.append(number)
        stop.ask(_interrupted(number))
        if not silent:
            _say(_STOPPING)

    free: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        usual = {int(signal.SIGINT): signal.default_int_handler, HANG_UP: signal.SIG_DFL}
        free = {number: handler for number, handler in usual.items() if number and signal.getsignal(number) is handler}
    for number in free:
        signal.signal(number, hear)
    try:
        yield heard
    finally:
        for number, handler in free.items():
            signal.signal(number, handler)


def leave(number: int, stop: Stop) -> NoReturn:
    """End the process at once; the journal knows what is in doubt then."""
    with suppress(OSError):
        os.write(2, f"\nLeaving at once. {stop.last_words}".rstrip().encode("ascii", "replace") + b"\n")
    os._exit(128 + number)
