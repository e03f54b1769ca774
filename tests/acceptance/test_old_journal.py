"""A journal of the past: cut short, restored, copied. No customer is written to twice because of it, and the run says so."""

from __future__ import annotations

import shutil
import signal
import time

import pytest

from intercom_bulk_updater.journal import Journal

from .desk import QUERY, Desk, until

SANDBOX = {"conversations": 150, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.01, "jitter": 0.01}
NOTE = ["conversations", "note", "--body", "We looked into it.", "--yes", "--json", "--workers", "4", "--verify", "none", "--timeout", "3"]
REPLY = ["conversations", "reply", "--body", "We are back.", "--customer-visible", *NOTE[4:]]
SAID = "this journal may be older"


def chosen(desk: Desk, number: int) -> list[str]:
    """Ids of conversations, written to the file `ids`."""
    ids = [str(row["id"]) for row in desk.box.conversations()][:number]
    (desk.home / "ids").write_text("\n".join(ids))
    return ids


def killed_after(desk: Desk, writes: int, *command: str) -> None:
    """A run, killed with SIGKILL once the server has carried out so many writes."""
    process = desk.start(*command)
    assert until(lambda: desk.writes() >= writes, process)
    process.send_signal(signal.SIGKILL)
    desk.wait(process)


@pytest.mark.further
@pytest.mark.parametrize("share", [0.95, 0.7, 0.5])
def test_a_journal_cut_short_sends_no_note_twice(desk: Desk, share: float) -> None:
    """When the end of the write-ahead log is lost, a resume looks before each note, says so, and none is written twice."""
    ids = chosen(desk, 63)
    killed_after(desk, 35, *NOTE, "--ids", "ids")
    wal = desk.home / "journal.db-wal"
    frame = 4096 + 24
    with wal.open("r+b") as file:
        file.truncate(32 + int((wal.stat().st_size - 32) / frame * share) * frame)
    (desk.home / "journal.db-shm").unlink(missing_ok=True)
    answer = desk.here("runs", "resume", "latest", "--json")
    assert answer.code == 0 and answer.counts == {"selected": 63, "done": 63}, answer.err
    assert "older_journal" in events(desk)
    desk.once("note", ids)


