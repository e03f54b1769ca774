"""A run that was undone, in part or whole, and what is said of it afterwards: each face says what is so."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import intercom_bulk_updater as bulk
from acceptance.desk import Desk, at_desk
from intercom_bulk_updater.journal import Journal

from .network import MemorySandbox

WHERE = ("--where", "team = Support and state = open", "--limit", "3")
PLAIN = ("--yes", "--progress", "none", "--workers", "1")


HEADS = {"all": "Done and verified", "sample": "Done, and a sample of it verified", "none": "Done"}


@pytest.fixture
def desk(shop: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(shop, tmp_path) as made:
        yield made


def one_failed(desk: Desk, *command: str) -> str:
    """A run of three items of which one was refused, as another permission may let it, and two are done."""
    desk.box.fault("status", status=403, on="write", count=1)
    ran = desk.here(*command, *PLAIN, "--json")
    desk.box.clear_faults()
    assert ran.counts == {"selected": 3, "failed": 1, "done": 2}, ran.err
    return ran.run


def listed(desk: Desk, run: str) -> str:
    return next(line for line in desk.here("runs", "list").out.splitlines() if line.startswith(run))


@pytest.mark.parametrize("verify", HEADS)
def test_a_retry_after_an_undo_stands_beside_it(desk: Desk, verify: str) -> None:
    """Two items were undone, the third was done since: every face tells the two apart, and the third can be undone."""
    run = one_failed(desk, "conversations", "close", *WHERE)
    answer = desk.here("undo", run, *PLAIN, "--json")
    undo = answer.run
    assert f"1 item of {run} failed; undo does not look at that" in answer.err, answer.err
    assert desk.here("runs", "show", run, "--json").json["next"] == [
        f"intercom-bulk runs retry {run}", f"intercom-bulk verify {undo}"
    ]  # fmt: skip
    retried = desk.here("runs", "retry", run, *PLAIN, "--verify", verify)
    assert retried.code == 0, retried.err
    assert f"{HEADS[verify]}: 3 closed, 2 of them undone since" in retried.err, retried.err
    assert  f"undone by    {undo} (2 of 3)" in retried.err, retried.err
    assert retried.err.rstrip().endswith(f"intercom-bulk undo {run}")
    told = desk.here("runs", "show", run, "--json").json
    assert (told["exit"], told["undone_by"], told["undone"], told["next"]) == (0, undo, 2, [f"intercom-bulk undo {run}"])
    shown = desk.here("runs", "show", run).out
    assert f"undone by\t{undo} (2 of 3)" in shown and "All 3 done, 2 of them undone since" in shown, shown
    assert "3 closed, 2 of them undone since" in listed(desk, run)
    desk.here("runs", "report", run, "-o", str(desk.home / "r.html"))
    page = (desk.home / "r.html").read_text("utf-8")
    assert "All 3 done, 2 of them undone since" in page and f"{undo} (2 of 3)" in page

    looked = desk.here("verify", run, "--verify", "all", "--json")
    assert (looked.code, looked.json["verified"]["remaining"], looked.json["verified"]["undone"]) == (6, 2, 2), looked.err
    assert desk.here("runs", "show", run, "--json").json["exit"] == 0
    second = desk.here("undo", run, *PLAIN, "--json")
    assert (second.code, second.counts) == (0, {"selected": 1, "done": 1}), second.err
    told = desk.here("runs", "show", run, "--json").json
    assert (told["undone_by"], told["undone"], told["next"]) == (second.run, 3, [f"intercom-bulk verify {second.run}"])
    assert "3 closed, all of them undone since" in listed(desk, run)
    assert desk.here("undo", undo, *PLAIN, "--json").code == 0
    told = desk.here("runs", "show", run, "--json").json
    assert (told["undone_by"], told["undone"], told["exit"]) == (second.run, 1, 0)


def test_a_run_that_is_finished_has_nothing_to_resume(desk: Desk) -> None:
    """It says so, and what there is instead; it used to read as if something had been gone on with."""
    run = one_failed(desk, "conversations", "close", *WHERE)
    resumed = desk.here("runs", "resume", run, *PLAIN)
    assert (
        f"{run} is finished: there is nothing to resume. To try what failed again (1 item): intercom-bulk runs retry {run}. "
        f"To take it back: intercom-bulk undo {run}."
    ) in " ".join(resumed.err.split()), resumed.err


def test_a_resume_after_an_undo_brings_back_nothing(desk: Desk) -> None:
    """What was undone matches the selection again: the resume neither acts on it nor calls it wrong."""
    ids = desk.open_ids()
    desk.box.fault("outage", on="write", after=2)
    stopped = desk.here("conversations", "close", *WHERE[:2], *PLAIN, "--patience", "30s", "--json")
    assert stopped.counts["done"] == 2, stopped.err
    desk.box.clear_faults()
    undo = desk.here("undo", stopped.run, *PLAIN, "--json")
    assert undo.counts["done"] == 2
    resumed = desk.here("runs", "resume", stopped.run, *PLAIN, "--verify", "all", "--json")
    assert (resumed.code, resumed.json["undone"], resumed.counts) == (0, 2, {"selected": len(ids), "done": len(ids)}), resumed.err
    assert resumed.json["next"] == [f"intercom-bulk undo {stopped.run}"] and len(desk.open_ids()) == 2
    assert resumed.json["verified"]["explained"] == {"undone since": 2}


def test_what_is_verified_while_it_is_undone_says_nothing_later(desk: Desk) -> None:
    """The undo is undone: what a verification found in between is not held against the run."""
    closed = desk.here("conversations", "close", *WHERE, *PLAIN, "--json").run
    undo = desk.here("undo", closed, *PLAIN, "--json").run
    assert desk.here("verify", closed, "--verify", "all", "--json").code == 6
    assert desk.here("undo", undo, *PLAIN, "--json").code == 0
    told = desk.here("runs", "show", closed, "--json").json
    assert (told["exit"], told["ok"], "undone_by" in told) == (0, True, False)


def test_an_item_in_doubt_that_was_undone_hides_none_that_stands(box: MemorySandbox) -> None:
    """One is done, of one the answer is lost, one is refused and was not looked at: the undo finds the first two."""
    box.fault("drop_after", on="write", count=1)
    box.fault("status", status=422, on="write", count=1, after=1)
    box.fault("status", status=500, on="look")
    run = bulk.run("conversations.close", "team = Support and state = open", limit=3, workers=1, retries=1, verify="none")
    assert (run.counts.done, run.counts.in_doubt, run.counts.failed) == (1, 2, 0), run.report()
    box.clear_faults()
    undo = run.undo(workers=1)
    assert undo.counts.done == 2, list(undo.items())
    assert (run.report()["undone"], "1 undone since" in repr(run)) == (1, True)
    run.retry(only="422", workers=1)
    told = run.report()
    assert (told["counts"]["done"], told["undone"], told["next"][-1]) == (2, 1, f"intercom-bulk undo {run.id}")
    assert run.undo(workers=1).counts.done == 1


def test_what_was_undone_is_not_undone_again(desk: Desk) -> None:
    """A colleague has set it by hand since, to what the run had set: the second undo takes up only what the run did after the first."""
    ids = desk.open_ids()[:3]
    desk.box.touch(ids, "set", custom_attributes={"reviewed": False})
    (desk.home / "ids.txt").write_text("\n".join(ids))
    run = one_failed(desk, "conversations", "set", "reviewed=true", "--ids", "ids.txt")
    undo = desk.here("undo", run, *PLAIN, "--json")
    with Journal(desk.home / "journal.db", read_only=True) as journal:
        theirs = [row.id for row in journal.items(undo.run)]
    desk.box.touch(theirs, "set", custom_attributes={"reviewed": True})
    assert desk.here("runs", "retry", run, *PLAIN, "--json").counts["done"] == 3
    again = desk.here("undo", run, *PLAIN, "--json")
    assert again.counts == {"selected": 1, "done": 1}, again.err
    assert all(desk.box.conversation(one)["custom_attributes"]["reviewed"] is True for one in theirs)


def test_a_row_that_was_created_is_known_by_its_key(desk: Desk) -> None:
    """An undo of an upsert goes by Intercom's ids, and the run by the keys of its rows: both are the same item."""
    (desk.home / "new.csv").write_text("external_id,name\n" + "".join(f"k{n},N{n}\n" for n in range(3)))
    run = one_failed(desk, "contacts", "upsert", "--csv", "new.csv", "--id-column", "external_id", "name={{name}}")
    undo = desk.here("undo", run, *PLAIN, "--json")
    assert undo.counts["done"] == 2, undo.err
    retried = desk.here("runs", "retry", run, *PLAIN, "--json")
    assert (retried.json["undone"], retried.json["next"][-1]) == (2, f"intercom-bulk undo {run}"), retried.err
    with Journal(desk.home / "journal.db", read_only=True) as journal:
        undone = journal.undone(run)
        assert undone is not None and undone.ids == {"k1", "k2"}



