"""The text of a message that is written in HTML."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

_BREAKS = frozenset(("br", "p", "div", "li", "tr", "h1", "h2", "h3", "blockquote", "pre"))
_UNSEEN = frozenset(("script", "style", "head", "title"))


def plain(body: Any) -> str:
    """The text of a message in HTML."""
    reader = _Reader()
    reader.feed(str(body or ""))
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.said).split("\n"))
    return "\n".join(line for line in lines if line)


def as_read(body: str) -> str:
    """A message as its reader gets it, to tell one from another: its words, its images and where its links lead.

    Intercom keeps HTML: paragraphs, emphasis and white space are made over, and make no other message.
    """
    reader = _Reader(links=True)
    reader.feed(body)
    reader.close()
    return " ".join("".join(reader.said).split())


class _Reader(HTMLParser):
    def __init__(self, *, links: bool = False) -> None:
        super().__init__()
        self.said: list[str] = []
        self._links = links
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        if tag in _BREAKS:
            self.said.append("\n")
        if tag == "a" and self._links:
            self.said.append(f"[to {dict(attrs).get('href') or ''}]")
        if tag == "img":
            self.said.append(f"[image {dict(attrs).get('src') or ''}]")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if tag in _BREAKS:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.said.append(data)
