"""Requests and answers as plain values, and what a transport must do: the seam between us and any HTTP library."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, NamedTuple, Protocol

from ..errors import IntercomBulkError

MOST = 64 * 2**20
"""Bytes of a body, as it comes and as it is when unpacked: more than any answer of Intercom's has."""


class Request(NamedTuple):
    """One request. `path` is relative to the base URL, without a leading slash; `timeout` in seconds."""

    method: str
    path: str
    json: Any = None
    params: Mapping[str, Any] | None = None
    timeout: float | None = None
    """For the whole answer."""


class UnsendableBody(ValueError):
    """The body of a request cannot be written as JSON: nothing was sent."""


def bare(path: str) -> str:
    """What a path names, however it is written: `/conversations/5//reply?x=1` is `conversations/5/reply`."""
    named = path.partition("?")[0].strip("/")
    return "/".join(filter(None, named.split("/"))) if "//" in named else named


def only_looks(method: str, path: str) -> bool:
    """Whether such a request changes nothing: a GET, or a search or the list of companies, which are POSTs."""
    named = bare(path)
    return method in ("GET", "HEAD", "OPTIONS") or (method == "POST" and (named.endswith("/search") or named == "companies/list"))


class Response(NamedTuple):
    """One answer: status, headers with lower-case names, the body as bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class SentRequest(NamedTuple):
    """The request that an error is about, as far as it can be known."""

    method: str
    path: str
    json: Any = None


@dataclass(slots=True)
class Exchange:
    """One request of an action, as it was seen leaving, and how it was answered.

    `status` is 0 while no answer was seen. `ours`: it went through our own client. `body` holds what was seen of a body
    that left in pieces. `error` and `once`: with what the client ended a write that may stand, and the action's name for it.
    """

    method: str
    path: str
    json: Any = None
    status: int = 0
    headers: Mapping[str, str] | None = None
    ours: bool = False
    body: list[bytes] = field(default_factory=list)
    late: float = math.inf
    """From this moment on (monotonic s) an answer that has not come ran into its timeout."""
    looked_for: bool = False
    """It was refused, and a look was to tell whether it stands all the same."""
    shown: Mapping[str, Any] | None = None
    """The item as that look showed it, where it stands."""
    overruled: int | None = None
    """The status that it counts as whatever its answer was: 200 where a look has shown it, 0 where nothing is known of it."""
    error: IntercomBulkError | None = None
    once: str = ""
    thread: int = field(default_factory=get_ident)
    """Which sends it: an action may start several."""
    at: float = field(default_factory=time.time, compare=False)
    """When it left (unix s)."""

    @property
    def sent(self) -> SentRequest:
        """The request."""
        return SentRequest(self.method, self.path, self.json if self.json is not None else _parsed(b"".join(self.body)))

    @property
    def believed(self) -> int:
        """The status that it counts as; 0 for none."""
        return self.status if self.overruled is None else self.overruled

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return not only_looks(self.method, self.path)

    @property
    def refused(self) -> bool:
        """Whether it certainly came to nothing: an answer of 4xx, except for a timeout."""
        return 400 <= self.believed < 500 and self.believed != 408 and not self.foreign

    @property
    def done(self) -> bool:
        """Whether its answer said that it was carried out."""
        return 200 <= self.believed < 300 and not self.foreign

    @property
    def foreign(self) -> bool:
        """Whether what answered another library was not the API: a page of a website, or 200 without a body."""
        said = {name.lower(): value for name, value in (self.headers or {}).items()}
        return "text/html" in said.get("content-type", "") or (self.believed == 200 and said.get("content-length") == "0")

    @property
    def lost(self) -> bool:
        """Whether nothing certain is known of what became of it: no answer, or one that does not tell."""
        return not (self.refused or self.done)

    @property
    def seen_late(self) -> bool:
        """Whether another library sent it which is seen only when it is answered."""
        return not self.ours and self.late == math.inf

    @property
    def under_way(self) -> bool:
        """Whether another thread than the calling one still waits for its answer; where one broke off, it is overruled."""
        elsewhere = not self.status and self.overruled is None and self.thread != get_ident()
        return elsewhere and time.monotonic() < self.late < math.inf


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


class Transport(Protocol):
    """What a client needs of a transport; a test double is any object that has these."""

    timeout: float
    """Seconds that a whole answer may take, where a request names no other."""

    def send(self, request: Request) -> Response:
        """Send one request.

        Raises ConnectionFailed (nothing was sent), AnswerLost or TimedOut (it may have been carried out).
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
