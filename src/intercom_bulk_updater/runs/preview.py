"""The review: what a run would change, item by item, read from the journal. The text of every dry run, plan and question."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..api.redact import is_secret
from ..journal import Store
from ..model import Item, ItemResult, Outcome
from ..operations.operation import Change, Operation
from ..parsing.dates import is_moment, local_moment
from .search_state import SearchState
from .sources import left_out

_SAMPLE = 5
# What is assumed of a limit that no answer has told yet: Intercom's documented 10,000 calls a minute, in ten seconds.
_ASSUMED_LIMIT, _WINDOW = 1667, 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """What a person lets a run have of the rate limit: a `share` of it, a `rate` of requests a second, a number of `workers`.

    `latency`: seconds that an answer takes, as seen so far; 0 for not known.
    """

    share: float = 1.0
    rate: float | None = None
    workers: int | None = None
    latency: float = 0.0

    def requests_a_second(self, limit: float) -> float:
        """Requests a second that this lets through where Intercom allows `limit`."""
        allowed = limit * self.share
        if self.rate is not None:
            allowed = min(allowed, self.rate)
        if self.workers and self.latency > 0:
            allowed = min(allowed, self.workers / self.latency)
        return allowed


@dataclass(slots=True)
class Preview:
    """What would happen. `groups` counts items by their change in words; `sample` holds a few items with theirs."""

    operation: str
    selected: int = 0
    would_change: int = 0
    unchanged: int = 0
    failed: int = 0
    drifted: int = 0
    """Items that somebody changed since the plan, or since the run that is being undone."""
    unknown: int = 0
    """Items whose change the operation cannot tell beforehand."""
    groups: Counter[str] = field(default_factory=Counter)
    sample: list[tuple[str, str]] = field(default_factory=list)
    reversibility: str = ""
    side_effects: str = ""
    customer_visible: bool | None = False
    """None: an updater that does not say."""
    customers: int | None = None
    """How many people would be written to, when the operation writes to people."""
    requests: int = 0
    seconds: float = 0.0
    quota_share: float = 0.0
    """Part of the rate limit that the run takes while it lasts, 0 to 1."""
    backup: str = ""
    """The file that keeps each item whole before its write; "" for what undo can take back."""
    search: dict[str, int] = field(default_factory=dict)
    """Beside the items that are selected: `total` that match where --limit cut them off, `missing` that were announced and
    never shown, `contradicting` the filter and `unusable` entries that were left out, and items
    `unchecked` because none of them tells whether it matches the filter."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "selected": self.selected,
            "would_change": self.would_change,
            "unchanged": self.unchanged,
            **({"drifted": self.drifted} if self.drifted else {}),
            "groups": dict(self.groups.most_common(50)),
            "sample": [{"id": i, "change": c} for i, c in self.sample],
            "reversibility": self.reversibility,
            "side_effects": self.side_effects,
            "customer_visible": self.customer_visible,
            **({"customers": self.customers} if self.customers is not None else {}),
            **({"backup": self.backup} if self.backup else {}),
            **({"search": self.search} if self.search else {}),
            "estimate": {"requests": self.requests, "seconds": round(self.seconds, 1), "quota_share": self.quota_share},
        }


_KINDS = {"team_assignee_id": "team", "admin_assignee_id": "admin", "tags": "tag"}
_LISTED = {"tags": "tag", "companies": "company", "subscriptions": "subscription"}
"""Fields that are lists of ids; what one of them is."""
Label = Callable[[str, str], str]
"""What the item of a kind ("team", "admin", "tag") with an id is called: `Support (5001)`."""


