"""The way back of `upsert`: what it created goes only where nobody has built on it since, and what goes for good is kept whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from acceptance.desk import Desk
from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.model import Item
from intercom_bulk_updater.operations.companies.upsert import UpsertCompanies
from intercom_bulk_updater.operations.upsert import UndoUpsert

from .network import MemorySandbox

PLAIN = ("--json", "--progress", "none")


KEYS = {"companies": "company_id", "contacts": "external_id"}
Touch = Callable[[Client, str, MemorySandbox], object]
NOTE = {"body": "n", "admin_id": "991267700"}
TOUCHED: dict[str, tuple[str, str, Touch]] = {
    "users": ("companies", "user count", lambda them, one, box: them.post(f"contacts/{people(box)[0]}/companies", {"id": one})),
    "a note on a company": ("companies", "notes", lambda them, one, _: them.post(f"companies/{one}/notes", NOTE)),
    "a tag of a company": ("companies", "tags", lambda them, one, _: them.post("tags", {"name": "vip", "companies": [{"id": one}]})),
    "a plan": ("companies", "plan", lambda them, one, _: them.put(f"companies/{one}", {"plan": "Gold"})),
    "an attribute": ("companies", "tier", lambda them, one, _: them.put(f"companies/{one}", {"custom_attributes": {"tier": "gold"}})),
    "an e-mail address": ("contacts", "email", lambda them, one, _: them.put(f"contacts/{one}", {"email": "real@customer.test"})),
    "a note on a contact": ("contacts", "notes", lambda them, one, _: them.post(f"contacts/{one}/notes", NOTE)),
    "a company": ("contacts", "companies", lambda them, one, box: them.post(f"contacts/{one}/companies", {"id": box.companies()[0]["id"]})),
    "a message of the contact": ("contacts", "last replied at", lambda them, one, _: them.post("conversations", wrote(one))),
}
"""What somebody does with an item that a run has created: of which resource, what is said of it, and how."""


def people(box: MemorySandbox) -> list[str]:
    """The ids of the users."""
    return [str(one["id"]) for one in box.contacts(role="user")]


def wrote(one: str) -> dict[str, Any]:
    """What the contact writes."""
    return {"from": {"type": "user", "id": one}, "body": "help"}


def created(desk: Desk, resource: str, *more: str) -> tuple[str, dict[str, str]]:
    """A run that created two items; and their ids by their keys."""
    key = KEYS[resource]
    (desk.home / "new.csv").write_text("\n".join([f"{key},name", "q1,New", "q2,New", *more]))
    done = desk.here(resource, "upsert", "name={{name}}", "--csv", "new.csv", "--id-column", key, "--yes", "--verify", "none", *PLAIN)
    assert done.code == 0, done.err
    return done.run, {str(one[key]): str(one["id"]) for one in getattr(desk.box, resource)() if str(one[key]).startswith("q")}


def gone(desk: Desk, resource: str, one: str) -> bool:
    """Whether it was taken away."""
    row: dict[str, Any] = next(row for row in getattr(desk.box, resource)() if row["id"] == one)
    return bool(row.get("deleted") or row.get("archived"))


@pytest.mark.parametrize("name", TOUCHED)
def test_what_others_have_built_on_is_left_alone(desk: Desk, others: Client, box: MemorySandbox, name: str) -> None:
    """The dry run says so, too; `--on-drift force` takes it away all the same."""
    resource, field, touch = TOUCHED[name]
    run, ids = created(desk, resource)
    touch(others, ids["q1"], box)
    looked = desk.here("undo", run, "--dry-run", *PLAIN)
    assert looked.counts == {"selected": 2, "pending": 1, "drifted": 1}, looked.err
    undo = desk.here("undo", run, "--yes", "--irreversible", *PLAIN)
    assert undo.counts == {"selected": 2, "done": 1, "drifted": 1}, undo.err
    desk.here("runs", "export", undo.run, "--outcome", "drifted", "-o", "left.json")
    assert field in (desk.home / "left.json").read_text()
    assert (gone(desk, resource, ids["q1"]), gone(desk, resource, ids["q2"])) == (False, True)
    forced = desk.here("undo", run, "--yes", "--irreversible", "--on-drift", "force", *PLAIN)
    assert forced.counts == {"selected": 1, "done": 1} and gone(desk, resource, ids["q1"]), forced.err


def test_who_merely_visits_is_not_built_on(desk: Desk, others: Client) -> None:
    """A contact whom the site has seen since it was created goes with the others; who set something besides does not."""
    run, ids = created(desk, "contacts")
    for one, more in ((ids["q1"], {}), (ids["q2"], {"phone": "+15550100"})):
        others.put(f"contacts/{one}", {"last_seen_at": int(desk.box.contact(one)["created_at"]) + 3600, **more})
    undo = desk.here("undo", run, "--yes", *PLAIN)
    assert undo.counts == {"selected": 2, "done": 1, "drifted": 1}, undo.err
    assert (gone(desk, "contacts", ids["q1"]), gone(desk, "contacts", ids["q2"])) == (True, False)


def test_what_goes_for_good_asks_for_it_and_is_kept_whole(desk: Desk, others: Client) -> None:
    """As any deletion does; its preview promises no way back, and nothing offers to undo the undo."""
    run, ids = created(desk, "companies")
    assert desk.here("runs", "show", run, "--json").json["next"][-1] == f"intercom-bulk undo {run} --irreversible"
    refused = desk.here("undo", run, "--yes", *PLAIN)
    assert refused.code == 5 and "--irreversible" in refused.err and not gone(desk, "companies", ids["q1"]), refused.err
    looked = desk.here("undo", run, "--dry-run")
    said = " ".join(looked.err.split())
    assert "way back none: irreversible" in said and "each item whole" in said, looked.err
    others.post(f"companies/{ids['q1']}/notes", {"body": "important", "admin_id": "991267700"})
    undo = desk.here("undo", run, "--yes", "--irreversible", "--on-drift", "force", "--progress", "none")
    assert undo.code == 0 and "To take it back" not in undo.err, undo.err
    (kept,) = (desk.home / "backups").iterdir()
    rows = {row["id"]: row for row in map(json.loads, kept.read_text().splitlines())}
    assert set(rows) == set(ids.values()) and rows[ids["q1"]]["notes"]["notes"][0]["body"] == "<p>important</p>"
    last = kept.stem
    for word in ("--dry-run", "--yes"):
        back = desk.here("undo", last, word, *PLAIN)
        assert back.code == 5 and "cannot bring a deleted company back" in back.err, back.err


def test_an_undo_that_only_restores_fields_asks_for_nothing(desk: Desk) -> None:
    """A companies upsert that found every company: its undo, and the undo of that, are as of any `set`."""
    there = next(one for one in desk.box.companies() if one["users"])
    (desk.home / "new.csv").write_text(f"company_id,name\n{there['company_id']},Another")
    done = desk.here("companies", "upsert", "name={{name}}", "--csv", "new.csv", "--id-column", "company_id", "--yes", *PLAIN)
    undo = desk.here("undo", done.run, "--yes", *PLAIN)
    assert undo.counts == {"selected": 1, "done": 1} and undo.json["next"] == [f"intercom-bulk undo {undo.run}"], undo.err
    again = desk.here("undo", undo.run, "--yes", *PLAIN)
    assert again.counts == {"selected": 1, "done": 1}, again.err
    assert desk.box.company(str(there["id"]))["name"] == "Another"


def test_what_was_there_before_is_restored_without_what_goes_for_good(desk: Desk) -> None:
    """Of a companies upsert that created one and changed another: how many are left out is said, with the flag that takes them back."""
    there = next(one for one in desk.box.companies() if one["users"])
    run, ids = created(desk, "companies", f"{there['company_id']},Renamed")
    for word in ("--dry-run", "--yes"):
        undo = desk.here("undo", run, word, *PLAIN)
        assert undo.counts == {"selected": 1, "pending" if word == "--dry-run" else "done": 1}, undo.err
        left = f"Left out: 2 items that {run} created, as what goes does not come back."
        assert left in undo.err and f"intercom-bulk undo {run} --irreversible" in undo.err, undo.err
    assert desk.box.company(str(there["id"]))["name"] == there["name"] and not gone(desk, "companies", ids["q1"])
    assert desk.here("runs", "show", run, "--json").json["next"][-1] == f"intercom-bulk undo {run} --irreversible"
    again = desk.here("undo", undo.run, "--yes", *PLAIN)
    assert again.counts == {"selected": 1, "done": 1} and desk.box.company(str(there["id"]))["name"] == "Renamed", again.err
    whole = desk.here("undo", run, "--yes", "--irreversible", *PLAIN)
    assert whole.counts == {"selected": 3, "done": 3} and "Left out" not in whole.err, whole.err
    assert gone(desk, "companies", ids["q1"]) and desk.box.company(str(there["id"]))["name"] == there["name"]


def test_what_was_brought_back_is_looked_at_again(desk: Desk, others: Client) -> None:
    """Created, archived by an undo, unarchived by the undo of that, given a note: the next undo leaves that one alone."""
    run, ids = created(desk, "contacts")
    undo = desk.here("undo", run, "--yes", *PLAIN)
    back = desk.here("undo", undo.run, "--yes", *PLAIN)
    assert back.counts == {"selected": 2, "done": 2}, back.err
    others.post(f"contacts/{ids['q2']}/notes", {"body": "n", "admin_id": "991267700"})
    last = desk.here("undo", back.run, "--yes", *PLAIN)
    assert last.counts == {"selected": 2, "done": 1, "drifted": 1}, last.err
    assert (gone(desk, "contacts", ids["q1"]), gone(desk, "contacts", ids["q2"])) == (True, False)


def test_whom_others_created_a_moment_before_is_theirs(desk: Desk, others: Client) -> None:
    """Intercom refuses a second one: as the row says already, or set; no undo archives them. Who is ours, goes."""
    desk.switch(contact_lag=600.0)
    names = ("New", "Theirs")
    theirs = [others.post("contacts", {"role": "user", "email": f"n{n}@new.test", "name": name})["id"] for n, name in enumerate(names)]
    (desk.home / "new.csv").write_text("email,name\n" + "".join(f"n{place}@new.test,New\n" for place in range(3)))
    done = desk.here("contacts", "upsert", "name={{name}}", "--csv", "new.csv", "--id-column", "email", "--yes", *PLAIN)
    assert done.counts == {"selected": 3, "unchanged": 1, "done": 2}, done.err
    undo = desk.here("undo", done.run, "--yes", *PLAIN)
    assert undo.counts == {"selected": 2, "done": 2}, undo.err
    assert [desk.box.contact(one)["name"] for one in theirs] == ["New", "Theirs"]
    assert [one["email"] for one in desk.box.contacts() if one["archived"] and "@new.test" in str(one["email"])] == ["n2@new.test"]


@pytest.mark.parametrize("more", [{"plan": "Gold"}, {"custom_attributes": {"tier": "gold"}}])
def test_a_company_that_others_created_a_moment_before_is_theirs(desk: Desk, others: Client, more: dict[str, Any]) -> None:
    """Intercom answers as if it were created; what it shows beyond what was sent is not ours, and no undo deletes it."""
    theirs = others.post("companies", {"company_id": "q1", "name": "New", **more})["id"]
    desk.box.fault("status", status=404, method="GET", path="/companies$", count=2)
    (desk.home / "new.csv").write_text("company_id,name\nq1,New")
    done = desk.here("companies", "upsert", "name={{name}}", "--csv", "new.csv", "--id-column", "company_id", "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 1, "unchanged": 1}), done.err
    desk.here("undo", done.run, "--yes", "--irreversible", *PLAIN)
    assert not gone(desk, "companies", theirs)


def test_a_company_that_two_runs_took_for_theirs_is_left_alone() -> None:
    """Both created it in one second, with the same values: the journal knows of both, as far as they are in it."""
    undo = UndoUpsert(UpsertCompanies({"name": "New"}, "company_id"))
    left = {"company": "there", "id": "c-1", "name": "New"}
    made = {"company_id": "q1", "name": "New", "updated_at": 9}
    item = Item(1, "c-1", left, {"to": {"company": "missing", "name": None}, "marks": {"made": made}})
    both = [("run-2", {**left, "made": made}), ("run-1", {**left, "made": made}), ("run-0", {**left, "id": "c-0", "made": made})]
    for runs, said in ((both, "run-1 and run-2 have both written it"), (both[1:], "")):
        undo.earlier = {"q1": runs}.__getitem__
        drift = undo.drift({"id": "c-1", **made}, item)
        assert said in drift and bool(said) == bool(drift), drift
