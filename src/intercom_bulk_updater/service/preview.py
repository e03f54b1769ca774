"""A preview for Python: what a verb would do to a selection, with the messages as they would be sent."""

from __future__ import annotations

from dataclasses import dataclass, fields

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
        preview.customers                    # how many people would be written to; None: not known, or not that kind
        preview.requests, preview.seconds    # what it would cost
    """

    run: Run | None = None
    """The dry run behind it: `preview.run.items("pending")` are the items that would change."""

    def _repr_html_(self) -> str:
        rows: list[tuple[object, object]] = [
            ("selected", f"{self.selected:,}"), ("would change", f"{self.would_change:,}"), ("unchanged", f"{self.unchanged:,}"),
            *((change, f"{count:,}") for change, count in self.groups.most_common(20)),
            *((f"message to {identity}", text) for identity, text in self.messages),
            ("way back", self.way_back or self.reversibility),
            ("customers see it", "yes" if self.customer_visible and self.customers != 0 else "no"),
            ("requests", f"{self.requests:,}"), ("seconds", f"{self.seconds:,.0f}"),
        ]  # fmt: skip
        return table(f"Preview: {self.operation}", rows)


def preview_of(found: runs_preview.Preview, run: Run) -> Preview:
    """The preview of a dry run."""
    base = {one.name: getattr(found, one.name) for one in fields(runs_preview.Preview)}
    return Preview(**base, run=run)
