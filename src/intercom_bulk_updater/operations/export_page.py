"""An exported item for people: its messages or notes in their order, and its fields, as text or as a page. Nothing in it is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from ..parsing.dates import is_moment, zone
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


def as_text(item: Item, timezone: str = "") -> str:
    """An item as plain text, times in the workspace's time zone."""
    facts = "\n".join(f"{name}: {value}" for name, value in _facts(item, timezone))
    messages = "".join(f"\n\n-- {head}\n{body}" for head, body in _messages(item, timezone))
    return f"{_title(item)}\n\n{facts}{messages}\n"


def as_html(item: Item, timezone: str = "") -> str:
    """An item as one HTML page. What customers wrote is shown as text: no markup of theirs reaches the browser."""
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(item, timezone))
    messages = "".join(
        f"<article><h2>{escape(head)}</h2><pre>{escape(body)}</pre></article>" for head, body in _messages(item, timezone)
    )
    return _PAGE.format(title=escape(_title(item)), facts=facts, messages=messages)


def _title(item: Item) -> str:
    source = item.get("source") or {}
    titles = (source.get("subject"), item.get("title"), item.get("name"), (item.get("ticket_attributes") or {}).get("_default_title_"))
    named = next((plain(one) for one in titles if one), "")
    return " ".join(str(part) for part in (str(item.get("type") or "item").capitalize(), item.get("id"), named) if part)


def _messages(item: Item, timezone: str) -> Iterator[tuple[str, str]]:
    """(who, when and what, its text) of each message, note and event."""
    source = item.get("source")
    parts: list[Item] = [{**source, "created_at": item.get("created_at")}] if isinstance(source, Mapping) else []
    for name in _LISTS:
        held = item.get(name) or {}
        found = held.get(name) or held.get("data") or [] if isinstance(held, Mapping) else []
        parts += [part for part in found if isinstance(part, Mapping)]
    for part in parts:
        author = part.get("author") or {}
        who = author.get("name") or author.get("email") or author.get("type") or ""
        what = str(part.get("part_type") or part.get("type") or "").replace("_", " ")
        files = [str(one.get("name") or one.get("url") or "file") for one in part.get("attachments") or () if isinstance(one, Mapping)]
        body = "\n".join([plain(part.get("body")), *(f"[attached: {name}]" for name in files)]).strip()
        yield ", ".join(filter(None, (_said("created_at", part.get("created_at"), timezone), str(who), what))), body


def _facts(item: Item, timezone: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The fields that say something, by their names; lists of objects by the names or ids of those."""
    for name, value in item.items():
        if (not prefix and name in _ASIDE) or name in ("type", "url"):
            continue
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            lists = [held for held in value.values() if isinstance(held, list)] if str(value.get("type")).endswith("list") else []
            listed = next(iter(lists), None)
            if listed is None:
                yield from _facts(value, timezone, f"{key}.")
                continue
            value = listed
        said = _said(name, value, timezone)
        if said:
            yield key, said


def _said(name: str, value: Any, timezone: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_moment(name, value):
        return f"{datetime.fromtimestamp(value, zone(timezone)):%Y-%m-%d %H:%M}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str((one.get("name") or one.get("id")) if isinstance(one, Mapping) else one) for one in value)
    return "" if value is None else str(value)
