"""`contacts upsert`: what is missing is created, what exists is set, and undo tells the two apart."""

from __future__ import annotations

from typing import Any

import pytest

from .desk import Desk, until

SANDBOX = {"conversations": 60, "contacts": 80, "latency": 0.0, "jitter": 0.0}
PLAIN = ("--json", "--progress", "none")
VALUES = ("name={{name}}", "plan={{plan}}", "seats={{seats}}")


def sheet(desk: Desk, key: str, there: int = 3, new: int = 3) -> tuple[list[dict[str, Any]], list[str]]:
    """A spreadsheet of users that exist and people that do not: the rows of the former, the keys of the latter."""
    users = [one for one in desk.box.contacts(role="user") if not one["archived"]][:there]
    fresh = [f"new-{number}" + ("@example.test" if key == "email" else "") for number in range(new)]
    lines = [f"{name},Person {place},pro,{place}" for place, name in enumerate([*(one[key] for one in users), *fresh])]
    (desk.home / "people.csv").write_text("\n".join([f"{key},name,plan,seats", *lines]))
    return users, fresh


def upsert(desk: Desk, key: str, *more: str) -> Any:
    """The command."""
    return desk.here("contacts", "upsert", *VALUES, "--csv", "people.csv", "--id-column", key, *PLAIN, *more)


def by(desk: Desk, key: str, value: str, *, archived: bool = False) -> list[dict[str, Any]]:
    """The contacts with this key, as the server holds them."""
    return [one for one in desk.box.contacts() if one[key] == value and one["archived"] is archived]


@pytest.mark.parametrize("key", ["external_id", "email"])
def test_what_is_missing_is_created_and_what_exists_is_set(desk: Desk, key: str) -> None:
    """Dry run equals run; a second run writes nothing; undo archives what it created and restores what it changed."""
    users, fresh = sheet(desk, key)
    written = desk.writes()
    dry = upsert(desk, key, "--dry-run")
    assert dry.counts == {"selected": 6, "pending": 6} and desk.writes() == written, dry.err
    assert sum("contact: missing -> there" in said for said in dry.json["review"]["groups"]) == 3
    done = upsert(desk, key, "--yes")
    assert (done.code, done.counts) == (0, {"selected": 6, "done": 6}), done.err
    assert desk.writes() - written == 6
    for place, value in enumerate([*(one[key] for one in users), *fresh]):
        (row,) = by(desk, key, value)
        assert (row["name"], row["custom_attributes"]["plan"], row["custom_attributes"]["seats"]) == (f"Person {place}", "pro", place)
        assert row["role"] == "user"
    assert desk.here("verify", "latest").code == 0
    assert upsert(desk, key, "--yes").counts == {"selected": 6, "unchanged": 6}
    back = desk.here("undo", done.run, "--yes", *PLAIN)
    assert (back.code, back.counts) == (0, {"selected": 6, "done": 6}), back.err
    for one in users:
        (row,) = by(desk, key, one[key])
        assert (row["name"], row["custom_attributes"]) == (one["name"], one["custom_attributes"])
    assert all(by(desk, key, value, archived=True) and not by(desk, key, value) for value in fresh)
    again = desk.here("undo", back.run, "--yes", *PLAIN)
    assert (again.code, again.counts) == (0, {"selected": 6, "done": 6}), again.err
    assert all(by(desk, key, value) for value in fresh) and by(desk, key, users[0][key])[0]["name"] == "Person 0"


def test_a_plan_is_applied_and_what_came_since_is_left_alone(desk: Desk) -> None:
    """Somebody created the contact in between: it has drifted."""
    _, fresh = sheet(desk, "external_id", 1, 2)
    planned = upsert(desk, "external_id", "--plan", "p.jsonl")
    assert planned.code == 0, planned.err
    (desk.home / "other.csv").write_text(f"external_id,name\n{fresh[0]},Somebody else")
    other = desk.here("contacts", "upsert", "name={{name}}", "--csv", "other.csv", "--id-column", "external_id", "--yes", *PLAIN)
    assert other.counts == {"selected": 1, "done": 1}, other.err
    done = desk.here("apply", "p.jsonl", "--yes", *PLAIN)
    assert done.counts == {"selected": 3, "done": 2, "drifted": 1}, done.err
    assert by(desk, "external_id", fresh[0])[0]["name"] == "Somebody else"


