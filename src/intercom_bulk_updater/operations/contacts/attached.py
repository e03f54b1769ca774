"""What hangs on a contact: tags, companies, subscriptions. What the verbs that attach and detach have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...errors import NotFound
from ...model import Reversibility
from ..fields import FieldsOperation
from ..operation import Json, Operation
from ..spec import Resolver

_PAGE = 50


def listed(client: Client, contact: str, kind: str) -> dict[str, Any]:
    """All that hangs on a contact of a kind ("tags", "companies", "notes" ...), page by page, as a contact carries it."""
    rows: list[Any] = []
    page, pages = 1, 1
    while page <= pages:
        answer = client.get(item_path("contacts", contact, kind), params={"page": page, "per_page": _PAGE} if page > 1 else None)
        found = next((answer[key] for key in (kind, "data") if isinstance(answer.get(key), list)), None)
        if not found:
            break
        rows += found
        pages = int((answer.get("pages") or {}).get("total_pages") or 1)
        page += 1
    return {"type": "list", "data": rows, "total_count": len(rows), "has_more": False}


def whole_ids(held: Any) -> list[str] | None:
    """The ids of a list that a contact carries; None where that is a part of it alone: a contact carries the first ten."""
    if not isinstance(held, Mapping) or not isinstance(held.get("data"), list) or held.get("has_more"):
        return None
    return sorted(str(one["id"]) for one in held["data"] if isinstance(one, Mapping) and one.get("id") is not None)


class Attached(FieldsOperation):
    """Attach something to the contact, or detach it. The one of `fields` is the list that it stands in, and the end of its path."""

    resource: ClassVar[str] = "contacts"
    reversibility = Reversibility.REVERSIBLE
    attach: ClassVar[bool] = True

    def __init__(self, ids: Sequence[str], labels: Sequence[str] | None = None) -> None:
        self.ids = list(ids)
        self.labels = list(labels or ids)
        self.requests_per_item = max(1, len(self.ids))

    @classmethod
    @abstractmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        """See Operation."""

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        """See Operation."""
        called = {one: label for operation in several for one, label in operation.names.items()}
        return cls(list(called), list(called.values()))

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return {"ids": self.ids, "labels": self.labels}

    @property
    def names(self) -> Mapping[str, str]:
        """See Operation."""
        return dict(zip(self.ids, self.labels, strict=True))

    def describe(self) -> str:
        """See Operation."""
        return f"{self.name} {', '.join(self.labels)}"

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        (kind,) = self.fields
        found = whole_ids(payload.get(kind))
        return {} if found is None else {kind: found}

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation."""
        contact = client.get(item_path("contacts", item_id))
        return contact if self.image(contact) else {**contact, self.fields[0]: listed(client, item_id, self.fields[0])}

    def target(self, before: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        (kind,) = self.fields
        held = set(before.get(kind, ()))
        return {kind: sorted(held | set(self.ids) if self.attach else held - set(self.ids))}

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation."""
        (kind,) = self.fields
        for one in sorted(set(want[kind]) - set(have[kind])):
            client.post(item_path("contacts", item_id, kind), self.body(one))
        for one in sorted(set(have[kind]) - set(want[kind])):
            try:
                client.delete(item_path("contacts", item_id, kind, one))
            except NotFound:
                client.get(item_path("contacts", item_id))  # raises where it is the contact that has gone
        return None

    def body(self, one: str) -> dict[str, Any]:
        """What attaches one of them."""
        return {"id": one}
