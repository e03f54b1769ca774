"""Bytes to a host and back: the only module that knows the HTTP library.

A transport sends one request and returns one answer. It never retries, never reads meaning into JSON, and says exactly how
far a request got before it failed, because that decides whether it may be sent again.
"""

from __future__ import annotations

import ipaddress
import json
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from ..errors import AnswerLost, ConnectionFailed, TimedOut
from .wire import Request, Response


class HttpTransport:
    """The real transport: a kept-alive connection for each thread that sends.

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
        self._headers = dict(headers)
        self._timeout = timeout
        # httpx2's transport without its client: cookies, redirects, auth and header merging, of which a bulk run wants
        # none, cost a third of a call's CPU. One transport for each thread: a shared pool looks through all its
        # connections, under a lock, for every request. A thread sends one request at a time, so it needs one connection.
        self._proxy = _proxy(base_url)
        self._verify = httpx2.create_ssl_context() if urlsplit(base_url).scheme == "https" else False
        self._mine = threading.local()
        self._all: list[httpx2.HTTPTransport] = []

    def _http(self) -> httpx2.HTTPTransport:
        """The calling thread's transport."""
        http: httpx2.HTTPTransport | None = getattr(self._mine, "http", None)
        if http is None:
            limits = httpx2.Limits(max_connections=2, max_keepalive_connections=2, keepalive_expiry=55.0)
            http = self._mine.http = httpx2.HTTPTransport(verify=self._verify, limits=limits, proxy=self._proxy)
            self._all.append(http)
        return http

    def send(self, request: Request) -> Response:
        """Send one request; see Transport."""
        content = None if request.json is None else json.dumps(request.json, separators=(",", ":")).encode()
        seconds = request.timeout or self._timeout
        where = {"method": request.method, "path": request.path}
        try:
            asked = httpx2.Request(
                request.method,
                f"{self._base}/{request.path.lstrip('/')}",
                params=dict(request.params) if request.params else None,
                headers=self._headers,
                content=content,
                extensions={"timeout": {"connect": seconds, "read": seconds, "write": seconds, "pool": seconds * 4}},
            )
            answer = self._http().handle_request(asked)
            try:
                body = answer.read()
            finally:
                answer.close()
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol) as exc:
            raise ConnectionFailed(f"no connection to {self._base}: {_words(exc)}", **where) from exc
        except httpx2.TimeoutException as exc:
            raise TimedOut(
                f"{request.method} {request.path} had no answer within {seconds:g} s; it may have been carried out",
                **where,
            ) from exc
        except httpx2.InvalidURL as exc:
            raise ConnectionFailed(f"{request.path!r} is not a usable address: {exc}", **where) from exc
        except httpx2.HTTPError as exc:
            raise AnswerLost(
                f"{request.method} {request.path}: the connection broke before the answer came ({_words(exc)}); "
                "it may have been carried out",
                **where,
            ) from exc
        return Response(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, body)

    def close(self) -> None:
        """Close the connections."""
        for http in self._all:
            http.close()


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
