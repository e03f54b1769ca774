"""A message with places: `{{contact.first_name|there}}`, filled for each item from what Intercom knows of it.

    template = "Hello {{contact.first_name|there}}, about {{conversation.subject|your question}}: it works again."
    check_template(template, "conversations")
    fill_template(template, {"contact.first_name": "Ann"})   # "Hello Ann, about your question: it works again."

A place is a field, and behind a bar what stands there where the field is empty. `\\{` is a brace. The places of a spreadsheet's
columns are filled before (service/spreadsheet.py), and what came out of a cell is never a place itself.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UsageError
from ..parsing.dates import is_moment, local_moment

Json = Mapping[str, Any]

PLACE = re.compile(r"(?<!\\)\{\{\s*([^{}|]*?)\s*(?:\|([^{}]*))?\}\}")
"""A place: its name, and what stands there where that is empty (None: nothing was said)."""
_ODD = re.compile(r"\{[^{}]{0,40}\}?|\}\}")
"""A brace that is none of a place's, with what it holds. Mail programs write places in many ways, and people would read them all."""
_MEANT = re.compile(r"\\[{}]+")
_FILTER = re.compile(r"\s*(?:fallback|default)\s*:")
"""How others write what stands there where a field is empty."""
_BRACE = re.compile(r"\\([{}])")
_CUSTOM = "custom_attributes."
_CONTACT = ("name", "first_name", "email", "phone", "external_id", "role")
FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "conversations": {"contact": _CONTACT, "conversation": ("id", "subject", "title", "created_at")},
    "tickets": {"contact": _CONTACT, "ticket": ("id", "title", "created_at")},
    "contacts": {"contact": _CONTACT},
    "companies": {"company": ("name", "company_id", "website", "industry")},
}
"""What a message to an item of a resource may name: `contact.name`; and of each `custom_attributes.NAME`."""
_HOLDERS = ("contact", "conversation", "ticket", "company")


class EmptyField(ValueError):
    """A field that a message names is empty, and it does not say what stands there then; without a name, the whole message is."""

    cause = "empty field in message"

    def __init__(self, field: str) -> None:
        self.field = field
        said = f"{field} is empty, and the message does not say what stands there then" if field else "the message comes out empty"
        super().__init__(f"{said}; nothing was sent")


class NoText(EmptyField):
    """A field that stands within a text holds an object or a list, which is none."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.args = (f"{field} holds several values and is no text: name one of them, such as {{{{{field}.name}}}}; nothing was sent",)


def is_field(name: str) -> bool:
    """Whether a place names a field of Intercom, and no column."""
    return name.partition(".")[0] in _HOLDERS and "." in name


def fields_of(template: str) -> list[str]:
    """The fields that a message names, each once, in their order."""
    return list(dict.fromkeys(place[1] for place in PLACE.finditer(template)))


def check_template(template: str, resource: str) -> None:
    """Raises UsageError for a field that there is not, and for a brace that is none of a place."""
    known = [f"{holder}.{name}" for holder, names in FIELDS.get(resource, {}).items() for name in names]
    for name in fields_of(template):
        holder, _, field = name.partition(".")
        if name in known or (holder in FIELDS.get(resource, {}) and field.startswith(_CUSTOM) and len(field) > len(_CUSTOM)):
            continue
        near = difflib.get_close_matches(name, known, 1, 0.5) or [
            one for one in known if difflib.SequenceMatcher(None, one.partition(".")[2], name).ratio() > 0.6
        ]  # fmt: skip
        hint = f" Do you mean {{{{{near[0]}}}}}?" if near else ""
        can = ", ".join([*known, "the columns of a spreadsheet"])
        # Without its braces, for a message that is this place alone would be hidden whole.
        raise UsageError(f"The place {name!r} stands for nothing that a message to {resource} can name.{hint} It can name: {can}.")
    refuse_odd_places(template)


def refuse_odd_places(template: str) -> None:
    """Raises UsageError for a brace that is none of a place's, and for the way in which others say what stands in an empty place."""
    if odd := odd_brace(template):
        raise UsageError(
            f"The message has {odd!r} in it, which is no place: a place is written {{{{contact.first_name}}}}, with two braces on "
            "each side. Write \\{ for a brace that is meant."
        )
    refuse_two_bars(template)
    if foreign := next((place for place in PLACE.finditer(template) if _FILTER.match(place[2] or "")), None):
        raise UsageError(
            f"What stands in the place {foreign[1]!r} where it is empty is written right behind the bar: {{{{{foreign[1]}|there}}}}."
        )


