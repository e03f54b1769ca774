"""What the API answers, one module for each resource; `ROUTES` is all of it."""

from __future__ import annotations

from intercom_sandbox.router import Route
from intercom_sandbox.routes import (
    articles,
    companies,
    contact_lifecycle,
    contact_relations,
    contacts,
    conversation_actions,
    conversations,
    jobs,
    parts,
    people,
    schema,
    segments,
    tags,
    ticket_threads,
    tickets,
)

MODULES = (
    articles,
    people,
    tags,
    conversations,
    parts,
    conversation_actions,
    contacts,
    contact_lifecycle,
    contact_relations,
    companies,
    tickets,
    ticket_threads,
    schema,
    segments,
    jobs,
)
ROUTES: list[Route] = [route for module in MODULES for route in module.ROUTES]
