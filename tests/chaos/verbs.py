"""What is tried: each declared verb as its examples use it, and updaters of a person's own. Nothing here lists the verbs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from intercom_bulk_updater.model import Reversibility
from intercom_bulk_updater.operations.operation import Operation
from intercom_bulk_updater.operations.registry import built_in
from intercom_bulk_updater.operations.resource import resources
from intercom_bulk_updater.operations.spec import Kind, Parameter, parameters_of
from intercom_sandbox.seed_schema import ADMINS, TAGS, TEAMS

MESSAGE = "We are back. Sorry for the wait!"

UPDATERS = f'''
import requests
from pathlib import Path
from intercom_bulk_updater import IntercomBulkUpdater

class Base(IntercomBulkUpdater):
    def get_search_endpoint(self):
        return "conversations/search"
    def get_search_query(self, **_):
        return {{"field": "id", "operator": "IN", "value": Path("ids").read_text().split()}}
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


@dataclass(frozen=True)
class Verb:
    """One thing that is done to items of a resource, with its parameters."""

    name: str
    resource: str
    command: tuple[str, ...]
    undoable: bool = False
    own: bool = False
    """A person's own updater: it has no plan and no undo."""
    searchable: bool = True
    """Whether a search finds what it acts on."""
    prepared_by: tuple[str, ...] = field(default=(), compare=False)
    """The command that brings items to where this one has something to do."""

    @property
    def others(self) -> set[str]:
        """The resources of which it names one more item."""
        return {word[1:] for word in self.command if word.startswith("@")}


_IDS = {
    Kind.TEAM: {name: str(key) for key, name in TEAMS},
    Kind.ADMIN: {name: str(key) for key, name, *_ in ADMINS},
    Kind.TAGS: {name: str(7_001 + place) for place, name in enumerate(TAGS)},
}
"""Ids in place of names: where the names that the server shows are spoilt, nobody can know whom a name means."""
_OF_ANOTHER = {"--into": "", "--conversation": "conversations", "--contact": "contacts", "--ticket": "tickets"}
"""Parameters that name one more item, of this resource ("": of the verb's own): the last one there is, books.py fills it in."""
_ALWAYS = {Kind.MESSAGE: MESSAGE, Kind.MOMENT: "2031-05-01T09:00:00Z"}
NOT_TRIED = {"export": "it writes nothing to Intercom", "upsert": "it acts on rows of a sheet, not on items that are there"}
"""Verbs that this judge cannot judge, and why."""
_NOT_FOUND = {"contacts.unarchive"}
"""Verbs for items that no search shows."""
_OPPOSITES = {"detach": "attach", "un": ""}
"""Verbs that have nothing to do but after another one: "untag" after "tag"."""


def verbs() -> list[Verb]:
    """Every declared verb (but NOT_TRIED), once for each set of parameters that its examples show; and the five updaters."""
    own = ("OwnNote", "ClientNote", "OwnNoteThenClose", "ClientNoteThenClose", "SilentClose")
    return [
        *(one for name, cls in built_in() if name.partition(".")[2] not in NOT_TRIED for one in _variants(name, cls)),
        *(Verb(name, "conversations", ("run", f"mine.py:{name}"), own=True) for name in own),
    ]


def _variants(name: str, cls: type[Operation]) -> Iterator[Verb]:
    resource, _, verb = name.partition(".")
    another = {flag: f"@{of or resource}" for flag, of in _OF_ANOTHER.items()}
    before = next((other + verb.removeprefix(start) for start, other in _OPPOSITES.items() if verb.startswith(start)), "")
    seen = set()
    for example in cls.examples:
        given = list(_given(shlex.split(example), {one.flag: one for one in parameters_of(cls.Parameters)}))
        label = " ".join([name, *dict.fromkeys(key for key, _ in given)])
        if label in seen or any("{{" in value for _, value in given):
            continue
        seen.add(label)
        pairs = ((key, another.get(key, value)) for key, value in given)
        words = [word for key, value in pairs for word in ([key] if key.startswith("--") else []) + ([value] if value else [])]
        yield Verb(
            label, resource, (resource, verb, *words),
            undoable=cls.reversibility in (Reversibility.REVERSIBLE, Reversibility.FIELDS),
            searchable=bool(resources()[resource].search) and name not in _NOT_FOUND,
            prepared_by=(resource, before, *words) if before else (),
        )  # fmt: skip


def _given(words: list[str], flags: dict[str, Parameter]) -> Iterator[tuple[str, str]]:
    """The verb's own parameters among the words of an example: (flag, value), or (key, key=value)."""
    while words:
        word = words.pop(0)
        if word not in flags:
            if not word.startswith("-") and "=" in word:
                yield word.partition("=")[0], word
            elif words and not words[0].startswith("-"):
                words.pop(0)  # the value of a flag that all verbs have
            continue
        kind = flags[word].kind
        if kind is Kind.FLAG:
            yield word, ""
        else:
            value = words.pop(0)
            yield word, _ALWAYS.get(kind, _IDS.get(kind, {}).get(value, value))
