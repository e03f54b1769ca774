"""The running screen: what it says, at which width, and what it never does to a terminal."""

from __future__ import annotations

import io
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from intercom_bulk_updater.engine.attempt import Attempt, Waits, waits_of
from intercom_bulk_updater.engine.decide import Known
from intercom_bulk_updater.engine.pool import PoolStatus
from intercom_bulk_updater.model import Bottleneck, Counts, Item, Phase
from intercom_bulk_updater.ratelimit.outage import AwayReason, ServiceAway
from intercom_bulk_updater.ratelimit.permit import BudgetState
from intercom_bulk_updater.report.formatting import clean, number, percent, plural, seconds, shorten, subject
from intercom_bulk_updater.runs.observer import Progress
from intercom_bulk_updater.terminal.phrases import Title, already, past, sentence
from intercom_bulk_updater.terminal.screen import frame
from intercom_bulk_updater.terminal.screen_rows import sentence_of, told

TITLE = Title("conversations.close", "close", "Acme Support", "team = 5001 and state = open", run="1123-close-7f3a")


def budget(used: int = 1503, **other: Any) -> BudgetState:
    values: dict[str, Any] = {
        "limit": 1667, "used": used, "own": used, "remaining": 1667 - used, "window_seconds": 10.0,
        "ends_in": 2.1, "blocked_for": 0.0, "rate": 164.0, "mode": "window",
    }  # fmt: skip
    return BudgetState(**(values | other))


def acting(holds: str = "budget", failed: int = 12, **other: Any) -> Progress:
    values: dict[str, Any] = {
        "phase": Phase.ACTING,
        "counts": Counts(selected=5000, done=3098, unchanged=40, failed=failed, pending=1850),
        "total": 5000, "rate": 164.2, "elapsed": 19.3, "eta": 11.3,
        "snapshot": PoolStatus(workers=31, busy=24, waiting=3, delayed=2, holds=holds), "budget": budget(),
    }  # fmt: skip
    return Progress(**(values | other))


def drawn(progress: Progress, width: int, title: Title = TITLE, **other: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(frame(told(progress), title, width, **other))
    return out.getvalue()


def test_wide_screen() -> None:
    """At 120 columns the screen says what, where, how far, how fast, how long, what holds it back, and the window."""
    screen = drawn(acting(), 120)
    for words in (
        "Close conversations in Acme Support", "1123-close-7f3a", "63 %", "3,150 of 5,000",
        "3,098 closed", "40 already closed", "12 failed", "164 a second", "9,852 a minute", "about 11 s left",
        "19 s so far", "1,503 of 1,667 requests", "ends in 2.1 s", "limited by Intercom's rate limit:", "24 requests at once (of 31)",
    ):  # fmt: skip
        assert words in screen, words


def test_what_items_that_are_put_aside_wait_for() -> None:
    """A message that may still come, or a repetition that is due later: in words, with a count-down, on all screens."""
    screens = {
        Waits(3, 24.4): (
            "limited by late answers: Intercom may still do 3 items; looked at until then, at most 0:24",
            "3 items, at most 0:24",
        ),
        Waits(0, 7.0): ("limited by retries: 4 items to be tried again, the first in 0:07", "4 items, in 0:07"),
    }
    for waits, (wide, narrow) in screens.items():
        now = acting(snapshot=PoolStatus(workers=31, delayed=4, holds=Bottleneck.RETRIES, waits=waits))
        assert wide in drawn(now, 120) and narrow in drawn(now, 60)


def test_what_is_put_aside_is_told_by_what_it_waits_for() -> None:
    """A look for what may come late is waited for longest; a repetition until it is due."""
    message = Attempt(Item(1, "1"), known=Known(maybe_applied=True, settle_until=130.0))
    again = Attempt(Item(2, "2"), known=Known(requests=1))
    assert waits_of([(101.0, 1, message), (105.0, 2, again)], 100.0) == Waits(1, 30.0)
    assert waits_of([(105.0, 2, again)], 100.0) == Waits(0, 5.0)


def test_narrow_screen() -> None:
    """At 60 columns the most important figures stay, and no line is wider than the terminal."""
    screen = drawn(acting(), 60)
    some = ("Close conversations in Acme Support", "3,150 of 5,000", "12 failed", "164/s", "11 s left", "1,503/1,667")
    for words in (*some, "Intercom's rate limit"):
        assert words in screen, words


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_size(width: int) -> None:
    """From 40 to 200 columns the screen keeps to its lines: at most 8, none wider than the terminal."""
    long = Title("conversations.tag", "tag " + "very " * 30 + "long", "A workspace with a long name " * 4, run="1123-tag-7f3a")
    for title in (TITLE, long):
        screen = drawn(acting(retried=4, throttled=2), width, title, trouble="404 " + "words " * 60)
        lines = screen.splitlines()
        assert len(lines) <= 8
        assert max(map(len, lines)) < width


def test_a_run_that_is_only_looked_at() -> None:
    """The bar of verify is what was read back, not what the run did."""
    looked = acting("", phase=Phase.VERIFYING, read_back=(1000, 4000))
    screen = drawn(looked, 120, Title("conversations.close", "close", "Acme", kind="verify"))
    assert "Verify: Close conversations" in screen and "25 %" in screen
    assert "63 %" in drawn(looked, 120)


def test_zeroes_are_quiet() -> None:
    """What did not happen is not on the screen: no failed, no drifted, no 429, no trouble."""
    screen = drawn(acting(failed=0), 120)
    assert not re.search(r"failed|drifted|doubt|429|trouble|again", screen)


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (acting("workers"), "limited by Intercom's answers: all 31 requests under way wait for one"),
        (acting("search"), "the search: its next page"),
        (acting("retries"), "retries: 2 items to be tried again"),
        (acting("paused"), "a pause: nothing new is started until the run is resumed"),
        (acting("finishing"), "the end: 24 requests still under way"),
        (acting(budget=budget(1667)), "Intercom's rate limit: used up; the next 1,667 requests in 2.1 s"),
        (acting(budget=budget(100, blocked_for=3.0, mode="blocked")), "Intercom's rate limit: it asked for a pause (429), 3 s more"),
        (acting(budget=budget(100, mode="blind")), "Intercom's rate limit: the server does not say how much is used"),
        (acting(budget=budget(1600, own=1200)), "400 by others"),
        (acting(share=0.6, budget=budget(700)), "your --share 60 %: 1,000 of the 1,667 requests that Intercom allows per 10 s"),
        (acting(share=0.6, budget=budget(1001)), "your --share 60 %: used up; the next 1,000 requests in 2.1 s"),
        (acting(own_rate=50.0, rate_words="3000/min", budget=budget(300)), "limited by your --rate 3000/min: 50 requests a second"),
        (acting(own_rate=50.0, budget=budget(1667)), "limited by Intercom's rate limit: used up"),
        (acting(own_rate=500.0, budget=budget(300)), "limited by Intercom's rate limit: 1,667 requests per 10 s"),
        (acting("workers", own_workers=31), "limited by your --workers 31: all of them wait for Intercom's answers"),
        (acting("", phase=Phase.VERIFYING, read_back=(1200, 5132)), "reading back 1,200 of 5,132 items"),
        (acting(retried=1, throttled=2), "2 × 429 · 1 request tried again"),  # noqa: RUF001
    ],
)
def test_what_holds_it_back(progress: Progress, words: str) -> None:
    """What holds the run back is told in words, for every cause."""
    assert words in drawn(progress, 120)


