"""The text of a message that is written in HTML."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser
from typing import Any

_BREAKS = frozenset(("br", "p", "div", "li", "tr", "h1", "h2", "h3", "blockquote", "pre"))
_UNSEEN = frozenset(("script", "style", "head", "title"))
_SHOWN = frozenset(("img", "video", "audio", "iframe", "embed", "source", "object"))
"""What shows something though it has no words."""
_FROM = ("src", "data", "srcset", "srcdoc", "poster")
"""Attributes that name what such a tag shows; without them it shows nothing."""
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Letters and marks without a shape: fillers of Hangul, the empty pattern of Braille, variation selectors."""
_STRUCK = frozenset(("s", "strike", "del"))


def plain(body: Any) -> str:
    """The text of a message in HTML."""
    reader = _Reader()
    reader.feed(str(body or ""))
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.said).split("\n"))
    return "\n".join(line for line in lines if line)


def as_read(body: str) -> str:
    """A message as its reader gets it, to tell one from another: its words, what is struck out, its images, where its links lead.

    Intercom keeps HTML: paragraphs, emphasis and white space are made over, and make no other message.
    """
    reader = _Reader(links=True)
    reader.feed(body)
    reader.close()
    return " ".join("".join(reader.said).split())


def shows_nothing(body: str) -> bool:
    """Whether who gets a message would see none: `<p> </p>`, `&nbsp;`, a link without words, `<img>`, characters without a shape."""
    return all(unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp", "Zs") for one in _BLANK.sub("", plain(body)))


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
        at = {name: value for name, value in attrs if value and value.strip()}
        if self._links and "href" in at:
            self.said.append(f"[to {at['href']}]")
        if self._links and tag in _STRUCK:
            self.said.append("[struck out: ")
        if tag in _SHOWN and (shown := next((at[name] for name in _FROM if name in at), "")):
            self.said.append(f"[{'image' if tag == 'img' else tag} {shown}]")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if self._links and tag in _STRUCK:
            self.said.append("]")
        if tag in _BREAKS:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.said.append(data)
