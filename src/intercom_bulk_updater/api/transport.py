"""Bytes to a host and back: the only module that knows the HTTP library.

A transport sends one request and returns one answer. It never retries, never reads meaning into JSON, and says exactly how
far a request got before it failed, because that decides whether it may be sent again.
"""

from __future__ import annotations

import ipaddress
import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2

from ..errors import AnswerLost, ConnectionFailed, TimedOut
from .messages import Request, Response

if TYPE_CHECKING:
    from ssl import SSLContext

_KEPT_ALIVE = 55.0
"""Seconds that an idle connection is used again; servers close theirs after a minute or more."""
_UNSENT = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout, httpcore2.ProxyError, httpcore2.UnsupportedProtocol)
"""Nothing of the request has left."""
_SAFE = "/?&=%:@!$'()*+,;~-._[]"
"""Characters of a path that are sent as they are: paths may come with a query, and quoted already."""


class HttpTransport:
    """The real transport: kept-alive connections, as many as requests are under way at once.

    Parameters
    ----------
    base_url:
        Scheme and host, such as `https://api.intercom.io`.
    headers:
        Sent with every request.
    timeout:
        Seconds for connecting, and between bytes.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], *, timeout: float) -> None:
        self._base = base_url.rstrip("/")
        self._timeout = timeout
        parts = urlsplit(self._base)
        secure = parts.scheme == "https"
        self._port = parts.port
        self._origin = httpcore2.Origin(
            parts.scheme.encode(), (parts.hostname or "").encode("idna"), self._port or (443 if secure else 80)
        )
        self._path = parts.path
        self._headers = [
            (b"Host", parts.netloc.rpartition("@")[2].encode("idna")),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ]
        self._tls: SSLContext | None = httpcore2.default_ssl_context() if secure else None
        self._pool = _by_proxy(_proxy(base_url), self._tls)
        # One connection belongs to one request at a time, so there is no pool to look through under a lock: whoever sends
        # takes the one that was used last, or makes one. `append` and `pop` are atomic.
        self._idle: list[httpcore2.HTTPConnection] = []

    def send(self, request: Request) -> Response:
        """Send one request; see Transport."""
        where = {"method": request.method, "path": request.path}
        content = b"" if request.json is None else json.dumps(request.json, separators=(",", ":")).encode()
        asked = self._asked(request, content)
        try:
            answer, body = self._exchange(asked)
        except _UNSENT as exc:
            raise ConnectionFailed(f"There is no connection to {self._base}: {_words(exc)}", **where) from exc
        except httpcore2.TimeoutException as exc:
            raise TimedOut(
                f"{request.method} {request.path} had no answer within {request.timeout or self._timeout:g} s; "
                "it may have been carried out",
                **where,
            ) from exc
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as exc:
            raise AnswerLost(
                f"{request.method} {request.path}: the connection broke before the answer came ({_words(exc)}); "
                "it may have been carried out",
                **where,
            ) from exc
        told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        return Response(answer.status, told, _plain(body, told.get("content-encoding", "")))

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()
        if self._pool is not None:
            self._pool.close()

    def _exchange(self, asked: httpcore2.Request) -> tuple[httpcore2.Response, bytes]:
        if self._pool is not None:
            return _read(self._pool.handle_request(asked))
        connection = self._take()
        try:
            told = _read(connection.handle_request(asked))
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return told

    def _asked(self, request: Request, content: bytes) -> httpcore2.Request:
        target = f"{self._path}/{quote(request.path.lstrip('/'), safe=_SAFE)}"
        if request.params:
            target += ("&" if "?" in target else "?") + urlencode(dict(request.params))
        seconds = request.timeout or self._timeout
        sized = content or request.method not in ("GET", "HEAD")
        return httpcore2.Request(
            request.method,
            httpcore2.URL(scheme=self._origin.scheme, host=self._origin.host, port=self._port, target=target.encode("ascii")),
            headers=[*self._headers, (b"Content-Length", str(len(content)).encode())] if sized else self._headers,
            content=content,
            extensions={"timeout": {"connect": seconds, "read": seconds, "write": seconds, "pool": seconds}},
        )

    def _take(self) -> httpcore2.HTTPConnection:
        """A connection that is idle and, as far as can be seen, still open at the other end; or a new one."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if not (connection.is_closed() or connection.has_expired()):
                return connection
            connection.close()
        return httpcore2.HTTPConnection(self._origin, ssl_context=self._tls, keepalive_expiry=_KEPT_ALIVE)


def _read(answer: httpcore2.Response) -> tuple[httpcore2.Response, bytes]:
    try:
        return answer, b"".join(answer.iter_stream())
    finally:
        answer.close()


def _by_proxy(url: str | None, tls: SSLContext | None) -> httpcore2.ConnectionPool | None:
    """The pool that goes through a proxy; None to connect directly."""
    if url is None:
        return None
    parts = urlsplit(url)
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    proxy = httpcore2.Proxy(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", auth=auth)
    return httpcore2.ConnectionPool(ssl_context=tls, proxy=proxy, max_connections=None, keepalive_expiry=_KEPT_ALIVE)


def _plain(body: bytes, encoding: str) -> bytes:
    """The body as it was before compression: none is asked for, and a proxy on the way may compress all the same."""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompress(body, wbits=47)  # 47: gzip or zlib, by the first bytes
    except zlib.error:
        return body  # the reader of the JSON says what it is not


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for this address; none for this machine itself."""
    parts = urlsplit(url)
    if _loopback(url) or proxy_bypass(parts.hostname or ""):
        return None
    known = getproxies()
    return known.get(parts.scheme) or known.get("all")


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _words(exc: Exception) -> str:
    return str(exc) or type(exc).__name__
