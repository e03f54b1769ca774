"""Runs on a real journal, as the report tests need them."""

from collections.abc import Callable, Iterator
from typing import Any

from intercom_bulk_updater.journal import Journal, RunRecord
from intercom_bulk_updater.model import Failure, FoundItem, Item, ItemResult, Outcome, RunStatus

GONE = Failure("404 not_found", "Resource Not Found", 404, "not_found", "req-404")
LOST = Failure("timeout", "no answer; nothing tells whether the request was carried out")


def mixed(item: Item) -> ItemResult:
    """By place: of each hundred 5 failed, 3 drifted, 2 unchanged, 1 in doubt, 89 done."""
    place = item.seq % 100
    if place < 5:
        return ItemResult(item.seq, Outcome.FAILED, failure=GONE)
    if place < 8:
        return ItemResult(item.seq, Outcome.DRIFTED, note="state is snoozed, was open")
    if place < 10:
        return ItemResult(item.seq, Outcome.UNCHANGED)
    if place == 10:
        return ItemResult(item.seq, Outcome.IN_DOUBT, failure=LOST)
    return done(item)


def done(item: Item) -> ItemResult:
    """Closed."""
    return ItemResult(item.seq, Outcome.DONE, after={"state": "closed", "updated_at": 5})


def a_run(
    journal: Journal,
    items: int,
    fate: Callable[[Item], ItemResult] = done,
    *,
    ids: Callable[[int], str] = lambda n: f"2154{n:08d}",
    before: Callable[[int], dict[str, Any]] = lambda n: {"state": "open"},
    name: str = "",
    finish: dict[str, Any] | None = None,
    **fields: Any,
) -> RunRecord:
    """A run of `items` that have met their fate; finished unless `finish` says otherwise."""
    told: dict[str, Any] = {
        "operation": "conversations.close",
        "selection": {"kind": "query", "words": "team = 5001 and state = open"},
        "workspace": "ws1",
        "author": "maria",
    }
    run = journal.create_run(**(told | fields))
    search = {"total": items, "seen": items, "pass": 1, "complete": True}
    for chunk in _chunks(items):
        journal.add_items(run.id, [FoundItem(ids(n), before(n), name=name) for n in chunk], search=search)
    while taken := journal.turn(run.id, [], 1000):
        journal.turn(run.id, [fate(item) for item in taken], 0)
    ended: dict[str, Any] = {
        "status": RunStatus.FINISHED,
        "started_at": 1_790_000_000.0,
        "finished_at": 1_790_000_090.5,
        "exit_code": 0,
        "totals": {"seconds": 90.5, "requests": {"total": 7, "search": 2, "action": 5}},
    }
    return journal.update_run(run.id, **(ended | (finish or {})))


def _chunks(items: int) -> Iterator[range]:
    for first in range(0, items, 1000):
        yield range(first + 1, min(items, first + 1000) + 1)
