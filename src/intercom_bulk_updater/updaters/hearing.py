"""Requests that user code sends by its own HTTP library, seen as they leave and as they are answered. No HTTP library is patched.

Which action a thread works for is told by `threads`, and, where that is a guess, by the item that a request's path names.

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ..api.client import LEAVES
from ..api.messages import Exchange
from ..api.network import one_name
from . import httpx_log, threads, unseen
from .host_guard import HostGuard
from .late_writes import heard
from .request_watcher import HOST, LINE, ForAll, RequestWatcher
from .threads import UserCode, code_here

_TUNNEL = re.compile(rb"CONNECT ([^\s:]+)")

_thread = threading.local()
_at_work: dict[RequestWatcher, UserCode] = {}
"""The actions that run now. A thread of which nobody knows who has started it may belong to any of them."""
_once = threading.Lock()
_listening = False
_HEARD = frozenset(("http.client.send", "socket.getaddrinfo", LEAVES, *threads.STARTS, *unseen.EVENTS))


@contextmanager
def guarding(guard: HostGuard) -> Iterator[None]:
    """User code runs in the calling thread inside the block: it, and threads it starts, may not send to another Intercom."""
    _listen()
    outer = threads.called_here()
    code = UserCode(guard, outer.watch if outer is not None else None)
    try:
        with threads.calling(code):
            yield
    finally:
        if guard.refused is not None:
            raise guard.refused


@contextmanager
def watching(watch: RequestWatcher) -> Iterator[None]:
    """Show `watch` what user code sends inside the block; it goes inside `guarding`."""
    code = threads.called_here()
    assert code is not None  # noqa: S101 - `guarding` has seen to it
    code.watch, code.items = watch, watch.items
    _at_work[watch] = code
    heard[watch.host]  # is made
    try:
        yield
    finally:
        # What its threads are about to send is its message all the same, and would come when its account is made.
        if not code.wait_for_threads(watch.seconds):
            watch.unseen = watch.unseen or unseen.THREAD
        code.watch = None
        del _at_work[watch]


def in_user_code() -> bool:
    """Whether the caller is called by a method of an updater, or by a thread that one has started."""
    return code_here() is not None


def in_own_thread() -> bool:
    """Whether the caller is called by a method of an updater, in the very thread that the engine calls it in."""
    return threads.called_here() is not None


def _listen() -> None:
    global _listening
    with _once:
        if not _listening:
            sys.addaudithook(_hear)  # for good: Python has no way to take one off again
            threads.follow()
            _listening = True
        httpx_log.listen(_hear_httpx, _hear_begun)


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if event not in _HEARD:
        return
    code = code_here()
    if code is not None:
        _hear_user_code(code, event, args)
    if event == "http.client.send":
        if code is not None or heard:
            _hear_sent(code, *args)
    elif event == "socket.connect" and code is None:
        _hear_stranger(event, args)


def _hear_user_code(code: UserCode, event: str, args: tuple[Any, ...]) -> None:
    if event in unseen.EVENTS:
        if event == "socket.connect":
            code.guard.check(args[1][0] if isinstance(args[1], tuple) and args[1] else None)
        way = unseen.way_out(event, args)
        if way is unseen.HTTPX and code.guard.is_elsewhere(getattr(_thread, "looked_up", None), unseen.port_of(args[1])):
            return  # a webhook, a CRM: nothing of it concerns Intercom
        _keep(code, code.watch, way)
    elif event == "http.client.send":
        if isinstance(args[1], bytes):
            _check_head(code.guard, args[1])
    elif event == LEAVES:
        code.guard.check_write(*args)
    elif event == "socket.getaddrinfo":
        _thread.looked_up = args[0]
        code.guard.check(args[0])
    elif event in threads.STARTS:
        threads.note_start(code, args)


def _hear_sent(code: UserCode | None, connection: Any, data: object) -> None:
    """A piece of what `http.client` sends goes to the watch that has seen the head of its request."""
    if not isinstance(data, bytes):
        return
    head = LINE.match(data)
    if head is not None:
        host = HOST.search(data)
        name = host[1].decode("latin-1").strip() if host is not None else ""
        _thread.watch = _whose(code, head[1].decode(), name, urlsplit(head[2].decode("latin-1")).path)
    watch: RequestWatcher | None = getattr(_thread, "watch", None)
    if watch is not None:
        watch.saw(connection, data)


def _whose(code: UserCode | None, method: str, host: str, path: str) -> RequestWatcher | None:
    """What watches the action that a request of the calling thread belongs to; None for nobody.

    Who has started a thread says little of what it does now: a pool works for every item. There the item tells that the path
    names. A write of which nothing tells may be of any action that is at work.
    """
    at_work = [one for one in tuple(_at_work) if one.is_for(host)]
    mine = code.watch if code is not None and code.watch in at_work else None
    if code is not None and threads.is_sure(code) and mine is not None:
        found: RequestWatcher | None = mine
    else:
        named = [one for one in at_work if not one.items.isdisjoint(path.split("/"))]
        if mine is not None and (mine in named or not named):
            found = mine
        elif one_name(host) not in heard or not Exchange(method, path.strip("/")).writes:
            found = None
        elif len(named) == 1:
            found = named[0]
        else:
            ended = code is not None and (threads.is_sure(code) or not code.items.isdisjoint(path.split("/")))
            return _of_nobody(code, host, [] if ended else named or at_work)
    if found is not None and threads.called_here() is None:
        found.by_threads = True
    return found


def _of_nobody(code: UserCode | None, host: str, watches: Sequence[RequestWatcher]) -> RequestWatcher:
    """What watches a write that may belong to any of several actions, or to one that has ended."""
    for one in watches if code is None else ():
        _keep(_at_work.get(one), one, unseen.Way("a thread of its own sent something"))

    def refuse(exchange: Exchange) -> None:
        for one in watches:
            one.refuse(exchange)
        if not watches:
            exchange.body.clear()  # so many are kept

    noted = ForAll([heard[one_name(host)], *(one.strays for one in watches)])
    return RequestWatcher(host, noted, refuse, refuse, max((one.seconds for one in watches), default=30.0))


def _hear_stranger(event: str, args: tuple[Any, ...]) -> None:
    """A thread that may belong to an action opens a connection to the run's Intercom that is not seen."""
    way = unseen.way_out(event, args) if _at_work else None
    if way is not None:
        port = unseen.port_of(args[1])
        for watch, code in tuple(_at_work.items()):
            if watch.port == port:
                _keep(code, watch, way)


