"""Every case that decide.py can meet, and the page of the docs that shows what it says of each.

The cases are walked from the start of an item on: whatever is known, with whatever can be observed then. A row of the page
stands for all cases that agree in what it names; a case that no row explains stops the generator.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from intercom_bulk_updater.api.retry import ErrorKind
from intercom_bulk_updater.engine.decide import (
    Decision,
    EndedWithoutProof,
    Failed,
    Known,
    LookFailed,
    Observed,
    Seen,
    Skipped,
    Step,
    decide,
    next_step,
)
from intercom_bulk_updater.model import Outcome

NOW, RETRIES = 100.0, 1
TRANSIENT = (ErrorKind.NOT_APPLIED, ErrorKind.MAYBE_APPLIED, ErrorKind.MAYBE_RUNNING)


def retry_after(failed: int) -> float | None:
    """One repetition."""
    return 1.0 if failed <= RETRIES else None


def decide_case(known: Known, observed: Observed, now: float = NOW) -> Decision:
    """What decide.py says of a case."""
    return decide(known, observed, now=now, retry_after=retry_after)


def observations(stage: Step) -> Iterator[Observed]:
    """Everything that can be observed while an item is performed, or looked at."""
    if stage is Step.LOOK:
        yield from (Seen(True, words="POST a", was_otherwise=before) for before in (True, False))
        yield from (Seen(stands, also_stands=also) for stands, also in itertools.product((False, None), ("", "POST b")))
        yield from (Seen(None, also_stands=also, hidden=True) for also in ("", "POST b"))
        yield from (Seen(True, True, unfinished, "POST a") for unfinished in (True, False))
        for (final, excused), also in itertools.product(((True, False), (False, False), (False, True)), ("", "POST b")):
            yield LookFailed("500", final, excused, also)
        return
    for kind in TRANSIENT:
        for repeatable, read_only, via_client in itertools.product((True, False), repeat=3):
            for stands, excused in (("", False), ("POST b", False), ("", True)):
                yield Failed(kind, 0.0, 3.0, repeatable, read_only, False, stands, via_client, excused)
    for so, again, stands in itertools.product((True, False), (True, False), ("", "POST b")):
        yield Failed(ErrorKind.PERMANENT, repeatable=again, may_be_so=so, stands=stands)
    yield from (EndedWithoutProof("POST a had left", 1.0, returned) for returned in (True, False))
    yield from (Skipped("why", wrote) for wrote in ("", "POST a"))


def reachable() -> list[tuple[Known, Step]]:
    """Every state that any sequence of observations leads to; times are folded to those that are past and those to come."""
    doubts = itertools.product((True, False), (True, False), (NOW - 1, NOW + 1))
    starts = [Known()]
    for slow, again, until in doubts:
        starts.append(Known.from_journal(maybe_running=slow, repeatable=again, settle_until=until))
    todo = [(known, next_step(known)) for known in starts]
    found = dict.fromkeys(todo)
    while todo:
        known, stage = todo.pop()
        for observed in observations(stage):
            decision = decide_case(known, observed)
            if decision.step is Step.SETTLE:
                continue
            for passed in (False, True):
                after = _fold(decision.known, passed)
                state = after, Step.PERFORM if decision.step is Step.PERFORM else next_step(after)
                if state not in found:
                    found[state] = None
                    todo.append(state)
    return list(found)


def _fold(known: Known, passed: bool) -> Known:
    """One of a few states for the many that differ only in a count or a time."""
    until = NOW - 1 if passed or known.settle_until <= NOW else NOW + 1
    spent = min(known.requests - known.excused, RETRIES + 1)
    return replace(
        known, requests=spent, excused=0, settle_until=until if known.maybe_applied else 0.0,
        polls=min(known.polls, 1), read_errors=min(known.read_errors, RETRIES),
    )  # fmt: skip


# -- in words -------------------------------------------------------------------------------------------------------------

Facts = Mapping[str, str]
_KINDS = {
    ErrorKind.PERMANENT: "refused for good (a 4xx)",
    ErrorKind.NOT_APPLIED: "not carried out (Intercom says so)",
    ErrorKind.MAYBE_APPLIED: "answer lost, 5xx, or not understood",
    ErrorKind.MAYBE_RUNNING: "timed out (408 and 504 too)",
}
_DOUBT, _LEFT, _AGAIN = "an earlier request may stand", "retries left", "it may be repeated"
_STANDS = "other requests of the action stand"


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the page: a kind of observation, and what is told apart in it."""

    title: str
    about: str
    of: type
    facts: Sequence[str]


