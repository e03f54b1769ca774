"""Two pictures as numbers: how the items ended, and the request rate against the limit. page.html draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from intercom_bulk_updater.journal import WindowRow
from intercom_bulk_updater.runs.judgement import Judgement

from .formatting import plural
from .headline import NOT_SO
from .times import clock

OUTCOMES = ("done", "wrong", "unchanged", "failed", "drifted", "in_doubt", "pending")
_BARS = 120
_LEFT, _RIGHT, _TOP, _BASE = 52, 752, 22, 210
_SHOWN_AS_TABLE = 60


def shares(judgement: Judgement) -> dict[str, int]:
    """How many items stand where, those that are done and not in the requested state by themselves; the sum is the selection."""
    counts = judgement.counts.as_json()
    return {name: counts.get(name, 0) for name in OUTCOMES} | {"done": judgement.standing, "wrong": judgement.wrong}


@dataclass(frozen=True, slots=True)
class OutcomeBar:
    """One bar, split by outcome: (outcome, x, width) of 1000 units; the same in words."""

    parts: list[tuple[str, str, str]]
    words: str


def outcome_bar(judgement: Judgement) -> OutcomeBar | None:
    """The bar, on which every outcome that occurs is at least visible; None without items."""
    counts = shares(judgement)
    total = sum(counts.values())
    present = [name for name in OUTCOMES if counts[name]]
    # A sliver would vanish: each part gets 6 of 1000 units, and the rest is shared out by count.
    room = 1000 - 6 * len(present)
    x, parts = 0.0, []
    for name in present:
        wide = 6 + room * counts[name] / total
        parts.append((name, f"{x:.1f}", f"{wide:.1f}"))
        x += wide
    return OutcomeBar(parts, ", ".join(f"{counts[name]:,} {outcome_name(name, judgement)}" for name in present)) if present else None


def outcome_name(name: str, judgement: Judgement) -> str:
    """What a part of the bar is called."""
    if name != "wrong":
        return name.replace("_", " ")
    return f"{NOT_SO} (estimated)" if judgement.estimated else NOT_SO


@dataclass(frozen=True, slots=True)
class _Bar:
    """Some windows in a row, as one bar: means of what was used, the sum of the 429s."""

    start: float
    own: float
    others: float
    limit: int
    throttled: int
    gap: bool


@dataclass(frozen=True, slots=True)
class Column:
    """One bar of the timeline: (class, y, height) of its parts; where its 429 mark and the pause before it stand, if any."""

    x: str
    wide: str
    middle: float
    parts: list[tuple[str, str, str]]
    throttled: str | None
    gap: str | None
    hover: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The figure of the request rate: a picture, the same in a sentence, the same as a table."""

    words: str
    grid: list[tuple[float, str]]
    columns: list[Column]
    limit: str
    axis: list[tuple[str, str]]
    legend: list[tuple[str, str]]
    title: str
    rows: list[tuple[str, ...]]
    left: int = _LEFT
    right: int = _RIGHT
    top: int = _TOP
    base: int = _BASE
    width: int = _RIGHT + 8
    height: int = _BASE + 30


def timeline(windows: Sequence[WindowRow]) -> Timeline | None:
    """The request rate, window by window; None where no request was counted."""
    rows = _merged([w for w in windows if w.own or w.others or w.throttled])
    if not rows:
        return None
    length = _length(rows)
    each = math.ceil(len(rows) / _BARS)
    bars = _bars(rows, each, length)
    # Few windows make no fat blocks: there is room for twelve at least.
    scale = _Scale((max(max(bar.limit, bar.own + bar.others) for bar in bars) or 1) * 1.1, (_RIGHT - _LEFT) / max(len(bars), 12))
    shown = bars[:_SHOWN_AS_TABLE]
    return Timeline(
        words=_words(rows, length, each),
        grid=[(round(scale.y(value), 1), f"{value:,}") for value in _ticks(scale.top)],
        columns=[_column(scale, place, bar) for place, bar in enumerate(bars)],
        limit=_limit_line(scale, bars),
        axis=_axis(scale, bars),
        legend=_legend(bars),
        title="Requests in each window" + (f" (the first {_SHOWN_AS_TABLE})" if len(bars) > len(shown) else ""),
        rows=[
            (clock(bar.start), f"{round(bar.own):,}", f"{round(bar.others):,}", f"{bar.limit:,}", str(bar.throttled)) for bar in shown
        ],
    )  # fmt: skip


def _merged(rows: Sequence[WindowRow]) -> list[WindowRow]:
    """One row for a window, also where a run stopped and went on within it: one's own are not others."""
    merged: list[WindowRow] = []
    for row in rows:
        last = merged[-1] if merged else None
        if last is not None and row.reset and row.reset == last.reset:
            everybody = max(last.own + last.others, row.own + row.others)
            own = last.own + row.own
            others, throttled = max(0, everybody - own), last.throttled + row.throttled
            merged[-1] = replace(row, own=own, others=others, throttled=throttled)
        else:
            merged.append(row)
    return merged


