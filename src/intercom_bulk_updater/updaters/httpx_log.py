"""httpx's own logs: a line of httpx tells how each of its requests was answered, one of httpcore under it that it begins to leave.
https://www.python-httpx.org/logging/

A program may switch those logs off: by `logging.disable()`, by `logging.config.dictConfig` (which disables the loggers that are
there, unless it is told otherwise), by a filter of its own. Without the first, httpx is one of the ways out that nobody sees through.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

_ANSWERED, _BEGUN = "httpx", ("httpcore.http11", "httpcore.http2")
_Hear = Callable[[logging.LogRecord], None]
_Begin = Callable[[str, str, str], None]
_hear: _Hear = lambda _: None  # noqa: E731 - nobody, so far
_begin: _Begin = lambda *_: None  # noqa: E731
_quiet: set[str] = set()
"""The logs whose lines nobody else had asked for."""


def listen(hear: _Hear, begin: _Begin) -> bool:
    """Have `hear` be told of each line of httpx from now on; whether it will be. `begin`: method, host and target of what is to leave.

    Asked each time: meanwhile somebody may have set filters, or another level for all loggers or for one of these.
    """
    global _hear, _begin
    if "httpx" not in sys.modules:
        return False  # nor is its logger made before it: dictConfig would disable that as one that is there
    _hear, _begin = hear, begin
    _attend(_ANSWERED, logging.INFO)
    for name in _BEGUN if "httpcore" in sys.modules else ():
        _attend(name, logging.DEBUG)
    return is_heard()


def is_heard() -> bool:
    """Whether each answer to httpx is told of; False where somebody has switched its log off."""
    return _is_attended(_ANSWERED, logging.INFO)


def tells_begun() -> bool:
    """Whether each request of httpx is told of before it leaves."""
    return all(_is_attended(name, logging.DEBUG) for name in _BEGUN)


def _attend(name: str, level: int) -> None:
    log, mine = logging.getLogger(name), _filters[name]
    if log.filters[:1] != [mine]:  # one of theirs might drop the line first
        log.filters[:] = [mine, *(one for one in log.filters if one is not mine)]
    if log.getEffectiveLevel() > level:
        log.setLevel(level)
        _quiet.add(name)


def _is_attended(name: str, level: int) -> bool:
    log = logging.getLogger(name)
    return log.filters[:1] == [_filters[name]] and log.isEnabledFor(level)


def _filter(name: str, record: logging.LogRecord) -> bool:
    if name == _ANSWERED:
        _hear(record)
    elif str(record.msg).startswith("send_request_headers.started"):
        _tell_begun()
    above = logging.getLogger(name).parent
    return name not in _quiet or record.levelno >= (above.getEffectiveLevel() if above is not None else logging.WARNING)


_filters = {name: partial(_filter, name) for name in (_ANSWERED, *_BEGUN)}


def _tell_begun() -> None:
    """The line has the method alone: the request itself is in the hands of the function that wrote it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and "request" not in frame.f_locals:
        frame = frame.f_back
    request = frame.f_locals["request"] if frame is not None else None
    try:
        method, url = request.method.decode(), request.url  # type: ignore[union-attr]
        host, port, target = url.host.decode(), url.port, url.target.decode()
    except AttributeError:  # another version of httpcore: as if nothing was told
        return
    host = f"[{host}]" if ":" in host else host
    _begin(method, f"{host}:{port}" if port else host, target)
