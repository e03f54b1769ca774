"""What a run meets on its way, ordered at the sandbox: each case is a row, and the server's books have the last word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater import errors

from .network import MemorySandbox

WHERE = "team = Support and state = open"
CLOSE, NOTE = "conversations.close", "conversations.note"


@dataclass(frozen=True)
class Case:
    """Faults and switches, what is run, and what becomes of it."""

    faults: tuple[dict[str, Any], ...] = ()
    switches: dict[str, Any] = field(default_factory=dict)
    verb: str = CLOSE
    given: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    raises: type[BaseException] | None = None
    writes: int | None = None
    """Writes that the server carried out; None: one for each item that is done."""
    then: Callable[[bulk.Run], object] | None = None


def fault(kind: str, **rule: Any) -> tuple[dict[str, Any], ...]:
    """One order."""
    return ({"kind": kind, **rule},)


TAGGED: dict[str, Any] = {"where": "role = user", "tag": ["all"], "create_tag": True}
DONE = {"selected": 6, "done": 6}
CASES: dict[str, Case] = {
    "nothing": Case(counts=DONE),
    "one failure is tried again": Case(fault("status", status=500, on="write", count=1), counts=DONE),
    "a refusal is of its item": Case(fault("status", status=422, on="write", count=1), counts={"selected": 6, "done": 5, "failed": 1}),
    "gone": Case(fault("status", status=404, code="not_found", on="write", count=1), counts={"selected": 6, "done": 5, "failed": 1}),
    "a conflict": Case(fault("status", status=409, on="write", count=1), counts={"selected": 6, "done": 5, "failed": 1}),
    "the window is full": Case(fault("limit", on="write", count=2), counts=DONE),
    "the resource is overloaded": Case(fault("overload", on="write", count=2), counts=DONE),
    "a lost answer is looked for": Case(fault("drop_after", on="write", count=2), counts=DONE, writes=6),
    "a lost answer to a note": Case(
        fault("drop_after", on="write", count=2), verb=NOTE, given={"body": "Seen."}, counts=DONE, writes=6
    ),
    "a lost request": Case(fault("drop_before", on="write", count=2), counts=DONE, writes=6),
    "a lost request of a note": Case(fault("drop_before", on="write", count=2), verb=NOTE, given={"body": "Seen."}, counts=DONE, writes=6),
    "a late answer": Case(fault("slow", seconds=40, on="write", count=1), counts=DONE, writes=6),
    "a late effect": Case(fault("slow", seconds=40, commit="after", on="write", count=1), counts=DONE),
    "a late effect of a note": Case(
        fault("slow", seconds=40, commit="after", on="write", count=1), verb=NOTE, given={"body": "Seen."}, counts=DONE, writes=6
    ),
    **{
        f"a note that is done late, after {kind}": Case(
            fault(kind, commit="after", seconds=20, on="write", count=2), verb=NOTE, given={"body": "Seen."}, counts=DONE, writes=6
        )
        for kind in ("drop_before", "html502", "html200", "empty200", "garbage")
    },
    "an answer that is cut off": Case(fault("truncated", on="write", count=1), counts=DONE, writes=6),
    "an answer that is no JSON": Case(fault("garbage", on="write", count=1, commit="before"), counts=DONE, writes=6),
    "an empty answer": Case(fault("empty200", on="write", count=1), counts=DONE, writes=6),
    "a page of HTML": Case(fault("html502", on="write", count=1), counts=DONE, writes=6),
    "a 504 after the effect": Case(fault("error_after", status=504, on="write", count=1), counts=DONE, writes=6),
    "a write that is rolled back": Case(
        fault("rolled_back", on="write", count=1), raises=errors.VerificationFailed, counts=DONE, writes=5, options={"verify": "all"}
    ),
    "a write that is ignored": Case(fault("ignored", on="write", count=1), counts=DONE),
    "looks that fail": Case(fault("status", status=500, on="look", count=3), given={}, counts=DONE, options={"verify": "all"}),
    "looks that are refused": Case(fault("status", status=422, on="look"), counts=DONE, raises=errors.NotVerified),
    "looks of another shape": Case(fault("wrong", value=[], on="look"), counts=DONE, raises=errors.NotVerified),
    "half of the fields": Case(fault("fields", drop=["state"], on="look"), counts=DONE),
    "an outage in between": Case(fault("outage", on="write", after=2, lasts=90), counts=DONE, writes=6),
    "an outage that lasts": Case(
        fault("outage", on="write", after=2), raises=errors.ServiceUnavailable, options={"patience": 60}, counts={"selected": 6, "done": 2},
    ),
    "a port that is closed": Case(fault("outage", how="refused", on="write", after=2, lasts=60), counts=DONE, writes=6),
    "the token is taken away": Case(
        fault("status", status=401, on="write", after=2), raises=errors.AuthenticationError, counts={"selected": 6, "done": 2}
    ),
    "a permission is missing": Case(fault("status", status=403, on="write"), raises=errors.PermissionDenied, counts={"done": 0}),
    "all fail alike": Case(
        fault("status", status=422, on="write"), given={"where": "state = open"}, options={"limit": 25}, raises=errors.SafetyStop,
        counts={"done": 0},
    ),
    "too many fail": Case(
        fault("status", status=422, on="write", every=2), options={"max_failures": 1}, raises=errors.SafetyStop
    ),
    "the search fails": Case(fault("status", status=500, on="search", count=2), counts=DONE),
    "the search is refused": Case(fault("status", status=422, on="search"), raises=errors.FilterRefused),
    "the search lists nothing": Case(fault("empty_page", on="search"), raises=errors.SearchError, options={"limit": None}),
    "the search ends early": Case(fault("announced", on="search"), raises=errors.SearchIncomplete, options={"limit": None}),
    "the search ignores its filter": Case(fault("unfiltered", on="search"), raises=errors.FilterIgnored, options={"limit": None}),
    **{
        f"entries spoilt: {entry}": Case(fault("malformed", entry=entry, nth=4, on="search"), options={"limit": None, "verify": "none"})
        for entry in ("no_id", "id_null", "id_list", "text")
    },
    "a look-up of names fails": Case(fault("status", status=500, on="names", count=1), counts=DONE),
    "a small window": Case(switches={"limit": 8}, counts=DONE),
    "an index that is behind": Case(switches={"index_lag": 20.0}, options={"limit": None, "verify": "all"}),
    "an index that stays behind": Case(switches={"index_lag": 900.0}, options={"limit": None, "verify": "all"}),
    "items that are hidden at first": Case(switches={"hide_share": 0.4}, options={"limit": None}),
    "cursors that repeat": Case(
        switches={"cursor": "repeat", "repeat_after": 1}, options={"limit": None, "workers": 2}
    ),
    "a search without fields": Case(switches={"search_lacks": ["state", "open"]}, options={"limit": None, "verify": "all"}),
    "writes answer with little": Case(switches={"write_answers": "minimal"}, counts=DONE),
    "writes answer with the old state": Case(switches={"write_answers": "stale"}, counts=DONE),
    "a limit of size": Case(options={"max": 3, "limit": None}, raises=errors.SafetyStop, writes=0),
    "a share of all": Case(options={"max": "1%", "limit": None}, raises=errors.SafetyStop, writes=0),
    "another number is expected": Case(options={"expect": 3, "limit": None}, raises=errors.SafetyStop, writes=0),
    "that number is expected": Case(options={"expect": "6±20%"}, counts=DONE),
    "a canary": Case(options={"canary": 2}, counts=DONE),
    "a canary that fails": Case(
        fault("status", status=422, on="write", count=1), options={"canary": 2}, raises=errors.SafetyStop, counts={"done": 1, "failed": 1}
    ),
    "a canary that is ignored": Case(
        fault("rolled_back", on="write", count=1), options={"canary": "30%"}, raises=errors.SafetyStop, writes=1
    ),
    "a canary that nobody can read": Case(
        fault("status", status=422, on="look"), options={"canary": 2}, raises=errors.SafetyStop, writes=2
    ),
    "a deadline": Case(fault("slow", seconds=20, on="write"), options={"deadline": 30}, raises=errors.DeadlineReached),
    "a slow rate": Case(options={"rate": "60/min"}, counts=DONE),
    "a share": Case(options={"share": "10%"}, switches={"limit": 60}, counts=DONE),
    "a timetable": Case(options={"share": "00:00-12:00=50%, else 40%", "rate": "00:00-12:00=600/min, else 1200/min"}, counts=DONE),
    "in batches": Case(verb="contacts.tag", given=TAGGED, options={"batch": 3}, counts=DONE),
    "a batch that is refused": Case(
        fault("status", status=422, path="/tags$", method="POST", after=1, count=1), verb="contacts.tag",
        given=TAGGED, options={"batch": 3}, counts=DONE,
    ),
    "a batch whose answer is lost": Case(
        fault("drop_after", path="/tags$", method="POST", after=1, count=1), verb="contacts.tag",
        given=TAGGED, options={"batch": 3}, counts=DONE,
    ),
    "a batch in an outage": Case(
        fault("outage", path="/tags$", method="POST", after=1, lasts=30), verb="contacts.tag",
        given=TAGGED, options={"batch": 3}, counts=DONE,
    ),
    "a backup": Case(verb="conversations.delete", given={"irreversible": True}, options={"backup": "kept.jsonl"}, counts=DONE),
    "a backup whose look fails": Case(
        fault("status", status=500, on="look", count=2), verb="conversations.delete", given={"irreversible": True}, counts=DONE
    ),
    "a message without consent": Case(verb="conversations.reply", given={"body": "Hello."}, raises=errors.SafetyStop, writes=0),
    "a message to each": Case(
        verb="conversations.reply", given={"body": "Hello.", "customer_visible": True}, counts=DONE, writes=6,
        then=lambda run: bulk.run("conversations.reply", WHERE, body="Hello.", customer_visible=True, limit=6, workers=1),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_case(box: MemorySandbox, name: str) -> None:
    """It ends as the row says, no write stands twice, and what is not done is not called done."""
    case = CASES[name]
    box.control(**case.switches)
    for order in case.faults:
        box.fault(**order)
    given = {"where": WHERE, **case.given}
    options = {"limit": 6, "workers": 1, **case.options}
    try:
        run = bulk.run(case.verb, **given, **options)
        ended: BaseException | None = None
    except errors.IntercomBulkError as exc:
        ended, run = exc, getattr(exc, "run", None)
    assert type(ended) is case.raises if case.raises else ended is None, repr(ended)
    if run is not None:
        counts = run.counts.as_json()
        assert {key: counts[key] for key in case.counts} == case.counts, run.report()
        if case.then is not None:
            case.then(run)
    if case.verb == NOTE:  # a close that is done late is done twice, to the same end
        box.pass_time(120)
    kinds = box.audit("conversations")["kinds"].values()
    if case.writes is not None or case.verb.startswith("conversations"):
        written = sum(kind["writes"] for kind in kinds)
        assert written == (case.counts.get("done", written) if case.writes is None else case.writes)
    assert not any(kind["twice"] for kind in kinds)
