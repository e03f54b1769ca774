"""The review: what a run would change, item by item, read from the journal. The text of every dry run, plan and question."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..api.client import Client
from ..api.redact import redact
from ..engine.write_check import refused
from ..journal import Store
from ..model import Failure, Item, ItemResult, Outcome
from ..operations.endings import CannotApply
from ..operations.field_values import Label
from ..operations.operation import Change, Operation
from .change_words import words
from .messages import SentBefore
from .search_state import SearchState
from .sources import left_out

_SAMPLE = 5
_AT_ONCE = 150
_TWICE = 3
"""Those who would get several messages, by name: each takes a request."""
# What is assumed of a limit that no answer has told yet: Intercom's documented 10,000 calls a minute, in ten seconds.
_ASSUMED_LIMIT, _WINDOW = 1667, 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """What a person lets a run have of the rate limit: a `share` of it, a `rate` of requests a second, a number of `workers`.

    `limit`: calls a window, as the server told it; `latency`: seconds that an answer takes, as seen so far, 0 for not known;
    `batch`: items that one request acts on; `reads`: requests that only read.
    """

    share: float = 1.0
    rate: float | None = None
    workers: int | None = None
    latency: float = 0.0
    limit: int | None = None
    batch: int = 1
    reads: int = 0

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
    called: dict[str, str] = field(default_factory=dict)
    """What people call the items of the sample."""
    reversibility: str = ""
    side_effects: str = ""
    way_back: str = ""
    """What undo does, where `reversibility` does not say it."""
    not_shown: str = ""
    """What Intercom does not show, so that some of what would change may be as wanted already."""
    customer_visible: bool | None = False
    """None: an updater that does not say."""
    customers: int | None = None
    """How many people would be written to, when the operation writes to people and it is known to whom; 0 where nobody is."""
    two_messages: int = 0
    """How many of them would get more than one message."""
    twice: list[tuple[str, int]] = field(default_factory=list)
    """The first of these by name, and how many each would get."""
    sender: str = ""
    """In whose name it would be written."""
    messages: list[tuple[str, str]] = field(default_factory=list)
    """Of a few items, the message as it would be sent; never part of a report."""
    sent_before: int = 0
    """Items that an earlier run has written the same text to."""
    without_text: int = 0
    """Items like these that are changed all the same, without the text."""
    requests: int = 0
    at_least: bool = False
    """Whether it may take more: what belongs to an item is read for the backup, and shows only then."""
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
            "sample": [{"id": i, "change": c, **({"name": self.called[i]} if i in self.called else {})} for i, c in self.sample],
            "reversibility": self.reversibility,
            "side_effects": self.side_effects,
            **({"way_back": self.way_back} if self.way_back else {}),
            **({"not_shown": self.not_shown} if self.not_shown else {}),
            "customer_visible": self.customer_visible,
            **({"customers": self.customers, "two_messages": self.two_messages} if self.customers is not None else {}),
            **({"twice": [{"contact": who, "messages": count} for who, count in self.twice]} if self.twice else {}),
            **({"sender": self.sender} if self.sender else {}),
            **({"sent_before": self.sent_before} if self.sent_before else {}),
            **({"without_text": self.without_text} if self.without_text else {}),
            **({"backup": self.backup} if self.backup else {}),
            **({"search": self.search} if self.search else {}),
            "estimate": {
                "requests": self.requests,
                **({"at_least": True} if self.at_least else {}),
                "seconds": round(self.seconds, 1),
                "quota_share": self.quota_share,
            },
        }


def look(
    journal: Store,
    run: str,
    operation: Operation,
    pace: Pace,
    *,
    label: Label | None = None,
    sent: SentBefore | None = None,
    sender: Callable[[], str] | None = None,
    backup: Path | None = None,
) -> Preview:
    """Go through the pending items of a run, mark those that are in the requested state, and say what the rest would become.

    `sent` tells what an earlier run has written, `sender` in whose name it would be. Memory stays flat: items stream through.
    """
    review = Preview(
        operation.describe(),
        reversibility=str(operation.reversibility),
        side_effects=operation.side_effects,
        way_back=operation.way_back,
        not_shown=operation.not_shown,
        customer_visible=operation.customer_visible,
        backup="" if backup is None else str(backup),
    )
    people: Counter[str] = Counter()
    writes = seen = 0
    fates: list[ItemResult] = []
    for item, change in changes(journal, run, operation):
        fate = refused(operation, item) or (ItemResult(item.seq, Outcome.UNCHANGED, attempts=0) if change == {} else None)
        if fate is None and sent is not None:
            fate = sent.of(item)
        if fate is not None and fate.outcome is Outcome.PENDING:
            review.without_text += 1
            item = replace(item, before=fate.before)
        elif fate is not None:
            review.sent_before += change != {} and fate.outcome is Outcome.UNCHANGED
            fates.append(fate)
            if len(fates) >= 1000:
                journal.turn(run, fates, 0)
                fates = []
            continue
        review.would_change += 1
        writes += operation.requests_for(item)
        review.unknown += change is None
        said = words(change, operation.names, label, moments=False)
        if len(review.groups) < 500 or said in review.groups:
            review.groups[said] += 1
        if len(review.sample) < _SAMPLE:
            review.sample.append((item.id, words(change, operation.names, label)))
            name = item.name or _name_of(item, operation, label)
            review.called |= {item.id: redact(name)} if name else {}
        shown = _is_seen(item, operation, review)
        seen += shown
        people.update(((item.before or {}).get("contacts") or ()) if shown else ())
    if fates:
        journal.turn(run, fates, 0)
    counts = journal.counts(run)
    review.selected, review.unchanged, review.failed, review.drifted = counts.selected, counts.unchanged, counts.failed, counts.drifted
    search = SearchState.of(journal.run(run).search)
    review.search = left_out(journal.run(run).search)
    if search.cut and search.matching is not None:
        review.search["total"] = search.matching
    if operation.customer_visible and (people or not seen):
        review.customers = len(people)
        review.two_messages = sum(count > 1 for count in people.values())
        several = [(who, count) for who, count in people.most_common(_TWICE) if count > 1]
        review.twice = [(redact(label("contact", who)) if label is not None else who, count) for who, count in several]
    if operation.writes_text and operation.signs and sender is not None:
        review.sender = label("admin", sender()) if label is not None else sender()
    _estimate(review, operation, pace, writes)
    return review


def _estimate(review: Preview, operation: Operation, pace: Pace, writes: int) -> None:
    """What it takes; `writes`: of its items one by one."""
    if pace.batch > 1:
        writes = math.ceil(review.would_change / pace.batch) * operation.requests_per_item
    review.requests, review.at_least = writes + pace.reads, bool(pace.reads) and operation.whole_takes_more
    window = pace.limit or _ASSUMED_LIMIT
    allowed = pace.requests_a_second(window / _WINDOW)
    review.seconds = math.ceil(review.requests / allowed)
    review.quota_share = round(min(1.0, review.requests / window, allowed * _WINDOW / window), 3)


def _is_seen(item: Item, operation: Operation, review: Preview) -> bool:
    """Whether customers see what acting on an item does; its message goes into the sample."""
    text = operation.message(item)
    if text and len(review.messages) < _SAMPLE:
        review.messages.append((item.id, text))
    return bool(operation.customer_visible and (text or not operation.writes_text) and operation.shows(item))


def _name_of(item: Item, operation: Operation, label: Label | None) -> str:
    """What an item without a name is called: its own, where only reading it tells, or its customer's."""
    kind = {"contacts": "contact", "companies": "company"}.get(operation.resource, "")
    whose = item.id if kind else next(iter((item.before or {}).get("contacts") or ()), "")
    said = label(kind or "contact", whose) if label is not None and whose else ""
    return "" if said == whose else said.removesuffix(f" ({whose})")


def refuse_taken(journal: Store, run: str, operation: Operation, client: Client) -> None:
    """Mark what Intercom would refuse for what another item has already, or gets by the run, 150 items with each question."""
    rest = changes(journal, run, operation) if operation.may_be_taken else iter(())
    had: dict[Any, Any] = {}
    while some := list(islice(rest, _AT_ONCE)):
        told = operation.taken(client, [(item, change) for item, change in some if change], had)
        fates = [ItemResult(seq, Outcome.FAILED, attempts=0, failure=Failure(CannotApply.cause, why)) for seq, why in told.items()]
        if fates:
            journal.turn(run, fates, 0)


def changes(journal: Store, run: str, operation: Operation) -> Iterator[tuple[Item, Change | None]]:
    """Every pending item of a run with what acting would change."""
    for row in journal.items(run, outcomes=[Outcome.PENDING]):
        item = Item(row.seq, row.id, row.before, row.data, name=row.name)
        yield item, operation.change(item)
