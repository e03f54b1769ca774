"""An httpx client whose requests are governed like any other: for updaters that use httpx, or Intercom's SDK on top of it.

    Intercom(token=self.access_token, base_url=self.base_url, httpx_client=self.httpx_client())
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..api.client import LEAVES
from ..api.messages import Exchange
from ..api.redact import redact
from ..errors import UsageError
from .hearing import watch_of

if TYPE_CHECKING:
    import httpx


def governed_client(base_url: str, headers: Mapping[str, str], is_over: Callable[[], bool], **options: Any) -> httpx.Client:
    """A client for httpx, which sends no write when its run is over. Raises UsageError where httpx is not installed."""
    try:
        import httpx
    except ImportError as exc:
        raise UsageError("httpx is not installed: pip install httpx, or use self.client.") from exc

    class WholeOrLost(httpx.SyncByteStream):
        """An answer whose end does not come is none, whatever its status: its reader gets an error, and may send again."""

        def __init__(self, stream: Any, exchange: Exchange) -> None:
            self._stream, self._exchange = stream, exchange

        def __iter__(self) -> Iterator[bytes]:
            try:
                yield from self._stream
            except Exception:
                self._exchange.overruled = 0
                raise

        def close(self) -> None:
            self._stream.close()

    class Watched(httpx.HTTPTransport):
        """Notes each request before it leaves, waits for its permit, and notes how it was answered."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            path = request.url.path.strip("/")
            if is_over() and Exchange(request.method, path).writes:
                raise UsageError(
                    f"{request.method} {redact(path)} was about to leave when its run was over, whose account would not have it. "
                    "Nothing was sent: an action is to wait for what it gives to a thread."
                )
            sys.audit(LEAVES, request.method, request.url.netloc.decode(), request.url.path)
            watch = watch_of(request.method, request.url.netloc.decode(), request.url.path)
            exchange = None if watch is None else watch.announce(request.method, str(request.url), request.read())
            try:
                response = super().handle_request(request)
            except BaseException:
                if exchange is not None:
                    exchange.overruled = 0  # it is under way no longer
                raise
            if exchange is not None:
                exchange.status, exchange.headers = response.status_code, dict(response.headers)
                response.stream = WholeOrLost(response.stream, exchange)
            return response

    return httpx.Client(transport=Watched(), base_url=base_url, headers=dict(headers), **options)
