"""What became of a conversation since we saw it or wrote to it, and by whom, as far as the API tells. In words for people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...api.effects import parts_of
from ...model import Item
from ..field_values import LOOKED, Label, describe_difference, on_the_way
from ..operation import Json

_CUSTOMERS = ("user", "lead", "contact")


def differences(was: Json, now: Json, ours: Json | None = None, label: Label | None = None) -> str:
    """What differs between two images, in words: "state is open, was closed". What is on the way to `ours` is no difference."""
    return ", ".join(
        describe_difference(field, now.get(field), value, label)
        for field, value in was.items()
        if field in now and now.get(field) != value and not (ours and field in ours and on_the_way(value, ours[field], now[field]))
    )


def mark(payload: Json) -> dict[str, Any]:
    """When the item was last changed, as far as the payload tells: compared later, to see who touched it since."""
    marks: dict[str, Any] = {}
    changed = payload.get("updated_at")
    if isinstance(changed, int):
        marks["updated_at"] = changed
    if parts := parts_of(payload):
        marks["part"] = str(parts[-1].get("id"))
    # Times are whole seconds: a tag that comes within the same one is told from those that were there.
    there = [str(t.get("id")) for t in tags_of(payload) if int(t.get("applied_at") or 0) >= int(changed or 0)]
    return {**marks, "there": there} if there else marks


def looked(payload: Json, planned: float | None) -> dict[str, Any] | None:
    """For the before-image of a plan that was begun at `planned`: `LOOKED`, of an item that was written to since then, {} of others.

    None where that takes a look of its own, for a search shows no parts.
    """
    if planned is None:
        return {}
    parts, tags = parts_of(payload), tags_of(payload)
    moments = [payload.get("updated_at"), *(one.get("created_at") for one in parts or ()), *(tag.get("applied_at") for tag in tags)]
    last = max(int(at or 0) for at in moments)
    if last < int(planned):
        return {}
    if parts is None:
        return None
    part = str(parts[-1].get("id")) if parts else "0"
    return {LOOKED: {"updated_at": last, "part": part, "there": [str(tag.get("id")) for tag in tags]}}


def our_mark(payload: Json, admin_id: str, since: float) -> dict[str, Any]:
    """The mark of our own last write, found by its author in a payload that others may have written to since."""
    parts = parts_of(payload) or []
    ours = [
        p for p in parts
        if str((p.get("author") or {}).get("id")) == admin_id and int(p.get("created_at") or 0) >= int(since - 0.5)
    ]
    if not ours:
        # History entries that a bot signs, tags: nothing tells whose the last change was.
        return mark(payload)
    return {"updated_at": int(ours[-1]["created_at"]), "part": str(ours[-1].get("id"))}


def is_silent(payload: Json, since: float) -> bool:
    """Whether no customer has written to the conversation since a moment, as it shows of itself; False where it does not tell."""
    parts, statistics = parts_of(payload), payload.get("statistics")
    if parts is None and not isinstance(statistics, dict):
        return False
    written = [part.get("created_at") for part in parts or () if (part.get("author") or {}).get("type") in _CUSTOMERS]
    written += [(statistics or {}).get("last_contact_reply_at"), payload.get("waiting_since")]
    return all(int(at or 0) < int(since) for at in written)


def tags_of(payload: Json) -> list[Json]:
    """The tags of a conversation, as its payload has them."""
    return (payload.get("tags") or {}).get("tags") or []


def touched_since(payload: Json, item: Item, label: Label | None = None) -> str:
    """Who touched the conversation after our write, as far as its history tells; "" for nobody. `label`: see Operation.

    What bots and workflows write is not counted: closing thousands of conversations sets them off, and they do not
    overwrite what is restored. A history entry "…_by_admin" is a person's even when a bot signs it.
    """
    data = item.data or {}
    marks = data.get("marks") or {}
    if "updated_at" not in marks:
        return ""
    at = int(marks["updated_at"])
    unsure = item.doubt or data.get("unsure")
    later = []
    for part in (parts_of(payload) or ()):
        written = int(part.get("created_at") or 0)
        ours = str(part.get("id")) == marks.get("part") or str(part.get("id")) in (data.get("own") or ())
        if unsure:
            # What we may just have written ourselves is not a touch of others.
            ours = ours or str((part.get("author") or {}).get("id")) == data.get("by")
        newer = written > at or (written == at and "part" in marks and _after(part.get("id"), marks["part"]))
        if newer and not ours:
            later.append(part)
    people = [
        p for p in later
        if (p.get("author") or {}).get("type") != "bot" or str(p.get("part_type", "")).endswith("_by_admin")
    ]
    if people:
        last = people[-1]
        author = last.get("author") or {}
        who = "a teammate" if author.get("type") == "bot" else _who(author)
        return f"{who} has been there since ({last.get('part_type')})"
    there, applied = marks.get("there") or (), {**(marks.get("applied") or {}), **(data.get("own_applied") or {})}
    tags = [
        t for t in tags_of(payload)
        if applied.get(str(t.get("id"))) != t.get("applied_at")
        if int(t.get("applied_at") or 0) > at or (int(t.get("applied_at") or 0) == at and "part" in marks and str(t.get("id")) not in there)
        if not unsure or str((t.get("applied_by") or {}).get("id")) != data.get("by")
    ]
    if tags:
        return f"tagged {tags[-1].get('name')!r} since, by {_who(tags[-1].get('applied_by') or {}, label)}"
    own_until = max(at, int(data.get("own_until") or 0), *map(int, applied.values()))
    if not later and not unsure and int(payload.get("updated_at") or 0) > own_until:
        return "changed since by somebody; the API does not tell who"
    return ""


def touched_since_plan(payload: Json, item: Item, seen: Json | None = None) -> str:
    """Who touched the conversation after the plan was made; "" for nobody, and where there is no plan.

    Times are whole seconds: what was written in the plan's own second counts, unless the plan has `seen` it, or the run that
    the plan takes back has written it.
    """
    data = item.data or {}
    as_of = data.get("as_of")
    if as_of is None:
        return ""
    marks = {"updated_at": 0, **(seen or data.get(LOOKED) or data.get("marks") or {})}
    if marks["updated_at"] < int(as_of):
        marks = {"updated_at": int(as_of) - 1, "applied": marks.get("applied")}
    return touched_since(payload, replace(item, data={**data, "marks": marks}))


def closed_by_another(payload: Json, admin_id: str, since: float) -> str:
    """Who had closed a conversation before we asked for it, when our own request left no trace; "" for nobody.

    A search index may be behind: then we close what is closed, and a server may answer that with 200 and do nothing.
    """
    parts = (parts_of(payload) or ())
    place = next((n for n in range(len(parts) - 1, -1, -1) if parts[n].get("part_type") == "close"), None)
    if place is None or any(_reopens(part) for part in parts[place + 1 :]):
        return ""
    author = parts[place].get("author") or {}
    # Times are whole seconds, and a close of the same second may be the one that we asked for, whoever signs it.
    if str(author.get("id")) == admin_id or int(parts[place].get("created_at") or 0) + 1 > since - 0.5:
        return ""
    return _who(author)


def _reopens(part: Json) -> bool:
    """Whether a part may have opened a closed conversation: it was open then, whatever was before."""
    said_by = str((part.get("author") or {}).get("type"))
    return said_by in ("user", "lead", "contact") or "open" in str(part.get("part_type")) or "snooze" in str(part.get("part_type"))


def closed_before(payload: Json, item: Item) -> str:
    """Who had closed a conversation right before the run closed it once more, which changed nothing; "" for nobody."""
    part = ((item.data or {}).get("marks") or {}).get("part")
    parts = (parts_of(payload) or ())
    place = next((n for n, one in enumerate(parts) if str(one.get("id")) == part), 0)
    if not place or not parts[place].get("part_type") == parts[place - 1].get("part_type") == "close":
        return ""
    first, ours = (one.get("author") or {} for one in parts[place - 1 : place + 1])
    return "" if str(first.get("id")) == str(ours.get("id")) else _who(first)


def tagged_again(payload: Json, item: Item, added: set[str], label: Label | None = None) -> str:
    """Who put one of our tags on again after it had been taken off; "" for nobody."""
    data = item.data or {}
    # A later run of our own may have put it on again, too.
    ours = {**((data.get("marks") or {}).get("applied") or {}), **(data.get("own_applied") or {})}
    for tag in tags_of(payload):
        key = str(tag.get("id"))
        if key in added and key in ours and int(tag.get("applied_at") or 0) > int(ours[key]):
            return f"tagged {tag.get('name')!r} again since, by {_who(tag.get('applied_by') or {}, label)}"
    return ""


def _who(author: Json, label: Label | None = None) -> str:
    """A person as the API names them, or as `label` does; their e-mail address stays out."""
    kind, one = author.get("type", "somebody"), str(author.get("id", ""))
    called = label("admin", one) if label is not None and kind == "admin" else one
    return str(author.get("name") or (called if called != one else f"{kind} {one}".strip()))


def _after(one: Any, other: Any) -> bool:
    try:
        return int(one) > int(other)
    except (TypeError, ValueError):
        return False
