"""Intercom is away in the middle of things: the command waits, charges no item for it, and goes on."""

from __future__ import annotations

import importlib
import json
import signal
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from intercom_bulk_updater import IntercomBulkUpdater
from intercom_sandbox import Sandbox

from .desk import QUERY, Answer, Desk, until

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from outages import Outage

SANDBOX = {"conversations": 120, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.005, "jitter": 0}


@contextmanager
def outage(desk: Desk, seconds: float, *, told: bool, after: int = 5, **more: Any) -> Iterator[Outage]:
    """A server in the sandbox's place that is away for a while, from a write or a read on."""
    server = Outage(desk.box.url, seconds, told, after=after, **more)
    env = {**desk.box.env(), "INTERCOM_BASE_URL": server.url}
    with patch.object(Sandbox, "env", lambda self: env):
        yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("verb", "told", "more"),
    [
        (["close"], True, ["--retries", "0"]),
        (["tag", "--tag", "VIP"], False, []),
        (["reply", "--body", "We are back.", "--customer-visible"], False, ["--retries", "0"]),
    ],
    ids=["close", "tag", "reply"],
)
def test_an_outage_in_the_middle_is_waited_out(desk: Desk, verb: list[str], told: bool, more: list[str]) -> None:
    """Everything is away for two seconds: all is done in the end, exactly once, and no item failed or spent a retry."""
    ids = desk.open_ids()
    with outage(desk, 1.2, told=told) as server:
        answer = desk.here("conversations", *verb, "--where", QUERY, "--yes", "--json", "--progress", "none", "--workers", "15", *more)
    assert answer.code == 0, answer.err
    counts = answer.counts
    assert counts.get("done", 0) + counts.get("unchanged", 0) == counts["selected"] == len(ids)
    assert sum(kind["2+"] for kind in desk.box.audit()["kinds"].values()) == 0
    assert len(server.refused) <= 2 * 15 + 2 * server.seconds  # in the air, sent before the third refusal was heard, probes


def test_an_updater_with_its_own_http_waits_as_well(desk: Desk) -> None:
    """A person's own requests stop at the same door, and their items are done when Intercom is back."""
    import requests

    class Closer(IntercomBulkUpdater):
        def get_search_endpoint(self) -> str:
            return "conversations/search"

        def get_item_id(self, item: dict[str, Any]) -> str:
            return str(item["id"])

        def get_search_query(self, **_: Any) -> dict[str, Any]:
            return {"field": "state", "operator": "=", "value": "open"}

        def perform_action(self, item_id: str, **_: Any) -> Any:
            url = f"{self.base_url}/conversations/{item_id}/parts"
            body = {"message_type": "close", "type": "admin", "admin_id": self.admin_id}
            answer = requests.post(url, json=body, headers=self.headers, timeout=5)
            answer.raise_for_status()
            return answer

    wanted = len(desk.box.conversations(state="open"))
    with outage(desk, 1.2, told=False) as server, patch.dict("os.environ", {**desk.env}, clear=True):
        result = Closer().bulk_process(parallel_workers=15, progress="none", retries=0, patience=30)
    assert (result.success, result.failed) == (wanted, 0)
    assert len(server.refused) <= 2 * 15 + 2 * server.seconds  # in the air, sent before the third refusal was heard, probes


