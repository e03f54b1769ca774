"""What the API answers, one module for each resource; `ROUTES` is all of it."""

from __future__ import annotations

from intercom_bulk_updater.sandbox.router import Route
from intercom_bulk_updater.sandbox.routes import (
    companies,
    contact_ends,
    contacts,
    conversations,
    jobs,
    links,
    moves,
    parts,
    people,
    schema,
    tags,
    ticket_threads,
    tickets,
)

MODULES = (
    people,
    tags,
    conversations,
    parts,
    moves,
    contacts,
    contact_ends,
    links,
    companies,
    tickets,
    ticket_threads,
    schema,
    jobs,
)
ROUTES: list[Route] = [route for module in MODULES for route in module.ROUTES]
