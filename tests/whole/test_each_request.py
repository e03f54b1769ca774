"""each: what the verbs ask of a request is asked of one that a person writes by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import intercom_bulk_updater as bulk
from acceptance.desk import Desk, at_desk
from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.operations.message_template import NoText, fill_template

from .network import MemorySandbox

PLAIN = ("--json", "--progress", "none")
COPY = ("each", "articles", "POST", "articles", '{"title": "copy of {{title}}", "author_id": 991267700}')


@pytest.fixture
def desk(box: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(box, tmp_path) as made:
        yield made


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_what_was_refused_is_sent_by_a_retry(desk: Desk, status: int) -> None:
    """Nothing can be looked at, so the refusal is all there is, and is believed on a retry, too."""
    desk.box.fault("status", status=status, on="write", count=2)
    failed = desk.here(*COPY, "--limit", "2", "--workers", "1", "--yes", *PLAIN)
    assert failed.code == 3 and failed.counts["failed"] == 2, failed.err
    again = desk.here("runs", "retry", "latest", *PLAIN)
    assert again.code == 0 and again.counts["done"] == 2, again.err
    assert desk.sent("/articles") == 4


def test_a_change_that_was_refused_and_done_is_done(desk: Desk) -> None:
    """A 403 to one item: what the request wrote is read back before the item fails by it."""
    desk.box.fault("error_after", status=403, on="write", count=1)
    desk.box.fault("status", status=403, on="write", after=2, count=1)
    request = ("each", "contacts", "PUT", "contacts/{{id}}", '{"name": "zz"}', "--limit", "4", "--workers", "1", "--yes", *PLAIN)
    answer = desk.here(*request)
    assert (answer.counts["done"], answer.counts["failed"]) == (3, 1), answer.err
    assert len(desk.box.contacts(name="zz")) == 3


def test_what_was_lost_stays_in_doubt(desk: Desk) -> None:
    """A retry sends nothing, for it may have been carried out."""
    desk.box.fault("drop_after", on="write", count=1)
    assert desk.here(*COPY, "--limit", "1", "--yes", *PLAIN).counts["in_doubt"] == 1
    assert desk.here("runs", "retry", "latest", *PLAIN).counts["in_doubt"] == 1
    assert desk.sent("/articles") == 1


class OwnPost(bulk.IntercomBulkUpdater):
    """Says that it must not be repeated, and sends what Intercom shows nowhere."""

    idempotent, customer_visible = False, False

    def get_search_endpoint(self) -> str:
        """See IntercomBulkUpdater."""
        return "contacts/search"

    def get_search_query(self) -> dict[str, object]:
        """See IntercomBulkUpdater."""
        return {"query": {"field": "created_at", "operator": ">", "value": 0}}

    def get_item_id(self, item: dict[str, object]) -> str:
        """See IntercomBulkUpdater."""
        return str(item["id"])

    def before(self, item: dict[str, object]) -> dict[str, object]:
        """See IntercomBulkUpdater."""
        return {"name": item["name"]}

    def perform_action(self, item_id: str, **_: object) -> object:
        """An article about each."""
        return self.client.post("articles", {"title": item_id, "author_id": 991267700})


def test_own_code_that_was_refused_is_run_by_a_retry(box: MemorySandbox) -> None:
    """The same, where the updater says that it must not be repeated."""
    box.fault("status", status=422, on="write", count=2)
    OwnPost().bulk_process(max_items=2, parallel_workers=1)
    run = bulk.open_run("latest")
    assert run.counts.failed == 2
    assert run.retry().counts.done == 2, run.report()


@pytest.mark.parametrize(("endpoint", "request_"), [
    ("contacts", ("POST", "contacts/{{id}}/block", "{}")),
    ("contacts", ("POST", "contacts/merge", '{"from": "{{id}}", "into": "x"}')),
    ("contacts", ("POST", "contacts/{{id}}/{{role}}", "{}")),
    ("conversations", ("POST", "conversations/redact", '{"type": "source", "conversation_id": "{{id}}", "source_id": "1"}')),
    ("conversations", ("POST", "conversations/{{id}}/merge", '{"merge_into_conversation_id": 1}')),
    ("contacts", ("POST", "visitors/convert", '{"type": "user"}')),
    ("articles", ("POST", "content/bulk_actions", '{"action": "delete", "content_ids": [{"type": "article_content", "id": "{{id}}"}]}')),
])  # fmt: skip
def test_what_nothing_takes_back_needs_its_word(desk: Desk, endpoint: str, request_: tuple[str, ...]) -> None:
    """As the verbs that send the same; the dry run says that there is no way back."""
    request = ("each", endpoint, *request_, "--limit", "1")
    refused = desk.here(*request, "--yes", "--customer-visible", *PLAIN)
    assert refused.code == 5 and "--irreversible" in refused.err and not desk.writes(), refused.err
    looked = desk.here(*request, "--dry-run", *PLAIN).json
    assert looked["review"]["reversibility"] == "irreversible", looked["review"]


def test_what_can_be_taken_back_needs_none(desk: Desk) -> None:
    """Archiving a contact, say."""
    assert desk.here("each", "contacts", "POST", "contacts/{{id}}/archive", "{}", "--limit", "1", "--yes", *PLAIN).code == 0


REPLY = ("each", "conversations", "POST", "conversations/{{id}}/reply")
NOTE = ("each", "contacts", "POST", "contacts/{{id}}/notes")


def said(text: str, kind: str = "comment") -> str:
    """The body of a reply or a note."""
    return json.dumps({"message_type": kind, "type": "admin", "admin_id": "991267700", "body": text})


@pytest.mark.parametrize("request_", [
    (*REPLY, said("Hi {first_name}")), (*REPLY, said("Hi {{title")), (*NOTE, said("Hi {name}")),
    ("each", "articles", "PUT", "articles/{{id}}", '{"title": "{title} x"}'), ("each", "articles", "PUT", "articles/{id}", "{}"),
])  # fmt: skip
def test_a_brace_that_is_no_place_is_refused(desk: Desk, request_: tuple[str, ...]) -> None:
    """As in the message of a verb: nothing is sent."""
    refused = desk.here(*request_, "--limit", "1", "--yes", "--customer-visible", *PLAIN)
    assert refused.code == 2 and "is no place" in refused.err and not desk.writes(), refused.err


def test_a_brace_that_is_meant_is_sent(desk: Desk) -> None:
    """With a backslash before it, which JSON doubles; a cell of a sheet writes it the same way."""
    conversation = desk.box.conversations()[0]["id"]
    (desk.home / "one.csv").write_text(f"id,word\n{conversation},\\{{x}}\n")
    sent = desk.here(*REPLY, said("Write \\{name} or {{word}}"), "--csv", "one.csv", "--yes", "--customer-visible", *PLAIN)
    assert sent.code == 0, sent.err
    parts = desk.box.conversation(conversation)["conversation_parts"]["conversation_parts"]
    assert parts[-1]["body"] == "Write {name} or {x}", parts[-1]


@pytest.mark.parametrize(("request_", "verb"), [
    ((*REPLY, said("Hello")), ("conversations", "reply", "--body", "Hello")),
    ((*REPLY, said("Hello", "note")), ("conversations", "note", "--body", "Hello")),
    ((*NOTE, said("Hello")), ("contacts", "note", "--body", "Hello")),
])  # fmt: skip
def test_the_same_text_is_not_sent_twice(desk: Desk, request_: tuple[str, ...], verb: tuple[str, ...]) -> None:
    """By the same request, by a verb, and after a verb; --again sends it."""
    rows = desk.box.contacts() if verb[0] == "contacts" else desk.box.conversations()
    (desk.home / "ids").write_text("\n".join(str(row["id"]) for row in rows[:2]))
    yes = ("--ids", "ids", "--yes", "--customer-visible", *PLAIN)
    assert desk.here(*request_, *yes).counts == {"selected": 2, "done": 2}
    for again in (request_, verb):
        found = desk.here(*again, *yes)
        assert (found.code, found.counts) == (0, {"selected": 2, "unchanged": 2}), found.err
    looked = desk.here(*request_, "--ids", "ids", "--dry-run", "--progress", "none")
    assert "got the same text from an earlier run" in looked.err, looked.err
    assert desk.here(*request_, *yes, "--again").counts == {"selected": 2, "done": 2}
    other = (*verb[:-1], "Again")
    assert desk.here(*other, *yes).counts["done"] == 2
    assert desk.here(*(word.replace("Hello", "Again") for word in request_), *yes).counts == {"selected": 2, "unchanged": 2}


def test_a_place_that_stays_empty_stops_a_message_and_fails_alone_elsewhere(desk: Desk) -> None:
    """Told by the dry run as well, with the item."""
    ids = [str(row["id"]) for row in desk.box.conversations()[:2]]
    (desk.home / "two.csv").write_text(f"id,name\n{ids[0]},Ann\n{ids[1]},\n")
    stopped = desk.here(*REPLY, said("Hello {{name}}"), "--csv", "two.csv", "--yes", "--customer-visible", *PLAIN)
    assert stopped.code == 5 and "name is empty" in stopped.err and ids[1] in stopped.err and not desk.writes(), stopped.err
    titled = ("each", "conversations", "PUT", "conversations/{{id}}", '{"title": "of {{name}}"}', "--csv", "two.csv", *PLAIN)
    for more in (("--dry-run",), ("--yes",)):
        alone = desk.here(*titled, *more)
        assert alone.code == 3 and alone.counts["failed"] == 1, (alone.err, alone.out)
        example = alone.json["failures"][0]["example"]
        assert example["id"] == ids[1] and "name is empty" in example["message"], example


def test_a_place_that_is_all_of_a_text_blanks_nothing_by_being_empty(desk: Desk, others: Client) -> None:
    """Its item fails, in the dry run as in the run, and nothing is sent for it; where the place says that empty is meant, it goes."""
    ids = [str(one["id"]) for one in others.get("articles")["data"]][:3]
    titles = [others.get(f"articles/{one}")["title"] for one in ids]
    for one, words in zip(ids, ("New", "", " "), strict=True):
        others.put(f"articles/{one}", {"description": words})
    put = ("each", "articles", "PUT", "articles/{{id}}", "--where", " or ".join(f"id = {one}" for one in ids), *PLAIN)
    for more in (("--dry-run",), ("--yes",)):
        alone = desk.here(*put, '{"title": "{{description}}"}', *more)
        assert (alone.code, alone.counts["failed"]) == (3, 2), alone.err
        assert "description is empty" in alone.json["failures"][0]["example"]["message"], alone.json
    assert [others.get(f"articles/{one}")["title"] for one in ids] == ["New", *titles[1:]]
    meant = desk.here(*put, '{"title": "{{description|}}"}', "--yes")
    assert (meant.code, meant.counts["done"]) == (0, 3), meant.err
    assert [others.get(f"articles/{one}")["title"] for one in ids] == ["New", "", ""]


def test_own_attributes_are_read_back(desk: Desk) -> None:
    """They stand one level down, in what a GET of the contact shows."""
    attributes = '{"custom_attributes": {"plan": "gold"}, "name": "Ann"}'
    done = desk.here("each", "contacts", "PUT", "contacts/{{id}}", attributes, "--limit", "2", "--yes", *PLAIN)
    assert done.code == 0 and done.json["verified"]["checked"] == 2, done.err


def test_its_items_are_named(desk: Desk) -> None:
    """By their title, or their name."""
    looked = desk.here("each", "articles", "PUT", "articles/{{id}}", '{"state": "draft"}', "--limit", "1", "--dry-run")
    article = desk.here("each", "articles", "PUT", "articles/{{id}}", '{"state": "draft"}', "--limit", "1", "--dry-run", *PLAIN)
    assert article.json["review"]["sample"][0]["name"] in looked.err, looked.err


def test_tickets_are_searched_where_there_is_no_list_of_them(desk: Desk) -> None:
    """All, or those of a filter that Intercom judges; a place that no ticket has is refused before."""
    everything = len(desk.box.tickets())
    opened = desk.here("tickets", "find", "--where", "open = true", "--count").out.strip()
    put = ("each", "tickets", "PUT", "tickets/{{id}}", '{"open": false, "note": "{{ticket_type.name}} {{ticket_id}}"}')
    looked = desk.here(*put, "--where", "open = true", "--dry-run", "--progress", "none")
    assert looked.code == 0 and f"selected {opened} tickets" in " ".join(looked.err.split()), looked.err
    every = desk.here(*put, "--dry-run", "--progress", "none")
    assert every.code == 0 and "all tickets" in every.err and f"would change {everything}" in " ".join(every.err.split()), every.err
    wrong = desk.here("each", "tickets", "PUT", "tickets/{{id}}", '{"note": "{{tikcet_id}}"}', "--dry-run")
    assert wrong.code == 2 and "Do you mean {{ticket_id}}?" in wrong.err
    done = desk.here("each", "tickets", "PUT", "tickets/{{id}}", '{"open": false}', "--where", "open = true", "--yes", *PLAIN)
    assert done.code == 0 and done.counts == {"selected": int(opened), "done": int(opened)}, done.err
    assert done.json["verified"]["waited"] == 0, done.json


@pytest.mark.parametrize(("endpoint", "path", "body", "said"), [
    ("companies", "companies/{{id}}", '{"name": "{{plan}}x"}', "{{plan.name}}"),
    ("contacts", "contacts/{{id}}", '{"name": "of {{tags}}"}', "{{tags.name}}"),
    ("companies", "companies/{{id}}/{{plan}}", "", "{{plan.name}}"),
])  # fmt: skip
def test_an_object_within_a_text_is_refused(desk: Desk, endpoint: str, path: str, body: str, said: str) -> None:
    """By its field's name: it would be written as JSON. What is one place and nothing else takes it whole."""
    refused = desk.here("each", endpoint, "PUT", path, *([body] if body else []), "--limit", "2", "--yes", *PLAIN)
    assert refused.code == 3 and refused.counts == {"selected": 2, "failed": 2} and desk.writes() == 0, refused.err
    assert f"holds several values and is no text: name one of them, such as {said}" in refused.json["failures"][0]["example"]["message"]
    whole = desk.here("each", "companies", "PUT", "companies/{{id}}", '{"plan": "{{plan}}"}', "--limit", "1", "--dry-run", *PLAIN)
    assert whole.code == 0, whole.err