@pytest.mark.parametrize("order", ["outage on=write after=10 lasts=1", "status status=503 path=/parts$ count=5"], ids=["all", "second"])
@pytest.mark.parametrize("library", ["requests", "httpx"])
def test_two_requests_an_item_never_wait_for_each_other(desk: Desk, order: str, library: str) -> None:
    """The second request of an action goes under the permit that the action holds, so the run comes to its end."""
    sender = importlib.import_module(library)
    # One for all requests: httpx would read the list of certificates for each anew, 40 ms of CPU.
    trusted: dict[str, Any] = {"verify": ssl.create_default_context()} if library == "httpx" else {}

    class Closer(IntercomBulkUpdater):
        idempotent = True

        def get_search_endpoint(self) -> str:
            return "conversations/search"

        def get_item_id(self, item: dict[str, Any]) -> str:
            return str(item["id"])

        def get_search_query(self, **_: Any) -> dict[str, Any]:
            return {"field": "state", "operator": "=", "value": "open"}

        def perform_action(self, item_id: str, **_: Any) -> Any:
            url = f"{self.base_url}/conversations/{item_id}"
            who = {"type": "admin", "admin_id": self.admin_id}
            note = {**who, "message_type": "note", "body": "x"}
            close = {**who, "message_type": "close"}
            sender.post(f"{url}/reply", json=note, headers=self.headers, timeout=5, **trusted).raise_for_status()
            sender.post(f"{url}/parts", json=close, headers=self.headers, timeout=5, **trusted).raise_for_status()
            return {"id": item_id}

    wanted = len(desk.box.conversations(state="open"))
    kind, *words = order.split()
    desk.box.fault(kind, **{name: int(value) if value.isdigit() else value for name, value in (word.split("=") for word in words)})
    with patch.dict("os.environ", {**desk.env}, clear=True):
        result = Closer().bulk_process(progress="none", patience=30, deadline=60)
    assert (result.success, result.failed, result.in_doubt) == (wanted, 0, 0)


def test_an_updater_whose_library_follows_redirects(desk: Desk) -> None:
    """A write that was led to another address, and became a GET on the way, is no write that was carried out."""
    import requests

    class Noter(IntercomBulkUpdater):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            return requests.post(f"{self.base_url}/conversations/{item_id}/parts", json={}, headers=self.headers, timeout=5)

        def get_search_endpoint(self) -> str:
            return "conversations/search"

    ids = desk.open_ids()[:3]
    target = f"{desk.box.url}/me?token=secret"
    with (
        outage(desk, 0.0, told=False, redirect=lambda path: path.endswith("/parts"), leads_to=target),
        patch.dict("os.environ", {**desk.env}, clear=True),
    ):
        result = Noter().bulk_process(item_ids=ids, progress="none", retries=0)
    assert result.success == 0 and desk.writes() == 0


@pytest.mark.parametrize("stage", ["reading", "verifying", "dry run", "undo"])
def test_every_stage_waits(desk: Desk, stage: str) -> None:
    """Looks before a write, read-backs, dry runs and undo wait for a service that is away, and lose no item by it."""
    ids = desk.open_ids()
    (desk.home / "ids").write_text("\n".join(ids))
    command = ["conversations", "close", "--ids", "ids", "--yes", "--json", "--retries", "0", "--verify", "all", "--progress", "none"]
    if stage == "undo":
        command = ["undo", desk.close().run, "--yes", "--json", "--retries", "0", "--verify", "all"]
    if stage == "dry run":
        command.append("--dry-run")
    reads = {"reading": 10, "dry run": 10, "verifying": len(ids) + 10, "undo": 10}[stage]
    with outage(desk, 1.0, told=stage == "undo", after_reads=reads) as server:
        answer = desk.here(*command)
    assert server.refused and answer.code == 0, answer.err
    if stage == "dry run":
        assert answer.counts == {"selected": len(ids), "pending": len(ids)}
    else:
        assert answer.counts == {"selected": len(ids), "done": len(ids)}
        assert answer.json["verified"]["remaining"] == 0 and "unread" not in answer.json["verified"]


@pytest.mark.parametrize("command", [["conversations", "find", "--where", QUERY, "--json"], ["limits", "--json"]], ids=["find", "limits"])
def test_what_only_looks_waits_as_well(desk: Desk, command: list[str]) -> None:
    """A search, names and `GET /me` are asked again when Intercom is back; meanwhile the person is told why nothing happens."""
    with outage(desk, 1.5, told=False, after_reads=-1) as server:  # from the first request on, however late that comes
        answer = desk.here(*command)
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["ok"] is True
    assert "Intercom is not answering" in answer.err and "Intercom is back" in answer.err
    assert len(server.refused) <= 8


