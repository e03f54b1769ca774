"""Conversations, as the rest of the package needs to know them."""

from __future__ import annotations

from ..resource import UPDATED, Column, Count, History, Resource


class _Conversations(Resource):
    """Their parts tell who wrote to them."""

    @property
    def history(self) -> History:
        """See Resource. Imported when it is asked for: help needs none of it."""
        from . import history

        return history


RESOURCE = _Conversations(
    name="conversations",
    singular="conversation",
    search="conversations/search",
    listing="conversations",
    count=Count("GET", "conversations"),
    columns=(
        Column("id", ("id",)),
        Column("state", ("state",)),
        Column("assigned to", (), "assignee"),
        UPDATED,
        Column("about", ("title", "source.subject", "source.body"), "subject"),
    ),
    listed=(
        "id", "link", "state", "priority", "team_assignee_id", "team", "admin_assignee_id", "assignee", "tags", "contact", "contact_name",
        "created_at", "updated_at", "waiting_since", "snoozed_until", "subject",
    ),
    also_in=("tickets",),
    watched=("state", "priority", "title", "team_assignee_id", "admin_assignee_id", "tags", "contacts"),
    named=("tag_ids", "contacts"),
    page="a/inbox/{workspace}/inbox/conversation/{id}",
    settable={"title": "text", "read": "boolean", "company_id": "company"},
    of_contacts=True,
    names=("title", "source.subject", "source.author.name"),
    examples=(
        "--where 'team = Support and state = open and idle > 30d'",
        "--where 'tag = incident' --columns id,team,created_at -o incident.xlsx",
        "--where 'contact = ann@example.com' --explain",
    ),
    rank=1,
)
