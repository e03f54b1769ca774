"""Answers of another shape than the API's, taken for no answer; and one answer that another contradicts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater import errors

from .network import MemorySandbox

VIP = "7001"
NO_IDS: tuple[Any, ...] = (None, 1.5)
SPOILT_TAGS: tuple[Any, ...] = ({"name": 7}, {"id": "7002"}, {"id": None})
NO_PARTS: tuple[Any, ...] = ({"total_count": 3}, {"conversation_parts": None})
NO_TAGS: tuple[Any, ...] = ({}, {"tags": [{"id": None}]})


def users(box: MemorySandbox, count: int = 4) -> list[str]:
    """Contacts without the tag."""
    return [row["id"] for row in box.contacts(role="user") if int(VIP) not in row["tags"]][:count]


def tagged(box: MemorySandbox, ids: list[str]) -> list[bool]:
    """Whether each has the tag, and no other than before stands anywhere."""
    assert len(box.tags()) == 12
    rows = {row["id"]: row["tags"] for row in box.contacts()}
    return [int(VIP) in rows[one] for one in ids]


@pytest.mark.parametrize("spoilt", [{"name": "vi?"}, *SPOILT_TAGS], ids=str)
def test_a_tag_that_is_spoilt_once_is_read_again(box: MemorySandbox, spoilt: dict[str, Any]) -> None:
    """POST /tags goes by the name, and would make another tag of it."""
    ids = users(box)
    box.fault("fields", path=f"/tags/{VIP}$", set=spoilt, count=1)
    run = bulk.run("contacts.tag", ids=ids, tag=[VIP])
    assert run.counts.done == 4 and all(tagged(box, ids))


@pytest.mark.parametrize("spoilt", SPOILT_TAGS, ids=str)
def test_a_tag_that_stays_spoilt_is_not_put_on(box: MemorySandbox, spoilt: dict[str, Any]) -> None:
    """Nothing is written by a name that nobody vouches for; the same run goes on from there."""
    ids = users(box)
    box.fault("fields", path=f"/tags/{VIP}$", set=spoilt)
    with pytest.raises(errors.BadAnswer) as caught:
        bulk.run("contacts.tag", ids=ids, tag=[VIP])
    assert not any(tagged(box, ids))
    box.clear_faults()
    assert caught.value.run is not None and caught.value.run.resume().counts.done == 4 and all(tagged(box, ids))


def test_a_tag_that_was_renamed_is_put_on_by_its_new_name(box: MemorySandbox) -> None:
    """Said twice alike, it is no lie: the list of tags was read before."""
    ids = users(box)
    old = [{"type": "tag", "id": VIP, "name": "very important"}]
    box.fault("wrong", path="/tags$", method="GET", value={"type": "list", "data": old})
    assert bulk.run("contacts.tag", ids=ids, tag=["very important"]).counts.done == 4 and all(tagged(box, ids))


@pytest.mark.parametrize("rows", [[], [1.5], [{"id": None, "tagged": True}]], ids=str)
def test_items_that_a_write_leaves_out_are_looked_at(box: MemorySandbox, rows: Any) -> None:
    """They were tagged, and are not called gone."""
    ids = users(box)
    box.fault("fields", path="/tags$", method="POST", set={"users": rows}, count=1)
    run = bulk.run("contacts.tag", ids=ids, tag=[VIP])
    assert run.counts.done == 4 and all(tagged(box, ids))


def test_an_item_that_is_left_out_and_not_there_has_failed(box: MemorySandbox) -> None:
    """The look says so too."""
    ids = users(box)
    box.fault("fields", path="/tags$", method="POST", set={"users": []}, count=1)
    box.fault("status", status=404, on="look", after=4)
    run = bulk.run("contacts.tag", ids=ids, tag=[VIP])
    assert run.counts.failed == 4 and {item.cause for item in run.items("failed")} == {"404 not_found"}


@pytest.mark.parametrize("one", NO_IDS, ids=str)
def test_a_name_whose_id_cannot_be_used_is_not_taken(box: MemorySandbox, one: Any) -> None:
    """Neither by that id (every contact would be "not subscribed" to it), nor as a name that there is not."""
    rows = [{"id": one, "consent_type": "opt_in", "default_translation": {"name": "Newsletter"}}]
    box.fault("wrong", path="/subscription_types$", value={"type": "list", "data": rows})
    with pytest.raises(errors.BadAnswer, match="without a usable id"):
        bulk.run("contacts.unsubscribe", ids=users(box), subscription="Newsletter")
    assert box.audit("contacts")["kinds"] == {}


def test_a_name_beside_one_that_cannot_be_used_is_taken(box: MemorySandbox) -> None:
    """One spoilt entry does not keep the others from their work."""
    rows = [{"id": None, "name": "x"}, {"type": "tag", "id": VIP, "name": "vip"}]
    box.fault("wrong", path="/tags$", method="GET", value={"type": "list", "data": rows})
    assert bulk.run("contacts.tag", ids=users(box), tag=["vip"]).counts.done == 4


LISTS: dict[str, Callable[[MemorySandbox], object]] = {
    "tags": lambda box: bulk.run("contacts.tag", ids=users(box), tag=["vip"]),
    "subscription_types": lambda box: bulk.run("contacts.subscribe", ids=users(box), subscription="Newsletter"),
    "ticket_types": lambda box: bulk.run("tickets.set", ids=[box.tickets()[0]["id"]], values=["title=Refund"]),
    "ticket_states": lambda box: bulk.run("tickets.close", ids=[box.tickets(open=True)[0]["id"]], ticket_state="resolved"),
    "data_attributes": lambda box: bulk.run("contacts.set", ids=users(box), values=["plan=pro"]),
    "conversations/attributes": lambda box: list(bulk.find("conversations", "custom_attributes.order_id = 00123")),
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_is_none_is_asked_for_again_and_then_an_error(box: MemorySandbox, path: str) -> None:
    """It is not taken for an empty one."""
    LISTS[path](box)
    box.fault("wrong", path=f"/{path}$", method="GET", value={"type": "list", "data": None}, count=1)
    LISTS[path](box)
    box.fault("wrong", path=f"/{path}$", method="GET", value={"type": "list", "data": None})
    with pytest.raises(errors.BadAnswer, match=path):
        LISTS[path](box)


@pytest.mark.parametrize(("path", "within"), [("ticket_types", "ticket_type_attributes"), ("ticket_states", "ticket_types")])
def test_a_list_within_a_list_is_one(box: MemorySandbox, path: str, within: str) -> None:
    """A ticket type without its attributes is not one that has none: every ticket of it would be refused, for good."""
    box.fault("wrong", path=f"/{path}$", value={"type": "list", "data": [{"id": "101", "name": "Bug report", within: None}]})
    with pytest.raises(errors.BadAnswer, match=within):
        LISTS[path](box)


@pytest.mark.parametrize("parts", NO_PARTS, ids=str)
def test_parts_that_are_no_list_are_not_none(box: MemorySandbox, parts: Any) -> None:
    """All that was written is redacted, also where the first look shows the first message alone."""
    one = next(row["id"] for row in box.conversations() if row["parts"] > 2)
    texts = [part["body"] for part in box.conversation(one)["conversation_parts"]["conversation_parts"] if part["body"]]
    box.fault("fields", on="look", set={"conversation_parts": parts}, count=1)
    run = bulk.run("conversations.redact", ids=[one], all=True, irreversible=True)
    left = [part["body"] for part in box.conversation(one)["conversation_parts"]["conversation_parts"] if part["body"]]
    assert run.counts.done == 1 and texts and not set(texts) & set(left)


def test_a_first_message_that_is_none_is_not_redacted_already(box: MemorySandbox) -> None:
    """One without an id or a text is no message."""
    one = next(row["id"] for row in box.conversations() if box.conversation(row["id"])["source"]["author"]["type"] != "admin")
    box.fault("fields", on="look", set={"source": {"initial": "messenger"}}, count=1)
    run = bulk.run("conversations.redact", ids=[one], first_message=True, irreversible=True)
    assert run.counts.done == 1 and box.conversation(one)["source"]["redacted"]


@pytest.mark.parametrize("answer", [{}, {"data": []}, {"id": "600009", "admin_assignee_id": 0, "team_assignee_id": 5002}], ids=str)
def test_an_object_without_its_id_is_not_the_item(box: MemorySandbox, answer: dict[str, Any]) -> None:
    """Nobody knows whom the ticket is assigned to, and so it is asked again before "no admin" is taken for so."""
    one = next(row["id"] for row in box.tickets() if row["admin"])
    box.fault("wrong", on="look", value=answer, commit="never", count=1)
    run = bulk.run("tickets.assign", ids=[one], to_team="Billing", no_admin=True)
    assert run.counts.done == 1 and (box.ticket(one)["team_assignee_id"], box.ticket(one)["admin_assignee_id"]) == (5002, 0)


@pytest.mark.parametrize("ticket", [7, {}, {"type": "user", "id": "1"}], ids=str)
def test_a_ticket_that_is_none_is_not_there(box: MemorySandbox, ticket: Any) -> None:
    """It does not make a conversation "already converted"."""
    one = box.conversations()[0]["id"]
    box.fault("fields", on="look", set={"ticket": ticket}, count=1)
    run = bulk.run("conversations.convert", ids=[one], ticket_type="Bug report", customer_visible=True, irreversible=True)
    assert run.counts.done == 1 and box.conversation(one)["ticket"]


def test_a_kind_whose_id_cannot_be_used_is_not_left_out(box: MemorySandbox) -> None:
    """Every ticket of that type would fail, for good: the run remembers the types that it began with."""
    rows = [
        {"id": one, "name": name, "ticket_type_attributes": {"data": [{"id": "1", "name": "_default_title_", "data_type": "string"}]}}
        for one, name in ((None, "Bug report"), ("102", "Internal task"))
    ]
    box.fault("wrong", path="/ticket_types$", value={"type": "list", "data": rows})
    with pytest.raises(errors.BadAnswer, match="not all ticket types are known"):
        LISTS["ticket_types"](box)


@pytest.mark.parametrize("tags", NO_TAGS, ids=str)
@pytest.mark.parametrize(("resource", "give"), [("conversations", "conversations.tag"), ("contacts", "contacts.tag")])
def test_tags_that_are_no_list_are_not_none(box: MemorySandbox, resource: str, give: str, tags: Any) -> None:
    """Nothing is called "already without the tag" by them."""
    one = getattr(box, resource)()[0]["id"]
    bulk.run(give, ids=[one], tag=["bug"])
    box.fault("fields", on="look", set={"tags": tags}, count=1)
    run = bulk.run(f"{resource}.untag", ids=[one], tag=["bug"])
    row = next(row for row in getattr(box, resource)() if row["id"] == one)
    assert run.counts.done == 1 and 7003 not in row["tags"]


@pytest.mark.parametrize("shown", [{"data": None}, {"data": [{"id": None}]}], ids=str)
def test_what_hangs_on_a_contact_is_a_list(box: MemorySandbox, shown: Any) -> None:
    """Both the contact and its own list of them are read again where they are none."""
    one = users(box)[0]
    bulk.run("contacts.subscribe", ids=[one], subscription="Newsletter")
    box.fault("fields", on="look", set={"opted_in_subscription_types": shown}, count=2)
    box.fault("wrong", path="/subscriptions$", method="GET", value={"type": "list", "rows": []}, count=1)
    run = bulk.run("contacts.unsubscribe", ids=[one], subscription="Newsletter")
    assert run.counts.done == 1 and not box.contact(one)["opted_in_subscription_types"]["data"]


@pytest.mark.parametrize("shown", [0, None], ids=repr)
def test_what_is_true_or_false_is_nothing_else(box: MemorySandbox, shown: Any) -> None:
    """`open: 0` does not make a ticket closed."""
    one = next(row["id"] for row in box.tickets() if row["open"])
    box.fault("fields", on="look", set={"open": shown}, count=1)
    run = bulk.run("tickets.close", ids=[one])
    assert run.counts.done == 1 and not box.ticket(one)["open"]


def test_tags_that_were_not_shown_are_taken_off_all_the_same(box: MemorySandbox) -> None:
    """A company whose tags are null in both looks has none that are known, and may have the one that is to go."""
    ids = [row["id"] for row in box.companies()][:3]
    bulk.run("companies.tag", ids=ids, tag=[VIP])
    box.fault("fields", on="look", ids=ids[:1], set={"tags": None}, count=2)
    run = bulk.run("companies.untag", ids=ids, tag=[VIP])
    assert run.counts.done == 3
    assert not any(int(VIP) in row["tags"] for row in box.companies() if row["id"] in ids)


def test_a_field_that_was_read_as_wanted_and_was_not_is_in_doubt(box: MemorySandbox) -> None:
    """It was not written, because it had been read as it was to be; the answer to the write shows otherwise."""
    one = box.contacts()[0]["id"]
    box.fault("fields", set={"name": "New"}, method="GET", path="^/contacts/", count=1)
    run = bulk.run("contacts.set", ids=[one], values=["name=New", "phone=+4930901820"], workers=1)
    assert (run.counts.in_doubt, run.counts.done) == (1, 0), run.report()
    box.clear_faults()
    assert run.retry().counts.done == 1
    assert [row["id"] for row in box.contacts(name="New")] == [one]


IN_PART: dict[str, Any] = {"type": "list", "data": [], "total_count": 14, "has_more": False}
"""A list that announces fourteen and shows none."""


@pytest.mark.parametrize(("verb", "held", "given"), [
    ("tickets.link", "linked_objects", {"conversation": ""}), ("contacts.tag", "tags", {"tag": [VIP]}),
    ("contacts.untag", "tags", {"tag": [VIP]}), ("contacts.attach-company", "companies", {"company": "acme-00001"}),
    ("contacts.detach-company", "companies", {"company": "acme-00001"}),
])  # fmt: skip
def test_a_list_that_shows_less_than_it_announces_tells_of_none(box: MemorySandbox, verb: str, held: str, given: dict[str, Any]) -> None:
    """Nothing is written, and nobody's code is to blame; what was not shown was taken for what is not there. The dry run says so."""
    resource = verb.partition(".")[0]
    one = next(row["id"] for row in getattr(box, resource)() if row.get("category", "Tracker") == "Tracker")
    box.fault("fields", method="GET", path=f"/{resource}/{one}$", set={held: IN_PART})
    box.fault("fields", method="GET", path=f"/{resource}/{one}/{held}$", set={**IN_PART, held: []})
    before = len(box.log(10_000))
    given = {name: value or str(box.conversations()[0]["id"]) for name, value in given.items()}
    looked = bulk.run(verb, ids=[one], dry_run=True, **given)
    run = bulk.run(verb, ids=[one], verify="none", **given)
    assert looked.counts.failed == run.counts.failed == 1, (looked.report(), run.report())
    assert "KeyError" not in str(run.report()["failures"])
    assert [group["example"]["message"] for group in looked.report()["failures"]] == [
        group["example"]["message"] for group in run.report()["failures"]
    ]
    assert not [line for line in box.log(10_000)[before:] if line["method"] in ("POST", "DELETE") and one in line["path"]]


