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
from .whole import listed, whole_ids


class Attached(FieldsOperation):
    """Attach something to the contact, or detach it. The one of `fields` is the list that it stands in, and the end of its path."""

    resource: ClassVar[str] = "contacts"
    reversibility = Reversibility.REVERSIBLE
    attach: ClassVar[bool] = True
    rows_add_up = True

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
        called = {one: label for operation in several for one, label in operation.names.items()}
        made = cls(list(called), list(called.values()))
        made.requests_per_item = max(one.requests_per_item for one in several)
        return made

    @property
    def parameters(self) -> dict[str, Any]:
        return {"ids": self.ids, "labels": self.labels}

    @property
    def names(self) -> Mapping[str, str]:
        return dict(zip(self.ids, self.labels, strict=True))

    def describe(self) -> str:
        return f"{self.name} {', '.join(self.labels)}"

    def image(self, payload: Json) -> dict[str, Any]:
        (kind,) = self.fields
        found = whole_ids(payload.get(kind))
        return {} if found is None else {kind: found}

    def read(self, client: Client, item_id: str) -> Json | None:
        contact = client.get(item_path("contacts", item_id))
        return contact if self.image(contact) else {**contact, self.fields[0]: listed(client, item_id, self.fields[0])}

    def target(self, before: Json) -> dict[str, Any]:
        (kind,) = self.fields
        held = set(before.get(kind, ()))
        return {kind: sorted(held | set(self.ids) if self.attach else held - set(self.ids))}

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        (kind,) = self.fields
        for one in sorted(set(want[kind]) - set(have[kind])):
            client.post(item_path("contacts", item_id, kind), self.body(one))
        for one in sorted(set(have[kind]) - set(want[kind])):
            try:
                client.delete(item_path("contacts", item_id, kind, one))
            except NotFound:
                # Raises where it is the contact that has gone; where what was to go is still there, the refusal was untrue.
                if one in self.image(self.read(client, item_id) or {}).get(kind, ()):
                    raise
        return None

    def body(self, one: str) -> dict[str, Any]:
        """What attaches one of them."""
        return {"id": one}
