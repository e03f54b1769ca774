"""What holds a run back, and what it is doing, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .formatting import countdown, number, plural, seconds, whole_seconds

Told = Mapping[str, Any]
"""`Progress.as_json()` and what `parts.told` adds; the latter is absent for a run of another process."""


def held_by(told: Told) -> tuple[str, str, str]:
    """A word, the rest of the sentence, and the rest where there is little room; empty for nothing.

    ("budget", "the 10-second window is used up, the next begins in 1.3 s", "used up for 1.3 s")
    """
    holds = told.get("holds") or ""
    if holds == "service":
        return "Intercom", *away(told.get("away") or {})
    if holds == "budget":
        return "budget", *_budget(told.get("window") or {})
    if holds == "workers":
        crew = int(told.get("workers") or 0)
        who = "the one worker waits" if crew == 1 else f"all {number(crew)} workers wait" if crew else "workers wait"
        return "workers", f"Intercom's latency, {who} for answers", "waiting for answers"
    if holds == "search":
        return "search", "the next page of matches is still being fetched", "next page"
    if holds == "retries":
        late = plural(int(told.get("delayed") or 0), "item")
        return "retries", f"{late} to be tried again in a moment", late
    if holds == "paused":
        return "paused", "nothing new is started until the run is resumed", "until resumed"
    if holds == "finishing":
        busy = int(told.get("busy") or 0)
        left = f"{plural(busy, 'request')} still in flight" if busy else "the last answers are in"
        return "finishing", left, left
    if told.get("phase") in ("reading", "searching again"):
        return "search", "each page waits for the cursor of the last", "next page"
    if told.get("phase") == "waiting for the index":
        return "search", "Intercom's index lags behind the writes", "index is behind"
    return "", "", ""


def away(told: Told) -> tuple[str, str]:
    """That Intercom is away, in words, and the same where there is little room; `told` as ServiceAway.as_json gives it."""
    again, left = float(told.get("again_in") or 0.0), float(told.get("giving_up_in") or 0.0)
    if told.get("reason") == "asked":
        at = datetime.fromtimestamp(float(told.get("until") or 0.0)).astimezone()
        return f"asks to wait until {at:%H:%M:%S} ({countdown(again)})", f"wait {countdown(again)}"
    what = {
        "unreachable": "cannot be reached",
        "throttled": "answers every request with 429",
    }.get(str(told.get("reason")), "is not answering")
    when = f"asked again in {max(1, round(again))} s" if again >= 0.5 else "asking again"
    return f"{what}; {when}; giving up in {countdown(left)}", f"{what}, {countdown(left)} left"


def _budget(window: Told) -> tuple[str, str]:
    length = float(window.get("window_seconds") or 10.0)
    limit, used = window.get("limit"), int(window.get("used") or 0)
    share = float(window.get("share") or 1.0)
    if window.get("blocked_for"):
        wait = seconds(float(window["blocked_for"]))
        return f"Intercom asked for a pause (429), {wait} more", f"429, wait {wait}"
    if window.get("mode") == "blind":
        return "the server shows no window, so the pace stays below the limit", "no window shown"
    if limit is None:
        return "feeling out the limit", "limit unknown"
    if limit - used <= max(1, limit // 100):
        wait = seconds(float(window.get("ends_in") or 0))
        return f"the {length:g}-second window is used up, the next begins in {wait}", f"used up for {wait}"
    if share < 1:
        ours, part = int(limit * share), f"{share * 100:g} %"
        if ours - int(window.get("own", used)) <= max(1, ours // 100):
            wait = seconds(float(window.get("ends_in") or 0))
            return f"our {part} of the {length:g}-second window are used up, the next begins in {wait}", f"{part} used up for {wait}"
        allowed = f"{number(ours)} of {number(limit)} calls per {length:g} s"
        return f"as fast as {part} of the limit allow, {allowed}", f"{part}: {number(ours)} per {length:g} s"
    return (
        f"as fast as the limit allows, {number(limit)} calls per {length:g} s",
        f"{number(limit)} per {length:g} s",
    )


def doing(told: Told) -> tuple[str, str]:
    """The phase in words, its first to stand out: ("reading", "the selection: 12,300 of 31,000")."""
    phase, note = str(told.get("phase") or ""), str(told.get("note") or "")
    if told.get("holds") == "service":
        return "waiting", "for Intercom; nothing is sent, and no item fails by it"
    counts, total = told.get("counts") or {}, told.get("total")
    if phase == "reading":
        seen = int(counts.get("selected") or 0)
        of = f" of {number(total)}" if total and total >= seen else ""
        return "reading", f"the selection: {number(seen)}{of}"
    if phase == "acting":
        return ("paused:", "nothing new is started") if told.get("holds") == "paused" else ("acting:", _crew(told))
    if phase == "searching again":
        return "searching", "again for what no pass has shown yet"
    if phase == "verifying":
        back = told.get("read_back") or {}
        what = f"{number(back['done'])} of {plural(int(back['of']), 'item')}" if back.get("of") else "what was changed"
        return "reading back", what + (f": {_crew(told)}" if told.get("workers") else "")
    if phase == "waiting for the index":
        return "waiting", f"for Intercom's search index{': ' + _said(note) if note else ''}"
    return phase or "starting", note


def _said(note: str) -> str:
    count, _, rest = note.partition(" ")
    if not count.isdecimal():
        return note
    said = f"{number(int(count))} {rest}".removesuffix(" in Intercom's search index")
    return said.replace("1 items still show their", "1 item still shows its") if count == "1" else said


def _crew(told: Told) -> str:
    crew, busy = int(told.get("workers") or 0), int(told.get("busy") or 0)
    if not crew and told.get("holds") == "finishing":
        return "writing the last outcomes down"
    return f"{number(busy)} of {plural(crew, 'worker')} busy" if crew else "starting"


def time_left(told: Told) -> str:
    """`about 11 s left`; "" when it cannot be told."""
    eta = told.get("eta")
    if not eta:
        return ""
    left = max(1.0, float(eta))
    # Nobody needs the seconds of an hour, and they would jump at every look.
    return f"about {whole_seconds(left if left < 100 else round(left / 60) * 60)} left"
