"""NumberedSource: a long list whose pages have numbers, several ranges of them read at the same time.

It is a selection in parts (partitioned.py), and a part is a range of pages: `cursor` is the number of its next page, and `below`
that of the page before which it ends, None for the last one, which goes on to wherever the list ends by then.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from ..errors import SearchRefused
from ..model import Page
from ..stop import Stop
from .partitioned import MOST_PARTS, PART_PAGES, PartitionedSource
from .parts import Part

log = logging.getLogger("intercom_bulk_updater")


@dataclass(slots=True)
class NumberedSource(PartitionedSource):
    """The pages of one list, in ranges where it is long and says how long."""

    def pages(self, cursor: str | None = None) -> Iterator[Page]:
        """See PartitionedSource. A list that has become shorter may refuse a page that it no longer has: then it is read one by one."""
        try:
            yield from PartitionedSource.pages(self, cursor)
            return
        except SearchRefused as exc:
            if not self._parts:
                raise
            log.info("%s refused a page, its pages are read one by one: %s", self.whole.endpoint.path, exc)
        self._parts, self._adds_up = [], False
        anew = self.whole.pages()
        yield replace(next(anew), anew=True)
        yield from anew

    def _is_large(self, first: Page) -> bool:
        total, cap = first.total or 0, self.whole.endpoint.cap
        return PartitionedSource._is_large(self, first) and first.cursor == "2" and (cap is None or total <= cap)

    def _divide(self, first: Page) -> list[Part]:
        pages = math.ceil((first.total or 0) / (len(first.items) + first.unusable))
        size = max(PART_PAGES, math.ceil(pages / MOST_PARTS))
        self._parts = [Part(below=below, cursor=str(number)) for number, below in pairwise([*range(2, pages + 1, size), None]) if number]
        return [replace(part) for part in self._parts]

    def read(self, part: Part, stop: Stop, before_reading: Callable[[], object]) -> Iterator[Page]:
        """See PartitionedSource."""
        for page in replace(self.whole, stop=stop, before_reading=before_reading).pages(part.cursor):
            over = part.below is not None and page.cursor is not None and int(page.cursor) >= part.below
            handed = [replace(page, cursor=None) if over else page]
            del page
            yield handed.pop()
            if over:
                return