TAGS_IN_PART: dict[str, Any] = {"type": "tag.list", "tags": [], "total_count": 14, "has_more": True}


@pytest.mark.parametrize(("resource", "verb", "shown"), [
    ("conversations", "tag", {}), ("conversations", "untag", {}), ("tickets", "untag", {}), ("conversations", "tag", {"total_count": None}),
    ("conversations", "untag", {"total_count": "0"}), ("companies", "untag", {"total_count": -1}),
    ("companies", "tag", {"total_count": False}),
])  # fmt: skip
def test_tags_that_are_shown_in_part_are_no_list_of_all(box: MemorySandbox, verb: str, resource: str, shown: dict[str, Any]) -> None:
    """They were taken for all: untag found nothing to do, and the undo of tag took off what had stood before the run."""
    box.control(ticket_tags="shown")
    if resource != "conversations":
        bulk.run(f"{resource}.tag", ids=[str(getattr(box, resource)()[0]["id"])], tag=[VIP])
    rows = getattr(box, resource)()
    had, tag = next((str(row["id"]), row["tags"][0]) for row in rows if row["tags"])
    ids = [had, next(str(row["id"]) for row in rows if not row["tags"])]

    def tagged() -> list[bool]:
        now = {str(row["id"]): row["tags"] for row in getattr(box, resource)()}
        return [tag in now[one] for one in ids]

    box.fault("fields", on="look,search", set={"tags": {**TAGS_IN_PART, "has_more": not shown, **shown}})
    run = bulk.run(f"{resource}.{verb}", ids=ids, tag=[str(tag)], verify="none")
    assert run.counts.failed + run.counts.in_doubt == 0, run.report()
    box.clear_faults()
    assert tagged() == [verb == "tag"] * 2
    with suppress(errors.SafetyStop):
        run.undo()
    assert tagged()[verb == "untag"] is (verb == "tag"), "as it was before the run"


