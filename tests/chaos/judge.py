"""One case from beginning to end, and what its accounts are worth against the server's own rows."""

from __future__ import annotations

import json
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from acceptance.desk import Answer, Desk, until
from chaos.books import FEW_ITEMS, ITEMS, Image, command, images, others, parameters, prepare, reference
from chaos.cases import CLIENT_WAITS, Case
from chaos.verbs import MESSAGE

QUICK = (
    "--yes", "--json", "--timeout", str(CLIENT_WAITS), "--retries", "2", "--workers", "4", "--progress", "none", "--verify", "all",
    "--patience", "1s",
)  # fmt: skip
CONSENT = ("--customer-visible", "--irreversible")
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
    met: int = 0
    """How often the fault happened; 0: the run never came there."""

    @property
    def wrong(self) -> list[str]:
        """Everything wrong, in words."""
        return [f"{kind}: {what}" for kind in ("lost", "doubled", "untrue", "crashed") for what in getattr(self, kind)]


def judge(desk: Desk, case: Case) -> Found:
    """Run the case: under the fault, then again with the fault gone; compare what is said with what is."""
    found = Found()
    trial = _Trial(desk, case, found)
    try:
        trial.run()
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
        self.truth = reference(desk, case.verb)
        self.ids = self.truth.ids[: FEW_ITEMS if case.mutate else ITEMS]
        prepare(desk, case.verb, self.ids)
        self.before = self._now()
        assert self.before == {one: self.truth.before[one] for one in self.ids}, "the workspace is not the one of the reference"
        self.after = self.truth.after
        self.others = self._others()
        self.token = desk.env["INTERCOM_ACCESS_TOKEN"]
        self.of_another = False
        """The server had named another workspace, as which the run was written down: the resume refuses, and rightly so."""

    def _now(self) -> dict[str, Image]:
        return images(self.desk.box, self.case.verb.resource, self.ids)

    def _others(self) -> dict[tuple[str, str], Image]:
        return others(self.desk.box, self.case.verb, self.truth.ids)

    def run(self) -> None:
        """Under the fault, then with the fault gone."""
        words = self._words()
        if words is None:
            return
        self.desk.box.reset_stats()
        self._order_fault()
        answer = self._kill(words) if self.case.stage == "kill" else self._here(*words)
        if self.case.stage != "kill":
            self._check(answer, "under the fault")
        self.found.met = sum(self.desk.box.stats()["faults"].values())
        self.desk.box.clear_faults()
        self.desk.box.control(mutate="")
        run = self._run_of(answer)
        if run is None:
            answer = self._again(words)
            run = self._run_of(answer)
        left = self._go_on(run, answer) if answer.code != 0 and run is not None else self._check(answer, "in the end")
        self.found.in_doubt = sum(outcome == "in_doubt" for outcome in left.values())
        lost = self._lost(left)
        if lost and run is not None and self._misled(run):
            answer = self._here(*words)
            lost = self._lost(self._check(answer, "given again"))
        if lost and not self.of_another:
            self.found.lost.append(f"with the fault gone, resumed and retried: {lost} (exit {answer.code}: {answer.err[-300:]})")

    def _lost(self, left: dict[str, str]) -> dict[str, str]:
        return {one: left.get(one, "missing") for one in self.ids if left.get(one) not in (*self._well, "in_doubt")}

    @property
    def _well(self) -> tuple[str, ...]:
        """The outcomes of what needs nothing more. What a mutated answer shows otherwise than the search is left alone, and named."""
        return ("done", "unchanged", "drifted") if self.case.mutate else ("done", "unchanged")

    def _misled(self, run: str) -> bool:
        """Whether the server had shown the team, the company or the ticket types otherwise: the run keeps to that, as it must."""
        return bool(self.case.mutate) and parameters(self.desk, run) != self.truth.parameters

    def _go_on(self, run: str, answer: Answer) -> dict[str, str]:
        """Resume the run, retry what has failed; the outcomes by id."""
        for again in ("resume", "retry"):
            answer = self._here("runs", again, run, *QUICK)
            if "Traceback" in answer.err or answer.code == 1:
                self.found.crashed.append(f"runs {again}: {answer.code} {answer.err[-1500:]}")
            self.of_another = bool(self.case.mutate) and (_account(answer) or {}).get("error", {}).get("type") == "WrongWorkspace"
            if not answer.out.strip():
                answer = self._here("runs", "show", run, "--json")
            if answer.code == 0:
                break
        return self._check(answer, "in the end")

    def _again(self, words: tuple[str, ...]) -> Answer:
        """The same command with the fault gone, because the first one has come to no run."""
        if writes := self.desk.writes():
            self.found.untrue.append(f"no run is named, and the server counts {writes} writes")
        return self._here(*words)

    def _run_of(self, answer: Answer) -> str | None:
        """The run that an account names; of a process that was killed, the newest one."""
        if self.case.stage == "kill":
            runs = _account(self._here("runs", "list", "--json"))
            named = [run.get("run", run)["id"] for run in runs["runs"]] if runs is not None else []
            forward = 1 if self.case.stage == "undo" else 0
            return str(named[0]) if len(named) > forward else None
        account = _account(answer)
        return None if account is None or account.get("run") is None else str(account["run"]["id"])

    def _words(self) -> tuple[str, ...] | None:
        """The command that meets the fault; what comes before it is done."""
        verb, stage = self.case.verb, self.case.stage
        searched = verb.searchable and (stage in ("search", "all") or (stage == "names" and bool(self.case.mutate)))
        items = ("--where", f"id in ({', '.join(map(repr, self.ids))})") if searched else ("--ids", "ids")
        named = command(self.desk.box, verb.command)
        words = (*named, *items, *CONSENT, *QUICK)
        if stage == "undo":
            first = self._here(*words)
            if first.code != 0:
                self.found.untrue.append(f"the run without a fault ended with {first.code}: {first.err[-300:]}")
                return None
            self.before, self.after = self._now(), self.truth.undone
            return ("undo", "latest", *QUICK)
        if stage == "apply":
            if verb.prepared_by:
                time.sleep(1.1)  # tags have their time in whole seconds: one of this second may be later than the plan
            planned = self._here(*named, *items, "--plan", "plan.jsonl", "--json", "--progress", "none")
            if planned.code != 0:
                self.found.untrue.append(f"the plan without a fault ended with {planned.code}: {planned.err[-300:]}")
                return None
            return ("apply", "plan.jsonl", *CONSENT, *QUICK)
        return words

    def _order_fault(self) -> None:
        case = self.case
        if case.mutate:
            self.desk.box.control(mutate=case.mutate, mutate_on="" if case.stage == "all" else case.stage)
            return
        self.desk.box.fault(**{**case.rule, **({"after": len(self.ids)} if case.stage == "read back" else {})})

    def _here(self, *words: str) -> Answer:
        """The command; neither the token nor a control sequence may come out of it."""
        answer = self.desk.here(*words)
        said, what = answer.out + answer.err, " ".join(words[:3])
        if self.token in said:
            self.found.untrue.append(f"{what} shows the token")
        if any(sign in said for sign in ("\x1b", "\u202e")):
            self.found.untrue.append(f"{what} lets a control sequence through: {said[-300:]!r}")
        return answer

    def _kill(self, words: tuple[str, ...]) -> Answer:
        """Kill the command without a warning when it has written twice."""
        self.desk.switch(latency=0.03)
        process = self.desk.start(*words)
        until(lambda: self.desk.writes() >= 2 or process.poll() is not None, seconds=30)
        process.kill()
        answer = self.desk.wait(process)
        self.desk.switch(latency=0.0)
        if "Traceback" in answer.err:
            self.found.crashed.append(f"before the kill: {answer.err[-1500:]}")
        return answer

    def _check(self, answer: Answer, when: str) -> dict[str, str]:
        """Hold one account against the server's rows. Returns the outcomes by id."""
        found = self.found
        account = _account(answer)
        early = self.case.stage in ("search", "names", "all") or (account is not None and account.get("run") is None)
        # A filter that the server refuses is a bad filter, and a name or a company that it does not show is an unknown one.
        settled = SETTLED | ({2, 10} if early else set())
        if "Traceback" in answer.err or answer.code not in settled:
            found.crashed.append(f"{when}: exit {answer.code}: {answer.err[-1500:]}")
        now = self._now()
        self._check_messages(now, when)
        self._check_others(when)
        if account is None:
            found.untrue.append(f"{when}: nothing on standard output (exit {answer.code}: {answer.err[-300:]})")
            return {}
        if account.get("run") is None:
            return {}
        exported = self._here("runs", "export", account["run"]["id"], "--format", "jsonl")
        lines = {str(line["id"]): line for line in map(json.loads, exported.out.splitlines())}
        outcomes = {one: str(line["outcome"]) for one, line in lines.items()}
        self._check_sums(account, answer.code, outcomes, when)
        self._check_items(account, answer.code, lines, now, when)
        return outcomes

    def _check_messages(self, now: dict[str, Image], when: str) -> None:
        """No message stands more often than it should."""
        times = {one: json.dumps(now[one]).count(MESSAGE) for one in self.ids}
        most = {one: max(json.dumps(image[one]).count(MESSAGE) for image in (self.before, self.after)) for one in self.ids}
        if twice := {one: count for one, count in times.items() if count > most[one]}:
            self.found.doubled.append(f"{when}: {twice}")

    def _check_others(self, when: str) -> None:
        """What was not selected is as it was, or as the verb leaves it; nothing stands that the verb does not make."""
        allowed = (self.others, self.truth.others, self.truth.others_undone)
        now = self._others()
        known = {key for held in allowed for key in held}
        strayed = [key for key, row in now.items() if key in known and all(row != held.get(key) for held in allowed)]
        strayed += [key for key in self.others if key not in now and all(key in held for held in allowed)]
        if strayed:
            self.found.untrue.append(f"{when}: changed, and not selected: {strayed}")
        made = [key for key in now if key not in self.others]
        if len(made) > max(len(held.keys() - self.others.keys()) for held in allowed):
            self.found.doubled.append(f"{when}: made {made}")

    def _check_sums(self, account: dict[str, Any], code: int, outcomes: dict[str, str], when: str) -> None:
        """Counts, exit code and `ok` say the same as the list."""
        counts = {name: number for name, number in account["counts"].items() if number and name != "selected"}
        listed: dict[str, int] = {}
        for outcome in outcomes.values():
            listed[outcome] = listed.get(outcome, 0) + 1
        if counts != listed:
            self.found.untrue.append(f"{when}: counted {counts}, listed {listed}")
        if code == 0 and not (set(listed) <= set(self._well) and set(self.ids) <= set(outcomes)):
            self.found.untrue.append(f"{when}: exit 0 with {listed} of {len(self.ids)}")
        if bool(account["ok"]) != (code == 0):
            self.found.untrue.append(f"{when}: ok is {account['ok']} and the exit code {code}")

    def _check_items(self, account: dict[str, Any], code: int, lines: dict[str, Any], now: dict[str, Image], when: str) -> None:
        """What is done stands as a whole; of what has failed, and of what is still to do, nothing does but what its line says."""
        false = []
        for one in self.ids:
            line = lines.get(one, {})
            outcome = line.get("outcome", "pending")
            # A server that says of an item that it is not there is believed by the verb that wants it gone.
            told_gone = outcome == "unchanged" and self.case.fault == "404" and self.case.verb.name.endswith(".delete")
            if outcome in ("done", "unchanged") and now[one] != self.after[one] and not told_gone:
                false.append(f"{when}: {one} is {outcome}, and differs from what it should be in {_differences(now[one], self.after[one])}")
            if outcome in ("failed", "pending", "drifted") and now[one] != self.before[one] and not _tells(line, now[one]):
                was = _differences(now[one], self.before[one])
                self.found.untrue.append(f"{when}: {one} is {outcome}, and differs from what it was in {was}")
        if false and not self._admitted(account, code, len(false)):
            self.found.untrue.extend(false)

    def _admitted(self, account: dict[str, Any], code: int, number: int) -> bool:
        """Whether the account says itself that so many of its done items do not stand.

        Only where the server itself said that they do: then nothing but the verification can know better. Of an updater
        that declares no `is_done`, it can only say that nothing tells; nor does Intercom tell of every verb.
        """
        verified = account.get("verified") or {}
        if not self.case.lies:
            return False
        if code != 0 and (verified.get("remaining") or 0) >= number:
            return True
        return bool(verified.get("note") or verified.get("undecided"))


def _account(answer: Answer) -> dict[str, Any] | None:
    """The object on standard output; None where there is nothing."""
    return answer.json if answer.out.strip() else None


def _tells(line: dict[str, Any], now: Image) -> bool:
    """Whether the line of an item that has failed says which part of the change stands, and all that it says is so."""
    after = {key: value for key, value in (line.get("after") or {}).items() if key in now}
    return bool(line.get("change")) and bool(after) and all(_text(value) == _text(now[key]) for key, value in after.items())


def _text(value: Any) -> Any:
    """A value in the one form in which client and server are compared."""
    return sorted(map(str, value)) if isinstance(value, list) else str(value)


def _differences(row: Image, other: Image) -> dict[str, Any]:
    """The fields in which they differ: (as it is, as it should be)."""
    return {key: (row.get(key), other.get(key)) for key in row.keys() | other.keys() if row.get(key) != other.get(key)}
