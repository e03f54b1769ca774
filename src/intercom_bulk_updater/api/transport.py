"""A request to a host and its answer back: the only module that knows the HTTP library, with connection.py and deadline.py beside it.

A transport sends one request and returns one answer. It never retries, never reads meaning into JSON, and says exactly how
far a request got before it failed, because that decides whether it may be sent again.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

import httpcore2

from ..errors import AnswerLost, AnswerTooLarge, ConfigurationError, ConnectionFailed, TimedOut, UsageError
from . import connection as connections
from .connection import KEPT_ALIVE, Connection, TooLarge
from .deadline import DeadlineBackend, within
from .messages import Request, Response, UnsendableBody
from .network import ProxySettings, connection_problem, named_certificates, proxy_for
from .redact import redact

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_UNSENT = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout, httpcore2.ProxyError, httpcore2.UnsupportedProtocol)
"""Nothing of the request has left."""
_WITHOUT_BODY = ("GET", "HEAD")
_SAFE = "/?&=%:@!$'()*+,;~-._[]"
"""Characters of a path that are sent as they are: paths may come with a query, and quoted already."""
_PLAIN = re.compile(r"[A-Za-z0-9_/-]*").fullmatch


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
        self.timeout = timeout
        parts = urlsplit(self._base)
        secure = parts.scheme == "https"
        self._host = (parts.hostname or "").encode("idna").decode()
        self._port = parts.port
        self._path = parts.path
        self._headers = {"Host": parts.netloc.rpartition("@")[2].encode("idna").decode(), **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in self._headers.items()).encode("latin-1")
        if self._head.count(b"\n") != len(self._headers) or b"\0" in self._head:
            raise ConfigurationError("A header that is to be sent with every request has more than one line: see to the access token.")
        self._tls = named_certificates() or httpcore2.default_ssl_context() if secure else None
        if self._tls is not None:
            self._tls.set_alpn_protocols(["http/1.1"])
        self._proxy = proxy_for(base_url)
        self._backend = DeadlineBackend()
        self._pool = self._by_proxy(self._proxy) if self._proxy is not None else None
        # One connection belongs to one request at a time, so there is no pool to look through under a lock: whoever sends
        # takes the one that was used last, or makes one. `append` and `pop` are atomic.
        self._idle: list[Connection] = []

    def send(self, request: Request) -> Response:
        """Send one request; see Transport."""
        where = {"method": request.method, "path": request.path}
        content = _content(request)
        target = self._target(request)
        seconds = request.timeout or self.timeout
        try:
            with within(seconds):
                answer = self._exchange(request.method, target, content)
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
        except TooLarge as exc:
            raise _too_large(request) from exc
        if answer.status == 407 and self._proxy is not None:
            problem, advice, _ = connection_problem(httpcore2.ProxyError("407"), self._base, self._proxy, by_proxy=True)
            raise ConfigurationError(f"{problem} {advice}")
        if "content-encoding" not in answer.headers:
            return answer
        try:
            return answer._replace(body=_plain(answer.body, answer.headers["content-encoding"]))
        except TooLarge as exc:
            raise _too_large(request) from exc

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()
        if self._pool is not None:
            self._pool.close()

    def _target(self, request: Request) -> str:
        path = request.path.lstrip("/")
        target = f"{self._path}/{path if _PLAIN(path) else quote(path, safe=_SAFE)}"
        if request.params:
            target += ("&" if "?" in target else "?") + urlencode(dict(request.params))
        return target

    def _exchange(self, method: str, target: str, content: bytes) -> Response:
        if not (method.isascii() and method.isalpha()):
            raise UsageError(f"{method!r} is no method of HTTP, such as GET or POST.")
        if self._pool is not None:
            return self._through(self._pool, method, target, content)
        size = f"Content-Length: {len(content)}\r\n" if content or method not in _WITHOUT_BODY else ""
        head = b"%s %s HTTP/1.1\r\n%s%s\r\n" % (method.encode(), target.encode("ascii"), self._head, size.encode())
        connection = self._take()
        try:
            answer = connection.exchange(head + content, head_only=method == "HEAD")
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def _take(self) -> Connection:
        """A connection that is idle and, as far as can be seen, still open at the other end; or a new one."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if connection.is_usable():
                return connection
            connection.close()
        return Connection(self._host, self._port or (80 if self._tls is None else 443), self._tls, self._backend)

    def _through(self, pool: httpcore2.ConnectionPool, method: str, target: str, content: bytes) -> Response:
        """The same by way of a proxy."""
        size = {"Content-Length": str(len(content))} if content or method not in _WITHOUT_BODY else {}
        host, scheme = self._host.encode(), self._base.partition(":")[0].encode()
        answer = pool.handle_request(httpcore2.Request(
            method,
            httpcore2.URL(scheme=scheme, host=host, port=self._port, target=target.encode("ascii")),
            headers=[(name.encode(), value.encode()) for name, value in {**self._headers, **size}.items()],
            content=content,
        ))  # fmt: skip
        return Response(
            answer.status, {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}, _read(answer)
        )

    def _by_proxy(self, proxy: ProxySettings) -> httpcore2.ConnectionPool:
        """The pool that goes through a proxy."""
        return httpcore2.ConnectionPool(
            ssl_context=self._tls, proxy=httpcore2.Proxy(proxy.url, auth=proxy.auth), max_connections=None,
            keepalive_expiry=KEPT_ALIVE, network_backend=self._backend,
        )


def _content(request: Request) -> bytes:
    try:
        return b"" if request.json is None else _encode(request.json).encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise UnsendableBody(f"the body of {request.method} {redact(request.path)} is no JSON, so nothing was sent: {exc}") from exc


def _too_large(request: Request) -> AnswerTooLarge:
    most = f"{connections.MOST // 2**20} MiB"
    return AnswerTooLarge(
        f"{request.method} {request.path} was answered with more than {most}, the most that is read",
        method=request.method, path=request.path, status=200,
    )


def _read(answer: httpcore2.Response) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in answer.iter_stream():
            size += len(piece)
            if size > connections.MOST:
                raise TooLarge
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        answer.close()


def _plain(body: bytes, encoding: str) -> bytes:
    """The body as it was before compression: none is asked for, and a proxy on the way may compress all the same."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    unpacking = zlib.decompressobj(wbits=47)  # 47: gzip or zlib, by the first bytes
    try:
        plain = unpacking.decompress(body, connections.MOST + 1)
    except zlib.error:
        return body  # the reader of the JSON says what it is not
    if len(plain) > connections.MOST:
        raise TooLarge
    return plain


def _words(exc: Exception) -> str:
    return str(exc) or type(exc).__name__