@pytest.mark.parametrize(
    ("phase", "behind", "words"),
    [
        (Phase.READING, 0, "reading the selection: 12,300 of 31,000"),
        (Phase.SEARCHING, 0, "searching again"),
        (Phase.VERIFYING, 0, "reading back what was changed"),
        (
            Phase.INDEX,
            1812,
            "waiting for Intercom's search index: 1,812 items still show their old state",
        ),
        (
            Phase.INDEX,
            1,
            "waiting for Intercom's search index: 1 item still shows its old state",
        ),
    ],
)
def test_phases(phase: Phase, behind: int, words: str) -> None:
    """Every phase of a run has its line of words."""
    screen = drawn(Progress(phase, Counts(selected=12300), 31000, 0.0, 3.2, None, index_behind=behind), 120)
    assert words in screen


def test_never_full_too_early() -> None:
    """100 % is said of all items and of nothing less."""
    assert percent(4999, 5000) == "99 %"
    assert percent(5000, 5000) == "100 %"
    assert percent(0, 0) == "0 %"


def test_every_part_of_the_bar_is_seen() -> None:
    """One failure among 100,000 items has its own mark in the bar."""
    text = frame(told(acting(counts=Counts(100_000, 50_000, failed=1), total=100_000)), TITLE, 80)
    bar = next(line for line in text.split("\n") if "━" in line.plain)
    assert any("red" in str(span.style) for span in bar.spans)


def test_the_percentage_is_whole_from_the_start() -> None:
    """What is too little for the bar takes a place in it, and none from the percentage behind it."""
    for done, failed in ((38, 0), (0, 2), (3, 2), (3950, 3)):
        counts = Counts(3954, done, failed=failed)
        line = drawn(acting(counts=counts, total=3954), 80).splitlines()[1]
        assert line.endswith(percent(done + failed, 3954)), line


def test_ascii() -> None:
    """Where the encoding cannot carry more, the screen is plain ASCII."""
    assert drawn(acting(retried=2, throttled=1), 80, ascii_only=True, trouble="é").isascii()


