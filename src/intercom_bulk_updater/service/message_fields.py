"""The workspace's own attributes in a message: one that there is not would be empty for everybody, and its default be sent to all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ..errors import UsageError
from ..operations.message_template import fields_of, is_field
from ..operations.resource import resources
from ..parsing.printable import printable_name
from ..search.names import WorkspaceNames

_CUSTOM = "custom_attributes."


def refuse_unknown_attributes(texts: Iterable[str], names: WorkspaceNames) -> None:
    """Raises UsageError, with the nearest, for a `{{contact.custom_attributes.NAME}}` of which the workspace has no attribute."""
    by_singular = {one.singular: one.name for one in resources().values()}
    for name in (field for text in texts for field in fields_of(text) if is_field(field)):
        holder, _, field = name.partition(".")
        if not field.startswith(_CUSTOM) or holder not in by_singular:
            continue
        wanted = field.removeprefix(_CUSTOM)
        known = [str(one.get("name")) for one in names.attributes.of(by_singular[holder]).values()]
        if wanted not in known:
            near = ", ".join(map(printable_name, difflib.get_close_matches(wanted, known, 3, 0.4) or sorted(known)[:6])) or "none"
            raise UsageError(f"The message names {name}, and there is no {holder} attribute {printable_name(wanted)!r}. Nearest: {near}.")
