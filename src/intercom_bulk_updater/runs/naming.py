"""What has no title, and was begun by a teammate: what people call it is asked for, in few requests."""

from __future__ import annotations

from itertools import islice

from ..api.client import Client
from ..errors import ApiError, TransportError
from ..journal import Store
from ..operations.messages import contacts_shown, people_of, shown_by_id
from ..operations.resource import resources
from ..parsing.printable import printable_name

_AT_ONCE, _MOST = 150, 5000


def name_items(journal: Store, run: str, resource: str, client: Client) -> None:
    """Give the name of their customer to those of a run's first 5,000 items that have none; a customer without a name, the external id.

    Costs nothing where each has a name, and two searches for each 150 that have none. A name is decoration: where the service
    refuses, or is away, the items stay as they are.
    """
    kind = resources().get(resource)
    if kind is None or not kind.of_contacts:
        return
    nameless = iter(journal.unnamed(run, _MOST).items())
    try:
        while some := dict(islice(nameless, _AT_ONCE)):
            found = shown_by_id(client, kind, list(some.values()))
            whose = {one: next(iter(people_of(item).get("contacts", ())), "") for one, item in found.items()}
            people = contacts_shown(client, [one for one in dict.fromkeys(whose.values()) if one]) if any(whose.values()) else {}
            called = {one: printable_name(person.get("name") or person.get("external_id") or "") for one, person in people.items()}
            journal.name_items(run, {seq: name for seq, one in some.items() if (name := called.get(whose.get(one, "")))})
    except (ApiError, TransportError):
        return
