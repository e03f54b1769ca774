"""The census: every declared verb, as its own declaration shows it, from the example to the way back.

What is typed comes from the examples of the declaration (tests/chaos/verbs.py), or from a row here where they are not enough;
what it does is read from the server's rows. A new verb is in here by being declared, and one that cannot be tried fails.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from chaos.books import command, images, others, prepare
from chaos.verbs import Verb, verbs
from intercom_bulk_updater.model import Reversibility
from intercom_bulk_updater.operations.registry import iterate, operation_class
from intercom_sandbox import Sandbox

from .contract import broken, documented_errors
from .desk import Answer, Desk, until

SANDBOX = {
    "conversations": 60, "contacts": 60, "companies": 24, "tickets": 24, "latency": 0.0, "jitter": 0.0, "limit": 50_000,
    "workspace_limit": 50_000,
}  # fmt: skip
PLAIN = ("--json", "--progress", "none")
CONSENT = ("--customer-visible", "--irreversible")
NAMES = [name for name, _ in iterate()]
EXPORTS = [name for name in NAMES if operation_class(name).reversibility is Reversibility.READS]
WRITES = [name for name in NAMES if name not in EXPORTS]
CANDIDATES, FEW = 12, 3
FILES = {
    "people.csv": "external_id,email,name,plan\nnew-1,new-1@example.test,Ada,pro",
    "accounts.csv": "company_id,name,plan,mrr\nnew-1,Acme,Pro,50",
    "companies.csv": "company_id\nacme-00001",
    "reply.txt": "All is well again.",
}
"""What examples name, beside lists of ids."""


@dataclass(frozen=True)
class Row:
    """What a verb needs beside its declaration."""

    words: tuple[str, ...] = ()
    """What is typed in place of its first example."""
    items: Callable[[dict[str, Any]], bool] = lambda row: True
    """Which items it is for."""
    sheet: Callable[[Sandbox, list[str]], str] | None = None
    """The spreadsheet that it takes, for those items."""
    reaches: str = ""
    """The other resource that it changes by its nature."""
    leaves: frozenset[str] = frozenset()
    """Fields that Intercom changes beside, and that no undo brings back."""


def with_conversations(box: Sandbox, ids: list[str]) -> str:
    """A conversation for each ticket: one has one tracker at most."""
    lines = [f"{one},{row['id']}" for one, row in zip(ids, box.conversations(), strict=False)]
    return "\n".join(["id,conversation", *lines])


def is_tracker(ticket: dict[str, Any]) -> bool:
    """Whether conversations can be linked to it."""
    return bool(ticket["type"] == 103)


def keyed(resource: str, key: str) -> Callable[[Sandbox, list[str]], str]:
    """The items by their own key; `upsert` takes no ids."""

    def sheet(box: Sandbox, ids: list[str]) -> str:
        rows = {str(row["id"]): row[key] for row in getattr(box, resource)()}
        return "\n".join([key, *(rows[one] for one in ids)])

    return sheet


ROWS = {
    "conversations.close": Row(leaves=frozenset({"read"})),
    "conversations.convert": Row(reaches="tickets"),
    "contacts.upsert": Row(
        ("plan=trial", "--id-column", "external_id"), lambda row: bool(row["external_id"]), keyed("contacts", "external_id")
    ),
    "contacts.merge": Row(items=lambda row: bool(row["role"] == "lead")),
    "contacts.delete": Row(reaches="conversations"),
    "companies.upsert": Row(
        ("industry=Retail", "--id-column", "company_id"), lambda row: bool(row["users"]), keyed("companies", "company_id")
    ),
    "tickets.link": Row(("--conversation", "{{conversation}}"), is_tracker, with_conversations),
    "tickets.unlink": Row(("--conversation", "{{conversation}}"), is_tracker, with_conversations),
}  # fmt: skip
"""Verbs that cannot be tried by their declaration alone."""
ANY_TOKEN = {"conversations.close", "contacts.set", "companies.set", "tickets.set"}
"""A rejected token ends every run alike, so that one verb a resource is enough."""
AS_WANTED = {"Secondary conversation has already been merged"}
"""Errors that say that there is nothing to do, as does any 404 to a verb that takes something off; where it can be seen that
it is still there, the verification says so (exit 6)."""
PREPARED_BY = {"tickets.unlink": "link"}
"""What makes the items of a row ready, by the same sheet: verbs.py would link one conversation to all, and chance say which gets it."""


def verb_of(name: str) -> Verb:
    """The verb with the parameters of its first example that can be tried, or with those of its row."""
    found = [one for one in verbs() if one.name.split()[0] == name]
    if found or not (name in ROWS or name in EXPORTS):
        return found[0]
    way_back = operation_class(name).reversibility in (Reversibility.REVERSIBLE, Reversibility.FIELDS)
    return Verb(name, name.partition(".")[0], tuple(name.split(".")), undoable=way_back)


class Trial:
    """A verb before items that it has something to do for."""

    def __init__(self, desk: Desk, name: str, number: int = FEW) -> None:
        self.desk, self.name, self.verb, self.row = desk, name, verb_of(name), ROWS.get(name, Row())
        resource, _, word = name.partition(".")
        own = (resource, word, *self.row.words) if self.row.words else command(desk.box, self.verb.command)
        file = "sheet.csv" if self.row.sheet else "ids"
        self.command = (*own, "--csv" if self.row.sheet else "--ids", file)
        rows = [row for row in getattr(desk.box, resource)() if self.row.items(row)]
        self.choose([str(row["id"]) for row in rows[: max(CANDIDATES, 2 * number)]])
        if name in PREPARED_BY:
            first = desk.here(resource, PREPARED_BY[name], *self.command[2:], "--yes", *PLAIN)
            assert first.code == 0, first.err
        looked = desk.here(*self.command, "--dry-run", *PLAIN)
        assert looked.code == 0, looked.err
        assert desk.here("runs", "export", "latest", "-o", "looked.json").code == 0
        told = json.loads((desk.home / "looked.json").read_text())
        key = {str(row.get("external_id") or row.get("company_id")): str(row["id"]) for row in rows} if name.endswith("upsert") else {}
        pending = [key.get(one["id"], one["id"]) for one in told["items"] if one["outcome"] == "pending"]
        assert len(pending) >= number, f"{name} has something to do for {len(pending)} of {len(rows)} items"
        self.choose(pending[:number], prepared=True)

    def choose(self, ids: list[str], *, prepared: bool = False) -> None:
        """Write these into the file that is typed."""
        self.ids = ids
        if not prepared and self.name not in PREPARED_BY:
            prepare(self.desk, self.verb, ids)
        (self.desk.home / "ids").write_text("\n".join(ids))
        if self.row.sheet:
            (self.desk.home / "sheet.csv").write_text(self.row.sheet(self.desk.box, ids))

    def run(self, *more: str) -> Answer:
        """The command, with its answer as JSON."""
        return self.desk.here(*self.command, *more, *PLAIN)

    @property
    def standing(self) -> dict[str, dict[str, Any]]:
        """The items as the server holds them, without what no undo brings back; an empty text is none."""
        found = images(self.desk.box, self.verb.resource, self.ids)
        return {
            one: {key: None if value == "" else value for key, value in row.items() if key not in self.row.leaves}
            for one, row in found.items()
        }

    @property
    def around(self) -> dict[tuple[str, str], Any]:
        """All items that are none of its business."""
        return {key: row for key, row in others(self.desk.box, self.verb, self.ids).items() if key[0] != self.row.reaches}


def bare(text: str, box: Sandbox) -> list[str]:
    """The lines that are no words for people: a moment in unix seconds, a list or mapping of Python, an id without its name."""
    numbers = [str(one["id"]) for some in (box.admins(), box.teams(), box.tags()) for one in some]
    pattern = re.compile(rf"\b1[6789]\d{{8}}\b|[\[{{]'|\bNone\b|(?<![(\d.:/])\b({'|'.join(map(re.escape, numbers))})\b(?!\))")
    return [line for line in text.splitlines() if pattern.search(line)]


def test_every_verb_can_be_tried() -> None:
    """A verb that is declared has an example with parameters that stand for themselves, or a row here."""
    assert set(NAMES) - {one.name.split()[0] for one in verbs()} - set(EXPORTS) <= set(ROWS)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_example_runs(desk: Desk, name: str) -> None:
    """As the help shows it, with the files that it names."""
    resource = name.partition(".")[0]
    fits = ROWS.get(name, Row()).items
    ids = [str(one["id"]) for one in getattr(desk.box, resource)() if fits(one)][:3]
    for file in ("ids.txt", "spam.txt", "erasure.txt"):
        (desk.home / file).write_text("\n".join(ids))
    (desk.home / "tracker.txt").write_text(ids[0])  # a conversation has one at most
    leads, user = desk.box.contacts(role="lead")[:3], desk.box.contacts(role="user")[0]["id"]
    for file, text in {**FILES, "leads.csv": "\n".join(["id,user", *(f"{one['id']},{user}" for one in leads)])}.items():
        (desk.home / file).write_text(text)
    another = str(desk.box.conversations()[-1]["id"])  # the one that the examples name need not be there
    example = next(iter(operation_class(name).command_examples())).replace("215470000000024", another)
    done = desk.here(*shlex.split(example)[1:])
    assert done.code == 0 and ("Dry run" in done.err or name in EXPORTS), done.err
    assert not bare(done.err, desk.box)


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_writes_to_its_file_alone(desk: Desk, name: str) -> None:
    """Each item once; nothing in Intercom, and nothing to take back."""
    verb = verb_of(name)
    ids = [str(row["id"]) for row in getattr(desk.box, verb.resource)()][:FEW]
    prepare(desk, verb, ids)
    already = desk.writes()
    done = desk.here(*verb.command, "--ids", "ids", "-o", "all.jsonl", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": FEW, "done": FEW}), done.err
    assert sorted(str(json.loads(line)["id"]) for line in (desk.home / "all.jsonl").read_text().splitlines()) == sorted(ids)
    assert desk.here("undo", "latest", "--yes", *PLAIN).code == 5 and desk.writes() == already


@pytest.mark.parametrize("name", WRITES)
def test_a_verb_does_what_its_dry_run_said(desk: Desk, name: str) -> None:
    """Dry run, plan and apply, verify, undo or its reason; no other item is touched, and each request is one of the contract's."""
    trial = Trial(desk, name)
    before, around, already = trial.standing, trial.around, desk.writes()
    planned = trial.run("--plan", "p.jsonl")
    assert (planned.code, planned.counts) == (0, {"selected": FEW, "pending": FEW}) and desk.writes() == already, planned.err
    # What made the items ready came in the second of the plan, and counts as a change by others since.
    forced = ("--on-drift", "force") if trial.verb.prepared_by else ()
    done = desk.here("apply", "p.jsonl", "--yes", *CONSENT, *forced, "--verify", "none", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": FEW, "done": FEW}), done.err
    shown = desk.here("runs", "show", "latest").out
    assert not bare(shown, desk.box) and not bare(desk.here("runs", "show", "p.jsonl").out, desk.box)
    after = trial.standing
    assert all(after[one] != before[one] for one in before) and trial.around == around
    checked = desk.here("verify", "latest", *PLAIN)
    assert checked.code == 0 and not checked.json["verified"]["remaining"], checked.err
    back = desk.here("undo", done.run, "--yes", *PLAIN)
    if trial.verb.undoable:
        assert (back.code, back.counts) == (0, {"selected": FEW, "done": FEW}), back.err
        assert trial.standing == before
    else:
        assert back.code == 5 and operation_class(name).why_no_undo(None) in " ".join(back.err.split()), back.err  # type: ignore[arg-type]
        assert trial.standing == after
    assert trial.around == around and broken(desk) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITES)