SECTIONS = (
    Section(
        "A request of the action failed",
        "What never reached Intercom (no connection) and what the rate limit turned away go back to the gate before any of "
        "this: they cost the item nothing. What a firewall, a proxy or another server answered in Intercom's stead costs nothing "
        "either: the item is looked at before it is sent again, and a few in a row end the run. A token that is rejected ends it "
        "at once. With no retries left, or after a refusal, nothing more is sent: the look decides.",
        Failed, ("observed", "Intercom is away", _DOUBT, "a look may tell otherwise", _STANDS, _LEFT),
    ),
    Section(
        "The item was read, to see whether the effect is there",
        "An effect may be late: until the time for that is over (1 to 60 seconds, by the kind of failure), not seen is not "
        "absent. A request that timed out may be carried out at any time.",
        Seen, (
            "seen", "in question", "time for a late effect over", "may still be under way", _AGAIN, "nothing more is sent",
            "how the action ended", "sent by our client", _STANDS, "it was otherwise before",
        ),
    ),
    Section(
        "The read itself failed",
        "That says nothing about what was written.",
        LookFailed, ("observed", _DOUBT, "retries of the read left", _STANDS),
    ),
    Section(
        "The action ended by itself",
        "A person's own updater may leave the item (`Skip`), or end after a request whose fate nobody saw.",
        Skipped, ("observed", _DOUBT),
    ),
)  # fmt: skip


def facts_of(known: Known, observed: Observed) -> Facts:
    """What is told apart of a case, in words."""
    doubt = {_DOUBT: _yes(known.maybe_applied)}
    match observed:
        case Failed():
            kind = "a read before the write failed" if observed.read_only else _KINDS[observed.kind]
            lost = observed.kind in (ErrorKind.MAYBE_APPLIED, ErrorKind.MAYBE_RUNNING) and not observed.read_only
            left = retry_after(known.requests - known.excused + 1) is not None
            return {
                "observed": kind, "Intercom is away": _yes(observed.excused), **doubt, _STANDS: _yes(bool(observed.stands)),
                "a look may tell otherwise": _yes(observed.may_be_so), _LEFT: _yes(left), "lost": _yes(lost),
            }  # fmt: skip
        case Seen():
            seen = {None: "it cannot be told", False: "not there"}.get(observed.stands, "all of it is there")
            if observed.hidden:
                seen = "the item is there, and no look ever shows the effect"
            if observed.one_request:
                seen = "one request of several is there" if observed.unfinished else "its last request is there"
            end = "answer or error" if not known.unproven else "no proof, at its end" if known.returned else "no proof, broken off"
            return {
                "seen": seen, "in question": "a request" if known.maybe_applied else "only a refusal",
                "time for a late effect over": _yes(known.settle_until <= NOW), "may still be under way": _yes(known.maybe_running),
                _AGAIN: _yes(known.repeatable), "nothing more is sent": _yes(known.out_of_retries), "how the action ended": end,
                "sent by our client": _yes(known.via_client), _STANDS: _yes(bool(observed.also_stands)),
                "it was otherwise before": _yes(observed.was_otherwise),
            }  # fmt: skip
        case LookFailed():
            final = "it is gone (404, 410), or refused as the write was"
            what = "Intercom is away" if observed.excused else final if observed.final else "an error"
            again = _yes(retry_after(known.read_errors + 1) is not None)
            return {"observed": what, **doubt, "retries of the read left": again, _STANDS: _yes(bool(observed.also_stands))}
        case Skipped():
            return {"observed": "it skipped the item, after a write" if observed.wrote else "it skipped the item", **doubt}
        case EndedWithoutProof():
            return {"observed": "it ended, and nothing tells what became of its requests", **doubt}


