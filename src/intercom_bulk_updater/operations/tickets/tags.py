"""tag, untag: put tags on tickets and take them off. Intercom does not show the tags of a ticket; the answer to each request tells.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tags/attachtagtoticket
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ...api.client import Client
from ...api.lists import tag_ids
from ...api.paths import item_path
from ...errors import NotFound
from ...model import Item
from ..endings import NothingChanged
from ..operation import Json
from ..tagging import PutTags, TagVerb, TakeTagsOff
from .fields import TicketFields

_SHOWN = "shown"
"""In a before-image: the ticket showed its tags, as those of few accounts do."""


class _Tagging(TagVerb, TicketFields):
    not_shown = "Intercom does not show the tags of a ticket"
    moves_updated_at = False

    def image(self, payload: Json) -> dict[str, Any]:
        return {} if (tags := tag_ids(payload)) is None else {"tags": sorted(tags)}

    def assumed(self) -> list[str]:
        """Which of our tags a ticket is taken to have that does not show them: doing it twice does no harm."""
        return []

    def capture(self, payload: Json) -> dict[str, Any] | None:
        shown = self.image(payload)
        return {"tags": self.assumed(), **shown, **({_SHOWN: True} if shown else {}), **self.looked_at(payload)}

    def assumes(self, item: Item) -> bool:
        return bool(self.not_known(item.before or {}))

    @classmethod
    def not_known(cls, before: Json) -> tuple[str, ...]:
        """See Operation. The ticket may have tags of others, too."""
        return () if _SHOWN in before else ("tags",)

    def marks(self, payload: Json, client: Client, since: float | None = None) -> dict[str, Any]:
        """See FieldsOperation. The answer is no ticket."""
        return {}

    def shown(self, payload: Json) -> dict[str, Any] | None:
        return self.image(payload) or None

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation. What was so before us is not a change of ours: an undo leaves it."""
        have = (self.image(now) if now is not None else {}) or item.before or {"tags": self.assumed()}
        want = self.target(have)
        left = self.send(client, item.id, have, want, item.sent_at or client.server_time())
        if left == have and want != have:
            # What another has put on is not ours; what is off is ours, where a request before this one was no word on it.
            raise NothingChanged(self.unchanged, want if set(want["tags"]) < set(have["tags"]) else None)
        return left

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation. For the way back: what others have taken back is not done once more."""
        left = self.send(client, item_id, have, want, client.server_time())
        if set(left["tags"]) == set(have["tags"]) != set(want["tags"]):
            raise NothingChanged(self.unchanged, dict(want))
        return {"tags": {"tags": [{"id": tag} for tag in left["tags"]]}}

    def send(self, client: Client, item_id: str, have: Json, want: Json, since: float) -> dict[str, Any]:
        """Put on what is missing and take off what is too much; what we have not changed ourselves is left as in `have`."""
        admin, left = client.actor(), set(have["tags"])
        for tag in _sorted(set(want["tags"]) - left):
            answer = client.post(item_path("tickets", item_id, "tags"), {"id": tag, "admin_id": admin})
            if not _before_us(answer, admin, since):
                left.add(tag)
        for tag in _sorted(set(have["tags"]) - set(want["tags"])):
            try:
                client.delete(item_path("tickets", item_id, "tags", tag), {"admin_id": admin})
                left.discard(tag)
            except NotFound as exc:
                if exc.code != "tag_not_found":
                    raise
        return {"tags": sorted(left)}

    def why_unverifiable(self) -> str:
        return self.not_shown


def _sorted(tags: Iterable[str]) -> list[str]:
    return sorted(tags)


def _before_us(answer: Json, admin: str, since: float) -> bool:
    """Whether the answer shows a tag that was there already: put on by another, or earlier. Times are whole seconds."""
    by, at = (answer.get("applied_by") or {}).get("id"), answer.get("applied_at")
    return (by is not None and str(by) != admin) or (isinstance(at, int) and at < int(since - 0.5))


class Tag(PutTags, _Tagging):
    """Put tags on the ticket."""

    name: ClassVar[str] = "tag"
    summary = "Put tags on tickets."
    examples = (
        "--where 'type = Incident and open = true' --tag incident --dry-run",
        "--ids ids.txt --tag vip --tag incident",
        "--csv sheet.csv --tag '{{tag}}' --expect 200",
    )


class Untag(TakeTagsOff, _Tagging):
    """Take tags off the ticket."""

    name: ClassVar[str] = "untag"
    summary = "Take tags off tickets."
    examples = (
        "--where 'type = Incident and open = false' --tag incident --dry-run",
        "--ids ids.txt --tag vip --yes",
        "--from-run latest --outcome done --tag incident",
    )

    def assumed(self) -> list[str]:
        return sorted(self.tags)
