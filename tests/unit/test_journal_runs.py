"""Runs in the journal: what they are called, how they are found again, what can be said about them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from intercom_bulk_updater.errors import JournalError, NoSuchRun
from intercom_bulk_updater.journal import Journal, WindowRow
from intercom_bulk_updater.model import RunStatus


@pytest.fixture
def journal() -> Iterator[Journal]:
    with Journal(":memory:") as journal:
        yield journal


@pytest.mark.parametrize(
    ("operation", "kind", "word"),
    [
        ("close", "run", "close"),
        ("conversations.close", "dry_run", "close"),
        ("my_updates.py:CloseStale", "run", "close-stale"),
        ("conversations close", "undo", "undo-close"),
        ("undo-close", "undo", "undo-close"),
        ("Überall!", "run", "berall"),
        ("--", "run", "run"),
    ],
)
def test_id_is_sayable(journal: Journal, operation: str, kind: str, word: str) -> None:
    """A run is called by its day, its operation's own word and four hex digits."""
    run = journal.create_run(operation=operation, kind=kind)
    assert re.fullmatch(rf"\d{{4}}-{word}-[0-9a-f]{{4}}", run.id)


def test_new_run(journal: Journal) -> None:
    """A new run is planned, belongs to this process, and gives back what it was made of."""
    made = journal.create_run(
        operation="close",
        kind="apply",
        parameters={"body": "Grüße \ud83d"},
        selection={"kind": "plan", "words": "plan.jsonl"},
        workspace="w1",
        base_url="http://127.0.0.1:1",
        admin_id="7",
        author="ann",
        settings={"workers": 4},
        parent="1123-close-0000",
        plan_hash="abc",
    )
    run = journal.run(made.id)
    assert run == made
    assert (run.status, run.control, run.exit_code, run.started_at) == (RunStatus.PLANNED, "", None, None)
    assert run.parameters == {"body": "Grüße \ud83d"}
    assert (run.selection["words"], run.settings, run.search, run.totals) == (
        "plan.jsonl",
        {"workers": 4},
        {},
        {},
    )
    assert (run.kind, run.workspace, run.admin_id, run.author) == ("apply", "w1", "7", "ann")
    assert (run.parent, run.plan_hash) == ("1123-close-0000", "abc")
    assert run.pid > 0 and run.host


def test_ids_are_unique_and_numbers_grow(journal: Journal) -> None:
    """No two runs share an id, and the newest comes first."""
    made = [journal.create_run(operation="close") for _ in range(300)]
    assert len({run.id for run in made}) == 300
    assert [run.id for run in journal.runs(limit=None)] == [run.id for run in reversed(made)]
    assert [run.number for run in journal.runs(limit=2)] == [300, 299]


def test_latest_and_workspace(journal: Journal) -> None:
    """`latest` is the newest run, or the newest of a workspace; an exact id is found wherever it belongs."""
    with pytest.raises(NoSuchRun, match="no run yet"):
        journal.run("latest")
    first = journal.create_run(operation="close", workspace="a")
    second = journal.create_run(operation="close", workspace="b")
    assert journal.run("latest").id == second.id
    assert journal.run("latest", "a").id == first.id
    assert journal.run(second.id, "a").id == second.id
    with pytest.raises(NoSuchRun, match="this workspace"):
        journal.run("latest", "c")


def test_prefix(journal: Journal) -> None:
    """A unique beginning is enough; an ambiguous one lists whom it could mean."""
    close = journal.create_run(operation="close", workspace="a")
    tag = journal.create_run(operation="tag", workspace="b")
    assert journal.run(close.id[:7]).id == close.id
    assert journal.run(tag.id[:8].upper()).id == tag.id
    with pytest.raises(NoSuchRun) as caught:
        journal.run(close.id[:5])
    assert close.id in caught.value.message and tag.id in caught.value.message
    assert journal.run(close.id[:5], "b").id == tag.id


@pytest.mark.parametrize("ref", ["", "%", "_", "nonsense", "latest2", "' OR 1=1 --"])
def test_unknown_run(journal: Journal, ref: str) -> None:
    """What fits no run is refused, names the newest, and no character in it is special."""
    run = journal.create_run(operation="close")
    with pytest.raises(NoSuchRun) as caught:
        journal.run(ref)
    assert run.id in caught.value.message
    assert caught.value.exit_code == 2


def test_nearest(journal: Journal) -> None:
    """A mistyped id is answered with the nearest."""
    run = journal.create_run(operation="close")
    for _ in range(5):
        journal.create_run(operation="tag")
    with pytest.raises(NoSuchRun, match=f"Did you mean {run.id}"):
        journal.run(run.id.replace("close", "clsoe"))
    with pytest.raises(NoSuchRun, match=f"Did you mean {run.id}"):
        journal.run(run.id[-4:] if run.id[-4:] not in "close" else run.id[3:])


def test_update(journal: Journal) -> None:
    """Any field but the identity can be set, and each change is dated."""
    run = journal.create_run(operation="close")
    after = journal.update_run(
        run.id,
        status=RunStatus.STOPPED,
        exit_code=7,
        message="late \ud800",
        totals={"seconds": 1.5},
        progress={"done": 1},
    )
    assert (after.status, after.exit_code, after.message) == (RunStatus.STOPPED, 7, "late ?")
    assert (after.totals, after.progress) == ({"seconds": 1.5}, {"done": 1})
    assert after.updated_at >= run.updated_at
    assert journal.update_run(run.id, exit_code=None).exit_code is None
    for wrong in ("id", "number", "created_at", "colour"):
        with pytest.raises(JournalError, match=wrong):
            journal.update_run(run.id, **{wrong: 1})
    with pytest.raises(NoSuchRun):
        journal.update_run("no-such", message="")


def test_search_state_is_merged(journal: Journal) -> None:
    """Setting one key of the search state leaves the others."""
    run = journal.create_run(operation="close").id
    journal.add_items(run, [], search={"cursor": "a", "total": 5})
    journal.add_items(run, [], search={"cursor": "b"})
    assert journal.run(run).search == {"cursor": "b", "total": 5}


def test_control(journal: Journal) -> None:
    """A request reaches the one who polls, can be taken back, and is one of three words; nothing but that overrides a cancel."""
    run = journal.create_run(operation="close").id
    assert journal.orders(run).control == ""
    for word in ("pause", "resume", "cancel", ""):
        journal.request(run, word)
        assert journal.orders(run).control == word
    journal.request(run, "cancel")
    for later in ("pause", "resume"):
        journal.request(run, later)
        assert journal.orders(run).control == "cancel"
    with pytest.raises(JournalError, match="explode"):
        journal.request(run, "explode")
    with pytest.raises(NoSuchRun):
        journal.orders("no-such")


def test_windows_and_events(journal: Journal) -> None:
    """A run's rate windows and its log come back in the order written, and belong to it alone."""
    run, other = journal.create_run(operation="close").id, journal.create_run(operation="tag").id
    rows = [WindowRow(reset=10.0 * n, limit=1667, own=1600, others=20, throttled=n, at=5.0) for n in (3, 1, 2)]
    journal.add_windows(run, rows)
    journal.add_windows(run, [])
    journal.add_event(run, "pass", number=1)
    journal.add_event(run, "guard")
    assert journal.windows(run) == rows
    assert [(event.kind, event.data) for event in journal.events(run)] == [
        ("pass", {"number": 1}),
        ("guard", {}),
    ]
    assert journal.windows(other) == [] and journal.events(other) == []
