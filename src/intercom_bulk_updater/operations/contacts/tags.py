"""tag, untag: put tags on contacts and take them off.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/attachtagtocontact
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.effects import tag_ids
from ...api.paths import item_path
from ...errors import NotFound
from ...model import Reversibility
from ..fields import FieldsOperation
from ..operation import Json, Operation
from ..spec import Kind, Resolver, parameter
from ..tag_names import resolve_tag


class _Tagging(FieldsOperation):
    resource: ClassVar[str] = "contacts"
    rows_add_up: ClassVar[bool] = True
    reversibility = Reversibility.REVERSIBLE
    fields = ("tags",)

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        """See Operation."""

        tag: list[str] = parameter(Kind.TAGS, "The tag, by name or id; may be given again.")

    def __init__(self, tags: Sequence[str], labels: Sequence[str] | None = None) -> None:
        self.tags = list(tags)
        self.labels = list(labels or tags)
        self.requests_per_item = max(1, len(self.tags))

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        """See Operation."""
        found = [resolve_tag(resolver, text, False) for text in given["tag"]]
        return cls([tag for tag, _ in found], [label for _, label in found])

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        """See Operation."""
        called = {tag: label for one in several for tag, label in one.names.items()}
        return cls(list(called), list(called.values()))

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return {"tags": self.tags, "labels": self.labels}

    @property
    def names(self) -> Mapping[str, str]:
        """See Operation."""
        return dict(zip(self.tags, self.labels, strict=True))

    def describe(self) -> str:
        """See Operation."""
        return f"{self.name} {', '.join(self.labels)}"

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. A contact carries its first ten tags alone: then nothing is known of the others."""
        held = payload.get("tags")
        whole = isinstance(held, Mapping) and isinstance(held.get("data"), list) and not held.get("has_more")
        return {"tags": sorted(tag_ids(payload))} if whole else {}

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation."""
        contact = client.get(item_path("contacts", item_id))
        return contact if self.image(contact) else {**contact, "tags": client.get(item_path("contacts", item_id, "tags"))}

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation."""
        for tag in sorted(set(want["tags"]) - set(have["tags"])):
            client.post(item_path("contacts", item_id, "tags"), {"id": tag})
        for tag in sorted(set(have["tags"]) - set(want["tags"])):
            try:
                client.delete(item_path("contacts", item_id, "tags", tag))
            except NotFound:
                client.get(item_path("contacts", item_id))  # raises where it is the contact that has gone, not the tag
        return None


class Tag(_Tagging):
    """Put tags on the contact."""

    name: ClassVar[str] = "tag"
    summary = "Put tags on contacts."
    past, unchanged, rank = "tagged", "already tagged", 1
    examples = ("--where 'role = lead' --tag vip --dry-run", "--ids ids.txt --tag vip", "--csv sheet.csv --tag '{{tag}}' --expect 200")

    def target(self, before: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        return {"tags": sorted({*before.get("tags", ()), *self.tags})}


class Untag(_Tagging):
    """Take tags off the contact."""

    name: ClassVar[str] = "untag"
    summary = "Take tags off contacts."
    past, unchanged, rank = "untagged", "already without the tag", 2
    examples = ("--where 'tag = vip' --tag vip --dry-run", "--ids ids.txt --tag vip --yes", "--from-run latest --outcome done --tag vip")

    def target(self, before: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        return {"tags": sorted({*before.get("tags", ())} - {*self.tags})}
