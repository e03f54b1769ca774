"""Faults on order."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time

import pytest

CLOSE = {"message_type": "close", "type": "admin", "admin_id": "991267700"}


@pytest.fixture
def victim(api):
    return api.walk()[0]


def state(box, key):
    return box.conversation(key)["state"]


@pytest.mark.parametrize("status", [401, 403, 408, 500, 502, 503, 504])
def test_status_answers_an_error_list_and_does_nothing(api, box, victim, status):
    """kind=status: the status with its usual code, nothing done."""
    box.fault("status", status=status, path="/parts$", count=1)
    answer = api.close(victim)
    assert answer.status == status and answer.code
    assert state(box, victim) == "open"
    assert api.close(victim).status == 200


@pytest.mark.parametrize(("kind", "after"), [("drop_before", "open"), ("drop_after", "closed")])
def test_dropped_connections(api, box, victim, kind, after):
    """The connection closes without an answer, before or after the work."""
    box.fault(kind, path="/parts$", count=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        api.close(victim)
    assert state(box, victim) == after
    assert box.log(1)[0]["status"] == 0


def test_error_after_commits_and_answers_504(api, box, victim):
    """A 504 that hides a success."""
    box.fault("error_after", path="/parts$", count=1)
    assert api.close(victim).status == 504
    assert state(box, victim) == "closed"


def test_truncated_sends_half_of_the_promised_length(api, box, victim):
    """Content-Length promises more than comes; the work stands."""
    box.fault("truncated", path="/parts$", count=1)
    with pytest.raises(http.client.IncompleteRead):
        api.close(victim)
    assert state(box, victim) == "closed"


@pytest.mark.parametrize(
    ("kind", "status", "content"),
    [("html200", 200, "text/html"), ("html502", 502, "text/html"), ("empty200", 200, "json"), ("garbage", 200, "json")],
)
def test_bodies_that_are_not_json(api, box, victim, kind, status, content):
    """HTML with 200 or 502, an empty 200 and broken JSON; nothing done unless commit=before says so."""
    box.fault(kind, path="/parts$", count=1)
    answer = api.close(victim)
    assert answer.status == status and content in answer.headers["Content-Type"]
    with pytest.raises(ValueError):
        json.loads(answer.raw)
    assert state(box, victim) == "open"
    box.fault(kind, path="/parts$", count=1, commit="before")
    api.close(victim)
    assert state(box, victim) == "closed"


@pytest.mark.parametrize(("commit", "at_once"), [("before", "closed"), ("after", "open")])
def test_slow_answers_commit_before_or_after(api, box, victim, commit, at_once):
    """A client that gives up waiting cannot know: the work was done at once, or will be done later."""
    box.fault("slow", path="/parts$", count=1, seconds=0.4, commit=commit)
    with socket.create_connection(("127.0.0.1", int(box.url.rsplit(":", 1)[1]))) as connection:
        body = json.dumps(CLOSE).encode()
        connection.sendall(
            f"POST /conversations/{victim}/parts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {box.token}\r\n"
            f"Accept: */*\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        while not box.faults()[0]["fired"]:
            pass
        assert state(box, victim) == at_once
    deadline = time.monotonic() + 5
    while state(box, victim) != "closed" and time.monotonic() < deadline:
        pass
    assert state(box, victim) == "closed"


def test_rules_match_method_path_and_body(api, box):
    """A rule hits only what it describes."""
    box.fault("status", match={"method": "POST", "path": "/reply$", "body": "magic"}, status=500)
    one = api.walk()[0]
    body = {"message_type": "note", "type": "admin", "admin_id": box.admin_id, "body": "magic"}
    assert api("GET", f"/conversations/{one}").status == 200
    assert api("POST", f"/conversations/{one}/reply", {**body, "body": "plain"}).status == 200
    assert api("POST", f"/conversations/{one}/reply", body).status == 500
    box.clear_faults()
    assert api("POST", f"/conversations/{one}/reply", body).status == 200


def test_share_every_after_and_count(api, box):
    """every=3 hits each third, after lets some through, count ends it, share is about right and repeatable."""
    box.fault("status", path="/me", every=3, after=1)
    assert [api("GET", "/me").status for _ in range(7)] == [200, 200, 200, 500, 200, 200, 500]
    box.clear_faults()
    box.fault("status", path="/me", count=2)
    assert [api("GET", "/me").status for _ in range(3)] == [500, 500, 200]
    runs = []
    for _ in range(2):
        box.clear_faults()
        box.fault("status", path="/me", share=0.3)
        runs.append([api("GET", "/me").status for _ in range(60)])
    assert runs[0] == runs[1] and 5 < runs[0].count(500) < 35


def test_the_token_can_die_and_scopes_be_missing(api, box, victim):
    """token_state revokes the token mid-run; a missing scope is 403 and names itself."""
    box.control(missing_scopes=["write_conversations"])
    denied = api.close(victim)
    assert (denied.status, denied.code) == (403, "forbidden")
    assert "(write_conversations)" in denied.message
    assert api("GET", f"/conversations/{victim}").status == 200
    box.control(missing_scopes=[], token_state="revoked")
    gone = api("GET", "/me")
    assert (gone.status, gone.code) == (401, "token_revoked")
    assert gone.headers["X-RateLimit-Limit"] is None


def test_latency_delays_every_reply_but_not_control(api, box):
    """With latency set, calls at once overlap and control answers without delay."""
    box.control(latency=0.3, jitter=0.01)
    threads = [threading.Thread(target=api, args=("GET", "/me")) for _ in range(4)]
    for thread in threads:
        thread.start()
    while box.stats()["in_flight"] < 4:  # control sees them all waiting
        pass
    for thread in threads:
        thread.join()
    stats = box.stats()
    assert (stats["in_flight"], stats["max_in_flight"]) == (0, 4)


def test_bad_faults_and_settings_are_refused_in_words(box):
    """Unknown kinds, fields, settings and values are ValueErrors that name them."""
    for wrong in (
        lambda: box.fault("explode"),
        lambda: box.fault("status", nonsense=1),
        lambda: box.fault("status", status=429, retry_after="٢"),
        lambda: box.control(lag=1),
        lambda: box.control(repeat_close="maybe"),
        lambda: box.control(limit="many"),
        lambda: box.control(conversations=5),
        lambda: box.touch(["1"], kind="hug"),
    ):
        with pytest.raises((ValueError, KeyError)):
            wrong()
