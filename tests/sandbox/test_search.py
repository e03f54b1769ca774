"""Searching and paging conversations."""

from __future__ import annotations

import base64
import json
import threading

import pytest

from intercom_sandbox import running

BY_ID = {"field": "id", "order": "ascending"}


def test_a_walk_finds_each_match_once_and_next_is_absent_on_the_last_page(api, box):
    """Keyset paging gives every match exactly once, `total_count` agrees, the last page has no `next`."""
    found = api.walk(per_page=20)
    wanted = {row["id"] for row in box.conversations(team=5001, state="open")}
    assert len(found) == len(set(found)) and set(found) == wanted
    last = api.search(per_page=150).json
    assert "next" not in last["pages"] and last["total_count"] == len(wanted)


def test_the_cursor_holds_sort_value_in_ms_id_and_page(api):
    """The cursor is base64 of [sort value in ms, id, next page], as live ones decode."""
    page = api.search(per_page=10).json
    value, key, number = json.loads(base64.b64decode(page["pages"]["next"]["starting_after"]))
    last = page["conversations"][-1]
    assert (value, str(key), number) == (last["updated_at"] * 1000, last["id"], 2)


def test_writing_while_walking_neither_skips_nor_repeats_with_sort_by_id(api):
    """Closing what a page returned does not shift the pages that follow when the walk is ordered by id."""
    wanted = set(api.walk())
    seen: list[str] = []
    cursor = None
    while True:
        page = api.search(per_page=10, sort=BY_ID, pagination={"starting_after": cursor}).json
        for item in page["conversations"]:
            api.close(item["id"])
            seen.append(item["id"])
        if "next" not in page["pages"]:
            break
        cursor = page["pages"]["next"]["starting_after"]
    assert sorted(seen) == sorted(wanted) and len(seen) == len(set(seen))


def test_a_restart_above_the_last_id_continues_the_walk(api):
    """A filter `id > last` with sort by id returns what a cursor would have."""
    everything = api.walk(sort=BY_ID)
    after = {"operator": "AND", "value": [{"field": "id", "operator": ">", "value": everything[9]}]}
    query = {
        "operator": "AND",
        "value": [
            {"field": "team_assignee_id", "operator": "=", "value": 5001},
            {"field": "state", "operator": "=", "value": "open"},
            after["value"][0],
        ],
    }
    answer = api.search(query, per_page=150, sort=BY_ID).json
    assert [item["id"] for item in answer["conversations"]] == everything[10:]
    assert answer["total_count"] == len(everything) - 10


@pytest.mark.parametrize(
    ("order", "key", "reverse"),
    [
        ("updated_at desc", "updated_at", True),
        ("updated_at asc", "updated_at", False),
        ("created_at desc", "created_at", True),
        ("id asc", "id", False),
    ],
)
def test_the_default_order_is_a_switch(api, box, order, key, reverse):
    """Searches without `sort` come in the order that `default_order` names."""
    box.control(default_order=order)
    values = [item[key] for item in api.search(per_page=150).json["conversations"]]
    assert values == sorted(values, reverse=reverse)


def test_sort_can_be_honoured_ignored_or_rejected(api, box):
    """`sort` on conversations is undocumented, so all three behaviours can be had."""
    ascending = [item["id"] for item in api.search(sort=BY_ID, per_page=150).json["conversations"]]
    assert ascending == sorted(ascending)
    box.control(sort="ignored")
    assert [item["id"] for item in api.search(sort=BY_ID, per_page=150).json["conversations"]] != ascending
    box.control(sort="rejected")
    assert api.search(sort=BY_ID).status == 400
    bad = api("POST", "/contacts/search", {"query": {"field": "role", "operator": "=", "value": "user"},
                                           "sort": {"field": "name", "order": "desc"}})  # fmt: skip
    assert (bad.status, bad.code) == (400, "invalid_sort_order")


@pytest.mark.parametrize(
    "leaf",
    [
        {"field": "team_assignee", "operator": "=", "value": 1},
        {"field": "team_assignee_id", "operator": "~", "value": 1},
        {"field": "team_assignee_id", "operator": "=", "value": "Support"},
        {"field": "state", "operator": ">", "value": "open"},
        {"field": "open", "operator": "=", "value": "yes"},
        {"field": "created_at", "operator": ">", "value": "yesterday"},
        {"field": "state", "operator": "IN", "value": "open"},
        {"field": "state", "operator": "=", "value": ["open"]},
        {"field": "state", "operator": "="},
        {"operator": "AND", "value": []},
        {"operator": "XOR", "value": [{"field": "state", "operator": "=", "value": "open"}]},
        {"operator": "AND", "value": [{"field": "state", "operator": "=", "value": "open"}] * 16},
        {"operator": "AND", "value": [{"operator": "OR", "value": [{"operator": "AND", "value": [
            {"field": "state", "operator": "=", "value": "open"}]}]}]},
    ],
)  # fmt: skip
def test_wrong_filters_are_400(api, leaf):
    """Unknown fields, operators of another type, values of another type, too many or too deep filters: 400."""
    answer = api.search(leaf)
    assert (answer.status, answer.code) == (400, "parameter_invalid")


