"""What a frame says, as short pieces of text; each has a rank: what to leave out first in little room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from intercom_bulk_updater.model import Bottleneck, Phase

from ..report.formatting import clean, number, pace, percent, plural, whole_seconds
from .bottleneck import Told, doing, held_by, time_left
from .phrases import Title, already, past

if TYPE_CHECKING:
    from intercom_bulk_updater.runs.observer import Progress

Part = tuple[int, str, str]
"""How soon it is left out (0: never), the text, its style."""

_FINISHED = ("done", "unchanged", "failed", "drifted", "in_doubt")
_TONES: Mapping[str, str] = {
    Bottleneck.SERVICE: "yellow",
    Bottleneck.BUDGET: "green",
    Bottleneck.FINISHING: "green",
    Bottleneck.WORKERS: "cyan",
    Bottleneck.SEARCH: "cyan",
    Bottleneck.RETRIES: "yellow",
    Bottleneck.PAUSED: "yellow",
}


def finished(counts: Mapping[str, int]) -> int:
    """Items that have their outcome."""
    return sum(counts.get(name, 0) for name in _FINISHED)


def told(progress: Progress) -> dict[str, Any]:
    """A Progress as `frame` takes it: `as_json`, and what only this process knows."""
    said = progress.as_json()
    if progress.snapshot is not None:
        now = progress.snapshot
        said |= {"delayed": now.delayed, "waiting": now.waiting, "late": now.waits.late, "wait": now.waits.seconds}
    if progress.budget is not None:
        state = progress.budget
        said["window"] |= {
            "window_seconds": state.window_seconds,
            "blocked_for": state.blocked_for,
            "mode": state.mode,
            "own": state.own,
        }
    return said


def holding(now: Told, *, narrow: bool = False) -> list[Part]:
    """What holds the run back."""
    word, rest, short = held_by(now)
    tone = _TONES.get(now.get("holds") or Bottleneck.SEARCH, "")
    # A service that is away is a whole sentence: "Intercom asks to wait until 14:26:50".
    colon = "" if now.get("holds") == Bottleneck.SERVICE else ":"
    return [(0, f"{word}{colon}", f"bold {tone}".strip()), (1 if narrow else 0, short if narrow else rest, "")] if word else []


def phase(now: Told, *, narrow: bool = False) -> list[Part]:
    """What is being done."""
    word, rest, short = doing(now)
    rest = short if narrow else rest
    return [(0, word, "bold"), *([(0, rest, "")] if rest else [])]


def items(counts: Mapping[str, int], now: Told, title: Title) -> list[Part]:
    """How many items stand where; outcomes that nobody has are not mentioned."""
    over = finished(counts)
    total = now.get("total")
    parts: list[Part] = [(0, f"{number(over)} of {number(total)}" if total else f"{number(over)} so far", "bold")]
    if now.get("phase") == Phase.READING and not over:
        return []  # the phase says how many were found
    parts.append((3, f"{number(counts.get('done', 0))} {past(title.operation, title.again)}", "green"))
    for rank, name, words, style in (
        (4, "unchanged", already(title.operation, title.again), ""),
        (1, "failed", "failed", "bold red"),
        (2, "drifted", "drifted", "yellow"),
        (1, "in_doubt", "in doubt", "bold yellow"),
    ):
        if counts.get(name):
            parts.append((rank, f"{number(counts[name])} {words}", style))
    return parts


def speed(now: Told, *, narrow: bool = False) -> list[Part]:
    """Rate and time left; nothing while the rate means nothing."""
    rate = float(now.get("rate") or 0)
    # While nothing is acted on the smoothed rate only fades: that would look like a run that dies.
    if not rate or now.get("holds") in (Bottleneck.PAUSED, Bottleneck.SERVICE) or now.get("phase") not in (Phase.ACTING, Phase.READING):
        return []
    left = time_left(now)
    if narrow:
        return [(0, f"{pace(rate)}/s", "bold"), (1, left.removeprefix("about "), "bold")]
    parts: list[Part] = [(0, f"{pace(rate)} a second", "bold"), (3, f"{number(rate * 60)} a minute", "")]
    return [*parts, *([(1, left, "bold")] if left else []), (2, gone(now), "")]


def gone(now: Told) -> str:
    """`19 s so far`."""
    return f"{whole_seconds(float(now.get('elapsed') or 0))} so far"


def trouble_of(counts: Mapping[str, int], now: Told, trouble: str) -> list[Part]:
    """429s, retries and the latest failure; nothing when there are none."""
    parts: list[Part] = []
    if now.get("throttled"):
        parts.append((1, f"{number(now['throttled'])} × 429", "yellow"))  # noqa: RUF001 - a times sign is meant
    if now.get("retried"):
        many = int(now["retried"])
        parts.append((1, f"{plural(many, 'request')} tried again", "yellow"))
    if trouble and counts.get("failed", 0) + counts.get("in_doubt", 0):
        parts.append((0, f"latest: {clean(trouble)}", "red"))
    return parts


def sentence_of(now: Told, title: Title) -> str:
    """The same in one line of words, for a log: where it stands, how fast, what holds it back."""
    said = [" ".join(part for part in doing(now)[:2] if part)]
    counts = now.get("counts") or {}
    if now.get("phase") != Phase.READING or any(counts.get(k) for k in ("done", "unchanged", "failed")):
        pieces = [text for _, text, _ in items(counts, now, title)]
        if now.get("total"):
            pieces[0] += f" ({percent(finished(counts), now['total'])})"
        said += pieces
    if now.get("phase") == Phase.ACTING and now.get("rate") and now.get("holds") != Bottleneck.SERVICE:
        said.append(f"{pace(float(now['rate']))} a second")
        left = time_left(now)
        said += [left] if left else []
    word, rest, _ = held_by(now)
    if now.get("holds") == Bottleneck.SERVICE:
        said.append(f"limited by: {word} {rest}")
    elif word and now.get("holds") not in (Bottleneck.FINISHING, Bottleneck.PAUSED) and now.get("phase") == Phase.ACTING:
        said.append(f"limited by {word}")
    said += [text for _, text, _ in trouble_of({}, now, "")]
    return " · ".join(said)