def test_hostile_text() -> None:
    """Names and messages from outside cannot steer the terminal."""
    title = Title("conversations.tag", "tag \x1b[31mred\x1b]0;owned\x07", "Ac\u202eme\r\n\x9b2J", run="r")
    screen = drawn(acting(), 100, title, trouble="\x1b[2Jgone\x07")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", screen)
    assert clean("a\tb\n\x1b[1;31mc") == "a b c"


def test_followed_run() -> None:
    """A run of another process is drawn from what its journal keeps, which is less."""
    kept = acting().as_json()
    assert "3,150 of 5,000" in frame(kept, TITLE, 100).plain
    assert "Intercom's rate limit" in frame(kept, TITLE, 100).plain
    assert frame({}, Title(), 80).plain


def test_log_sentence() -> None:
    """For a log the same is one line of words."""
    said = sentence_of(told(acting()), TITLE)
    assert said == (
        "acting: 24 requests at once (of 31) · 3,150 of 5,000 (63 %) · 3,098 closed · 40 already closed · 12 failed"
        " · 164 a second · about 11 s left · limited by Intercom's rate limit"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("close", "Close conversations"),
        ("assign to team Billing (5002)", "Assign conversations to team Billing (5002)"),
        ("tag vip", "Tag conversations: vip"),
        ("reply", "Reply to conversations"),
        ("undo 1123-close-7f3a", "Undo 1123-close-7f3a: restore conversations"),
        ("MyUpdater", "MyUpdater: conversations"),
    ],
)
def test_sentences(words: str, said: str) -> None:
    """An operation is said as a sentence about its items."""
    assert sentence(words, "conversations") == said


def test_verbs() -> None:
    """Outcomes are named by the verb; a person's own updater has done and unchanged."""
    assert (past("conversations.close"), already("conversations.close")) == ("closed", "already closed")
    assert (past("MyUpdater"), already("MyUpdater")) == ("done", "unchanged")


def test_figures() -> None:
    """Thousands are separated, singular and plural are right, seconds are minutes and hours where there are many."""
    assert number(31000) == "31,000"
    assert [plural(n, "conversations") for n in (0, 1, 2)] == ["0 conversations", "1 conversation", "2 conversations"]
    assert [plural(n, "companies") for n in (1, 3)] == ["1 company", "3 companies"]
    assert [plural(n, "match") for n in (1, 3)] == ["1 match", "3 matches"]
    assert [seconds(s) for s in (0.4, 9.96, 59.6, 80, 3600, 7500, 100_000)] == [
        "0.4 s", "10 s", "1 min", "1 min 20 s", "1 h", "2 h 5 min", "1 d 3 h",
    ]  # fmt: skip
    assert shorten("a" * 50, 10) == "a" * 9 + "…"
    assert subject("<p>Hi <b>you</b></p> me@acme.com") == "Hi you (e-mail)"


def test_picture(tmp_path: Path) -> None:
    """The picture for the README holds the screen's words and refers to nothing outside itself."""
    screen_svg = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "draw_screen.py"))["screen_svg"]
    path = screen_svg(tmp_path / "screen.svg", told(acting()), TITLE, command="intercom-bulk conversations close")
    svg = path.read_text(encoding="utf-8").replace("&#160;", " ")
    assert "3,098" in svg
    assert "intercom-bulk conversations close" in svg
    assert svg.count("http") == svg.count('xmlns="http://www.w3.org/2000/svg"') == 1
    assert "font-face" not in svg


@pytest.mark.parametrize(
    ("reason", "again", "words"),
    [
        (AwayReason.ASKED, 18.0, "Intercom asks to wait until"),
        (AwayReason.FAILING, 3.2, "Intercom is not answering; asked again in 3 s; giving up in 9:42"),
        (AwayReason.UNREACHABLE, 0.1, "Intercom cannot be reached; asking again; giving up in 9:42"),
        (AwayReason.THROTTLED, 5.0, "Intercom answers every request with 429; asked again in 5 s; giving up in 9:42"),
    ],
)
def test_a_service_that_is_away_limits_the_run(reason: AwayReason, again: float, words: str) -> None:
    """What is waited for and until when, on the screen and in a log; no speed, no time left, no "budget"."""
    waiting = acting("budget", away=ServiceAway(reason, again, 582.0), eta=None)
    line = sentence_of(told(waiting), TITLE)
    assert f"limited by: {words}" in line
    assert ("(0:18)" in line) is (reason is AwayReason.ASKED)
    screen = drawn(waiting, 100)
    for text in (line, screen):
        assert "budget" not in text and "a second" not in text and "left" not in text
    assert words.removeprefix("Intercom ")[:20] in screen
    assert len(drawn(waiting, 40).splitlines()) <= 8
