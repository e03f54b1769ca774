"""Requests that user code sends by its own HTTP library, seen as they leave and as they are answered. No library is patched.

Threads that user code starts are user code too: Python announces them from 3.12 on; before, `Thread.start` is asked.

Python announces each send of `http.client` (under requests, urllib3 and urllib) as an audit event, in the thread that
sends. The event carries the connection, which is asked to note the status of its next answer (`their_answers`). httpx, which brings its own
sockets, writes a line for each answer by Python's logging; that line is read. Other libraries are not seen.
https://docs.python.org/3/library/audit_events.html · https://www.python-httpx.org/logging/

The same events keep user code from sending to another Intercom than the run's, by any library: the name of the host is
looked up before anything leaves (`HostGuard`). And they keep it from writing, to whatever host, while it is only rehearsed. Our
own client, and our transport for httpx, announce each request by an event of the same kind.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..api.client import LEAVES
from ..api.messages import Exchange
from ..api.redact import redact
from ..errors import SafetyStop
from . import httpx_log, unseen
from .their_answers import note_answer

_LINE = re.compile(rb"(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (\S+) HTTP/1\.[01]\r\n")
_TUNNEL = re.compile(rb"CONNECT ([^\s:]+)")
_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n]+)", re.IGNORECASE)
_INTERCOM = ("intercom.io", "intercom.com")

_thread = threading.local()
_at_work: dict[RequestWatcher, _UserCode] = {}
"""The actions that run now. A thread of which nobody knows who has started it may belong to any of them."""
_once = threading.Lock()
_listening = False
_STARTS = frozenset(("_thread.start_new_thread", "_thread.start_joinable_thread"))
_HEARD = frozenset(("http.client.send", "socket.getaddrinfo", LEAVES, *_STARTS, *unseen.EVENTS))


class HostGuard:
    """Keeps user code from sending to an Intercom host that is not the run's, and from writing in a dry run.

    Parameters
    ----------
    base_url:
        The run's own address.
    allowed:
        Hosts that may be sent to besides (`allowed_hosts` of an updater).
    who:
        The updater, for the message.
    rehearsed:
        The method that runs in a dry run, where no write leaves; "" where writes may.
    kept:
        Ways out of the updater that nobody sees through, and that may serve again: each new one is added.
    """

    def __init__(
        self, base_url: str, allowed: Collection[str], who: str, rehearsed: str = "", kept: list[unseen.Way] | None = None,
    ) -> None:  # fmt: skip
        parts = urlsplit(base_url)
        self._base, self._netloc = parts.hostname or "", parts.netloc.rpartition("@")[2].lower()
        self._rehearsed = rehearsed
        self._allowed = {host.lower() for host in allowed}
        self._who = who
        self._kept = [] if kept is None else kept
        self.refused: SafetyStop | None = None
        """What was refused; also when user code has swallowed it."""

    def keep(self, way: unseen.Way) -> None:
        """Take down a way out that nobody sees through: a connection may be used again for a later item."""
        for known in [one for one in self._kept if one is not unseen.HTTPX and not one.serves()]:
            with suppress(ValueError):  # another thread was first
                self._kept.remove(known)
        if way not in self._kept:
            self._kept.append(way)

    def check(self, host: object) -> None:
        """Raises SafetyStop for another Intercom host than the run's."""
        name = host.decode("latin-1") if isinstance(host, bytes) else host
        if not isinstance(name, str):
            return
        name = name.strip().rstrip(".").lower()
        ours = name == self._base or name in self._allowed
        if ours or not any(name == known or name.endswith(f".{known}") for known in _INTERCOM):
            return
        self.refused = SafetyStop(
            f"{self._who} was about to send to {name}, and this run is for {self._base}. Nothing was sent there. Write "
            f'self.base_url in place of the address, or allow it in the class: allowed_hosts = ("{name}",)'
        )
        raise self.refused

    def check_write(self, method: str, host: str, path: str) -> None:
        """Raises SafetyStop for a write in a dry run, before it leaves. To another server everything but a GET is one."""
        if self._writes(method, host, path):
            self.refused = self._refusal(f"was about to send {method} {redact(path.strip('/'))} to {host}", "Nothing was sent: put")
            raise self.refused

    def note_write(self, method: str, host: str, path: str) -> None:
        """The same for one that was seen only when it was answered: the run stops when the method is through."""
        if self._writes(method, host, path):
            late = "It was seen too late to be refused: send by self.client or self.httpx_client(), and put"
            self.refused = self._refusal(f"has sent {method} {redact(path.strip('/'))} to {host}", late)

    def _writes(self, method: str, host: str, path: str) -> bool:
        if not self._rehearsed or method in ("GET", "HEAD", "OPTIONS"):
            return False
        ours = host.lower() == self._netloc or host.partition(":")[0].lower() in self._allowed
        return not ours or Exchange(method, path.strip("/")).writes

    def _refusal(self, did: str, so: str) -> SafetyStop:
        return SafetyStop(f"{self._who}.{self._rehearsed} {did} in a dry run. {so} what writes into perform_action.", hint="")


