"""HTTP as such: methods, types, versions, keep-alive, broken clients."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest


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
