"""What has no way back is kept whole, before its write."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater.engine.backup import Backup
from intercom_bulk_updater.errors import SafetyStop, UsageError

from .desk import Desk, until

SANDBOX = {"conversations": 60, "latency": 0.0, "jitter": 0.0}
PLAIN = ("--json", "--progress", "none")


def chosen(desk: Desk, number: int = 8) -> list[str]:
    """So many contacts, in the file `ids`."""
    ids = [str(one["id"]) for one in desk.box.contacts() if not one["archived"]][:number]
    (desk.home / "ids").write_text("\n".join(ids))
    return ids


def kept(file: Path | str) -> list[dict[str, Any]]:
    """The items of a backup."""
    return [json.loads(line) for line in Path(file).read_text().splitlines()]


def test_each_item_is_kept_as_it_was(desk: Desk) -> None:
    """In the state folder, readable by its owner alone; preview, account and --json name the file; a list of ids can be made of it."""
    ids = chosen(desk)
    were = {one: desk.box.contact(one)["email"] for one in ids}
    dry = desk.here("contacts", "block", "--ids", "ids", "--dry-run", "--json", "--progress", "none")
    assert dry.json["review"]["backup"].startswith(str(desk.home / "backups")) and not (desk.home / "backups").exists()
    shown = desk.here("contacts", "block", "--ids", "ids", "--dry-run")
    assert "backup" in shown.err and "as read before its write, in " in shown.err
    done = desk.here("contacts", "block", "--ids", "ids", "--irreversible", "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 8, "done": 8}), done.err
    file = Path(done.json["backup"]["file"])
    assert file == desk.home / "backups" / f"{done.run}.jsonl" and file.stat().st_mode & 0o777 == 0o600
    assert {one["id"]: one["email"] for one in kept(file)} == were and len(kept(file)) == 8
    assert str(file) in desk.here("runs", "show", done.run).out
    again = desk.here("contacts", "archive", "--ids", str(file), "--dry-run", *PLAIN)
    assert again.counts == {"selected": 8, "pending": 8}, again.err


def test_a_plan_keeps_them_where_it_is_told_to(desk: Desk) -> None:
    """`apply --backup FILE`; a file that has something in it is refused before anything is done, as is a verb that can be undone."""
    ids = chosen(desk, 3)
    assert desk.here("contacts", "block", "--ids", "ids", "--plan", "p.jsonl").code == 0
    written = desk.writes()
    refused = desk.here("apply", "p.jsonl", "--irreversible", "--yes", "--backup", "ids")
    assert refused.code == 2 and "exists already and is not empty" in refused.err, refused.err
    refused = desk.here("apply", "p.jsonl", "--irreversible", "--yes", "--backup", "no/where.jsonl")
    assert refused.code == 2 and "there is no folder no" in refused.err.replace(str(desk.home) + "/", ""), refused.err
    assert desk.here("contacts", "tag", "--tag", "7001", "--ids", "ids", "--plan", "t.jsonl").code == 0
    refused = desk.here("apply", "t.jsonl", "--yes", "--backup", "b.jsonl")
    assert refused.code == 2 and "needs no backup" in refused.err, refused.err
    assert desk.writes() == written
    done = desk.here("apply", "p.jsonl", "--irreversible", "--yes", "--backup", "b.jsonl", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 3, "done": 3}), done.err
    assert sorted(one["id"] for one in kept(desk.home / "b.jsonl")) == sorted(ids)


def test_python_has_it_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`backup=` of `run`, with the errors of Python."""
    ids = chosen(desk, 2)
    place = bulk.Workspace(token="sandbox-token", base_url=desk.box.url, home=desk.home)
    run = bulk.run("contacts.block", ids=ids, irreversible=True, backup=desk.home / "mine.jsonl", workspace=place)
    assert run.report()["backup"] == {"file": str(desk.home / "mine.jsonl")} and len(kept(desk.home / "mine.jsonl")) == 2
    with pytest.raises(UsageError, match="backup='.*mine.jsonl': this file exists"):
        bulk.run("contacts.block", ids=ids, irreversible=True, backup=desk.home / "mine.jsonl", workspace=place)


def test_what_cannot_be_kept_is_left_alone(desk: Desk) -> None:
    """A state folder in which no backup can be made: exit 5, and nothing is blocked."""
    chosen(desk, 3)
    (desk.home / "backups").write_text("in the way")
    stopped = desk.here("contacts", "block", "--ids", "ids", "--irreversible", "--yes", *PLAIN)
    assert stopped.code == 5 and "The backup cannot be written to" in stopped.err, stopped.err
    assert not any(one["blocked"] for one in desk.box.contacts())


