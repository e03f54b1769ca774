"""Answers that never end, that burst when unpacked, that point elsewhere; ways to the server that are not there."""

from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from intercom_bulk_updater.api import connection as connection_module
from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.api.messages import Request
from intercom_bulk_updater.api.network import proxy_for
from intercom_bulk_updater.api.retry import ErrorKind, classify
from intercom_bulk_updater.api.transport import HttpTransport
from intercom_bulk_updater.errors import (
    AnswerTooLarge,
    ApiError,
    ConfigurationError,
    ConnectionFailed,
    RefusedInBetween,
    RunStopped,
    TimedOut,
)
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.stop import Stop

Act = Callable[[socket.socket, threading.Event], None]


@contextmanager
def server(act: Act, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that reads a request and then does as it is told; `event` is set when it is time to go."""
    listener = socket.create_server(("127.0.0.1", 0))
    gone = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection = listener.accept()[0]
                with suppress(OSError), connection:
                    if context is not None:
                        connection = context.wrap_socket(connection, server_side=True)
                    connection.recv(65536)
                    act(connection, gone)
                    connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"{'https' if context else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    gone.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def drips(connection: socket.socket, gone: threading.Event) -> None:
    """A byte of the body now and then, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not gone.wait(0.05):
        connection.sendall(b" ")


def drips_its_head(connection: socket.socket, gone: threading.Event) -> None:
    """The same before the body begins."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not gone.wait(0.05):
        connection.sendall(b"x")


def endless(connection: socket.socket, gone: threading.Event) -> None:
    """A body without end, as fast as it goes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
    while not gone.is_set():
        connection.sendall(piece)


def answering(status: str, body: bytes, *headers: str) -> Act:
    """One whole answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return lambda connection, _: connection.sendall(head.encode() + b"\r\n\r\n" + body)


@pytest.mark.parametrize("act", [drips, drips_its_head])
@pytest.mark.parametrize(("method", "path"), [("POST", "conversations/1/reply"), ("POST", "conversations/search"), ("GET", "me")])
def test_an_answer_has_one_deadline(act: Act, method: str, path: str) -> None:
    """The timeout counts until the last byte. What it was for may still be under way; it matters to items in doubt alone."""
    with server(act) as url, pytest.raises(TimedOut) as late:
        HttpTransport(url, {}, timeout=30).send(Request(method, path, timeout=0.3))
    assert classify(late.value).kind is ErrorKind.MAYBE_RUNNING and "carried out" not in str(late.value)


@pytest.mark.parametrize("path", ["conversations/1/reply", "conversations/search"])
def test_an_answer_without_end_is_not_read_to_its_end(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body has a size limit: beyond it the answer of a write is lost, and a search is an error that names the limit."""
    monkeypatch.setattr(connection_module, "MOST", 2**20)
    with server(endless) as url, pytest.raises(AnswerTooLarge) as large:
        HttpTransport(url, {}, timeout=30).send(Request("POST", path, {}))
    assert "more than 1 MiB" in str(large.value)
    assert classify(large.value).kind is ErrorKind.MAYBE_APPLIED


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress)])
def test_a_body_that_bursts_when_unpacked(encoding: str, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds for what comes out of a compressed body as well, and no more than that is ever unpacked."""
    monkeypatch.setattr(connection_module, "MOST", 2**20)
    bomb = pack(b" " * 20 * 2**20)
    assert len(bomb) < 2**20
    with server(answering("200 OK", bomb, f"Content-Encoding: {encoding}")) as url, pytest.raises(AnswerTooLarge):
        HttpTransport(url, {}, timeout=30).send(Request("GET", "me"))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "304 Not Modified", "307 Temporary", "399 Odd"])
@pytest.mark.parametrize(
    ("where", "named"),
    [("Location: https://me:pw@other.example.test/x?token=secret", "other.example.test"), ("Location: /x?token=secret", "another address")],
)
def test_nothing_of_a_redirect_is_believed(status: str, where: str, named: str) -> None:
    """Any 3xx is an error that names the host it points to, without the query; it is neither the item's fault nor the service's."""
    body = b'{"type":"conversation","id":"1","conversations":[]}'
    act = answering(status, b"" if status.startswith("304") else body, where)
    with server(act) as url, pytest.raises(RefusedInBetween) as told:
        Client(HttpTransport(url, {}, timeout=5), RateLimiter(Budget(), Stop())).post("conversations/1/parts", {})
    assert named in str(told.value) and "secret" not in str(told.value) and "pw" not in str(told.value)
    assert classify(told.value).kind is ErrorKind.IN_BETWEEN


def test_a_stop_before_anybody_is_asked_forgets_no_request() -> None:
    """Whether a failure is the service's is asked after a request may have been carried out: a stop must not come out of there."""
    stop = Stop()
    with server(answering("503 Service Unavailable", b"{}")) as url:
        client = Client(HttpTransport(url, {}, timeout=5), RateLimiter(Budget(), stop))
        with pytest.raises(ApiError) as told:
            client.post("conversations/1/reply", {})
        stop.ask(RunStopped())
        assert client.excuses(classify(told.value), last=True)


API = "https://api.example.test"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names neither a proxy nor certificates."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("value", ["127.0.0.1:3128", "http://127.0.0.1:3128", "http://127.0.0.1:3128/", " 127.0.0.1:3128 "])
def test_host_and_port_are_an_http_proxy(value: str, bare: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY without a scheme is http, as for curl."""
    bare.setenv("HTTPS_PROXY", value)
    proxy = proxy_for(API)
    assert proxy is not None and (proxy.url.rstrip("/"), proxy.origin) == ("http://127.0.0.1:3128", "HTTPS_PROXY")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://user:secret@127.0.0.1:1080"),
        ("HTTPS_PROXY", "http://user:secret@127.0.0.1:99999"),
        ("HTTPS_PROXY", "http://127.0.0.1:eighty"),
        ("https_proxy", "http://"),
        ("HTTPS_PROXY", "http://ünïcode..:1"),
        ("HTTPS_PROXY", "http://proxy..example:1"),
        ("HTTPS_PROXY", "://"),
        ("HTTPS_PROXY", "ftp://user:secret@127.0.0.1:21"),
        ("HTTPS_PROXY", "user:secret@[::1"),
        ("SSL_CERT_FILE", "/gone/cert.pem"),
        ("SSL_CERT_FILE", "/"),
        ("SSL_CERT_DIR", "/gone"),
        ("REQUESTS_CA_BUNDLE", "/gone/bundle.pem"),
        ("REQUESTS_CA_BUNDLE", __file__),
        ("CURL_CA_BUNDLE", "/gone/bundle.pem"),
    ],
)
def test_a_way_that_cannot_be_is_a_setting_to_correct(variable: str, value: str, bare: pytest.MonkeyPatch) -> None:
    """A proxy or certificates that are named wrongly are told before anything is sent: the variable, the fix, exit 10, no password."""
    bare.setenv(variable, value)
    with pytest.raises(ConfigurationError) as told:
        HttpTransport(API, {}, timeout=1)
    assert variable in str(told.value) and "secret" not in str(told.value)
    assert "unset" in str(told.value) or "write it as" in str(told.value)


def test_a_proxy_that_is_not_there(bare: pytest.MonkeyPatch) -> None:
    """A proxy that refuses the connection is named, with its variable: it may come back, so it is waited for."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    bare.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{port}")
    with pytest.raises(ConnectionFailed) as told:
        HttpTransport(API, {}, timeout=1).send(Request("GET", "me"))
    assert f"proxy 127.0.0.1:{port} (HTTPS_PROXY)" in str(told.value) and "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("scheme", "status", "words"),
    [("https", "407 Authentication Required", "user name and a password"), ("http", "407 Authentication Required", "password"),
     ("https", "403 Forbidden", "refuses to connect")],
)  # fmt: skip
def test_a_proxy_that_refuses(scheme: str, status: str, words: str, bare: pytest.MonkeyPatch) -> None:
    """407 and 403 of a proxy are settings to correct, not an outage to be waited for."""
    with server(answering(status, b"")) as url:
        bare.setenv(f"{scheme.upper()}_PROXY", url)
        with pytest.raises(ConfigurationError) as told:
            HttpTransport(f"{scheme}://api.example.test", {}, timeout=2).send(Request("GET", "me"))
    assert words in str(told.value) and f"{scheme.upper()}_PROXY" in str(told.value)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_a_certificate_that_is_not_trusted(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    """A self-signed certificate is a setting to correct, and is trusted once SSL_CERT_FILE, SSL_CERT_DIR or REQUESTS_CA_BUNDLE names it."""
    key, cert, folder = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "certs"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
         cert, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    folder.mkdir()
    named = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", cert], check=True, capture_output=True, text=True)
    shutil.copy(cert, folder / f"{named.stdout.strip()}.0")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with server(answering("200 OK", b"{}"), context) as url:
        with pytest.raises(ConfigurationError) as told:
            HttpTransport(url, {}, timeout=5).send(Request("GET", "me"))
        assert "not trusted" in str(told.value) and "SSL_CERT_FILE" in str(told.value)
        for variable, value in (("SSL_CERT_FILE", cert), ("SSL_CERT_DIR", folder), ("REQUESTS_CA_BUNDLE", cert)):
            with bare.context() as one:
                one.setenv(variable, str(value))
                one_way = HttpTransport(url, {}, timeout=5)
                assert one_way.send(Request("GET", "me")).status == 200
                one_way.close()
