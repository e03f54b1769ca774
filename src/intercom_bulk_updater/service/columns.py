"""The columns of a list of items: fields as Intercom names them, names in place of ids, links; what `find --columns` takes."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..api.lists import is_part
from ..errors import IntercomBulkError, UsageError
from ..model import Workspace
from ..operations.field_values import Label
from ..operations.object_words import entries_of, in_words
from ..operations.resource import Resource, value_at
from ..parsing.printable import printable_name
from ..report.table_file import CellKind, TableColumn
from ..search.attributes import type_of
from ..search.language.fields import resource as fields_of
from ..search.names import WorkspaceNames

Item = Mapping[str, Any]
FIELDS = (
    "id", "state", "admin_assignee_id", "team_assignee_id", "priority", "title", "created_at", "updated_at",
    "snoozed_until", "role", "name", "external_id", "company_id", "category", "open",
)  # fmt: skip
"""The fields that a program is told of an item where it names no columns."""
NAMED = {
    "link": "where people see it in Intercom",
    "subject": "its subject or title",
    "team": "the name of its team",
    "assignee": "the name of the teammate that it is assigned to",
    "owner": "the name of the teammate who owns it",
    "tags": "the names of its tags",
    "tag_ids": "the ids of its tags",
    "companies": "the names of its companies; in JSON as Intercom gives them",
    "company_ids": "the ids of its companies",
    "contact": "the id of its first contact",
    "contact_name": "the name of its first contact",
    "contacts": "the names of its contacts; in JSON as Intercom gives them",
    "contact_ids": "the ids of its contacts",
    "type": "the name of its ticket type",
}
"""Columns that are no field of Intercom's, and what they hold."""
_ASSIGNED = {"team": ("team", "team_assignee_id"), "assignee": ("admin", "admin_assignee_id"), "owner": ("admin", "owner_id")}
_TYPES = {
    "date": CellKind.MOMENT, "day": CellKind.MOMENT, "integer": CellKind.INTEGER, "number": CellKind.NUMBER,
    "boolean": CellKind.FLAG, "text": CellKind.TEXT,
}  # fmt: skip
_ALL = "All of them: --columns help."
_LISTS = {"tag_ids": "tags", "company_ids": "companies"}
"""Columns of ids, and the list of the item that they stand in."""
_CUSTOM, _OF_TICKETS = "custom_attributes.", "ticket_attributes."


def describe_columns(resource: Resource) -> list[tuple[str, str]]:
    """(name, what it holds) of the columns of a resource, for `find --columns help`; those of `find -o` come first."""
    fields = fields_of(resource.name).fields
    of_items = [name for name in fields if not name.endswith("_ids") and name not in NAMED]
    names = dict.fromkeys([*resource.listed, *(name for name in NAMED if name in (*resource.listed, *resource.named)), *of_items])
    told = [(name, NAMED.get(name) or ("id" if name.endswith("id") else str(_kind(resource.name, name)))) for name in names]
    return [*told, (f"{_CUSTOM}NAME", "an attribute of your workspace"), ("a.b.c", "any other field, as Intercom's JSON has it")]