def _keep(code: UserCode | None, watch: RequestWatcher | None, way: unseen.Way | None) -> None:
    """Take down a way out that is not seen: for this attempt, and for all that come after it."""
    if way is None or code is None:
        return
    # Whatever opens it: an async client is told from others only by its log, which may have come with this very connection.
    if not httpx_log.listen(_hear_httpx, _hear_begun) and way is unseen.HTTPX:
        way = unseen.MUTE_HTTPX
    code.guard.keep(way)
    if watch is not None:
        watch.unseen = way
        watch.httpx_waits += way is unseen.HTTPX and not httpx_log.tells_begun()


def _check_head(guard: HostGuard, data: bytes) -> None:
    head = LINE.match(data)
    host = None if head is None else HOST.search(data)
    for found in (host, _TUNNEL.match(data)):
        if found is not None:
            guard.check(found.group(1).rpartition(b":")[0] or found.group(1))
    if head is not None:
        name = host.group(1).decode("latin-1").strip() if host is not None else ""
        guard.check_write(head.group(1).decode(), name, urlsplit(head.group(2).decode("latin-1")).path)


def watch_of(method: str, host: str, path: str) -> RequestWatcher | None:
    """What watches the action that a request of the calling thread belongs to."""
    return _whose(code_here(), method, host, path)


def _hear_begun(method: str, host: str, target: str) -> None:
    """A request of httpx is about to leave; by a proxy, its target is the whole address."""
    code = code_here()
    url = urlsplit(target if "://" in target else f"//{host}{target}")
    if (code is None and not heard) or method == "CONNECT" or not Exchange(method, url.path.strip("/")).writes or unseen.is_announced():
        return
    watch = _whose(code, method, url.netloc, url.path)
    if watch is not None:
        _keep(code or _at_work.get(watch), watch, unseen.HTTPX)
        watch.httpx_waits += 1


def _hear_httpx(record: logging.LogRecord) -> None:
    code = code_here()
    args = record.args
    if (code is None and not heard) or not (isinstance(args, tuple) and len(args) >= 4 and isinstance(args[3], int)):
        return
    method, url = str(args[0]), urlsplit(str(args[1]))
    host = url.netloc.rpartition("@")[2]
    if code is not None:
        code.guard.note_write(method, host, url.path)
    watch = _whose(code, method, host, url.path)
    if watch is not None:
        watch.note_logged(method, str(args[1]), args[3])
