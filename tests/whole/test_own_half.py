"""What a run has written of an item itself, and not to the end, is no change of others: no item is left alone for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from acceptance.desk import Desk, at_desk
from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.runs.session import open_session
from intercom_bulk_updater.settings import load
from intercom_bulk_updater.stop import Stop

from .network import MemorySandbox

PLAIN = ("--json", "--progress", "none")
BOTH = ("--irreversible", "--customer-visible")
VERBS: dict[str, tuple[str, ...]] = {
    "conversations redact --all": (),
    "conversations tag": ("--tag", "7001", "--tag", "7003", "--tag", "7004"),
    "conversations assign": ("--to-team", "5003", "--to-admin", "991267702"),
    "conversations assign --keep-state": ("--to-team", "5003", "--to-admin", "991267702"),
    "tickets assign": ("--to-team", "5003", "--to-admin", "991267702"),
    "contacts tag": ("--tag", "7001", "--tag", "7003", "--tag", "7004"),
}
HALVES: dict[str, dict[str, Any]] = {
    "lost at first": {"kind": "drop_after"},
    "lost in the middle": {"kind": "drop_after", "after": 1},
    "refused in the middle": {"kind": "status", "status": 503, "after": 1},
    "too many in the middle": {"kind": "status", "status": 429, "after": 1},
    "stopped in the middle": {"kind": "status", "status": 401, "after": 1},
}


@pytest.fixture
def desk(box: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(box, tmp_path) as made:
        yield made


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("verb", VERBS)
def test_an_own_half_is_no_change_of_others(desk: Desk, verb: str, half: str) -> None:
    """A plan compares each item with what it was: what the run itself has made of it meanwhile is done to its end."""
    noun = verb.split()[0]
    desk.switch(team_assign_clears_admin=True)
    rows: list[dict[str, Any]] = getattr(desk.box, noun)(**{"state": "open"} if noun == "conversations" else {})
    ids = [str(one["id"]) for one in rows if not one.get("archived")][:2]
    (desk.home / "ids").write_text("\n".join(ids))
    planned = desk.here(*verb.split(), *VERBS[verb], "--ids", "ids", "--plan", "p.jsonl", *PLAIN)
    assert planned.code == 0, planned.err
    fault = dict(HALVES[half])
    desk.box.fault(fault.pop("kind"), on="write", count=1, **fault)
    done = desk.here("apply", "p.jsonl", "--yes", *BOTH, "--timeout", "3", "--workers", "1", "--verify", "none", *PLAIN)
    desk.box.clear_faults()
    if done.counts.get("done") != 2:
        done = desk.here("runs", "resume", done.run, "--yes", *BOTH, "--verify", "none", *PLAIN)
    assert done.counts == {"selected": 2, "done": 2}, done.err


def test_a_half_that_stands_is_in_doubt_where_others_came_between(desk: Desk) -> None:
    """Left alone as it is, for others have changed it since; but *drifted* would say that nothing of the run stands."""
    (desk.home / "ids").write_text(one := str(desk.box.conversations(state="open")[0]["id"]))
    assert desk.here("conversations", "redact", "--all", "--ids", "ids", "--plan", "p.jsonl", *PLAIN).code == 0
    desk.box.fault("status", status=401, on="write", after=1, count=1)
    done = desk.here("apply", "p.jsonl", "--yes", *BOTH, "--verify", "none", *PLAIN)
    desk.box.clear_faults()
    with open_session(load(), Options(), Stop(None)) as session:
        session.client.put(f"conversations/{one}", {"title": "Another"})
    done = desk.here("runs", "resume", done.run, "--yes", *BOTH, "--verify", "none", *PLAIN)
    assert done.counts == {"selected": 1, "in_doubt": 1}, done.err
    assert "it has changed since: title changed" in done.json["failures"][0]["example"]["message"]


def test_what_was_refused_and_not_asked_again_is_in_doubt(desk: Desk) -> None:
    """The run stops before an item whose refusal is not believed is asked a second time: it may stand, and an undo takes it back."""
    ids = [str(one["id"]) for one in desk.box.contacts() if not one["archived"] and one["role"] == "user"][:40]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("error_after", on="write", status=409)
    done = desk.here("contacts", "archive", "--ids", "ids", "--yes", "--max", "100%", "--verify", "none", *PLAIN)
    desk.box.clear_faults()
    gone = {str(one["id"]) for one in desk.box.contacts() if one["archived"]} & set(ids)
    assert done.counts["in_doubt"] == len(gone) > 0, done.err
    back = desk.here("undo", done.run, "--yes", "--verify", "none", *PLAIN)
    assert back.counts == {"selected": len(gone), "done": len(gone)}, back.err
    assert not {str(one["id"]) for one in desk.box.contacts() if one["archived"]} & set(ids)


@pytest.mark.parametrize(("noun", "body"), [
    ("contacts", '{"last_seen_at": "1700000000"}'), ("contacts", '{"signed_up_at": "1700000000"}'),
    ("companies", '{"plan": "Platinum"}'), ("companies", '{"name": "Zulu", "plan": "Platinum"}'),
    ("tickets", '{"ticket_attributes": {"_default_title_": "Another"}}'), ("tickets", '{"assignee_id": 5003}'),
])  # fmt: skip
def test_what_is_shown_otherwise_than_it_was_sent_is_looked_at(desk: Desk, noun: str, body: str) -> None:
    """A plan by its name, a moment in digits, an attribute of a ticket, whoever is assigned: refused and done, it is done."""
    rows: list[dict[str, Any]] = getattr(desk.box, noun)()
    (desk.home / "ids").write_text("\n".join([str(one["id"]) for one in rows if not one.get("archived")][:2]))
    desk.box.fault("error_after", status=409, on="write", count=2)
    done = desk.here("each", noun, "PUT", f"{noun}/{{{{id}}}}", body, "--ids", "ids", "--yes", *BOTH, "--verify", "all", *PLAIN)
    desk.box.clear_faults()
    assert done.counts == {"selected": 2, "done": 2}, done.err
    assert not done.json["verified"].get("undecided"), done.err


@pytest.mark.parametrize("body", ['{"open": false}', '{"is_shared": true}'])
def test_what_was_so_before_its_write_was_refused_is_unchanged(desk: Desk, body: str) -> None:
    """Of `each`, which keeps marks of the fields that it writes: not *done*, for the run may have done nothing."""
    (desk.home / "ids").write_text("\n".join([str(one["id"]) for one in desk.box.tickets()][:2]))
    put = ("each", "tickets", "PUT", "tickets/{{id}}", body, "--ids", "ids", "--yes", *BOTH, "--verify", "none", *PLAIN)
    assert desk.here(*put).counts == {"selected": 2, "done": 2}
    desk.box.fault("error_after", status=409, on="write", count=2)
    done = desk.here(*put)
    desk.box.clear_faults()
    assert done.counts == {"selected": 2, "unchanged": 2}, done.err


class Labels(bulk.IntercomBulkUpdater):
    """Puts two tags on, one request each."""

    idempotent = True

    def get_search_endpoint(self) -> str:
        """Of conversations."""
        return "conversations/search"

    def before(self, item: dict[str, Any]) -> dict[str, Any]:
        """The tags that it has."""
        return {"tags": [str(tag["id"]) for tag in item["tags"]["tags"]]}

    def change(self, item_id: str, before: dict[str, Any], **_: Any) -> dict[str, Any]:
        """With both."""
        wanted = sorted({*before["tags"], "7003", "7004"})
        return {} if wanted == before["tags"] else {"tags": (before["tags"], wanted)}

    def perform_action(self, item_id: str, **_: Any) -> bool:
        """One after the other."""
        for tag in ("7003", "7004"):
            self.client.post(f"conversations/{item_id}/tags", {"id": tag, "admin_id": self.client.actor()})
        return True


@pytest.mark.parametrize("half", ["lost at first", "refused in the middle", "stopped in the middle"])
def test_an_own_half_of_own_code_is_no_change_of_others(box: MemorySandbox, half: str) -> None:
    """As of the verbs: what lies between `before` and what `change` announces is its own."""
    ids = [str(one["id"]) for one in box.conversations(state="open") if not one["tags"]][:2]
    bulk.plan(Labels, ids=ids, file="p.jsonl")
    fault = dict(HALVES[half])
    box.fault(fault.pop("kind"), on="write", count=1, **fault)
    try:
        run = bulk.apply("p.jsonl", timeout=3, workers=1)
    except bulk.IntercomBulkError as stopped:
        assert stopped.run is not None
        run = stopped.run
        run.resume()
    assert run.counts.done == 2, [(one.outcome, one.message or one.note) for one in run.items()]