def test_search_without_query_names_the_missing_parameter(api):
    """`query` is required."""
    answer = api("POST", "/conversations/search", {"pagination": {"per_page": 5}})
    assert (answer.status, answer.code) == (400, "parameter_missing")


def test_type_checks_have_a_strict_switch(api, box):
    """Digits in a string pass for an integer unless int_filters is strict; the error code is a switch as well."""
    leaf = {"field": "team_assignee_id", "operator": "=", "value": "5001"}
    assert api.search(leaf).json["total_count"] > 0
    box.control(int_filters="strict", search_error_code="bad_request")
    answer = api.search(leaf)
    assert (answer.status, answer.code) == (400, "bad_request")


def test_operators_mean_what_the_reference_says(api, box):
    """Words in source.body, open with snoozed, IN, NIN, nested OR, ranges, empty values, contains, starts with."""
    rows = {row["id"]: row for row in box.conversations()}

    def count(*leaves: object, operator: str = "AND") -> int:
        return int(api.search({"operator": operator, "value": list(leaves)}, per_page=1).json["total_count"])

    def leaf(field: str, operator: str, value: object) -> dict[str, object]:
        return {"field": field, "operator": operator, "value": value}

    opened = sum(row["state"] != "closed" for row in rows.values())
    assert count(leaf("open", "=", True)) == opened
    assert count(leaf("state", "IN", ["open", "snoozed"])) == opened
    assert count(leaf("state", "NIN", ["closed"])) == opened
    assert count(leaf("state", "!=", "closed")) == opened
    assert count(leaf("team_assignee_id", "=", 0)) == count(leaf("team_assignee_id", "=", None))
    assert count(leaf("source.body", "=", "support")) > 0
    assert count(leaf("source.body", "=", "this with")) == 0
    assert count(leaf("source.body", "~", "support with")) == count(leaf("source.body", "=", "support"))
    assert count(leaf("title", "^", "The")) + count(leaf("title", "$", "year")) > 0
    tagged = sum(7001 in row["tags"] for row in rows.values())
    assert count(leaf("tag_ids", "=", "7001")) == tagged
    assert count(leaf("tag_ids", "!=", "7001")) == len(rows) - tagged
    middle = sorted(row["updated_at"] for row in rows.values())[100]
    assert count(leaf("updated_at", ">", middle)) + count(leaf("updated_at", "<=", middle)) == len(rows)
    group = {"operator": "OR", "value": [leaf("state", "=", "open"), leaf("state", "=", "snoozed")]}
    assert count(leaf("team_assignee_id", "=", 5001), group) == sum(
        row["team"] == 5001 and row["state"] != "closed" for row in rows.values()
    )
    assert count(leaf("custom_attributes.issue_type", "=", "Bug")) > 0
    box.control(custom_attribute_search=False)
    assert api.search(leaf("custom_attributes.issue_type", "=", "Bug")).status == 400


def test_greater_and_less_can_include_equality(api, box):
    """The reference calls `>` "greater (or equal)"; which of both is a switch."""
    stamp = box.conversations()[50]["updated_at"]
    leaf = {"field": "updated_at", "operator": ">", "value": stamp}
    strict = api.search(leaf).json["total_count"]
    box.control(inclusive_order=True)
    assert api.search(leaf).json["total_count"] > strict


def test_per_page_has_default_20_and_maximum_150(api, box):
    """20 without `per_page`; above 150 it is cut or refused."""
    page = api("POST", "/conversations/search", {"query": {"field": "read", "operator": "IN", "value": [True, False]}})
    assert len(page.json["conversations"]) == page.json["pages"]["per_page"] == 20
    assert api.search(per_page=500).json["pages"]["per_page"] == 150
    assert api.search(per_page=0).status == 400
    box.control(per_page_over_max="reject")
    assert api.search(per_page=500).status == 400


