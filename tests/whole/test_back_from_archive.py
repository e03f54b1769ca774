"""What an undo archives or brings back is read back as what the verbs do: by a search, which shows no archived contact."""

from __future__ import annotations

from acceptance.desk import Answer, Desk

PLAIN = ("--json", "--progress", "none")


def archived(desk: Desk, number: int = 4) -> str:
    """The run that archived so many contacts."""
    ids = [str(one["id"]) for one in desk.box.contacts(role="user") if not one["archived"]][:number]
    (desk.home / "ids").write_text("\n".join(ids))
    done = desk.here("contacts", "archive", "--ids", "ids", "--yes", "--verify", "all", *PLAIN)
    assert done.code == 0 and done.json["verified"]["checked"] == number, done.err
    return done.run


def undone(desk: Desk, run: str, *more: str) -> Answer:
    """Its way back, every item read."""
    back = desk.here("undo", run, "--yes", "--verify", "all", *more, *PLAIN)
    assert back.code == 0, back.err
    return back


def test_who_came_back_is_verified(desk: Desk) -> None:
    """By one search for each that is read back; the comparison before the write takes none."""
    run = archived(desk)
    desk.box.reset_stats()
    back = undone(desk, run)
    assert back.json["verified"]["checked"] == 4 and not back.json["verified"].get("undecided"), back.json["verified"]
    assert desk.sent("/contacts/search") == 4
    assert not any(desk.box.contact(one)["archived"] for one in (desk.home / "ids").read_text().split())


def test_an_answer_without_effect_is_not_verified(desk: Desk) -> None:
    """Every second contact stays archived, and no search shows it."""
    run = archived(desk)
    desk.box.fault("rolled_back", path="/unarchive", every=2)
    back = undone(desk, run)
    assert (back.json["verified"]["checked"], back.json["verified"]["undecided"]) == (2, 2), back.json["verified"]


def test_an_index_that_is_behind_proves_nothing(desk: Desk) -> None:
    """It still shows what has been archived since: that tells of no way back. Later it does."""
    run = archived(desk)
    desk.switch(contact_lag=600.0)
    back = undone(desk, run)
    assert back.json["verified"]["undecided"] == 4 and "`verify` tells later" in back.json["verified"]["note"], back.json["verified"]
    desk.box.pass_time(700)
    later = desk.here("verify", back.run, *PLAIN)
    assert later.code == 0 and later.json["verified"]["checked"] == 4 and not later.json["verified"].get("undecided"), later.json
    again = desk.here("contacts", "archive", "--ids", "ids", "--yes", "--verify", "none", *PLAIN)
    stale = undone(desk, again.run)
    assert stale.json["verified"]["undecided"] == 4, stale.json["verified"]


def test_what_an_undo_of_upsert_archives_is_verified_once_a_search_must_know_it(desk: Desk) -> None:
    """A contact of a moment ago may be missing because the index is behind; one that was there for long is archived."""
    (desk.home / "new.csv").write_text("external_id,name\nq1,New\nq2,New")
    made = desk.here("contacts", "upsert", "name={{name}}", "--csv", "new.csv", "--id-column", "external_id", "--yes", *PLAIN)
    at_once = undone(desk, made.run)
    assert at_once.json["verified"]["undecided"] == 2 and "later" in at_once.json["verified"]["note"], at_once.json["verified"]
    desk.box.pass_time(4_000)
    later = desk.here("verify", at_once.run, *PLAIN)
    assert later.code == 0 and later.json["verified"]["checked"] == 2 and not later.json["verified"].get("undecided"), later.json
    again = undone(desk, at_once.run)
    assert again.json["verified"]["checked"] == 2 and not again.json["verified"].get("undecided"), again.json["verified"]


def test_how_many_a_search_still_finds_is_said(desk: Desk) -> None:
    """Every second archive was answered and rolled back. The search may be behind, so that is no proof; how many, people can use."""
    ids = [str(one["id"]) for one in desk.box.contacts(role="user")][:8]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("rolled_back", path="/archive", every=2)
    done = desk.here("contacts", "archive", "--ids", "ids", "--yes", "--verify", "all", *PLAIN)
    told = done.json["verified"]
    assert (told["checked"], told["undecided"], told["still_found"]) == (4, 4, 4), done.err
    assert "4 items are still found by the search" in done.err, done.err
    desk.box.clear_faults()
    for said in (desk.here("verify", done.run, "--progress", "none").err, desk.here("runs", "show", done.run).out):
        assert "4 items are still found by the search" in " ".join(said.split()), said
    desk.here("contacts", "archive", "--ids", "ids", "--yes", "--verify", "none", *PLAIN)
    later = desk.here("verify", done.run, *PLAIN)
    assert "still_found" not in later.json["verified"], later.json["verified"]
