"""Each parameter given as the type that Python has for it works as it is meant, or is a UsageError that names it; nothing is sent then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import inf, nan
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import intercom_bulk_updater as bulk

from .network import MemorySandbox

NINE = datetime(2030, 1, 2, 9, tzinfo=UTC)
Made = Callable[[ModuleType, ModuleType], Any]
"""A value of pandas and numpy."""


def of_frames(made: Made) -> Any:
    """A value of pandas and numpy, where they are installed."""
    return made(pytest.importorskip("pandas"), pytest.importorskip("numpy"))


def writes(box: MemorySandbox) -> int:
    """The write requests so far."""
    return sum(one["method"] != "GET" and "search" not in one["path"] for one in box.log(last=1000))


def ids_of(box: MemorySandbox, resource: str = "conversations") -> list[str]:
    """Three of them."""
    rows = box.conversations(state="open") if resource == "conversations" else box.contacts(role="user")
    return [str(one["id"]) for one in rows][:3]


@pytest.mark.parametrize("until", [
    NINE, NINE.replace(microsecond=5), int(NINE.timestamp()), NINE.timestamp(), NINE.isoformat(),
    lambda pandas, _: pandas.Timestamp(NINE), lambda _, numpy: numpy.int64(NINE.timestamp()),
])  # fmt: skip
def test_a_moment_is_the_same_however_it_is_held(box: MemorySandbox, until: Any) -> None:
    """As a parameter, and in a cell."""
    until = of_frames(until) if callable(until) else until
    one, other, _ = ids_of(box)
    assert bulk.run("conversations.snooze", ids=[one], until=until).counts.done == 1
    assert bulk.run("conversations.snooze", csv=[{"id": other, "at": until}], until="{{at}}").counts.done == 1
    assert [box.conversation(item)["snoozed_until"] for item in (one, other)] == [NINE.timestamp()] * 2


def test_a_day_and_a_length_are_moments_too(box: MemorySandbox) -> None:
    """A day is its first second there, a length counts from now."""
    one, _, _ = ids_of(box)
    made = (lambda pandas, _: pandas.Timedelta(days=4), lambda _, numpy: numpy.datetime64("2030-01-02T09"))
    for until in (date(2030, 1, 2), timedelta(days=3), *made):
        was = box.conversation(one)["snoozed_until"]
        assert bulk.run("conversations.snooze", ids=[one], until=of_frames(until) if callable(until) else until).counts.done == 1
        assert box.conversation(one)["snoozed_until"] != was


@pytest.mark.parametrize("team", [5002, 5002.0, Decimal(5002), "5002", lambda _, numpy: numpy.int64(5002)])
def test_an_id_is_the_same_however_it_is_held(box: MemorySandbox, team: Any) -> None:
    """A column of ids with a gap in it is one of floats."""
    team = of_frames(team) if callable(team) else team
    ids = ids_of(box)
    assert bulk.run("conversations.assign", ids=[float(ids[0]), int(ids[1]), ids[2]], to_team=team).ok
    assert {str(box.conversation(one)["team_assignee_id"]) for one in ids} == {"5002"}


@pytest.mark.parametrize("tags", [
    ("vip", 7003), {"vip", "bug"}, (tag for tag in ("vip", 7003)), [7001.0, "bug"],
    lambda pandas, _: pandas.Series(["vip", "bug"]), lambda _, numpy: numpy.array([7001, 7003]),
])  # fmt: skip
@pytest.mark.parametrize("ids", [tuple, set, iter, lambda pandas, _: pandas.Series, lambda _, numpy: numpy.array])
def test_several_are_given_in_whatever_holds_several(box: MemorySandbox, tags: Any, ids: Any) -> None:
    """A tuple, a set, a generator, a column."""
    items = ids_of(box)
    if hasattr(tags, "gi_frame"):
        tags = (tag for tag in ("vip", 7003))  # parameters are made once for all
    hold = of_frames(ids) if getattr(ids, "__name__", "") == "<lambda>" else ids
    run = bulk.run("conversations.tag", ids=hold(list(items)), tag=of_frames(tags) if callable(tags) else tags)
    assert run.counts.selected == 3 and run.ok
    assert all({"7001", "7003"} <= {str(tag["id"]) for tag in box.conversation(one)["tags"]["tags"]} for one in items)


def test_a_frame_with_gaps_leaves_the_fields_of_the_gaps(box: MemorySandbox) -> None:
    """As `to_dict("records")` gives it, by whatever pandas marks a gap: nan, NaT, NA."""
    pandas = pytest.importorskip("pandas")
    ids = ids_of(box, "contacts")
    was = [box.contact(one) for one in ids]
    frame = pandas.DataFrame({
        "id": ids, "name": ["Ann", None, None], "seats": [3, None, None], "whole": pandas.array([4, None, None], dtype="Int64"),
        "day": pandas.to_datetime(["2030-01-31", None, None]), "paid": pandas.array([True, None, None], dtype="boolean"),
    })  # fmt: skip
    rows = frame.to_dict("records")
    places = {"name": "{{name}}", "seats": "{{seats}}", "renews_at": "{{day}}", "paid_subscriber": "{{paid}}"}
    done = bulk.run("contacts.set", csv=rows, values=places)
    assert done.ok and done.counts.done == 1, done.report()
    now = [box.contact(one) for one in ids]
    assert (now[0]["name"], now[0]["custom_attributes"]["seats"], now[0]["custom_attributes"]["paid_subscriber"]) == ("Ann", 3, True)
    assert [one["custom_attributes"] for one in now[1:]] == [one["custom_attributes"] for one in was[1:]]
    looked = bulk.preview("contacts.note", csv=rows, body="{{name|there}} {{whole|0}} {{day|never}} {{paid|no}}")
    assert [message[-1] for message in looked.messages] == ["Ann 4 2030-01-31 true", *["there 0 never no"] * 2]


def test_values_are_what_they_are(box: MemorySandbox) -> None:
    """A whole number that comes as a float, a day, a flag of numpy; None clears."""
    one = ids_of(box, "contacts")[0]
    given = {"seats": 3.0, "renews_at": date(2030, 1, 31), "paid_subscriber": True, "name": "Zed"}
    assert bulk.run("contacts.set", ids=[one], values=given).counts.done == 1
    shown = box.contact(one)
    assert (shown["name"], shown["custom_attributes"]["seats"], shown["custom_attributes"]["paid_subscriber"]) == ("Zed", 3, True)
    assert bulk.run("contacts.set", ids=[one], values={"seats": Decimal("7.0"), "renews_at": NINE, "name": None}).counts.done == 1
    shown = box.contact(one)
    assert (shown["name"], shown["custom_attributes"]["seats"], shown["custom_attributes"]["renews_at"]) == (None, 7, NINE.timestamp())


WRONG: list[tuple[str, str, Any]] = [
    *(("conversations.snooze", "until", value) for value in (True, nan, inf, 5, time(9), [NINE], b"tomorrow")),
    *(("conversations.assign", "to_team", value) for value in (True, nan, 5.5, [5002], {}, b"5002", Path("x"))),
    ("conversations.snooze", "until", lambda pandas, _: pandas.NaT), ("conversations.assign", "to_team", lambda pandas, _: pandas.NA),
    *(("conversations.assign", "keep_state", value) for value in (1, "yes", nan)),
    *(("conversations.note", "body", value) for value in (3, True, nan, b"text", ["text"])),
    *(("conversations.tag", "tag", value) for value in ([None], [nan], [["vip"]], {"vip": 1}, b"vip", True, [5.5])),
    *(("conversations.export", "output", value) for value in (5, ["out"])), ("conversations.export", "format", 5),
    *(("contacts.set", "values", value) for value in (5, [("name", "x")])),
    *(("contacts.set", "values['name']", {"name": value}) for value in (nan, ["x"], {"x": 1}, {"x"}, b"x", lambda: 1)),
    ("contacts.set", "values['name=']", {"name=": "x"}), ("contacts.attach-company", "company", nan),
    ("conversations.merge", "into", nan), ("tickets.link", "conversation", [None]), ("conversations.redact", "part", [nan]),
]


@pytest.mark.parametrize(("verb", "named", "value"), WRONG)
def test_what_cannot_be_meant_is_named(box: MemorySandbox, verb: str, named: str, value: Any) -> None:
    """By the parameter, what it takes, and what it was; no request is sent at all."""
    value = of_frames(value) if callable(value) else value
    sent = len(box.log(last=1000))
    given = {"output": "out"} if named == "format" else {"to_team": 5002} if named == "keep_state" else {}
    with pytest.raises(bulk.UsageError) as told:
        bulk.run(verb, ids=["1"], irreversible=True, customer_visible=True, **{**given, named.partition("[")[0]: value})
    assert told.value.message.startswith(f"{verb.partition('.')[2]}: {named} is ") and len(box.log(last=1000)) == sent, told.value.message
    assert not any(type_of in told.value.message for type_of in ("|", "--"))


def test_a_cell_is_one_value_where_it_is_used(box: MemorySandbox) -> None:
    """A column that holds objects may stand beside; in a parameter it is refused with its row."""
    rows = [{"id": one, "text": "seen", "held": held} for one, held in zip(ids_of(box), (None, {"x": 1}, {1}), strict=True)]
    assert bulk.preview("conversations.note", csv=rows, body="{{text}}").would_change == 3
    with pytest.raises(bulk.UsageError, match=r"csv\[1\]\['held'\] is a dict, and a cell is"):
        bulk.preview("conversations.note", csv=iter(rows), body="{{held|x}}")
    with pytest.raises(bulk.UsageError, match=r"csv\[1\]\['held'\] is a dict, and a cell is"):
        bulk.each("articles", "PUT", "articles/{{id}}", {"title": "{{held}}"}, csv=rows, dry_run=True)
    with pytest.raises(bulk.UsageError, match=r"csv\[2\]: There is no team 'nowhere'"):
        to = [{"id": str(place), "to": team} for place, team in enumerate((5001, "5002", "nowhere"))]
        bulk.run("conversations.assign", csv=to, to_team="{{to}}")


def test_options_are_numbers_of_whatever_kind(box: MemorySandbox) -> None:
    """Lengths of time as timedelta, numbers of numpy."""
    numpy = pytest.importorskip("numpy")
    given = {"expect": numpy.int64(3), "max": numpy.int32(5), "limit": numpy.int64(3), "share": Decimal("0.5"), "dry_run": numpy.True_}
    lengths = {"deadline": timedelta(hours=2), "patience": timedelta(minutes=1), "timeout": timedelta(seconds=20)}
    assert bulk.run("conversations.close", ids=ids_of(box), **given, **lengths).counts.selected == 3
    rows = list(bulk.find("conversations", "state = open", columns=numpy.array(["id"]), limit=numpy.int64(1)))
    assert len(rows) == 1
