"""What the account says when reading back goes wrong: not verified, never a traceback, and no outcome changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import FoundItem, ItemResult, Outcome, RunStatus

from .desk import QUERY, Desk

SANDBOX = {"conversations": 120}
Rewrite = Callable[[str, str, bytes], bytes]


@contextmanager
def rewritten(base: str, rewrite: Rewrite) -> Iterator[str]:
    """A server on loopback that passes everything on to `base`; `rewrite(method, path, answer)` gives the body of the answer."""
    to = urlsplit(base)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            upstream = HTTPConnection(to.hostname or "", to.port)
            kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "accept-encoding")}
            upstream.request(self.command, self.path, body, kept)
            answer = upstream.getresponse()
            found = answer.read()
            if answer.status == 200:
                found = rewrite(self.command, self.path.partition("?")[0], found)
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "content-encoding", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)
            upstream.close()

        do_GET = do_POST = do_PUT = do_DELETE = handle_any

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def behind(desk: Desk, rewrite: Rewrite) -> Iterator[Desk]:
    """The same desk, with such a server before its sandbox."""
    env = desk.box.env()
    with rewritten(env["INTERCOM_BASE_URL"], rewrite) as url:
        box: Any = type("Box", (), {"env": lambda _: {**env, "INTERCOM_BASE_URL": url}})()
        yield replace(desk, box=box)


def reads_as(body: Any) -> Rewrite:
    """A GET of one conversation is answered with this body, or with its keys put over the true answer's."""

    def rewrite(method: str, path: str, found: bytes) -> bytes:
        if method != "GET" or not path.startswith("/conversations/"):
            return found
        if isinstance(body, dict):
            return json.dumps({**json.loads(found), **body}).encode()
        return body if isinstance(body, bytes) else json.dumps(body).encode()

    return rewrite


WRONG: dict[str, tuple[list[str], list[Any]]] = {
    "close": (["close"], [["x"], None, b"[" * 3000 + b"]" * 3000, {"state": None, "open": []}, {"state": ["closed"]}, {"state": 7}]),
    "tag": (["tag", "--tag", "vip"], ["text", {"tags": []}, {"tags": "none"}, {"tags": {"tags": [None]}}, {"tags": {"tags": "x"}}]),
    "assign": (["assign", "--to-team", "5002"], [5, {"team_assignee_id": {}}, {"team_assignee_id": ["5002"]}]),
    "note": (["note", "--body", "seen"], [b"", {"conversation_parts": None}, {"conversation_parts": {"conversation_parts": [5]}}]),
}


@pytest.mark.parametrize("verb", WRONG)
def test_answers_of_the_wrong_type_at_the_read_back(desk: Desk, verb: str) -> None:
    """Every wrong type in `verify RUN`: exit 0 or 7, no traceback, no item called wrong, no outcome changed."""
    words, bodies = WRONG[verb]
    run = desk.here("conversations", *words, "--where", QUERY, "--limit", "3", "--yes", "--json", "--verify", "none")
    assert run.counts["done"] == 3, run.err
    for body in bodies:
        with behind(desk, reads_as(body)) as there:
            answer = there.here("verify", run.run, "--json", "--retries", "0")
        verified = answer.json["verified"]
        assert "Traceback" not in answer.err and answer.counts == run.counts, (body, answer.err)
        assert verified["remaining"] is None and verified["note"], (body, verified)
        assert answer.code == (7 if verified.get("unread") else 0), (body, answer.code, verified)
        assert "could not be" in answer.err, (body, answer.err)


@pytest.mark.parametrize("body", ["text", {"state": ["closed"]}, {"tags": {"tags": [None]}}])
def test_a_run_whose_read_back_cannot_be_judged(desk: Desk, body: Any) -> None:
    """All is done and counted as done; that it could not be verified is said, with exit 0 or 7 and no traceback."""
    with behind(desk, reads_as(body)) as there:
        answer = there.here(
            "conversations", "tag" if isinstance(body, dict) and "tags" in body else "close",
            *(["--tag", "vip"] if isinstance(body, dict) and "tags" in body else []),
            "--where", QUERY, "--limit", "4", "--yes", "--json", "--retries", "0",
        )  # fmt: skip
    assert answer.counts == {"selected": 4, "done": 4}, answer.err
    assert "Traceback" not in answer.err
    assert answer.code in (0, 7) and answer.json["verified"]["remaining"] is None, (answer.code, answer.json["verified"])
    assert "verified" in answer.err


