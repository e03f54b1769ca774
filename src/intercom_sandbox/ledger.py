"""The books: how often each item was written to, and which messages stand twice. For the audit alone."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.records import Company, Contact, Conversation, Ticket

RESOURCES: dict[type[Any], str] = {Conversation: "conversations", Contact: "contacts", Company: "companies", Ticket: "tickets"}

Message = tuple[str, str, str, str]  # (resource, id, author, body)
Page = tuple[dict[str, int], dict[Message, int]]


class Ledger:
    """Counts of the API's own writes since the last reset; hands of others are not in it."""

    def __init__(self) -> None:
        self.writes: dict[str, dict[str, dict[str, int]]] = {}  # resource -> kind -> id -> count
        self.messages: dict[Message, int] = {}

    def wrote(self, kind: str, row: Any) -> None:
        """Count a committed write of an item, or of what a text names (an event)."""
        resource, key = (RESOURCES[type(row)], str(row.id)) if type(row) in RESOURCES else ("events", str(row))
        counts = self.writes.setdefault(resource, {}).setdefault(kind, {})
        counts[key] = counts.get(key, 0) + 1

    def said(self, row: Any, author: str, body: str | None) -> None:
        """Count a message that somebody wrote: a reply, a note."""
        mark = (RESOURCES[type(row)], str(row.id), author, body or "")
        self.messages[mark] = self.messages.get(mark, 0) + 1

    def clear(self) -> None:
        """Begin anew."""
        self.writes.clear()
        self.messages.clear()

    def page(self, row: Any) -> Page:
        """What was counted of one item, to be put back when its write is undone."""
        resource, key = RESOURCES[type(row)], str(row.id)
        counts = {kind: by_id[key] for kind, by_id in self.writes.get(resource, {}).items() if key in by_id}
        return counts, {mark: count for mark, count in self.messages.items() if mark[:2] == (resource, key)}

    def put_back(self, row: Any, page: Page) -> None:
        """Forget the writes of one item since `page`."""
        resource, key = RESOURCES[type(row)], str(row.id)
        for kind, by_id in self.writes.get(resource, {}).items():
            by_id.pop(key, None)
            if kind in page[0]:
                by_id[key] = page[0][kind]
        for mark in [mark for mark in self.messages if mark[:2] == (resource, key)]:
            del self.messages[mark]
        self.messages.update(page[1])

    def audit(self, sizes: dict[str, int], resource: str = "") -> dict[str, Any]:
        """Per kind of write: how many items got none, one, more; messages that stand twice. `sizes`: items by resource."""
        kinds: dict[str, dict[tuple[str, str], int]] = {}
        for name, by_kind in self.writes.items():
            if resource in ("", name):
                for kind, counts in by_kind.items():
                    kinds.setdefault(kind, {}).update({(name, key): count for key, count in counts.items()})
        repeated = [(mark, count) for mark, count in self.messages.items() if count > 1 and resource in ("", mark[0])]
        return {
            **sizes,
            "kinds": {kind: _line(counts, sizes.get(resource or "conversations", 0)) for kind, counts in sorted(kinds.items()) if counts},
            "duplicate_replies": len(repeated),
            "repeated_replies": [
                {"resource": mark[0], "id": mark[1], "conversation_id": mark[1], "author": mark[2], "count": count}
                for mark, count in repeated[:50]
            ],
        }


def _line(counts: dict[tuple[str, str], int], size: int) -> dict[str, Any]:
    twice = [key for (_, key), count in counts.items() if count > 1]
    return {
        "0": max(0, size - len(counts)),
        "1": len(counts) - len(twice),
        "2+": len(twice),
        "writes": sum(counts.values()),
        "twice": twice[:50],
    }
