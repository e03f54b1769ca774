"""What a search announced and never showed, where entries cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from intercom_bulk_updater.model import Page
from intercom_bulk_updater.runs.sources import SearchSource, account_of, count_missing

Pass = tuple[int, Sequence[str | None]]
"""What one pass announces, and the entries that it shows: ids, None for one that cannot be read."""


def search(passes: Sequence[Pass]) -> tuple[dict[str, Any], int]:
    """The state after these passes, and how many different items they have shown."""
    state: dict[str, Any] = {}
    known: set[str] = set()
    for announced, shown in passes:

        class Pages:
            def pages(self, cursor: str | None = None, total: int = announced, entries: Sequence[str | None] = shown) -> Iterator[Page]:
                yield Page([{"id": one} if one else {} for one in entries], total)

        source = SearchSource(Pages(), key=lambda item: item["id"], capture=dict, server_time=lambda: 1e9)
        for items, now in source.batches(state):
            known |= {item.id for item in items}
            state = dict(now)
    return state, len(known)


@pytest.mark.parametrize(
    ("passes", "missing"),
    [
        ([(3, ["1", "2", "3"])], 0),
        ([(3, ["1", "2"])], 1),
        ([(3, ["1", "2", None])], 0),
        ([(3, ["1", None]), (3, ["1", None])], 1),
        # Each pass spoils another of the two that it shows: the third was never shown.
        ([(3, ["1", None]), (3, ["2", None])], 1),
        # The third was shown once, if never so that it could be read.
        ([(3, ["1", "2", None]), (3, ["1", None])], 0),
        # What was acted on has left the search.
        ([(3, ["1", "2", None]), (1, [None])], 0),
        ([(3, ["1", "2"]), (1, [])], 1),
    ],
)
def test_what_is_missing_is_not_hidden_by_what_cannot_be_read(passes: Sequence[Pass], missing: int) -> None:
    """An entry without a usable id counts as shown once, not beside the item that another pass has shown in its place."""
    state, known = search(passes)
    found = count_missing(state, known)
    assert found["missing"] == missing
    account = account_of({**state, **found}, known)
    assert account["total"] == account["seen"] + missing