class RequestWatcher:
    """What user code sends to one host while it is watched.

    Parameters
    ----------
    host:
        Host and port, as a Host header has them; requests to other hosts are none of our business. "" for any.
    exchanges:
        Where requests and their answers are noted.
    leaving:
        Called before each request leaves; what it raises keeps the request from leaving.
    refuse:
        Called when the body of one that is leaving is known; what it raises keeps the body back, and no server acts on a head.
    seconds:
        How long a whole answer may take, where the connection has no longer timeout of its own.
    """

    def __init__(
        self, host: str, exchanges: list[Exchange], leaving: Callable[[Exchange], None], refuse: Callable[[Exchange], None], seconds: float,
    ) -> None:  # fmt: skip
        self._host = host.lower()
        self._seconds = seconds
        self._exchanges = exchanges
        self._leaving = leaving
        self._refuse = refuse
        self._under_way: dict[int, Exchange | None] = {}
        """The request that each thread is sending; None for one to another host."""
        self._announced: list[Exchange] = []
        """Requests of httpx that were seen leaving and whose answer is still to be logged."""
        self.seen = False
        """Whether a request has left."""
        self.unseen: unseen.Way | None = None
        """By what way something may have left that is not seen."""

    def is_for(self, host: str) -> bool:
        """Whether what is sent to that host (and port) is its business."""
        return not self._host or host.lower() == self._host

    @property
    def port(self) -> int:
        """The port of its host."""
        return urlsplit(f"//{self._host}").port or 443

    def saw(self, connection: Any, data: object) -> None:
        """Take one piece of what is sent: the head of a request, or some of its body."""
        if not isinstance(data, bytes):
            return
        me, head = threading.get_ident(), _LINE.match(data)
        if head is None:
            exchange = self._under_way.get(me)
            if exchange is not None:
                self._add(exchange, data)
            return
        host = _HOST.search(data)
        name = host.group(1).decode("latin-1").strip() if host is not None else ""
        exchange = self.begin(head.group(1).decode(), name, head.group(2).decode("latin-1"))
        self._under_way[me] = exchange
        if exchange is not None:
            note_answer(connection, exchange, self._seconds)

    def _add(self, exchange: Exchange, data: bytes) -> None:
        exchange.body.append(data)
        if not data.rstrip().endswith(b"}"):
            return  # JSON has more to come
        try:
            self._refuse(exchange)
        except BaseException:
            self._exchanges.remove(exchange)
            self._under_way[threading.get_ident()] = None
            raise

    def begin(self, method: str, host: str, target: str, body: bytes = b"") -> Exchange | None:
        """Note a request that is about to leave; None for one to another host."""
        if not self.is_for(host):
            return None
        exchange = Exchange(method, urlsplit(target).path.strip("/"), body=[body] if body else [])
        self._leaving(exchange)
        self.seen = True
        self._exchanges.append(exchange)
        return exchange

    def announce(self, method: str, url: str, body: bytes) -> Exchange | None:
        """Note a request that our transport for httpx is about to send; None for one to another host."""
        exchange = self.begin(method, urlsplit(url).netloc.rpartition("@")[2], url, body)
        if exchange is not None:
            exchange.late = time.monotonic() + self._seconds
            self._announced.append(exchange)
        return exchange

    def note_logged(self, method: str, url: str, status: int) -> None:
        """Note an answer that httpx has logged, unless its request was seen leaving."""
        parts = urlsplit(url)
        if not self.is_for(parts.netloc.rpartition("@")[2]):
            return
        if self.unseen is unseen.HTTPX:
            self.unseen = None
        path = parts.path.strip("/")
        known = next((e for e in self._announced if (e.method, e.path, e.status) == (method, path, status)), None)
        if known is not None:
            self._announced.remove(known)
        else:
            self._exchanges.append(Exchange(method, path, status=status))


@dataclass(slots=True)
class _UserCode:
    """User code that runs in a thread, and what watches it. Threads that it starts are watched likewise."""

    guard: HostGuard
    watch: RequestWatcher | None = None


@contextmanager
def guarding(guard: HostGuard) -> Iterator[None]:
    """User code runs in the calling thread inside the block: it, and threads it starts, may not send to another Intercom."""
    _listen()
    outer = getattr(_thread, "code", None)
    _thread.code = _UserCode(guard, outer.watch if outer is not None else None)
    try:
        yield
    finally:
        _thread.code = outer
        if guard.refused is not None:
            raise guard.refused


