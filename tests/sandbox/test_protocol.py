"""HTTP as such: methods, types, versions, keep-alive, broken clients."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest

OPEN = {"field": "state", "operator": "=", "value": "open"}


def test_wrong_paths_methods_types_and_json(api):
    """Unknown path or method 404, without Accept 406, wrong content type 415, broken JSON 400."""
    assert api("GET", "/nowhere").code == "not_found"
    assert api("PATCH", "/me").status == 404
    assert api("PATCH", "/me", Accept="text/plain").status == 406
    assert api("POST", "/conversations/search", {"query": {}}, Content_Type="text/plain").status == 415
    assert api("POST", "/conversations/search", b"{oops").status == 400
    assert api("POST", "/conversations/search", b"[1]").status == 400


def test_versions(api):
    """An unknown version is 400; what came with 2.16 is missing before; without a header the default counts."""
    unknown = api("GET", "/me", Intercom_Version="9.99")
    assert (unknown.status, unknown.code) == (400, "intercom_version_invalid")
    early = api("GET", "/conversations/deleted", Intercom_Version="2.15")
    assert early.message == "Requested resource is not available in current API version."
    assert api("GET", "/conversations/deleted", Intercom_Version=None).status == 200
    body = {"query": OPEN, "pagination": {"per_page": 50}}
    new, old = (api("POST", "/conversations/search", body, Intercom_Version=one).json["conversations"] for one in ("2.16", "2.15"))
    assert [one["priority"] for one in old] == ["not_priority" if one["priority"] == "none" else "priority" for one in new]
    api.box.control(default_version="2.10")
    assert api("GET", "/conversations/deleted", Intercom_Version=None).status == 400


def test_one_connection_serves_many_requests(api, box):
    """Keep-alive holds, and statistics count connections, not requests."""
    box.reset_stats()
    parts = urlsplit(box.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    for _ in range(5):
        connection.request("GET", "/me", headers={"Authorization": f"Bearer {box.token}", "Accept": "*/*"})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
    stats = box.stats()
    connection.close()
    assert stats["connections"] == {"opened": 1, "open": 1, "max_open": 1}
    assert stats["routes"] == {"GET /me": 5} and stats["statuses"] == {"200": 5}


def test_the_server_survives_broken_clients(api, box):
    """Garbage, half requests and clients that vanish harm nobody else."""
    address = ("127.0.0.1", urlsplit(box.url).port or 0)
    for data in (b"\x00\x01\x02\r\n\r\n", b"GET /me HTT", b"POST /me HTTP/1.1\r\nContent-Length: 99\r\n\r\n{"):
        with socket.create_connection(address) as connection:
            connection.sendall(data)
    assert api("GET", "/me").status == 200


def talk(box, *requests: str, body: str = "") -> bytes:
    """Send requests ("GET /me") at once over one connection, the last with `body` and Connection: close; all that comes back."""
    head = f"Host: x\r\nAuthorization: Bearer {box.token}\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
    whole = "".join(f"{one} HTTP/1.1\r\n{head}\r\n" for one in requests[:-1])
    whole += f"{requests[-1]} HTTP/1.1\r\n{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    with socket.create_connection(("127.0.0.1", urlsplit(box.url).port or 0), timeout=10) as connection:
        connection.sendall(whole.encode("latin-1"))
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def test_pipelined_requests_are_answered_in_their_order(box):
    """A slow answer holds back those of the requests behind it on the same connection."""
    box.fault("slow", path="/teams$", seconds=0.2, count=1)
    received = talk(box, "GET /teams", "GET /me")
    assert received.index(b"team.list") < received.index(b"Ops Bot")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH"])
def test_other_methods_are_404_and_leave_the_connection_usable(box, method):
    """The answer to HEAD has no body: one there would be read as the next answer."""
    received = talk(box, f"{method} /me", "GET /tags")
    first, _, rest = received.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 404") and b"vip" in rest
    assert rest.startswith(b"HTTP/1.1 200") is (method == "HEAD")


def test_bodies_that_no_client_should_send(box):
    """Too large is 413, too deep is 400, and both are answers."""
    large, deep = "x" * (17 * 1024 * 1024), "[" * 100_000
    for body, status in ((large, b"413"), (deep, b"400")):
        received = talk(box, "POST /conversations/search", body=body)
        assert received.split(b" ", 2)[1] == status


def test_targets_are_unescaped(api, box):
    """%40 in a path is an @, digits of other scripts are no id, and a proxy's whole URL is understood."""
    made = api("POST", "/contacts", {"external_id": "a/b @c"}).json
    assert api("GET", "/contacts/find_by_external_id/a%2Fb%20%40c").json["id"] == made["id"]
    assert api("GET", "/conversations/%C2%B2").status == 404
    assert b"Ops Bot" in talk(box, "GET http://intercom.test/me")


def test_idle_connections_are_closed_when_told(box):
    """idle_seconds ends the silence of connections opened from then on."""
    box.control(idle_seconds=0.05)
    with socket.create_connection(("127.0.0.1", urlsplit(box.url).port or 0), timeout=10) as connection:
        assert connection.recv(1) == b""


def test_headers_in_the_right_case_and_a_closing_connection(box):
    """Header names are sent as Intercom writes them; Connection: close is obeyed."""
    with socket.create_connection(("127.0.0.1", urlsplit(box.url).port or 0)) as connection:
        connection.sendall(
            f"GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {box.token}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()
        )
        received = b""
        while piece := connection.recv(65536):
            received += piece
    for name in (b"X-RateLimit-Limit: ", b"X-RateLimit-Remaining: ", b"X-RateLimit-Reset: ", b"Connection: close"):
        assert name in received
    assert json.loads(received.split(b"\r\n\r\n", 1)[1])["type"] == "admin"


@pytest.mark.parametrize("path", ["/me", "/admins", "/teams", "/tags", "/segments", "/ticket_types", "/ticket_states"])
def test_plain_lists_answer(api, path):
    """The lists without paging answer 200."""
    assert api("GET", path).status == 200


def test_me_names_workspace_region_and_zone(api, box):
    """GET /me gives admin, workspace, region and time zone."""
    me = api("GET", "/me").json
    assert (me["id"], me["app"]["id_code"]) == (box.admin_id, "sandbox1")
    assert (me["app"]["region"], me["app"]["timezone"]) == ("US", "America/Los_Angeles")
    assert api("GET", "/admins/1").status == api("GET", "/teams/1").status == 404
    assert api("GET", "/admins/991267701").json["name"] == "Amira Haddad"
    assert api("GET", "/teams/5001").json["name"] == "Support"
