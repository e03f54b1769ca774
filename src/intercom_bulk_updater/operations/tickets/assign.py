"""assign: give tickets to a team, an admin, or nobody.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets/updateticket
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...api.client import Client
from ...model import Item
from ..assignment import ASSIGNEES, Assigned, AssignVerb
from ..operation import Json
from .fields import TicketFields


class Assign(AssignVerb, TicketFields):
    """Assign the ticket to a team, an admin, or nobody.

    Intercom takes away team and admin together, so that taking one of them away assigns the other anew.
    """

    name: ClassVar[str] = "assign"
    summary = "Assign tickets to a team, an admin, or nobody."
    examples = (
        "--where 'assignee = \"Ben Okafor\" and open = true' --to-team Billing --no-admin --dry-run",
        "--ids ids.txt --to-admin 'Ben Okafor'",
        "--csv sheet.csv --to-team '{{team}}'",
    )
    fields = ASSIGNEES
    works_unseen = True
    Parameters = Assigned

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        have = (self.image(now) if now is not None else {}) or item.before or self.image(self.read(client, item.id) or {})
        want = self.and_kept(item, have)
        shown = self.write(client, item.id, have, want)
        return {**have, **want, **({**self.image(shown), **self.marks(shown, client)} if shown else {})}

    def requests_for(self, item: Item) -> int:
        have = item.before
        return self.requests_per_item if have is None else self.requests_between(have, self.and_kept(item, have))

    def requests_between(self, have: Json, want: Json) -> int:
        cleared = any(have.get(field) and not want.get(field, have[field]) for field in ASSIGNEES)
        now = {} if cleared else have
        return cleared + sum(1 for field in ASSIGNEES if want.get(field) and now.get(field) != want[field])

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation. Nobody first, then the team, then the admin: each may take the other away, and is seen to.

        Whom it is not known to have, it may have.
        """
        now, shown = dict(have), None
        if any(now.get(field, ...) and not want.get(field) for field in ASSIGNEES):
            cleared = {field: 0 for field in ASSIGNEES if not want.get(field)}
            shown = self.put(client, item_id, {"assignee_id": "0"}, cleared)
            now = self.image(shown)
        for field in reversed(ASSIGNEES):
            if want.get(field) and now.get(field) != want[field]:
                shown = self.put(client, item_id, {"assignee_id": str(want[field])}, {field: want[field]})
                now = self.image(shown)
        return shown
