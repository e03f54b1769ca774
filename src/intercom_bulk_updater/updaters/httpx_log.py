"""httpx's own log, where a line tells how each of its requests was answered. https://www.python-httpx.org/logging/

A program may switch that log off: by `logging.disable()`, by `logging.config.dictConfig` (which disables the loggers that are
there, unless it is told otherwise), by a filter of its own. Then httpx is one of the ways out that nobody sees through.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

_Hear = Callable[[logging.LogRecord], None]
_hear: _Hear = lambda _: None  # noqa: E731 - nobody, so far
_quiet = False
"""Nobody else had asked for the lines."""


def listen(hear: _Hear) -> bool:
    """Have `hear` be told of each line from now on; whether it will be.

    Asked each time: meanwhile somebody may have set filters, or another level for all loggers or for this one.
    """
    global _hear, _quiet
    if "httpx" not in sys.modules:
        return False  # nor is its logger made before it: dictConfig would disable that as one that is there
    _hear, log = hear, logging.getLogger("httpx")
    if log.filters[:1] != [_filter]:  # one of theirs might drop the line first
        log.filters[:] = [_filter, *(one for one in log.filters if one is not _filter)]
    if log.getEffectiveLevel() > logging.INFO:
        log.setLevel(logging.INFO)
        _quiet = True
    return is_heard()


def is_heard() -> bool:
    """Whether each answer to httpx is told of; False where somebody has switched its log off."""
    log = logging.getLogger("httpx")
    return log.filters[:1] == [_filter] and log.isEnabledFor(logging.INFO)


def _filter(record: logging.LogRecord) -> bool:
    _hear(record)
    above = logging.getLogger("httpx").parent
    return not _quiet or record.levelno >= (above.getEffectiveLevel() if above is not None else logging.WARNING)