HALVES: dict[str, tuple[str, ...]] = {
    "contacts": ("contacts", "tag", "--tag", "vip", "--tag", "bug", "--ids", "ids.txt"),
    "conversations": ("conversations", "tag", "--tag", "vip", "--tag", "bug", "--ids", "ids.txt"),
}


def half_done(desk: Desk, resource: str) -> tuple[str, str]:
    """A run of one item, of whose two requests Intercom has accepted the first and has not carried it out; the item."""
    one = next(row["id"] for row in getattr(desk.box, resource)() if not {7001, 7003} & set(row["tags"]))
    (desk.home / "ids.txt").write_text(one)
    desk.box.fault("rolled_back", on="write", count=1)
    ran = desk.here(*HALVES[resource], *PLAIN, "--verify", "all", "--json")
    assert (ran.code, ran.counts, tags_of(desk, resource, one)) == (6, {"selected": 1, "done": 1}, {7003}), ran.err
    assert f"--from-run {ran.run} --outcome done" in ran.json["error"]["hint"]
    return ran.run, one


def tags_of(desk: Desk, resource: str, one: str) -> set[int]:
    return {7001, 7003} & set(next(row["tags"] for row in getattr(desk.box, resource)() if row["id"] == one))


@pytest.mark.parametrize("resource", HALVES)
def test_half_of_a_change_is_taken_back(desk: Desk, resource: str) -> None:
    """What is not there was never carried out; the rest is our own, and not "changed by others"."""
    run, one = half_done(desk, resource)
    undo = desk.here("undo", run, *PLAIN, "--json")
    assert (undo.code, undo.counts, tags_of(desk, resource, one)) == (0, {"selected": 1, "done": 1}, set()), undo.err
    assert desk.here("runs", "show", run, "--json").json["undone_by"] == undo.run


