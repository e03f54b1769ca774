"""SearchState: where a source of items stands; what the journal keeps as `run.search`, so that a resume goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(slots=True)
class SearchState:
    """Where a search, or another source of items, stands. Counts are of items unless they say otherwise."""

    passes: int = 0
    """The pass that is under way or was the last; 0 before the first page (`pass` in JSON)."""
    cursor: str | None = None
    """What fetches the next page of this pass; None at its start and after its end."""
    complete: bool = False
    """The pass came to its end."""
    cut: bool = False
    """Ended by --limit: more may match."""
    endless: bool = False
    """Ended because its pages brought nothing new for a long while."""
    total: int | None = None
    """What the server said that match, when the run began."""
    announced: int | None = None
    """What it said at the beginning of this pass."""
    said: int | None = None
    """What it said last."""
    seen: int = 0
    """Different items that this pass has shown."""
    aside: int = 0
    """Of those, items that do not belong to the run: excluded, contradicting the filter, or new since it began."""
    withheld: int = 0
    """Of those seen, items that contradict the filter and were shown where one that matches was announced."""
    unusable: int = 0
    """Entries of this pass without a usable id."""
    widest: int = 0
    """The most that one pass has shown, with entries that have no usable id, without what was withheld."""
    contradicting: int = 0
    """Items that contradict the filter by their own fields."""
    unchecked: int | None = None
    """Items whose fields say nothing of the filter, where none of them does; 0 once one did, None while there is no filter."""
    narrowed: int | None = None
    """Of what Intercom counts as matching, items that the part of the filter that is judged here leaves out; None without such a part."""
    others: int = 0
    """Different items that any pass showed and that do not belong to the run."""
    new_since: int = 0
    """Items that were created after the run began."""
    missing: int = 0
    """Announced and never shown, in any pass."""
    shown: int = 0
    """Different items that all passes have shown; known once something is missing."""
    server_started: float | None = None
    """When the run began, unix seconds by the server's clock."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """The state that `to_json` wrote; what is absent or of another type is as at the beginning."""
        state = cls()
        for one in fields(cls):
            value = stored.get(_JSON_NAMES.get(one.name, one.name))
            kinds = _KINDS[str(one.type)]
            if isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)):
                setattr(state, one.name, value)
        return state

    def to_json(self) -> dict[str, Any]:
        """As the journal keeps it: every key, so that merging it into an earlier state replaces all of that."""
        return {_JSON_NAMES.get(one.name, one.name): getattr(self, one.name) for one in fields(self)}

    @property
    def matching(self) -> int | None:
        """How many items match the whole filter; None where that is not known (a part is judged here, and not all were read)."""
        if self.narrowed is None or self.total is None:
            return self.total
        return max(0, self.total - self.narrowed) if self.complete and not self.cut else None

    @property
    def started(self) -> bool:
        """Whether a page was read."""
        return self.passes > 0


_JSON_NAMES = {"passes": "pass"}
_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,), "bool": (bool,), "str | None": (str,), "int | None": (int,), "float | None": (int, float),
}  # fmt: skip
