"""What is not known is found out or said, never guessed: lost answers, outages, doubtful items, and their way back."""

from __future__ import annotations

import signal
import socket
import sqlite3
import threading
import time
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest

from .desk import QUERY, Desk, until

SANDBOX = {"conversations": 120, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.01}
OTHER = 991267702
UPDATER = """
from intercom_bulk_updater import IntercomBulkUpdater

class Tagger(IntercomBulkUpdater):
    idempotent = True

    def get_search_endpoint(self):
        return "conversations/search"

    def get_search_query(self, **_):
        return {"operator": "AND", "value": [{"field": "team_assignee_id", "operator": "=", "value": 5001},
                                             {"field": "state", "operator": "=", "value": "open"}]}

    def get_item_id(self, item):
        return item["id"]

    def perform_action(self, item_id, **_):
        return self.client.post(f"conversations/{item_id}/tags", {"id": "7003", "admin_id": self.admin_id})

    def before(self, item):
        return {"tagged": any(tag["id"] == "7003" for tag in item["tags"]["tags"])}

    def change(self, item_id, before, **_):
        return {} if before["tagged"] else {"tagged": (False, True)}

    def undo_action(self, item_id, before, **_):
        self.client.delete(f"conversations/{item_id}/tags/7003", {"admin_id": self.admin_id})
"""


def rows(desk: Desk) -> dict[str, Any]:
    """What the server holds of each conversation, without times and parts."""
    return {r["id"]: (r["state"], r["team"], r["admin"], sorted(r["tags"])) for r in desk.box.conversations()}


def test_undo_of_a_run_that_died_finds_out_what_it_did(desk: Desk) -> None:
    """What was in flight when the process was killed is read, and taken back where it had been done; then the run resumes."""
    before, ids = rows(desk), desk.open_ids()
    desk.switch(latency=0.1)
    process = desk.start("conversations", "close", "--where", QUERY, "--yes", "--json")
    assert until(lambda: desk.writes() >= 10, process)
    process.send_signal(signal.SIGKILL)
    desk.wait(process)
    time.sleep(0.2)
    desk.switch(latency=0.0)
    changed = [i for i, row in rows(desk).items() if row != before[i]]
    assert changed
    desk.box.touch(changed[:1], "note", admin_id=OTHER)
    undone = desk.here("undo", "latest", "--yes", "--json")
    assert (undone.code, undone.counts["done"], undone.counts["drifted"]) == (0, len(changed) - 1, 1), undone.err
    assert {i for i, row in rows(desk).items() if row != before[i]} == set(changed[:1])
    resumed = desk.here("runs", "resume", undone.json["run"]["parent"], "--json")
    assert resumed.code == 0 and not desk.open_ids(), resumed.err
    assert resumed.counts["done"] + resumed.counts.get("unchanged", 0) == len(ids)


def test_the_undo_of_an_updater_is_planned_applied_and_undone(desk: Desk) -> None:
    """A plan of an updater's undo takes back, never does again; what another admin took off meanwhile is listed."""
    (desk.home / "mine.py").write_text(UPDATER)
    before = rows(desk)
    done = desk.here("run", "mine.py:Tagger", "--yes", "--json")
    left, number = rows(desk), done.counts["done"]
    assert number > 20 and sum(left[i] != before[i] for i in left) == number
    mine = [i for i in left if left[i] != before[i]]
    desk.box.touch(mine[:2], "untag", tag_id=7003, admin_id=OTHER)
    looked = desk.here("undo", done.run, "--plan", "undo.jsonl", "--json")
    assert (looked.counts["pending"], looked.counts["drifted"]) == (number - 2, 2), looked.err
    applied = desk.here("apply", "undo.jsonl", "--yes", "--json")
    assert (applied.code, applied.counts) == (0, {"selected": number - 2, "done": number - 2}), applied.err
    assert rows(desk) == before
    again = desk.here("undo", applied.run, "--yes", "--json")
    assert again.counts == {"selected": number - 2, "done": number - 2}, again.err
    assert {i for i in left if rows(desk)[i] != left[i]} == set(mine[:2])


SWITCHES: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "a team takes the admin away": (
        {"team_assign_clears_admin": True}, ["assign", "--to-team", "5003", "--to-admin", "991267703"], "",
    ),
    "closed before us, unseen by the search": ({"repeat_close": "error", "index_lag": 60.0}, ["close"], "close"),
    "untagged before us, unseen by the search": ({"untag_missing": "404", "index_lag": 60.0}, ["untag", "--tag", "7003"], "untag"),
}


@pytest.mark.parametrize("name", SWITCHES)
def test_what_intercom_may_do_costs_no_item(desk: Desk, name: str) -> None:
    """Whatever the undocumented answer, the state is as wanted, none has failed, and undo gives back what was there."""
    switches, verb, touched = SWITCHES[name]
    ids = desk.open_ids()[:12]
    desk.box.touch(ids, "tag", tag_id=7003)
    desk.switch(**switches)
    if touched:
        desk.box.touch(ids[:3], touched, tag_id=7003, admin_id=OTHER)
    before = rows(desk)
    where = f"{QUERY} and tag = 7003" if touched else QUERY
    done = desk.here("conversations", *verb, "--where", where, "--yes", "--json", "--verify", "none")
    assert done.code == 0 and done.counts["selected"] >= len(ids), done.err
    now = rows(desk)
    if verb[0] == "assign":
        assert all(now[i][1:3] == (5003, 991267703) for i in ids)
    else:
        assert all(now[i][0] == "closed" if verb[0] == "close" else 7003 not in now[i][3] for i in ids)
    undone = desk.here("undo", done.run, "--yes", "--json")
    assert undone.code == 0, undone.err
    # The index hid that somebody had untagged: a before-image is as old as the search that gave it.
    kept = set(ids[:3]) if verb[0] == "untag" else set()
    assert {i for i in ids if rows(desk)[i] != before[i]} <= kept


