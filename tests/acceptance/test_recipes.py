"""Recipes: each step a run, waits that outlive every process, nothing begun twice, nothing sent without a word."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.journal.lock import RunLock
from intercom_sandbox import running

from .desk import Answer, Desk, at_desk, until

DAY = 86_400
ASK = """\
recipe: Ask, then close
steps:
  - step: ask
    verb: conversations.reply
    where: team = 5001 and state = open
    limit: 12
    with:
      body: Are you still there?
    customer_visible: true
  - wait: 7d
  - step: close
    verb: conversations.close
    from: ask
    where: state = open
    if_no_reply: true
"""
TAG = """\
recipe: Tag and note
steps:
  - step: tag
    verb: conversations.tag
    where: team = 5001 and state = open and tag != 7003
    with: {tag: [7003]}
  - step: note
    verb: conversations.note
    from: tag
    with: {body: Tagged.}
"""


def recipe(desk: Desk, text: str) -> str:
    """Write a recipe beside the journal; its file."""
    (desk.home / "recipe.yaml").write_text(text)
    return "recipe.yaml"


def steps(answer: Answer) -> dict[str, dict[str, Any]]:
    """The steps of a recipe's account, by name."""
    return {one["step"]: one for one in answer.json["steps"] if "step" in one}


def pass_days(desk: Desk, days: float) -> None:
    """Let every run have ended so many days ago, which is what a wait is counted from."""
    with Journal(desk.home / "journal.db") as journal:
        for run in journal.runs(None):
            if run.finished_at is not None:
                journal.update_run(run.id, finished_at=run.finished_at - days * DAY)


def test_those_who_answered_meanwhile_are_left_alone(desk: Desk) -> None:
    """Ask, wait a week, close: only where the customer was silent, and only what is still open."""
    begun = desk.here("recipes", "run", recipe(desk, ASK), "--yes", "--customer-visible", "--json")
    assert begun.code == 0, begun.err
    assert begun.json["schema"] == "recipe/1" and begun.json["recipe"]["status"] == "waiting"
    assert steps(begun)["ask"]["counts"]["done"] == 12 and steps(begun)["close"]["run"] is None
    with Journal(desk.home / "journal.db") as journal:
        asked = [item.id for item in journal.items(steps(begun)["ask"]["run"])]
    writes = desk.writes()
    early = desk.here("recipes", "resume", "--json")
    assert early.code == 0 and early.json == {"schema": "recipes/1", "ok": True, "exit": 0, "recipes": []}
    assert desk.writes() == writes
    answered, done_by_hand = asked[:3], asked[3:5]
    desk.box.touch(answered, "contact_reply", body="Yes, I am.")
    desk.box.touch(done_by_hand, "close")
    pass_days(desk, 8)
    last = desk.here("recipes", "resume", "--json")
    assert last.code == 0, last.err
    (account,) = last.json["recipes"]
    assert account["recipe"]["status"] == "finished" and account["steps"][2]["counts"]["done"] == 7
    states = {one: desk.box.conversation(one)["state"] for one in asked}
    assert [one for one, state in states.items() if state == "open"] == answered
    again = desk.here("recipes", "resume", begun.json["recipe"]["id"], "--json")
    assert again.code == 0 and again.json["recipe"]["status"] == "finished"
    assert account["next"] == [f"intercom-bulk undo {account['steps'][2]['run']}"]


