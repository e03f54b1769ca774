"""What all verbs share that write something which somebody reads: the text with its places, and what fills them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ..api.client import Client
from ..api.paths import item_path
from ..errors import NotFound
from ..model import Item
from ..parsing.dates import local_moment
from .message_template import EmptyField, Json, fields_of, fill_template, values_from
from .operation import Operation
from .plain_text import shows_nothing
from .resource import Resource, resources

FIELDS = "message_fields"
"""Where an item's before-image holds what fills the places of its message."""
CONTACT_NAME = "contact.name"
"""What a conversation is called that has no name of its own; known where its contact was read."""
SENT_BY = "sent_by"
"""Where it says which run has sent the text already, and when: {"run", "at" (unix s)}. The item does not get it again."""
WHOSE = "contacts"
"""Where it says whom the message would reach, by id; no field of the item that a message changes."""
AGAIN = "Send it although an earlier run sent the same text to the same item."
# How many ids one search takes: Intercom allows 15 conditions in a group.
_AT_ONCE = 15


class MessageOperation(Operation):
    """A verb with a `body`. `again`: send it although an earlier run sent the same to the same item."""

    body: str = ""

    @property
    def writes_text(self) -> bool:
        return bool(self.body)

    @property
    def message_fields(self) -> Sequence[str]:
        return fields_of(self.body)

    def message(self, item: Item) -> str:
        before = item.before or {}
        if SENT_BY in before:
            return ""
        text = fill_template(self.body, before.get(FIELDS) or {})
        if self.body and shows_nothing(text):
            raise EmptyField("")
        return text

    def remark(self, item: Item) -> str:
        sent = (item.before or {}).get(SENT_BY)
        if not sent:
            return ""
        late = ", and had called failed: it came after its refusal" if sent.get("refused") else ""
        return f"without the text, which {sent['run']} sent at {local_moment(sent['at'])}{late}"

    @property
    def _own(self) -> list[str]:
        """The fields of the item itself among those that its message names."""
        return [name for name in self.message_fields if name.partition(".")[0] == resources()[self.resource].singular]

    def fields_seen(self, payload: Json) -> dict[str, Any]:
        """For `capture`: what the item itself tells of the fields that its message names, and whose contact it is."""
        if not self.message_fields or payload.get("type") == "list":
            return {}
        return {FIELDS: values_from(payload, resources()[self.resource].singular, self._own), **people_of(payload)}

    def read_message_fields(self, client: Client, items: Sequence[Item]) -> list[Mapping[str, Any]]:
        """See Operation. A conversation or a ticket is its first contact's."""
        own = self._own
        theirs = [name for name in self.message_fields if name not in own]
        known = [dict((item.before or {}).get(FIELDS) or {}) for item in items]
        for item, have in zip(items, known, strict=True):
            if not set(own) <= set(have) and self.resource != "contacts":
                have.update(values_from(client.get(item_path(self.resource, item.id)), resources()[self.resource].singular, own))
        wanted = own if self.resource == "contacts" else theirs
        whose = ["" if set(wanted) <= set(have) else self._contact_of(item) for item, have in zip(items, known, strict=True)]
        people = contacts_by_id(client, [one for one in dict.fromkeys(whose) if one])
        wanted = [*wanted, CONTACT_NAME]
        return [{**values_from(people.get(one, {}), "contact", wanted), **have} for have, one in zip(known, whose, strict=True)]

    def _contact_of(self, item: Item) -> str:
        return item.id if self.resource == "contacts" else next(iter((item.before or {}).get("contacts") or ()), "")


def people_of(payload: Json) -> dict[str, Any]:
    """`WHOSE`: the ids of those who take part in a conversation or a ticket; {} where the payload tells of none."""
    people = (payload.get("contacts") or {}).get("contacts") or []
    return {WHOSE: [str(person.get("id")) for person in people]} if people else {}


def contacts_by_id(client: Client, ids: Sequence[str]) -> dict[str, Json]:
    """The contacts with these ids, fifteen a search; one that the search does not show yet is read by itself."""
    found = {}
    for some in _groups(ids):
        found.update(contacts_shown(client, some))
    for one in ids:
        if one not in found:
            try:
                found[one] = client.get(item_path("contacts", one))
            except NotFound:
                found[one] = {}
    return {one: found[one] for one in ids}


def contacts_shown(client: Client, ids: Sequence[str]) -> dict[str, Json]:
    """Those of these contacts that a search shows."""
    return shown_by_id(client, resources()["contacts"], ids)


def shown_by_id(client: Client, resource: Resource, ids: Sequence[str]) -> dict[str, Json]:
    """Those of these items that a search shows: one request for up to 150 ids, fifteen in a condition."""
    groups = [{"field": "id", "operator": "IN", "value": some} for some in _groups(ids)]
    query = groups[0] if len(groups) == 1 else {"operator": "OR", "value": groups}
    asked = {"query": query, "pagination": {"per_page": 150}}
    answer = client.call("POST", resource.search, json=asked, purpose="search")
    listed = answer.get(resource.name) or answer.get("data") or []
    return {str(one.get("id")): one for one in listed if isinstance(one, Mapping)}


def _groups(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
