"""Where the verbs of contacts can go wrong, by what Intercom says of their endpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .desk import Desk

SANDBOX = {"conversations": 60, "contacts": 80, "companies": 30, "latency": 0.0, "jitter": 0.0}
PLAIN = ("--json", "--progress", "none")
GO = ("--ids", "ids", "--yes", *PLAIN)


def ids_of(desk: Desk, number: int = 2, **filters: Any) -> list[str]:
    """So many contacts, in the file `ids`."""
    ids = [str(one["id"]) for one in desk.box.contacts(**filters) if not one["archived"]][:number]
    (desk.home / "ids").write_text("\n".join(ids))
    return ids


def held(desk: Desk, contact: str, name: str) -> Any:
    """What the server holds of a contact."""
    return next((one[name] for one in desk.box.contacts() if one["id"] == contact), None)


def test_whoever_unsubscribes_from_an_opt_out_type_is_attached_to_it(desk: Desk) -> None:
    """There attaching opts out: unsubscribe attaches, subscribe detaches, the preview names the consent, undo goes back."""
    one, two = ids_of(desk)
    dry = desk.here("contacts", "unsubscribe", "--subscription", "Product updates", "--ids", "ids", "--dry-run", *PLAIN)
    assert dry.json["run"]["words"] == "unsubscribe contacts (Product updates (37847, opt-out))"
    assert "unsubscribed from Product updates (37847, opt-out)" in str(dry.json["review"]["groups"])
    out = desk.here("contacts", "unsubscribe", "--subscription", "Product updates", *GO)
    assert (out.code, out.counts) == (0, {"selected": 2, "done": 2}), out.err
    assert [held(desk, contact, "subscriptions") for contact in (one, two)] == [["37847"]] * 2
    into = desk.here("contacts", "subscribe", "--subscription", "37847", *GO)
    assert into.counts == {"selected": 2, "done": 2} and held(desk, one, "subscriptions") == [], into.err
    assert desk.here("undo", into.run, "--yes", *PLAIN).code == 0 and held(desk, two, "subscriptions") == ["37847"]
    unknown = desk.here("contacts", "subscribe", "--subscription", "News", *GO)
    assert unknown.code == 2 and "no subscription 'News' among 3 subscriptions. Nearest: Newsletter (37846)" in unknown.err, unknown.err


def test_a_contact_of_many_companies_is_read_to_its_last_page(desk: Desk) -> None:
    """It carries ten of them: the others are read before it is said that one is missing, and undo takes only ours away."""
    (one,) = ids_of(desk, 1, role="user")
    companies = [company["company_id"] for company in desk.box.companies()]
    (desk.home / "s.csv").write_text("\n".join(["id,company", f"{one},{companies[0]}"]))
    had = len(held(desk, one, "companies"))
    for company in companies[:14]:
        desk.here("contacts", "attach-company", "--company", company, *GO)
    assert len(held(desk, one, "companies")) == max(14, had)
    again = desk.here("contacts", "attach-company", "--company", companies[13], *GO)
    assert again.counts == {"selected": 1, "unchanged": 1}, again.err
    last = desk.here("contacts", "attach-company", "--company", companies[20], *GO)
    assert desk.here("undo", last.run, "--yes", *PLAIN).counts == {"selected": 1, "done": 1}
    assert len(held(desk, one, "companies")) == max(14, had)


def test_a_company_goes_by_either_id_and_is_named(desk: Desk) -> None:
    """Intercom's own or the customer's; one that does not exist is refused before anything is sent."""
    ids_of(desk)
    company = desk.box.companies()[3]
    for typed in (company["id"], company["company_id"]):
        dry = desk.here("contacts", "attach-company", "--company", typed, "--ids", "ids", "--dry-run", *PLAIN)
        assert dry.json["run"]["words"] == f"attach a company to contacts ({company['name']} ({company['id']}))"
    written = desk.writes()
    for typed in ("acme-no", ".."):
        refused = desk.here("contacts", "attach-company", "--company", typed, *GO)
        assert refused.code == 2 and f"no company with the id or company_id '{typed}'" in refused.err, refused.err
    assert desk.writes() == written


def test_only_duplicates_are_merged_unless_it_is_said(desk: Desk) -> None:
    """2.16: each lead fails by itself with Intercom's reason, and the word for the rest is --skip-duplicate-validation."""
    lead, user = ids_of(desk, 1, role="lead")[0], desk.box.contacts(role="user")[0]["id"]
    merge = ("contacts", "merge", "--into", user, "--irreversible", *GO)
    refused = desk.here(*merge)
    assert (refused.code, refused.counts) == (3, {"selected": 1, "failed": 1}), refused.err
    assert "shares no e-mail address or phone number" in refused.json["failures"][0]["example"]["message"]
    assert desk.here(*merge, "--dry-run").counts == refused.counts and desk.writes() == 0
    done = desk.here(*merge, "--skip-duplicate-validation")
    assert (done.code, done.counts) == (0, {"selected": 1, "done": 1}), done.err
    assert held(desk, lead, "merged_into") == user
    again = desk.here(*merge, "--skip-duplicate-validation")
    assert again.counts == {"selected": 1, "unchanged": 1}, again.err
    other = desk.here("contacts", "merge", "--into", desk.box.contacts(role="user")[1]["id"], "--irreversible", *GO)
    assert other.code == 3 and other.counts == {"selected": 1, "failed": 1}, other.err


