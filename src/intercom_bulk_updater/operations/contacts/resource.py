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
    rank=2,
)