@contextmanager
def watching(watch: RequestWatcher) -> Iterator[None]:
    """Show `watch` what user code sends inside the block; it goes inside `guarding`."""
    code: _UserCode = _thread.code
    code.watch = watch
    _at_work[watch] = code
    try:
        yield
    finally:
        code.watch = None
        del _at_work[watch]


def in_user_code() -> bool:
    """Whether the caller is called by a method of an updater, or by a thread that one has started."""
    return _code_here() is not None


def in_own_thread() -> bool:
    """Whether the caller is called by a method of an updater, in the very thread that the engine calls it in."""
    return getattr(_thread, "code", None) is not None


def _code_here() -> _UserCode | None:
    code: _UserCode | None = getattr(_thread, "code", None)
    if code is None:
        # Not current_thread(): it makes an object for each thread it does not know.
        thread = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
        code = getattr(thread, "_intercom_bulk_code", None)
    return code


def _listen() -> None:
    global _listening
    with _once:
        if not _listening:
            sys.addaudithook(_hear)  # for good: Python has no way to take one off again
            if sys.version_info < (3, 12):
                threading.Thread.start = _start_watched  # type: ignore[method-assign, assignment] # before that, it announces no thread
            _listening = True
        httpx_log.listen(_hear_httpx)


_start = threading.Thread.start


def _start_watched(thread: threading.Thread) -> None:
    """`Thread.start`: what user code starts is user code."""
    code = _code_here()
    if code is not None:
        thread._intercom_bulk_code = code  # type: ignore[attr-defined]
    _start(thread)


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if event not in _HEARD:
        return
    code = _code_here()
    if code is not None:
        _hear_user_code(code, event, args)
    elif _at_work:
        _hear_stranger(event, args)


def _hear_user_code(code: _UserCode, event: str, args: tuple[Any, ...]) -> None:
    if event in unseen.EVENTS:
        if event == "socket.connect":
            code.guard.check(args[1][0] if isinstance(args[1], tuple) and args[1] else None)
        _keep(code, code.watch, unseen.way_out(event, args))
    elif event == "http.client.send":
        if isinstance(args[1], bytes):
            _check_head(code.guard, args[1])
        if code.watch is not None:
            code.watch.saw(*args)
    elif event == LEAVES:
        code.guard.check_write(*args)
    elif event == "socket.getaddrinfo":
        code.guard.check(args[0])
    elif event in _STARTS:
        thread = getattr(args[0], "__self__", None)
        if isinstance(thread, threading.Thread):
            thread._intercom_bulk_code = code  # type: ignore[attr-defined]


def _hear_stranger(event: str, args: tuple[Any, ...]) -> None:
    """A thread that may belong to an action writes to the run's Intercom, or opens a connection to it that is not seen."""
    if event == "http.client.send":
        head = _LINE.match(args[1]) if isinstance(args[1], bytes) else None
        host = _HOST.search(args[1]) if head is not None else None
        if head is None or host is None or not Exchange(head[1].decode(), urlsplit(head[2].decode("latin-1")).path.strip("/")).writes:
            return
        name = host[1].decode("latin-1").strip()
        for watch, code in tuple(_at_work.items()):
            if watch.is_for(name):
                _keep(code, watch, unseen.Way("a thread of its own sent something"))
    elif event == "socket.connect" and (way := unseen.way_out(event, args)) is not None:
        port = unseen.port_of(args[1])
        for watch, code in tuple(_at_work.items()):
            if watch.port == port:
                _keep(code, watch, way)


def _keep(code: _UserCode, watch: RequestWatcher | None, way: unseen.Way | None) -> None:
    """Take down a way out that is not seen: for this attempt, and for all that come after it."""
    if way is None:
        return
    if way is unseen.HTTPX and not httpx_log.listen(_hear_httpx):
        way = unseen.MUTE_HTTPX
    code.guard.keep(way)
    if watch is not None:
        watch.unseen = way


def _check_head(guard: HostGuard, data: bytes) -> None:
    head = _LINE.match(data)
    host = None if head is None else _HOST.search(data)
    for found in (host, _TUNNEL.match(data)):
        if found is not None:
            guard.check(found.group(1).rpartition(b":")[0] or found.group(1))
    if head is not None:
        name = host.group(1).decode("latin-1").strip() if host is not None else ""
        guard.check_write(head.group(1).decode(), name, urlsplit(head.group(2).decode("latin-1")).path)


def current_watch() -> RequestWatcher | None:
    """What watches the user code that runs in the calling thread."""
    code = _code_here()
    return None if code is None else code.watch


def _hear_httpx(record: logging.LogRecord) -> None:
    code = _code_here()
    args = record.args
    if code is not None and isinstance(args, tuple) and len(args) >= 4 and isinstance(args[3], int):
        url = urlsplit(str(args[1]))
        code.guard.note_write(str(args[0]), url.netloc.rpartition("@")[2], url.path)
        if code.watch is not None:
            code.watch.note_logged(str(args[0]), str(args[1]), args[3])
