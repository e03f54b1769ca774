"""Names of teams, admins, tags, ticket types ... to ids and back, by the workspace's own lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote, urlencode

from intercom_bulk_updater.errors import BadAnswer, IntercomBulkError, NotFound, UnknownName, UsageError
from intercom_bulk_updater.parsing.identity import id_text
from intercom_bulk_updater.parsing.printable import printable_name
from intercom_bulk_updater.search.attributes import WorkspaceAttributes
from intercom_bulk_updater.search.company_names import CompanyNames
from intercom_bulk_updater.search.language.compiler import Resolved


@dataclass(frozen=True, slots=True)
class _List:
    """Where a kind is listed. `names`: the keys, or paths of keys, that an entry may be called by, the first to show."""

    path: str
    key: str
    names: tuple[str, ...] = ("name",)


_LISTS = {
    "team": _List("teams", "teams"),
    "admin": _List("admins", "admins", ("name", "email")),
    "tag": _List("tags", "data"),
    "segment": _List("segments", "segments"),
    "subscription": _List("subscription_types", "data", ("default_translation.name",)),
    "ticket_type": _List("ticket_types", "data"),
    "ticket_state": _List("ticket_states", "data", ("internal_label", "external_label", "category")),
}
KINDS = tuple(_LISTS)
_KEYS = {**{one.path: one.key for one in _LISTS.values()}, "data_attributes": "data", "conversations/attributes": "data"}
_WITHIN = {"ticket_types": "ticket_type_attributes", "ticket_states": "ticket_types"}
"""Lists whose entries hold a list each."""


def whole_listing(path: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer to `GET path`. Raises BadAnswer where that is one of the workspace's lists, and it or one within it is not a list.

    Taken as empty, it would make every name unknown, and every attribute one that there is not.
    """
    if path in _KEYS:
        rows, within = answer.get(_KEYS[path]), _WITHIN.get(path)
        if not isinstance(rows, list):
            raise BadAnswer(f"GET /{path} did not answer with a list.", method="GET", path=f"/{path}")
        if within and not all(_has_list(row, within) for row in rows if isinstance(row, Mapping)):
            raise BadAnswer(f"GET /{path} did not answer with the list {within} in each entry.", method="GET", path=f"/{path}")
    return answer


def _has_list(row: Mapping[str, Any], name: str) -> bool:
    return isinstance(held := row.get(name), Mapping) and isinstance(held.get("data"), list)