def _length(rows: Sequence[WindowRow]) -> float:
    """Seconds of a window: what mostly lies between two ends; Intercom's ten where it cannot be told."""
    ends = sorted({w.reset or w.at for w in rows})
    steps = [b - a for a, b in pairwise(ends) if b - a >= 1]
    return float(median(steps)) if steps else 10.0


def _bars(rows: Sequence[WindowRow], each: int, length: float) -> list[_Bar]:
    bars: list[_Bar] = []
    last_end = 0.0
    for first in range(0, len(rows), each):
        some = rows[first : first + each]
        start = (some[0].reset or some[0].at) - length
        bars.append(
            _Bar(
                start,
                sum(w.own for w in some) / len(some),
                sum(w.others for w in some) / len(some),
                max(w.limit for w in some),
                sum(w.throttled for w in some),
                gap=bool(last_end) and start - last_end > 2 * length,
            )
        )
        last_end = some[-1].reset or some[-1].at
    return bars


def _words(rows: Sequence[WindowRow], length: float, each: int) -> str:
    limits = sorted({w.limit for w in rows if w.limit})
    own, others = sum(w.own for w in rows), sum(w.others for w in rows)
    throttled = sum(w.throttled for w in rows)
    said = [f"{plural(own, 'request')} in {plural(len(rows), 'window')} of {length:.0f} s"]
    if limits:
        low, high = f"{limits[0]:,}", f"{limits[-1]:,}"
        said.append(f"each allows {low}" if low == high else f"each allows {low} to {high}")
        # The first and the last window of a run are never whole.
        whole = [w for w in rows[1:-1] if w.limit]
        if whole:
            used = sum(w.own + w.others for w in whole) / sum(w.limit for w in whole)
            said.append(f"the windows between the first and the last were used to {used:.0%}")
    said.append(f"{plural(others, 'request')} came from others" if others else "nobody else was seen")
    refused = "was" if throttled == 1 else "were"
    said.append(f"{throttled:,} {refused} answered 429" if throttled else "none was answered 429")
    if each > 1:
        said.append(f"each bar is the mean of {each} windows")
    return "; ".join(said) + "."


def _legend(bars: Sequence[_Bar]) -> list[tuple[str, str]]:
    keys = [("own", "this run")]
    if any(bar.others >= 0.5 for bar in bars):
        keys.append(("others", "others"))
    if any(bar.limit for bar in bars):
        keys.append(("limit", "limit"))
    if any(bar.throttled for bar in bars):
        keys.append(("throttled", "429 came"))
    if any(bar.gap for bar in bars):
        keys.append(("gap", "pause"))
    return keys


@dataclass(frozen=True, slots=True)
class _Scale:
    """From windows and requests to places in the picture."""

    top: float
    step: float

    def x(self, place: float) -> float:
        return _LEFT + place * self.step

    def y(self, value: float) -> float:
        return _BASE - (_BASE - _TOP) * value / self.top


def _ticks(top: float) -> list[int]:
    """Three to six round numbers from 0 on."""
    rough = top / 4
    unit = 10.0 ** math.floor(math.log10(max(rough, 1)))
    step = int(next(unit * k for k in (1, 2, 2.5, 5, 10) if unit * k >= rough and unit * k == int(unit * k)))
    return list(range(0, int(top) + 1, max(step, 1)))


def _column(scale: _Scale, place: int, bar: _Bar) -> Column:
    wide = max(0.8, scale.step * 0.8)
    x = scale.x(place) + (scale.step - wide) / 2
    own, both = scale.y(bar.own), scale.y(bar.own + bar.others)
    parts = [("own", f"{own:.1f}", f"{_BASE - own:.1f}")]
    if bar.others:
        parts.append(("others", f"{both:.1f}", f"{own - both:.1f}"))
    hover = f"{clock(bar.start)}: {round(bar.own):,} of {bar.limit:,}"
    hover += f", others {round(bar.others):,}" if bar.others else ""
    hover += f", {bar.throttled} times 429" if bar.throttled else ""
    return Column(
        f"{x:.1f}", f"{wide:.1f}", round(x + wide / 2, 1), parts, f"{both:.1f}" if bar.throttled else None,
        f"{scale.x(place):.1f}" if bar.gap else None, hover,
    )  # fmt: skip


def _limit_line(scale: _Scale, bars: Sequence[_Bar]) -> str:
    """Steps, for a limit can be raised while a run is on."""
    path: list[str] = []
    for place, bar in enumerate(bars):
        if bar.limit:
            start = "L" if path else "M"
            path.append(f"{start}{scale.x(place):.1f} {scale.y(bar.limit):.1f} H{scale.x(place + 1):.1f}")
    return " ".join(path)


def _axis(scale: _Scale, bars: Sequence[_Bar]) -> list[tuple[str, str]]:
    every = max(1, math.ceil(80 / scale.step))
    # A time is about fifty units wide, and the last must not run out of the picture.
    shown = [place for place in range(0, len(bars), every) if scale.x(place) <= _RIGHT - 50]
    return [(f"{scale.x(place):.1f}", clock(bars[place].start)) for place in shown]
