"""The library: each verb of the command has a twin in Python with the same account."""

from __future__ import annotations

import html
import inspect
import json
import math
import re
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from acceptance.desk import Desk
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import Reversibility
from intercom_bulk_updater.operations.registry import iterate, names, operation_class
from intercom_bulk_updater.operations.spec import parameters_of
from intercom_bulk_updater.service import library
from intercom_bulk_updater.service.consent import Consent
from intercom_bulk_updater.service.recipes import cancel_recipe, carry_on
from intercom_bulk_updater.service.selection import Selection
from intercom_bulk_updater.service.verbs import VerbRequest
from intercom_bulk_updater.service.work import prepare
from intercom_sandbox import Sandbox, running

WHERE = "team = Support and state = open"
VERBS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "close": ({}, []),
    "open": ({}, []),
    "snooze": ({"until": "2030-01-01 09:00"}, ["--until", "2030-01-01 09:00"]),
    "assign": ({"to_team": "Billing", "keep_state": True}, ["--to-team", "Billing", "--keep-state"]),
    "tag": ({"tag": ["library"], "create_tag": True}, ["--tag", "library", "--create-tag"]),
    "untag": ({"tag": ["incident"]}, ["--tag", "incident"]),
    "set": ({"values": {"title": "Seen"}}, ["title=Seen"]),
    "note": ({"body": "Seen."}, ["--body", "Seen."]),
    "reply": ({"body": "We are back.", "customer_visible": True}, ["--body", "We are back.", "--customer-visible"]),
    "convert": (
        {"ticket_type": "Bug report", "customer_visible": True, "irreversible": True},
        ["--ticket-type", "Bug report", "--customer-visible", "--irreversible"],
    ),
    "redact": ({"all": True, "irreversible": True}, ["--all", "--irreversible"]),
    "delete": ({"irreversible": True}, ["--irreversible"]),
}
ELSEWHERE = {"conversations.merge"}
"""Into which conversation differs from one to the next: in a test of its own."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    """One sandbox for all of it."""
    with running(in_process=False, conversations=120, latency=0.0, limit=20_000) as box:
        yield box


@pytest.fixture
def desk(shop: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The sandbox begun anew, with the environment of Python and a command beside it that has a journal of its own."""
    shop.reset()
    (tmp_path / "command").mkdir()
    for name, value in {**shop.env(), "INTERCOM_BULK_HOME": str(tmp_path / "python")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return Desk(shop, tmp_path / "command")


def account(report: Mapping[str, Any]) -> dict[str, Any]:
    """What is the same for two runs of the same thing."""
    report = json.loads(re.sub(r"\b\d{4}-[a-z]+-[0-9a-f]{4}\b", "RUN", json.dumps(report)))
    run = report["run"]
    return {
        **{name: report[name] for name in ("ok", "exit", "counts", "failures", "search")},
        "verified": {name: report["verified"][name] for name in ("level", "remaining")},
        "run": {name: run[name] for name in ("kind", "status", "operation", "workspace", "admin")},
        "words": run["words"].replace("/command/", "/"),  # each writes into a folder of its own
        "selection": run["selection"]["words"], "action": report["requests"]["action"],
        "next": report["next"],
    }  # fmt: skip


def test_every_verb_is_compared() -> None:
    """A verb of conversations that is added is added here; what only reads has tests of its own."""
    acting = {name for name, cls in iterate() if name.startswith("conversations.") and cls.reversibility is not Reversibility.READS}
    assert {f"conversations.{verb}" for verb in VERBS} == acting - ELSEWHERE


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_the_same_account(desk: Desk, verb: str) -> None:
    """The report of Python is what `--json` prints for the same workspace; neither prints a word of its own."""
    parameters, flags = VERBS[verb]
    where = {"open": "team = Support and state = closed", "untag": "tag = incident"}.get(verb, WHERE)
    python = bulk.run(f"conversations.{verb}", where, **parameters).report()
    desk.box.reset()
    command = desk.here("conversations", verb, *flags, "--where", where, "--yes", "--json", "--progress", "none").json
    assert account(python) == account(command)
    assert python["counts"]["done"] > 0


def test_looking_has_the_same_account(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """`preview` counts what `--dry-run` counts and what the run then does; `find` gives the rows of `find --json`."""
    preview = bulk.preview("conversations.close", WHERE)
    rows = list(bulk.find("conversations", WHERE))
    assert capfd.readouterr() == ("", "")
    dry = desk.here("conversations", "close", "--where", WHERE, "--dry-run", "--json").json
    found = desk.here("conversations", "find", "--where", WHERE, "--json").json
    assert preview.run is not None
    assert account(preview.run.report()) == account(dry)
    assert {**dry["review"], "estimate": None} == {**preview.as_json(), "estimate": None}
    assert rows == found["items"]
    assert bulk.count("conversations", WHERE) == len(rows) and bulk.count("conversations", WHERE, limit=2) == 2
    for where in (WHERE, "team = Support and title = none"):
        told = desk.here("conversations", "find", "--where", where, "--explain", "--json").json
        assert {**bulk.explain("conversations", where), "schema": "explain/1", "ok": True, "exit": 0} == told
    assert desk.writes() == 0
    assert bulk.run("conversations.close", WHERE, expect=preview.selected).counts.done == preview.would_change


RECIPE = """\
recipe: Tag and note
steps:
  - step: tag
    verb: conversations.tag
    query: {field: team_assignee_id, operator: "=", value: "5001"}
    exclude: left.txt
    limit: 4
    with: {tag: [from-python], create_tag: true}
  - step: note
    verb: conversations.note
    from: tag
    with: {body: Tagged.}
  - wait: 7d
  - step: close
    verb: conversations.close
    from: tag
"""


def test_a_recipe_has_the_same_account(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """Checked, begun, gone on with when it is due, ended; what Python began the command lists and cancels."""
    left = [str(one["id"]) for one in desk.box.conversations() if str(one["team"]) == "5001"][:2]
    for folder in (Path(), desk.home):
        (folder / "quiet.yaml").write_text(RECIPE)
        (folder / "left.txt").write_text("\n".join(left))

    def same(told: Mapping[str, Any]) -> dict[str, Any]:
        steps = [{name: one.get(name) for name in ("step", "wait", "verb", "status", "exit", "counts", "over")} for one in told["steps"]]
        return {"ok": told["ok"], "status": told["recipe"]["status"], "name": told["recipe"]["name"], "steps": steps}

    checked = bulk.check_recipe("quiet.yaml")
    assert desk.writes() == 0
    begun = bulk.run_recipe(Path("quiet.yaml"))
    assert capfd.readouterr() == ("", "")
    assert begun.status == "waiting" and begun.runs["note"].counts.done == 4 and begun == bulk.open_recipe() == next(bulk.recipes())
    assert not set(left) & {item.id for item in begun.runs["tag"].items("done")}
    assert bulk.resume_recipes() == []
    desk.box.reset()
    assert same(checked) == same(desk.here("recipes", "check", "quiet.yaml", "--json").json)
    assert same(begun.report()) == same(desk.here("recipes", "run", "quiet.yaml", "--yes", "--json").json)
    with Journal(begun._workspace.journal) as journal:
        for run in journal.runs(None):
            journal.update_run(run.id, finished_at=(run.finished_at or 0) - 8 * 86_400)
    assert bulk.resume_recipes() == [begun] and begun.status == "finished" and begun.runs["close"].counts.selected == 4
    again = bulk.run_recipe("quiet.yaml")
    assert again.cancel().status == "cancelled" and again.resume().runs.keys() == {"tag", "note"}
    for wrong, said in (({"expect": 4}, "belongs to a step"), ({"file": "no.yaml"}, "no.yaml")):
        with pytest.raises(bulk.UsageError, match=said):
            bulk.run_recipe(**{"file": "quiet.yaml", **wrong})


TWO_STEPS = """\
recipe: Tag and note
steps:
  - step: tag
    verb: conversations.tag
    where: team = Support and state = open
    limit: 4
    with: {tag: [incident]}
  - step: note
    verb: conversations.note
    from: tag
    with: {body: Tagged.}
"""


def test_a_recipe_that_is_cancelled_between_two_steps_goes_no_further(desk: Desk) -> None:
    """No run is at work at that moment that could be asked."""
    Path("two.yaml").write_text(TWO_STEPS)

    def heard(event: Mapping[str, Any]) -> None:
        if event["event"] == "run.done":
            with pytest.raises(bulk.UsageError, match=f"recipes cancel {bulk.open_recipe().id}"):
                bulk.open_run("latest").cancel()
            bulk.open_recipe().cancel()

    begun = bulk.run_recipe("two.yaml", on_event=heard)
    assert (begun.status, list(begun.runs), begun.runs["tag"].status) == ("cancelled", ["tag"], "finished")


def test_a_recipe_that_was_cancelled_meanwhile_has_not_done_what_was_asked(tmp_path: Path) -> None:
    """Between two steps, too: the process exited with 0."""
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        record = journal.create_recipe(
            name="Two", file="two.yaml", text=TWO_STEPS, consent={}, workspace="w", base_url="", author="", timezone="UTC",
        )  # fmt: skip

    class Carries:
        def begin(self, *_: Any) -> int:
            cancel_recipe(path, record.id)
            return 0

        def go_on(self, run: str) -> int:
            raise AssertionError(run)

    assert carry_on(path, record.id, Carries()) == 7
    assert carry_on(path, record.id, Carries()) == 0


@pytest.mark.parametrize("asked", ["cancel", "pause"])
def test_a_step_that_is_cancelled_at_its_very_end_is_not_followed(desk: Desk, asked: str) -> None:
    """While its last items were read back it was confirmed and forgotten, and the next step wrote to customers."""
    Path("two.yaml").write_text(TWO_STEPS)

    def heard(event: Mapping[str, Any]) -> None:
        # The last there is of a run, when all was looked at.
        if event["event"] == "progress" and event["phase"] == "verifying" and "holds" not in event and "-tag-" in event["run"]:
            getattr(bulk.open_run("latest"), asked)()

    begun = bulk.run_recipe("two.yaml", on_event=heard)
    assert (begun.status, list(begun.runs), begun.runs["tag"].counts.done) == ("stopped", ["tag"], 4)
    assert begun.resume().status == "finished" and begun.runs["note"].counts.done == 4


def test_each_has_the_same_account(desk: Desk) -> None:
    """A list and rows, looked at and done."""
    body = {"state": "draft", "title": "{{title}} (old)"}
    put = ("articles", "PUT", "articles/{{id}}")
    python = [bulk.each(*put, body, "state = published", dry_run=dry).report() for dry in (True, False)]
    desk.box.reset()
    typed = ("each", *put, json.dumps(body), "--where", "state = published", "--json", "--progress", "none")
    assert [account(one) for one in python] == [account(desk.here(*typed, word).json) for word in ("--dry-run", "--yes")]
    rows = [{"id": "1", "n": "7"}]
    with pytest.raises(bulk.UsageError, match="types: n is one of text, number, boolean, json"):
        bulk.each(*put, {"author_id": "{{n}}"}, csv=rows, types={"n": "int"})
    with pytest.raises(bulk.SafetyStop, match="irreversible=True"):
        bulk.each("articles", "DELETE", "articles/{{id}}")


def test_plan_apply_undo_verify_have_the_same_account(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """The whole way there and back, once in Python and once by the command."""
    planned = bulk.plan("conversations.close", WHERE, file="plan.jsonl")
    applied = bulk.apply("plan.jsonl")
    verified = applied.verify("all")
    undone = applied.undo()
    told = [account(run.report()) for run in (planned, applied, undone)]
    assert capfd.readouterr() == ("", "")
    desk.box.reset()
    quiet = ["--json", "--progress", "none"]
    frozen = desk.here("conversations", "close", "--where", WHERE, "--plan", "plan.jsonl", *quiet)
    done = desk.here("apply", "plan.jsonl", "--yes", *quiet)
    checked = desk.here("verify", done.run, *quiet).json
    back = desk.here("undo", done.run, "--yes", *quiet)
    shown = [account(json.loads(desk.here("runs", "show", answer.run, "--json").out)) for answer in (frozen, done, back)]
    assert told == shown
    assert {name: verified[name] for name in ("level", "checked", "remaining")} == {
        name: checked["verified"][name] for name in ("level", "checked", "remaining")
    }
    assert [run.kind for run in bulk.runs()] == ["undo", "apply", "dry_run"]
    assert bulk.open_run("latest") == undone


def test_retry_and_resume_go_on_with_the_same_run(desk: Desk) -> None:
    """A guard that stopped a run is corrected in Python; what failed is tried again, and nothing else."""
    ids = desk.open_ids()
    with pytest.raises(bulk.SafetyStop) as stopped:
        bulk.run("conversations.close", ids=ids, expect=len(ids) + 1)
    error = stopped.value
    assert isinstance(error.run, bulk.Run) and error.result.run == error.run
    assert f"expect={len(ids) + 1}" in error.message and "--" not in error.message
    run = error.run.resume(expect=len(ids))
    assert run == error.run and run.counts.done == len(ids)
    broken = bulk.run("conversations.assign", ids=[ids[0], "1"], to_team="Billing")
    assert [item.id for item in broken.items("failed")] == ["1"] and not broken.ok
    cause = next(broken.items("failed")).cause
    assert broken.retry(only=cause).counts.failed == 1
    with pytest.raises(bulk.UsageError, match="No item of .* failed by 'never'"):
        broken.retry(only="never")
    again = bulk.run("conversations.note", from_run=broken, outcome="done", body="Moved.")
    assert [item.id for item in again.items()] == [ids[0]]


def test_every_selection_of_the_command_is_one_of_python(desk: Desk) -> None:
    """Ids, a file of ids, a query, rows, a sheet, an earlier run, what is left out, a limit: the same items."""
    ids = desk.open_ids()[:6]
    Path("ids.txt").write_text("\n".join(ids))
    Path("sheet.csv").write_text("id,word\n" + "\n".join(f"{one},w{one}" for one in ids))
    query = {"operator": "AND", "value": [{"field": "team_assignee_id", "operator": "=", "value": 5001},
                                          {"field": "state", "operator": "=", "value": "open"}]}
    given = [{"id": one} for one in ids]
    for selection in ({"ids": ids}, {"ids": "ids.txt"}, {"ids": Path("ids.txt")}, {"csv": "sheet.csv"}, {"csv": given}):
        assert bulk.preview("conversations.close", **selection).selected == len(ids), selection
    assert bulk.preview("conversations.close", query=query).selected == len(desk.open_ids())
    assert bulk.preview("conversations.close", query=query, limit=4, exclude=ids[:2]).selected == 4
    rows = [{"id": one, "word": f"w{one}"} for one in ids]
    preview = bulk.preview("conversations.reply", csv=rows, body="Hi {{word}}")
    assert dict(preview.messages) == {identity: f"Hi w{identity}" for identity, _ in preview.sample}
    assert preview.customers == len({json.dumps(item.before and item.before.get("contacts")) for item in preview.run.items()})  # type: ignore[union-attr]


def test_columns_are_chosen(desk: Desk) -> None:
    """Friendly names hold names, Intercom's own are fields; a name that is neither is refused with the nearest."""
    rows = list(bulk.find("conversations", WHERE, columns=["id", "team", "assignee", "subject", "source.type", "tags"], limit=5))
    assert len(rows) == 5 and {row["team"] for row in rows} == {"Support"}
    assert all(list(row) == ["id", "team", "assignee", "subject", "source.type", "tags"] for row in rows)
    with pytest.raises(bulk.UsageError, match="no column 'subjct'. Nearest: subject"):
        next(bulk.find("conversations", WHERE, columns=["subjct"]))
    assert next(bulk.find("companies"))["name"]
    named = str(next(bulk.find("companies", columns=["name"]))["name"])
    assert [row["name"] for row in bulk.find("companies", f"name = '{named.upper()}'")] == [named]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "none is given"),
    ({"where": WHERE, "dry": True}, "close has no parameter 'dry'"),
    ({"where": WHERE, "rate": 3}, "rate needs its unit"),
    ({"where": WHERE, "body": "Bye"}, "customer_visible=True"),
    ({"ids": "no-such-file"}, "no-such-file cannot be read"),
    ({"ids": [None]}, "None is not an id"),
    ({"where": "state ="}, "A value is missing"),
    ({"verb": "conversations.tag", "where": WHERE, "tag": ["nowhere"]}, "only with create_tag"),
    ({"verb": "conversations.assign", "where": WHERE}, "needs to_team or no_team, to_admin or no_admin"),
    ({"verb": "conversations.cloze", "where": WHERE}, "Nearest: conversations.close"),
    ({"where": WHERE, "max": 1}, "more than max=1"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED)
def test_errors_speak_of_arguments(desk: Desk, capfd: pytest.CaptureFixture[str], given: dict[str, Any], said: str) -> None:
    """Each refusal is an IntercomBulkError without a flag in it; nothing is printed, and nothing was written."""
    with pytest.raises(bulk.IntercomBulkError, match=re.escape(said)) as refused:
        bulk.run(**{"verb": "conversations.close", **given})
    assert not re.search(r"(^|\s)--\w", refused.value.message)
    assert capfd.readouterr() == ("", "")
    assert desk.writes() == 0


def test_no_parameter_of_a_verb_is_an_argument_of_the_library() -> None:
    """`run` takes both, so a name means one thing."""
    own = set(inspect.signature(library.run).parameters)
    assert not {one.name for name in names() for one in parameters_of(operation_class(name).Parameters)} & own


def test_events_and_stops(desk: Desk) -> None:
    """`on_event` hears the run from its beginning to its end, and what it raises ends the run in order."""
    heard: list[Mapping[str, Any]] = []
    run = bulk.run("conversations.tag", WHERE, tag=["incident"], on_event=heard.append)
    assert (heard[0]["event"], heard[-1]["event"]) == ("run.began", "run.done")
    assert {one["run"] for one in heard} == {run.id}
    assert [one["event"] for one in run.events()] == [kind for kind in (one["event"] for one in heard) if kind not in
                                                      ("run.began", "run.done", "progress")]

    def refuse(event: Mapping[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as ended:
        bulk.run("conversations.close", WHERE, on_event=refuse)
    assert ended.value.run.status in ("stopped", "interrupted")  # type: ignore[attr-defined]


def test_ctrl_c_ends_a_run_in_order(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """The first Ctrl-C is raised as KeyboardInterrupt when what was in flight is done, with the run to go on with."""

    def press(event: Mapping[str, Any]) -> None:
        if event["event"] == "run.began":
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match=r"open_run\('.*'\)\.resume\(\)") as ended:
        bulk.run("conversations.close", WHERE, on_event=press)
    run: bulk.Run = ended.value.run  # type: ignore[attr-defined]
    assert capfd.readouterr() == ("", "")
    assert run.resume().ok and run.counts.in_doubt == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_shows_itself_as_a_table(desk: Desk) -> None:
    """A notebook shows a run, its account and a preview as tables, with everything escaped."""
    run = bulk.run("conversations.close", "subject ~ '<b>&' or team = Support")
    shown = run._repr_html_()
    assert shown.startswith("<table") and run.id in shown and "<b>" not in shown and html.escape("<b>&") in shown
    assert repr(run) == f"<Run {run.id} conversations.close finished: {run.counts.selected} selected" + "".join(
        f", {count} {name}" for name, count in run.report()["counts"].items() if count and name != "selected"
    ) + ">"
    assert bulk.preview("conversations.note", WHERE, body="<i>Hi</i>")._repr_html_().count("<i>") == 0


def test_a_workspace_stands_in_place_of_the_environment(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Token, admin and state folder are those of the Workspace, for what a run is gone on with too; its token shows nowhere."""
    env = desk.box.env()
    for name in env:
        monkeypatch.delenv(name)
    with pytest.raises(bulk.ConfigurationError, match="INTERCOM_ACCESS_TOKEN"):
        bulk.run("conversations.close", WHERE)
    place = bulk.Workspace(env["INTERCOM_ACCESS_TOKEN"], base_url=env["INTERCOM_BASE_URL"], home=tmp_path / "elsewhere")
    run = bulk.run("conversations.close", WHERE, workspace=place)
    assert run.undo().counts.done == run.counts.done
    assert [one.kind for one in bulk.runs(workspace=place)] == ["undo", "run"] and not list(bulk.runs())
    assert env["INTERCOM_ACCESS_TOKEN"] not in repr(place) + repr(run) + run._repr_html_() + json.dumps(run.report())


def test_the_result_of_bulk_process_has_its_run(desk: Desk) -> None:
    """`result.run` is a Run, that is verified and undone as any other; an error of `bulk_process` has it too."""
    from conversation_closer import ConversationCloser

    result = ConversationCloser().bulk_process(team_id="5001", progress="none")
    assert isinstance(result.run, bulk.Run) and result.run.counts.done == result.success
    assert result.run.verify("all")["remaining"] == 0
    with pytest.raises(bulk.SafetyStop) as stopped:
        ConversationCloser().bulk_process(team_id="5002", progress="none", max=1)
    assert stopped.value.run.status == "stopped"


def test_names_that_are_folders_too_are_functions(desk: Desk) -> None:
    """`bulk.runs()` works although `runs` is also a folder of modules, whichever is imported first."""
    import intercom_bulk_updater.runs.options

    assert intercom_bulk_updater.runs.options.Options is bulk.Options
    assert list(bulk.runs(limit=1)) == []


def test_what_is_asked_about_is_prepared_first_and_started_then(desk: Desk) -> None:
    """A run that has to be confirmed writes nothing before that, stays to be resumed, and is the same run when it goes on."""
    options = replace(bulk.Options(python=True), ask=True)
    request = VerbRequest(
        verb="conversations.close", parameters={}, selection=Selection(where=WHERE), options=options, consent=Consent()
    )
    checked = request.check()
    with bulk.Workspace().session(options) as (session, names_):
        left = checked.begin(session, names_)
        with pytest.raises(bulk.SafetyStop, match="Not started"), prepare(left) as prepared:
            assert prepared.asks and prepared.preview is not None
        with pytest.raises(bulk.SafetyStop, match="Not confirmed"), prepare(checked.begin(session, names_)) as prepared:
            prepared.start()
        assert desk.writes() == 0 and bulk.open_run(left.run.id).status == "stopped"
        work = checked.begin(session, names_)
        with prepare(work) as prepared:
            prepared.confirm()
            prepared.start()
    run = bulk.open_run("latest")
    assert run.id == work.run.id and run.counts.done == prepared.preview.would_change
    assert bulk.open_run(left.run.id).resume().ok


def test_a_class_of_a_notebook_is_undone_in_it(desk: Desk) -> None:
    """While the updater lives its run can be undone and resumed, although its class lies in no file and its token in no variable."""
    names_: dict[str, Any] = {"__name__": "notebook"}
    exec(compile(NOTEBOOK, "<cell>", "exec"), names_)
    result = names_["Titled"](desk.box.env()["INTERCOM_ACCESS_TOKEN"]).bulk_process(title="Seen", max_items=4, progress="none")
    assert result.success == 4 and result.run.verify("all")["remaining"] is not None
    assert result.run.undo().counts.done == 4
    with pytest.raises(bulk.UsageError, match="cannot be imported"):
        bulk.open_run(result.run_id).undo()


NOTEBOOK = """
from intercom_bulk_updater import IntercomBulkUpdater

class Titled(IntercomBulkUpdater):
    def get_search_endpoint(self): return "conversations/search"
    def get_search_query(self): return {"field": "state", "operator": "=", "value": "open"}
    def get_item_id(self, item): return item["id"]
    def before(self, item): return {"title": item.get("title")}
    def change(self, item_id, before, title):
        return {} if before["title"] == title else {"title": (before["title"], title)}
    def perform_action(self, item_id, title): return self.client.put(f"conversations/{item_id}", {"title": title})
    def undo_action(self, item_id, before, title):
        return self.client.put(f"conversations/{item_id}", {"title": before["title"]})
"""


@pytest.mark.parametrize("wrong", [
    lambda: bulk.open_run(None), lambda: bulk.apply(5), lambda: bulk.runs(""), lambda: bulk.find([]),
    lambda: bulk.plan("conversations.close", where=WHERE, file=""), lambda: bulk.preview("conversations.close", ids=5),
    lambda: bulk.run("conversations.close", where=5), lambda: bulk.run("conversations.close", WHERE, on_event=5),
])  # fmt: skip
def test_an_argument_of_a_wrong_type_is_an_error_in_words(wrong: Any) -> None:
    """It names the argument, what it is to be, and what it was; nothing has been asked of Intercom."""
    with pytest.raises(bulk.UsageError, match=r"^\w+ of \w+\(\) is .+, not .+"):
        wrong()


def test_a_token_that_is_given_for_a_workspace_is_not_shown() -> None:
    """What was given is told by its type."""
    with pytest.raises(bulk.UsageError) as told:
        bulk.find("conversations", workspace="dG9rOnRva2Vu")  # type: ignore[arg-type]
    assert "not str" in str(told.value) and "dG9rOnRva2Vu" not in str(told.value)


@pytest.mark.parametrize("given", [
    {"customer_visible": "no"}, {"irreversible": "no"}, {"irreversible": 1}, {"dry_run": None}, {"dry_run": 0},
])  # fmt: skip
def test_only_true_is_true(given: dict[str, Any]) -> None:
    """`irreversible="no"` is no consent, and `dry_run=0` no wish to write: refused before anything is asked."""
    with pytest.raises(bulk.UsageError, match=r"^\w+ of run\(\) is True or False, not "):
        bulk.run("contacts.delete", ids=["1"], **given)
    with pytest.raises(bulk.UsageError, match="irreversible must be True or False"):
        Consent(irreversible="no")  # type: ignore[arg-type]


def test_preview_and_plan_take_what_run_takes() -> None:
    """So that the same arguments are first looked at, then done."""
    of_run = dict(inspect.signature(bulk.run).parameters)
    del of_run["dry_run"]
    assert list(inspect.signature(bulk.preview).parameters) == list(of_run)
    assert set(inspect.signature(bulk.plan).parameters) == {*of_run, "file"}


SAID_IN_PYTHON: list[tuple[Any, str]] = [
    (lambda: bulk.run("conversations.cloze", WHERE), "Nearest: conversations.close"), (lambda: bulk.open_run("nosuch"), "no run 'nosuch'"),
    (lambda: bulk.open_recipe("nosuch"), "No recipe 'nosuch'"), (lambda: bulk.apply("no.jsonl"), "There is no plan file"),
    (lambda: next(bulk.find("conversations", columns=["nosuch"], where=WHERE)), "no column 'nosuch'"),
    (lambda: next(bulk.find("conversations", columns=["id", 5], where=WHERE)), "columns holds 5"),  # type: ignore[list-item]
    (lambda: bulk.run("conversations.note", WHERE, body=" "), "text of note is empty"),
    (lambda: bulk.run("conversations.note", WHERE), "needs body"),
    (lambda: bulk.run("contacts.set", ids=["1"], values={}), "a dict of fields"),
    (lambda: bulk.find("contacts", dry=True), "no option 'dry'"),
    (lambda: bulk.each("articles", "PUT", "articles/1", {"n": math.nan}), "body holds a number that is none"),
    (lambda: bulk.resume_recipes(dry=1), "no option 'dry'"),
    (lambda: bulk.each("articles", "PUT", "articles/1", {"day": date(2027, 1, 31)}), r"body holds datetime\.date\(2027, 1, 31\)"),
    (lambda: bulk.each(5, "PUT", "articles/1"), "endpoint of each"), (lambda: bulk.run(5, WHERE), "verb of run"),  # type: ignore[arg-type]
    (lambda: bulk.find("contacts", query={"field": "seen", "operator": ">", "value": datetime(2027, 1, 31, tzinfo=UTC)}), "query holds"),
    (lambda: bulk.run("contacts.upsert", ids=["1"], values={"name": "x"}), "from a spreadsheet: csv=, and id_column is"),
    (lambda: bulk.count("contacts", "seen"), "An operator is missing"), (lambda: bulk.count("contacts", csv="x.jsonl"), "holds JSON Lines"),
    (lambda: bulk.runs(limit=-1), "limit must be"), (lambda: bulk.open_recipe(5), "ref of open_recipe"),  # type: ignore[arg-type]
    (lambda: bulk.run("conversations.close", ids="215470000000024"), r"One id is given as a list: ids=\['215470000000024'\]"),
    (lambda: bulk.run("conversations.close", ids={"id": "215470000000024"}), "ids is a dict"),
    (lambda: bulk.run("conversations.close", csv={"id": "215470000000024"}), r"csv\[0\] is 'id': a row is a dict"),
    (lambda: bulk.run("contacts.archive", csv=[{"id": {}, "x": 1}]), r"csv\[0\]\['id'\] is a dict"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "said"), SAID_IN_PYTHON)
def test_an_error_says_nothing_of_the_command(desk: Desk, wrong: Any, said: str) -> None:
    """It names what was given, in words of Python; no flag, no command; nothing was written."""
    Path("x.jsonl").write_text('{"id": "1"}')
    with pytest.raises(bulk.UsageError, match=said) as told:
        wrong()
    assert not re.search(r"intercom-bulk|(^|\s)--\w|KEY=VALUE|TEXT|FILE", told.value.message)
    assert desk.writes() == 0


def test_a_message_that_stands_in_a_file(desk: Desk) -> None:
    """`Path` reads it; `"@FILE"` of the command would be sent word for word, and is refused."""
    Path("m.txt").write_text("We are back.\n")
    assert bulk.preview("conversations.note", WHERE, limit=1, body=Path("m.txt")).messages[0][-1] == "We are back."
    with pytest.raises(bulk.UsageError, match=r"body=Path\('m\.txt'\)"):
        bulk.run("conversations.note", WHERE, body="@m.txt")