@pytest.mark.parametrize("resource", HALVES)
def test_half_of_a_change_is_mended_by_what_the_advice_says(desk: Desk, resource: str) -> None:
    """The same verb with --from-run: the missing half is done, the run is as it was meant to be, and can be taken back whole."""
    run, one = half_done(desk, resource)
    mended = desk.here(*HALVES[resource][:-2], "--from-run", run, "--outcome", "done", *PLAIN, "--verify", "all", "--json")
    assert (mended.code, mended.counts, tags_of(desk, resource, one)) == (0, {"selected": 1, "done": 1}, {7001, 7003}), mended.err
    assert desk.here("verify", run, "--verify", "all").code == 0
    undo = desk.here("undo", run, *PLAIN, "--json")
    assert (undo.code, undo.counts, tags_of(desk, resource, one)) == (0, {"selected": 1, "done": 1}, set()), undo.err


def test_half_of_what_an_updater_did_is_taken_back(box: MemorySandbox) -> None:
    """A person's own undo_action puts back what there is of it; of an item that is wholly as before, others have taken it back."""

    class Rename(bulk.IntercomBulkUpdater):
        idempotent = True

        def get_search_endpoint(self) -> str:
            return "/contacts/search"

        def get_search_query(self) -> dict[str, object]:
            return {"field": "role", "operator": "=", "value": "user"}

        def get_item_id(self, item: dict[str, str]) -> str:
            return item["id"]

        def before(self, item: dict[str, object]) -> dict[str, object]:
            return {"name": item["name"], "owner_id": item["owner_id"]}

        def change(self, item_id: str, before: dict[str, object]) -> dict[str, tuple[object, object]]:
            return {"name": (before["name"], "Guest"), "owner_id": (before["owner_id"], 991267700)}

        def perform_action(self, item_id: str) -> dict[str, object]:
            self.client.put(f"contacts/{item_id}", {"name": "Guest"})
            return dict(self.client.put(f"contacts/{item_id}", {"owner_id": 991267700}), name="Guest")

        def undo_action(self, item_id: str, before: dict[str, object]) -> object:
            return self.client.put(f"contacts/{item_id}", before)

    was = [(row["id"], box.contact(row["id"])["name"], box.contact(row["id"])["owner_id"]) for row in box.contacts(role="user")[:2]]
    box.fault("rolled_back", on="write", count=1)
    result = Rename().bulk_process(item_ids=[one[0] for one in was], parallel_workers=1, verify="none")
    assert result.success == 2 and box.contact(was[0][0])["name"] != "Guest"
    undo = result.run.undo(workers=1)
    assert undo.counts.done == 2, list(undo.items())
    assert [(one, box.contact(one)["name"], box.contact(one)["owner_id"]) for one, _, _ in was] == was


