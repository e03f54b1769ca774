"""tag, untag: put tags on contacts and take them off.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/attachtagtocontact
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..operation import Operation
from ..spec import Kind, Resolver, parameter
from ..tag_names import resolve_tag
from .attached import Attached


class _Tagging(Attached):
    fields = ("tags",)

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        """See Operation."""

        tag: list[str] = parameter(Kind.TAGS, "The tag, by name or id; may be given again.")

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        """See Operation."""
        found = [resolve_tag(resolver, text, False) for text in given["tag"]]
        return cls([tag for tag, _ in found], [label for _, label in found])


class Tag(_Tagging):
    """Put tags on the contact."""

    name: ClassVar[str] = "tag"
    summary = "Put tags on contacts."
    past, unchanged, rank = "tagged", "already tagged", 1
    examples = ("--where 'role = lead' --tag vip --dry-run", "--ids ids.txt --tag vip", "--csv sheet.csv --tag '{{tag}}' --expect 200")


class Untag(_Tagging):
    """Take tags off the contact."""

    name: ClassVar[str] = "untag"
    summary = "Take tags off contacts."
    past, unchanged, rank = "untagged", "already without the tag", 2
    examples = ("--where 'tag = vip' --tag vip --dry-run", "--ids ids.txt --tag vip --yes", "--from-run latest --outcome done --tag vip")
    attach = False