class Columns:
    """Chosen columns of items: those of NAMED, or fields as Intercom names them, with dots between (`source.subject`).

    Parameters
    ----------
    chosen:
        Their names, in their order; None for those that a resource lists by default.
    names:
        What teams and teammates are called.
    workspace:
        Where links lead to.
    people:
        Whether people read them: then the name of the contact stands beside its id.
    """

    def __init__(
        self, resource: Resource, chosen: Sequence[str] | None, names: WorkspaceNames, workspace: Workspace, *, people: bool = False
    ) -> None:
        if isinstance(chosen, str):
            raise UsageError(f"columns must be a list of names: write columns=[{chosen!r}].")
        self.names = list(dict.fromkeys(resource.listed if chosen is None else chosen))
        if odd := [name for name in self.names if not isinstance(name, str)]:
            raise UsageError(f"columns holds {odd[0]!r}: a column is named by a text.")
        if not self.names:
            raise UsageError(f"No column is named. There are {', '.join(resource.listed[:6])} and more.", hint=_ALL)
        if people and "contact" in self.names and "contact_name" not in self.names:
            self.names.insert(self.names.index("contact") + 1, "contact_name")
        self._resource, self._workspace, self._lookup, self._attributes = resource, workspace, names, names.attributes
        self._fields = fields_of(resource.name)
        self._called: dict[tuple[str, str], str] = {}
        self._checked = chosen is None

    @property
    def name_contacts(self) -> bool:
        """Whether a column holds names of contacts."""
        return not {"contacts", "contact_name"}.isdisjoint(map(self._path, self.names))

    def table(self) -> list[TableColumn]:
        """The columns with what their cells are, for a file."""
        return [TableColumn(name, self._kind(name)) for name in self.names]

    def row(self, item: Item) -> dict[str, Any]:
        """The chosen columns of one item. Raises UsageError for a column that no item has."""
        if not self._checked:
            self._check(item)
        return {name: self._value(name, item) for name in self.names}

    def cells(self, item: Item) -> dict[str, Any]:
        """The same for people: of a list in it the names, of an object its name, or what it says."""
        label = self._label_in(item)
        row = self.row(item)
        said = {name: in_words(name, value, label) if isinstance(value, Mapping | list) else value for name, value in row.items()}
        return {name: [*value, *self._more(name, item)] if isinstance(value, list) else value for name, value in said.items()}

    def _more(self, name: str, item: Item) -> list[str]:
        """Of its tags and companies an item carries the first ten."""
        kind = _LISTS.get(self._path(name), self._path(name))
        held = item.get(kind)
        if not isinstance(held, Mapping) or not is_part(held):
            return []
        more = int(held.get("total_count") or 0) - len(entries_of(held) or ())
        return [f"and {more:,} more" if more > 0 else "and more"]

    def _label_in(self, item: Item) -> Label:
        """What is called by its id alone in an item."""
        author = value_at(item, "source.author") or {}
        return lambda kind, identity: (
            str(author["name"]) if kind == "contact" and identity == author.get("id") and author.get("name")
            else self._name(kind, identity) or identity
        )  # fmt: skip

    def _check(self, item: Item) -> None:
        known = dict.fromkeys([*NAMED, *FIELDS, *(name.partition(".")[0] for name in self._fields.fields), *item])
        for name in self.names:
            whole, path = name.startswith((_CUSTOM, _OF_TICKETS)), self._path(name)
            if not whole and path.partition(".")[0] not in known:
                raise self._unknown(name, difflib.get_close_matches(name, known, 3))
            if whole and value_at(item, name) is None:
                own = _OF_TICKETS if self._resource.name == "tickets" else _CUSTOM
                attributes = [str(one.get("name")) for one in self._attributes.of(self._resource.name).values()]
                if name not in (f"{own}{one}" for one in attributes):
                    near = difflib.get_close_matches(name.partition(".")[2], attributes, 3) or sorted(attributes)[:6]
                    raise self._unknown(name, [f"{own}{one}" for one in near])
        self._checked = True

    def _unknown(self, name: str, near: Sequence[str]) -> UsageError:
        said = f"Nearest: {', '.join(map(printable_name, near))}" if near else f"There are {', '.join(self._resource.listed[:6])} and more"
        return UsageError(f"There is no column {printable_name(name)!r}. {said}.", hint=_ALL)

    def _path(self, name: str) -> str:
        """The field of a column: what --where calls `created` is `created_at`."""
        path = self._fields.words.get(name, name)
        return name if name in NAMED or path.startswith(f"{name}.") else path  # the whole of an object that a filter takes by its id

    def _kind(self, name: str) -> CellKind:
        name = self._path(name)
        if name.startswith(_CUSTOM):
            attribute = self._attributes.of(self._resource.name).get(name.removeprefix(_CUSTOM))
            return CellKind.ANY if attribute is None else _TYPES.get(type_of(attribute), CellKind.TEXT)
        return _kind(self._resource.name, name)

    def _value(self, name: str, item: Item) -> Any:
        name = self._path(name)
        if name == "id":
            return str(item.get("id"))
        if name in _ASSIGNED:
            kind, field = _ASSIGNED[name]
            return self._name(kind, item.get(field))
        if name == "tags":
            return [tag.get("name") or self._name("tag", tag.get("id")) for tag in tags_of(item)]
        if name in _MADE:
            return _MADE[name](item)
        if name == "contact_name":
            return self._lookup.known_contact(next(iter(contacts_of(item)), "")) or None
        if name == "link":
            return self._resource.link(str(item.get("id")), self._workspace.id, self._workspace.region)
        value = item.get(name)
        if value is None:
            value = value_at(item, name)
        if name == "state" and isinstance(item.get("ticket_state"), Mapping):
            value = item["ticket_state"].get("internal_label") or item["ticket_state"].get("category")
        # A team or a teammate that nobody is, is written as 0 or as null.
        return None if name.endswith("_assignee_id") and value in (0, "0") else value

    def _name(self, kind: str, number: Any) -> str | None:
        """What a team, an admin or a company is called; its id where it has no name, None for nobody."""
        key = str(number or "0")
        if key == "0":
            return None
        if kind == "contact":
            return self._lookup.known_contact(key) or key
        if kind == "company":
            with suppress(IntercomBulkError):
                return self._lookup.companies.name(key) or key
            return key
        if (kind, key) not in self._called:
            self._called[kind, key] = key
            with suppress(IntercomBulkError):
                self._called[kind, key] = self._lookup.by_id(kind, key).name
        return self._called[kind, key]