def test_what_cannot_be_read_back_is_neither_right_nor_wrong(desk: Desk) -> None:
    """While GET fails, a verification says so with exit 7, and claims nothing; asked again, it gives its word."""
    (desk.home / "ids").write_text("\n".join(desk.open_ids()[:5]))
    desk.box.fault("status", status=422, method="GET", path="/conversations/[0-9]+$", after=5)
    done = desk.here("conversations", "close", "--ids", "ids", "--yes", "--json", "--verify", "all")
    assert (done.code, done.json["ok"], done.counts["done"]) == (7, False, 5), done.err
    assert done.json["verified"]["remaining"] is None and done.json["verified"]["unread"] == 5
    assert any(f"verify {done.run}" in command for command in done.json["next"])
    desk.box.clear_faults()
    again = desk.here("verify", done.run, "--json")
    assert (again.code, again.json["verified"]["remaining"]) == (0, 0), again.err


class Line:
    """A network between the command and the sandbox, which can be cut and mended."""

    def __init__(self, url: str) -> None:
        self._to = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        self._open: list[socket.socket] = []
        self.port = 0
        self.mend()

    def mend(self) -> None:
        """Carry connections again, on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Drop what is open and refuse what comes."""
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near = listener.accept()[0]
                far = socket.create_connection(self._to)
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("for_good", [False, True], ids=["mended", "for good"])
def test_a_network_that_goes_away_fails_no_item(desk: Desk, for_good: bool) -> None:
    """Without a connection nothing is sent, so nothing fails and no attempt is spent: the run waits, or stops to be resumed."""
    ids = desk.open_ids()
    line = Line(desk.box.url)
    desk.switch(latency=0.05)
    box = desk.box

    def cut() -> None:
        until(lambda: desk.writes() >= 8)
        line.cut()
        time.sleep(0.7)
        if not for_good:
            line.mend()

    cutting = threading.Thread(target=cut)
    cutting.start()
    with (
        patch.object(type(box), "env", lambda self: {**_env(self), "INTERCOM_BASE_URL": f"http://127.0.0.1:{line.port}"}),
    ):
        answer = desk.close("--workers", "3", "--retries", "2" if for_good else "1", "--patience", "1.5s" if for_good else "30s")
        cutting.join()
        if for_good:
            assert (answer.code, answer.counts.get("failed", 0)) == (7, 0), answer.err
            assert answer.counts["pending"] > 0
            line.mend()
            answer = desk.here("runs", "resume", answer.run, "--json")
    line.cut()
    assert (answer.code, answer.counts) == (0, {"selected": len(ids), "done": len(ids)}), answer.err
    assert not desk.open_ids()


def _env(box: Any) -> dict[str, str]:
    return {"INTERCOM_ACCESS_TOKEN": box.token, "INTERCOM_ADMIN_ID": box.admin_id, "INTERCOM_INBOX_ID": "5001"}


def test_a_timeout_is_remembered_by_the_resume_of_a_killed_run(desk: Desk) -> None:
    """A reply that ran out of time may still be under way: also the process after a kill does not send it again."""
    (desk.home / "ids").write_text("\n".join(desk.open_ids()[:3]))
    desk.box.fault("slow", seconds=30, commit="after", method="POST", path="/reply$")
    process = desk.start(
        "conversations", "reply", "--ids", "ids", "--body", "Sorry.", "--customer-visible", "--yes", "--json", "--timeout", "1",
    )

    def told() -> bool:
        with suppress(sqlite3.OperationalError):
            book = sqlite3.connect(f"file:{desk.home / 'journal.db'}?mode=ro", uri=True)
            try:
                return bool(book.execute("select count(*) = 3 from item where doubt = 2").fetchone()[0])
            finally:
                book.close()
        return False

    assert until(told, process)
    process.send_signal(signal.SIGKILL)
    desk.wait(process)
    desk.box.clear_faults()
    sent = desk.sent("/reply")
    answer = desk.here("runs", "resume", "latest", "--json")
    assert desk.sent("/reply") == sent
    assert (answer.code, answer.counts) == (3, {"selected": 3, "in_doubt": 3}), answer.err


def test_a_retry_of_items_that_could_not_be_looked_at_does_them(desk: Desk) -> None:
    """Items that failed before their before-image was known are done by `runs retry`, every one of them."""
    ids = desk.open_ids()[:6]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("status", status=409, method="GET", path=r"^/conversations/\d+$")
    failed = desk.here("conversations", "close", "--ids", "ids", "--yes", "--json")
    assert failed.counts == {"selected": 6, "failed": 6}, failed.err
    desk.box.clear_faults()
    retried = desk.here("runs", "retry", "latest", "--json")
    assert (retried.code, retried.counts) == (0, {"selected": 6, "done": 6}), retried.err
