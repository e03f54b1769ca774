"""One request for each item of a list that has no verbs here."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from .desk import Desk

SANDBOX = {"conversations": 5, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.001, "jitter": 0}
PLAIN = ("--json", "--progress", "none")


def articles(desk: Desk) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for page in (1, 2):
        asked = urllib.request.Request(
            f"{desk.box.url}/articles?per_page=60&page={page}", headers={"Authorization": f"Bearer {desk.box.token}"}
        )
        with urllib.request.urlopen(asked) as answer:
            found |= {one["id"]: one for one in json.load(answer)["data"]}
    return found


def test_every_item_of_a_list_gets_its_request(desk: Desk) -> None:
    """All that is listed, as the dry run has said; a second run of the same leaves everything as it is."""
    before = articles(desk)
    put = ("each", "articles", "PUT", "articles/{{id}}", '{"state": "draft", "title": "{{title}} (old)"}')
    looked = desk.here(*put, "--dry-run", *PLAIN)
    assert (looked.code, looked.counts) == (0, {"selected": 90, "pending": 90}), looked.err
    assert articles(desk) == before
    done = desk.here(*put, "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 90, "done": 90}), done.err
    after = articles(desk)
    assert all(after[i]["state"] == "draft" and after[i]["title"] == f"{before[i]['title']} (old)" for i in before)


def test_a_list_is_judged_by_its_own_fields(desk: Desk) -> None:
    """--where on whatever the list shows, in the types that it shows; a wrong field names those that there are."""
    drafts = {i for i, one in articles(desk).items() if one["state"] == "draft"}
    put = ("each", "articles", "PUT", "articles/{{id}}", '{"state": "published"}', "--yes", "--customer-visible", *PLAIN)
    done = desk.here(*put, "--where", "state = draft and created_at < now")
    assert (done.code, done.counts) == (0, {"selected": len(drafts), "done": len(drafts)}), done.err
    assert {one["state"] for one in articles(desk).values()} == {"published"}
    wrong = desk.here(*put, "--where", "stat = draft")
    assert wrong.code == 2 and "state" in wrong.err, wrong.err
    limited = desk.here(*put, "--limit", "3")
    assert limited.counts == {"selected": 3, "done": 3}, limited.err


def test_one_scroll_at_a_time_and_none_is_left_open(desk: Desk) -> None:
    """What looks at the fields opens none, and a few items are taken of a whole one: no command waits a minute for another's."""
    put = ("each", "companies/scroll", "PUT", "companies/{{id}}", '{"name": "{{name}}!"}')
    for words, count in ((("--limit", "3", "--dry-run"), 3), (("--where", "nme = x", "--dry-run"), 0), (("--limit", "3", "--yes"), 3)):
        done = desk.here(*put, *words, *PLAIN)
        assert (done.code, done.json.get("counts", {}).get("selected", 0)) == (0 if count else 2, count), done.err
    scrolls = [(line["path"].partition("?")[2] != "", line["status"]) for line in desk.box.log(500) if "/scroll" in line["path"]]
    assert scrolls == [(False, 200), (True, 200)] * 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("articles", "PUT", "articles/{{idd}}", "{}"), "{{id}}"),
        (("articles", "FETCH", "articles/{{id}}"), "no method"),
        (("articles", "PUT", "articles/{{id}}", "{state: draft}"), "not JSON"),
        (("articels", "PUT", "articles/{{id}}", "{}"), "articles"),
        (("conversations/search", "PUT", "conversations/{{id}}", "{}"), "name the list"),
        (("articles", "PUT", "articles/{{id}}?x=1", "{}"), "no path"),
        (("articles", "PUT", "../{{id}}", "{}"), "no path"),
        (("articles", "PUT", "articles/{{id}}", "--from-run", "latest", "--where", "state = draft"), "leave --where out"),
    ],
)
def test_what_is_typed_wrong_is_said_before_anything_is_sent(desk: Desk, typed: tuple[str, ...], said: str) -> None:
    """Exit code 2, and no write."""
    refused = desk.here("each", *typed, "--yes", *PLAIN)
    assert refused.code == 2 and said in refused.err, refused.err
    assert desk.sent("/articles/") == 0