def test_the_index_lags_behind_get(api, box):
    """With index_lag a search still finds and shows the old state of what GET shows closed."""
    box.control(index_lag=60.0)
    victim = api.walk()[0]
    api.close(victim)
    assert api("GET", f"/conversations/{victim}").json["state"] == "closed"
    shown = {item["id"]: item for item in api.search(per_page=150).json["conversations"]}
    assert shown[victim]["state"] == "open"
    new = box.add_conversations(3, team=5001, state="open")
    assert not set(new) & set(api.walk())
    box.control(index_lag=0.0)
    assert set(new) < set(api.walk()) and victim not in api.walk()


def test_the_index_catches_up(caller):
    """Once the lag is over, searches see the write."""
    with running(conversations=60, index_lag=1.0) as box:
        api = caller(box)
        victim = api.walk()[0]
        api.close(victim)
        assert victim in api.walk()
        threading.Event().wait(1.1)
        assert victim not in api.walk()


def test_hidden_items_appear_in_the_second_pass(api, box):
    """hide_share hides a part of the matches until the walk is over and begins again."""
    everything = set(api.walk())
    box.control(hide_share=0.2)
    counted = api.search(per_page=1).json["total_count"]
    first, second = set(api.walk(per_page=20)), set(api.walk(per_page=20))
    assert first < everything and counted == len(first)
    assert second == everything


def test_hidden_items_can_appear_at_the_second_search(api, box):
    """hide_until=search counts searches without a cursor instead."""
    everything = len(api.walk())
    box.control(hide_share=0.2, hide_until="search")
    assert api.search(per_page=1).json["total_count"] < everything
    assert api.search(per_page=1).json["total_count"] == everything


def test_the_cursor_can_repeat(api, box):
    """cursor=repeat: after `repeat_after` pages the same cursor comes again and paging never ends."""
    box.control(cursor="repeat", repeat_after=2)
    cursors = []
    cursor = None
    for _ in range(6):
        page = api.search(per_page=5, pagination={"starting_after": cursor}).json
        cursor = page["pages"]["next"]["starting_after"]
        cursors.append(cursor)
    assert len(set(cursors)) < len(cursors)


def test_page_numbers_drift_when_items_leave(api, box):
    """cursor=offset: closing what was returned makes the next page skip as many."""
    wanted = set(api.walk())
    box.control(cursor="offset")
    seen: set[str] = set()
    cursor = None
    while True:
        page = api.search(per_page=10, pagination={"starting_after": cursor}).json
        for item in page["conversations"]:
            api.close(item["id"])
            seen.add(item["id"])
        if "next" not in page["pages"]:
            break
        cursor = page["pages"]["next"]["starting_after"]
    assert seen < wanted


def test_shuffled_order_is_none_that_was_asked_for(api, box):
    """cursor=shuffled still gives everything once, in neither order."""
    everything = api.walk(sort=BY_ID)
    box.control(cursor="shuffled")
    shuffled = api.walk(sort=BY_ID, per_page=20)
    assert sorted(shuffled) == everything and shuffled != everything


def test_a_page_fails_on_demand(api, box):
    """fail_page=2 answers 500 for the second page, once."""
    box.control(fail_page=2)
    cursor = api.search(per_page=10).json["pages"]["next"]["starting_after"]
    assert api.search(per_page=10, pagination={"starting_after": cursor}).status == 500
    assert api.search(per_page=10, pagination={"starting_after": cursor}).status == 200


def test_wrong_counts_wrong_cursors_and_caps(api, box):
    """total_count can lie, a foreign cursor is 400, deep paging and long IN lists can be capped."""
    right = api.search(per_page=5).json
    box.control(count_error=7)
    assert api.search(per_page=5).json["total_count"] == right["total_count"] + 7
    bad = api.search(pagination={"starting_after": "nonsense"})
    assert (bad.status, bad.code) == (400, "client_error")
    box.control(deep_paging_cap=5, in_list_max=2)
    after = {"starting_after": right["pages"]["next"]["starting_after"]}
    assert api.search(per_page=5, pagination=after).status == 400
    assert api.search({"field": "id", "operator": "IN", "value": ["1", "2", "3"]}).status == 400


def test_list_of_conversations_pages_with_query_parameters(api):
    """GET /conversations walks everything by starting_after."""
    found: list[str] = []
    path = "/conversations?per_page=60"
    while True:
        page = api("GET", path).json
        found += [item["id"] for item in page["conversations"]]
        if "next" not in page["pages"]:
            break
        path = f"/conversations?per_page=60&starting_after={page['pages']['next']['starting_after']}"
    assert len(found) == len(set(found)) == 200