@pytest.mark.parametrize("verb", ["contacts.tag", "contacts.untag", "contacts.attach-company", "contacts.detach-company"])
def test_a_contact_whose_lists_do_not_count_is_read_further(box: MemorySandbox, verb: str) -> None:
    """The list that a contact carries always counts; an empty one that did not was believed, and an undo took off what had stood before."""
    kind, field, given = ("companies", "companies", "company") if "company" in verb else ("tags", "tags", "tag")
    one = next(row for row in box.contacts() if row[field])
    had = str(one[field][0])
    box.fault("fields", on="look,search", path="^/contacts(/search|/[^/]+)$", set={kind: {"type": "list", "data": []}})
    run = bulk.run(verb, ids=[one["id"]], **{given: [had] if given == "tag" else had})
    off = verb.endswith(("untag", "detach-company"))
    assert (run.counts.done, run.counts.unchanged) == ((1, 0) if off else (0, 1)), run.report()


NEXT: dict[str, Any] = {"total_count": 0, "pages": {"next": "https://x/?page=2", "total_pages": 2}}


@pytest.mark.parametrize("shown", [{"set": {"total_count": None}}, {"set": NEXT}, {"drop": ["total_count"]}], ids=str)
def test_a_list_of_its_own_that_does_not_say_that_it_is_all_is_none(box: MemorySandbox, shown: dict[str, Any]) -> None:
    one = next(row for row in box.contacts() if row["companies"])
    box.fault("fields", on="look", path="^/contacts/", set={"companies": {"type": "list", "data": []}})
    box.fault("fields", on="look", path="/companies$", **{**shown, "set": {"data": [], "companies": [], **shown.get("set", {})}})
    run = bulk.run("contacts.detach-company", ids=[one["id"]], company=str(one["companies"][0]))
    assert run.counts.failed == 1 and "did not show all, or not say so" in str(run.report()["failures"]), run.report()