def test_a_place_that_takes_no_file_is_found_before_anything_is_begun(desk: Desk) -> None:
    """Whatever writes a file says so at once, with exit 2 and no run: root may write anywhere, so that no permission tells of it."""
    chosen(desk, 3)
    (desk.home / "file").write_text("in the way")
    taken = [("/dev/full", "it is a device"), (str(desk.home / "file" / "b"), "is a file, and no folder")]
    if Path("/proc/self").exists():
        taken.append(("/proc/b", "no file can be written there"))
    runs = len(desk.here("runs", "list", "--json").json)
    for place, why in taken:
        for command in (
            ("contacts", "block", "--irreversible", "--yes", "--backup", place), ("contacts", "block", "--dry-run", "--backup", place),
            ("contacts", "export", "--yes", "-o", place), ("contacts", "archive", "--plan", place),
        ):  # fmt: skip
            refused = desk.here(*command, "--ids", "ids")
            assert refused.code == 2 and why in refused.err, (command, refused.err)
    assert len(desk.here("runs", "list", "--json").json) == runs and not any(one["blocked"] for one in desk.box.contacts())


def test_what_goes_away_meanwhile_stops_it(desk: Desk) -> None:
    """The file is removed after the first three: the fourth is not blocked, exit 5; `runs resume` goes on with a new one."""
    ids = chosen(desk, 6)
    file = desk.home / "mine.jsonl"
    place = bulk.Workspace(token="sandbox-token", base_url=desk.box.url, home=desk.home)

    def remove(event: Any) -> None:
        if event["event"] == "canary":
            file.unlink()

    with pytest.raises(SafetyStop, match="the file was removed") as stopped:
        bulk.run("contacts.block", ids=ids, irreversible=True, backup=file, canary=3, on_event=remove, workspace=place)
    assert sum(one["blocked"] for one in desk.box.contacts()) == 3 == stopped.value.run.counts.pending
    resumed = desk.here("runs", "resume", "latest", *PLAIN)
    assert (resumed.code, resumed.counts) == (0, {"selected": 6, "done": 6}) and len(kept(file)) == 3, resumed.err


def test_nothing_comes_after_half_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full in the middle of an item, and has room again: the next is refused too, it would be joined to the half."""
    backup, write = Backup(tmp_path / "b.jsonl"), os.write
    backup.keep(1, {"id": "1"})

    def full(handle: int, line: bytes) -> int:
        if len(line) < 10:
            raise OSError(28, "No space left on device")
        return write(handle, line[:-5])

    with monkeypatch.context() as disk, pytest.raises(SafetyStop, match="No space left"):
        disk.setattr(os, "write", full)
        backup.keep(2, {"id": "2"})
    with pytest.raises(SafetyStop, match="No space left"):
        backup.keep(3, {"id": "3"})
    backup.close()
    (again := Backup(backup.path)).keep(2, {"id": "2"})
    again.close()
    assert [one["id"] for one in kept(backup.path)] == ["1", "2"]


def test_nobody_is_asked_where_nothing_can_be_kept(tmp_path: Path) -> None:
    """Whoever would be asked is told before: a state folder without room for backups."""
    (tmp_path / "backups").write_text("in the way")
    with pytest.raises(SafetyStop, match="cannot be written to"):
        Backup(tmp_path / "backups" / "r.jsonl").check()
    Backup(tmp_path / "b" / "r.jsonl").check()
    assert list((tmp_path / "b").iterdir()) == []


def test_a_killed_run_has_kept_whatever_it_wrote(desk: Desk) -> None:
    """kill -9 while it writes, resumed: every contact that was blocked is in the file, and all are blocked in the end."""
    ids = chosen(desk, 40)
    desk.box.control(latency=0.02)
    process = desk.start("contacts", "block", "--ids", "ids", "--irreversible", "--yes", "--workers", "4", *PLAIN)
    assert until(lambda: desk.written("block")["writes"] >= 10, process)
    process.kill()
    desk.wait(process)
    file = next((desk.home / "backups").iterdir())
    blocked = {one["id"] for one in desk.box.contacts() if one["blocked"]}
    assert blocked <= {json.loads(line)["id"] for line in file.read_text().split("\n")[:-1]}
    desk.box.control(latency=0.0)
    back = desk.here("runs", "resume", "latest", *PLAIN)
    assert (back.code, back.json["counts"]["done"] + back.json["counts"]["unchanged"]) == (0, 40), back.err
    assert {one["id"] for one in kept(file)} == set(ids)


def test_a_half_line_is_taken_away(tmp_path: Path) -> None:
    """A process died while it wrote: what comes after it stands on a line of its own."""
    file = tmp_path / "b.jsonl"
    file.write_text('{"id":"1"}\n{"id":"2","na')
    backup = Backup(file)
    backup.keep(2, {"id": "2", "name": "Zoë\ud800"})
    backup.close()
    assert [one["id"] for one in kept(file)] == ["1", "2"] and 2 in backup and 1 not in backup


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_stops_it() -> None:
    """The item is not kept, and the error says where it was to be."""
    with pytest.raises(SafetyStop, match="cannot be written to /dev/full: No space left"):
        Backup(Path("/dev/full")).keep(1, {"id": "1"})
