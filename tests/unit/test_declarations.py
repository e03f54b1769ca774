"""What a class says about itself is checked when it is defined; what an action returns is looked at; names are told from slips."""

from __future__ import annotations

import datetime
import enum
from contextlib import suppress
from typing import Any, Literal

import pytest

from intercom_bulk_updater import IntercomBulkUpdater, SafetyStop, UsageError, operation
from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.service.options import with_options
from intercom_bulk_updater.updaters.arguments import check_typed, sort
from intercom_bulk_updater.updaters.coercion import coerce
from intercom_bulk_updater.updaters.declaration import slip_of
from intercom_bulk_updater.updaters.evidence import failure_in
from intercom_bulk_updater.updaters.function import updater_of
from intercom_bulk_updater.updaters.host_guard import HostGuard


def generator(self: Any, item_id: str) -> Any:
    yield {}


async def coroutine(self: Any, item_id: str) -> Any:
    return {}


async def stream(self: Any, item_id: str) -> Any:
    yield {}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"perform_action": generator}, "yield"),
    ({"perform_action": coroutine}, "async def"),
    ({"perform_action": stream}, "async def"),
    ({"undo_action": generator}, "yield"),
    ({"is_done": coroutine}, "async def"),
    ({"before": generator}, "yield"),
    ({"undo_actoin": lambda self: None}, "undo_action"),
    ({"idempotant": True}, "idempotent"),
    ({"Idempotent": True}, "idempotent"),
    ({"performAction": lambda self: None}, "perform_action"),
    ({"isDone": lambda self: None}, "is_done"),
    ({"befoer": lambda self: None}, "before"),
    ({"customer_visable": True}, "customer_visible"),
    ({"request_per_item": 2}, "requests_per_item"),
    ({"idempotent": "yes"}, "True, False or None"),
    ({"requests_per_item": 0}, "whole number"),
    ({"reversibility": "fields"}, "Reversibility"),
    ({"read_only": 1}, "True or False"),
    ({"read_onyl": True}, "read_only"),
    ({"read_only": True, "customer_visible": True}, "changes nothing"),
    ({"read_only": True, "before": lambda self, item: {}, "undo_action": lambda self, item_id, before: {}}, "changes nothing"),
    ({"allowed_hosts": property(lambda self: ())}, "a tuple of host names"),
    ({"items_per_request": 50}, "no perform_batch"),
    ({"items_per_request": 50, "perform_batch": lambda self, item_ids: {}}, "no before"),
]


@pytest.mark.parametrize(("body", "said"), WRONG, ids=lambda value: next(iter(value)) if isinstance(value, dict) else value)
def test_a_wrong_declaration_is_refused_when_the_class_is_defined(body: dict[str, Any], said: str) -> None:
    """It would be ignored, and the run go without it."""
    with pytest.raises(TypeError, match=said):
        type("Mine", (IntercomBulkUpdater,), body)


@pytest.mark.parametrize(
    "name",
    ["perform_action_safely", "changes", "before_close", "get_item", "get_items", "get_team_id", "get_search_query_for", "undo",
     "search_query", "action", "perform", "is_open", "is_closed", "done", "client_id", "headers_for", "reverse", "visible"],
)  # fmt: skip
def test_ordinary_helpers_are_no_slips(name: str) -> None:
    """A class may have methods of its own."""
    assert slip_of(name) == ""
    assert type("Mine", (IntercomBulkUpdater,), {name: lambda self: None})


FAILURES = [
    None, False, NotImplemented, {"success": False}, {"ok": False}, {"error": "no"}, {"errors": ["no"]}, (404, {}), ({"x": 1}, 404),
    (False, "no"), (200, {"ok": False}), (n for n in ()), map(str, []), ValueError("no"),
]  # fmt: skip


@pytest.mark.parametrize("result", FAILURES, ids=lambda result: repr(result).partition(" at 0x")[0])
def test_what_says_that_it_failed_is_no_success(result: Any) -> None:
    """And the reason begins with the method."""
    found = failure_in(result, "perform_action")
    assert found is not None and str(found).startswith("perform_action returned ")


@pytest.mark.parametrize("result", [True, {}, {"id": "1"}, "", "x", 0, 7, [], (200, {}), ({"x": 1}, 200), {"error": None}, {"type": "x", "errors": [1]}], ids=repr)  # noqa: E501
def test_everything_else_is_fine(result: Any) -> None:
    """Whatever an action returns that says nothing of a failure."""
    assert failure_in(result, "perform_action") is None


def test_a_coroutine_is_closed_and_not_run() -> None:
    """No warning that it was never awaited."""
    assert "a coroutine" in str(failure_in(coroutine(None, ""), "perform_action"))


class Mood(enum.Enum):
    GOOD = "good"


class Typed(IntercomBulkUpdater):
    def get_search_query(self, team_id: int, since: datetime.date | None = None) -> dict[str, Any]:
        return {}

    def perform_action(
        self, item_id: str, value: int = 0, flag: bool = False, share: float = 1.0, tags: list[str] | None = None,
        names: list[int] = [], mood: Mood = Mood.GOOD, how: Literal["fast", "slow"] = "fast", text: str = "", free=None,  # type: ignore[no-untyped-def] # noqa: B006
    ) -> Any:
        return {}


