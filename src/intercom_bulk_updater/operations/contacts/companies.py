"""attach-company, detach-company: make contacts people of a company, or not any more.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/attachcontacttoacompany
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..operation import Operation
from ..spec import Kind, Resolver, parameter
from .attached import Attached


class _OfCompany(Attached):
    fields = ("companies",)

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        company: str = parameter(Kind.ID, "The company, by Intercom's id or by its own company_id.")

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        found = resolver.named("company", given["company"])
        return cls([found.id], [f"{found.name} ({found.id})"])


class AttachCompany(_OfCompany):
    """Attach the contact to a company. Intercom keeps a contact in 1,000 companies at most."""

    name: ClassVar[str] = "attach-company"
    summary = "Attach contacts to a company."
    past, unchanged, lead, rank = "attached", "already attached", "Attach a company to", 9
    examples = (
        "--where 'email ~ acme.com' --company acme-00001 --dry-run",
        "--ids ids.txt --company 6762f0a61bb69f9f2193bb55",
        "--csv sheet.csv --company '{{company}}'",
    )


class DetachCompany(_OfCompany):
    """Detach the contact from a company."""

    name: ClassVar[str] = "detach-company"
    summary = "Detach contacts from a company."
    past, unchanged, lead, rank = "detached", "not attached", "Detach a company from", 10
    examples = (
        "--ids ids.txt --company acme-00001 --dry-run",
        "--where 'email ~ acme.com' --company acme-00001",
        "--from-run latest --outcome done --company acme-00001",
    )
    attach = False
