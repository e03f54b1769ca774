"""Tags as a verb takes them: by name or id, and to be created where that is allowed."""

from __future__ import annotations

from ..api.client import Client
from ..errors import BadAnswer, UnknownName, UsageError
from ..parsing.identity import id_text
from .spec import Resolver

NEW_TAG = "new:"
"""Stands before the name of a tag that is created before the first write, in the place of its id."""


def resolve_tag(resolver: Resolver, text: str, create: bool) -> tuple[str, str]:
    """Id and label. A tag that is to be created is so only when the run begins to write. Raises UsageError."""
    name = " ".join(text.split())
    if not name:
        raise UsageError("--tag is empty: give the name or the id of a tag.")
    try:
        found = resolver.named("tag", name)
    except UnknownName as exc:
        if not create:
            raise UsageError(f"{exc.message} A tag is created only with --create-tag.") from exc
        name = resolver.new_name("tag", name)
        return f"{NEW_TAG}{name}", f"{name} (to be created)"
    return found.id, f"{found.name} ({found.id})"


def create_tag(client: Client, name: str) -> str:
    """The id of a tag of this name. Intercom gives the one that exists, so repeating this makes no second one."""
    made = id_text(client.post("tags", {"name": name}).get("id"))
    if not made:
        raise BadAnswer(f"Intercom did not say which tag {name!r} is.", method="POST", path="tags")
    return made