def test_the_dry_run_shows_the_first_requests(desk: Desk) -> None:
    """As they would be sent."""
    looked = desk.here("each", "articles", "PUT", "articles/{{id}}", '{"author_id": "{{author_id}}"}', "--dry-run")
    said = " ".join(looked.err.split())
    shown = [i for i, one in articles(desk).items() if f'PUT /articles/{i} {{"author_id": {one["author_id"]}}}' in said]
    assert len(shown) == 3, looked.err


def test_rows_give_values_with_their_types(desk: Desk) -> None:
    """A column of a spreadsheet is text unless its type is said; what is of no such type is refused with its line."""
    one, two = list(articles(desk))[:2]
    (desk.home / "rows.csv").write_text(f"id,who\n{one},7\n{two},many\n", "utf-8")
    put = ("each", "articles", "PUT", "articles/{{id}}", '{"author_id": "{{who}}"}', "--csv", "rows.csv", "--yes", *PLAIN)
    refused = desk.here(*put, "--param-type", "who=number")
    assert refused.code == 2 and "line 3" in refused.err, refused.err
    done = desk.here(*put)
    assert done.counts == {"selected": 2, "done": 2}, done.err
    assert [articles(desk)[i]["author_id"] for i in (one, two)] == ["7", "many"]


@pytest.mark.parametrize(("endpoint", "column"), [("contacts", "email"), ("contacts", "external_id"), ("tags", "email")])
def test_rows_name_their_items_by_what_their_verbs_take(desk: Desk, endpoint: str, column: str) -> None:
    """E-mail addresses and external ids become ids where list or path say what the items are; an unknown one is told by its line."""
    people = [one for one in desk.box.contacts(role="user") if not one["archived"]][:3]
    (desk.home / "rows.csv").write_text(f"{column},n\n" + "\n".join(f"{one[column]},N{place}" for place, one in enumerate(people)))
    put = ("each", endpoint, "PUT", "contacts/{{id}}", '{"name": "{{n}}"}', "--id-column", column, "--yes", *PLAIN)
    done = desk.here(*put, "--csv", "rows.csv")
    assert (done.code, done.counts) == (0, {"selected": 3, "done": 3}), done.err
    assert [desk.box.contact(one["id"])["name"] for one in people] == ["N0", "N1", "N2"]
    (desk.home / "rows.csv").write_text(f"{column},n\n{people[0][column]},A\nnobody@example.test,B")
    refused = desk.here(*put, "--csv", "rows.csv")
    assert refused.code == 2 and "of line 3" in refused.err and desk.box.contact(people[0]["id"])["name"] == "N0", refused.err


def test_what_has_no_keys_is_named_by_ids_alone(desk: Desk) -> None:
    """The refusal says what the column holds."""
    (desk.home / "rows.csv").write_text("email,n\nann@example.test,x")
    put = ("each", "articles", "PUT", "articles/{{id}}", '{"title": "{{n}}"}', "--csv", "rows.csv", "--id-column", "email", "--yes")
    refused = desk.here(*put, *PLAIN)
    assert refused.code == 2 and "is not an id. The column holds ids" in refused.err and not desk.writes(), refused.err


def test_delete_asks_for_the_second_word_and_a_lost_answer_is_no_second_deletion(desk: Desk) -> None:
    """--irreversible; what is gone already is unchanged; a plan and a resume know the request."""
    delete = ("each", "articles", "DELETE", "articles/{{id}}", "--limit", "4", "--yes", *PLAIN)
    assert desk.here(*delete).code == 5 and len(articles(desk)) == 90
    desk.box.fault("drop_after", on="write", count=1)
    done = desk.here(*delete, "--irreversible")
    assert done.code == 0 and done.json["counts"]["done"] + done.json["counts"]["unchanged"] == 4, (done.out, done.err)
    assert len(articles(desk)) == 86
    put = ("each", "articles", "PUT", "articles/{{id}}", '{"state": "draft"}', *PLAIN)
    assert desk.here(*put, "--plan", "plan.jsonl").code == 0
    drafts = sum(one["state"] == "draft" for one in articles(desk).values())
    assert desk.here("apply", "plan.jsonl", "--yes", *PLAIN).counts == {"selected": 86, "unchanged": drafts, "done": 86 - drafts}
    desk.box.fault("status", status=422, on="write", count=2)
    put = ("each", "articles", "PUT", "articles/{{id}}", '{"state": "published"}', *PLAIN)
    failed = desk.here(*put, "--yes", "--customer-visible")
    assert failed.code == 3 and failed.counts["failed"] == 2, failed.err
    assert desk.here("runs", "retry", failed.run, *PLAIN).counts == {"selected": 86, "done": 86}