TEXTS: list[tuple[str, str, Any]] = [
    ("value", "7", 7), ("flag", "true", True), ("flag", "no", False), ("share", "0.5", 0.5), ("team_id", "0012", 12),
    ("since", "2026-01-31", datetime.date(2026, 1, 31)), ("since", "null", None), ("names", "1, 2", [1, 2]), ("names", "[3]", [3]),
    ("names", "", []), ("mood", "good", Mood.GOOD), ("how", "slow", "slow"), ("text", "true", "true"), ("text", "7", "7"),
    ("free", "7", "7"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "value"), TEXTS)
def test_text_arrives_as_it_is_annotated(name: str, text: str, value: Any) -> None:
    """By the annotations of whichever method takes the parameter."""
    assert coerce(Typed, {name: text}) == {name: value}


UNREADABLE = [
    ("value", "seven"), ("value", "true"), ("share", "false"), ("flag", "perhaps"), ("since", "soon"), ("how", "medium"), ("names", "a,b"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), UNREADABLE)
def test_text_that_is_none_is_refused(name: str, text: str) -> None:
    """Before anything is sent, with the parameter's name."""
    with pytest.raises(UsageError, match=f"^{name}: Typed takes {name}"):
        sort(Typed, {name: text})


class Loose(IntercomBulkUpdater):
    def perform_action(self, item_id: str, **kwargs: Any) -> Any:
        return {}


OPTIONS = ["ids", "dry", "where", "query", "simulate", "preview", "paln", "plan", "max_workers", "on_progress", "dryrun", "filter"]


@pytest.mark.parametrize("name", OPTIONS)
def test_what_looks_like_an_option_is_refused(name: str) -> None:
    """Also where a method takes whatever it is given; by the command too."""
    with pytest.raises(UsageError, match=f"no argument '{name}'"):
        sort(Loose, {name: 1})
    with pytest.raises(UsageError, match=f"--param {name}"):
        check_typed(Loose, [name])


def test_what_no_method_takes_is_refused() -> None:
    """And what one of them takes by **kwargs is not."""
    with pytest.raises(UsageError, match="Typed has no parameter 'colour'; it has flag, free"):
        sort(Typed, {"colour": 1})
    with pytest.raises(UsageError, match="--param colour: Typed has no such parameter"):
        check_typed(Typed, ["colour"])
    assert sort(Loose, {"colour": 1}) == ({}, {"colour": 1})


def test_a_rate_has_one_meaning() -> None:
    """A number without its unit is refused, as by the command, with the right form."""
    assert [with_options(Options(), sort(Loose, {"rate": rate})[0]).rate for rate in ("300/min", "5/s")] == [5.0, 5.0]
    with pytest.raises(UsageError, match="rate='5/min'"):
        sort(Loose, {"rate": 5})


HOSTS = [
    ("http://127.0.0.1:8080", "api.intercom.io", True), ("http://127.0.0.1:8080", "127.0.0.1", False),
    ("https://api.intercom.io", "api.eu.intercom.io", True), ("https://api.intercom.io", "api.intercom.io", False),
    ("https://api.eu.intercom.io", b"API.Intercom.IO.", True), ("http://127.0.0.1:8080", "example.com", False),
    ("http://127.0.0.1:8080", "notintercom.io", False), ("https://proxy.example.com/intercom", "api.intercom.io", True),
]  # fmt: skip


@pytest.mark.parametrize(("base", "host", "refused"), HOSTS)
def test_another_intercom_is_refused(base: str, host: Any, refused: bool) -> None:
    """Any host of Intercom's but the run's own, and no other host."""
    guard = HostGuard(base, (), "Mine")
    with suppress(SafetyStop):
        guard.check(host)
    assert (guard.refused is not None) is refused
    HostGuard(base, ("api.intercom.io", "api.eu.intercom.io"), "Mine").check(host)


def acts(item_id: str, client: Any, *, tag: str) -> dict[str, Any]:
    return {"tag": tag}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"idempotant": True}, "no argument 'idempotant'"), ({"undo": acts}, "needs before="),
        ({"idempotent": "yes"}, "True, False or None"),
        ({"is_done": lambda item_id: True}, "must take item_id, client first"), ({"items_per_request": 9}, "no perform_batch"),
        ({"is_done": lambda client, contact: True}, "must take item_id, client first"),
    ],
)  # fmt: skip
def test_what_operation_is_told_wrongly_is_refused_at_once(given: dict[str, Any], said: str) -> None:
    """As for a class: a slip would be ignored."""
    with pytest.raises(TypeError, match=said):
        operation("contacts", **given)(acts)


def test_operation_needs_a_resource_and_a_function_that_runs() -> None:
    """`@operation` alone, a function without a client or with its first two in another order, `async def`, a generator."""
    with pytest.raises(TypeError, match="says first what the items are"):
        operation(acts)  # type: ignore[arg-type]
    swapped = lambda client, contact: {}  # noqa: E731
    first = "must take item_id, client first"
    for wrong, said in ((lambda item_id: {}, first), (swapped, first), (coroutine, "async def"), (generator, "yield")):
        with pytest.raises(TypeError, match=said):
            operation("contacts")(wrong)


def test_a_function_stays_one() -> None:
    """It can be called and tested as before; the class that is made of it has its name and its words."""
    made = operation("contacts", idempotent=True)(acts)
    assert made is acts and made("1", None, tag="vip") == {"tag": "vip"}
    cls = updater_of(made)
    assert cls is not None and (cls.__name__, cls.__module__, cls.idempotent) == ("acts", __name__, True)
    assert updater_of(len) is None and updater_of(IntercomBulkUpdater) is None
