"""One operation with parameters of its own for each item: a row of a spreadsheet, say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..api.client import Client
from ..api.redact import keep_private_of_item
from ..model import Item
from .fields import Undo
from .operation import Change, Json, Operation

WITH = "with"
"""Where an item's data holds its parameters, ready to be used."""


class PerItemOperation(Operation):
    """Does to each item what `item.data["with"]` says.

    Parameters
    ----------
    build:
        Makes the operation of one item from its parameters.
    shared:
        Parameters of one operation that stands for all: what they touch, what undoes them, what has to be made before.
    words:
        What it does, for people.
    body:
        The message with its places, where each item's own is made of one.
    """

    def __init__(
        self, build: Callable[[Mapping[str, Any]], Operation], shared: Mapping[str, Any], words: str, body: str = ""
    ) -> None:
        self._build = build
        self._words = words
        self._body = body
        self._all = one = build(shared)
        self.name = one.name  # type: ignore[misc] # of the class elsewhere; here it is the name of what is built
        self.resource = one.resource  # type: ignore[misc]
        self.reversibility = one.reversibility
        self.side_effects = one.side_effects
        self.way_back = one.way_back
        self.not_shown = one.not_shown
        self.moves_updated_at = one.moves_updated_at
        self.customer_visible = one.customer_visible
        self.idempotent = one.idempotent
        self.fields = one.fields
        self.requests_per_item = one.requests_per_item
        self.appends = one.appends
        self.own_change_only = one.own_change_only
        self.sees_effect = one.sees_effect
        self.again = one.again
        self.signs = one.signs

    @property
    def parameters(self) -> dict[str, Any]:
        return {"each": {"shared": self._all.parameters, "words": self._words, **({"body": self._body} if self._body else {})}}

    def describe(self) -> str:
        return self._words

    @property
    def names(self) -> Mapping[str, str]:
        return self._all.names

    @property
    def prepares(self) -> bool:
        return self._all.prepares

    def prepare(self, client: Client) -> None:
        self._all.prepare(client)

    def capture(self, payload: Json) -> dict[str, Any] | None:
        self._all.planned = self.planned
        return self._all.capture(payload)

    def shown(self, payload: Json) -> dict[str, Any] | None:
        return self._all.shown(payload)

    def assumes(self, item: Item) -> bool:
        return self._all.assumes(item)

    def others_first(self, payload: Json, since: float, client: Client) -> str:
        return self._all.others_first(payload, since, client)

    def change(self, item: Item) -> Change | None:
        return self._of(item).change(item)

    def requests_for(self, item: Item) -> int:
        return self._of(item).requests_for(item)

    @property
    def whole_takes_more(self) -> bool:
        return self._all.whole_takes_more

    def impossible(self, item: Item) -> str:
        return self._of(item).impossible(item)

    def hides(self, payload: Json) -> str:
        return self._all.hides(payload)

    def read(self, client: Client, item_id: str) -> Json | None:
        self._all.earlier = self.earlier
        return self._all.read(client, item_id)

    @property
    def writes_text(self) -> bool:
        return self._all.writes_text

    @property
    def message_fields(self) -> Sequence[str]:
        return self._all.message_fields

    def read_message_fields(self, client: Client, items: Sequence[Item]) -> list[Mapping[str, Any]]:
        return self._all.read_message_fields(client, items)

    def message(self, item: Item) -> str:
        return self._of(item).message(item)

    def is_doubted(self, payload: Json) -> bool:
        return self._all.is_doubted(payload)

    def shows(self, item: Item) -> bool:
        return self._of(item).shows(item)

    def text(self, item: Item) -> str:
        return self._of(item).text(item)

    def remark(self, item: Item) -> str:
        return self._all.remark(item)

    @property
    def may_be_taken(self) -> bool:
        return self._all.may_be_taken

    def taken(self, client: Client, wanted: Sequence[tuple[Item, Change]], had: dict[Any, Any]) -> Mapping[int, str]:
        return self._all.taken(client, wanted, had)

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        return self._of(item).stands(payload, item, since=since, client=client)

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        return self._of(item).left(payload, item, since=since, client=client)

    def drift(self, payload: Json, item: Item) -> str:
        return self._of(item).drift(payload, item)

    def touched(self, payload: Json, item: Item) -> str:
        return self._of(item).touched(payload, item)

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        return self._of(item).perform(client, item, now)

    def inverse(self) -> Operation | None:
        """See Operation. What was done to an item is undone by its before-image, whatever its parameters were."""
        back = self._all.inverse()
        if isinstance(back, Undo):
            back.words = self._words
        return back

    def undone_id(self, item_id: str, after: Json) -> str:
        return self._all.undone_id(item_id, after)

    def why_no_undo(self) -> str:
        return self._all.why_no_undo()

    def _of(self, item: Item) -> Operation:
        given = (item.data or {}).get(WITH, {})
        keep_private_of_item(given)
        made = self._build({**given, **self._all.prepared})
        made.label, made.earlier = self.label, self.earlier
        return made
