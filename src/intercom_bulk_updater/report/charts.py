"""Two pictures as inline SVG: how the items ended, and the request rate against the limit.

Their colours come from page.css.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median

from intercom_bulk_updater.journal import WindowRow
from intercom_bulk_updater.runs.judgement import Judgement

from .headline import NOT_SO
from .html import esc, number, table

OUTCOMES = ("done", "wrong", "unchanged", "failed", "drifted", "in_doubt", "pending")
_BARS = 120
_LEFT, _RIGHT, _TOP, _BASE = 52, 752, 22, 210
_SHOWN_AS_TABLE = 60


def shares(judgement: Judgement) -> dict[str, int]:
    """How many items stand where, those that are done and not in the requested state by themselves; the sum is the selection."""
    counts = judgement.counts.as_json()
    return {name: counts.get(name, 0) for name in OUTCOMES} | {"done": judgement.standing, "wrong": judgement.wrong}


def outcome_bar(judgement: Judgement) -> str:
    """One bar, split by outcome; every outcome that occurs is at least visible."""
    counts = shares(judgement)
    total = sum(counts.values())
    if not total:
        return ""
    present = [name for name in OUTCOMES if counts[name]]
    # A sliver would vanish: each part gets 6 of 1000 units, and the rest is shared out by count.
    room = 1000 - 6 * len(present)
    x, parts = 0.0, []
    for name in present:
        wide = 6 + room * counts[name] / total
        parts.append(f'<rect class="o-{name}" x="{x:.1f}" y="0" width="{wide:.1f}" height="14"/>')
        x += wide
    words = ", ".join(f"{number(counts[name])} {outcome_name(name, judgement)}" for name in present)
    return f'<svg class="bar" viewBox="0 0 1000 14" preserveAspectRatio="none" role="img" aria-label="{esc(words)}">{"".join(parts)}</svg>'


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


def timeline(windows: Sequence[WindowRow]) -> str:
    """The figure of the request rate: a picture, the same in a sentence, the same as a table."""
    rows = _merged([w for w in windows if w.own or w.others or w.throttled])
    if not rows:
        return ""
    length = _length(rows)
    each = math.ceil(len(rows) / _BARS)
    bars = _bars(rows, each, length)
    words = _words(rows, length, each)
    picture = _picture(bars, words)
    legend = "".join(f'<li><span class="key k-{name}"></span>{esc(text)}</li>' for name, text in _legend(bars))
    shown = [
        (
            _clock(bar.start),
            number(round(bar.own)),
            number(round(bar.others)),
            number(bar.limit),
            bar.throttled,
        )
        for bar in bars[:_SHOWN_AS_TABLE]
    ]
    title = "Requests in each window" + (f" (the first {_SHOWN_AS_TABLE})" if len(bars) > _SHOWN_AS_TABLE else "")
    data = table(title, ("From (UTC)", "This run", "Others", "Limit", "429s"), shown, numeric=4)
    return (
        f'<figure><div class="scroll" tabindex="0" role="region" aria-label="Timeline">{picture}</div>'
        f'<ul class="legend">{legend}</ul><figcaption>{esc(words)}</figcaption></figure>'
        f"<details><summary>The same as a table</summary>{data}</details>"
    )


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
    said = [f"{_many(own, 'request')} in {_many(len(rows), 'window')} of {length:.0f} s"]
    if limits:
        low, high = number(limits[0]), number(limits[-1])
        said.append(f"each allows {low}" if low == high else f"each allows {low} to {high}")
        # The first and the last window of a run are never whole.
        whole = [w for w in rows[1:-1] if w.limit]
        if whole:
            used = sum(w.own + w.others for w in whole) / sum(w.limit for w in whole)
            said.append(f"the windows between the first and the last were used to {used:.0%}")
    said.append(f"{_many(others, 'request')} came from others" if others else "nobody else was seen")
    refused = "was" if throttled == 1 else "were"
    said.append(f"{number(throttled)} {refused} answered 429" if throttled else "none was answered 429")
    if each > 1:
        said.append(f"each bar is the mean of {each} windows")
    return "; ".join(said) + "."


def _many(count: int, noun: str) -> str:
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


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


def _picture(bars: Sequence[_Bar], words: str) -> str:
    most = max(max(bar.limit, bar.own + bar.others) for bar in bars)
    # Few windows make no fat blocks: there is room for twelve at least.
    scale = _Scale((most or 1) * 1.1, (_RIGHT - _LEFT) / max(len(bars), 12))
    drawn = [_grid(scale, value) for value in _ticks(scale.top)]
    drawn += [_column(scale, place, bar) for place, bar in enumerate(bars)]
    drawn += [_limit_line(scale, bars), _axis(scale, bars)]
    return (
        f'<svg class="timeline" viewBox="0 0 {_RIGHT + 8} {_BASE + 30}" role="img" '
        'aria-labelledby="tl-t tl-d">'
        f'<title id="tl-t">Request rate against the limit</title><desc id="tl-d">{esc(words)}</desc>'
        f"{''.join(drawn)}</svg>"
    )


def _grid(scale: _Scale, value: int) -> str:
    y = scale.y(value)
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>'
    )


def _ticks(top: float) -> list[int]:
    """Three to six round numbers from 0 on."""
    rough = top / 4
    unit = 10.0 ** math.floor(math.log10(max(rough, 1)))
    step = int(next(unit * k for k in (1, 2, 2.5, 5, 10) if unit * k >= rough and unit * k == int(unit * k)))
    return list(range(0, int(top) + 1, max(step, 1)))


def _column(scale: _Scale, place: int, bar: _Bar) -> str:
    wide = max(0.8, scale.step * 0.8)
    x = scale.x(place) + (scale.step - wide) / 2
    own, both = scale.y(bar.own), scale.y(bar.own + bar.others)
    drawn = f'<rect class="own" x="{x:.1f}" y="{own:.1f}" width="{wide:.1f}" height="{_BASE - own:.1f}"/>'
    if bar.others:
        drawn += f'<rect class="others" x="{x:.1f}" y="{both:.1f}" width="{wide:.1f}" height="{own - both:.1f}"/>'
    if bar.throttled:
        middle = x + wide / 2
        drawn += (
            f'<path class="throttled" d="M{middle - 5:.1f} {_TOP - 12} h10 l-5 9 z"/>'
            f'<line class="throttled" x1="{middle:.1f}" x2="{middle:.1f}" y1="{_TOP - 3}" y2="{both:.1f}"/>'
        )
    if bar.gap:
        at = scale.x(place)
        drawn += f'<line class="gap" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_BASE}"/>'
    hover = f"{_clock(bar.start)}: {number(round(bar.own))} of {number(bar.limit)}"
    hover += f", others {number(round(bar.others))}" if bar.others else ""
    hover += f", {bar.throttled} times 429" if bar.throttled else ""
    return f"<g><title>{esc(hover)}</title>{drawn}</g>"


def _limit_line(scale: _Scale, bars: Sequence[_Bar]) -> str:
    """Steps, for a limit can be raised while a run is on."""
    path: list[str] = []
    for place, bar in enumerate(bars):
        if bar.limit:
            start = "L" if path else "M"
            y = scale.y(bar.limit)
            path.append(f"{start}{scale.x(place):.1f} {y:.1f} H{scale.x(place + 1):.1f}")
    return f'<path class="limit" d="{" ".join(path)}"/>' if path else ""


def _axis(scale: _Scale, bars: Sequence[_Bar]) -> str:
    drawn = [f'<line class="axis" x1="{_LEFT}" x2="{_RIGHT}" y1="{_BASE}" y2="{_BASE}"/>']
    every = max(1, math.ceil(80 / scale.step))
    # A time is about fifty units wide, and the last must not run out of the picture.
    shown = [place for place in range(0, len(bars), every) if scale.x(place) <= _RIGHT - 50]
    drawn += [f'<text x="{scale.x(i):.1f}" y="{_BASE + 18}">{_clock(bars[i].start)}</text>' for i in shown]
    return "".join(drawn)


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