def kept(done: Any) -> dict[str, dict[str, Any]]:
    """The items of the run's backup."""
    return {one["id"]: one for one in map(json.loads, Path(done.json["backup"]["file"]).read_text().splitlines())}


def test_what_is_deleted_is_kept_whole(desk: Desk) -> None:
    """Each article as a GET showed it right before; those that are gone already are as wanted, and the run is verified."""
    before = articles(desk)
    delete = ("each", "articles", "DELETE", "articles/{{id}}", "--irreversible", "--yes", *PLAIN)
    done = desk.here(*delete, "--limit", "3")
    gone = before.keys() - articles(desk).keys()
    assert (done.code, done.counts) == (0, {"selected": 3, "done": 3}) and done.json["verified"]["checked"] == 3, done.err
    assert {key: one["title"] for key, one in kept(done).items()} == {key: before[key]["title"] for key in gone}
    assert "which request would take this one back is not known" in desk.here("undo", done.run, "--yes").err
    (desk.home / "ids").write_text("\n".join([*gone, next(iter(articles(desk)))]))
    again = desk.here(*delete, "--ids", "ids", "--backup", "mine.jsonl")
    assert again.counts == {"selected": 4, "done": 1, "unchanged": 3} and len(kept(again)) == 1, again.err


@pytest.mark.parametrize("request_", [("POST", "contacts/{{id}}/block", "{}"), ("DELETE", "contacts/{{id}}/tags/7001")])
def test_what_else_has_no_way_back_is_kept_too(desk: Desk, request_: tuple[str, ...]) -> None:
    """The contact that the path names, with all that the verbs keep of one."""
    ids = [str(one["id"]) for one in desk.box.contacts() if not one["archived"]][:2]
    (desk.home / "ids").write_text("\n".join(ids))
    assert desk.here("contacts", "tag", "--tag", "7001", "--ids", "ids", "--yes", *PLAIN).code == 0
    assert desk.here("contacts", "note", "--body", "Asked twice.", "--ids", "ids", "--yes", *PLAIN).code == 0
    done = desk.here("each", "contacts", *request_, "--ids", "ids", "--irreversible", "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 2, "done": 2}), done.err
    assert set(kept(done)) == set(ids) and all("Asked twice." in json.dumps(one["notes"]) for one in kept(done).values())


def test_what_nothing_shows_by_itself_is_said_to_have_no_backup(desk: Desk) -> None:
    """Before anything is sent: in the refusal, in the dry run, and where a file for it is named."""
    contact = next(str(one["id"]) for one in desk.box.contacts() if not one["archived"])
    delete = ("each", f"contacts/{contact}/tags", "DELETE", f"contacts/{contact}/tags/{{{{id}}}}")
    refused = desk.here(*delete, "--yes", *PLAIN)
    assert refused.code == 5 and "no backup" in refused.err and "--irreversible" in refused.err, refused.err
    assert "none: nothing shows these items by themselves" in desk.here(*delete, "--dry-run").err
    named = desk.here(*delete, "--irreversible", "--yes", "--backup", "b.jsonl", *PLAIN)
    assert named.code == 2 and "nothing shows its items" in named.err and not desk.writes(), named.err


def test_a_value_that_no_path_can_hold_fails_alone(desk: Desk) -> None:
    """It would lead the request to another item; the dry run shows it, and the others are done."""
    article = desk.here("each", "articles", "PUT", "articles/{{id}}", '{"title": "x"}', "--limit", "1", "--dry-run", "--json").json
    good = article["review"]["sample"][0]["id"]
    (desk.home / "p.csv").write_text(f"id,x\n1,..\n2,{good}\n")
    put = ("each", "articles", "PUT", "articles/{{x}}", '{"title": "x"}', "--csv", "p.csv", "--id-column", "id", "--progress", "none")
    dry = desk.here(*put, "--dry-run")
    assert dry.code == 0, dry.err
    assert "no request: '..' is not an id that a request could name" in dry.out + dry.err
    done = desk.here(*put, "--yes", "--json")
    assert (done.code, done.counts) == (3, {"selected": 2, "done": 1, "failed": 1})
    assert desk.writes() == 1
