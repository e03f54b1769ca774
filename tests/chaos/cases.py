"""What is tried: verbs, faults, the stage of a run in which the fault happens, and how often it does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MESSAGE = "We are back. Sorry for the wait!"
TEAM, TAG, MARK = "5002", "7004", "7012"
"""The team to assign, the tag to set, and the tag that marks the selection of a search."""

UPDATERS = f'''
import requests
from intercom_bulk_updater import IntercomBulkUpdater

class Base(IntercomBulkUpdater):
    def get_search_endpoint(self):
        return "conversations/search"
    def get_search_query(self, **_):
        return {{"field": "tag_ids", "operator": "=", "value": "{MARK}"}}
    def get_item_id(self, item):
        return item["id"]
    def send(self, path, body):
        answer = requests.post(f"{{self.base_url}}/{{path}}", headers=self.headers, json=body, timeout=0.6)
        answer.raise_for_status()
        return answer.json()
    def message(self, kind):
        return {{"message_type": kind, "type": "admin", "admin_id": self.admin_id, "body": "{MESSAGE}"}}
    def closing(self):
        return {{"message_type": "close", "type": "admin", "admin_id": self.admin_id}}

class OwnNote(Base):
    """A note, by requests."""
    def perform_action(self, item_id, **_):
        return self.send(f"conversations/{{item_id}}/reply", self.message("note"))

class ClientNote(Base):
    """A note, by the client of the updater."""
    def perform_action(self, item_id, **_):
        return self.client.post(f"conversations/{{item_id}}/reply", self.message("note"))

class OwnNoteThenClose(Base):
    """Two requests for an item, by requests."""
    def perform_action(self, item_id, **_):
        self.send(f"conversations/{{item_id}}/reply", self.message("note"))
        return self.send(f"conversations/{{item_id}}/parts", self.closing())

class ClientNoteThenClose(Base):
    """Two requests for an item, by the client."""
    def perform_action(self, item_id, **_):
        self.client.post(f"conversations/{{item_id}}/reply", self.message("note"))
        return self.client.post(f"conversations/{{item_id}}/parts", self.closing())

class SilentClose(Base):
    """Swallows what happens, and returns nothing: the script that people write first."""
    def perform_action(self, item_id, **_):
        try:
            requests.post(f"{{self.base_url}}/conversations/{{item_id}}/parts", headers=self.headers, json=self.closing(), timeout=0.6)
        except requests.RequestException as exc:
            print("oops", type(exc).__name__)
'''


def same(row: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two rows of a conversation agree in all that the verbs change, but for messages."""
    return all(row[k] == other[k] for k in ("state", "team", "title")) and set(row["tags"]) == set(other["tags"])


@dataclass(frozen=True)
class Verb:
    """One thing that is done to conversations, and how the server shows that it was."""

    name: str
    command: tuple[str, ...]
    message: bool = False
    """It leaves MESSAGE in the thread."""
    state: str = ""
    team: str = ""
    tagged: bool | None = None
    title: str = ""
    undoable: bool = False
    start: str = "open"
    """The state of the conversations that it is tried on."""

    def stands(self, row: dict[str, Any]) -> bool:
        """Whether the server's row (with `messages`) shows the whole effect."""
        return (
            (not self.message or row["messages"] > 0)
            and (not self.state or row["state"] == self.state)
            and (not self.team or str(row["team"]) == self.team)
            and (self.tagged is None or (TAG in row["tags"]) is self.tagged)
            and (not self.title or row["title"] == self.title)
        )

    def untouched(self, row: dict[str, Any], before: dict[str, Any]) -> bool:
        """Whether the server's row shows nothing of it."""
        return row["messages"] == 0 and same(row, before)


def _verb(name: str, *more: str, **truth: Any) -> Verb:
    return Verb(name, ("conversations", name, *more), **truth)


VERBS = (
    _verb("close", state="closed", undoable=True),
    Verb("close with a message", ("conversations", "close", "--body", MESSAGE), message=True, state="closed"),
    _verb("open", state="open", start="closed", undoable=True),
    _verb("snooze", "--until", "+3d", state="snoozed", undoable=True),
    _verb("assign", "--to-team", TEAM, team=TEAM, undoable=True),
    _verb("tag", "--tag", TAG, tagged=True, undoable=True),
    _verb("untag", "--tag", TAG, tagged=False, undoable=True),
    _verb("set", "title=Looked at", title="Looked at", undoable=True),
    _verb("note", "--body", MESSAGE, message=True),
    _verb("reply", "--body", MESSAGE, message=True),
    *(
        Verb(name, ("run", f"mine.py:{name}"), message="Note" in name, state="closed" if "Close" in name else "")
        for name in ("OwnNote", "ClientNote", "OwnNoteThenClose", "ClientNoteThenClose", "SilentClose")
    ),
)

FAULTS: dict[str, dict[str, Any]] = {
    "400": {"kind": "status", "status": 400},
    "403": {"kind": "status", "status": 403},
    "404": {"kind": "status", "status": 404},
    "409": {"kind": "status", "status": 409},
    "422": {"kind": "status", "status": 422},
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502},
    "503": {"kind": "status", "status": 503},
    "504, not done": {"kind": "status", "status": 504},
    "429 of the window": {"kind": "limit"},
    "429 overload": {"kind": "overload"},
    "connection cut, not done": {"kind": "drop_before"},
    "connection cut, done": {"kind": "drop_after"},
    "half an answer, done": {"kind": "truncated"},
    "later than the timeout, done": {"kind": "slow", "seconds": 0.9},
    "done later than the timeout": {"kind": "slow", "seconds": 0.9, "commit": "after"},
    "HTML, not done": {"kind": "html200"},
    "HTML, done": {"kind": "html200", "commit": "before"},
    "HTML 502, done": {"kind": "html502", "commit": "before"},
    "empty, not done": {"kind": "empty200"},
    "empty, done": {"kind": "empty200", "commit": "before"},
    "no JSON, done": {"kind": "garbage", "commit": "before"},
    "done, then 500": {"kind": "error_after", "status": 500},
    "done, then 504": {"kind": "error_after", "status": 504},
}

STAGES: dict[str, dict[str, Any]] = {
    "search": {"method": "POST", "path": "/search$"},
    "look": {"method": "GET", "path": r"^/conversations/\d+$"},
    "write": {"path": r"^/conversations/\d+(/|$)", "method": "(POST|PUT|DELETE)"},
    "read back": {"method": "GET", "path": r"^/conversations/\d+$"},
    "apply": {"path": r"^/conversations/\d+(/|$)"},
    "undo": {"path": r"^/conversations/\d+(/|$)"},
}
HOW_OFTEN: dict[str, dict[str, Any]] = {"twice": {"count": 2}, "each third": {"every": 3}, "always": {}}


@dataclass(frozen=True)
class Case:
    """One cell of the table."""

    verb: Verb
    fault: str
    stage: str
    often: str
    rule: dict[str, Any] = field(hash=False, compare=False)

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.verb.name} · {self.fault} · {self.stage} · {self.often}"


def cases() -> Iterator[Case]:
    """Every case, in a fixed order."""
    for verb, fault, stage, often in itertools.product(VERBS, FAULTS, STAGES, HOW_OFTEN):
        updater = verb.command[0] == "run"
        if (stage == "undo" and not verb.undoable) or (stage == "apply" and updater):
            continue
        if stage in ("search", "look", "read back", "apply", "undo") and often == "each third":
            continue  # twice and always say the same there
        yield Case(verb, fault, stage, often, {**FAULTS[fault], **STAGES[stage], **HOW_OFTEN[often]})
