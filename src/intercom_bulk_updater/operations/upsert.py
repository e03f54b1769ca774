"""`upsert`: create what is missing, set what exists. What the verb of every resource shares.

Its items are the rows of a spreadsheet, each under the key by which the person knows it (`--id-column email`): what does not
exist has no id of Intercom's. The after-image holds the `id`, and by that an undo goes: it removes what was created and
restores what was changed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ..api.client import Client
from ..api.paths import item_path
from ..errors import InvalidRequest, UsageError
from ..model import Item, Reversibility
from ..parsing.dates import local_moment
from .created import BUILT_ON, MADE, SEEN, as_made, touched
from .endings import SeenOtherwise
from .field_values import MISSING, THERE, describe_field
from .fields import UPDATED, FieldsOperation, Undo
from .operation import Json, Operation
from .resource import resources
from .spec import Resolver
from .values import SetValues, body_of, merged, names_in


class Upsert(SetValues, FieldsOperation):
    """Create the item, or set its fields; what exists as wanted is left alone."""

    name: ClassVar[str] = "upsert"
    past, unchanged, lead, rank = "written", "already as the row says", "Create or set", 7
    reversibility = Reversibility.FIELDS

    def __init__(self, values: Mapping[str, Any], by: str, names: Mapping[str, str] | None = None) -> None:
        super().__init__(values, names)
        self.by = by
        self.existence = resources()[self.resource].singular
        """The field that says whether the item is there."""
        self.fields = (self.existence, *self.fields)

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        """See Operation; `by` is the column of the keys. Raises UsageError where it is set besides."""
        values = resolver.values(cls.resource, given["values"])
        if given["by"] in values:
            raise UsageError(f"{given['by']} is what the rows go by, and comes from its column: leave it out of KEY=VALUE.")
        return cls(values, given["by"], names_in(values, resolver))

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        rows = [one for one in several if isinstance(one, Upsert)]
        values, names = merged(rows)
        return cls(values, rows[0].by, names)

    @property
    def parameters(self) -> dict[str, Any]:
        return {**super().parameters, "by": self.by}

    def describe(self) -> str:
        return f"upsert by {self.by}: {super().describe().removeprefix('set ')}"

    @abstractmethod
    def find(self, client: Client, key: str) -> Json | None:
        """The item with that key; None when there is none. Raises ValueError where there are several."""

    @abstractmethod
    def create(self, client: Client, key: str, body: dict[str, Any]) -> Json:
        """Create the item; its answer is the item."""

    @abstractmethod
    def taken_by(self, refusal: InvalidRequest) -> str:
        """The id of the item that has the key already, where a refusal to create another names it; "" otherwise."""

    @abstractmethod
    def update(self, client: Client, item_id: str, body: dict[str, Any]) -> Json:
        """Set fields of the item with that id of Intercom's; the answer is the item."""

    removes_for_good: ClassVar[bool] = False
    """Whether what `bring` takes away does not come back."""

    @abstractmethod
    def bring(self, client: Client, item_id: str, state: str) -> None:
        """For undo: take the item away (`MISSING`), or bring it back (`THERE`)."""

    @abstractmethod
    def shown(self, payload: Json) -> dict[str, Any]:
        """The fields of `values` that an item has."""

    def look(self, client: Client, item_id: str) -> Json:
        """For undo: the item with that id of Intercom's, whether it was removed or not."""
        return client.get(item_path(self.resource, item_id))

    def why_not_told(self) -> str:
        """For undo: why nothing tells whether what it created is archived."""
        return f"Intercom does not show whether a {self.existence} is archived"

    def sure(self) -> bool:
        """Whether `find` tells for certain that an item is missing: a search index may be behind."""
        return True

    def undone_id(self, item_id: str, after: Json) -> str:
        return str(after.get("id") or item_id)

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation; with the `id`, where there is one."""
        if payload.get(MISSING):
            return {self.existence: MISSING, **dict.fromkeys(self.values)}
        return {self.existence: THERE, "id": str(payload.get("id")), **self.shown(payload)}

    def kept(self, payload: Json, have: Json) -> dict[str, Any]:
        """See FieldsOperation; of what it has created also how it was then, so that an undo leaves alone what others have built on."""
        made = {MADE: as_made(payload, self.resource)} if have.get(self.existence) == MISSING else {}
        return {**self.image(payload), **made}

    def capture(self, payload: Json) -> dict[str, Any] | None:
        image = self.image(payload)
        return image if image.keys() >= set(self.fields) else None

    def read(self, client: Client, item_id: str) -> Json | None:
        found = self.find(client, item_id)
        return {MISSING: True} if found is None else found

    def target(self, before: Json) -> dict[str, Any]:
        return {self.existence: THERE, **self.values}

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        if payload.get(MISSING) and not self.sure():
            return None
        return super().stands(payload, item, since=since, client=client)

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        body = body_of(have, {field: want[field] for field in self.values})
        return self.create(client, item_id, body) if have.get(self.existence) == MISSING else self.update(client, str(have["id"]), body)

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation. An item that has the key though `find` did not show it is somebody else's, and set like any that exists.

        Where an answer of ours was lost, one that came since and is as wanted is our own.
        """
        try:
            return super().perform(client, item, now)
        except InvalidRequest as exc:
            there = self.taken_by(exc)
            found = client.get(item_path(self.resource, there)) if there else {}
            # A refusal may be about another field that must be unique, and name an item that is not meant.
            if str(found.get(self.by) or "").casefold() != item.id.casefold():
                raise
            came = 0 < int(item.sent_at) <= int(found.get("created_at") or 0) and self.shown(found) == self.values
            raise SeenOtherwise(found, self.kept(found, item.before or {}) if came else None) from exc

    def inverse(self) -> Operation | None:
        return UndoUpsert(self)