def test_a_journal_that_has_lost_the_list_does_not_say_that_nothing_was_done(desk: Desk) -> None:
    """Cut off before its ids, the journal still has the run: that it wrote nothing would be untrue, and to run it again unsafe."""
    chosen(desk, 63)
    killed_after(desk, 35, *NOTE, "--ids", "ids")
    wal = desk.home / "journal.db-wal"
    whole, frame = wal.read_bytes(), 4096 + 24
    for frames in range((len(whole) - 32) // frame):
        wal.write_bytes(whole[: 32 + frames * frame])
        (desk.home / "journal.db-shm").unlink(missing_ok=True)
        told = desk.here("runs", "resume", "latest", "--json")
        if "list of ids" in told.err:
            break
    assert told.code == 2 and "nothing of it was done" not in told.err and "look at its items" in told.err, told.err


def events(desk: Desk) -> list[str]:
    """The kinds of the events of the latest run."""
    with Journal(desk.home / "journal.db") as journal:
        return [event.kind for event in journal.events(journal.run("latest").id)]


def copied(desk: Desk, name: str = "copy") -> Desk:
    """Another state folder, with what the first one holds now."""
    shutil.copytree(desk.home, desk.home.parent / f"{desk.home.name}-{name}")
    return Desk(desk.box, desk.home.parent / f"{desk.home.name}-{name}")


def test_a_folder_copied_in_mid_run_sends_no_reply_twice(desk: Desk) -> None:
    """The copy refuses while the original is at work; later it finds what the original sent, and sends nothing again."""
    where = ["--where", QUERY]
    ids = desk.open_ids()
    desk.switch(latency=0.5)
    process = desk.start(*REPLY, *where)
    assert until(lambda: desk.writes() >= 5, process)
    copy = copied(desk)
    refused = copy.here("runs", "resume", "latest")
    assert refused.code == 12 and "is a copy of the one in" in refused.err, refused.err
    process.send_signal(signal.SIGINT)
    assert desk.wait(process).code == 130
    desk.put_back()
    # From here on only one of the two knows what the other does.
    before = desk.writes()
    assert before < len(ids)
    assert desk.here("runs", "resume", "latest", "--json").code == 0
    desk.once("comment", ids)
    answer = copy.here("runs", "resume", "latest", "--progress", "plain")
    assert answer.code == 0 and SAID in answer.err and "it is a copy" in answer.err, answer.err
    desk.once("comment", ids)
    assert copy.here("runs", "show", "latest", "--json").counts == {"selected": len(ids), "done": len(ids)}


def test_a_backup_put_back_in_place_sends_nothing_twice(desk: Desk) -> None:
    """Restored over the same files after the run went on: failures that were retried since are looked at as well."""
    ids = desk.open_ids()[:12]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("status", status=422, method="POST", path="/parts$", count=4)
    closing = ["conversations", "close", "--body", "Bye.", "--customer-visible", *NOTE[4:], "--ids", "ids"]
    first = desk.here(*closing)
    assert (first.code, first.counts["failed"]) == (3, 4), first.err
    backup = copied(desk, "backup").home
    assert desk.here("runs", "retry", "latest", "--json").code == 0
    desk.once("close", ids)
    time.sleep(2.1)  # a backup is older than what it is put in place of
    for file in backup.rglob("*"):
        if file.is_file():
            (desk.home / file.relative_to(backup)).write_bytes(file.read_bytes())
    again = desk.here("runs", "retry", "latest", "--json")
    assert (again.code, again.counts["done"]) == (0, 12), again.err
    assert "older_journal" in events(desk)
    desk.once("close", ids)


def test_a_database_without_its_mark_is_looked_at_before_it_writes(desk: Desk) -> None:
    """A database that was copied alone lacks what tells its age; `runs resume` looks, and says once that it does."""
    ids = chosen(desk, 12)
    killed_after(desk, 4, *NOTE, "--ids", "ids")
    for mark in (desk.home / "locks").glob("*.mark"):
        mark.unlink()
    answer = desk.here("runs", "resume", "latest", "--json")
    assert answer.code == 0, answer.err
    desk.once("note", ids)
    assert events(desk).count("older_journal") == 1


def test_verbs_that_may_be_repeated_look_at_nothing_more(desk: Desk) -> None:
    """Closing twice ends in the same state: a copied journal of it is gone on with as any other."""
    ids = chosen(desk, 20)
    killed_after(desk, 6, "conversations", "close", "--ids", "ids", "--yes", "--json", "--verify", "none")
    copy = copied(desk)
    answer = copy.here("runs", "resume", "latest", "--json")
    assert answer.code == 0 and "older_journal" not in events(copy), answer.err
    assert all(desk.box.conversation(one)["state"] == "closed" for one in ids)


def test_undo_from_a_journal_of_the_past_takes_back_what_it_does_not_know_of(desk: Desk) -> None:
    """What the run did after its journal was copied is found by reading it, and taken back."""
    ids = desk.open_ids()
    (desk.home / "ids").write_text("\n".join(ids))
    process = desk.start("conversations", "close", "--where", QUERY, "--yes", "--json", "--verify", "none", "--workers", "2")
    assert until(lambda: desk.writes() >= 4, process)
    process.send_signal(signal.SIGINT)
    desk.wait(process)
    copy = copied(desk)
    assert desk.here("runs", "resume", "latest", "--json").code == 0 and not desk.open_ids()
    undone = copy.here("undo", "latest", "--yes", "--json")
    assert undone.code == 0 and "This journal may be older" in undone.err, undone.err
    assert sorted(desk.open_ids()) == sorted(ids)


def test_what_an_undo_from_a_journal_of_the_past_cannot_restore_is_counted(desk: Desk) -> None:
    """Chosen by ids, an item has its before-image only when it is its turn: without it the undo has not taken all back, and exits so."""
    ids = desk.open_ids()[:20]
    (desk.home / "ids").write_text("\n".join(ids))
    process = desk.start("conversations", "close", "--ids", "ids", "--yes", "--json", "--verify", "none", "--workers", "2")
    assert until(lambda: desk.writes() >= 4, process)
    process.send_signal(signal.SIGINT)
    desk.wait(process)
    copy = copied(desk)
    assert desk.here("runs", "resume", "latest", "--json").code == 0
    looked = copy.here("undo", "latest", "--dry-run", "--json")
    undone = copy.here("undo", "latest", "--yes", "--json")
    closed = [one for one in ids if desk.box.conversation(one)["state"] == "closed"]
    assert closed and undone.counts == {"selected": 20, "done": 20 - len(closed), "failed": len(closed)}, undone.err
    assert (undone.code, looked.counts["failed"]) == (3, len(closed)), looked.err
    (group,) = undone.json["failures"]
    assert "does not know what it was before the run" in str(group), group


def test_a_journal_whose_log_was_left_behind_names_the_way_on(desk: Desk) -> None:
    """Copied or cleaned up without its write-ahead log, it may have no tables."""
    chosen(desk, 8)
    killed_after(desk, 3, *NOTE, "--ids", "ids")
    for end in ("-wal", "-shm"):
        (desk.home / f"journal.db{end}").unlink(missing_ok=True)
    answer = desk.here("runs", "list")
    assert answer.code == 1 and "journal.db-wal was left behind" in answer.err and "INTERCOM_BULK_HOME" in answer.err, answer.err


UPDATER = """
from intercom_bulk_updater import IntercomBulkUpdater

class Noter(IntercomBulkUpdater):
    def get_search_endpoint(self):
        return "conversations/search"

    def perform_action(self, item_id, **_):
        body = {"message_type": "note", "type": "admin", "admin_id": self.admin_id, "body": "From a script."}
        return self.client.post(f"conversations/{item_id}/reply", body)

class Knowing(Noter):
    def is_done(self, item_id, **_):
        parts = self.client.get(f"conversations/{item_id}")["conversation_parts"]["conversation_parts"]
        return any("From a script." in (part["body"] or "") for part in parts)
"""


@pytest.mark.parametrize("name", ["Noter", "Knowing"])
def test_an_updater_that_cannot_tell_leaves_its_items_in_doubt(desk: Desk, name: str) -> None:
    """A person's own message is not repeated either: looked for where the updater says how, in doubt where it does not."""
    (desk.home / "mine.py").write_text(UPDATER)
    ids = chosen(desk, 12)
    command = ("run", f"mine.py:{name}", "--ids", "ids", "--yes", "--json", "--workers", "2", "--timeout", "3", "--verify", "none")
    killed_after(desk, 4, *command)
    copy = copied(desk)
    assert desk.here("runs", "resume", "latest", "--json").code in (0, 3)
    before = desk.written("note")["writes"]
    answer = copy.here("runs", "resume", "latest", "--json")
    if name == "Knowing":
        assert answer.code == 0 and answer.counts["done"] == 12, answer.err
    else:
        assert answer.code == 3 and answer.counts["in_doubt"] == 12 - answer.counts.get("done", 0) >= 6, answer.err
    found = desk.written("note")
    assert found["2+"] == 0 and found["writes"] <= len(ids) and found["writes"] - before in (0, len(ids) - before)


def test_a_message_that_each_sent_is_looked_for(desk: Desk) -> None:
    """Killed, and gone on with in a copy that knows less: its request is read back as the verb's is, and all are done."""
    ids = chosen(desk, 12)
    body = '{"message_type": "note", "type": "admin", "admin_id": "991267700", "body": "From each."}'
    request = ("each", "conversations", "POST", "conversations/{{id}}/reply", body)
    killed_after(desk, 4, *request, "--ids", "ids", "--yes", "--json", "--workers", "2", "--timeout", "3", "--verify", "none")
    copy = copied(desk)
    assert desk.here("runs", "resume", "latest", "--json").counts == {"selected": 12, "done": 12}
    assert copy.here("runs", "resume", "latest", "--json").counts == {"selected": 12, "done": 12}
    desk.once("note", ids)


def test_the_list_of_runs_counts_what_a_killed_process_left_in_flight(desk: Desk) -> None:
    """After a kill, what may have left is in doubt in `runs list` as in `runs show`, and not among what was not begun."""
    chosen(desk, 40)
    killed_after(desk, 8, *NOTE, "--ids", "ids")
    told = desk.here("runs", "list", "--json").json["runs"][0]["counts"]
    said = " ".join(desk.here("runs", "list").out.split())
    assert told["in_doubt"] and f"{told['in_doubt']} in doubt" in said and f"{told['pending']} not begun" in said, said


def test_an_original_that_is_gone_on_with_after_its_copy_sends_nothing_twice(desk: Desk) -> None:
    """The copy finishes the run and leaves word in the folder that it was copied from: there, all is looked at before it is sent."""
    ids = desk.open_ids()
    killed_after(desk, 5, *REPLY, "--where", QUERY)
    copy = copied(desk)
    assert copy.here("runs", "resume", "latest", "--json").code == 0
    desk.once("comment", ids)
    answer = desk.here("runs", "resume", "latest", "--progress", "plain")
    assert answer.code == 0 and SAID in answer.err and "its run was gone on with in" in answer.err, answer.err
    desk.once("comment", ids)
    assert desk.here("runs", "show", "latest", "--json").counts == {"selected": len(ids), "done": len(ids)}
    assert desk.here("runs", "show", "latest").code == 0 and events(desk).count("older_journal") == 1


@pytest.mark.further
def test_a_folder_and_its_copy_are_not_gone_on_with_at_once(desk: Desk) -> None:
    """While the copy works, the original refuses; both may take turns, and each message goes out once."""
    ids = desk.open_ids()
    killed_after(desk, 3, *REPLY, "--where", QUERY)
    copy = copied(desk)
    desk.switch(latency=1.0)
    process = copy.start("runs", "resume", "latest", "--json", "--workers", "2")
    assert until(lambda: desk.writes() >= 8, process)
    refused = desk.here("runs", "resume", "latest")
    assert refused.code == 12 and str(copy.home) in refused.err, refused.err
    process.send_signal(signal.SIGINT)
    copy.wait(process)
    desk.put_back()
    assert desk.here("runs", "resume", "latest", "--json").code == 0
    again = copy.here("runs", "resume", "latest", "--json")
    assert again.code == 0, again.err
    desk.once("comment", ids)