def test_patience_is_over(desk: Desk) -> None:
    """After --patience the run stops with exit 7; nothing failed, and what was not sent is pending and resumes."""
    ids = desk.open_ids()
    with outage(desk, 60.0, told=False) as server:
        answer = desk.close("--patience", "1s", "--retries", "0", "--workers", "4")
        assert (answer.code, answer.counts.get("failed", 0)) == (7, 0), answer.err
        assert answer.counts["pending"] >= len(ids) - 5 - 4
        assert "no good answer for 1 s" in answer.err
        server.end()
        again = desk.here("runs", "resume", answer.run, "--json")
    assert (again.code, again.counts) == (0, {"selected": len(ids), "done": len(ids)}), again.err
    desk.once("close", ids)


def test_a_time_that_is_too_far_away_is_told_at_once(desk: Desk) -> None:
    """Retry-After beyond patience: the run stops with exit 7 and names the time, and does not begin to wait."""
    with outage(desk, 3600.0, told=True) as server:
        answer = desk.close()
    assert answer.code == 7 and answer.counts.get("failed", 0) == 0
    assert "Intercom asks to wait until" in answer.err and "longer than the patience of 10 minutes" in answer.err
    assert len(server.refused) <= 16


@pytest.mark.parametrize("status", [429, 503])
def test_where_there_is_no_run_a_wait_is_told_in_the_same_words(desk: Desk, status: int) -> None:
    """Too long for patience: the time, and --patience; short: that it waits, and how long, whatever asks."""
    done = desk.close("--limit", "2")
    commands = [
        ("conversations", "find", "--where", QUERY), ("verify", done.run), ("undo", done.run, "--dry-run"), ("doctor",),
        ("conversations", "assign", "--to-team", "Billing", "--where", QUERY, "--dry-run"),
    ]  # fmt: skip
    for command in commands:
        desk.box.clear_faults()
        desk.box.fault("status", status=status, retry_after=3600)
        if command[0] != "doctor":
            answer = desk.here(*command)
            assert answer.code == 7 and "asks to wait until" in answer.err and "longer than the patience" in answer.err, answer.err
            assert "The rate limit was used up" not in answer.err
            continue
        desk.box.clear_faults()
        desk.box.fault("status", status=status, retry_after=2, count=1)
        answer = desk.here(*command)
        assert answer.code == 0 and "Intercom asks to wait 0:02." in answer.err, answer.err
    desk.box.clear_faults()


def test_what_happens_is_told_in_events(desk: Desk) -> None:
    """--jsonl says when Intercom goes away and comes back, and progress meanwhile names it as what limits the run."""
    with outage(desk, 1.5, told=True):
        answer = desk.here("conversations", "close", "--where", QUERY, "--yes", "--jsonl", "--progress", "plain")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    kinds = [line["event"] for line in lines]
    away = next(line for line in lines if line["event"] == "service_away")
    assert away["reason"] == "asked" and 0 < away["again_in"] <= 4 and away["until"] > 1e9
    assert kinds.index("service_away") < kinds.index("service_back")
    waiting = [line for line in lines if line["event"] == "progress" and line.get("holds") == "service"]
    assert waiting and all(line["eta"] is None and line["away"]["giving_up_in"] > 0 for line in waiting)
    assert "Intercom asks to wait until" in answer.err and "held by budget" not in answer.err


@pytest.mark.parametrize("end", ["deadline", "Ctrl-C", "HUP"])
def test_waiting_can_be_ended(desk: Desk, end: str) -> None:
    """A deadline, the first Ctrl-C and a closed window end the waiting at once; nothing is lost."""
    ids = desk.open_ids()
    with outage(desk, 60.0, told=True) as server:
        more = ["--deadline", "4s"] if end == "deadline" else []
        process = desk.start("conversations", "close", "--where", QUERY, "--yes", "--json", *more)
        assert until(lambda: bool(server.refused), process)
        if end != "deadline":
            process.send_signal(signal.SIGINT if end == "Ctrl-C" else signal.SIGHUP)
        answer = desk.wait(process)
        assert answer.code == {"deadline": 7, "Ctrl-C": 130, "HUP": 143}[end], answer.err
        assert f"runs resume {answer.run}" in answer.err
        assert answer.counts.get("failed", 0) == 0 and answer.counts["pending"] > 0
        server.end()
        again = desk.here("runs", "resume", answer.run, "--json")
    assert (again.code, again.counts["done"]) == (0, len(ids)), again.err


