"""Items that a verb's parameters name: where leads are merged into, what is linked. Found before anything is written.

By ids, links and keys (e-mail addresses, external ids), 150 with one search; one that the search does not show is read by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..api.paths import UnusableId, item_path
from ..errors import NotFound, UsageError
from ..operations.resource import resources
from ..parsing.id_file import of_link
from ..parsing.identity import canonical_id
from ..parsing.printable import printable_name
from ..runs.session import Session
from .row_references import folded, key_of, searched

_AS = {"id": " as its id", "external_id": " as its external id", "email": ""}


class Targets:
    """Finds items of the workspace, each once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
        self.alone = False
        """Whether each row names its own: then one that is wrong is no reason against the others."""

    def expect(self, resource: str, texts: Iterable[str]) -> None:
        """Search for several at once, so that `find` asks no more for them."""
        wanted: dict[str, list[str]] = {}
        for text in dict.fromkeys(texts):
            key, value = self._named(resource, text)
            if value and (resource, key, value) not in self._found:
                wanted.setdefault(key, []).append(value)
        for key, values in wanted.items():
            for item in searched(resources()[resource], key, values, self._session):
                self._keep(resource, key, folded(key, item.get(key) or ""), item)

    def find(self, resource: str, text: str, flag: str) -> Mapping[str, Any]:
        """The item that a text names. Raises UsageError where there is none.

        Where rows fail alone, and where what is there cannot be meant, it is returned with the reason: {"id", "unfit"}.
        """
        key, value = self._named(resource, text)
        singular, said = resources()[resource].singular, "the e-mail address" if "@" in value else printable_name(value)
        if not value or not (resources()[resource].keys or value.isdigit()):
            raise UsageError(f"{flag} {said} is not an id of a {singular}.")
        if (resource, key, value) not in self._found:
            self._look(resource, key, value)
        found = [one for one in self._found.get((resource, key, value), []) if one.get("id")]
        alike = [one for one in found if one.get("role", "user") == "user"]
        ids = ", ".join(str(one["id"]) for one in (alike or found)[:5])
        if len(alike) == 1:
            return alike[0]
        why = f"no {singular} has {said}{_AS[key]}"
        if alike:
            why = f"{said} stands for {len(alike)} {resource} ({ids}): write the id of the one that is meant"
        elif found:
            why = f"{ids} is a lead, and what is named has to be a user"
        if self.alone or found:
            return {"id": value, "unfit": why}
        raise UsageError(f"{flag}: {why}.")

    def _look(self, resource: str, key: str, value: str) -> None:
        if key != "id":
            self.expect(resource, [value])
        for place in (resource, *resources()[resource].also_in) if key == "id" else ():
            try:
                self._keep(resource, key, value, self._session.look(item_path(place, value)))
            except (NotFound, UnusableId):
                continue
            return

    def _keep(self, resource: str, key: str, value: str, item: Mapping[str, Any]) -> None:
        alike = self._found.setdefault((resource, key, value), [])
        if all(one.get("id") != item.get("id") for one in alike):
            alike.append(item)

    def _named(self, resource: str, text: str) -> tuple[str, str]:
        word = canonical_id(of_link(text.strip()), resource)
        key = key_of(word, "", resources()[resource]) or "id"
        return key, folded(key, word)
