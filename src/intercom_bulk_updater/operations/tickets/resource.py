"""Tickets, as the rest of the package needs to know them. They have no list: every one of them was created some time."""

from __future__ import annotations

from ..resource import UPDATED, Column, Count, Resource

RESOURCE = Resource(
    name="tickets",
    singular="ticket",
    search="tickets/search",
    listing="",
    count=Count(
        "POST", "tickets/search", {"query": {"field": "created_at", "operator": ">", "value": 0}, "pagination": {"per_page": 1}}
    ),
    columns=(
        Column("id", ("id",)),
        Column("state", ("ticket_state.internal_label", "ticket_state.category", "ticket_state")),
        Column("type", ("ticket_type.name",)),
        Column("assigned to", (), "assignee"),
        UPDATED,
        Column("about", ("ticket_attributes._default_title_",), "subject"),
    ),
    listed=(
        "id", "ticket_id", "link", "state", "type", "category", "team_assignee_id", "team", "admin_assignee_id", "assignee",
        "contact", "contact_name", "created_at", "updated_at", "snoozed_until", "subject",
    ),
    not_ids=("ticket_id",),
    watched=("open", "ticket_state", "team_assignee_id", "admin_assignee_id", "is_shared", "tags", "contacts"),
    named=("tag_ids", "contacts"),
    page="a/inbox/{workspace}/inbox/conversation/{id}",
    of_contacts=True,
    names=("ticket_attributes._default_title_",),
    examples=(
        "--where 'type = Incident and open = true'",
        "--where 'idle > 30d' --columns id,type,state -o idle.csv",
        "--where 'assignee = \"Ben Okafor\"' --count",
    ),
    rank=4,
)