def test_a_closed_window_drains_like_ctrl_c(desk: Desk) -> None:
    """HUP, twice as terminals send it, lets what is in flight finish: nothing is in doubt, and the run resumes."""
    ids = desk.open_ids()
    desk.switch(latency=0.1)
    process = desk.start("conversations", "close", "--where", QUERY, "--yes", "--json", "--workers", "2")
    assert until(lambda: desk.writes() >= 2, process)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGHUP)
    answer = desk.wait(process)
    assert (answer.code, answer.counts.get("in_doubt", 0)) == (143, 0), answer.err
    assert answer.counts["done"] == desk.writes() and answer.counts["pending"] > 0
    assert len(ids) == answer.counts["done"] + answer.counts["pending"]


def test_writes_that_a_gateway_refuses_while_reads_are_answered(desk: Desk) -> None:
    """503 on every write, with `GET /me` well: writes go one at a time until one comes through, and no item fails."""
    ids = desk.open_ids()
    rule = {"method": "POST", "path": "/parts$", "after": 5, "count": 12}
    desk.box.fault("status", status=503, **rule)
    answer = desk.close("--workers", "8", "--patience", "60s")
    assert desk.sent("/parts") <= len(ids) + 12
    assert answer.code == 0 and answer.counts == {"selected": len(ids), "done": len(ids)}, answer.err
    desk.once("close", ids)


@pytest.mark.parametrize(
    "orders",
    [
        [{"kind": "status", "status": 500, "on": "write", "after": 5, "lasts": 2}],
        [{"kind": "status", "status": 504, "on": "write", "after": 5, "lasts": 2}],
        [{"kind": "status", "status": 408, "on": "write", "after": 5, "lasts": 2}],
        [{"kind": "drop_before", "on": "write", "share": 0.6, "count": 20}],
        [{"kind": "html502", "on": "write", "share": 0.5, "count": 20}],
        [{"kind": "status", "status": 503, "on": "write", "share": 0.5}],
        [{"kind": "status", "status": 503, "on": "write", "share": 0.8}],
        [{"kind": "status", "status": 503, "on": "search", "count": 2}],
        [{"kind": "status", "status": 503, "on": "names", "count": 2}],
        [{"kind": "html200", "on": "search", "count": 2}],
        [{"kind": "html200", "after": 10, "lasts": 2}],
    ],
    ids=[
        "500", "504", "408", "60 % dropped", "half refused", "half to the end", "80 % to the end", "search", "names", "search is a page",
        "all is a page",
    ],
)
def test_a_class_of_requests_that_is_away_is_waited_out(desk: Desk, orders: list[dict[str, Any]]) -> None:
    """Only writes, searches or names fail, all of them or every other one: it costs no item anything, and each is done once."""
    ids = desk.open_ids()
    for order in orders:
        desk.box.fault(order["kind"], **{name: value for name, value in order.items() if name != "kind"})
    answer = desk.close("--workers", "8", "--patience", "60s", "--retries", "2")
    assert answer.code == 0 and answer.counts == {"selected": len(ids), "done": len(ids)}, (answer.code, answer.counts, answer.err)
    desk.once("close", ids)


def test_looks_that_are_away_leave_nothing_in_doubt(desk: Desk) -> None:
    """Answers to messages are lost, and so are the looks after that: the looks are waited for, and nothing is in doubt."""
    ids = desk.open_ids()
    desk.box.fault("drop_after", on="write", count=8)
    desk.box.fault("drop_before", on="look", lasts=2)
    reply = ["reply", "--body", "We are back.", "--customer-visible"]
    answer = desk.here("conversations", *reply, "--where", QUERY, "--yes", "--json", "--progress", "none", "--workers", "8")
    assert answer.code == 0 and answer.counts == {"selected": len(ids), "done": len(ids)}, (answer.code, answer.counts, answer.err)
    assert sum(kind["2+"] for kind in desk.box.audit()["kinds"].values()) == 0


