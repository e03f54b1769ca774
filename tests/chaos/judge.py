"""One case from beginning to end, and what its accounts are worth against the server's own rows."""

from __future__ import annotations

import json
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from acceptance.desk import Answer, Desk, until
from chaos.cases import CLIENT_WAITS, MARK, MESSAGE, TAG, TEAM, UPDATERS, Case, Verb, same

ITEMS, FEW_ITEMS = 8, 4
"""Conversations of a case; few where answers are mutated, for there are thousands of such cases."""
QUICK = (
    "--yes", "--json", "--timeout", str(CLIENT_WAITS), "--retries", "2", "--workers", "4", "--progress", "none", "--verify", "all",
    "--patience", "2s",
)  # fmt: skip
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


def prepare(desk: Desk, verb: Verb, stage: str, number: int) -> list[str]:
    """Conversations in the state that the verb starts from, marked by a tag."""
    (desk.home / "mine.py").write_text(UPDATERS)
    found = desk.box.conversations(team=5001, state=verb.start)
    ids = [str(row["id"]) for row in found if int(TAG) not in [int(tag) for tag in row["tags"]]][:number]
    assert len(ids) == number and TEAM != "5001"
    if stage in ("search", "names", "all"):
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
        _Trial(desk, case, found).run()
    except AssertionError:
        raise
    except Exception:
        found.crashed.append(traceback.format_exc(limit=-4))
    if case.rule.get("commit") == "after":
        time.sleep(case.rule["seconds"])  # what is still under way must not arrive in the next case
    return found


