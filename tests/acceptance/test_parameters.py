"""The parameters of a person's updater, from the first process to the last: resume, retry, undo, a plan."""

from __future__ import annotations

import json

from .desk import Desk

SANDBOX = {"conversations": 40, "limit": 20_000, "workspace_limit": 50_000}
SCRIPT = '''
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID

from intercom_bulk_updater import IntercomBulkUpdater, StopRun

class Tier(Enum):
    GOLD = "gold"

GIVEN = dict(until=date(2026, 1, 31), at=datetime(2026, 1, 31, 9, tzinfo=UTC), price=Decimal("9.90"), tags={"a"}, pair=(1, 2),
             raw=b"x", by={1: "one"}, tier=Tier.GOLD, path=Path("a"), uid=UUID(int=7))

class Renewal(IntercomBulkUpdater):
    def get_search_endpoint(self):
        return "conversations/search"

    def perform_action(self, item_id, fail="", **given):
        assert {k: (type(v).__name__, repr(v)) for k, v in given.items()} == {
            k: (type(v).__name__, repr(v)) for k, v in GIVEN.items()}, given
        if Path("broken").exists():
            raise RuntimeError("broken")
        return self.client.put(f"conversations/{item_id}", {"title": f"renews {given['until']:%d %B} {given['tier'].value}"})

    def before(self, item):
        return {"title": item.get("title"), "at": GIVEN["at"], "pair": (1, 2)}

    def change(self, item_id, before, until, **_):
        return {"title": (before["title"], f"renews {until:%d %B} gold")}

    def undo_action(self, item_id, before, until, **_):
        assert before["at"] == GIVEN["at"] and before["pair"] == (1, 2) and until == GIVEN["until"], (before, until)
        return self.client.put(f"conversations/{item_id}", {"title": before["title"] or ""})

if __name__ == "__main__":
    extra = {"odd": object()} if "odd" in sys.argv else {}
    Renewal().bulk_process(item_ids=Path("ids").read_text().split(), progress="none", **GIVEN, **extra)
'''


def script(desk: Desk, *words: str) -> tuple[int, str]:
    """Run the script as a person does."""
    import subprocess
    import sys

    found = subprocess.run(
        [sys.executable, "script.py", *words], cwd=desk.home, env=desk.env, capture_output=True, text=True, check=False, timeout=60
    )
    return found.returncode, found.stderr


def titles(desk: Desk, ids: list[str]) -> list[str]:
    """What the server holds."""
    return [str(desk.box.conversation(one).get("title") or "") for one in ids]


def test_parameters_are_the_same_in_every_process(desk: Desk) -> None:
    """A date is a date again in a retry and in an undo, and so is whatever else the journal takes; the report shows it plainly."""
    (desk.home / "script.py").write_text(SCRIPT)
    ids = [one for one in desk.open_ids() if desk.box.conversation(one).get("title")][:4]
    before = titles(desk, ids)
    (desk.home / "ids").write_text("\n".join(ids))
    (desk.home / "broken").touch()
    code, err = script(desk)
    assert code == 0, err
    (desk.home / "broken").unlink()
    again = desk.here("runs", "retry", "latest", "--json")
    assert again.code == 0 and again.counts == {"selected": 4, "done": 4}, (again.err, again.out)
    assert titles(desk, ids) == ["renews 31 January gold"] * 4
    report = desk.here("runs", "report", "latest", "-o", "report.html")
    page = (desk.home / "report.html").read_text()
    assert report.code == 0 and "2026-01-31" in page and "$type" not in page
    exported = desk.here("runs", "export", "latest", "--jsonl")
    assert exported.code == 0 and "$type" not in exported.out, exported.out
    planned = desk.here("undo", "latest", "--plan", "undo.jsonl", "--json")
    assert planned.code == 0 and planned.counts["pending"] == 4, planned.err
    assert json.loads((desk.home / "undo.jsonl").read_text().splitlines()[0])["parameters"]["until"]["$value"] == "2026-01-31"
    applied = desk.here("apply", "undo.jsonl", "--yes", "--json")
    assert applied.code == 0 and applied.counts == {"selected": 4, "done": 4}, (applied.err, applied.out)
    assert titles(desk, ids) == before


def test_what_cannot_be_stored_is_refused_before_anything_is_asked(desk: Desk) -> None:
    """The parameter and its type are named, and no request leaves."""
    (desk.home / "script.py").write_text(SCRIPT)
    (desk.home / "ids").write_text("\n".join(desk.open_ids()[:2]))
    before = len(desk.box.log(1000))
    code, err = script(desk, "odd")
    assert code == 1 and "The parameter odd cannot be stored" in err and "object" in err, err
    assert len(desk.box.log(1000)) == before and not (desk.home / "journal.db").exists()