def test_an_item_that_alone_always_fails_pays_for_itself(desk: Desk) -> None:
    """One item is answered 500 whatever happens, all others are well: it fails, and soon."""
    ids = desk.open_ids()
    desk.box.fault("status", status=500, on="write", ids=[ids[3]])
    answer = desk.close("--workers", "8", "--retries", "2")
    assert answer.code == 3 and answer.counts == {"selected": len(ids), "done": len(ids) - 1, "failed": 1}, answer.err
    assert desk.sent("/parts") == len(ids) + 2


@pytest.mark.parametrize("left", [1, 30], ids=["the last item", "thirty items"])
def test_a_firewall_in_the_middle_never_fails_an_item(desk: Desk, left: int) -> None:
    """A refusal that Intercom did not write stops the run after a few, however many items are left; none has failed.

    Whoever refused a write may have let it through first, so those are in doubt until they are looked at.
    """
    ids = desk.open_ids()
    desk.box.fault("status", status=403, shape="html", on="write", after=len(ids) - left)
    answer = desk.close("--workers", "4")
    counts = dict(answer.counts)
    unsure, pending = counts.pop("in_doubt"), counts.pop("pending", 0)
    assert answer.code == 7 and counts == {"selected": len(ids), "done": len(ids) - left}, answer.err
    assert unsure + pending == left and 1 <= unsure <= 5 + 4
    assert "firewall or proxy" in answer.err
    assert desk.sent("/parts") <= len(ids) - left + 5 + 2 * 4


def _find(desk: Desk, *more: str) -> Answer:
    return desk.here("conversations", "find", "--where", QUERY, "--json", "--retries", "0", *more)


def test_pages_that_are_too_slow_get_smaller(desk: Desk) -> None:
    """A page that is slower than the timeout is asked for with half its size, and the size that works is kept."""
    desk.box.add_conversations(200, team=5001, state="open")
    ids = desk.open_ids()
    with outage(desk, 0.0, told=False, slow_from=60) as server:
        answer = _find(desk, "--timeout", "0.4")
    assert answer.code == 0, answer.err
    assert len(json.loads(answer.out)["items"]) == len(ids)
    assert server.sizes[:3] == [150, 75, 37] and set(server.sizes[3:]) == {37}


def test_the_smallest_page_is_too_slow(desk: Desk) -> None:
    """Twenty items a page is the least; then the search breaks off, and says neither that anything was carried out nor may have been."""
    with outage(desk, 0.0, told=False, slow_from=1) as server:
        answer = _find(desk, "--timeout", "0.3")
    assert answer.code == 7
    assert server.sizes[-1] == 20 and sorted(set(server.sizes), reverse=True) == [150, 75, 37, 20]
    assert "20 items a page" in answer.err and "carried out" not in answer.err


def test_a_redirect_is_an_error_that_names_its_target(desk: Desk) -> None:
    """Nothing of a 3xx is believed: neither an empty list for a search, nor a write that looks done."""
    ids = desk.open_ids()
    with outage(desk, 0.0, told=False, redirect=lambda path: path.endswith("/search")):
        found = _find(desk)
    assert found.code not in (0, 2) and "login.example.test" in found.err and "secret" not in found.err
    with outage(desk, 0.0, told=False, redirect=lambda path: path.endswith("/parts")):
        answer = desk.close("--verify", "none")
    assert answer.code != 0 and not answer.counts.get("done")
    assert len(desk.open_ids()) == len(ids)
    assert "login.example.test" in json.dumps(answer.json) and "secret" not in answer.out


def test_an_http_date_is_a_time_to_wait_for(desk: Desk) -> None:
    """429 with Retry-After as an HTTP date: next to nothing is sent before that time, as with seconds."""
    ids = desk.open_ids()
    with outage(desk, 3.0, told=True, status=429, as_date=True) as server:
        answer = desk.close("--workers", "8")
    assert (answer.code, answer.counts.get("done")) == (0, len(ids)), answer.err
    assert len(server.refused) <= 8 + 6