def test_where_a_merged_lead_is_404_the_user_tells(desk: Desk) -> None:
    """Intercom's reference says both 410 and 404: a lost answer is found out all the same."""
    desk.switch(merged_contact="404")
    ids_of(desk, 4, role="lead")
    user = desk.box.contacts(role="user")[0]["id"]
    desk.box.fault("drop_after", path="/contacts/merge", on="write", count=2)
    done = desk.here("contacts", "merge", "--into", user, "--skip-duplicate-validation", "--irreversible", *GO)
    assert (done.code, done.counts) == (0, {"selected": 4, "done": 4}), done.err
    assert desk.written("merge")["writes"] == 4 and desk.here("verify", "latest").code == 0


def test_a_lead_cannot_be_merged_into_a_lead(desk: Desk) -> None:
    """Nor a user into anybody: refused by Intercom, item by item, and nothing of it stands."""
    ids_of(desk, 2, role="user")
    user = desk.box.contacts(role="user")[5]["id"]
    done = desk.here("contacts", "merge", "--into", user, "--skip-duplicate-validation", "--irreversible", *GO)
    assert (done.code, done.counts) == (3, {"selected": 2, "failed": 2}), done.err


@pytest.mark.parametrize("again", ["404", "200"])
def test_what_is_deleted_leaves_its_notes_in_the_backup(desk: Desk, again: str) -> None:
    """A contact names its notes by id alone: the backup has their words, and a second delete finds nothing to do."""
    desk.switch(second_delete=again)
    one, two = ids_of(desk)
    desk.here("contacts", "note", "--body", "Asked to be forgotten.", *GO)
    done = desk.here("contacts", "delete", "--irreversible", *GO)
    assert (done.code, done.counts) == (0, {"selected": 2, "done": 2}), done.err
    kept = [json.loads(line) for line in Path(done.json["backup"]["file"]).read_text().splitlines()]
    assert {row["id"]: row["notes"]["data"][0]["body"] for row in kept} == dict.fromkeys((one, two), "<p>Asked to be forgotten.</p>")
    assert held(desk, one, "id") is None and desk.here("verify", "latest").code == 0
    twice = desk.here("contacts", "delete", "--irreversible", *GO)
    assert twice.counts == {"selected": 2, "unchanged": 2}, twice.err


@pytest.mark.parametrize("verb", ["merge", "delete", "block"])
def test_what_nothing_brings_back_asks_for_a_word_more(desk: Desk, verb: str) -> None:
    """--irreversible, also with --yes: exit 5 without it, and nothing was sent."""
    (one,) = ids_of(desk, 1, role="lead")
    words = ["--into", one] if verb == "merge" else []
    written = desk.writes()
    refused = desk.here("contacts", verb, *words, *GO)
    assert refused.code == 5 and "--irreversible" in refused.err and desk.writes() == written
