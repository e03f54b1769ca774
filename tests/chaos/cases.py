"""The cases: verbs x faults x the stage of a run in which the fault happens x how often it does; and answers mutated at random."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chaos.verbs import Verb, verbs

CLIENT_WAITS = 0.6
"""`--timeout` of the runs, in seconds."""

_PLAIN: dict[str, dict[str, Any]] = {
    "400": {"kind": "status", "status": 400},
    "402": {"kind": "status", "status": 402},
    "403": {"kind": "status", "status": 403},
    "403 of a firewall": {"kind": "status", "status": 403, "shape": "html"},
    "404": {"kind": "status", "status": 404},
    "408": {"kind": "status", "status": 408},
    "409": {"kind": "status", "status": 409},
    "422, errors as a mapping": {"kind": "status", "status": 422, "shape": "mapping"},
    "422, not UTF-8": {"kind": "status", "status": 422, "shape": "invalid_utf8"},
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502},
    "503": {"kind": "status", "status": 503},
    "503, Retry-After": {"kind": "status", "status": 503, "retry_after": "1"},
    "504, not done": {"kind": "status", "status": 504},
    "429 of the window": {"kind": "limit"},
    "429 overload": {"kind": "overload"},
    "429 with a date": {"kind": "status", "status": 429, "retry_after": "date"},
    "token echoed in a 400": {"kind": "echo"},
    "token echoed in a 500": {"kind": "echo", "status": 500},
    "connection cut, not done": {"kind": "drop_before"},
    "connection cut, done": {"kind": "drop_after"},
    "half an answer, done": {"kind": "truncated"},
    "later than the timeout, done": {"kind": "slow", "seconds": 0.9},
    "done later than the timeout": {"kind": "slow", "seconds": 0.9, "commit": "after"},
    "a byte now and then, done": {"kind": "drip", "seconds": 0.02},
    "HTML, not done": {"kind": "html200"},
    "HTML, done": {"kind": "html200", "commit": "before"},
    "HTML 502, done": {"kind": "html502", "commit": "before"},
    "empty, not done": {"kind": "empty200"},
    "empty, done": {"kind": "empty200", "commit": "before"},
    "no JSON, done": {"kind": "garbage", "commit": "before"},
    "a list, done": {"kind": "wrong", "value": []},
    "a list, not done": {"kind": "wrong", "value": [], "commit": "never"},
    "a string, done": {"kind": "wrong", "value": "ok"},
    "null, done": {"kind": "wrong", "value": None},
    "a number, not done": {"kind": "wrong", "value": 7, "commit": "never"},
    "an empty object, done": {"kind": "wrong", "value": {}},
    "an empty object, not done": {"kind": "wrong", "value": {}, "commit": "never"},
    "nested deep, done": {"kind": "nested"},
    "redirected, not done": {"kind": "redirect", "plausible": True},
    "redirected by 307, done": {"kind": "redirect", "status": 307, "plausible": True, "commit": "before"},
    "done, then 400": {"kind": "error_after", "status": 400},
    "done, then 500": {"kind": "error_after", "status": 500},
    "done, then 502": {"kind": "error_after", "status": 502},
    "done, then 503": {"kind": "error_after", "status": 503},
    "done, then 504": {"kind": "error_after", "status": 504},
    "id is missing": {"kind": "fields", "drop": ["id"]},
    "tags are a text": {"kind": "fields", "set": {"tags": "none"}},
    "updated_at is a text": {"kind": "fields", "set": {"updated_at": "now"}},
}
"""Faults that every stage can meet, twice, always and (writes) each third time.

