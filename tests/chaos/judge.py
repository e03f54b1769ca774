"""One case from beginning to end, and what its accounts are worth against the server's own rows."""

from __future__ import annotations

import json
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from acceptance.desk import Answer, Desk
from chaos.cases import MARK, MESSAGE, TAG, TEAM, UPDATERS, Case, Verb, same

ITEMS = 8
QUICK = ("--yes", "--json", "--timeout", "0.6", "--retries", "2", "--progress", "none", "--verify", "all", "--patience", "2s")
SETTLED = {0, 3, 4, 5, 6, 7}
"""Exit codes with which a run may end in a bad world; 1 would be a crash, 2 a mistake of the person."""


@dataclass
class Found:
    """What was wrong in a case."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    in_doubt: int = 0
    """Items in doubt at the end: no fault, but counted."""

    @property
    def wrong(self) -> list[str]:
        """Everything wrong, in words."""
        return [f"{kind}: {what}" for kind in ("lost", "doubled", "untrue", "crashed") for what in getattr(self, kind)]


def rows(desk: Desk, ids: list[str]) -> dict[str, dict[str, Any]]:
    """What the server holds of each conversation, with the number of our messages in it."""
    found = {}
    plain = {str(row["id"]): row for row in desk.box.conversations()}
    for one in ids:
        whole = desk.box.conversation(one)
        texts = [part.get("body") or "" for part in whole["conversation_parts"]["conversation_parts"]]
        found[one] = {
            **plain[one], "tags": [str(tag) for tag in plain[one]["tags"]], "title": whole.get("title"),
            "messages": sum(MESSAGE in text for text in texts),
        }  # fmt: skip
    return found


def prepare(desk: Desk, verb: Verb, stage: str) -> list[str]:
    """Conversations in the state that the verb starts from, marked by a tag."""
    (desk.home / "mine.py").write_text(UPDATERS)
    found = desk.box.conversations(team=5001, state=verb.start)
    ids = [str(row["id"]) for row in found if int(TAG) not in [int(tag) for tag in row["tags"]]][:ITEMS]
    assert len(ids) == ITEMS and TEAM != "5001"
    if stage == "search":
        others = [str(row["id"]) for row in desk.box.conversations(tag=int(MARK))]
        desk.box.touch(others, "untag", tag_id=int(MARK))
        desk.box.touch(ids, "tag", tag_id=int(MARK))
    if verb.tagged is False:
        desk.box.touch(ids, "tag", tag_id=int(TAG))
        if stage == "apply":
            time.sleep(1.1)  # tags have their time in whole seconds: one of this second may be later than the plan
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.reset_stats()
    return ids


def judge(desk: Desk, case: Case) -> Found:
    """Run the case: under the fault, then again with the fault gone; compare what is said with what is."""
    found = Found()
    try:
        _judge(desk, case, found)
    except AssertionError:
        raise
    except Exception:
        found.crashed.append(traceback.format_exc(limit=-4))
    return found


def _judge(desk: Desk, case: Case, found: Found) -> None:
    verb = case.verb
    ids = prepare(desk, verb, case.stage)
    before = rows(desk, ids)
    items = ("--where", f"tag = {MARK}") if case.stage == "search" else ("--ids", "ids")
    words = (*verb.command, *items, "--customer-visible", *QUICK)
    rule = dict(case.rule)
    if case.stage == "undo":
        first = desk.here(*words)
        if first.code != 0:
            found.untrue.append(f"the run without a fault ended with {first.code}: {first.err[-300:]}")
            return
        target = {one: before[one] for one in ids}
        before = rows(desk, ids)
        words = ("undo", "latest", *QUICK)
    elif case.stage == "apply":
        planned = desk.here(*verb.command, *items, "--plan", "plan.jsonl", "--json", "--progress", "none")
        if planned.code != 0:
            found.untrue.append(f"the plan without a fault ended with {planned.code}: {planned.err[-300:]}")
            return
        words = ("apply", "plan.jsonl", "--customer-visible", *QUICK)
    elif case.stage == "read back":
        rule["after"] = ITEMS
    desk.box.fault(**rule)
    answer = desk.here(*words)
    _check(desk, case, answer, ids, before, found, "under the fault", target if case.stage == "undo" else None)
    desk.box.clear_faults()
    run = answer.json.get("run") if answer.out.strip() else None
    if run is None:
        if case.stage != "undo" and desk.writes():
            found.untrue.append(f"no run is named, and the server counts {desk.writes()} writes")
        return
    for again in ("resume", "retry"):
        answer = desk.here("runs", again, run["id"], *QUICK)
        if "Traceback" in answer.err or answer.code == 1:
            found.crashed.append(f"runs {again}: {answer.code} {answer.err[-1500:]}")
        if not answer.out.strip():
            answer = desk.here("runs", "show", run["id"], "--json")
    left = _check(desk, case, answer, ids, before, found, "in the end", target if case.stage == "undo" else None)
    found.in_doubt = sum(outcome == "in_doubt" for outcome in left.values())
    lost = {one: outcome for one, outcome in left.items() if outcome not in ("done", "unchanged", "in_doubt")}
    if lost:
        found.lost.append(f"with the fault gone, resumed and retried: {lost} (exit {answer.code}: {answer.err[-300:]})")


def _check(
    desk: Desk, case: Case, answer: Answer, ids: list[str], before: dict[str, dict[str, Any]], found: Found, when: str,
    target: dict[str, dict[str, Any]] | None,
) -> dict[str, str]:
    """Hold one account against the server's rows. Returns the outcomes by id."""
    verb = case.verb
    refused = case.stage == "search" and answer.code == 2  # a filter that the server refuses is a bad filter
    if "Traceback" in answer.err or (answer.code not in SETTLED and not refused):
        found.crashed.append(f"{when}: exit {answer.code}: {answer.err[-1500:]}")
    now = rows(desk, ids)
    twice = {one: row["messages"] for one, row in now.items() if row["messages"] > 1}
    if twice:
        found.doubled.append(f"{when}: {twice}")
    if not answer.out.strip():
        found.untrue.append(f"{when}: nothing on standard output (exit {answer.code}: {answer.err[-300:]})")
        return {}
    account = answer.json
    if account.get("run") is None:
        return {}
    exported = desk.here("runs", "export", account["run"]["id"], "--format", "jsonl")
    outcomes = {str(line["id"]): str(line["outcome"]) for line in map(json.loads, exported.out.splitlines())}
    counts = {name: number for name, number in account["counts"].items() if number and name != "selected"}
    listed: dict[str, int] = {}
    for outcome in outcomes.values():
        listed[outcome] = listed.get(outcome, 0) + 1
    if counts != listed:
        found.untrue.append(f"{when}: counted {counts}, listed {listed}")
    good = set(listed) <= {"done", "unchanged", "drifted"} and len(outcomes) == len(ids)
    if answer.code == 0 and not good:
        found.untrue.append(f"{when}: exit 0 with {listed} of {len(ids)}")
    if bool(account["ok"]) != (answer.code == 0):
        found.untrue.append(f"{when}: ok is {account['ok']} and the exit code {answer.code}")
    for one, outcome in outcomes.items():
        if target is None:
            stands, clean = verb.stands(now[one]), verb.untouched(now[one], before[one])
        else:
            stands, clean = same(now[one], target[one]), same(now[one], before[one])
        if outcome in ("done", "unchanged") and not stands:
            found.untrue.append(f"{when}: {one} is {outcome}, and the server shows {now[one]}")
        if outcome in ("failed", "pending", "drifted") and not clean:
            found.untrue.append(f"{when}: {one} is {outcome}, and the server shows {now[one]}, before {before[one]}")
    return outcomes
