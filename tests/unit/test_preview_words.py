"""What a preview says of a change, and how long it expects it to take."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import FoundItem
from intercom_bulk_updater.operations.conversations.verbs import Close, Snooze
from intercom_bulk_updater.operations.operation import Change
from intercom_bulk_updater.runs.change_words import words
from intercom_bulk_updater.runs.preview import Pace, look

AT = 1796479200
LOCAL = datetime.fromtimestamp(AT).astimezone()
SAID = f"{LOCAL:%a} {LOCAL.day} {LOCAL:%b}"


def label(kind: str, identity: str) -> str:
    return {"team": "Support", "admin": "Ada", "tag": "vip"}[kind] + f" ({identity})"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"team_assignee_id": (5001, 5002)}, "team: Support (5001) -> Billing (5002)"),
        ({"admin_assignee_id": (991267700, 0)}, "admin: Ada (991267700) -> nobody"),
        ({"tags": (["7013"], ["5002"])}, "+tag Billing (5002), -tag vip (7013)"),
        ({"tags": (["7001", "7013"], [])}, "-tag vip (7001), -tag vip (7013)"),
        ({"custom_attributes.kinds": (["incident", "vip"], None)}, "kinds: incident, vip -> empty"),
        ({"custom_attributes.seats": (0, 5)}, "seats: 0 -> 5"),
        ({}, "already in the requested state"),
    ],
)
def test_ids_have_their_names_and_lists_are_lists(change: Change, said: str) -> None:
    """Teams, admins and tags are named beside their ids, the old ones too; a list is written as people write it."""
    assert words(change, {"5002": "Billing (5002)"}, label) == said


def test_moments_are_local_and_of_one_group() -> None:
    """A snooze ends at a local moment, not at unix seconds; changes that differ by the moment alone are one group."""
    closing: Change = {"state": ("snoozed", "closed"), "snoozed_until": (AT, None)}
    assert words(closing).startswith(f"state: snoozed until {SAID}") and words(closing).endswith(" -> closed")
    assert words(closing, moments=False) == "state: snoozed -> closed"
    later: Change = {"snoozed_until": (AT, AT + 3600)}
    assert str(AT) not in words(later) and SAID in words(later)
    other: Change = {"snoozed_until": (AT + 60, AT + 3600)}
    assert words(later, moments=False) == words(other, moments=False)
    anew: Change = {"state": ("open", "snoozed"), "snoozed_until": (None, AT)}
    assert words(anew, moments=False).startswith(f"state: open -> snoozed until {SAID}")


def test_197_snooze_moments_are_one_line(tmp_path: Path) -> None:
    """Closing 197 conversations that are snoozed until 197 moments is one kind of change."""
    with Journal(tmp_path / "journal.db") as journal:
        run = journal.create_run(operation="conversations.close")
        journal.add_items(run.id, [FoundItem(str(n), {"state": "snoozed", "snoozed_until": AT + n}) for n in range(197)])
        preview = look(journal, run.id, Close(), Pace())
        assert preview.groups == {"state: snoozed -> closed": 197}
        assert all(SAID in change for _, change in preview.sample)
        assert look(journal, run.id, Snooze(AT + 5000), Pace()).would_change == 197


@pytest.mark.parametrize(
    ("pace", "seconds", "share"),
    [
        (Pace(), 30, 1.0),
        (Pace(rate=50.0), 100, 0.3),
        (Pace(share=0.5), 60, 0.5),
        (Pace(share=0.5, rate=10.0), 500, 0.06),
        (Pace(workers=4, latency=0.1), 125, 0.24),
        (Pace(workers=4), 30, 1.0),
        (Pace(rate=5000.0), 30, 1.0),
    ],
)
def test_the_estimate_keeps_to_what_the_person_allows(tmp_path: Path, pace: Any, seconds: int, share: float) -> None:
    """5,000 requests take as long as --rate, --share and --workers let them, and never less than the limit does."""
    with Journal(tmp_path / "journal.db") as journal:
        run = journal.create_run(operation="conversations.close")
        journal.add_items(run.id, [FoundItem(str(n), {"state": "open", "snoozed_until": None}) for n in range(5000)])
        preview = look(journal, run.id, Close(), pace)
    assert (preview.seconds, round(preview.quota_share, 2)) == (seconds, share)


def test_one_message_is_one() -> None:
    """The only message of a conversation is no plural."""
    assert words({"texts": (["source:1"], [])}, {}) == "1 of 1 message redacted"
    assert words({"texts": (["source:1", "2"], ["2"])}, {}) == "1 of 2 messages redacted"