A write that is done and answered with 429 is not among them: that a throttled request was not carried out is the one
promise of the service that the client builds on, for it may meet thousands of them.
"""

_FIELDS: dict[str, dict[str, dict[str, Any]]] = {
    "conversations": {
        "state is missing": {"kind": "fields", "drop": ["state"]},
        "parts are null": {"kind": "fields", "set": {"conversation_parts": None}},
        "parts are a list": {"kind": "fields", "set": {"conversation_parts": ["x"]}},
    },
    "contacts": {
        "tags say that there are more": {"kind": "fields", "set": {"tags.has_more": True}},
        "tags are null": {"kind": "fields", "set": {"tags": None}},
        "data is a mapping": {"kind": "fields", "set": {"data": {"0": {}}}},
    },
    "companies": {
        "tags are null": {"kind": "fields", "set": {"tags": None}},
        "data is a mapping": {"kind": "fields", "set": {"data": {"0": {}}}},
    },
    "tickets": {
        "ticket_state is missing": {"kind": "fields", "drop": ["ticket_state"]},
        "parts are null": {"kind": "fields", "set": {"ticket_parts": None}},
        "parts are a list": {"kind": "fields", "set": {"ticket_parts": ["x"]}},
    },
}
"""Fields of one resource that are spoilt, in the same way."""

_HEAVY: dict[str, dict[str, Any]] = {
    "without end, done": {"kind": "endless", "count": 1},
    "packed to burst, done": {"kind": "bomb", "count": 1, "size": 128 * 1024 * 1024},
    "outage": {"kind": "outage", "lasts": 0.8},
    "outage, 502, done": {"kind": "outage", "status": 502, "lasts": 0.8, "commit": "before"},
    "outage, 503, done": {"kind": "outage", "lasts": 0.8, "commit": "before", "only_matching": True},
    "outage, Retry-After": {"kind": "outage", "lasts": 0.8, "retry_after": "left"},
    "outage of 429, a date": {"kind": "outage", "lasts": 0.8, "status": 429, "retry_after": "date"},
    "outage, reset": {"kind": "outage", "lasts": 0.8, "how": "reset"},
    "outage, port closed": {"kind": "outage", "lasts": 0.8, "how": "refused"},
    "outage longer than the patience": {"kind": "outage", "only_matching": True},
}
"""Faults that say themselves how often they happen."""

_OF_WRITES: dict[str, dict[str, Any]] = {
    "200, and nothing changed": {"kind": "ignored"},
    "200, and rolled back": {"kind": "rolled_back"},
}
_OF_ITEMS: dict[str, dict[str, Any]] = {
    "403 for some items": {"kind": "status", "status": 403, "every_id": 3},
    "404 for some items": {"kind": "status", "status": 404, "every_id": 3},
    "422 for some items": {"kind": "status", "status": 422, "every_id": 3},
    "500 for some items": {"kind": "status", "status": 500, "every_id": 3},
}
_OF_SEARCHES: dict[str, dict[str, Any]] = {
    "no pages": {"kind": "no_pages"},
    "an empty page": {"kind": "empty_page"},
    "more announced": {"kind": "announced"},
    "the filter ignored": {"kind": "unfiltered"},
    **{f"entry: {entry}": {"kind": "malformed", "entry": entry, "nth": 3} for entry in (
        "null", "no_id", "id_null", "id_number", "id_list", "id_object", "id_empty", "text", "list",
    )},
    "hostile ids": {"kind": "hostile", "where": "ids", "nth": 3},
    "hostile names": {"kind": "hostile", "where": "names"},
}  # fmt: skip
_OF_NAMES: dict[str, dict[str, Any]] = {
    "hostile names": {"kind": "hostile", "where": "names"},
    "token in names": {"kind": "token"},
    "401": {"kind": "status", "status": 401},
}

STAGES: dict[str, dict[str, Any]] = {
    "search": {"on": "search"},
    "look": {"on": "look"},
    "write": {"on": "write"},
    "read back": {"on": "look"},
    "apply": {"on": "look,write"},
    "undo": {"on": "look,write"},
    "names": {"on": "names"},
    "kill": {"on": "write"},
}
"""Which requests the fault meets. In "kill" the process is killed by SIGKILL in the midst of its writes."""
HOW_OFTEN: dict[str, dict[str, Any]] = {"twice": {"count": 2}, "each third": {"every": 3}, "always": {}}
KILLED_WITH = {
    "no fault": {"kind": "slow", "seconds": 0.0},
    **{name: _PLAIN[name] for name in (
        "503", "429 overload", "connection cut, not done", "connection cut, done", "done, then 500", "nested deep, done",
        "done later than the timeout", "a list, done", "HTML, not done",
    )},
    **_OF_WRITES,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One cell of the table."""

    verb: Verb
    fault: str
    stage: str
    often: str
    rule: dict[str, Any] = field(hash=False, compare=False)
    mutate: str = ""
    """For mutations: the sandbox's settings `mutate`; `stage` is its `mutate_on`."""

    @property
    def name(self) -> str:
        """For people."""
        return " · ".join(part for part in (self.verb.name, self.fault, self.stage, self.often, self.mutate) if part)

    @property
    def lies(self) -> bool:
        """Whether the server says of a write that it is done, when it is not."""
        kind = self.rule.get("kind")
        return kind in ("rolled_back", "ignored") or (kind == "wrong" and self.rule.get("commit") == "never")


def _faults(stage: str, resource: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The faults of a stage: name, how often, rule."""
    if stage == "kill":
        yield from ((name, "", {**rule, "every": 2} if "seconds" not in rule else rule) for name, rule in KILLED_WITH.items())
        return
    often = [name for name in HOW_OFTEN if stage == "write" or name != "each third"]
    plain = {**_PLAIN, **_FIELDS[resource], **(_OF_WRITES if stage in ("write", "apply", "undo") else {})}
    yield from ((name, how, {**plain[name], **HOW_OFTEN[how]}) for name in plain for how in often)
    yield from ((name, "", rule) for name, rule in _HEAVY.items())
    own = {"search": _OF_SEARCHES, "names": _OF_NAMES}.get(stage, _OF_ITEMS)
    yield from ((name, "", rule) for name, rule in own.items())


def cases(seed: int = 7) -> list[Case]:
    """Every case, in an order that the seed decides: any part of it is spread over the whole table."""
    found = []
    for verb, stage in itertools.product(verbs(), STAGES):
        if (stage == "undo" and not verb.undoable) or (stage == "apply" and verb.own) or (stage == "search" and not verb.searchable):
            continue
        found += [Case(verb, fault, stage, often, {**rule, **STAGES[stage]}) for fault, often, rule in _faults(stage, verb.resource)]
    random.Random(seed).shuffle(found)
    return found


MUTATED = ("search", "look", "write", "names", "")
"""`mutate_on`: which answers are spoilt; "" for all."""
RATES = ("0.1", "0.3", "1")


def mutations(number: int, seed: int = 7) -> list[Case]:
    """`number` cases with answers mutated at random, each with a seed of its own."""
    table = [(verb, on, rate) for verb, on, rate in itertools.product(verbs(), MUTATED, RATES) if _can_be_judged(verb, on)]
    random.Random(seed).shuffle(table)
    return [
        Case(verb, "mutated", on or "all", "", {}, f"{seed * 1_000_000 + place},{rate}")
        for place, (verb, on, rate) in zip(range(number), itertools.cycle(table))
    ]


def _can_be_judged(verb: Verb, on: str) -> bool:
    """Whether anybody can know what is meant: a tag that a spoilt list lacks is one to be created."""
    return verb.searchable if on == "search" else not ("--create-tag" in verb.command and on in ("names", ""))
