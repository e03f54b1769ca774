"""Ways out by which user code may send what nobody sees: a connection of its own, a subprocess, a C library.

Python announces each by an audit event. That something may have left so is all that is known of it: where an action fails
after that, nothing is certain. What sends by `http.client`, by our own client or by our transport for httpx is seen.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from ..api.foreign_errors import library_of
from ..api.replay import CompletedRequests
from . import httpx_log
from .protocol import Updater

_PROCESSES = frozenset(("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.startfile"))
_LIBRARIES = frozenset(("ctypes.dlopen", "ctypes.dlsym"))
EVENTS = ("socket.connect", *_PROCESSES, *_LIBRARIES)
_ANNOUNCED = ("intercom_bulk_updater.api.", "intercom_bulk_updater.updaters.httpx_client", "http.client", "urllib3.")
"""Modules that open connections whose requests are announced."""
_HARMLESS = ("platform", "uuid")
"""Modules of Python's own that ask the system by a subprocess."""
_ELSEWHERE = frozenset((22, 25, 53, 389, 465, 587, 636, 1433, 1521, 3306, 5432, 5672, 6379, 9042, 9092, 11211, 27017))
"""Ports of databases, caches, queues, mail and directories: no way to Intercom."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way out that nobody sees through."""

    words: str
    serves: Callable[[], bool] = lambda: True
    """Whether it may serve again, for a later item."""


MUTE_HTTPX = Way("a connection of httpx was opened, whose log is switched off")
HTTPX = Way("httpx began to send, and was not answered", lambda: not httpx_log.is_heard())
"""Its requests are seen once they are answered, as long as its log is heard."""

THREAD = Way("a thread that it had started, or given work, was still at work")


def way_out(event: str, args: tuple[Any, ...]) -> Way | None:
    """What an audit event says of something that may send and is not seen; None where it says nothing of the kind."""
    if event == "socket.connect":
        return _connection(args[0], args[1])
    if event in _PROCESSES:
        return None if any(name in _HARMLESS for name in _callers()) else Way("a subprocess was started", _running(event))
    if event in _LIBRARIES and _is_c_library(event, args):
        return Way("a C library was called")
    return None


def _running(event: str) -> Callable[[], bool]:
    """Whether a subprocess that is being started will still run, whenever that is asked."""
    if event == "os.system":
        return lambda: False  # it waits for its end
    frame: FrameType | None = sys._getframe(1) if event == "subprocess.Popen" else None
    while frame is not None and frame.f_globals.get("__name__") != "subprocess":
        frame = frame.f_back
    started = frame.f_locals.get("self") if frame is not None else None
    if not isinstance(started, subprocess.Popen):
        return lambda: True
    return lambda: getattr(started, "pid", None) is not None and started.poll() is None


def port_of(address: object) -> int:
    """The port of an address as sockets have it; 0 where it has none."""
    return address[1] if isinstance(address, tuple) and len(address) > 1 and isinstance(address[1], int) else 0


def _connection(made: Any, address: object) -> Way | None:
    port = port_of(address)
    if not port or port in _ELSEWHERE or getattr(made, "type", socket.SOCK_STREAM) != socket.SOCK_STREAM:
        return None
    if is_announced():
        return None
    return HTTPX if any(name.split(".")[0] == "httpx" for name in _callers()) else Way("a connection was opened")


def is_announced() -> bool:
    """Whether what a library sends now is announced, by itself or by us."""
    return any(name.startswith(_ANNOUNCED) for name in _callers())


_CALLERS = frozenset(f"{__package__}.{name}" for name in ("action", "calls"))
"""Where the updater's code is called."""


def _callers() -> list[str]:
    """The modules whose functions are at work, up to where the updater's code was called."""
    # Only their names: a frame that is kept keeps all that it has in hand, such as open connections.
    frame: FrameType | None = sys._getframe(1)
    names: list[str] = []
    while frame is not None and (name := str(frame.f_globals.get("__name__"))) not in _CALLERS:
        names.append(name)
        frame = frame.f_back
    return names


def _is_c_library(event: str, args: tuple[Any, ...]) -> bool:
    """Not Python's own interface, which `import ctypes` opens."""
    import ctypes

    return args[0] is not None if event == "ctypes.dlopen" else not isinstance(args[0], ctypes.PyDLL)


# -- what an updater has ------------------------------------------------------------------------------------------------

_ways: WeakKeyDictionary[type, list[Way]] = WeakKeyDictionary()
"""The ways out of each updater that nobody sees through: a connection that it has may serve for every later item."""


def ways_of(cls: type) -> list[Way]:
    """See `_ways`."""
    return _ways.setdefault(cls, [])


_UNHEARD = ("pycurl", "curl_cffi", "uvloop")
"""What opens its connections in C, where Python does not hear of them."""
UNSEEN = ("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "intercom", *_UNHEARD)


def unseen_library(updater: Updater) -> str:
    """An HTTP library that the updater's own files import and whose requests are not seen; "" for none."""
    if updater.idempotent:
        return ""
    for cls in type(updater).__mro__:
        module = sys.modules.get(cls.__module__)
        if module is None or cls.__module__.startswith(__package__):
            continue
        for value in list(vars(module).values()):
            name = str(getattr(value, "__module__", None) or getattr(value, "__name__", "")).split(".")[0]
            if name in UNSEEN:
                return name
    return ""


def may_have_left(updater: Updater, heard: Way | None) -> str:
    """By what way something may have left in an action that is not seen, in words; "" where certainly nothing has.

    `heard`: the way that was heard of while it ran.
    """
    library = unseen_library(updater)
    way = heard or next((way for way in ways_of(type(updater)) if way.serves()), None)
    return way.words if way is not None else f"its file imports {library}" if library in _UNHEARD else ""


def keep_unseen(updater: Updater, carried: CompletedRequests | None, heard: Way | None) -> None:
    """Take down what an action may have sent unseen whose error is being raised, whatever it is: not to be sent twice."""
    if carried is None:
        return
    if heard is HTTPX and library_of(sys.exc_info()[1] or Exception()) in UNSEEN:
        heard = None  # httpx's own error tells of its request
    carried.unseen = may_have_left(updater, heard) or carried.unseen
