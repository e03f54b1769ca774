"""Verbs that bring fields of an item to a wanted state, and the way back that all of them share.

A verb says which fields (`fields`), to what (`target`), and which requests do it (`write`):

    class Rename(FieldsOperation):
        name, resource, fields = "rename", "contacts", ("name",)

        def target(self, before): return {"name": self.to}
        def write(self, client, item_id, have, want): return client.put(item_path("contacts", item_id), dict(want))
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..api.client import Client
from ..api.paths import item_path
from ..model import Item, Reversibility
from .endings import CannotApply, NothingChanged
from .field_values import describe_difference, describe_field, on_the_way, part_stands, taken_back
from .operation import Change, Json, Operation
from .watched import SEEN, changed_since, seen_of

UPDATED = "updated_at"
"""When Intercom says that an item was changed last."""


@dataclass(frozen=True, slots=True)
class FieldsChange:
    """An item of a batch, with its fields as they are and as they are wanted."""

    id: str
    have: Json
    want: Json


class FieldsOperation(Operation):
    """Bring some fields of an item to a wanted state; what is in it already is left alone."""

    reversibility = Reversibility.FIELDS
    idempotent = True

    watches: ClassVar[bool] = False
    """Whether an item is left alone where others have changed whatever of it since it was looked at: what it loses does not come back."""

    @abstractmethod
    def target(self, before: Json) -> dict[str, Any]:
        """The wanted value of each field, for an item whose fields are as in `before`."""

    works_unseen: ClassVar[bool] = False
    """Whether it can be done to an item that does not show its fields, or shows a part of them."""

    undo_batch_size: int = 1
    """The `batch_size` of the way back."""

    @abstractmethod
    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """Send the requests that bring an item from `have` to `want`; return the item if an answer shows it."""

    def requests_between(self, have: Json, want: Json) -> int:
        """How many requests `write` sends for that."""
        return self.requests_per_item

    def requests_for(self, item: Item) -> int:
        have = item.before
        return self.requests_per_item if have is None else self.requests_between(have, self.wanted(item, have))

    def write_batch(self, client: Client, changes: Sequence[FieldsChange]) -> Sequence[Exception | None]:
        """The same for several items at once, where `batch_size` is more than 1: for each what went wrong, or None."""
        raise NotImplementedError(f"{type(self).__name__} acts on one item at a time")

    def image(self, payload: Json) -> dict[str, Any]:
        """Those of the fields that a payload has, in one plain form."""
        return {field: payload[field] for field in self.fields if field in payload}

    def looked_at(self, payload: Json) -> dict[str, Any]:
        """For `capture`: marks of an item that `watches` compares with what is read before the write."""
        return seen_of(self.resource, payload) if self.watches else {}

    def touched(self, payload: Json, item: Item) -> str:
        return changed_since(self.resource, payload, item) if self.watches else ""

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. An image that lacks a field is none: a GET may tell."""
        image = self.image(payload)
        return {**image, **self.looked_at(payload)} if len(image) == len(self.fields) else None

    def read(self, client: Client, item_id: str) -> Json | None:
        return client.get(item_path(self.resource, item_id))

    def wanted(self, item: Item, now: Json) -> dict[str, Any]:
        """The wanted fields of an item whose fields are `now` as given."""
        return self.target(now)

    def change(self, item: Item) -> Change | None:
        before = item.before
        if before is None:
            return None
        return {field: (before.get(field), value) for field, value in self.wanted(item, before).items() if before.get(field) != value}

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        now = self.image(payload)
        return None if len(now) < len(self.fields) else all(now.get(field) == value for field, value in self.wanted(item, now).items())

    def drift(self, payload: Json, item: Item) -> str:
        now, before = self.image(payload), item.before or {}
        ours = self.wanted(item, before) if item.doubt or (item.data or {}).get("unsure") else {}
        return ", ".join(
            describe_difference(field, now[field], before[field], self.label, self.names)
            for field in now if field in before and now[field] != before[field]
            if field not in ours or not on_the_way(before[field], ours[field], now[field])
        )

    def kept(self, payload: Json, have: Json) -> dict[str, Any]:
        """What an after-image takes from the item as it is after the write; its fields were `have`."""
        return self.image(payload)

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        have = _without_marks(item.before or {})
        return {**have, **self.wanted(item, have), **self.kept(payload, have), **self.marks(payload, client, since)}

    def marks(self, payload: Json, client: Client, since: float | None = None) -> dict[str, Any]:
        """For an after-image: when our write was, so that the way back tells what came later. `since`: of an item that was read back."""
        return {}

    def came_after(self, payload: Json, item: Item) -> str:
        """For undo: who has been at an item since the verb wrote it, by its history; "" for nobody, or where it does not tell."""
        return ""

    def hides(self, payload: Json) -> str:
        if not self.fields or self.works_unseen or self.capture(payload) is not None:
            return ""
        parts = ", ".join(describe_field(field) for field in self.fields)
        return f"Intercom does not show all of the item ({parts}), so that nothing tells what there is to change"

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        seen = self.capture(now) if now is not None else None
        have = _without_marks(seen or item.before or self.capture(self.read(client, item.id) or {}) or {})
        if not have and (why := self.hides({})):
            raise CannotApply(why)
        want = self.wanted(item, have)
        shown = self.write(client, item.id, have, want)
        kept = self.kept(shown, have) if shown else {}
        self.see_unwritten(have, want, kept)
        return {**have, **want, **kept, **(self.marks(shown, client) if shown else {})}

    def see_unwritten(self, have: Json, want: Json, kept: Json) -> None:
        """Raise PartiallyApplied where the answer to the write shows that a field which was not written is not as it was read."""

    def perform_batch(self, client: Client, items: Sequence[Item]) -> Sequence[dict[str, Any] | Exception | None]:
        changes = [FieldsChange(item.id, item.before or {}, self.wanted(item, item.before or {})) for item in items]
        told = self.write_batch(client, changes)
        return [{**one.have, **one.want} if wrong is None else wrong for one, wrong in zip(changes, told, strict=True)]

    def not_ours(self, before: Json) -> str:
        """For undo: why it is not known that the verb has changed an item that was so before; "" where it is."""
        return ""

    def back_is_found(self, client: Client, payload: Json, want: Json, since: float) -> bool:
        """For undo: whether a search tells of an item that it is as wanted since then, where no GET does."""
        return False

    def inverse(self) -> Operation | None:
        return None if self.reversibility is Reversibility.IRREVERSIBLE else Undo(self)


