"""Bytes to a host and back: the only module that knows the HTTP library, with deadline.py at its side.

A transport sends one request and returns one answer. It never retries, never reads meaning into JSON, and says exactly how
far a request got before it failed, because that decides whether it may be sent again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

import httpcore2

from ..errors import AnswerLost, AnswerTooLarge, ConfigurationError, ConnectionFailed, TimedOut
from .deadline import DeadlineBackend, within
from .messages import Request, Response
from .network import ProxySettings, connection_problem, named_certificates, proxy_for

_KEPT_ALIVE = 55.0
"""Seconds that an idle connection is used again; servers close theirs after a minute or more."""
_UNSENT = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout, httpcore2.ProxyError, httpcore2.UnsupportedProtocol)
"""Nothing of the request has left."""
MOST = 64 * 2**20
"""Bytes of a body, as it comes and as it is when unpacked: more than any answer of Intercom's has."""
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
        Seconds from the first byte that is sent to the last that is received.

    Raises ConfigurationError for a proxy or for certificates that the environment names wrongly.
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
        self._tls = named_certificates() or httpcore2.default_ssl_context() if secure else None
        self._proxy = proxy_for(base_url)
        self._backend = DeadlineBackend()
        self._pool = self._by_proxy(self._proxy) if self._proxy is not None else None
        # One connection belongs to one request at a time, so there is no pool to look through under a lock: whoever sends
        # takes the one that was used last, or makes one. `append` and `pop` are atomic.
        self._idle: list[httpcore2.HTTPConnection] = []

    def send(self, request: Request) -> Response:
        """Send one request; see Transport."""
        where = {"method": request.method, "path": request.path}
        content = b"" if request.json is None else json.dumps(request.json, separators=(",", ":")).encode()
        asked = self._asked(request, content)
        seconds = request.timeout or self._timeout
        try:
            with within(seconds):
                answer, body = self._exchange(asked)
        except _UNSENT as exc:
            problem, advice, settings = connection_problem(
                exc, self._base, self._proxy, by_proxy=isinstance(exc, httpcore2.ProxyError)
            )
            if settings:
                raise ConfigurationError(f"{problem} {advice}") from exc
            raise ConnectionFailed(f"{problem} {advice}".strip(), **where, advice=advice) from exc
        except httpcore2.TimeoutException as exc:
            raise TimedOut(f"{request.method} {request.path} had no answer within {seconds:g} s", **where) from exc
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as exc:
            raise AnswerLost(
                f"{request.method} {request.path}: the connection broke before the answer came ({_words(exc)})", **where
            ) from exc
        except _TooLarge as exc:
            raise _too_large(request) from exc
        if answer.status == 407 and self._proxy is not None:
            problem, advice, _ = connection_problem(httpcore2.ProxyError("407"), self._base, self._proxy, by_proxy=True)
            raise ConfigurationError(f"{problem} {advice}")
        told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        try:
            plain = _plain(body, told.get("content-encoding", ""))
        except _TooLarge as exc:
            raise _too_large(request) from exc
        return Response(answer.status, told, plain)

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
        return httpcore2.HTTPConnection(
            self._origin, ssl_context=self._tls, keepalive_expiry=_KEPT_ALIVE, network_backend=self._backend
        )

    def _by_proxy(self, proxy: ProxySettings) -> httpcore2.ConnectionPool:
        """The pool that goes through a proxy."""
        return httpcore2.ConnectionPool(
            ssl_context=self._tls, proxy=httpcore2.Proxy(proxy.url, auth=proxy.auth), max_connections=None,
            keepalive_expiry=_KEPT_ALIVE, network_backend=self._backend,
        )


class _TooLarge(Exception):
    """A body has more than `MOST` bytes."""


def _too_large(request: Request) -> AnswerTooLarge:
    most = f"{MOST // 2**20} MiB"
    return AnswerTooLarge(
        f"{request.method} {request.path} was answered with more than {most}, the most that is read",
        method=request.method, path=request.path, status=200,
    )


def _read(answer: httpcore2.Response) -> tuple[httpcore2.Response, bytes]:
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in answer.iter_stream():
            size += len(piece)
            if size > MOST:
                raise _TooLarge
            pieces.append(piece)
        return answer, b"".join(pieces)
    finally:
        answer.close()


def _plain(body: bytes, encoding: str) -> bytes:
    """The body as it was before compression: none is asked for, and a proxy on the way may compress all the same."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    unpacking = zlib.decompressobj(wbits=47)  # 47: gzip or zlib, by the first bytes
    try:
        plain = unpacking.decompress(body, MOST + 1)
    except zlib.error:
        return body  # the reader of the JSON says what it is not
    if len(plain) > MOST:
        raise _TooLarge
    return plain


def _words(exc: Exception) -> str:
    return str(exc) or type(exc).__name__