@pytest.mark.parametrize("moment", ["the first write", "the end of the first step", "half of the second step"])
def test_a_killed_recipe_goes_on_without_beginning_a_step_twice(desk: Desk, moment: str) -> None:
    """kill -9 in the middle of a step, or between two; resume goes on with that very run, then with the next step."""
    wanted = [str(row["id"]) for row in desk.box.conversations(team=5001, state="open") if 7003 not in row["tags"]]
    desk.switch(latency=0.05)
    process = desk.start("recipes", "run", recipe(desk, TAG), "--timeout", "3", "--yes", "--json")
    writes = {"the first write": 1, "the end of the first step": len(wanted)}.get(moment, len(wanted) * 3 // 2)
    assert until(lambda: desk.writes() >= writes, process)
    process.send_signal(signal.SIGKILL)
    assert desk.wait(process).code == -signal.SIGKILL
    desk.switch(latency=0.0)
    (listed,) = desk.here("recipes", "list", "--json").json["recipes"]
    assert listed["recipe"]["status"] in ("interrupted", "due")  # due: between two steps
    (account,) = desk.here("recipes", "resume", "--json").json["recipes"]
    assert account["recipe"]["status"] == "finished" and account["exit"] == 0
    runs = desk.here("runs", "list", "--json").json["runs"]
    assert len(runs) == 2 and {one["run"]["parent"] for one in runs} == {account["recipe"]["id"]}
    begun = [step["run"] for step in listed["steps"] if step["run"]]
    assert begun and [step["run"] for step in account["steps"]][: len(begun)] == begun
    assert {one for one in wanted if 7003 in {int(t["id"]) for t in desk.box.conversation(one)["tags"]["tags"]}} == set(wanted)
    desk.once("note", wanted)


def test_killed_before_its_first_step_it_begins_there(desk: Desk) -> None:
    """A recipe that is written down and has no run yet is due."""
    file = recipe(desk, TAG)
    with Journal(desk.home / "journal.db") as journal:
        begun = journal.create_recipe(
            name="Tag and note", file=str(desk.home / file), text=TAG, consent={"yes": True}, workspace="sandbox1",
            base_url=desk.box.env()["INTERCOM_BASE_URL"],
        )
    answer = desk.here("recipes", "resume", file, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["recipe"]["id"] == begun.id and answer.json["recipe"]["status"] == "finished"


def test_a_recipe_that_begins_with_a_wait_is_told_on_that_clock(desk: Desk) -> None:
    """It has no run yet that would tell whose clock it is."""
    file = recipe(desk, TAG.replace("  - step: tag", "  - wait: 1d\n  - step: tag"))
    begun = desk.here("recipes", "run", file, "--yes", "--progress", "none")
    assert begun.code == 0 and "waits until" in begun.err and "(Los Angeles)" in begun.err, begun.err
    for command in (("list",), ("cancel", "latest")):
        told = desk.command("recipes", *command)
        assert "UTC" not in told.out + told.err, told
    assert desk.here("recipes", "list", "--json").json["recipes"][0]["recipe"]["timezone"] == "America/Los_Angeles"


def test_a_recipe_is_told_on_the_clock_of_its_workspace(desk: Desk) -> None:
    """By the list too, which reads the journal alone."""
    begun = desk.here("recipes", "run", recipe(desk, ASK), "--yes", "--customer-visible", "--progress", "none")
    assert begun.code == 0 and "(Los Angeles)" in begun.err
    listed = desk.here("recipes", "list")
    assert "(Los Angeles)" in listed.out and "UTC" not in listed.out


def test_what_was_begun_is_what_was_checked(desk: Desk) -> None:
    """The file may change or go while the recipe waits."""
    file = recipe(desk, ASK)
    assert desk.here("recipes", "run", file, "--yes", "--customer-visible").code == 0
    (desk.home / file).unlink()
    pass_days(desk, 8)
    answer = desk.here("recipes", "resume", "latest", "--json")
    assert answer.code == 0 and steps(answer)["close"]["counts"]["done"] == 12


def test_check_shows_every_step_and_writes_nothing(desk: Desk) -> None:
    """Each step is looked at with what the one before would do; the numbers are those of the run."""
    file = recipe(desk, TAG)
    looked = desk.here("recipes", "check", file, "--json")
    assert looked.code == 0 and looked.json["recipe"] == {
        "id": None, "name": "Tag and note", "file": str(desk.home / file), "status": "checked",
    }  # fmt: skip
    assert desk.writes() == 0 and desk.here("recipes", "list", "--json").json["recipes"] == []
    again = desk.here("recipes", "run", file, "--dry-run", "--json")
    would = steps(looked)["tag"]["counts"]["pending"]
    assert would and steps(looked)["note"]["counts"]["pending"] == would == steps(again)["tag"]["counts"]["pending"]
    assert desk.writes() == 0
    done = desk.here("recipes", "run", file, "--yes", "--json")
    assert {name: one["counts"]["done"] for name, one in steps(done).items()} == {"tag": would, "note": would}


def test_what_customers_see_takes_two_words(desk: Desk) -> None:
    """One in the file, one on the command line; nothing begins without both, and without --yes or a terminal."""
    said = desk.here("recipes", "run", recipe(desk, ASK.replace("    customer_visible: true\n", "")), "--yes", "--customer-visible")
    assert said.code == 2 and "recipe.yaml, line 3: ask: Customers will see this" in said.err
    for flags, why in ((["--yes"], "--customer-visible"), (["--customer-visible"], "--yes")):
        refused = desk.here("recipes", "run", recipe(desk, ASK), *flags, "--json")
        assert refused.code == 5 and why in refused.err
        assert refused.json["exit"] == 5
    assert desk.writes() == 0 and desk.here("recipes", "list", "--json").json["recipes"] == []


def test_what_nothing_brings_back_takes_two_words(desk: Desk) -> None:
    """The same for what has no way back."""
    text = "recipe: Delete\nsteps:\n  - step: gone\n    verb: conversations.delete\n    where: team = 5001\n    limit: 1\n"
    assert desk.here("recipes", "run", recipe(desk, text), "--yes", "--irreversible").code == 2
    text += "    irreversible: true\n"
    assert desk.here("recipes", "run", recipe(desk, text), "--yes").code == 5
    assert desk.here("recipes", "run", recipe(desk, text), "--yes", "--irreversible").code == 0
    assert desk.writes() == 1


def test_a_name_of_the_last_step_is_looked_up_before_the_first_begins(desk: Desk) -> None:
    """A wrong name, a wrong filter: said with the line, and nothing is done."""
    later = "  - step: away\n    verb: conversations.assign\n    from: tag\n    with: {to_team: Nowhere}\n"
    wrong = desk.here("recipes", "run", recipe(desk, TAG + later), "--yes")
    assert wrong.code == 2 and "recipe.yaml, line 11: away: " in wrong.err and "Nowhere" in wrong.err
    filtered = desk.here("recipes", "run", recipe(desk, TAG.replace("state = open", "stade = open")), "--yes")
    assert filtered.code == 2 and "recipe.yaml, line 3: tag: " in filtered.err
    assert desk.writes() == 0 and desk.here("runs", "list", "--json").json["runs"] == []


def test_a_guard_stops_the_recipe_and_cron_leaves_it_so(desk: Desk) -> None:
    """`max` of a step is judged as --max; only a person who names the recipe has it tried again."""
    text = TAG.replace("    with: {tag", "    max: 3\n    with: {tag")
    stopped = desk.here("recipes", "run", recipe(desk, text), "--yes", "--json")
    assert stopped.code == 5 and stopped.json["recipe"]["status"] == "stopped", stopped.out
    assert desk.here("recipes", "resume", "--json").json["recipes"] == []
    assert desk.here("recipes", "resume", "latest", "--json").code == 5
    assert desk.writes() == 0
    assert desk.here("runs", "resume", steps(stopped)["tag"]["run"], "--max", "100%").code == 0
    assert desk.here("recipes", "resume", "latest", "--json").json["recipe"]["status"] == "finished"


def test_items_that_failed_are_followed_by_nothing(desk: Desk) -> None:
    """A step with failures ends with 3, and the next one takes what was done."""
    desk.box.fault("error_after", status=422, path="conversations/.*/tags$", count=4, commit="never")
    answer = desk.here("recipes", "run", recipe(desk, TAG), "--yes", "--json")
    assert answer.code == 3, answer.err
    tag, note = steps(answer)["tag"]["counts"], steps(answer)["note"]["counts"]
    assert tag["failed"] and note["selected"] == note["done"] == tag["done"]
    assert answer.json["recipe"]["status"] == "finished"
    (listed,) = desk.here("recipes", "list", "--json").json["recipes"]
    assert (listed["ok"], listed["exit"]) == (False, 3)
    assert f"finished, {tag['failed']} failed or in doubt" in desk.here("recipes", "list").out


def test_one_process_at_a_time(desk: Desk) -> None:
    """Two clocks that strike together do not begin a step twice."""
    begun = desk.here("recipes", "run", recipe(desk, ASK), "--yes", "--customer-visible", "--json").json["recipe"]["id"]
    pass_days(desk, 8)
    with RunLock(desk.home, begun):
        assert desk.here("recipes", "resume", begun).code == 12
        cron = desk.here("recipes", "resume", "--json")
        assert cron.code == 0 and cron.json["recipes"] == []
    assert desk.here("recipes", "resume").code == 0
    assert len(desk.here("runs", "list", "--json").json["runs"]) == 2


def test_cancelled_while_it_is_at_work_it_goes_no_further(desk: Desk) -> None:
    """From another terminal: the step that is under way is asked to stop, and no other begins."""
    file = recipe(desk, TAG)
    desk.box.fault("slow", seconds=0.3, on="write")
    process = desk.start("recipes", "run", file, "--yes", "--workers", "2", "--json")
    assert until(lambda: desk.writes() > 2, process)
    assert desk.here("recipes", "cancel", "latest", "--json").json["recipe"]["status"] == "cancelled"
    ended = desk.wait(process)
    assert (ended.code, ended.json["recipe"]["status"]) == (7, "cancelled"), ended.err
    (run,) = desk.here("runs", "list", "--json").json["runs"]
    assert run["run"]["status"] == "cancelled" and run["counts"]["pending"]


def test_two_at_work_at_once_share_the_journal(desk: Desk) -> None:
    """Each opened the journal a second time; closing that let go of the locks, and the one tore down what the other wrote."""
    (desk.home / "other.yaml").write_text(TAG.replace("7003", "7004").replace("Tag and note", "Other").replace("Tagged.", "Seen."))
    both = [desk.start("recipes", "run", file, "--yes", "--json") for file in (recipe(desk, TAG), "other.yaml")]
    assert [(answer.json["recipe"]["status"], answer.code) for answer in map(desk.wait, both)] == [("finished", 0), ("finished", 0)]
    assert len(desk.here("runs", "list", "--json").json["runs"]) == 4


def test_cancelled_it_never_goes_on(desk: Desk) -> None:
    """What its steps have done stays."""
    assert desk.here("recipes", "run", recipe(desk, ASK), "--yes", "--customer-visible").code == 0
    assert desk.here("recipes", "cancel", "latest", "--json").json["recipe"]["status"] == "cancelled"
    pass_days(desk, 8)
    assert desk.here("recipes", "resume", "--json").json["recipes"] == []
    again = desk.here("recipes", "resume", "latest", "--json")
    assert again.json["recipe"]["status"] == "cancelled" and "there is nothing to resume" in again.err
    assert desk.here("recipes", "resume", "recipe.yaml").code == 2
    assert len(desk.here("runs", "list", "--json").json["runs"]) == 1


def test_latest_is_the_newest_at_the_address(desk: Desk) -> None:
    """As with `runs show latest`: one of another server is named, and neither ended nor gone on with. A file is known by cancel, too."""
    file = recipe(desk, ASK)
    assert desk.here("recipes", "run", file, "--yes", "--customer-visible").code == 0
    with Journal(desk.home / "journal.db") as journal:
        text = {"name": "Elsewhere", "file": "/elsewhere.yaml", "text": TAG, "consent": {"yes": True}, "workspace": "other"}
        other = journal.create_recipe(**text, base_url="http://127.0.0.1:9")
    elsewhere = {"INTERCOM_BASE_URL": "http://127.0.0.1:10"}
    for verb in ("resume", "cancel"):
        refused = desk.here("recipes", verb, "latest", env=elsewhere)
        assert refused.code == 2 and other.id in refused.err and "No recipe was begun at" in refused.err, refused.err
    first = desk.here("recipes", "cancel", "latest", "--json").json["recipe"]
    assert first["id"] != other.id and first["status"] == "cancelled"
    with Journal(desk.home / "journal.db") as journal:
        assert not journal.recipe(other.id).ending
    for _ in range(2):
        assert desk.here("recipes", "run", file, "--yes", "--customer-visible").code == 0
    several = desk.here("recipes", "cancel", file)
    assert several.code == 2 and "Several recipes of recipe.yaml are under way" in several.err, several.err
    assert desk.here("recipes", "cancel", "latest").code == 0
    assert desk.here("recipes", "cancel", file, "--json").json["recipe"]["status"] == "cancelled"


def test_a_step_that_was_taken_back_is_not_followed(desk: Desk) -> None:
    """Undo the first step while the recipe waits, and it stops there."""
    text = TAG.replace("  - step: note", "  - wait: 1d\n  - step: note")
    begun = desk.here("recipes", "run", recipe(desk, text), "--yes", "--json")
    assert desk.here("undo", steps(begun)["tag"]["run"], "--yes").code == 0
    pass_days(desk, 2)
    answer = desk.here("recipes", "resume", "latest", "--json")
    assert answer.code == 5 and "was taken back" in answer.json["error"]["message"]
    assert desk.written("note")["writes"] == 0
    # It was due for ever: the hourly `recipes resume` was refused each time.
    assert desk.here("recipes", "resume", "--json").json["recipes"] == []
    (listed,) = desk.here("recipes", "list", "--json").json["recipes"]
    assert listed["recipe"]["status"] == "stopped" and "recipes cancel" in listed["next"][0], listed


def test_pruning_leaves_what_a_waiting_recipe_needs(desk: Desk) -> None:
    """A wait may be longer than runs are kept."""
    assert desk.here("recipes", "run", recipe(desk, ASK), "--yes", "--customer-visible").code == 0
    assert desk.here("runs", "prune", "--older-than", "0s", "--yes").code == 0
    assert len(desk.here("runs", "list", "--json").json["runs"]) == 1
    assert desk.here("recipes", "cancel", "latest").code == 0
    assert desk.here("runs", "prune", "--older-than", "0s", "--yes").code == 0
    assert desk.here("runs", "list", "--json").json["runs"] == []


def test_it_goes_on_in_its_own_workspace_alone(tmp_path: Path) -> None:
    """A step that begins after a wait does not act where another token leads."""
    with running(conversations=40) as box, at_desk(box, tmp_path) as desk:
        with Journal(tmp_path / "journal.db") as journal:
            journal.create_recipe(
                name="Tag", file=str(tmp_path / "tag.yaml"), text=TAG.replace("  - step: tag", "  - wait: 0s\n  - step: tag"),
                consent={"yes": True}, workspace="elsewhere", base_url=box.env()["INTERCOM_BASE_URL"],
            )
        answer = desk.here("recipes", "resume", "latest", "--json")
        assert answer.code == 10 and "belongs to workspace 'elsewhere'" in answer.json["error"]["message"]
        assert desk.writes() == 0


def test_a_recipe_whose_verb_has_gone_stands_in_nobodys_way(desk: Desk) -> None:
    """A verb of another package may be uninstalled while a recipe waits: it is listed with the reason, and the others go on."""
    with Journal(desk.home / "journal.db") as journal:
        for text in (TAG.replace("conversations.note", "conversations.gone"), TAG):
            journal.create_recipe(
                name="Tag", file=str(desk.home / "tag.yaml"), text=text, consent={"yes": True}, workspace="sandbox1",
                base_url=desk.box.env()["INTERCOM_BASE_URL"],
            )  # fmt: skip
    (went_on,) = desk.here("recipes", "resume", "--json").json["recipes"]
    assert went_on["recipe"]["status"] == "finished"
    listed = desk.here("recipes", "list", "--json").json["recipes"]
    assert [one["recipe"]["status"] for one in listed] == ["finished", "stopped"]
    assert "Unknown operation 'conversations.gone'" in listed[1]["error"]["message"]
    assert desk.here("recipes", "resume", listed[1]["recipe"]["id"]).code == 2


def test_the_lines_of_a_program(desk: Desk) -> None:
    """--jsonl: the events of each step, and last the account of the whole."""
    answer = desk.here("recipes", "run", recipe(desk, TAG), "--yes", "--jsonl")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.code == 0 and lines[-1]["schema"] == "recipe/1" and lines[-1]["event"] == "run.done"
    assert [line["run"]["operation"] for line in lines[:-1] if line["event"] == "run.done"] == ["conversations.tag", "conversations.note"]


def test_the_items_of_a_run_are_narrowed_by_a_filter(desk: Desk) -> None:
    """--from-run with --where: what that run has done and what matches now, judged on each item as it is read."""
    untagged = ["--where", "team = 5001 and state = open and tag != 7003"]
    tagged = desk.here("conversations", "tag", *untagged, "--tag", "7003", "--yes", "--json")
    with Journal(desk.home / "journal.db") as journal:
        ids = [item.id for item in journal.items(tagged.run)]
    desk.box.touch(ids[:4], "close")
    narrowed = ["--from-run", tagged.run, "--outcome", "done", "--where", "state = open and team = 5001"]
    answer = desk.here("conversations", "note", *narrowed, "--body", "Open.", "--yes", "--json")
    assert answer.code == 0, answer.err
    assert answer.counts == {"selected": len(ids) - 4, "done": len(ids) - 4}
    assert "that match now: " in answer.json["run"]["selection"]["words"]
