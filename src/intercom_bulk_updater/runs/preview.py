"""The review: what a run would change, item by item, read from the journal. The text of every dry run, plan and question."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..api.redact import is_secret
from ..journal import Journal
from ..model import Item, ItemResult, Outcome
from ..operations.operation import Change, Operation

_SAMPLE = 5
# What is assumed of a limit that no answer has told yet: Intercom's documented 10,000 calls a minute, in ten seconds.
_ASSUMED_LIMIT, _WINDOW = 1667, 10.0


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
    search: dict[str, int] = field(default_factory=dict)
    """Beside the items that are selected: `total` that match where --limit cut them off, `missing` that were announced and
    never shown, `contradicting` the filter and `unusable` entries that were left out."""

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
            **({"search": self.search} if self.search else {}),
            "estimate": {"requests": self.requests, "seconds": round(self.seconds, 1), "quota_share": self.quota_share},
        }


def words(change: Change | None, names: Mapping[str, str] | None = None) -> str:
    """A change in words: `state: open -> closed`, `+tag incident (7004)`; `names` says what ids are called."""
    called = names or {}
    if change is None:
        return "acted on (the change is not known beforehand)"
    if not change:
        return "already so"
    said = []
    for name, (old, new) in change.items():
        if name == "tags":
            said += [f"+tag {called.get(t, t)}" for t in new if t not in (old or ())]
            said += [f"-tag {called.get(t, t)}" for t in (old or ()) if t not in new]
        elif old is None and new == "one more message":
            said.append(f"+{name}")
        else:
            if is_secret(name):
                said.append(f"{name.removeprefix('custom_attributes.')}: changed (not shown)")
                continue
            shown = name.removeprefix("custom_attributes.").removesuffix("_assignee_id")
            said.append(f"{shown}: {_value(old, called)} -> {_value(new, called)}")
    return ", ".join(said)


def _value(value: Any, names: Mapping[str, str]) -> str:
    if value is None or value == "":
        return "empty"
    if value == 0 and not isinstance(value, bool):
        return "nobody"
    if isinstance(value, bool):
        return "true" if value else "false"
    return names.get(str(value), str(value))


def look(journal: Journal, run: str, operation: Operation, *, limit: int | None, requests_read: int) -> Preview:
    """Go through the pending items of a run, mark those that already are as wanted, and say what the rest would become.

    `limit`: calls a window, as the server told it. Memory stays flat: items stream through.
    """
    review = Preview(
        operation.describe(),
        reversibility=str(operation.reversibility),
        side_effects=operation.side_effects,
        customer_visible=operation.customer_visible,
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
        said = words(change, operation.names)
        if len(review.groups) < 500 or said in review.groups:
            review.groups[said] += 1
        if len(review.sample) < _SAMPLE:
            review.sample.append((item.id, said))
        if operation.customer_visible:
            people.update((item.before or {}).get("contacts") or ())
    if fates:
        journal.turn(run, fates, 0)
    counts = journal.counts(run)
    review.selected, review.unchanged, review.failed, review.drifted = counts.selected, counts.unchanged, counts.failed, counts.drifted
    search = journal.run(run).search
    review.search = {k: int(search.get(k) or 0) for k in ("missing", "contradicting", "unusable") if search.get(k)}
    if search.get("cut") and isinstance(search.get("total"), int):
        review.search["total"] = search["total"]
    if operation.customer_visible:
        review.customers = len(people)
    review.requests = review.would_change * operation.requests_per_item + requests_read
    window = limit or _ASSUMED_LIMIT
    review.seconds = math.ceil(review.requests / window * _WINDOW)
    review.quota_share = round(min(1.0, review.requests / window), 3)
    return review


def changes(journal: Journal, run: str, operation: Operation) -> Iterator[tuple[Item, Change | None]]:
    """Every pending item of a run with what acting would change."""
    for row in journal.items(run, outcomes=[Outcome.PENDING]):
        item = Item(row.seq, row.id, row.before, row.data)
        yield item, operation.change(item)
