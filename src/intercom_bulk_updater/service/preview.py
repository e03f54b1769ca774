"""A preview for Python: what a verb would do to a selection, with the messages as they would be sent."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ..journal import Journal
from ..operations.operation import Operation
from ..operations.per_item import WITH
from ..operations.registry import operation_class
from ..operations.spec import Kind, parameters_of
from ..runs import preview as runs_preview
from .run import Run
from .run_table import table


@dataclass(slots=True)
class Preview(runs_preview.Preview):
    """What a verb would do. `bulk.preview` gives it; nothing was written.

        preview = bulk.preview("conversations.close", where="state = open")
        preview.selected, preview.would_change, preview.unchanged
        preview.groups                       # how many items by their change: {"state: open -> closed": 164}
        preview.sample                       # a few items with theirs: [("215...", "state: open -> closed")]
        preview.messages                     # of these, the text as it would be sent: [("215...", "We are back.")]
        preview.customers                    # how many people would be written to; None where nobody is
        preview.requests, preview.seconds    # what it would cost
    """

    run: Run | None = None
    """The dry run behind it: `preview.run.items("pending")` are the items that would change."""
    messages: list[tuple[str, str]] = field(default_factory=list)

    def _repr_html_(self) -> str:
        rows: list[tuple[object, object]] = [
            ("selected", f"{self.selected:,}"), ("would change", f"{self.would_change:,}"), ("unchanged", f"{self.unchanged:,}"),
            *((change, f"{count:,}") for change, count in self.groups.most_common(20)),
            *((f"message to {identity}", text) for identity, text in self.messages),
            ("way back", self.reversibility), ("customers see it", "yes" if self.customer_visible else "no"),
            ("requests", f"{self.requests:,}"), ("seconds", f"{self.seconds:,.0f}"),
        ]  # fmt: skip
        return table(f"Preview: {self.operation}", rows)


def preview_of(found: runs_preview.Preview, run: Run, journal: Journal, verb: str, operation: Operation) -> Preview:
    """The preview of a dry run, with its messages."""
    base = {one.name: getattr(found, one.name) for one in fields(runs_preview.Preview)}
    return Preview(**base, run=run, messages=_messages(journal, run.id, verb, operation, [identity for identity, _ in found.sample]))


def _messages(journal: Journal, run_id: str, verb: str, operation: Operation, ids: list[str]) -> list[tuple[str, str]]:
    names = [one.name for one in parameters_of(operation_class(verb).Parameters) if one.kind is Kind.MESSAGE]
    if not (names and ids):
        return []
    found: list[tuple[str, str]] = []
    for row in journal.items(run_id, ids=ids):
        given: dict[str, Any] = {**operation.parameters, **((row.data or {}).get(WITH) or {})}
        found += [(row.id, str(given[name])) for name in names if given.get(name)]
    return found