class _Trial:
    """One case at one desk."""

    def __init__(self, desk: Desk, case: Case, found: Found) -> None:
        self.desk, self.case, self.found = desk, case, found
        self.ids = prepare(desk, case.verb, case.stage, FEW_ITEMS if case.mutate else ITEMS)
        self.before = rows(desk, self.ids)
        self.others = self._others()
        self.target: dict[str, dict[str, Any]] | None = None
        """What the items shall look like in the end, for an undo."""
        self.token = desk.env["INTERCOM_ACCESS_TOKEN"]

    def _others(self) -> dict[str, Any]:
        """The conversations that are none of the run's business."""
        return {str(row["id"]): row for row in self.desk.box.conversations() if str(row["id"]) not in self.ids}

    def run(self) -> None:
        """Under the fault, then with the fault gone."""
        words = self._words()
        if words is None:
            return
        self._order_fault()
        run: str | None
        if self.case.stage == "kill":
            run = self._kill(words)
        else:
            answer = self._here(*words)
            self._check(answer, "under the fault")
            account = _account(answer)
            run = None if account is None or account.get("run") is None else str(account["run"]["id"])
        self.desk.box.clear_faults()
        self.desk.box.control(mutate="")
        if run is None:
            if self.case.stage != "undo" and self.desk.writes():
                self.found.untrue.append(f"no run is named, and the server counts {self.desk.writes()} writes")
            return
        if self.case.stage != "kill" and answer.code == 0:
            return  # all is done, and there is nothing to resume
        for again in ("resume", "retry"):
            answer = self._here("runs", again, run, *QUICK)
            if "Traceback" in answer.err or answer.code == 1:
                self.found.crashed.append(f"runs {again}: {answer.code} {answer.err[-1500:]}")
            if not answer.out.strip():
                answer = self._here("runs", "show", run, "--json")
            if answer.code == 0:
                break
        left = self._check(answer, "in the end")
        self.found.in_doubt = sum(outcome == "in_doubt" for outcome in left.values())
        lost = {one: outcome for one, outcome in left.items() if outcome not in ("done", "unchanged", "in_doubt")}
        if lost:
            self.found.lost.append(f"with the fault gone, resumed and retried: {lost} (exit {answer.code}: {answer.err[-300:]})")

    def _words(self) -> tuple[str, ...] | None:
        """The command that meets the fault; what comes before it is done."""
        verb, stage = self.case.verb, self.case.stage
        searched = stage in ("search", "all") or (stage == "names" and self.case.mutate)
        items = ("--where", f"tag = {MARK}") if searched else ("--ids", "ids")
        words = (*verb.command, *items, "--customer-visible", *QUICK)
        if stage == "undo":
            first = self._here(*words)
            if first.code != 0:
                self.found.untrue.append(f"the run without a fault ended with {first.code}: {first.err[-300:]}")
                return None
            self.target = self.before
            self.before = rows(self.desk, self.ids)
            return ("undo", "latest", *QUICK)
        if stage == "apply":
            planned = self._here(*verb.command, *items, "--plan", "plan.jsonl", "--json", "--progress", "none")
            if planned.code != 0:
                self.found.untrue.append(f"the plan without a fault ended with {planned.code}: {planned.err[-300:]}")
                return None
            return ("apply", "plan.jsonl", "--customer-visible", *QUICK)
        return words

    def _order_fault(self) -> None:
        case = self.case
        if case.mutate:
            self.desk.box.control(mutate=case.mutate, mutate_on="" if case.stage == "all" else case.stage)
            return
        self.desk.box.fault(**{**case.rule, **({"after": ITEMS} if case.stage == "read back" else {})})

    def _here(self, *words: str) -> Answer:
        """The command; neither the token nor a control sequence may come out of it."""
        answer = self.desk.here(*words)
        self._look_at(answer.out, answer.err, " ".join(words[:3]))
        return answer

    def _look_at(self, out: str, err: str, what: str) -> None:
        if self.token in out + err:
            self.found.untrue.append(f"{what} shows the token")
        if any(sign in out + err for sign in ("\x1b", "\u202e")):
            self.found.untrue.append(f"{what} lets a control sequence through: {(out + err)[-300:]!r}")

    def _kill(self, words: tuple[str, ...]) -> str | None:
        """Kill the command without a warning when it has written twice; the id of its run, if it has one."""
        self.desk.switch(latency=0.03)
        process = self.desk.start(*words)
        until(lambda: self.desk.writes() >= 2 or process.poll() is not None, seconds=30)
        process.kill()
        answer = self.desk.wait(process)
        self.desk.switch(latency=0.0)
        if "Traceback" in answer.err:
            self.found.crashed.append(f"before the kill: {answer.err[-1500:]}")
        runs = _account(self._here("runs", "list", "--json"))
        named = runs["runs"] if runs is not None else []
        return str(named[0]["id"] if "id" in named[0] else named[0]["run"]["id"]) if named else None

    def _check(self, answer: Answer, when: str) -> dict[str, str]:
        """Hold one account against the server's rows. Returns the outcomes by id."""
        verb, found = self.case.verb, self.found
        early = self.case.stage in ("search", "names", "all")
        # A filter that the server refuses is a bad filter, and a name that it does not show is an unknown name.
        settled = SETTLED | ({2, 10} if early else set())
        if "Traceback" in answer.err or answer.code not in settled:
            found.crashed.append(f"{when}: exit {answer.code}: {answer.err[-1500:]}")
        now = rows(self.desk, self.ids)
        twice = {one: row["messages"] for one, row in now.items() if row["messages"] > 1}
        if twice:
            found.doubled.append(f"{when}: {twice}")
        strayed = [one for one, row in self._others().items() if row != self.others[one]]
        if strayed:
            found.untrue.append(f"{when}: changed, and not selected: {strayed}")
        account = _account(answer)
        if account is None:
            found.untrue.append(f"{when}: nothing on standard output (exit {answer.code}: {answer.err[-300:]})")
            return {}
        if account.get("run") is None:
            return {}
        exported = self._here("runs", "export", account["run"]["id"], "--format", "jsonl")
        outcomes = {str(line["id"]): str(line["outcome"]) for line in map(json.loads, exported.out.splitlines())}
        counts = {name: number for name, number in account["counts"].items() if number and name != "selected"}
        listed: dict[str, int] = {}
        for outcome in outcomes.values():
            listed[outcome] = listed.get(outcome, 0) + 1
        if counts != listed:
            found.untrue.append(f"{when}: counted {counts}, listed {listed}")
        good = set(listed) <= {"done", "unchanged", "drifted"} and set(self.ids) <= set(outcomes)
        if answer.code == 0 and not good:
            found.untrue.append(f"{when}: exit 0 with {listed} of {len(self.ids)}")
        if bool(account["ok"]) != (answer.code == 0):
            found.untrue.append(f"{when}: ok is {account['ok']} and the exit code {answer.code}")
        false = []
        for one in self.ids:
            outcome = outcomes.get(one, "pending")
            if self.target is None:
                stands, clean = verb.stands(now[one]), verb.untouched(now[one], self.before[one])
            else:
                stands, clean = same(now[one], self.target[one]), same(now[one], self.before[one])
            if outcome in ("done", "unchanged") and not stands:
                false.append(f"{when}: {one} is {outcome}, and the server shows {now[one]}")
            if outcome in ("failed", "pending", "drifted") and not clean:
                found.untrue.append(f"{when}: {one} is {outcome}, and the server shows {now[one]}, before {self.before[one]}")
        if false and not self._admitted(account, answer.code, len(false)):
            found.untrue.extend(false)
        return outcomes

    def _admitted(self, account: dict[str, Any], code: int, number: int) -> bool:
        """Whether the account says itself that so many of its done items do not stand.

        Only where the server itself said that they do: then nothing but the verification can know better. Of an updater
        that declares no `is_done`, it can only say that nothing tells.
        """
        verified = account.get("verified") or {}
        if not self.case.lies:
            return False
        if code != 0 and (verified.get("remaining") or 0) >= number:
            return True
        return self.case.verb.command[0] == "run" and bool(verified.get("note") or verified.get("undecided"))


def _account(answer: Answer) -> dict[str, Any] | None:
    """The object on standard output; None where there is nothing."""
    return answer.json if answer.out.strip() else None
