"""Ctrl-C and TERM: the first stops in order, the second leaves at once; the journal knows what is in doubt then."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import Interrupted
from ..stop import Stop


@contextmanager
def orderly(stop: Stop) -> Iterator[None]:
    """While this lasts, SIGINT and SIGTERM ask `stop`; a second one ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heard(number: int, frame: Any) -> None:
        if stop.asked:
            os.write(2, f"\nLeaving at once. {stop.last_words}".rstrip().encode("ascii", "replace") + b"\n")
            os._exit(128 + number)
        stop.ask(Interrupted("Interrupted; what was in flight was finished.", signal_number=number))
        sys.stderr.write("\nStopping: finishing what is in flight. Again to leave at once.\n")

    earlier = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


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