def words(change: Change | None, names: Mapping[str, str] | None = None, label: Label | None = None, *, moments: bool = True) -> str:
    """A change in words: `state: open -> closed`, `+tag incident (7004)`.

    Parameters
    ----------
    names:
        What the operation's own ids are called.
    label:
        Looks the others up, where the workspace can be asked.
    moments:
        Whether a time that ends by the change is named; without, changes that differ by it alone read alike.
    """
    if change is None:
        return "acted on (the change is not known beforehand)"
    if not change:
        return "already in the requested state"

    def called(name: str, value: Any) -> str:
        known = (names or {}).get(str(value))
        return known or (label(_KINDS[name], str(value)) if label is not None and name in _KINDS else str(value))

    said = []
    for name, (old, new) in _without_ended_snooze(change, moments=moments).items():
        if name in _LISTED:
            said += [f"+{_LISTED[name]} {called(name, one)}" for one in new if one not in (old or ())]
            said += [f"-{_LISTED[name]} {called(name, one)}" for one in (old or ()) if one not in new]
        elif old is None and new == "one more message":
            said.append(f"+{name}")
        else:
            field = name.removeprefix("custom_attributes.").removesuffix("_assignee_id").replace("_until", " until")
            if is_secret(name):
                said.append(f"{field}: changed (not shown)")
                continue
            was = "another time" if is_moment(name, old) and not moments else _value(name, old, called)
            said.append(f"{field}: {was} -> {_value(name, new, called)}")
    return ", ".join(said)


def _without_ended_snooze(change: Change, *, moments: bool) -> Change:
    """A snooze and its end in one: `state: snoozed until Mon 30 Nov 09:00 -> open` instead of two fields."""
    if "state" not in change or "snoozed_until" not in change:
        return change
    whole = tuple(
        f"snoozed until {local_moment(until)}" if state == "snoozed" and is_moment("snoozed_until", until) and (moments or place) else state
        for place, (state, until) in enumerate(zip(change["state"], change["snoozed_until"], strict=True))
    )
    return {name: (whole[0], whole[1]) if name == "state" else pair for name, pair in change.items() if name != "snoozed_until"}


def _value(name: str, value: Any, called: Callable[[str, Any], str]) -> str:
    if value is None or value == "":
        return "empty"
    if value == 0 and not isinstance(value, bool):
        return "nobody" if name in _KINDS else "0"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(called(name, part) for part in value) or "none"
    return local_moment(value) if is_moment(name, value) else called(name, value)


def look(
    journal: Store,
    run: str,
    operation: Operation,
    *,
    limit: int | None,
    requests_read: int,
    pace: Pace | None = None,
    label: Label | None = None,
    batch: int = 1,
    backup: Path | None = None,
) -> Preview:
    """Go through the pending items of a run, mark those that are in the requested state, and say what the rest would become.

    `limit`: calls a window, as the server told it; `pace`: what else limits the run; `batch`: items that one request acts on.
    Memory stays flat: items stream through.
    """
    review = Preview(
        operation.describe(),
        reversibility=str(operation.reversibility),
        side_effects=operation.side_effects,
        customer_visible=operation.customer_visible,
        backup="" if backup is None else str(backup),
    )
    people: set[str] = set()
    fates: list[ItemResult] = []
    for item, change in changes(journal, run, operation):
        if change == {}:
            fates.append(ItemResult(item.seq, Outcome.UNCHANGED, attempts=0))
            if len(fates) >= 1000:
                journal.turn(run, fates, 0)
                fates = []
            continue
        review.would_change += 1
        review.unknown += change is None
        said = words(change, operation.names, label, moments=False)
        if len(review.groups) < 500 or said in review.groups:
            review.groups[said] += 1
        if len(review.sample) < _SAMPLE:
            review.sample.append((item.id, words(change, operation.names, label)))
        if operation.customer_visible:
            people.update((item.before or {}).get("contacts") or ())
    if fates:
        journal.turn(run, fates, 0)
    counts = journal.counts(run)
    review.selected, review.unchanged, review.failed, review.drifted = counts.selected, counts.unchanged, counts.failed, counts.drifted
    search = SearchState.of(journal.run(run).search)
    review.search = left_out(journal.run(run).search)
    if search.cut and search.total is not None:
        review.search["total"] = search.total
    if operation.customer_visible:
        review.customers = len(people)
    review.requests = math.ceil(review.would_change / batch) * operation.requests_per_item + requests_read
    window = limit or _ASSUMED_LIMIT
    allowed = (pace or Pace()).requests_a_second(window / _WINDOW)
    review.seconds = math.ceil(review.requests / allowed)
    review.quota_share = round(min(1.0, review.requests / window, allowed * _WINDOW / window), 3)
    return review


def changes(journal: Store, run: str, operation: Operation) -> Iterator[tuple[Item, Change | None]]:
    """Every pending item of a run with what acting would change."""
    for row in journal.items(run, outcomes=[Outcome.PENDING]):
        item = Item(row.seq, row.id, row.before, row.data)
        yield item, operation.change(item)