def tags_of(item: Item) -> Sequence[Mapping[str, Any]]:
    """The tags that an item carries."""
    tags = item.get("tags") or {}
    found: Sequence[Mapping[str, Any]] = tags.get("tags") or tags.get("data") or []
    return found


def contacts_of(item: Item) -> list[str]:
    """The ids of the contacts of an item."""
    return [str(one.get("id")) for one in (item.get("contacts") or {}).get("contacts") or []]


def _companies(item: Item) -> list[str]:
    return [str(one.get("id")) for one in (item.get("companies") or {}).get("data") or []]


def author_name(item: Item) -> Any:
    """What the first contact of an item is called, where it began the item."""
    author = value_at(item, "source.author") or {}
    return author.get("name") if author.get("id") in contacts_of(item)[:1] else None


def _subject(item: Item) -> Any:
    return value_at(item, "source.subject") or item.get("title") or value_at(item, "ticket_attributes._default_title_")


_MADE: dict[str, Callable[[Item], Any]] = {
    "subject": _subject,
    "tag_ids": lambda item: [str(tag.get("id")) for tag in tags_of(item)],
    "contact": lambda item: next(iter(contacts_of(item)), None),
    "contact_ids": contacts_of,
    "company_ids": _companies,
    "type": lambda item: value_at(item, "ticket_type.name") or item.get("type"),
}


def _kind(resource: str, name: str) -> CellKind:
    """What the cells of a column are; of a field that nothing declares its name tells."""
    if name in NAMED:
        return CellKind.LINK if name == "link" else CellKind.TEXT
    field = fields_of(resource).fields.get(name)
    if field is not None and not field.kind:  # the number of a team or a teammate is an id
        return _TYPES.get(field.type, CellKind.TEXT)
    last = name.rpartition(".")[2]
    if last.endswith(("_at", "_since", "_until")):
        return CellKind.MOMENT
    return CellKind.TEXT if last.endswith("id") or last == "name" else CellKind.ANY
