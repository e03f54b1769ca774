"""The reader: from the feed to the journal. No worker sees an item that is not on disk.

Steps 3 and 4 of the life of an item. The reader runs ahead of the workers as fast as pages come: what waits, waits on
disk, so memory stays flat, and the selection is read before much of it can move.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from ..journal import Store
from ..stop import Stop
from .search_state import SearchState
from .sources import ItemSource


class Reader(threading.Thread):
    """Pulls batches from a feed into the journal until the feed ends, `most` items are on disk, or a stop.

    `error` holds what broke it; `found` how many new items this pass brought.
    """

    def __init__(self, feed: ItemSource, journal: Store, run: str, stop: Stop, *, most: int | None = None) -> None:
        super().__init__(name="reader", daemon=True)
        self._feed = feed
        self._journal = journal
        self._run = run
        self._stop_asked = stop
        self._most = most
        self.found = 0
        self.state = SearchState.of(journal.run(run).search)
        self.known = journal.counts(run).selected
        self.error: BaseException | None = None

    def run(self) -> None:
        """Read; see the class."""
        try:
            self.read()
        except BaseException as exc:
            self.error = exc

    def read(self) -> None:
        """Read in the calling thread."""
        for batch, state in self._feed.batches(self.state.to_json()):
            full = self._most is not None and self.known + len(batch) >= self._most
            new = self._journal.add_items(self._run, batch, search=state, most=self._most)
            self.state = SearchState.of(state)
            self.found += new
            self.known += new
            self._feed.fruitless(new)
            if full and self._most is not None and self.known >= self._most:
                self.state = replace(self.state, complete=True, cut=True)
                self._journal.update_run(self._run, search=self.state.to_json())
                return
            if self._stop_asked.asked:
                return
