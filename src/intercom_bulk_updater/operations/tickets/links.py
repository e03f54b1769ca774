"""link, unlink: hang conversations on tracker tickets and take them off.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets/linkconversationtoticket
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.lists import is_part
from ...api.paths import item_path
from ...errors import NotFound, UsageError
from ...model import Item, Reversibility
from ...parsing.id_file import of_link
from ...parsing.identity import canonical_id
from ..named_targets import NamedTargets
from ..operation import Json, Operation
from ..resource import name_of
from ..spec import Kind, Resolver, parameter
from .fields import TicketFields

_NO_TRACKERS = ("Customer", "Back-office")
"""Categories of the tickets that nothing is linked to."""


def _tracker_of(conversation: Json) -> str:
    """The id of the tracker ticket that a conversation, or a customer ticket, is linked to; "" for none, or not shown."""
    rows = (conversation.get("linked_objects") or {}).get("data") or ()
    return next((str(one.get("id")) for one in rows if one.get("type") == "ticket" and one.get("category") == "Tracker"), "")


@dataclass(frozen=True, kw_only=True)
class _Parameters:
    conversation: list[str] = parameter(Kind.IDS, "The conversation, or customer ticket, by its id or link; may be given again.")


class _Linking(NamedTargets, TicketFields):
    reversibility = Reversibility.REVERSIBLE
    moves_updated_at = False
    side_effects = ""
    fields = ("linked",)
    rows_add_up = True
    signs = False
    Parameters = _Parameters
    targets: ClassVar[Mapping[str, str]] = {"conversation": "conversations"}

    word: ClassVar[str]
    """What stands between the verb and the conversations."""

    def __init__(
        self, conversations: Sequence[str], unfit: str = "", called: Mapping[str, str] | None = None,
        trackers: Mapping[str, str] | None = None, given: dict[str, str] | None = None,
    ) -> None:
        self.conversations = list(conversations)
        self.trackers = dict(trackers or {})
        """The tracker ticket that a conversation has, as it was when it was named."""
        self.given = {} if given is None else given
        """The tracker ticket that a conversation is to have by this run, the first that asks for it; one mapping for all rows."""
        self.unfit = unfit
        self.called = dict(called or {})
        self.requests_per_item = max(1, len(self.conversations))

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        """See Operation. One of which a row names nothing that can be linked is not done in part."""
        every = [one for one in several if isinstance(one, _Linking)]
        called = {one: said for operation in every for one, said in operation.called.items()}
        unfit = next((one.unfit for one in every if one.unfit), "")
        trackers = {one: held for operation in every for one, held in operation.trackers.items()}
        made = cls(list(dict.fromkeys(one for operation in every for one in operation.conversations)), unfit, called, trackers)
        made.requests_per_item = max(one.requests_per_item for one in every)
        return made

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        found = [cls.find(text, resolver) for text in given["conversation"]]
        unfit = next((str(one["unfit"]) for one in found if "unfit" in one), "")
        called = {str(one["id"]): f"{name} ({one['id']})" for one in found if (name := name_of(one))}
        trackers = {str(one["id"]): held for one in found if (held := _tracker_of(one))}
        return cls([str(one["id"]) for one in found], unfit, called, trackers)

    @classmethod
    def find(cls, text: str, resolver: Resolver) -> Json:
        """The conversation that is named. Raises UsageError."""
        return resolver.target("conversations", text, "--conversation")

    @property
    def parameters(self) -> dict[str, Any]:
        unfit = {"unfit": self.unfit} if self.unfit else {}
        known = {name: value for name, value in (("called", self.called), ("trackers", self.trackers)) if value}
        return {"conversations": self.conversations, **unfit, **known}

    @property
    def prepared(self) -> dict[str, Any]:
        return {"given": self.given}

    def describe(self) -> str:
        return f"{self.name} {self.word} {', '.join(self.called.get(one, one) for one in self.conversations)}"

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. A ticket carries its first thousand: then nothing is known of the others."""
        held = payload.get("linked_objects")
        whole = isinstance(held, Mapping) and isinstance(held.get("data"), list) and not is_part(held)
        return {"linked": sorted(str(one.get("id")) for one in held["data"])} if whole and held is not None else {}

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation. The answers are the conversations."""
        for one in sorted(set(want["linked"]) - set(have["linked"])):
            client.post(item_path("tickets", item_id, "linked_conversations"), {"conversation_id": one})
        for one in sorted(set(have["linked"]) - set(want["linked"])):
            try:
                client.delete(item_path("tickets", item_id, "linked_conversations", one))
            except NotFound as exc:
                if exc.code != "conversation_not_found":  # which says that it is not linked
                    raise
        return None


class Link(_Linking):
    """Link conversations to the tracker ticket. A conversation has one tracker at most."""

    name: ClassVar[str] = "link"
    summary = "Link conversations to tracker tickets."
    word = "to"
    past, unchanged, rank = "linked", "already linked", 10
    examples = (
        "--ids tracker.txt --conversation 215470000000024 --dry-run",
        "--csv sheet.csv --id-column ticket --conversation '{{conversation}}'",
        "--where 'type = Incident' --conversation 215470000000024 --max 1",
    )

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. With the category, as only a tracker ticket is linked."""
        before = super().capture(payload)
        return before and {**before, **({"category": payload["category"]} if "category" in payload else {})}

    def impossible(self, item: Item) -> str:
        """See Operation. In Intercom's own words."""
        other = (item.before or {}).get("category") in _NO_TRACKERS
        if other or self.unfit:
            return "Only tracker tickets support linking conversations" if other else self.unfit
        missing = sorted({*self.conversations} - {*(item.before or {}).get("linked", self.conversations)})
        if taken := next((one for one in missing if self.trackers.get(one, item.id) != item.id), ""):
            held = f"{self.called.get(taken, taken)} is linked to the tracker ticket {self.trackers[taken]}"
            return f"{held}, and a conversation has one at most: unlink it there first, then give the command again"
        if taken := next((one for one in missing if self.given.setdefault(one, item.id) != item.id), ""):
            held = f"{self.called.get(taken, taken)} is to be linked to the tracker ticket {self.given[taken]}"
            return f"{held} by the same run, and a conversation has one at most"
        return ""

    def target(self, before: Json) -> dict[str, Any]:
        return {"linked": sorted({*before.get("linked", ()), *self.conversations})}


class Unlink(_Linking):
    """Take conversations off the tracker ticket."""

    name: ClassVar[str] = "unlink"
    summary = "Take conversations off tracker tickets."
    word = "from"
    past, unchanged, rank = "unlinked", "already not linked", 11
    examples = (
        "--ids ids.txt --conversation 215470000000024 --dry-run",
        "--csv sheet.csv --id-column ticket --conversation '{{conversation}}'",
        "--where 'type = Incident and open = false' --conversation 215470000000024",
    )

    @classmethod
    def find(cls, text: str, resolver: Resolver) -> Json:
        """See _Linking. One that is not there any more may be taken off all the same."""
        if not (one := canonical_id(of_link(text.strip()), "conversations")).isdigit():
            raise UsageError(f"--conversation {one} is not an id of a conversation.")
        try:
            found = resolver.target("conversations", one, "--conversation")
        except UsageError:
            return {"id": one}
        return {"id": one} if "unfit" in found else found

    def target(self, before: Json) -> dict[str, Any]:
        return {"linked": sorted({*before.get("linked", ())} - {*self.conversations})}
