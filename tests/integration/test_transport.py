"""Bytes to a host and back, over real sockets."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from intercom_bulk_updater.api.messages import Request
from intercom_bulk_updater.api.transport import HttpTransport
from intercom_bulk_updater.errors import AnswerLost, ConnectionFailed, TimedOut

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Peer:
    """A server that answers each request with the next of `answers`; b"" hangs up after it. Keeps what it read."""

    answers: list[bytes]
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0
    socket: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.socket.getsockname())

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection, suppress(ConnectionError):  # a client that has seen enough hangs up
                connection.settimeout(5)
                while (request := self._read(connection)) and self.answers:
                    self.heard.append(request)
                    answer = self.answers.pop(0)
                    connection.sendall(answer)
                    if not answer or b"\r\nX-Hang-Up" in answer:
                        break

    def _read(self, connection: socket.socket) -> bytes:
        got = b""
        while b"\r\n\r\n" not in got:
            more = connection.recv(65536)
            if not more:
                return b""
            got += more
        head, _, body = got.partition(b"\r\n\r\n")
        sizes = [int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        while len(body) < sum(sizes):
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer([])
    thread = threading.Thread(target=made.serve, daemon=True)
    thread.start()
    yield made
    made.socket.shutdown(socket.SHUT_RDWR)
    made.socket.close()
    thread.join(5)


def test_one_connection_serves_one_after_the_other(peer: Peer) -> None:
    """A connection is used again, with the headers, the query and the body that were asked for."""
    peer.answers[:] = [OK, OK]
    transport = HttpTransport(f"{peer.url}/prefix/", {"Authorization": "Bearer x"}, timeout=5)
    transport.send(Request("GET", "companies/scroll", params={"scroll_param": "a b&c"}))
    transport.send(Request("POST", "conversations/a b%20c/parts?x=1", {"message_type": "close"}))
    transport.close()
    assert peer.connections == 1
    assert peer.heard[0].startswith(b"GET /prefix/companies/scroll?scroll_param=a+b%26c HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"Authorization: Bearer x" in peer.heard[0] and b"Content-Length" not in peer.heard[0]
    assert peer.heard[1].startswith(b"POST /prefix/conversations/a%20b%20c/parts?x=1 HTTP/1.1\r\n")
    assert json.loads(peer.heard[1].partition(b"\r\n\r\n")[2]) == {"message_type": "close"}


def test_a_connection_that_was_hung_up_on_is_not_used_again(peer: Peer) -> None:
    """The other end closes after its answer: the next request goes over a new connection, and nothing is lost."""
    peer.answers[:] = [OK.replace(b"\r\n\r\n", b"\r\nX-Hang-Up: yes\r\n\r\n"), OK]
    transport = HttpTransport(peer.url, {}, timeout=5)
    assert transport.send(Request("GET", "me")).status == 200
    (held,) = transport._idle
    while held.is_usable():  # until the end of the connection has arrived here
        pass
    assert transport.send(Request("GET", "me")).body == b"{}"
    assert peer.connections == 2
    transport.close()


def test_what_a_failure_says_about_the_request(peer: Peer) -> None:
    """Hung up on, cut short, silent, and not there: whether the request may have been carried out."""
    peer.answers[:] = [b"", OK.replace(b"2\r\n", b"20\r\nX-Hang-Up: yes\r\n"), b"HTTP/1.1 200 OK\r\n"]
    transport = HttpTransport(peer.url, {}, timeout=5)
    for _ in range(2):
        with pytest.raises(AnswerLost) as lost:
            transport.send(Request("POST", "tags", {"name": "x"}))
        assert not isinstance(lost.value, TimedOut)
    with pytest.raises(TimedOut):
        transport.send(Request("POST", "tags", {"name": "x"}, timeout=0.2))
    assert transport._idle == []
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionFailed):
        HttpTransport(f"http://127.0.0.1:{port}", {}, timeout=1).send(Request("GET", "me"))


def test_a_compressed_answer_is_read(peer: Peer) -> None:
    """Nobody asked for compression; a proxy on the way may compress all the same."""
    packed = gzip.compress(b'{"type":"admin"}')
    peer.answers[:] = [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed]
    transport = HttpTransport(peer.url, {}, timeout=5)
    assert transport.send(Request("GET", "me")).body == b'{"type":"admin"}'
    transport.close()


def test_a_proxy_is_asked_for_the_whole_address(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment names as the proxy gets the request, with its credentials; the token goes to the host only."""
    peer.answers[:] = [OK]
    monkeypatch.setenv("http_proxy", peer.url.replace("//", "//me:p%40ss@"))
    monkeypatch.delenv("no_proxy", raising=False)
    transport = HttpTransport("http://api.example.test", {}, timeout=5)
    assert transport.send(Request("GET", "me")).status == 200
    assert peer.heard[0].startswith(b"GET http://api.example.test/me HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in peer.heard[0]
    transport.close()


@pytest.mark.parametrize(
    ("answer", "body", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n", b"{}", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, b"{}", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 200 OK\r\nX-Hang-Up: yes\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
        (OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"{}", False),
        (OK + OK, b"{}", False),
        (OK + b"more", b"{}", False),
    ],
    ids=["chunked", "hints first", "no content", "no length", "HTTP/1.0", "close", "two answers", "more than its length"],
)
def test_where_an_answer_ends(peer: Peer, answer: bytes, body: bytes, again: bool) -> None:
    """By its length, its chunks, its status or the end of the connection; one that said more than it may is not used again."""
    peer.answers[:] = [answer, OK]
    transport = HttpTransport(peer.url, {}, timeout=5)
    assert transport.send(Request("POST", "tags", {})).body == body
    assert [one.is_usable() for one in transport._idle] == [again]
    transport.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX: " + b"x" * 300_000,
    ],
    ids=["two lengths", "length and chunks", "another protocol", "no HTTP", "headers without end", "trailers without end"],
)
def test_what_is_no_answer(peer: Peer, answer: bytes) -> None:
    """It is lost, as soon as that can be seen, and its connection is closed."""
    peer.answers[:] = [answer]
    transport = HttpTransport(peer.url, {}, timeout=60)
    with pytest.raises(AnswerLost):
        transport.send(Request("POST", "tags", {}))
    assert transport._idle == []