@pytest.mark.parametrize("total", [{}, {"total_count": "9"}, {"total_count": []}], ids=str)
@pytest.mark.parametrize("verb", ["conversations.note", "tickets.reply"])
def test_a_list_that_does_not_say_whether_it_is_whole_is_no_proof(box: MemorySandbox, verb: str, total: dict[str, Any]) -> None:
    """An empty one was taken for "the message is not there", and it was sent again."""
    resource, held = verb.partition(".")[0], "conversation_parts" if verb[0] == "c" else "ticket_parts"
    ids = [str(row["id"]) for row in getattr(box, resource)()[:2]]
    box.fault("fields", on="look", set={held: {"type": "list", held: [], **total}})
    box.fault("drop_after", on="write", count=1)
    consent = {"customer_visible": True} if verb == "tickets.reply" else {}
    run = bulk.run(verb, ids=ids, body="Hello", workers=1, verify="none", **consent)
    assert (run.counts.done, run.counts.in_doubt) == (1, 1), run.report()
    box.clear_faults()
    parts = [getattr(box, resource[:-1])(one)[held][held] for one in ids]
    assert [sum("Hello" in str(part["body"]) for part in some) for some in parts] == [1, 1]


def test_what_is_shown_when_it_is_read_again_would_be_changed(box: MemorySandbox) -> None:
    """The run reads it a second time, and so does the dry run."""
    one = next(row["id"] for row in box.tickets() if row["open"])
    for dry_run in (True, False):
        box.fault("fields", on="look", drop=["open"], count=1)
        run = bulk.run("tickets.close", ids=[one], dry_run=dry_run)
        assert (run.counts.failed, run.counts.pending + run.counts.done) == (0, 1), run.report()