def refuse_two_bars(text: str) -> None:
    """Raises UsageError for a place with a slip of the finger: the second bar would be written where the field is empty."""
    if slip := next((place[1] for place in PLACE.finditer(text) if (place[2] or "").lstrip().startswith("|")), None):
        raise UsageError(
            f"The place {slip!r} has two bars. What stands there where it is empty is written behind one: {{{{{slip}|there}}}}; and where "
            f"nothing is to stand there, nothing: {{{{{slip}|}}}}."
        )


def odd_brace(template: str) -> str:
    """The first brace that is none of a place's, with what it holds; "" for none."""
    odd = _ODD.search(_MEANT.sub("", PLACE.sub(lambda place: place[1], template)))
    return odd[0] if odd else ""


def cell_of_message(name: str, cell: str) -> str:
    """What a message holds of a cell. Raises UsageError for what looks like a place: nothing fills it, and people would read it."""
    place = PLACE.search(cell)
    if odd := place[0] if place else odd_brace(cell):
        raise UsageError(
            f"the cell of {name} has {odd!r} in it, and nothing fills the places of a cell: it would be sent with its braces. Write the "
            "text in the command, with {{column}} for what differs. Write \\{ in the cell for a brace that is meant."
        )
    return unescape(cell)


def escape(text: str) -> str:
    """A text whose braces are braces and no places."""
    return re.sub(r"([{}])", r"\\\1", text)


def unescape(text: str) -> str:
    """A text with the braces that are meant."""
    return _BRACE.sub(r"\1", text)


def fill_template(template: str, values: Mapping[str, Any]) -> str:
    """The message with its places filled. Raises EmptyField, NoText."""

    def filled(place: re.Match[str]) -> str:
        value = values.get(place[1])
        if value in (None, ""):
            if place[2] is None:
                raise EmptyField(place[1])
            return place[2].strip()
        if isinstance(value, Mapping | list):
            raise NoText(place[1])
        # A body is HTML: a customer whose name holds a tag must not write it into ours.
        return escape(str(value).replace("<", "&lt;"))

    return unescape(PLACE.sub(filled, template)) if "{" in template else template


def values_from(payload: Json, holder: str, names: Sequence[str]) -> dict[str, Any]:
    """The fields `holder.…` among `names`, as an item's payload has them."""
    found: dict[str, Any] = {}
    for name in names:
        of, _, field = name.partition(".")
        if of == holder:
            found[name] = _value(payload, field)
    return found


def _value(payload: Json, field: str) -> Any:
    if field.startswith(_CUSTOM):
        value = (payload.get("custom_attributes") or payload.get("ticket_attributes") or {}).get(field.removeprefix(_CUSTOM))
    elif field == "first_name":
        value = next(iter(str(payload.get("name") or "").split()), "")
    elif field == "subject":
        value = re.sub(r"<[^>]+>", "", str((payload.get("source") or {}).get("subject") or ""))
    elif field == "title" and "ticket_attributes" in payload:
        value = (payload.get("ticket_attributes") or {}).get("_default_title_")
    else:
        value = payload.get(field)
    if isinstance(value, int | float) and is_moment(field, value):
        return local_moment(value, city=False)
    return value.strip() if isinstance(value, str) else value
