"""What companies are called, which may be too many to list: by a bounded number of requests, however many are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from intercom_bulk_updater.errors import NotFound
from intercom_bulk_updater.parsing.identity import id_text
from intercom_bulk_updater.parsing.printable import printable_name

PAGES, ALONE = 20, 20
"""Requests for names at most: pages of the list of companies, and companies read one by one."""
MOST_REQUESTS = PAGES + ALONE
_PAGE = 60
"""Intercom's most."""


class CompanyNames:
    """Names by Intercom's ids. A list that ends within its pages is read as far as needed; else companies are read one by one first.

    Threads may share it; two that need the same at the same instant may both read it.
    """

    def __init__(self, get: Callable[[str], Mapping[str, Any]]) -> None:
        self._get = get
        self._called: dict[str, str] = {}
        self._page, self._last, self._alone = 0, PAGES, 0
        self._fits = True
        self.unnamed: set[str] = set()
        """The ids that nothing was asked for any more."""

    def keep(self, identity: str, name: Any) -> str:
        """Remember what one is called. Returns the name as it can be printed."""
        self._called[identity] = printable_name(name or "")
        return self._called[identity]

    def name(self, identity: str) -> str:
        """What a company is called; "" for one without a name, that is not there, or for which there were too many to ask."""
        if identity not in self._called and not self._page:
            self._read_page()
        for look in (self._listed, self._single) if self._fits else (self._single, self._listed):
            if identity not in self._called:
                look(identity)
        if identity not in self._called:
            self.unnamed.add(identity)
        return self._called.get(identity, "")

    def _listed(self, identity: str) -> None:
        while identity not in self._called and self._page < self._last:
            self._read_page()

    def _read_page(self) -> None:
        self._page = page = self._page + 1  # counted also where it fails, so that there is an end
        answer = self._get(f"companies?page={page}&per_page={_PAGE}")
        rows = answer.get("data")
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, Mapping) and (identity := id_text(row.get("id"))):
                self.keep(identity, row.get("name"))
        total = answer.get("total_count")
        pages = -(-total // _PAGE) if isinstance(total, int) else page if not rows else PAGES + 1
        self._last, self._fits = min(pages, PAGES), pages <= PAGES

    def _single(self, identity: str) -> None:
        if self._alone >= ALONE:
            return
        self._alone += 1
        try:
            self.keep(identity, self._get(f"companies/{quote(identity, safe='')}").get("name"))
        except NotFound:
            self.keep(identity, "")
