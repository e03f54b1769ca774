"""What the contacts of listed items are called, which Intercom shows by their ids alone: read for many items with one request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from ..errors import IntercomBulkError
from ..operations.resource import resources
from ..runs.session import Session
from ..search.names import WorkspaceNames
from .columns import Columns, author_name, contacts_of
from .row_references import searched

_AT_ONCE = 150
"""Items, and ids of one request."""


def with_contact_names(
    items: Iterable[Mapping[str, Any]], columns: Columns | None, session: Session, names: WorkspaceNames
) -> Iterator[Mapping[str, Any]]:
    """The items as they come; where a column names contacts, in groups, before each of which `names` learns who they are."""
    if columns is None or not columns.name_contacts:
        yield from items
        return
    left = iter(items)
    while group := list(islice(left, _AT_ONCE)):
        for item in group:
            if author := author_name(item):
                names.keep_contact(contacts_of(item)[0], author)
        wanted = dict.fromkeys(one for item in group for one in contacts_of(item) if names.known_contact(one) is None)
        with suppress(IntercomBulkError):  # a name is decoration
            for contact in searched(resources()["contacts"], "id", list(wanted), session):
                names.keep_contact(str(contact.get("id")), contact.get("name"))
        yield from group