def test_a_retry_leaves_what_is_in_doubt_and_says_so(desk: Desk) -> None:
    """It is neither accepted nor over: the run goes on by a resume."""
    desk.box.fault("drop_after", on="write", count=1)
    desk.box.fault("outage", on="look")
    desk.box.fault("outage", on="write", after=1)
    stopped = desk.here("conversations", "close", *WHERE, *PLAIN, "--patience", "30s", "--json")
    assert (stopped.code, stopped.counts["in_doubt"] > 0) == (7, True), stopped.err
    desk.box.clear_faults()
    retried = desk.here("runs", "retry", stopped.run, *PLAIN, "--json")
    assert (retried.code, retried.json["run"]["status"], retried.counts) == (7, "stopped", stopped.counts), retried.err
    assert f"{retried.counts['in_doubt']} items in doubt" in retried.json["error"]["message"].replace(" are", "").replace("is in", "in")
    assert retried.json["next"][0] == f"intercom-bulk runs resume {stopped.run}"


def killed_in_it(desk: Desk, undo: str, items: int) -> None:
    """The journal as a process leaves it that is killed when the answers to its last requests were under way."""
    book = sqlite3.connect(desk.home / "journal.db")
    with book:
        (number,) = book.execute("select number from run where id = ?", (undo,)).fetchone()
        last = "seq in (select seq from item where run = ? order by seq desc limit ?)"
        book.execute(f"update item set status = 1, finished_at = null, after = null where run = ? and {last}", (number, number, items))
        book.execute("update run set status = 'running', finished_at = null, exit_code = null where number = ?", (number,))
    book.close()


def closed_and_half_undone(desk: Desk, killed: int = 2) -> tuple[str, str]:
    """A run of three, and its undo, which was killed when two of them were under way."""
    run = desk.here("conversations", "close", *WHERE, *PLAIN, "--json").run
    undo = desk.here("undo", run, *PLAIN, "--json").run
    killed_in_it(desk, undo, killed)
    return run, undo


