"""What stands inside an item (a list of tags, a company, statistics) in words for people: names, moments, durations; no JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..parsing.amounts import duration_words
from ..parsing.dates import is_moment, local_moment
from .field_values import KINDS, Label, describe_value
from .plain_text import plain

IN_A_SENTENCE = frozenset({"to", "until", "with", "from", "into", "as", "by", "again"})
"""With one of these, what an operation says of itself goes on in the same sentence behind its items: "to team Billing"."""
_KINDS = frozenset(("admin", "team", "tag", "segment", "contact", "company"))
"""What Intercom may name by its id alone."""
_ID_FIELDS = {**{name: kind for name, kind in KINDS.items() if name.endswith("_id") and kind != "company"}, "last_closed_by_id": "admin"}
_ASIDE = frozenset(("type", "id", "url", "app_id"))


def entries_of(value: Any) -> Sequence[Any] | None:
    """The entries of one of Intercom's lists (`{"type": "tag.list", "tags": [...]}`); None for what is none."""
    if isinstance(value, list | tuple):
        return value
    if not isinstance(value, Mapping) or not str(value.get("type")).endswith("list"):
        return None
    return next((held for held in value.values() if isinstance(held, list)), [])


def in_words(name: str, value: Any, label: Label) -> Any:
    """What people read of a field: of a list the names of what is in it, of an object its name, or what it says; others as they are."""
    entries = entries_of(value)
    if entries is not None:
        return [said for one in entries if (said := _called(one, label))]
    if (kind := _ID_FIELDS.get(name)) and isinstance(value, str | int):
        return describe_value(value, name) if str(value) == "0" else label(kind, str(value))
    return _called(value, label) if isinstance(value, Mapping) else value


def scalar_words(name: str, value: Any) -> str:
    """A single value: `yes`, `Mon 30 Nov 09:00 (Los Angeles)`, `1 h 52 min`, a message without its markup; "" for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_moment(name, value):
        return local_moment(value)
    if is_duration(name, value):
        return duration_words(value)
    return "" if value is None else plain(value) if name == "body" else str(value)


def is_duration(name: str, value: Any) -> bool:
    """Whether a field's value is seconds that something took, by the field's name as Intercom forms them."""
    last = name.rpartition(".")[2]
    timed = "time_to_" in last or last.endswith("_time")
    return timed and isinstance(value, int | float) and not isinstance(value, bool)


def facts(value: Mapping[str, Any], label: Label) -> Iterator[tuple[str, str]]:
    """What an object says, field by field; what is empty says nothing."""
    for name, held in value.items():
        if name in _ASIDE or f"{name.removesuffix('_id')}_name" in value:
            continue
        said = in_words(name, held, label)
        words = ", ".join(map(str, said)) if isinstance(said, list) else scalar_words(name, said)
        if words:
            yield name.removeprefix("_default").replace("_", " ").strip(), words


def is_named(one: Mapping[str, Any]) -> bool:
    """Whether an object stands for something of the workspace, by its name or by nothing but its id."""
    return bool(_name(one)) or (one.get("id") is not None and not any(isinstance(held, Mapping | list) for held in one.values()))


def _name(one: Mapping[str, Any]) -> str:
    return next((str(one[key]) for key in ("name", "internal_label") if one.get(key)), "")


def _called(one: Any, label: Label) -> str:
    if not isinstance(one, Mapping):
        return "" if one is None else str(one)
    if not is_named(one):
        return "; ".join(f"{key}: {said}" for key, said in facts(one, label))
    kind = {"user": "contact", "lead": "contact"}.get(str(one.get("type")), str(one.get("type")))
    return _name(one) or ("nobody" if str(one["id"]) == "0" else label(kind, str(one["id"])) if kind in _KINDS else str(one["id"]))
