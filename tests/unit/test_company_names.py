"""Names of companies come with few requests, however many companies there are, and whatever fails."""

from __future__ import annotations

from typing import Any

import pytest

from intercom_bulk_updater.errors import NotFound, PermissionDenied
from intercom_bulk_updater.search.company_names import MOST_REQUESTS
from intercom_bulk_updater.search.names import WorkspaceNames


class Workspace:
    """So many companies, 60 on a page; some of them do not stand in the list."""

    def __init__(self, count: int, hidden: frozenset[str] = frozenset()) -> None:
        self.ids = [f"c{number}" for number in range(count)]
        self.hidden = hidden
        self.asked: list[str] = []

    def get(self, path: str) -> dict[str, Any]:
        """GET companies, GET companies/ID."""
        self.asked.append(path)
        if path.startswith("companies?"):
            page = int(path.partition("page=")[2].partition("&")[0])
            rows = [{"id": one, "name": f"Company {one}"} for one in self.ids[(page - 1) * 60 : page * 60] if one not in self.hidden]
            return {"data": rows, "total_count": len(self.ids)}
        one = path.removeprefix("companies/")
        if one not in self.ids:
            raise NotFound("404", status=404)
        return {"id": one, "name": f"Company {one}"}


@pytest.mark.parametrize(("count", "wanted", "requests", "unnamed"), [
    (12, range(12), 1, 0),
    (600, [3, 4, 5], 1, 0),
    (600, range(600), 10, 0),
    (50_000, range(40_000, 40_010), 11, 0),
    (50_000, range(50_000), MOST_REQUESTS, 50_000 - 1200 - 20),
])  # fmt: skip
def test_many_are_named_with_few_requests(count: int, wanted: range | list[int], requests: int, unnamed: int) -> None:
    """Whatever is listed by pages, where the list is short; of a long one a few by themselves, and some pages."""
    there = Workspace(count)
    names = WorkspaceNames(there.get).companies
    for _ in range(2):
        for number in reversed(wanted):
            assert names.name(f"c{number}") in (f"Company c{number}", "")
    assert (len(there.asked), len(names.unnamed)) == (requests, unnamed)


def test_a_company_that_is_not_listed_is_read_and_one_that_is_gone_is_not_asked_for_again() -> None:
    """Intercom lists none without users."""
    there = Workspace(100, frozenset(("c7",)))
    names = WorkspaceNames(there.get)
    assert [names.label("company", "c7") for _ in range(3)] == ["Company c7 (c7)"] * 3 and len(there.asked) == 3
    assert [names.label("company", "gone") for _ in range(3)] == ["gone"] * 3 and len(there.asked) == 4


def test_a_token_that_may_not_read_companies_costs_a_bounded_number_of_requests() -> None:
    """Names are decoration."""
    asked: list[str] = []

    def refuse(path: str) -> dict[str, Any]:
        asked.append(path)
        raise PermissionDenied("403", status=403)

    names = WorkspaceNames(refuse)
    assert {names.label("company", f"c{number}") for number in range(200)} == {f"c{number}" for number in range(200)}
    assert len(asked) == MOST_REQUESTS
