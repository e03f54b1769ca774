"""What the verbs share that end a contact: what is lost with it is kept first."""

from __future__ import annotations

from typing import ClassVar

from ...api.client import Client
from ...model import Reversibility
from ..fields import FieldsOperation
from ..operation import Json
from .whole import whole_contact


class NoWayBack(FieldsOperation):
    """Something that Intercom's API cannot take back from a contact."""

    resource: ClassVar[str] = "contacts"
    reversibility = Reversibility.IRREVERSIBLE
    watches = True

    @property
    def whole_takes_more(self) -> bool:
        return True

    def whole(self, client: Client, item: Json) -> Json:
        return whole_contact(client, item)
