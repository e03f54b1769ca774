"""An exported item for people: its messages or notes in their order, and its fields, as text or as a page. Nothing in it is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from typing import Any

from ..api.effects import parts_of
from ..parsing.dates import is_moment, zone
from .field_values import Label, describe_field
from .object_words import entries_of, in_words, is_named, scalar_words
from .plain_text import plain

Item = Mapping[str, Any]
_LISTS = ("conversation_parts", "ticket_parts", "notes")
_ASIDE = frozenset((*_LISTS, "type", "source", "url", "workspace_id", "app_id"))
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    "<style>body{{font:15px/1.5 system-ui;max-width:46em;margin:2em auto;padding:0 1em}}article{{border-top:1px solid #ccc;"
    "padding:.6em 0}}h2{{font-size:1em;margin:0}}pre{{white-space:pre-wrap;font:inherit;margin:.3em 0}}dt{{color:#666}}</style>"
    "<h1>{title}</h1><dl>{facts}</dl>{messages}</html>\n"
)


def _id_alone(kind: str, identity: str) -> str:
    return identity


def as_text(item: Item, timezone: str = "", label: Label = _id_alone) -> str:
    """An item as plain text, times in the workspace's time zone. `label`: what a teammate, a team, a tag with an id is called."""
    facts = "\n".join(f"{name}: {value}" for name, value in _facts(item, timezone, _names_in(item, label)))
    messages = "".join(f"\n\n-- {head}\n{body}" for head, body in _messages(item, timezone))
    return f"{_title(item)}\n\n{facts}{messages}\n"


def as_html(item: Item, timezone: str = "", label: Label = _id_alone) -> str:
    """An item as one HTML page. What customers wrote is shown as text: no markup of theirs reaches the browser."""
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(item, timezone, _names_in(item, label)))
    messages = "".join(
        f"<article><h2>{escape(head)}</h2><pre>{escape(body)}</pre></article>" for head, body in _messages(item, timezone)
    )
    return _PAGE.format(title=escape(_title(item)), facts=facts, messages=messages)


def _title(item: Item) -> str:
    source = item.get("source") or {}
    titles = (source.get("subject"), item.get("title"), item.get("name"), (item.get("ticket_attributes") or {}).get("_default_title_"))
    named = next((plain(one) for one in titles if one), "")
    return " ".join(str(part) for part in (str(item.get("type") or "item").capitalize(), item.get("id"), named) if part)


def _parts(item: Item) -> list[Item]:
    """The messages, notes and events of an item, in their order."""
    source = item.get("source")
    parts: list[Item] = [{**source, "created_at": item.get("created_at")}] if isinstance(source, Mapping) else []
    for name in _LISTS:
        held = item.get(name) or {}
        found = held.get(name) or held.get("data") or [] if isinstance(held, Mapping) else []
        parts += [part for part in found if isinstance(part, Mapping)]
    return parts


def _messages(item: Item, timezone: str) -> Iterator[tuple[str, str]]:
    """(who, when and what, its text) of each message, note and event."""
    for part in _parts(item):
        author = part.get("author") or {}
        who = author.get("name") or author.get("email") or author.get("type") or ""
        what = str(part.get("part_type") or part.get("type") or "").replace("_", " ")
        files = [str(one.get("name") or one.get("url") or "file") for one in part.get("attachments") or () if isinstance(one, Mapping)]
        body = "\n".join([plain(part.get("body")), *(f"[attached: {name}]" for name in files)]).strip()
        yield ", ".join(filter(None, (_said("created_at", part.get("created_at"), timezone), str(who), what))), body


def cut_words(item: Item) -> str:
    """What of an item's messages its answer lacks, in words; "" where it has them all."""
    parts = parts_of(item)
    held = next((held for name in _LISTS if isinstance(held := item.get(name), Mapping)), {})
    total = held.get("total_count")
    if parts is None or not isinstance(total, int) or total <= len(parts):
        return ""
    return f"only the newest {len(parts):,} of its {total:,} messages and events: Intercom gives no more"


def _facts(item: Item, timezone: str, label: Label, path: str = "") -> Iterator[tuple[str, str]]:
    """The fields that say something, as people call them; what stands in an object behind the name of that ("statistics, ...")."""
    if not path and (cut := cut_words(item)):
        yield "messages", cut
    for name, value in item.items():
        if (not path and name in _ASIDE) or name in ("type", "url") or (path and name == "id"):
            continue
        if isinstance(value, Mapping) and entries_of(value) is None and not is_named(value):
            yield from _facts(value, timezone, label, f"{path}{name}.")
            continue
        said = in_words(name, value, label)
        if words := ", ".join(said) if isinstance(said, list) else _said(name, said, timezone):
            called = "number" if name == "ticket_id" else describe_field(f"{path}{name}").replace(".", ", ")
            yield called, words


def _names_in(item: Item, label: Label) -> Label:
    """The label, which also knows the people who wrote the item's messages."""
    authors = (part.get("author") or {} for part in _parts(item))
    people = {str(one.get("id")): str(one["name"]) for one in authors if one.get("name")}
    return lambda kind, identity: (people.get(identity) if kind == "contact" else "") or label(kind, identity)


def _said(name: str, value: Any, timezone: str) -> str:
    if is_moment(name, value):
        return f"{datetime.fromtimestamp(value, zone(timezone)):%Y-%m-%d %H:%M}"
    return scalar_words(name, value)