class Undo(FieldsOperation):
    """The way back from such a verb: the fields as they were before it.

    `item.before` is what the verb left, `item.data["to"]` what was there before it. Of a list (tags) only what the verb
    added is taken away, and only what it took away is added.
    """

    name: ClassVar[str] = "undo"
    past, unchanged, lead = "restored", "already as before", "Restore"
    own_change_only = True

    def __init__(self, forward: FieldsOperation) -> None:
        self.forward = forward
        self.words = ""
        """What is undone, in words, where what is undone does not say it itself: of rows with values of their own."""
        self.resource = forward.resource  # type: ignore[misc] # of the class elsewhere; here that of what is undone
        self.fields = forward.fields
        self.requests_per_item = forward.requests_per_item
        self.side_effects = forward.side_effects
        self.moves_updated_at = forward.moves_updated_at
        self.batch_size, self.undo_batch_size = forward.undo_batch_size, forward.batch_size

    @property
    def parameters(self) -> dict[str, Any]:
        given = {"of": f"{self.resource}.{self.forward.name}", "given": self.forward.parameters}
        return {**given, **({"words": self.words} if self.words else {})}

    def describe(self) -> str:
        words, again = self._of()
        return f"{words} again" if again else f"undo {words}"

    def _of(self) -> tuple[str, bool]:
        """The verb in words, and whether this does it again: an undo of an undo does."""
        if isinstance(self.forward, Undo):
            words, again = self.forward._of()
            return words, not again
        return self.words or self.forward.describe(), False

    @property
    def names(self) -> Mapping[str, str]:
        return self.forward.names

    def judge(self, items: Iterable[Item]) -> None:
        """Have `reversibility` say what is so for the items that there are to take back."""

    def spare(self, items: Iterable[Item]) -> int:
        """Leave out what would go for good, where there is something else to take back; returns how many those are."""
        return 0

    def takes(self, item: Item) -> bool:
        """Whether the item is not left out by `spare`."""
        return True

    def target(self, before: Json) -> dict[str, Any]:
        """See FieldsOperation. Not known without the item."""
        return {}

    def wanted(self, item: Item, now: Json) -> dict[str, Any]:
        left, to = item.before or {}, (item.data or {}).get("to") or {}
        return {field: _restored(left.get(field), value, now.get(field)) for field, value in to.items() if field in self.fields}

    def image(self, payload: Json) -> dict[str, Any]:
        return self.forward.image(payload)

    def read(self, client: Client, item_id: str) -> Json | None:
        return self.forward.read(client, item_id)

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        return self.forward.write(client, item_id, have, want)

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        try:
            return super().perform(client, item, now)
        except NothingChanged as exc:
            raise NothingChanged(self.unchanged, exc.left) from None

    def marks(self, payload: Json, client: Client, since: float | None = None) -> dict[str, Any]:
        return self.forward.marks(payload, client, since)

    def came_after(self, payload: Json, item: Item) -> str:
        return self.forward.came_after(payload, item)

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        found = super().stands(payload, item, since=since, client=client)
        return found if found is not None else self.is_found(payload, item, since, client) or None

    def is_found(self, payload: Json, item: Item, since: float, client: Client) -> bool:
        """Whether a search tells that the item is as before; as it takes a request, asked alone for what was sent, or changed since."""
        at, ours = payload.get(UPDATED), ((item.data or {}).get("marks") or {}).get(UPDATED)
        if not 0 < since <= item.sent_at:
            if not (isinstance(at, int) and isinstance(ours, int) and at > ours):
                return False
            since = at
        return self.back_is_found(client, payload, self.wanted(item, {}), since)

    def back_is_found(self, client: Client, payload: Json, want: Json, since: float) -> bool:
        return self.forward.back_is_found(client, payload, want, since)

    def why_unverifiable(self) -> str:
        return self.forward.why_unverifiable() if self.forward.not_shown else super().why_unverifiable()

    def requests_between(self, have: Json, want: Json) -> int:
        return self.forward.requests_between(have, want)

    def write_batch(self, client: Client, changes: Sequence[FieldsChange]) -> Sequence[Exception | None]:
        return self.forward.write_batch(client, changes)

    @property
    def prepares(self) -> bool:
        return self.forward.prepares

    def prepare(self, client: Client) -> None:
        self.forward.prepare(client)

    def left_to_do(self, payload: Json, item: Item) -> dict[str, Any] | None:
        """What the verb left, without what others have undone of a list since; None where they have undone nothing."""
        now, left, to = self.image(payload), item.before or {}, (item.data or {}).get("to") or {}
        lists = {field for field, value in now.items() if all(isinstance(one, list) for one in (value, left.get(field), to.get(field)))}
        rest = {field: _without_done(set(left[field]), set(to[field]), set(now[field])) for field in lists}
        return {**left, **rest} if any(rest[field] != sorted(left[field]) for field in lists) else None

    def drift(self, payload: Json, item: Item) -> str:
        """See Operation. What others have added to a list, or taken from it, stays as it is.

        Where it is not sure that all of the verb stands, any part of what it wrote to a list may be there.
        """
        now, left, to = self.image(payload), item.before or {}, (item.data or {}).get("to") or {}
        if why := self.forward.not_ours(to):
            return why
        unsure = item.doubt or (item.data or {}).get("unsure")
        as_left = {
            field for field, value in left.items()
            if isinstance(value, list) and field in now and (unsure or _keeps(value, to.get(field) or [], now[field] or []))
        }  # fmt: skip
        kept = {field: now[field] if field in as_left else value for field, value in left.items()}
        half = taken_back(left, to, now)
        if any(left.get(field) != was for field, was in half.items()) and (who := self.came_after(payload, item)):
            # It was turned back in part by somebody who goes on from there.
            return "; ".join(said for said in (super().drift(payload, replace(item, before=kept)), who) if said)
        return super().drift(payload, replace(item, before={**kept, **half}))


def _without_marks(image: Json) -> dict[str, Any]:
    return {field: value for field, value in image.items() if field != SEEN}


def _without_done(left: set[Any], was: set[Any], now: set[Any]) -> list[Any]:
    return sorted((left - (left - was - now)) | ((was - left) & now))


def _keeps(left: list[Any], was: list[Any], now: list[Any]) -> bool:
    """Whether something is there of what the verb added to a list or took away, if it changed it at all."""
    return set(left) == set(was) or part_stands(left, was, now)


def _restored(left: Any, was: Any, now: Any) -> Any:
    """A field as it was: of a list, the part of `now` that is ours alone is turned back."""
    if not (isinstance(left, list) and isinstance(was, list) and isinstance(now, list)):
        return was
    return sorted((set(now) - (set(left) - set(was))) | (set(was) - set(left)))
