"""One request for each item of a list that has no verbs here."""

from __future__ import annotations

import json
import urllib.request
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


def test_a_value_that_no_path_can_hold_fails_alone(desk: Desk) -> None:
    """It would lead the request to another item; the dry run shows it, and the others are done."""
    article = desk.here("each", "articles", "PUT", "articles/{{id}}", '{"title": "x"}', "--limit", "1", "--dry-run", "--json").json
    good = article["review"]["sample"][0]["id"]
    (desk.home / "p.csv").write_text(f"id,x\n1,..\n2,{good}\n")
    put = ("each", "articles", "PUT", "articles/{{x}}", '{"title": "x"}', "--csv", "p.csv", "--id-column", "id", "--progress", "none")
    dry = desk.here(*put, "--dry-run")
    assert dry.code == 0, dry.err
    assert "no request: '..' is no id that a request could name" in dry.out + dry.err
    done = desk.here(*put, "--yes", "--json")
    assert (done.code, done.counts) == (3, {"selected": 2, "done": 1, "failed": 1})
    assert desk.writes() == 1
