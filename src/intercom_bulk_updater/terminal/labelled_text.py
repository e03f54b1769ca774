"""A page: lines of text, some with a label before them, that wrap under themselves and never inside a command."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.text import Text

from ..api.redact import without_known_tokens
from ..parsing.printable import printable_lines

_MARGIN = "  "
_LEAST = 20
"""Columns that a value needs beside its label; in less it stands as it is."""


@dataclass(slots=True)
class Page:
    """Lines for people, gathered one by one; a rich renderable, and plain text with `str`."""

    lines: list[tuple[str | None, Text, bool]] = field(default_factory=list)
    """Label (None: a line of its own), text, whether it may wrap."""
    label_width: int = 13

    def line(self, *parts: str | Text, style: str = "", wrap: bool = True) -> None:
        """A line of its own."""
        self.lines.append((None, _joined(parts, style), wrap))

    def fact(self, label: str, *parts: str | Text, style: str = "") -> None:
        """A line with a label before it; without one it stands below the last value."""
        self.lines.append((label, _joined(parts, style), True))

    def __str__(self) -> str:
        return "\n".join(self._lead(label) + text.plain for label, text, _ in self.lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Wrapped to the width, values below values; unwrapped where the console does not wrap."""
        for label, text, wrap in self.lines:
            lead = self._lead(label)
            room = options.max_width - len(lead)
            if not lead:
                # Indented lines of their own keep their indent when they wrap.
                stripped = text.plain.lstrip(" ")
                lead = " " * (len(text.plain) - len(stripped))
                text = text[len(lead) :] if lead else text
                room = options.max_width - len(lead)
            wrapped = [text] if not wrap or options.no_wrap or room < _LEAST else text.wrap(console, room)
            for place, part in enumerate(wrapped):
                yield Segment(lead if not place else " " * len(lead), console.get_style("dim"))
                part.rstrip()
                part.end = ""
                yield from part.render(console)
                yield Segment.line()

    def _lead(self, label: str | None) -> str:
        return "" if label is None else f"{_MARGIN}{label:<{self.label_width}}"


def _joined(parts: tuple[str | Text, ...], style: str) -> Text:
    text = Text()
    for part in parts:
        shown = part if isinstance(part, Text) else Text(part, style)
        safe = printable_lines(without_known_tokens(shown.plain))
        text.append_text(shown if safe == shown.plain else Text(safe, shown.style))
    return text
