"""What a verb asks of the workspace while it turns what was given into ids, moments and values."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import NotFound, UnknownName
from ..operations.spec import Named
from ..parsing.dates import parse_moment
from ..parsing.printable import printable_name
from ..runs.session import Session
from ..search.language.compiler import Resolved
from ..search.names import WorkspaceNames
from .attribute_values import Attributes, typed_value
from .targets import Targets


class SessionResolver:
    """Answers through a session; see spec.Resolver."""

    def __init__(self, session: Session, names: WorkspaceNames) -> None:
        self._session, self._names = session, names
        self._attributes: Attributes | None = None
        self._companies: dict[str, Resolved] = {}
        self.targets = Targets(session)

    def named(self, kind: str, text: str) -> Named:
        """See spec.Resolver."""
        return self._company(text.strip()) if kind == "company" else self._names.resolve(kind, text)

    def entry(self, kind: str, identity: str) -> Mapping[str, Any]:
        """See spec.Resolver."""
        return self._names.entry(kind, identity)

    def target(self, resource: str, text: str, flag: str) -> Mapping[str, Any]:
        """See spec.Resolver."""
        return self.targets.find(resource, text, flag)

    def _company(self, text: str) -> Resolved:
        """A company by Intercom's id, or by the id that the customer's own systems gave it. There is no list to search by name."""
        if text not in self._companies:
            paths = (f"companies/{quote(text, safe='')}", f"companies?{urlencode({'company_id': text})}")
            found = next(filter(None, map(self._look_up, paths if text.strip(".") else ())), {})
            if not found.get("id"):
                raise UnknownName(f"There is no company with the id or company_id {printable_name(text)!r} in the workspace.")
            self._companies[text] = Resolved(str(found["id"]), printable_name(found.get("name") or found["id"]))
        return self._companies[text]

    def _look_up(self, path: str) -> Mapping[str, Any]:
        """What a path shows, or the first of what it lists; {} for nothing."""
        try:
            answer = self._session.look(path)
        except NotFound:
            return {}
        rows = answer.get("data")
        found = answer if not isinstance(rows, list) else next(iter(rows), {})
        return found if isinstance(found, Mapping) else {}

    def entries(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """See spec.Resolver."""
        return self._names.entries(kind)

    def value(self, attribute: Mapping[str, Any], text: str) -> Any:
        """See spec.Resolver."""
        return typed_value(attribute, text, self._session)

    def moment(self, text: str) -> int:
        """See spec.Resolver."""
        return parse_moment(text, time.time(), self._session.workspace().timezone or "UTC")

    def values(self, resource: str, texts: Sequence[str]) -> dict[str, Any]:
        """See spec.Resolver."""
        self._attributes = self._attributes or Attributes(self._session, resource, self.named)
        return self._attributes.values(list(texts))