def test_an_undo_that_was_killed_is_named(desk: Desk) -> None:
    """On every face, with the command that goes on with it; that one comes to the end."""
    run, undo = closed_and_half_undone(desk)
    told = desk.here("runs", "show", run, "--json").json
    assert (told["undo_unfinished"], told["next"]) == (undo, [f"intercom-bulk runs resume {undo}"])
    assert f"{undo}, which is unfinished: intercom-bulk runs resume {undo}" in desk.here("runs", "show", run).out
    assert f"{undo} is an undo of it that is unfinished" in " ".join(desk.here("undo", run, "--dry-run").err.split())
    assert desk.here("runs", "resume", undo, *PLAIN).code == 0
    told = desk.here("runs", "show", run, "--json").json
    assert ("undo_unfinished" in told, told["undone_by"], told["next"]) == (False, undo, [f"intercom-bulk verify {undo}"])


def test_what_a_killed_undo_may_have_taken_back_is_not_held_against_the_run(desk: Desk) -> None:
    """The run goes on, and its verification expects nothing of these items."""
    ids = desk.open_ids()
    desk.box.fault("outage", on="write", after=3)
    run = desk.here("conversations", "close", *WHERE[:2], *PLAIN, "--patience", "30s", "--json").run
    desk.box.clear_faults()
    undo = desk.here("undo", run, *PLAIN, "--json").run
    killed_in_it(desk, undo, 2)
    resumed = desk.here("runs", "resume", run, *PLAIN, "--verify", "all", "--json")
    assert (resumed.code, resumed.counts["done"], resumed.json["undo_unfinished"]) == (0, len(ids), undo), resumed.err
    assert resumed.json["verified"]["remaining"] == 0 and resumed.json["verified"]["explained"] == {"undone since": 3}


def test_what_a_killed_undo_did_is_no_drift_to_the_next(desk: Desk) -> None:
    """It finds them as they were before the run, and leaves them so."""
    run, _ = closed_and_half_undone(desk)
    again = desk.here("undo", run, *PLAIN, "--json")
    assert (again.code, again.counts) == (0, {"selected": 2, "unchanged": 2}), again.err


def test_what_a_colleague_did_meanwhile_is_drift_all_the_same(desk: Desk) -> None:
    """Somebody has snoozed one after the killed undo had opened it."""
    run, undo = closed_and_half_undone(desk)
    with Journal(desk.home / "journal.db", read_only=True) as journal:
        theirs = [row.id for row in journal.items(undo)][-1:]
    desk.box.touch(theirs, "snooze")
    again = desk.here("undo", run, *PLAIN, "--json")
    assert again.counts == {"selected": 2, "unchanged": 1, "drifted": 1}, again.err


def test_what_was_left_alone_names_the_tag(desk: Desk) -> None:
    """As the item itself shows what it is called."""
    one = str(next(row["id"] for row in desk.box.conversations(state="open") if 7001 not in row["tags"]))
    (desk.home / "one").write_text(one)
    for verb in ("tag", "untag"):
        done = desk.here("conversations", verb, "--tag", "vip", "--ids", "one", *PLAIN, "--json")
        assert done.counts == {"selected": 1, "done": 1}, done.err
    desk.box.touch([one], "tag", tag_id=7001)
    left = desk.here("undo", done.run, *PLAIN)
    assert "the tag vip (7001) was put on since" in left.err, left.err
    closed = desk.here("conversations", "close", "--ids", "one", *PLAIN, "--json")
    desk.box.touch([one], "tag", tag_id=7002)
    left = desk.here("undo", closed.run, *PLAIN)
    assert re.search(r"tagged '\w+' since, by Amira Haddad \(991267701\)", left.err), left.err