@pytest.mark.parametrize("key", ["external_id", "email"])
def test_a_lost_answer_makes_no_second_contact(desk: Desk, key: str) -> None:
    """Also where the search does not show yet what was created."""
    _, fresh = sheet(desk, key, 0, 6)
    desk.switch(contact_lag=60.0)
    desk.box.fault("drop_after", path="/contacts", on="write", count=3)
    done = upsert(desk, key, "--yes", "--verify", "none")
    assert (done.code, done.counts) == (0, {"selected": 6, "done": 6}), done.err
    assert [len(by(desk, key, value)) for value in fresh] == [1] * 6
    back = desk.here("undo", done.run, "--yes", *PLAIN)
    assert back.counts == {"selected": 6, "done": 6}, back.err
    assert not any(by(desk, key, value) for value in fresh)


def test_what_the_search_does_not_show_yet_is_set_and_not_taken_for_ours(desk: Desk) -> None:
    """It exists, and Intercom refuses a second one: it is set, and an undo brings its fields back and takes nothing away."""
    _, fresh = sheet(desk, "email", 0, 2)
    desk.switch(contact_lag=60.0)
    assert upsert(desk, "email", "--yes", "--verify", "none").counts == {"selected": 2, "done": 2}
    was = [by(desk, "email", one)[0]["name"] for one in fresh]
    (desk.home / "people.csv").write_text("\n".join(["email,name,plan,seats", *(f"{one},Other,free,1" for one in fresh)]))
    done = upsert(desk, "email", "--yes", "--verify", "none")
    assert (done.code, done.counts) == (0, {"selected": 2, "done": 2}), done.err
    assert [[row["name"] for row in by(desk, "email", one)] for one in fresh] == [["Other"], ["Other"]]
    desk.here("undo", done.run, "--yes", *PLAIN)
    assert [[row["name"] for row in by(desk, "email", one)] for one in fresh] == [[name] for name in was]


def test_a_conflict_about_another_field_names_another_contact(desk: Desk) -> None:
    """The external id of a row belongs to somebody else, whom the refusal names: the row fails, and that contact stays as it is."""
    (there,), (fresh,) = sheet(desk, "external_id", 1, 1)
    (desk.home / "people.csv").write_text(f"email,external_id,name\n{fresh}@example.test,{there['external_id']},Other")
    words = ("contacts", "upsert", "external_id={{external_id}}", "name={{name}}", "--csv", "people.csv", "--id-column", "email")
    done = desk.here(*words, "--yes", *PLAIN)
    assert (done.code, done.counts) == (3, {"selected": 1, "failed": 1}), done.err
    assert by(desk, "external_id", there["external_id"])[0]["name"] == there["name"]


def test_a_killed_run_is_resumed(desk: Desk) -> None:
    """kill -9 while it writes: each person once, all as wanted."""
    users, fresh = sheet(desk, "external_id", 15, 15)
    desk.switch(latency=0.03)
    already = desk.writes()
    words = (*VALUES, "--csv", "people.csv", "--id-column", "external_id", "--yes", "--workers", "3", *PLAIN)
    process = desk.start("contacts", "upsert", *words)
    assert until(lambda: desk.writes() - already >= 8, process)
    process.kill()
    desk.wait(process)
    desk.put_back()
    back = desk.here("runs", "resume", "latest", *PLAIN)
    assert back.code == 0 and back.json["counts"]["done"] + back.json["counts"]["unchanged"] == 30, back.err
    assert [len(by(desk, "external_id", value)) for value in [*(one["external_id"] for one in users), *fresh]] == [1] * 30


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "takes its contacts from a spreadsheet"),
        (("--csv", "people.csv"), "id-column is external_id or email"),
        (("--csv", "people.csv", "--id-column", "name"), "id-column is external_id or email"),
        (("email=a@b.test", "--csv", "people.csv", "--id-column", "email"), "email is what the rows go by"),
        (("planned={{plan}}", "--csv", "people.csv", "--id-column", "email"), "no contact attribute 'planned'"),
        (("seats={{name}}", "--csv", "people.csv", "--id-column", "email"), "people.csv, line 2: seats is of type integer"),
        (("name={name}", "--csv", "people.csv", "--id-column", "email"), "'name={name}' has {name} in it, which is no place"),
        (("name=Dear {{name}", "--csv", "people.csv", "--id-column", "email"), "is written {{name}}, with two braces"),
    ],
)
def test_what_cannot_be_meant_is_refused(desk: Desk, words: tuple[str, ...], said: str) -> None:
    """Before anything is written, with the row where one is wrong."""
    sheet(desk, "email")
    written = desk.writes()
    value = () if words and "=" in words[0] else ("name=Ada",)
    refused = desk.here("contacts", "upsert", *value, *words, "--yes")
    assert refused.code == 2 and said in refused.err and desk.writes() == written, refused.err