@pytest.mark.parametrize("body", ["text", {"conversations": 5}, {"conversations": [{"id": "1", "tags": 5}]}])
def test_a_search_of_the_wrong_type_while_verifying(desk: Desk, body: Any) -> None:
    """A search that cannot be read in `verify RUN` leaves the outcomes, says that it failed, and exits with 7 or what is known."""
    run = desk.close("--verify", "none")

    def rewrite(method: str, path: str, found: bytes) -> bytes:
        return json.dumps(body).encode() if path == "/conversations/search" else found

    with behind(desk, rewrite) as there:
        answer = there.here("verify", run.run, "--json", "--retries", "0")
    assert "Traceback" not in answer.err and answer.counts == run.counts, answer.err
    assert answer.code in (6, 7), (answer.code, answer.err)
    assert answer.json["verified"]["remaining"] != 0, answer.json["verified"]


SILENT = """
from intercom_bulk_updater import IntercomBulkUpdater
class Touch(IntercomBulkUpdater):
    def get_search_endpoint(self): return "conversations/search"
    def get_search_query(self): return {"field": "state", "operator": "=", "value": "open"}
    def get_item_id(self, item): return item["id"]
    def perform_action(self, item_id):
        return self.client.put(f"conversations/{item_id}", {"read": True})
class Unsure(Touch):
    def is_done(self, item_id): return None
class Broken(Touch):
    def is_done(self, item_id): return {}["state"]
class HalfSure(Touch):
    def is_done(self, item_id): return None if int(item_id) % 2 else True
"""


@pytest.mark.parametrize(
    ("name", "code", "note"),
    [
        ("Touch", 0, "the updater has no is_done"),
        ("Unsure", 0, "is_done does not tell"),
        ("HalfSure", 0, "is_done does not tell"),
        ("Broken", 7, "KeyError"),
    ],
)
def test_what_cannot_be_verified_never_passes_for_verified(desk: Desk, tmp_path: Path, name: str, code: int, note: str) -> None:
    """`--verify all` of an updater that cannot tell: `remaining` is null, why is said, and the screen does not say verified."""
    (tmp_path / "silent.py").write_text(SILENT, "utf-8")
    answer = desk.here("run", f"{tmp_path}/silent.py:{name}", "--limit", "6", "--yes", "--json", "--verify", "all")
    assert (answer.code, answer.counts) == (code, {"selected": 6, "done": 6}), answer.err
    verified = answer.json["verified"]
    assert (verified["level"], verified["remaining"]) == ("all", None)
    assert note in verified["note"]
    assert "! Done, but not verified: 6 done" in answer.err and note in answer.err, answer.err


def test_the_list_after_a_kill(desk: Desk) -> None:
    """What a dead process had in flight is in doubt in `runs list` and `runs show`, and not among what was not begun."""
    with Journal(desk.home / "journal.db") as journal:
        run = journal.create_run(operation="conversations.tag", kind="run", selection={"kind": "query", "words": "state = open"})
        journal.add_items(run.id, [FoundItem(str(n)) for n in range(152)])
        journal.turn(run.id, [ItemResult(item.seq, Outcome.DONE) for item in journal.turn(run.id, [], 55)], 21)
        journal.update_run(run.id, status=RunStatus.RUNNING, progress={"counts": {"selected": 152, "done": 55, "pending": 97}})
    line = desk.here("runs", "list").out.splitlines()[1]
    assert line.split("\t")[1:4] == ["interrupted", "152", "55 tagged · 21 in doubt until resumed · 76 not begun"]
    shown = desk.here("runs", "show", run.id).out
    assert "55 of 152 done; 21 in doubt until it is resumed" in shown and "exit 7" in shown
    assert desk.here("runs", "list", "--json").json["runs"][0]["counts"]["in_doubt"] == 21


def test_a_sample_with_wrong_items_on_every_screen(desk: Desk) -> None:
    """A server that says done and keeps nothing: the sample says what it implies, and the list does not say that all is done."""
    desk.box.fault("rolled_back", on="write")
    some = "".join(f"{row['id']}\n" for row in desk.box.conversations())
    (desk.home / "ids.txt").write_text(some, "utf-8")
    answer = desk.here("conversations", "snooze", "--until", "+3d", "--ids", "ids.txt", "--yes", "--json")
    verified, done = answer.json["verified"], answer.counts["done"]
    assert (answer.code, verified["sample"]["read"], verified["sample"]["of"]) == (6, 50, done), answer.err
    assert done > 50
    assert f"50 of {done} read back; 50 are not in the requested state: that is about 100 %, some {done} of all" in answer.err
    assert answer.json["next"][0] == f"intercom-bulk verify {answer.run} --level all"
    listed = desk.here("runs", "list").out.splitlines()[1]
    assert f"{done} snoozed, some {done} of these are not in the requested state, going by a sample (50 of 50)" in listed
    everything = desk.here("verify", answer.run, "--level", "all", "--json")
    assert (everything.code, everything.json["verified"]["remaining"], everything.json["verified"].get("sample")) == (6, done, None)
    assert f"0 snoozed · {done} not in the requested state" in desk.here("runs", "list").out