def words_of(decision: Decision) -> str:
    """What is done, in words."""
    if decision.step is Step.SETTLE:
        assert decision.outcome is not None  # noqa: S101 - a settled item has its outcome
        return {Outcome.DONE: "**done**, read back"}.get(decision.outcome, f"**{decision.outcome.value.replace('_', ' ')}**")
    if decision.step is Step.PERFORM:
        return "run the action again; what was found is not sent again" if decision.remember else "send it again"
    if next_step(decision.known) is Step.PERFORM:
        return "wait, then send it again"
    return "wait, then look"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


Row = tuple[dict[str, str], str]


def rows_of(section: Section) -> list[Row]:
    """The rows of one table: the fewest facts that decide, and what is done. Raises ValueError for a case they do not explain."""
    cases: dict[tuple[str, ...], tuple[Facts, str]] = {}
    for known, stage in reachable():
        for observed in observations(stage):
            if isinstance(observed, section.of) or (section.of is Skipped and isinstance(observed, EndedWithoutProof)):
                facts, done = facts_of(known, observed), words_of(decide_case(known, observed))
                key = tuple(facts[name] for name in section.facts)
                if cases.setdefault(key, (facts, done))[1] != done:
                    raise ValueError(f"{section.title}: {facts} leads to both {cases[key][1]!r} and {done!r}")
    return list(_split(list(cases.values()), section.facts))


def _split(cases: Sequence[tuple[Facts, str]], names: Sequence[str]) -> Iterator[Row]:
    """Tell cases apart by as few facts as possible: first by the one whose values leave the fewest different decisions."""
    if len({done for _, done in cases}) == 1:
        yield {}, cases[0][1]
        return
    name = names[0] if names[0] in ("observed", "seen") else min(names, key=lambda one: _disorder(cases, one))
    rest = [one for one in names if one != name]
    below: dict[str, list[Row]] = {}
    for value in dict.fromkeys(facts[name] for facts, _ in cases):
        below[value] = list(_split([case for case in cases if case[0][name] == value], rest))
    for value, rows in below.items():
        alike = [other for other, same in below.items() if same == rows]
        if value == alike[0]:  # values that lead to the same rows share them
            yield from (({name: "; ".join(alike), **told}, done) for told, done in rows)


def _disorder(cases: Sequence[tuple[Facts, str]], name: str) -> float:
    groups: dict[str, list[str]] = {}
    for facts, done in cases:
        groups.setdefault(facts[name], []).append(done)
    mixed = sum(len(group) * (len(set(group)) - 1) for group in groups.values())
    return mixed if len(groups) > 1 else float("inf")


def page() -> str:
    """docs/reference/decisions.md."""
    parts = [_HEAD]
    for section in SECTIONS:
        rows = rows_of(section)
        names = [name for name in section.facts if any(name in told for told, _ in rows)]
        parts.append(f"## {section.title}\n\n{section.about}\n")
        parts.append(f"| {' | '.join(names)} | what is done |\n|{'---|' * (len(names) + 1)}")
        parts += [f"| {' | '.join(told.get(name, '') for name in names)} | {done} |" for told, done in rows]
        parts.append("")
    return "\n".join(parts)


_HEAD = """# What is done after each observation

Generated from `engine/decide.py` by `make docs`: every case that an item can come to. Each table is about one kind of
observation; a row says what is known besides, and what is done. An empty cell means that it makes no difference.

The rule behind the rows is in [delivery](../explanation/delivery.md): *done* only on evidence, *failed* only when it is
certain that nothing of it stands, *in doubt* otherwise. To read them: find in `runs export` or in the report what happened
to the item, go to the table, then to the row. *Look* means a GET of the item; it is counted as `read` among the requests.
When an item *may be repeated*, sending its request twice ends in the same state (a close); a message may not.

A batch, several items with one request, comes to these tables item by item: what its answer says of an item is that item's
observation, a lost answer is one of each, and a batch that is refused as a whole is first done one by one.
"""
