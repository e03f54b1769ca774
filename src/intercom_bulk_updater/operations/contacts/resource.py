"""Contacts, as the rest of the package needs to know them."""

from __future__ import annotations

from ..resource import UPDATED, Column, Count, Resource

RESOURCE = Resource(
    name="contacts",
    singular="contact",
    search="contacts/search",
    listing="contacts",
    count=Count("GET", "contacts"),
    columns=(
        Column("id", ("id",)),
        Column("role", ("role",)),
        Column("external id", ("external_id",)),
        UPDATED,
        Column("name", ("name",)),
    ),
    settable={
        "name": "string", "email": "email", "phone": "string", "external_id": "string", "owner_id": "admin",
        "unsubscribed_from_emails": "boolean", "signed_up_at": "date", "last_seen_at": "date", "avatar": "string",
    },
    listed=(
        "id", "link", "role", "external_id", "name", "owner_id", "owner", "tags", "created_at", "signed_up_at", "last_seen_at",
        "updated_at",
    ),
    named=("tag_ids", "companies", "company_ids"),
    keys=("email", "external_id"),
    watched=(
        "role", "name", "email", "phone", "external_id", "owner_id", "unsubscribed_from_emails", "custom_attributes", "tags", "companies",
        "notes", "language_override", "signed_up_at", "last_replied_at", "last_contacted_at", "opted_in_subscription_types",
        "opted_out_subscription_types",
    ),
    page="a/apps/{workspace}/users/{id}",
    examples=(
        "--where 'role = lead and created > 30d'",
        "--where 'email ~ acme.com' -o acme.csv",
        "--where 'tag = vip' --count",
    ),
    rank=2,
)
