"""What one action sends by a library of its own: each request noted as it leaves, with its answer."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..api.messages import Exchange
from ..api.network import one_name
from . import httpx_log, unseen
from .their_answers import note_answer

LINE = re.compile(rb"(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (\S+) HTTP/1\.[01]\r\n")
HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n]+)", re.IGNORECASE)

_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})\r\n(.*)\r\n", re.DOTALL)
"""A piece of a body whose length was not known."""


class ForAll:
    """A request is noted in each of several lists."""

    def __init__(self, lists: Sequence[list[Exchange] | deque[Exchange]]) -> None:
        self._lists = lists

    def append(self, exchange: Exchange) -> None:
        """See `list`."""
        for one in self._lists:
            one.append(exchange)

    def remove(self, exchange: Exchange) -> None:
        """See `list`."""
        for one in self._lists:
            one.remove(exchange)


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
    items:
        The ids that the action has in hand.
    strays:
        Where those requests are noted that may belong to this action or to others.
    """

    def __init__(
        self, host: str, exchanges: list[Exchange] | ForAll, leaving: Callable[[Exchange], None], refuse: Callable[[Exchange], None],
        seconds: float, *, items: Collection[str] = (), strays: list[Exchange] | None = None,
    ) -> None:  # fmt: skip
        self.host = one_name(host)
        self.seconds = seconds
        self._exchanges = exchanges
        self._leaving = leaving
        self.refuse = refuse
        self.items = frozenset(items)
        self.strays = [] if strays is None else strays
        self._under_way: dict[int, Exchange | None] = {}
        """The request that each thread is sending; None for one to another host."""
        self._announced: list[Exchange] = []
        """Requests of httpx that were seen leaving and whose answer is still to be logged."""
        self.seen = False
        """Whether a request has left."""
        self.by_threads = False
        """Whether other threads work for the action: what they were still to send is not in its own code."""
        self.httpx_waits = 0
        """How many writes of httpx have begun to leave (where that is not told: connections were opened) and have no answer yet."""
        self.unseen: unseen.Way | None = None
        """By what way something may have left that is not seen."""

    def is_for(self, host: str) -> bool:
        """Whether what is sent to that host (and port) is its business."""
        return not self.host or one_name(host) == self.host

    @property
    def port(self) -> int:
        """The port of its host."""
        return urlsplit(f"//{self.host}").port or 443

    def saw(self, connection: Any, data: object) -> None:
        """Take one piece of what is sent: the head of a request, or some of its body."""
        if not isinstance(data, bytes):
            return
        me, head = threading.get_ident(), LINE.match(data)
        if head is None:
            exchange = self._under_way.get(me)
            if exchange is not None:
                self._add(exchange, data)
            return
        host = HOST.search(data)
        name = host.group(1).decode("latin-1").strip() if host is not None else ""
        exchange = self.begin(head.group(1).decode(), name, head.group(2).decode("latin-1"))
        self._under_way[me] = exchange
        if exchange is not None:
            note_answer(connection, exchange, self.seconds)

    def _add(self, exchange: Exchange, data: bytes) -> None:
        chunk = _CHUNK.fullmatch(data)
        if chunk is not None and int(chunk[1], 16) == len(chunk[2]):
            data = chunk[2]
        exchange.body.append(data)
        if not data.rstrip().endswith(b"}"):
            return  # JSON has more to come
        try:
            self.refuse(exchange)
        except BaseException:
            self._exchanges.remove(exchange)
            self._under_way[threading.get_ident()] = None
            raise

    def begin(self, method: str, host: str, target: str, body: bytes = b"") -> Exchange | None:
        """Note a request that is about to leave; None for one to another host."""
        if not self.is_for(host):
            return None
        exchange = Exchange(method, urlsplit(target).path.strip("/"), body=[body] if body else [], late=time.monotonic() + self.seconds)
        self._leaving(exchange)
        self.seen = True
        self._exchanges.append(exchange)
        return exchange

    def announce(self, method: str, url: str, body: bytes) -> Exchange | None:
        """Note a request that our transport for httpx is about to send; None for one to another host."""
        exchange = self.begin(method, urlsplit(url).netloc.rpartition("@")[2], url, body)
        if exchange is not None:
            self._announced.append(exchange)
        return exchange

    def note_logged(self, method: str, url: str, status: int) -> None:
        """Note an answer that httpx has logged, unless its request was seen leaving."""
        parts = urlsplit(url)
        if not self.is_for(parts.netloc.rpartition("@")[2]):
            return
        path = parts.path.strip("/")
        known = next((e for e in self._announced if (e.method, e.path, e.status) == (method, path, status)), None)
        if known is not None:
            self._announced.remove(known)
            return
        exchange = Exchange(method, path, status=status)
        self._exchanges.append(exchange)
        if exchange.writes or not httpx_log.tells_begun():
            self.httpx_waits = max(0, self.httpx_waits - 1)
        if not self.httpx_waits and self.unseen is unseen.HTTPX:
            self.unseen = None
