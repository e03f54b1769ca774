"""What the events of a run say to people; "" for those that the figures already tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from intercom_bulk_updater.model import EventKind
from intercom_bulk_updater.parsing.dates import people_time
from intercom_bulk_updater.runs.judgement import Verified
from intercom_bulk_updater.runs.verification_words import describe_verification

from .formatting import clean, countdown, number, plural


def happening(kind: str, data: Mapping[str, Any], verbose: bool = False) -> str:
    """An event in words. Failures of single items only with `verbose`: the screen counts them."""
    if kind.startswith("item."):
        if not verbose:
            return ""
        return f"{kind.removeprefix('item.').replace('_', ' ')}: {failure(data)}"
    say = _WORDS.get(kind)
    if say is not None:
        return clean(say(data))
    rest = ", ".join(f"{k} {v}" for k, v in data.items() if v not in (None, "", {}, []))
    return clean(f"{kind.replace('_', ' ')}{': ' + rest if rest else ''}")


def failure(data: Mapping[str, Any]) -> str:
    """Why an item failed: its cause, and Intercom's own words where they say more."""
    cause, message = clean(data.get("cause") or "unknown"), clean(data.get("message") or "")
    item = f"{clean(data['id'])} " if data.get("id") else ""
    return f"{item}{cause}" + (f": {message}" if message and message not in cause else "")


def _canary(data: Mapping[str, Any]) -> str:
    items, failed, doubtful, wrong = (int(data.get(k) or 0) for k in ("items", "failed", "in_doubt", "wrong"))
    if failed or doubtful or wrong:
        doubted = f", {number(doubtful)} in doubt" if doubtful else ""
        bad = f"{number(failed)} failed{doubted} and {number(wrong)} are not in the requested state"
        return f"canary: of the first {plural(items, 'item')} {bad}"
    return f"canary: the first {plural(items, 'item')} done and read back, all in the requested state"


def _pass(data: Mapping[str, Any]) -> str:
    which = f"pass {data['number']} of the search" if data.get("number") else "another pass of the search"
    return f"{which} found {plural(int(data.get('found') or 0), 'item')} that no pass before had shown"


def _verify(data: Mapping[str, Any]) -> str:
    found = Verified.of(data)
    clauses = describe_verification(found, int(data.get("done") or found.sample_of or found.read))
    return f"verification: {', '.join(clauses)}" if clauses else "nothing to verify"


def away(told: Mapping[str, Any]) -> tuple[str, str]:
    """That Intercom is away, in words, and the same where there is little room; `told` as ServiceAway.as_json gives it."""
    again, left = float(told.get("again_in") or 0.0), float(told.get("giving_up_in") or 0.0)
    if told.get("reason") == "asked":
        at = people_time(float(told.get("until") or 0.0))[0]
        return f"asks to wait until {at:%H:%M:%S} ({countdown(again)})", f"wait {countdown(again)}"
    what = {
        "unreachable": "cannot be reached",
        "throttled": "answers every request with 429",
    }.get(str(told.get("reason")), "is not answering")
    when = f"asked again in {max(1, round(again))} s" if again >= 0.5 else "asking again"
    end = f"giving up in {countdown(left)}" if left >= 1 else "giving up now"
    return f"{what}; {when}; {end}", f"{what}, {countdown(left)} left"


def _away(data: Mapping[str, Any]) -> str:
    problem = f" ({str(data['problem']).rstrip('.')})" if data.get("problem") else ""
    return f"Intercom {away(data)[0]}{problem}. Nothing is sent meanwhile, and no item fails by it"


def _speed(data: Mapping[str, Any]) -> str:
    at_most = f", at most {float(data['rate']) * 60:,.0f} requests a minute" if data.get("rate") else ""
    return f"goes on with {float(data.get('share') or 1):.0%} of the rate limit{at_most}"


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    EventKind.IN_DOUBT: lambda d: f"{plural(int(d.get('count') or 0), 'item')} in doubt from before: looked at first",
    EventKind.OLDER_JOURNAL: lambda d: (
        f"this journal may be older than what the run has done: {d.get('why')}. {plural(int(d.get('count') or 0), 'item')} not known "
        "to be done: looked at before anything is sent"
    ),
    EventKind.PAUSED: lambda d: "paused: nothing new is started",
    EventKind.RESUMED: lambda d: "goes on",
    EventKind.PASS: _pass,
    EventKind.CANARY: _canary,
    EventKind.VERIFY: _verify,
    EventKind.SERVICE_AWAY: _away,
    EventKind.SPEED: _speed,
    EventKind.SERVICE_BACK: lambda d: "Intercom is back: the run goes on",
    EventKind.ENDLESS_PASS: lambda d: "the search brought nothing but known items for a long while: this pass was ended",
}
