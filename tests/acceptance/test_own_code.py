"""A person's own code: a function with @operation, what only reads, `operations new`, `operations check`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater import SafetyStop, UsageError

from .desk import QUERY, Desk, until
from .test_one_file_verb import ROOT, driven, give_by_entry_point

PLAIN = ("--json", "--progress", "none")
MINE = '''
import requests
from intercom_bulk_updater import IntercomBulkUpdater, operation


def image(item):
    return {"title": item.get("title")}


def change(item_id, before, *, title, times=1):
    return {} if before["title"] == title * times else {"title": (before["title"], title * times)}


def back(item_id, client, before):
    return client.put(f"conversations/{item_id}", {"title": before["title"]})


@operation("conversations", idempotent=True, customer_visible=False, before=image, change=change, undo=back)
def rename(item_id, client, *, title: str, times: int = 1):
    """Give conversations another title."""
    return client.put(f"conversations/{item_id}", {"title": title * times})


@operation("conversations", idempotent=True, customer_visible=False, before=image, change=change)
def misnames(item_id, client, *, title: str, times: int = 1):
    return client.put(f"conversations/{item_id}", {"title": "otherwise"})


def longer(item_id, before):
    return {"title": (before["title"], f"{before['title']}!")}


@operation("conversations", idempotent=False, customer_visible=False, before=image, change=longer)
def exclaim(item_id, client):
    return client.put(f"conversations/{item_id}", {"title": f"{client.get(f'conversations/{item_id}')['title']}!"})


def oddly(item_id, before, *, found="text"):
    return {"text": {"title": "x"}, "ids": {"tags": (0, 1)}}[found]


@operation("conversations", before=image, change=oddly)
def odd(item_id, client, *, found: str = "text"):
    return client.put(f"conversations/{item_id}", {"title": "x"})


@operation("companies")
def mark(item_id, client, *, size: int):
    return client.put(f"companies/{item_id}", {"size": size})


@operation("conversations", customer_visible=True)
def shout(item_id, client):
    return client.post(f"conversations/{item_id}/reply", {})


@operation("conversations", read_only=True)
def look(item_id, client):
    return client.get(f"conversations/{item_id}")


@operation("conversations", read_only=True)
def liar(item_id, client):
    return client.put(f"conversations/{item_id}", {"title": "x"})


class Swallows(IntercomBulkUpdater):
    read_only = True
    def get_search_endpoint(self): return "conversations/search"
    def get_search_query(self): return {"field": "state", "operator": "=", "value": "open"}
    def get_item_id(self, item): return item["id"]
    def perform_action(self, item_id):
        try:
            requests.put(f"{self.base_url}/conversations/{item_id}", json={"title": "x"}, headers=self.headers, timeout=5)
        except Exception:
            pass
        return True


class Greets(IntercomBulkUpdater):
    idempotent = True  # which is not so
    def get_search_endpoint(self): return "conversations/search"
    def get_search_query(self, state): return {"field": "state", "operator": "=", "value": state}
    def get_item_id(self, item): return item["id"]
    def before(self, item): return {"title": item.get("title")}
    def undo_action(self, item_id, before): return self.client.put(f"conversations/{item_id}", {"title": before["title"]})
    def perform_action(self, item_id):
        self.client.put(f"conversations/{item_id}", {"title": "Hi", "custom_attributes": {"issue_type": "Bug"}})
        note = {"message_type": "note", "type": "admin", "admin_id": self.admin_id, "body": "Hi"}
        return self.client.post(f"conversations/{item_id}/reply", note)


class TagsMany(IntercomBulkUpdater):
    """Tags contacts, fifty with one request."""
    idempotent, customer_visible, items_per_request = True, False, 50
    def get_search_endpoint(self): return "contacts/search"
    def get_search_query(self): return {"field": "role", "operator": "=", "value": "user"}
    def get_item_id(self, item): return item["id"]
    def before(self, item): return {"tags": sorted(one["id"] for one in item["tags"]["data"])}
    def is_done(self, item_id, tag): return tag in {one["name"] for one in self.client.get(f"contacts/{item_id}/tags")["data"]}
    def perform_action(self, item_id, tag): return self.perform_batch([item_id], tag)
    def perform_batch(self, item_ids, tag: str):
        said = self.client.post("tags", {"name": tag, "users": [{"id": one} for one in item_ids]})
        there = {one["id"] for one in said["users"]}
        return {one: ValueError("Intercom left it out") for one in item_ids if one not in there} or said


def plain(item_id, client):
    return {}
'''


@pytest.fixture
def own(desk: Desk) -> Desk:
    """A desk with a file of one's own on it."""
    (desk.home / "mine.py").write_text(MINE)
    return desk


