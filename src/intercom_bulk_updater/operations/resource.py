"""What verbs act on: conversations, contacts, companies, tickets. Each is declared in `operations/<resource>/resource.py`.

Modules that serve every resource (engine, runs, reports, screens, the command) ask these declarations and name none of them.
Importing one loads nothing of the API, so that the help of the command may read them all.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, Protocol
from urllib.parse import quote

from ..model import Item
from ..parsing.printable import printable_name

Json = Mapping[str, Any]
_HOSTS = {"us": "app.intercom.com", "eu": "app.eu.intercom.com", "au": "app.au.intercom.com"}
_MARKUP = re.compile(r"<[^>]{0,2000}>")
Format = Literal["text", "subject", "number", "ago", "assignee"]


class History(Protocol):
    """What tells who wrote to an item, and when. A module `history.py` of a resource is one."""

    def mark(self, payload: Json) -> dict[str, Any]:
        """When the item was last changed, as far as the payload tells: compared later, to see who touched it since."""

    def our_mark(self, payload: Json, admin_id: str, since: float) -> dict[str, Any]:
        """The mark of our own last write, in a payload that others may have written to since; with "part" where it is found."""

    def touched_since(self, payload: Json, item: Item) -> str:
        """Who touched the item after our write, in words; "" for nobody, or where nothing tells."""

    def is_silent(self, payload: Json, since: float) -> bool:
        """Whether no customer has written to the item since a moment; False where it does not tell."""


class NoHistory(History):
    """Of a resource whose items do not tell who wrote to them."""

    def mark(self, payload: Json) -> dict[str, Any]:
        return {}

    def our_mark(self, payload: Json, admin_id: str, since: float) -> dict[str, Any]:
        return {}

    def touched_since(self, payload: Json, item: Item) -> str:
        return ""

    def is_silent(self, payload: Json, since: float) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Column:
    """One column of what `find` shows: the first of `paths` ("ticket_state.category") that has a value, as `format` has it."""

    title: str
    paths: tuple[str, ...]
    format: Format = "text"


UPDATED = Column("updated", ("updated_at",), "ago")


@dataclass(frozen=True, slots=True)
class Count:
    """The request whose `total_count` is the number of all items, for `--max P%`."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Resource:
    """One resource of Intercom.

    Parameters
    ----------
    name:
        The plural, which is also its path: "contacts".
    singular:
        "contact".
    search, listing:
        The endpoint that `--where` asks ("contacts/search"), and the one that lists all items. One of them may be "": without a
        search all items are listed, and judged here.
    scroll:
        The endpoint that lists them where `listing` ends before its end; "" for none.
    count:
        How all items of it are counted.
    columns:
        What `find` shows of an item, the id first; the last column takes the room that is left.
    listed:
        The columns that `find -o FILE` writes by default (service/columns.py); no message bodies, no e-mail addresses.
    named:
        What else of those columns its items have that are no fields of Intercom's.
    keys:
        The fields beside its id by which people name an item: "email", "external_id".
    not_ids:
        Its fields that look like its id and are another number: "ticket_id".
    also_in:
        The resources whose items Intercom takes for some of these: by the id of a ticket a conversation is named, too.
    watched:
        Its fields that people change, as a search and a GET both show them; none that moves by itself (`last_seen_at`, `updated_at`,
        statistics), and not a contact's picture, whose address Intercom makes. Where one is other than when the item was selected,
        nothing that has no way back is done to it.
    page:
        Where people see an item in Intercom, below its host: "a/apps/{workspace}/users/{id}".
    settable:
        The fields that KEY=VALUE may write, beside the custom attributes, each with its type: "text" (may be empty), "string",
        "email", "integer", "number", "boolean", "date", or "admin", "team" and "company" (by name or id). An empty value clears
        where it is not a value itself.
    names:
        Where an item says what people call it, the best first: "title", "source.subject". None is a message or an address.
    of_contacts:
        Whether an item is some contact's, and is called by their name where it has none of its own.
    examples:
        Three ways to find them, as typed behind `find`.
    rank:
        Its place among the resources; the lowest is the one that `doctor` tries to read.
    """

    name: str
    singular: str
    search: str
    listing: str
    count: Count
    columns: tuple[Column, ...]
    listed: tuple[str, ...] = ("id",)
    named: tuple[str, ...] = ("tag_ids",)
    keys: tuple[str, ...] = ()
    not_ids: tuple[str, ...] = ()
    page: str = ""
    of_contacts: bool = False
    names: tuple[str, ...] = ("name",)
    settable: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    rank: int = 100
    scroll: str = ""
    also_in: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()

    def link(self, item: str, workspace: str, region: str) -> str:
        """Where people see an item in Intercom; `region`: the workspace's."""
        host = _HOSTS.get(region.lower(), _HOSTS["us"])
        return f"https://{host}/{self.page.format(workspace=quote(workspace, safe=''), id=quote(item, safe=''))}"

    @property
    def history(self) -> History:
        """What tells who wrote to an item; a resource that has a history says so in a subclass."""
        return NoHistory()


@cache
def resources() -> dict[str, Resource]:
    """The resources that have a folder here, each with its declaration, in the order of the help."""
    package = importlib.import_module(__package__)
    folders = [found.name for found in pkgutil.iter_modules(package.__path__) if found.ispkg]
    declared = [importlib.import_module(f"{__package__}.{folder}.resource").RESOURCE for folder in folders]
    return {one.name: one for one in sorted(declared, key=lambda one: one.rank)}


@cache
def _by_type() -> dict[str, Resource]:
    """The resources by the `type` of their items."""
    return {one.singular: one for one in resources().values()}


def value_at(item: Json, path: str) -> Any:
    """The field at `path` ("source.subject"); None where there is none."""
    found: Any = item
    for key in path.split("."):
        found = found.get(key) if type(found) is dict or isinstance(found, Mapping) else None  # the first is ten times as quick
    return found


def name_of(item: Json) -> str:
    """What people call an item, by the fields that its resource declares for that; "" where none of them says.

    Of what is not declared here it is the title, or the name.
    """
    declared = _by_type().get(str(item.get("type")))
    for path in declared.names if declared else ("title", "name"):
        said = _said(item, path)
        if isinstance(said, str) and (name := printable_name(_MARKUP.sub(" ", said)).strip()):
            return name
    return ""


def _said(item: Json, path: str) -> Any:
    """The field at `path`; not the author of what a teammate began, for a conversation is its customer's."""
    found = value_at(item, path)
    if found is None or not path.endswith(".name"):
        return found
    return None if value_at(item, f"{path.removesuffix('name')}type") in ("admin", "bot", "team") else found


def has_verbs(resource: str) -> bool:
    """Whether its folder holds more than its declaration; told without importing any of it."""
    package = importlib.import_module(f"{__package__}.{resource}")
    return any(one.name != "resource" for one in pkgutil.iter_modules(package.__path__))


def history_of(resource: str) -> History:
    """What tells who wrote to an item of a resource; of one that is not declared here nothing does."""
    return resources()[resource].history if resource in resources() else NoHistory()
