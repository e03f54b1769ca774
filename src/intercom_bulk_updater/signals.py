"""Ctrl-C and TERM: the first stops in order, the second leaves at once; the journal knows what is in doubt then."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from .errors import Interrupted
from .stop import Stop

_DRAINED = "Interrupted; what was in flight was finished."
_STOPPING = "\nStopping: finishing what is in flight. Again to leave at once.\n"


@contextmanager
def orderly(stop: Stop) -> Iterator[None]:
    """While this lasts, SIGINT and SIGTERM ask `stop`; a second one ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heard(number: int, frame: Any) -> None:
        if stop.asked:
            leave(number, stop)
        stop.ask(Interrupted(_DRAINED, signal_number=number))
        _say_stopping()

    earlier = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def orderly_here(stop: Stop) -> Iterator[list[int]]:
    """The same for a script that called us: Ctrl-C alone, and only where nobody else has laid a hand on it.

    Yields the signals that were heard. A second one ends the process, or raises KeyboardInterrupt where a person types
    (a notebook, a prompt), whose session has to outlive it.
    """
    heard: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield heard
        return

    def hear(number: int, frame: Any) -> None:
        if heard or stop.asked:
            if hasattr(sys, "ps1") or "ipykernel" in sys.modules:
                raise KeyboardInterrupt
            leave(number, stop)
        heard.append(number)
        stop.ask(Interrupted(_DRAINED, signal_number=number))
        _say_stopping()

    signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _say_stopping() -> None:
    with suppress(OSError, ValueError):  # a run drains whether or not its words can be written
        sys.stderr.write(_STOPPING)


def leave(number: int, stop: Stop) -> NoReturn:
    """End the process at once; the journal knows what is in doubt then."""
    with suppress(OSError):
        os.write(2, f"\nLeaving at once. {stop.last_words}".rstrip().encode("ascii", "replace") + b"\n")
    os._exit(128 + number)


@contextmanager
def asking() -> Iterator[None]:
    """While a person is asked something, Ctrl-C answers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)