def test_a_documented_error_is_an_account(desk: Desk, name: str) -> None:
    """Each error that the contract shows for the verb's writes: told by its code, with advice, and the item is as it was."""
    trial = Trial(desk, name, 1)
    consent = ("--yes", *CONSENT, *(("--again",) if "--body" in trial.command else ()))
    before, around = trial.standing, trial.around
    desk.box.fault("status", status=404, code="not_found", on="write")
    sent = len(desk.box.log(10_000))
    trial.run(*consent)
    desk.box.clear_faults()
    for pattern, status, code, message in documented_errors(desk.box.log(10_000)[sent:]):
        if status == 401 and name not in ANY_TOKEN:
            continue
        desk.box.fault("status", status=status, code=code, message=message, path=pattern, on="write")
        done = trial.run(*consent)
        desk.box.clear_faults()
        case = f"{status} {code} {message}: {done.err}"
        believed = status == 404 and (trial.verb.prepared_by or name in PREPARED_BY)
        assert done.code in ((0, 3, 6) if believed else (4,) if status == 401 else (0,) if message in AS_WANTED else (3,)), case
        if done.code == 3:
            failure = done.json["failures"][0]
            assert failure["example"]["code"] == code and failure["example"]["status"] == status and failure["advice"], case
        assert trial.standing == before and trial.around == around, case


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITES)
def test_a_killed_run_goes_on(desk: Desk, name: str) -> None:
    """kill -9 in the middle, then resume: each item is as an undisturbed run leaves it."""
    undisturbed = Desk(desk.box, desk.home / "undisturbed")  # a journal of its own
    undisturbed.home.mkdir()
    trial = Trial(undisturbed, name)
    assert trial.run("--yes", *CONSENT).code == 0
    wanted = trial.standing
    desk.box.reset()
    trial = Trial(desk, name)
    desk.switch(latency=0.05)
    already = desk.writes()
    process = desk.start(*trial.command, "--yes", *CONSENT, "--workers", "1", "--batch", "1", "--verify", "none", *PLAIN)
    if until(lambda: desk.writes() > already, process, seconds=300.0):
        process.kill()
    desk.wait(process)
    desk.put_back()
    back = desk.here("runs", "resume", "latest", *CONSENT, *PLAIN)
    assert back.code == 0 and back.json["counts"]["done"] + back.json["counts"]["unchanged"] == FEW, back.err
    assert trial.standing == wanted
