"""Requests that user code sends by its own HTTP library, seen as they leave. Nothing is patched.

Python announces each send of `http.client` (under requests, urllib3 and urllib) as an audit event, in the thread that
sends. That tells how many requests an item took and which, so that each waits for its own permit and a second attempt is
not made blindly. Libraries that bring their own sockets (httpx, aiohttp) are not seen.
https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ..api.messages import SentRequest

_LINE = re.compile(rb"(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (\S+) HTTP/1\.[01]\r\n")
_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n]+)", re.IGNORECASE)

_thread = threading.local()
_once = threading.Lock()
_listening = False


class RequestWatcher:
    """What one thread sends to one host while it is watched.

    Parameters
    ----------
    host:
        Host and port, as a Host header has them; requests to other hosts are none of our business. "" for any.
    leaving:
        Called before each request leaves; what it raises keeps the request from leaving.
    """

    def __init__(self, host: str, leaving: Callable[[], None]) -> None:
        self._host = host.lower()
        self._leaving = leaving
        self._heads: list[tuple[str, str]] = []
        self._bodies: list[list[bytes]] = []
        self._ours = False

    def saw(self, data: object) -> None:
        """Take one piece of what is sent: the head of a request, or some of its body."""
        if not isinstance(data, bytes):
            return
        head = _LINE.match(data)
        if head is None:
            if self._ours:
                self._bodies[-1].append(data)
            return
        host = _HOST.search(data)
        self._ours = not self._host or (host is not None and host.group(1).decode("latin-1").strip().lower() == self._host)
        if self._ours:
            self._leaving()
            self._heads.append((head.group(1).decode(), urlsplit(head.group(2).decode("latin-1")).path.strip("/")))
            self._bodies.append([])

    @property
    def sent(self) -> list[SentRequest]:
        """The requests so far, in order."""
        return [SentRequest(method, path, _json(b"".join(body))) for (method, path), body in zip(self._heads, self._bodies, strict=True)]


@contextmanager
def watching(watch: RequestWatcher) -> Iterator[None]:
    """Show `watch` what the calling thread sends inside the block."""
    _listen()
    _thread.watch = watch
    try:
        yield
    finally:
        _thread.watch = None


def _listen() -> None:
    global _listening
    with _once:
        if not _listening:
            sys.addaudithook(_hear)  # for good: Python has no way to take one off again
            _listening = True


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if event == "http.client.send":
        watch: RequestWatcher | None = getattr(_thread, "watch", None)
        if watch is not None:
            watch.saw(args[1])


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
