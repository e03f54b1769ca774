"""Pages that are made from the code are fresh, and pages that point at the code point at what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from intercom_bulk_updater import __version__
from pages.__main__ import PAGES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "src" / "intercom_bulk_updater"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_made_from_the_code_is_fresh(name: str) -> None:
    """`make docs` writes it."""
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == PAGES[name]()


def test_the_life_of_an_item_is_numbered_as_in_the_code() -> None:
    """Each step names a file of the package, and that file carries the step's number."""
    text = (DOCS / "explanation" / "life-of-an-item.md").read_text(encoding="utf-8").split("\n## ")[0]
    steps = re.split(r"^(\d+)\. ", text, flags=re.M)[1:]
    numbers = [int(number) for number in steps[::2]]
    assert numbers == list(range(1, 11))
    for number, words in zip(numbers, steps[1::2], strict=True):
        files = [PACKAGE / name for name in re.findall(r"`(\w+(?:/\w+)*\.py)`", words)]
        files += [PACKAGE / "journal" / "journal.py"] if "`journal/`" in words else []
        assert files and all(file.exists() for file in files), number
        assert any(number in _marks(file.read_text(encoding="utf-8")) for file in files), f"step {number} is marked in none of {files}"


def _marks(code: str) -> set[int]:
    """The steps that a module says are its own: `Step 3 of`, `Steps 6 to 9 of`, `Steps 2 and 10 of the life of an item`."""
    found: set[int] = set()
    for first, glue, last in re.findall(r"[Ss]teps? (\d+)(?: (to|and) (\d+))? of the life of an item", code):
        found |= set(range(int(first), int(last) + 1)) if glue == "to" else {int(n) for n in (first, last) if n}
    return found


def test_the_changelog_knows_this_version() -> None:
    """The newest version of the changelog is that of the package and of pyproject.toml, and there is a place for what comes."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[([^\]]+)\](.*)$", text, re.M)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == __version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert all(re.fullmatch(r" - \d{4}-\d\d-\d\d", date) for _, date in headings[1:])
    known = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.M)) <= known


def test_every_decision_is_accepted_and_listed() -> None:
    """Each decision has a number of its own, a status, a context and a decision."""
    pages = sorted((DOCS / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.name[:4]} "), page.name
        for part in ("**Status:**", "## Context", "## Decision"):
            assert part in text, f"{page.name} lacks {part}"
