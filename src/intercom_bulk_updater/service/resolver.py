"""What a verb asks of the workspace while it turns what was given into ids, moments and values."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..operations.spec import Named, Resolver
from ..parsing.dates import parse_moment
from ..runs.session import Session
from ..search.names import WorkspaceNames
from .attribute_values import Attributes, typed_value
from .targets import Targets


class SessionResolver(Resolver):
    """Answers through a session."""

    def __init__(self, session: Session, names: WorkspaceNames) -> None:
        self._session, self._names = session, names
        self._attributes: Attributes | None = None
        self.targets = Targets(session)

    def named(self, kind: str, text: str) -> Named:
        return self._names.resolve(kind, text)

    def new_name(self, kind: str, text: str) -> str:
        return self._names.new_name(kind, text)

    def entry(self, kind: str, identity: str) -> Mapping[str, Any]:
        return self._names.entry(kind, identity)

    def target(self, resource: str, text: str, flag: str) -> Mapping[str, Any]:
        return self.targets.find(resource, text, flag)

    def entries(self, kind: str) -> Sequence[Mapping[str, Any]]:
        return self._names.entries(kind)

    def value(self, attribute: Mapping[str, Any], text: str) -> Any:
        return typed_value(attribute, text, self._session)

    def moment(self, text: str) -> int:
        return parse_moment(text, time.time(), self._session.workspace().timezone or "UTC")

    def values(self, resource: str, texts: Sequence[str]) -> dict[str, Any]:
        self._attributes = self._attributes or Attributes(self._session, resource, self.named)
        return self._attributes.values(list(texts))