class WorkspaceNames:
    """Resolves names with the workspace's lists, each read when first needed, and once.

    Parameters
    ----------
    get:
        Performs `GET <path>` and returns the parsed JSON: `get("teams")`, `get("admins")`, `get("tags")` ...

    find_contacts:
        The ids of the contacts that have an e-mail address or an external id: `find_contacts("email", "ann@example.com")`.

    Threads may share it: two that need a list at the same instant both read it, as no lock is held while
    sending. Doubles as the `resolve` of `compile_where` (pass `names.resolve`) and as the names of `explain`.
    """

    def __init__(
        self, get: Callable[[str], Mapping[str, Any]], find_contacts: Callable[[str, str], list[str]] | None = None
    ) -> None:
        self._get = get
        self._find_contacts = find_contacts
        self._entries: dict[str, list[Mapping[str, Any]]] = {}
        self._unreadable: dict[str, int] = {}
        self._contacts: dict[str, str] = {}
        self._new: dict[tuple[str, str], str] = {}
        self.companies = CompanyNames(get)
        """What companies are called."""
        self._companies: dict[str, Resolved] = {}
        self._me: Resolved | None = None
        self.attributes = WorkspaceAttributes(get)
        """The workspace's own attributes, each list read once, too."""

    def resolve(self, kind: str, name: str) -> Resolved:
        """The one item of `kind` that is called `name`, or has that id; an admin also by e-mail, or as `me`.

        An exact name wins, then one that differs in capitals alone; digits are an id if there is one such,
        and `id:86` is nothing else. Raises UsageError for a name that is unknown (with the nearest names) or
        that several carry (with their ids).
        """
        typed = name.strip()
        if kind == "company":
            return self._company(typed)
        if kind == "admin" and typed.lower() == "me":
            return self._myself()
        entries = self._read(kind)
        prefix, _, wanted = typed.rpartition("id:")
        by_id = [entry for entry in entries if str(entry["id"]) == wanted and not prefix]
        if by_id and wanted != typed:
            return self._resolved(kind, by_id[0])
        folded = _folded(typed)
        alike = [entry for entry in entries if folded in map(_folded, self._called(kind, entry))]
        exact = [entry for entry in alike if typed in self._called(kind, entry)]
        found = exact or alike
        found = [entry for entry in found if not entry.get("archived")] or found
        if by_id and found and found[0] is not by_id[0]:
            raise UsageError(
                f"{printable_name(typed)!r} is the id of one {_spoken(kind)} and the name of another: "
                f"write id: and the id, one of {self._listed(kind, [*by_id, *found])}."
            )
        found = by_id or found
        if len(found) == 1:
            return self._resolved(kind, found[0])
        raise self._ambiguous(kind, typed, found) if found else self._unknown(kind, typed, entries)

    def contacts(self, typed: str) -> list[Resolved]:
        """The contacts that an id, an e-mail address or an external id stands for. Raises UnknownName for none."""
        if self._find_contacts is None or re.fullmatch("[0-9a-f]{24}", typed):
            return [Resolved(typed)]
        field, called = ("email", "e-mail address") if "@" in typed else ("external_id", "id or external id")
        found = self._find_contacts(field, typed)
        if not found:
            raise UnknownName(f"There is no contact with the {called} {printable_name(typed)!r} in the workspace.")
        return [Resolved(i, typed) for i in found]

    def states(self, typed: str) -> list[Resolved]:
        """The ticket states of that id, or of the name that teammates or customers see. Raises UnknownName for none."""
        entries = self._read("ticket_state")
        for key in ("id", "internal_label", "external_label"):
            if found := [entry for entry in entries if _folded(str(entry.get(key) or "")) == _folded(typed)]:
                named = [(self._resolved("ticket_state", entry), str(entry.get("category"))) for entry in found]
                return [Resolved(one.id, one.name, category) for one, category in named]
        raise self._unknown("ticket_state", typed, entries)

    def _company(self, typed: str) -> Resolved:
        """A company by Intercom's id, by the id that the customer's own systems gave it, or by its whole name."""
        if typed not in self._companies:
            keys = ({"company_id": typed}, {"name": typed}) if typed.strip(".") else ()
            paths = [f"companies/{quote(typed, safe='')}", *(f"companies?{urlencode(key)}" for key in keys)] if keys else []
            found = next(filter(None, map(self._shown, paths)), [])
            if not found:
                raise UnknownName(f"There is no company with the id or company_id {printable_name(typed)!r}, and none of that name.")
            named = [Resolved(str(one["id"]), printable_name(one.get("name") or one["id"])) for one in found]
            if len(named) > 1:
                several = ", ".join(f"{one.id} ({one.name})" for one in named[:5])
                raise UsageError(f"{len(named)} companies are called {printable_name(typed)!r}: give the id, one of {several}.")
            self._companies[typed] = named[0]
            self.companies.keep(named[0].id, named[0].name)
        return self._companies[typed]

    def _shown(self, path: str) -> list[Mapping[str, Any]]:
        """What a path shows, as one or as a list; nothing where it is not there."""
        try:
            answer = self._get(path)
        except NotFound:
            return []
        listed = answer.get("data")
        return [one for one in (listed if isinstance(listed, list) else [answer]) if isinstance(one, Mapping) and id_text(one.get("id"))]

    def by_id(self, kind: str, identity: str) -> Resolved:
        """The one item of `kind` with that id. Raises UnknownName, whose part `nearest` names those that come nearest."""
        return self._resolved(kind, self.entry(kind, identity))

    def entry(self, kind: str, identity: str) -> Mapping[str, Any]:
        """The same, as the workspace lists it."""
        entries = self._read(kind)
        for entry in entries:
            if str(entry["id"]) == identity:
                return entry
        raise self._unknown(kind, identity, entries)

    def new_name(self, kind: str, typed: str) -> str:
        """What one of `kind` that is to be created will be called: as it was first typed, as Intercom takes other capitals for the same."""
        return self._new.setdefault((kind, _folded(typed)), typed)

    def label(self, kind: str, identity: str) -> str:
        """`Support (5001)`; the id alone when the list lacks it, or cannot be read. Never fails."""
        try:
            if kind in ("contact", "company"):
                name = self.companies.name(str(identity)) if kind == "company" else self._contact(str(identity))
                return f"{name} ({identity})" if name else str(identity)
            entries = self._read(kind) if kind in _LISTS else []
        except IntercomBulkError:  # a name is decoration; what really is wrong shows where it matters
            return str(identity)
        for entry in entries:
            if str(entry.get("id")) == str(identity):
                return f"{self._resolved(kind, entry).name} ({identity})"
        return str(identity)

    def known_contact(self, identity: str) -> str | None:
        """What a contact is called, if that has been read; "" for one without a name."""
        return self._contacts.get(identity)

    def keep_contact(self, identity: str, name: Any) -> str:
        """Remember what a contact is called. Returns the name as it can be printed."""
        self._contacts[identity] = printable_name(name or "")
        return self._contacts[identity]

    def _contact(self, identity: str) -> str:
        """What a contact is called: they are too many to be listed, and one request for each."""
        known = self.known_contact(identity)
        return self.keep_contact(identity, self._get(f"contacts/{quote(identity, safe='')}").get("name")) if known is None else known

    def listing(self, kind: str, most: int = 20) -> str:
        """All of a kind, as `Support (5001), Billing (5002)`; of many the first, and how many more there are."""
        entries = self._read(kind)
        said = [f"{self._resolved(kind, entry).name} ({entry['id']})" for entry in entries[:most]]
        more = len(entries) - len(said)
        return ", ".join(said) + (f" and {more:,} more" if more else "")

    def entries(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """All of a kind, as Intercom lists them. Raises BadAnswer where some cannot be used."""
        entries = self._read(kind)
        if self._unreadable[kind]:
            raise self._spoilt(kind, f"so that not all {_spoken(kind)}s are known")
        return entries

    def has_read(self, kind: str) -> bool:
        """Whether their list has been read, so that a name costs no request."""
        return kind in self._entries

    def _myself(self) -> Resolved:
        if self._me is None:
            me = self._get("me")
            if not id_text(me.get("id")):
                raise BadAnswer("GET /me did not say whose the token is.", method="GET", path="/me")
            self._me = Resolved(str(me["id"]), printable_name(me.get("name") or me["id"]))
        return self._me

    def _read(self, kind: str) -> list[Mapping[str, Any]]:
        if kind not in _LISTS:
            raise UsageError(f"There are no names for {kind}; give the id.")
        if kind not in self._entries:
            path, key = _LISTS[kind].path, _LISTS[kind].key
            listed = whole_listing(path, self._get(path))[key]
            self._entries[kind] = [entry for entry in listed if isinstance(entry, Mapping) and id_text(entry.get("id"))]
            self._unreadable[kind] = len(listed) - len(self._entries[kind])
        return self._entries[kind]

    def _called(self, kind: str, entry: Mapping[str, Any]) -> list[str]:
        return [str(name) for path in _LISTS[kind].names if (name := _at(entry, path))]

    def _resolved(self, kind: str, entry: Mapping[str, Any]) -> Resolved:
        called = self._called(kind, entry)
        return Resolved(str(entry["id"]), printable_name(called[0] if called else entry["id"]))

    def _listed(self, kind: str, entries: Sequence[Mapping[str, Any]]) -> str:
        return ", ".join(f"{entry['id']} ({self._resolved(kind, entry).name})" for entry in entries)

    def _ambiguous(self, kind: str, typed: str, found: Sequence[Mapping[str, Any]]) -> UsageError:
        several = self._listed(kind, found)
        return UsageError(f"{len(found)} {_spoken(kind)}s are called {printable_name(typed)!r}: give the id, one of {several}.")

    def _spoilt(self, kind: str, so: str) -> BadAnswer:
        path, number = f"/{_LISTS[kind].path}", self._unreadable[kind]
        said = f"GET {path} shows {_spoken(kind)}s without a usable id ({number:,}), {so}. Nothing was written; run again."
        return BadAnswer(said, method="GET", path=path)

    def _unknown(self, kind: str, typed: str, entries: Sequence[Mapping[str, Any]]) -> IntercomBulkError:
        spoken = f"{_spoken(kind)}s"
        if self._unreadable[kind]:
            return self._spoilt(kind, f"and {printable_name(typed)!r} may be one of them")
        if not entries:
            nearest = f"The workspace has no {spoken}."
            return UnknownName(f"There is no {_spoken(kind)} {printable_name(typed)!r}: the workspace has no {spoken}.", nearest=nearest)
        known = {
            _folded(called): f"{self._resolved(kind, entry).name} ({entry['id']})"
            for entry in entries
            for called in [*self._called(kind, entry), str(entry["id"])]
        }
        near = [known[name] for name in get_close_matches(_folded(typed), known, n=6, cutoff=0)]
        nearest = f"Nearest: {', '.join(list(dict.fromkeys(near))[:3])}."
        among = f"among {len(entries)} {spoken}"
        return UnknownName(f"There is no {_spoken(kind)} {printable_name(typed)!r} {among}. {nearest}", nearest=nearest)


def _at(entry: Mapping[str, Any], path: str) -> Any:
    found: Any = entry
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _spoken(kind: str) -> str:
    return kind.replace("_", " ")
