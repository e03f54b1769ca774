"""Ways out by which user code may send what nobody sees: a connection of its own, a subprocess, a C library.

Python announces each by an audit event. That something may have left so is all that is known of it: where an action fails
after that, nothing is certain. What sends by `http.client`, by our own client or by our transport for httpx is seen.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

HTTPX = "a connection of httpx was opened"
"""Its requests are seen once they are answered."""
SUBPROCESS = "a subprocess was started"
_PROCESSES = frozenset(("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.startfile"))
_LIBRARIES = frozenset(("ctypes.dlopen", "ctypes.dlsym"))
EVENTS = ("socket.connect", *_PROCESSES, *_LIBRARIES)
_ANNOUNCED = ("intercom_bulk_updater.api.", "intercom_bulk_updater.updaters.httpx_client", "http.client", "urllib3.")
"""Modules that open connections whose requests are announced."""
_HARMLESS = ("platform", "uuid")
"""Modules of Python's own that ask the system by a subprocess."""
_ELSEWHERE = frozenset((22, 25, 53, 389, 465, 587, 636, 1433, 1521, 3306, 5432, 5672, 6379, 9042, 9092, 11211, 27017))
"""Ports of databases, caches, queues, mail and directories: no way to Intercom."""


def way_out(event: str, args: tuple[Any, ...]) -> str:
    """What an audit event says of something that may send and is not seen, in words; "" where it says nothing of the kind."""
    if event == "socket.connect":
        return _connection(args[0], args[1])
    if event in _PROCESSES:
        return "" if any(name in _HARMLESS for name in _callers()) else SUBPROCESS
    if event in _LIBRARIES and _is_c_library(event, args):
        return "a C library was called"
    return ""


def still_open(ways: Iterable[str]) -> str:
    """Of the ways out that an updater has had, the first that may serve again; "" for none. A subprocess that has ended does not."""
    return next((way for way in ways if way != SUBPROCESS or _has_children()), "")


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    except (AttributeError, OSError):
        pass  # this system does not tell
    return True


def port_of(address: object) -> int:
    """The port of an address as sockets have it; 0 where it has none."""
    return address[1] if isinstance(address, tuple) and len(address) > 1 and isinstance(address[1], int) else 0


def _connection(made: Any, address: object) -> str:
    port = port_of(address)
    if not port or port in _ELSEWHERE or getattr(made, "type", socket.SOCK_STREAM) != socket.SOCK_STREAM:
        return ""
    callers = _callers()
    if any(name.startswith(_ANNOUNCED) for name in callers):
        return ""
    return HTTPX if any(name.startswith(("httpcore", "httpx")) for name in callers) else "a connection was opened"


def _callers() -> list[str]:
    """The modules whose functions are at work, up to where the updater's code was called."""
    # Only their names: a frame that is kept keeps all that it has in hand, such as open connections.
    frame: FrameType | None = sys._getframe(1)
    names: list[str] = []
    while frame is not None and (name := str(frame.f_globals.get("__name__"))) != "intercom_bulk_updater.updaters.calls":
        names.append(name)
        frame = frame.f_back
    return names


def _is_c_library(event: str, args: tuple[Any, ...]) -> bool:
    """Not Python's own interface, which `import ctypes` opens."""
    import ctypes

    return args[0] is not None if event == "ctypes.dlopen" else not isinstance(args[0], ctypes.PyDLL)
