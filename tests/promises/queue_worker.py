"""A queue whose worker serves all items, as programs have it: no action has started its thread. The fixture `_worker` runs it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

QUEUED: queue.Queue[Any] = queue.Queue()


def _serve() -> None:
    while (work := QUEUED.get()) is not None:
        try:
            work()
        finally:
            QUEUED.task_done()
    QUEUED.task_done()


@contextmanager
def serving() -> Iterator[None]:
    """While this lasts, the worker does what is put into the queue."""
    worker = threading.Thread(target=_serve)
    worker.start()
    yield
    QUEUED.put(None)
    worker.join()
