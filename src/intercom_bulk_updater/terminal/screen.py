"""One frame of the running screen, drawn from a Progress as JSON; a pure function of what it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.text import Text

from intercom_bulk_updater.model import Bottleneck, Phase

from ..report.formatting import clean, number, percent, shorten
from .bottleneck import Told
from .phrases import Title
from .screen_rows import Part, finished, gone, holding, items, phase, speed, trouble_of
from .terminal import MOST_COLUMNS

_LABEL = 11
_NARROW = 60
_INDENT = 1


def frame(now: Told, title: Title, width: int, *, ascii_only: bool = False, trouble: str = "") -> Text:
    """The screen at `width` columns (40 to 200; it never takes more than 100), six to nine lines.

    Parameters
    ----------
    now:
        `told(progress)`, or the `progress` of a run in the journal.
    trouble:
        The latest failure, in words.
    """
    width = max(24, min(width - 1, MOST_COLUMNS))
    draw = _Drawing(width, ascii_only)
    counts = now.get("counts") or {}
    draw.head(title)
    draw.progress(counts, now, looked_at=title.kind == "verify")
    narrow = width < _NARROW
    draw.row("items", items(counts, now, title))
    fast = speed(now, narrow=narrow)
    draw.row("speed" if fast else "time", fast or [(0, gone(now), "")])
    draw.window(now.get("window"))
    draw.row("limited by", holding(now, narrow=narrow), " ")
    draw.row("now", phase(now, narrow=narrow), " ")
    draw.row("trouble", trouble_of(counts, now, trouble))
    return draw.text


class _Drawing:
    """Lines of one width, each cut to fit; nothing wraps, or drawing over the last frame would go wrong."""

    def __init__(self, width: int, ascii_only: bool) -> None:
        self.width = width
        self.text = Text(no_wrap=True, overflow="ellipsis")
        self._ascii = ascii_only
        self._full, self._rest = ("=", "-") if ascii_only else ("━", "─")
        self._dots = ".." if ascii_only else "…"

    def head(self, title: Title) -> None:
        """What is done, where, and the run's name at the right."""
        words, place, run = clean(title.headline()), clean(title.workspace), clean(title.run)
        room = self.width - _INDENT
        left = Text().append(shorten(words, room), "bold")
        # Which workspace matters more than which run: the wrong one is what people fear.
        if place and left.cell_len + 10 < room:
            left.append(" in ", "dim").append(shorten(place, room - left.cell_len - 4), "bold")
        if run and left.cell_len + cell_len(run) + 2 <= room:
            left.append(" " * (room - left.cell_len - cell_len(run))).append(run, "dim")
        self._line(left)

    def progress(self, counts: Mapping[str, int], now: Told, *, looked_at: bool = False) -> None:
        """The bar: what is done, what failed, what is left; and how much of all that is.

        Of a run that is only `looked_at`: how much was read back.
        """
        over = finished(counts)
        total = int(now.get("total") or 0)
        reading = now.get("phase") == Phase.READING and not over
        back = now.get("read_back")
        if back and looked_at:
            over, total, counts = int(back["done"]), int(back["of"]), {}
        at = min(int(counts.get("selected", 0)) if reading else over, total)
        size = self.width - _INDENT - 6
        bad = counts.get("failed", 0) + counts.get("in_doubt", 0)
        good_style = "yellow" if now.get("holds") == Bottleneck.PAUSED else "cyan" if reading else "green"
        parts = [(at - (0 if reading else min(bad, at)), good_style), (0 if reading else bad, "red")]
        said = percent(at, total) if total else ""
        self._line(self._bar(parts, total, size).append(f"{said:>6}", "bold"))

    def window(self, window: Told | None) -> None:
        """How much of the rate limit's window is used."""
        limit = (window or {}).get("limit")
        if window is None or not limit:
            return
        used = min(int(window.get("used") or 0), int(limit))
        narrow = self.width < _NARROW
        gauge = self._bar([(used, "blue")], int(limit), 8 if narrow else 20)
        ends = window.get("ends_in")
        both = f"{number(used)}/{number(limit)}" if narrow else f"{number(used)} of {number(limit)} requests"
        parts: list[Part] = [(0, both, "")]
        if ends is not None:
            parts.append((2, f"ends in {float(ends):.1f} s", ""))
        others = used - int(window.get("own", used))
        if others > max(5, limit // 50):
            parts.append((1, f"{number(others)} by others", "yellow"))
        self.row("rate limit", parts, " · ", lead=gauge.append("  "))

    def row(self, label: str, parts: Sequence[Part], glue: str = " · ", lead: Text | None = None) -> None:
        """A label and as many of its parts as fit, the least important left out first."""
        if not parts:
            return
        room = self.width - _INDENT - _LABEL - (lead.cell_len if lead else 0)
        kept = list(parts)
        while sum(cell_len(t) for _, t, _ in kept) + len(glue) * (len(kept) - 1) > room:
            drop = max(kept, key=lambda part: part[0])
            if not drop[0]:
                break
            kept.remove(drop)
        line = Text().append(f"{label:<{_LABEL}}", "dim")  # a style of its own would be the whole line's
        if lead:
            line.append_text(lead)
        for place, (_, text, style) in enumerate(kept):
            line.append(glue if place else "", "dim").append(text, style)
        self._line(line)

    def _bar(self, parts: Sequence[tuple[int, str]], total: int, size: int) -> Text:
        bar, used = Text(), 0
        ahead = 0
        for count, style in parts:
            ahead += count
            end = max(used, min(size, size * ahead // total)) if total else 0
            if count and end == used and used < size:
                end = used + 1  # what is there is seen, be it ever so little
            bar.append(self._full * (end - used), style)
            used = end
        return bar.append(self._rest * (size - used), "dim")

    def _line(self, line: Text) -> None:
        if self.text.plain:
            self.text.append("\n")
        if self._ascii:
            line = _to_ascii(line)
        line.truncate(self.width - _INDENT, overflow="ellipsis" if not self._ascii else "crop")
        self.text.append(" " * _INDENT).append_text(line)


def _to_ascii(line: Text) -> Text:
    plain = line.plain.replace("·", ",").replace("×", "x").replace("…", "~").replace("–", "-")  # noqa: RUF001
    return Text(plain.encode("ascii", "replace").decode(), spans=line.spans)