def test_a_column_is_called_as_people_call_it_and_blanks_around_the_equals_sign_are_nobodys(desk: Desk) -> None:
    """The key in the words of the sheet's first line; braces that hold no column's name are a text; a value of blanks is one."""
    (desk.home / "people.csv").write_text("E-Mail,name\nq1@example.test,Ann")
    words = ("contacts", "upsert", "name = {{name}}", "plan = {pro}", "--csv", "people.csv", "--id-column", "E-Mail", "--yes", *PLAIN)
    done = desk.here(*words)
    assert done.counts == {"selected": 1, "done": 1}, done.err
    (row,) = by(desk, "email", "q1@example.test")
    assert (row["name"], row["custom_attributes"]["plan"]) == ("Ann", "{pro}")
    (desk.home / "ids").write_text(row["id"])
    assert desk.here("contacts", "set", "name =  Bo Li", "--ids", "ids", "--yes", *PLAIN).code == 0
    assert by(desk, "email", "q1@example.test")[0]["name"] == "Bo Li"


def test_one_person_in_two_spellings_is_one_row(desk: Desk) -> None:
    """E-mail addresses differ in capitals alone: refused where the rows disagree, and the address is not shown."""
    (desk.home / "people.csv").write_text("email,name\nAnn@example.test,Ann\nann@example.test,Anna")
    refused = desk.here("contacts", "upsert", "name={{name}}", "--csv", "people.csv", "--id-column", "email", "--yes")
    assert refused.code == 2 and "in line 2 and, with other values, in line 3" in refused.err, refused.err
    assert "ann@example.test" not in refused.err


def test_a_dry_run_says_whose_address_a_row_would_take(desk: Desk) -> None:
    """Of one that is missing, and of one that is there: one search for all, and as many fail as in the run. A lead's address is free."""
    there, other, *_ = (one for one in desk.box.contacts(role="user") if not one["archived"] and one["email"] and one["external_id"])
    lead = next(one for one in desk.box.contacts(role="lead") if not one["archived"] and one["email"])
    rows = [("new-1", other["email"].upper()), (there["external_id"], other["email"]), ("new-2", lead["email"]), ("new-3", "fresh@a.test")]
    (desk.home / "u.csv").write_text("\n".join(["external_id,email", *(",".join(row) for row in rows)]))
    put = ("contacts", "upsert", "email={{email}}", "--csv", "u.csv", "--id-column", "external_id", *PLAIN)
    desk.box.reset_stats()
    dry = desk.here(*put, "--dry-run")
    assert (dry.code, dry.counts) == (3, {"selected": 4, "pending": 2, "failed": 2}), dry.err
    said = dry.json["failures"][0]["example"]["message"]
    assert "email is that of another user" in said and other["id"] in said and other["email"] not in dry.out, said
    assert desk.sent("/contacts/search") == 1
    planned = desk.here(*put, "--plan", "p.jsonl")
    assert planned.json["counts"]["failed"] == 2 and len((desk.home / "p.jsonl").read_text().splitlines()) == 3, planned.out
    done = desk.here(*put, "--yes", "--verify", "none")
    assert (done.code, done.counts) == (3, {"selected": 4, "done": 2, "failed": 2}), done.err
    assert done.json["failures"][0]["cause"].startswith("409"), done.json["failures"]
