"""What holds a run back, and what it is doing, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intercom_bulk_updater.model import Bottleneck, Phase

from ..report.event_text import away
from ..report.formatting import countdown, number, pace, plural, seconds, whole_seconds

Told = Mapping[str, Any]
"""`Progress.as_json()` and what `parts.told` adds; the latter is absent for a run of another process."""


def held_by(told: Told) -> tuple[str, str, str]:
    """What limits the run, the rest of the sentence, and the rest where there is little room; empty for nothing.

    ("Intercom's rate limit", "used up; the next 1,667 requests in 1.3 s", "used up for 1.3 s")
    """
    holds = told.get("holds") or ""
    if holds == Bottleneck.SERVICE:
        return "Intercom", *away(told.get("away") or {})
    if holds == Bottleneck.BUDGET:
        return _allowance(told.get("window") or {})
    if holds == Bottleneck.WORKERS:
        crew = int(told.get("workers") or 0)
        if told.get("own_workers"):
            return f"your --workers {crew}", "all of them wait for Intercom's answers", "waiting for answers"
        who = "the one request under way waits" if crew == 1 else f"all {number(crew)} requests under way wait"
        return "Intercom's answers", f"{who if crew else 'requests wait'} for one", "waiting"
    if holds == Bottleneck.SEARCH:
        return "the search", "its next page is still being fetched", "next page"
    if holds == Bottleneck.RETRIES:
        return _put_aside(told)
    if holds == Bottleneck.PAUSED:
        return "a pause", "nothing new is started until the run is resumed", "until resumed"
    if holds == Bottleneck.FINISHING:
        busy = int(told.get("busy") or 0)
        left = f"{plural(busy, 'request')} still under way" if busy else "the last answers are in"
        return "the end", left, left
    if told.get("phase") in (Phase.READING, Phase.SEARCHING):
        return "the search", "each page waits for the one before it", "next page"
    if told.get("phase") == Phase.INDEX:
        return "Intercom's search", "it does not show the latest writes yet", "not up to date"
    return "", "", ""


def _put_aside(told: Told) -> tuple[str, str, str]:
    """What is waited for before items that are put aside are taken up again."""
    left = countdown(float(told.get("wait") or 0.0))
    if late := int(told.get("late") or 0):
        items = plural(late, "item")
        return "late answers", f"Intercom may still do {items}; looked at until then, at most {left}", f"{items}, at most {left}"
    items = plural(int(told.get("delayed") or 0), "item")
    return "retries", f"{items} to be tried again, the first in {left}", f"{items}, in {left}"


RATE_LIMIT = "Intercom's rate limit"


def _allowance(window: Told) -> tuple[str, str, str]:
    """Who allows no more requests just now: Intercom, or the person who asked for less."""
    length = float(window.get("window_seconds") or 10.0)
    limit, used = window.get("limit"), int(window.get("used") or 0)
    share, rate = float(window.get("share") or 1.0), window.get("own_rate")
    if window.get("blocked_for"):
        wait = seconds(float(window["blocked_for"]))
        return RATE_LIMIT, f"it asked for a pause (429), {wait} more", f"429, wait {wait}"
    if limit is not None and limit - used <= max(1, limit // 100):
        wait = seconds(float(window.get("ends_in") or 0))
        return RATE_LIMIT, f"used up; the next {number(limit)} requests in {wait}", f"used up for {wait}"
    if rate and (limit is None or float(rate) * length <= limit * share):
        words = str(window.get("rate_words") or f"{number(float(rate) * 60)}/min")
        return f"your --rate {words}", f"{pace(float(rate))} requests a second", f"{pace(float(rate))}/s"
    if window.get("mode") == "blind":
        return RATE_LIMIT, "the server does not say how much is used, so the pace stays below it", "not shown"
    if limit is None:
        return RATE_LIMIT, "it is not known yet", "not known yet"
    per = f"per {length:g} s"
    if share < 1:
        ours, part = int(limit * share), f"{share * 100:g} %"
        whose = f"your --share {part}"
        if ours - int(window.get("own", used)) <= max(1, ours // 100):
            wait = seconds(float(window.get("ends_in") or 0))
            return whose, f"used up; the next {number(ours)} requests in {wait}", f"used up for {wait}"
        return whose, f"{number(ours)} of the {number(limit)} requests that Intercom allows {per}", f"{number(ours)} {per}"
    return RATE_LIMIT, f"{number(limit)} requests {per}", f"{number(limit)} {per}"


def doing(told: Told) -> tuple[str, str, str]:
    """The phase in words, its first to stand out, and the rest where there is little room.

    ("reading", "the selection: 12,300 of 31,000", "12,300 of 31,000")
    """
    phase = told.get("phase") or ""
    if told.get("holds") == Bottleneck.SERVICE:
        return _alike("waiting", "for Intercom; nothing is sent, and no item fails by it")
    counts, total = told.get("counts") or {}, told.get("total")
    if phase == Phase.READING:
        seen = int(counts.get("selected") or 0)
        found = f"{number(seen)}{f' of {number(total)}' if total and total >= seen else ''}"
        return "reading", f"the selection: {found}", found
    if phase == Phase.ACTING:
        return _alike("paused:", "nothing new is started") if told.get("holds") == Bottleneck.PAUSED else _alike("acting:", _crew(told))
    if phase == Phase.SEARCHING:
        return _alike("searching", "again for what no pass has shown yet")
    if phase == Phase.VERIFYING:
        back = told.get("read_back") or {}
        what = f"{number(back['done'])} of {plural(int(back['of']), 'item')}" if back.get("of") else "what was changed"
        return _alike("reading back", what + (f": {_crew(told)}" if told.get("workers") else ""))
    if phase == Phase.INDEX:
        behind = int(told.get("index_behind") or 0)
        said = f": {plural(behind, 'item')} still {'shows its' if behind == 1 else 'show their'} old state" if behind else ""
        return "waiting", f"for Intercom's search index{said}", f"for the index{said}"
    return _alike(phase or "starting", str(told.get("note") or ""))


def _alike(word: str, rest: str) -> tuple[str, str, str]:
    return word, rest, rest


def _crew(told: Told) -> str:
    crew, busy = int(told.get("workers") or 0), int(told.get("busy") or 0)
    if not crew and told.get("holds") == Bottleneck.FINISHING:
        return "writing the last outcomes down"
    return f"{plural(busy, 'request')} at once{f' (of {number(crew)})' if crew > busy else ''}" if crew else "starting"


def time_left(told: Told) -> str:
    """`about 11 s left`; "" when it cannot be told."""
    eta = told.get("eta")
    if not eta:
        return ""
    left = max(1.0, float(eta))
    # Nobody needs the seconds of an hour, and they would jump at every look.
    return f"about {whole_seconds(left if left < 100 else round(left / 60) * 60)} left"