def test_a_ticket_that_hides_whose_it_is_is_assigned(box: MemorySandbox) -> None:
    """Whom it is not known to have, it may have: the dry run counts it, too."""
    one = next(row["id"] for row in box.tickets() if row["open"])
    box.fault("fields", on="look", drop=["admin_assignee_id"])
    for dry_run in (True, False):
        run = bulk.run("tickets.assign", ids=[one], to_team="Billing", verify="none", dry_run=dry_run)
        assert run.counts.failed == 0, run.report()


def test_what_has_no_before_image_is_not_nothing_to_undo(box: MemorySandbox) -> None:
    """The undo said "Nothing to undo", with exit 0, and all the tags stood."""
    ids = [str(row["id"]) for row in box.companies()[:3]]
    box.fault("fields", on="look,search", set={"tags": TAGS_IN_PART})
    run = bulk.run("companies.tag", ids=ids, tag=[VIP], verify="none")
    assert run.counts.done == 3
    with pytest.raises(errors.SafetyStop, match="cannot be taken back: of 3 items it is not known what they were before"):
        run.undo()


@pytest.mark.parametrize("status", [403, 422])
@pytest.mark.parametrize("verb", ["companies.tag", "companies.untag", "conversations.tag", "contacts.untag", "contacts.attach-company"])
def test_a_refusal_of_what_a_list_in_part_cannot_tell_is_in_doubt(box: MemorySandbox, verb: str, status: int) -> None:
    """It stood, was called failed, and undo left it."""
    resource, _, name = verb.partition(".")
    (one, *_) = [str(row["id"]) for row in getattr(box, resource)()]
    held, given = ("companies", {"company": "acme-00001"}) if "company" in name else ("tags", {"tag": [VIP]})
    if name == "untag":
        bulk.run(f"{resource}.tag", ids=[one], tag=[VIP])
    after = 1 if resource == "contacts" else 0  # they are not written where the first look shows a part
    box.fault("fields", on="look,search", path=f"/{resource}/{one}$", after=after, set={held: {**IN_PART, held: []}})
    box.fault("fields", method="GET", path=f"/{resource}/{one}/{held}$", set={**IN_PART, held: []})
    box.fault("error_after", status=status, on="write")
    run = bulk.run(verb, ids=[one], verify="none", **given)
    assert (run.counts.failed, run.counts.in_doubt) == (0, 1), run.report()


def test_a_target_that_is_shown_without_its_id_is_not_found(box: MemorySandbox) -> None:
    """It was a KeyError."""
    into, other = [row for row in box.contacts(role="user") if row["email"]][:2]
    box.fault("malformed", path="^/contacts/search", entry="no_id", nth=1)
    with pytest.raises(errors.UsageError, match="no contact has"):
        bulk.run("contacts.merge", ids=[other["id"]], into=into["email"], irreversible=True)