def titles(desk: Desk) -> set[Any]:
    """The titles of the open conversations of the Support team."""
    return {desk.box.conversation(one)["title"] for one in desk.open_ids()}


# -- a function ---------------------------------------------------------------------------------------------------------


def test_a_function_runs_and_is_taken_back_like_a_class(own: Desk) -> None:
    """Dry run, run, verification, undo, by the command in processes of its own; a text arrives as the annotation wants it."""
    before, open_ones = titles(own), len(own.open_ids())
    run = ("run", "mine.py:rename", "--where", QUERY, "--param", "title=ab", "--param", "times=2")
    assert own.command(*run, "--dry-run", *PLAIN).counts == {"selected": open_ones, "pending": open_ones}
    done = own.command(*run, "--yes", "--verify", "all", *PLAIN)
    assert (done.code, done.counts, titles(own)) == (0, {"selected": open_ones, "done": open_ones}, {"abab"}), done.err
    assert done.json["verified"]["remaining"] == 0
    assert own.here(*run, "--yes", *PLAIN).counts == {"selected": open_ones, "unchanged": open_ones}
    assert own.command("undo", done.run, "--yes", *PLAIN).code == 0
    assert titles(own) == before


def test_a_run_of_a_function_that_was_killed_goes_on(own: Desk) -> None:
    """The run holds where the function lies; every item is renamed once."""
    own.switch(latency=0.03)
    process = own.start("run", "mine.py:rename", "--where", QUERY, "--param", "title=ab", "--yes", "--workers", "2", *PLAIN)
    assert until(lambda: own.written("update")["writes"] >= 5, process)
    process.send_signal(signal.SIGKILL)
    own.wait(process)
    resumed = own.command("runs", "resume", "latest", *PLAIN)
    assert (resumed.code, titles(own)) == (0, {"ab"}), resumed.err
    own.once("update", own.open_ids())


def test_a_function_takes_a_sheet_and_finds_nothing_by_itself(own: Desk) -> None:
    """{{col}} in its parameters, each row in its type; a selection is needed; what it does not know is refused."""
    ids = own.open_ids()[:2]
    (own.home / "rows.csv").write_text(f"id,word,n\n{ids[0]},ab,2\n{ids[1]},cd,1\n")
    sheet = ("--csv", "rows.csv", "--id-column", "id", "--param", "title={{word}}", "--param", "times={{n}}")
    done = own.here("run", "mine.py:rename", *sheet, "--yes", *PLAIN)
    assert (done.code, [own.box.conversation(one)["title"] for one in ids]) == (0, ["abab", "cd"]), done.err
    wrote = own.writes()
    for words, said in {
        ("rename", "--param", "title=x"): "Say which items by one of --where",
        ("rename", "--where", QUERY): "rename.perform_action needs --param title",
        ("rename", "--where", QUERY, "--param", "titel=x"): "--param titel: rename has no such parameter. Do you mean title?",
        ("rename", "--where", QUERY, "--param", "title=x", "--param", "times=no"): "--param times: rename takes times: int",
        ("plain", "--where", QUERY): "plain is a plain function. Write @operation above it",
        ("nothing", "--where", QUERY): "It has rename, misnames, exclaim, odd, mark, shout, look, liar, Swallows, Greets, TagsMany.",
        ("shout", "--where", QUERY): "Customers will see this",
    }.items():
        refused = own.here("run", f"mine.py:{words[0]}", *words[1:], "--yes")
        assert refused.code in (2, 5) and said in refused.err, refused.err
    assert own.writes() == wrote


def test_a_filter_for_companies_is_judged_here_for_own_code_too(own: Desk) -> None:
    """Intercom searches no companies: they are listed, and those alone that fit are written to."""
    wanted = {row["id"] for row in own.box.companies() if row["plan"] == "pro"}
    done = own.here("run", "mine.py:mark", "--where", "plan = pro", "--param", "size=7", "--yes", *PLAIN)
    assert (done.code, done.counts["done"]) == (0, len(wanted)), done.err
    assert {row["id"] for row in own.box.companies() if own.box.company(row["id"])["size"] == 7} == wanted