def test_a_message_with_an_object_within_it_is_refused_before_any_is_sent(desk: Desk) -> None:
    """By `each`, and by the verbs, whose attributes may hold lists."""
    note = ("each", "conversations", "POST", "conversations/{{id}}/reply", '{"message_type": "note", "body": "of {{tags}}"}')
    refused = desk.here(*note, "--limit", "2", "--yes", *PLAIN)
    assert refused.code == 5 and "tags holds several values and is no text" in refused.err and desk.writes() == 0, refused.err
    with pytest.raises(NoText, match=r"conversation\.custom_attributes\.kinds holds several values"):
        fill_template("Of {{conversation.custom_attributes.kinds}}", {"conversation.custom_attributes.kinds": ["a", "b"]})


@pytest.mark.parametrize(
    ("endpoint", "path", "body", "where"),
    [
        ("admins", "admins/{{id}}/away", '{"away_mode_enabled": true, "away_mode_reassign": false}', "email ~ ben"),
        ("data_attributes", "data_attributes/{{id}}", '{"archived": true}', "name = renews_at"),
    ],
)
def test_what_has_no_get_is_done_and_not_verified(desk: Desk, endpoint: str, path: str, body: str, where: str) -> None:
    """Intercom has no GET of some paths that take a PUT: its 404 tells nothing of the item, before the write or after it."""
    put = ("each", endpoint, "PUT", path, body, *PLAIN)
    done = desk.here(*put, "--where", where, "--yes")
    assert (done.code, done.counts) == (0, {"selected": 1, "done": 1}), done.err
    assert done.json["verified"]["undecided"] == 1 and not done.json["verified"]["wrong"], done.json
    assert "gone" not in desk.here("runs", "show", done.run).out
    assert desk.here("runs", "export", done.run, "-o", "ids.csv").code == 0
    for more in (("--dry-run",), ("--yes",)):
        named = desk.here(*put, "--ids", "ids.csv", *more)
        assert named.code == 0 and named.counts["selected"] == 1 and not named.counts.get("failed"), named.err


def test_what_names_no_item_and_what_is_no_list_are_refused(desk: Desk) -> None:
    """Before anything is sent; entries of a list that have no id are counted aloud."""
    same = desk.here("each", "articles", "PUT", "articles/fixed", '{"title": "same"}', "--dry-run")
    assert same.code == 2 and "Every request would be the same" in same.err, same.err
    gone = desk.here("each", "contacts/681/notes", "PUT", "notes/{{id}}", '{"body": "x"}', "--dry-run")
    assert gone.code == 2 and "Intercom has no list 'contacts/681/notes'" in gone.err, gone.err
    some = desk.here("each", "data_attributes", "PUT", "data_attributes/{{id}}", '{"archived": true}', "--dry-run", *PLAIN)
    assert some.code == 0 and "data attributes have no id, and are left out" in some.err, some.err


def test_a_field_that_the_list_shows_empty_is_known(desk: Desk) -> None:
    """Articles in no collection: the filter takes the field that all of them show without a value."""
    put = ("each", "articles", "PUT", "articles/{{id}}", '{"state": "draft"}')
    found = desk.here(*put, "--where", "parent_id = none", "--dry-run", *PLAIN)
    assert found.code == 0 and found.counts["selected"], found.err