class UndoUpsert(Undo):
    """The way back, by the ids that Intercom gave: what was created is removed, what was changed is restored."""

    def __init__(self, forward: FieldsOperation) -> None:
        super().__init__(forward)
        found = forward.upsert if isinstance(forward, UndoUpsert) else forward
        assert isinstance(found, Upsert)  # noqa: S101 - nothing else is undone by it
        self.upsert: Upsert = found
        self.takes_effect_later = found.takes_effect_later
        if found.removes_for_good:
            self.reversibility = Reversibility.IRREVERSIBLE

    def judge(self, items: Iterable[Item]) -> None:
        """See Undo. Where nothing was created, fields are restored and nothing goes."""
        if self.upsert.removes_for_good and not any(self._removes(item) for item in items):
            self.reversibility = Reversibility.FIELDS

    def spare(self, items: Iterable[Item]) -> int:
        if self.reversibility is not Reversibility.IRREVERSIBLE:
            return 0
        removed = Counter(map(self._removes, items))
        if removed[False]:
            self.reversibility = Reversibility.FIELDS
        return removed[True] if removed[False] else 0

    def takes(self, item: Item) -> bool:
        return not (self._sparing and self._removes(item))

    @property
    def _sparing(self) -> bool:
        return self.upsert.removes_for_good and self.reversibility is Reversibility.FIELDS

    @property
    def parameters(self) -> dict[str, Any]:
        return {**super().parameters, **({"sparing": True} if self._sparing else {})}

    def _removes(self, item: Item) -> bool:
        """Whether the item was created, and is to go."""
        return bool(((item.data or {}).get("to") or {}).get(self.upsert.existence) == MISSING)

    def drift(self, payload: Json, item: Item) -> str:
        """See Operation. Of what is to go, all that the item shows is looked at, and not just the fields of the run."""
        moved = super().drift(payload, item)
        if not self._removes(item) or self.image(payload).get(self.upsert.existence) == MISSING:
            return moved
        data = item.data or {}
        was, now = (data.get("marks") or {}).get(MADE), as_made(payload, self.resource)
        # Without a record of how it was made (an older journal), only what can never have been there from the start tells.
        built = [
            name for name in sorted({*now, *(was or {})} - {*self.fields, UPDATED, SEEN})
            if (now.get(name) != was.get(name) if was is not None else name in BUILT_ON and name in now)
        ]  # fmt: skip
        said = [f"changed since it was created: {', '.join(describe_field(name) for name in built)}"] if built else []
        ours = item.doubt or "unsure" in data or "own" in data
        if not (said or moved or ours) and was is not None and touched(was, now):
            said = [f"changed since it was created, at {local_moment(now[UPDATED])}"]
        return "; ".join(filter(None, [moved, self._created_twice(payload, item), *said]))

    def _created_twice(self, payload: Json, item: Item) -> str:
        """Where one request creates or sets, as of companies, two runs may have taken the same one for theirs."""
        if self.earlier is None or not self.upsert.removes_for_good:
            return ""
        runs = [run for run, left in self.earlier(str(payload.get(self.upsert.by))) if MADE in left and left.get("id") == item.id]
        return f"{runs[1]} and {runs[0]} have both written it when it was created, and nothing tells whose it is" if runs[1:] else ""

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. Whether an item is archived, Intercom need not show."""
        flags = [payload[flag] for flag in ("archived", "deleted") if isinstance(payload.get(flag), bool)]
        told = {self.upsert.existence: MISSING if any(flags) else THERE} if flags else {}
        return {**told, **self.upsert.shown(payload)}

    def read(self, client: Client, item_id: str) -> Json | None:
        return self.upsert.look(client, item_id)

    def wanted(self, item: Item, now: Json) -> dict[str, Any]:
        """See FieldsOperation. Of what is removed no field is restored."""
        wanted = super().wanted(item, now)
        name = self.upsert.existence
        return {name: MISSING} if wanted.get(name) == MISSING else wanted

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation. Where the item was neither removed nor brought back, its fields tell."""
        name, now = self.upsert.existence, self.image(payload)
        wanted = self.wanted(item, now)
        if name not in now and wanted[name] == (item.before or {}).get(name):
            now[name] = wanted[name]
        if name not in now and self.is_found(payload, item, since, client):
            now[name] = wanted[name]
        return all(now.get(field) == value for field, value in wanted.items()) if name in now else None

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        name = self.upsert.existence
        if have.get(name) != want[name]:
            self.upsert.bring(client, item_id, want[name])
        body = body_of(have, {field: value for field, value in want.items() if field != name})
        if body:
            self.upsert.update(client, item_id, body)
        return None

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation. What is brought back is as it is now, for an undo that takes it away again."""
        after, name = super().perform(client, item, now), self.upsert.existence
        back = after is not None and now is not None and after.get(name) == THERE != (item.before or {}).get(name)
        if not back:
            return after
        # Bringing it back has changed it once more, after it was read.
        return {**(after or {}), MADE: {**as_made(now or {}, self.resource), UPDATED: int(client.server_time()) + 1}}

    def inverse(self) -> Operation | None:
        if self.reversibility is Reversibility.IRREVERSIBLE:
            return None
        back = UndoUpsert(self)
        if self.upsert.removes_for_good:  # what this one does not take away, that one does not either
            back.judge(())
        return back

    def why_no_undo(self) -> str:
        return f"Intercom's API cannot bring a deleted {self.upsert.existence} back"

    def why_unverifiable(self) -> str:
        return self.upsert.why_not_told()