def test_python_takes_functions_and_classes_where_it_takes_verbs(own: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """preview, run, plan and apply, undo; also of a function that lies in no file; with a workspace of its own."""
    for name in [name for name in os.environ if name.startswith("INTERCOM_")]:
        monkeypatch.delenv(name)
    place = bulk.Workspace(own.box.token, own.box.admin_id, base_url=own.box.url, home=own.home)
    space: dict[str, Any] = {"__name__": "typed_in_a_notebook"}
    exec(MINE, space)
    rename, ids, before = space["rename"], own.open_ids(), titles(own)
    preview = bulk.preview(rename, where=QUERY, title="ab", workspace=place)
    assert (preview.selected, preview.would_change, own.writes()) == (len(ids), len(ids), 0)
    run = bulk.run(rename, where=QUERY, title="ab", times="2", expect=preview.selected, workspace=place)
    assert (run.counts.done, titles(own)) == (len(ids), {"abab"})
    assert run.undo().counts.done == len(ids) and titles(own) == before
    monkeypatch.syspath_prepend(str(own.home))
    from mine import Swallows  # type: ignore[import-not-found]
    from mine import rename as filed

    bulk.plan(filed, where=QUERY, title="cd", file=own.home / "plan.jsonl", workspace=place)
    assert bulk.apply(own.home / "plan.jsonl", workspace=place).counts.done == len(ids) and titles(own) == {"cd"}
    with pytest.raises(SafetyStop, match="customer_visible=True"):
        bulk.run(space["shout"], where=QUERY, workspace=place)
    with pytest.raises(SafetyStop, match="Swallows has read_only = True"):
        bulk.run(Swallows, workspace=place)
    for verb, given, said in (
        (filed, {"titel": "x"}, "titel: rename has no such parameter. Do you mean title?"),
        (filed, {"title": "x", "times": "no"}, "times: rename takes times: int"),
        (space["plain"], {}, "plain is no operation"), (filed, {}, "rename.perform_action needs title: give it as an argument"),
    ):  # fmt: skip
        with pytest.raises((UsageError, bulk.IntercomBulkError), match=said):
            bulk.run(verb, where=QUERY, workspace=place, **given)
    assert filed.__name__ == "rename" and callable(filed)


# -- several with one request ---------------------------------------------------------------------------------------------


def tagged(desk: Desk, tag: str) -> set[str]:
    """The contacts that carry a tag, by the server's books."""
    names = {str(row["id"]): row["name"] for row in desk.box.tags()}
    return {row["id"] for row in desk.box.contacts() if tag in {names[str(one)] for one in row["tags"]}}


def test_own_code_acts_on_fifty_items_with_one_request(own: Desk) -> None:
    """As many requests as batches; each row's own parameters; a batch that is refused, or partly, fails for its bad items alone."""
    users = [row["id"] for row in own.box.contacts(role="user", archived=False)]
    run = ("run", "mine.py:TagsMany", "--yes", *PLAIN)
    done = own.here(*run, "--param", "tag=vip", "--batch", "20")
    assert (done.code, done.counts["done"]) == (0, len(users)), done.err
    assert tagged(own, "vip") >= set(users) and own.sent("/tags") <= -(-len(users) // 20) + 1
    (own.home / "rows.csv").write_text("id,word\n" + "".join(f"{one},{'a' if n % 2 else 'b'}\n" for n, one in enumerate(users[:10])))
    rows = own.here(*run, "--csv", "rows.csv", "--id-column", "id", "--param", "tag={{word}}")
    assert rows.code == 0 and (tagged(own, "a"), tagged(own, "b")) == (set(users[1:10:2]), set(users[:10:2])), rows.err
    (own.home / "ids").write_text("\n".join([*users[:5], "0" * 24]))
    bad = own.here(*run, "--ids", "ids", "--param", "tag=stale")
    assert (bad.code, bad.counts) == (3, {"selected": 6, "done": 5, "failed": 1}), bad.err


def test_a_batch_of_own_code_whose_answer_is_lost_is_looked_at(own: Desk) -> None:
    """Item by item, and nothing is in doubt."""
    own.box.fault("drop_after", method="POST", path="/tags$", count=1)
    done = own.here("run", "mine.py:TagsMany", "--yes", "--param", "tag=vip", *PLAIN)
    users = {row["id"] for row in own.box.contacts(role="user", archived=False)}
    assert (done.code, done.counts.get("in_doubt")) == (0, None) and tagged(own, "vip") >= users, done.err


# -- what only reads -----------------------------------------------------------------------------------------------------


def test_what_only_reads_asks_nobody_and_is_counted_as_read(own: Desk) -> None:
    """No --yes without a terminal; "would be read", "read"; nothing to take back, no write sent."""
    looked = own.command("run", "mine.py:look", "--where", QUERY, "--dry-run")
    assert "would read" in looked.err and "would be read" in looked.err and "would change" not in looked.err
    done = own.command("run", "mine.py:look", "--where", QUERY)
    assert done.code == 0 and f"{len(own.open_ids())} read" in done.err and "undo" not in done.err and own.writes() == 0, done.err
    assert f"{len(own.open_ids())} read" in own.here("runs", "list").out
    refused = own.here("undo", "latest", "--yes")
    assert refused.code == 5 and "look changes nothing" in refused.err


@pytest.mark.parametrize("name", ["liar", "Swallows"])
def test_a_write_of_what_only_reads_is_refused(own: Desk, name: str) -> None:
    """Before it leaves, by whatever way it was sent, also where the code swallows the error; the run stops and names it."""
    words = () if name == "Swallows" else ("--where", QUERY)
    refused = own.here("run", f"mine.py:{name}", *words)
    assert refused.code == 5 and own.writes() == 0
    assert f"{name} has read_only = True and was about to send PUT conversations/" in refused.err and "Nothing was sent" in refused.err


# -- operations new, operations check ----------------------------------------------------------------------------------------


def test_what_new_writes_keeps_every_promise_and_its_test_passes(own: Desk) -> None:
    """Two files, which are never overwritten; `check` finds nothing against the class, and the test is green. Types: `test_typing`."""
    made = own.here("operations", "new", "close-quietly", "-o", str(own.home))
    assert made.code == 0 and [Path(line).name for line in made.out.split()] == ["close_quietly.py", "test_close_quietly.py"]
    again = own.here("operations", "new", "CloseQuietly")
    assert again.code == 2 and "close_quietly.py is there already. Nothing was written" in again.err
    assert own.here("operations", "new", "7").code == own.here("operations", "new", "X", "-o", "nowhere").code == 2
    for odd in ("\N{LATIN CAPITAL LETTER E WITH ACUTE}t\N{LATIN SMALL LETTER E WITH ACUTE}", "../x", "x/y", "a.b"):
        refused = own.here("operations", "new", odd)
        assert refused.code == 2 and "is not a name for a class: letters from a to z and digits" in refused.err, refused.err
        assert ("The folder is named by --output." in refused.err) is ("/" in odd)
    found = own.command("operations", "check", "close_quietly.py:CloseQuietly", "--param", "team_id=5001", "--param", "title=Hi", "--json")
    assert found.code == 0 and [one["holds"] for one in found.json["checks"]] == [True] * 6, found.out
    assert own.writes() == 0 and not (own.home / "journal.db").exists()
    tested = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=own.home, env=own.env,
                            capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
    assert tested.returncode == 0, tested.stdout


def verdicts(desk: Desk, *words: str) -> tuple[int, dict[str, bool | None]]:
    """Exit code, and what of the checks holds, by their first words."""
    found = desk.here("operations", "check", *words, "--json")
    assert found.out, found.err
    return found.code, {" ".join(one["check"].split()[:3]): one["holds"] for one in found.json["checks"]}


def test_what_was_announced_is_what_is_read_back(own: Desk) -> None:
    """Of what is added to what is there, there would always be more to do: the change that was announced stands, and that is all."""
    done = own.here("run", "mine.py:exclaim", "--where", QUERY, "--limit", "3", "--yes", "--verify", "all", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 3, "done": 3}) and not done.json["verified"]["wrong"], done.err


def test_what_change_returns_wrongly_is_named(own: Desk) -> None:
    """By the dry run, with the form that is meant; a field of their own that is called as one of Intercom's lists is no list of ids."""
    refused = own.here("run", "mine.py:odd", "--where", QUERY, "--limit", "2", "--dry-run")
    assert refused.code == 2 and "change gives str for title: return {field: (before, after)}" in refused.err, refused.err
    looked = own.here("run", "mine.py:odd", "--where", QUERY, "--limit", "2", "--param", "found=ids", "--dry-run", *PLAIN)
    assert looked.code == 0 and looked.counts == {"selected": 2, "pending": 2}, looked.err
    done = own.here("run", "mine.py:odd", "--where", QUERY, "--limit", "2", "--yes")
    assert "The updater's own code raised TypeError" in done.err and "perform_action raised" not in done.err, done.err


def test_check_tells_what_does_not_hold(own: Desk) -> None:
    """A parameter without a type, an undo that forgets a field, a repetition that leaves a trace: each is found, with exit 3."""
    assert verdicts(own, "mine.py:Greets", "--param", "state=open") == (3, {
        "parameters are read": False, "a dry run": True, "the run does": True, "undo restores what": False,
        "a lost answer:": True, "killed and resumed:": False,
    })  # fmt: skip
    shown = own.here("operations", "check", "mine.py:Greets", "--param", "state=open")
    assert "DOES NOT HOLD" in shown.out and "custom_attributes" in shown.out and "/reply" in shown.out
    assert verdicts(own, "mine.py:misnames", "--param", "title=x")[1]["the run does"] is False
    assert verdicts(own, "mine.py:liar") == (3, {"parameters are read": None, "a dry run": True, "it only reads": False})
    assert verdicts(own, "mine.py:look")[0] == 0
    nothing = ["mine.py:rename", "--param", "title=x", "--where", "id = 1"]
    for words in (["mine.py:plain"], ["mine.py:rename"], ["conversations.nope"], nothing):
        refused = own.here("operations", "check", *words)
        assert refused.code == 2 and refused.err, refused.out


def test_the_verb_of_another_package_is_listed_shown_and_checked(own: Desk) -> None:
    """As if it were built in."""
    give_by_entry_point(own.home / "site")
    env = {**own.env, "PYTHONPATH": f"{own.home / 'site'}:{ROOT / 'docs'}"}
    check = ["operations", "check", "contacts.rename", "--param", "to=Guest", "--json"]
    (listed, shown, found), _ = driven(env, own.home, ["operations", "list"], ["operations", "show", "contacts.rename", "--json"], check)
    assert "contacts.rename" in listed.out
    assert shown.json["name"] == "contacts.rename" and shown.json["parameters"][0]["name"] == "to"
    assert found.code == 0 and len(found.json["checks"]) == 6, found.out + found.err
    assert found.json["operation"] == "contacts.rename"


LOUD = '''
import os, subprocess, sys
from intercom_bulk_updater import operation

print("at import")


@operation("conversations", idempotent=True)
def loud(item_id, client):
    print("by print")
    sys.stdout.flush()
    os.write(1, b"by descriptor\\n")
    subprocess.run(["echo", "by a child"], check=True)
    sys.__stdout__.write("by the stream itself\\n")
    sys.__stdout__.flush()
    return client.put(f"conversations/{item_id}", {"title": "loud"})
'''


@pytest.mark.parametrize("flag", ["--json", "--jsonl"])
def test_nothing_of_ones_own_spoils_the_data(desk: Desk, flag: str) -> None:
    """Whichever way it is written to standard output: it comes out on standard error, and the data stays data."""
    (desk.home / "mine.py").write_text(LOUD)
    done = desk.command("run", "mine.py:loud", "--where", QUERY, "--limit", "3", "--yes", "--progress", "none", flag)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0 and lines[-1]["counts"]["done"] == 3, done.err
    for said in ("by print", "by descriptor", "by a child", "by the stream itself"):
        assert done.err.count(f"{said}\n") == 3, done.err
    plain = desk.command("run", "mine.py:loud", "--where", QUERY, "--limit", "1", "--yes", "--progress", "none")
    assert plain.out.count("by a child") == 1, plain.out


def test_nor_the_table_of_a_check(desk: Desk) -> None:
    """What the code prints while it is tried stands on standard error: at import, by print, by its children."""
    (desk.home / "mine.py").write_text(LOUD)
    checked = desk.command("operations", "check", "mine.py:loud")
    assert all(f"{said}\n" in checked.err for said in ("at import", "by print", "by descriptor", "by a child", "by the stream itself"))
    assert checked.out.splitlines()[0].startswith("check\t") and "\nby " not in checked.out and "at import" not in checked.out, checked.out