def test_an_undo_of_what_went_with_its_company_says_so_before_and_after(desk: Desk) -> None:
    """The company is deleted, and its contacts are in it no more: by its name, in the dry run as in the run."""
    company = next(one for one in desk.box.companies() if one["users"])
    ids = [str(one["id"]) for one in desk.box.contacts(role="user") if company["id"] not in one["companies"]][:3]
    (desk.home / "ids").write_text("\n".join(ids))
    done = desk.here("contacts", "attach-company", "--company", company["id"], "--ids", "ids", *PLAIN, "--json")
    assert done.counts == {"selected": 3, "done": 3}, done.err
    (desk.home / "company").write_text(company["id"])
    gone = desk.here("companies", "delete", "--ids", "company", "--irreversible", "--verify", "none", *PLAIN, "--json")
    assert gone.counts == {"selected": 1, "done": 1}, gone.err
    desk.box.pass_time(60)
    for more in (("--dry-run", "--progress", "none"), PLAIN):
        left = desk.here("undo", done.run, *more)
        assert f"companies: {company['name']} ({company['id']}) not any more" in left.err, left.err
        assert "3 changed by others, left alone" in left.err, left.err


def test_what_was_archived_before_is_left_so_by_the_undo(box: MemorySandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intercom does not show it, but this journal and a search do; so they do of a contact that never was archived."""
    ids = [str(one["id"]) for one in box.contacts(role="lead")][:4]

    def archived() -> list[bool]:
        return [box.contact(one)["archived"] for one in ids]

    bulk.run("contacts.archive", ids=ids[:2])
    second = bulk.run("contacts.archive", ids=ids)
    assert (second.counts.done, second.counts.unchanged) == (2, 2), second.report()
    second.undo()
    assert archived() == [True, True, False, False]
    back = bulk.run("contacts.unarchive", ids=ids)
    assert (back.counts.done, back.counts.unchanged) == (2, 2), back.report()
    back.undo()
    assert archived() == [True, True, False, False]
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("INTERCOM_BULK_HOME", "other")
        assert bulk.run("contacts.unarchive", ids=ids[:1]).counts.done == 1
    again = bulk.run("contacts.archive", ids=ids[:2])
    assert (again.counts.done, again.counts.unchanged) == (1, 1), again.report()
    assert archived() == [True, True, False, False]


def test_the_preview_of_an_undo_lists_what_is_still_there(box: MemorySandbox, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A teammate has taken one of two tags off meanwhile: of that item the undo takes the other one, and says so."""
    ids = [str(one["id"]) for one in desk.box.contacts(role="user") if not one["tags"]][:3]
    (desk.home / "ids").write_text("\n".join(ids))
    (desk.home / "one").write_text(ids[0])
    done = desk.here("contacts", "tag", "--ids", "ids", "--tag", "vip", "--tag", "spam", "--yes", "--progress", "none", "--json")
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("INTERCOM_BULK_HOME", "other")
        bulk.run("contacts.untag", ids=ids[:1], tag=["vip"])
        bulk.run("contacts.tag", ids=ids[:1], tag=["bug"])
    look = desk.here("undo", done.run, "--dry-run", "--progress", "none", "--json")
    changes = {one["id"]: one["change"] for one in look.json["review"]["sample"]}
    assert "vip" not in changes[ids[0]] and all("vip" in changes[one] and "spam" in changes[one] for one in ids[1:]), changes
    back = desk.here("undo", done.run, "--yes", "--progress", "none", "--json")
    assert back.code == 0 and back.counts["done"] == 3, back.err
    assert [[tag["id"] for tag in desk.box.contact(one)["tags"]["data"]] for one in ids] == [["7003"], [], []]


def test_what_others_have_archived_stays_so(box: MemorySandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search does not find it and no run here has archived it: it is archived again, which does no harm, and not brought back."""
    ids = [str(one["id"]) for one in box.contacts(role="user")[:3]]
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("INTERCOM_BULK_HOME", "other")
        bulk.run("contacts.archive", ids=ids[:1])
    done = bulk.run("contacts.archive", ids=ids)
    assert done.counts.done == 3
    assert done.undo(dry_run=True).counts.drifted == 1
    undone = done.undo()
    assert (undone.counts.done, undone.counts.drifted) == (2, 1)
    assert [box.contact(one)["archived"] for one in ids] == [True, False, False]
    assert done.undo(on_drift="force").counts.done == 1 and not box.contact(ids[0])["archived"]
