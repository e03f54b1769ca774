"""Watching a run: on a terminal (a real one, made by pty), in a log, as events, and the question before the first write."""

from __future__ import annotations

import io
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import pytest

from intercom_bulk_updater.errors import SafetyStop, UsageError
from intercom_bulk_updater.model import Counts, Reversibility
from intercom_bulk_updater.runs.observer import Progress
from intercom_bulk_updater.runs.preview import Preview
from intercom_bulk_updater.terminal.json_lines import JsonLines, done_line
from intercom_bulk_updater.terminal.observers import (
    ConsoleObserver,
    LiveObserver,
    PlainObserver,
    QuietObserver,
    observer_for,
)
from intercom_bulk_updater.terminal.phrases import Title
from intercom_bulk_updater.terminal.question import confirm, needs_number

REPORT: dict[str, Any] = {
    "schema": "run/1", "ok": True, "exit": 0,
    "run": {"id": "1123-close-7f3a", "kind": "run", "status": "finished", "operation": "conversations.close"},
    "counts": {"selected": 20, "done": 20, "unchanged": 0, "failed": 0, "drifted": 0, "in_doubt": 0, "pending": 0},
    "requests": {"total": 21}, "seconds": 1.0, "failures": [], "verified": {"level": "all", "remaining": 0},
    "next": ["intercom-bulk undo 1123-close-7f3a"],
}  # fmt: skip


class Terminal:
    """A real terminal: what a program writes to `stream` is read with `screen`, what is typed is read by the program."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        self.stream: TextIO = os.fdopen(slave, "r+b", buffering=0)  # type: ignore[assignment]
        self.stdin: TextIO = os.fdopen(os.dup(slave), "r", encoding="utf-8")
        self.stderr: TextIO = os.fdopen(os.dup(slave), "w", encoding="utf-8")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def screen(self) -> str:
        self.stderr.flush()
        seen = b""
        while select.select([self._master], [], [], 0.05)[0]:
            seen += os.read(self._master, 65536)
        return seen.decode()

    def close(self) -> None:
        for stream in (self.stream, self.stdin, self.stderr):
            stream.close()
        os.close(self._master)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "90"), ("LINES", "40")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    made = Terminal()
    yield made
    made.close()


@pytest.fixture
def clock() -> Callable[[], float]:
    """A clock that goes on by half a second at each look, as a run ticks."""
    at = iter(n / 2 for n in range(10_000))
    return lambda: next(at)


def progress(done: int, phase: str = "acting") -> Progress:
    return Progress(phase, Counts(selected=20, done=done, pending=20 - done), 20, 5.0, done / 5, (20 - done) / 5)


def run(observer: ConsoleObserver) -> None:
    """What a runner tells in the course of a small run."""
    observer.introduce(Title("conversations.close", "close", "Acme"))
    observer.began("1123-close-7f3a")
    for done in range(20):
        observer.progress(progress(done, "reading" if done < 3 else "acting"))
        if done == 10:
            observer.event("canary", items=5, failed=0, wrong=0)
            observer.event("item.failed", seq=7, cause="404 not_found", message="Gone")
    observer.finish(REPORT)


def review(change: int = 20, **other: Any) -> Preview:
    made = Preview("close", selected=change, would_change=change, reversibility=str(Reversibility.FIELDS))
    made.groups = Counter({"state: open → closed": change})
    for name, value in other.items():
        setattr(made, name, value)
    return made


# -- who watches ----------------------------------------------------------------------------------------------------------


def test_choice(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen on a terminal, lines elsewhere, and on a terminal that cannot redraw; none and -q say nothing."""
    pipe = io.StringIO()
    assert isinstance(observer_for("auto", stderr=terminal.stderr), LiveObserver)
    assert isinstance(observer_for("bar", stderr=terminal.stderr), LiveObserver)
    assert isinstance(observer_for("plain", stderr=terminal.stderr), PlainObserver)
    assert isinstance(observer_for("auto", stderr=pipe), PlainObserver)
    assert isinstance(observer_for("bar", stderr=pipe), PlainObserver)
    assert isinstance(observer_for("none", stderr=terminal.stderr), QuietObserver)
    assert isinstance(observer_for("auto", stderr=terminal.stderr, quiet=True), QuietObserver)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(observer_for("auto", stderr=terminal.stderr), PlainObserver)
    with pytest.raises(UsageError, match="auto, bar, plain or none"):
        observer_for("fancy")


def test_force_color_makes_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """FORCE_COLOR, as build servers set it, does not turn a log into a screen."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    pipe = io.StringIO()
    run(observer_for("auto", stderr=pipe))
    assert "\x1b" not in pipe.getvalue()


def test_lines_need_no_rich() -> None:
    """A log without a person costs no import of the terminal library."""
    program = "import sys; from intercom_bulk_updater.terminal import json_lines, observers; print('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"


# -- the screen -----------------------------------------------------------------------------------------------------------


def test_live_screen(terminal: Terminal) -> None:
    """The screen is drawn over itself, the summary takes its place, and the cursor is never away."""
    run(LiveObserver(terminal.stderr))
    seen = terminal.screen()
    assert "Close conversations" in seen
    assert "19 of 20" in seen
    assert "canary: the first 5 items done and read back, all in the requested state" in seen
    assert "404 not_found" not in re.sub(r"latest: .*", "", seen), "single failures stay inside the screen"
    assert "\x1b[?25h" in seen[seen.rindex("\x1b[?25l") :][:40], "a killed process must not leave a hidden cursor"
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen).rstrip().splitlines()[-1]
    assert last.strip() == "intercom-bulk undo 1123-close-7f3a"


def test_summary_takes_its_place(terminal: Terminal) -> None:
    """A caller that prints a summary of its own takes the last screen away: it would be older than the summary."""
    with LiveObserver(terminal.stderr) as observer:
        observer.began("1123-close-7f3a")
        observer.progress(progress(7))
        observer.close(keep=False)
    seen = terminal.screen()
    assert seen.count("\x1b[2K") > seen[: seen.rindex("7 of 20")].count("\x1b[2K")


def test_last_frame_stays(terminal: Terminal) -> None:
    """A run that breaks off leaves its last screen to be read; closing twice does no harm."""
    with LiveObserver(terminal.stderr) as observer:
        observer.began("1123-close-7f3a")
        observer.progress(progress(7))
    observer.close()
    seen = terminal.screen()
    assert seen.rstrip().endswith("\x1b[?25h")
    assert "7 of 20" in seen[seen.rindex("1123-close-7f3a") :]


def test_no_color(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR there is no colour, and the words are the same."""
    monkeypatch.setenv("NO_COLOR", "1")
    run(LiveObserver(terminal.stderr))
    seen = terminal.screen()
    codes = {int(code) for codes in re.findall(r"\x1b\[([0-9;]+)m", seen) for code in codes.split(";")}
    assert not {code for code in codes if code >= 30}
    assert "19 of 20" in seen


# -- lines and events -----------------------------------------------------------------------------------------------------


def test_plain_lines(clock: Callable[[], float]) -> None:
    """In a log: a line at the start, one every few seconds, one for each phase and event; time first, nothing to control."""
    out = io.StringIO()
    observer = PlainObserver(out, every=3.0, clock=clock)
    observer.introduce(Title("conversations.close", "close", "Ac\x1b[31mme"))
    run_lines = out.getvalue()
    assert run_lines == ""
    run(observer)
    text = out.getvalue()
    lines = text[: text.index("✓")].splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d \S", line) for line in lines)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    assert "Close conversations in Acme" in lines[0]
    assert len([line for line in lines if "acting" in line]) in range(2, 6)
    assert any("canary" in line for line in lines)
    assert text.rstrip().splitlines()[-1].strip() == "intercom-bulk undo 1123-close-7f3a"


def test_alternating_phases_do_not_flood(clock: Callable[[], float]) -> None:
    """Phases that alternate while the index is waited for are told once in a while."""
    out = io.StringIO()
    observer = PlainObserver(out, every=10.0, clock=clock)
    for turn in range(60):
        observer.progress(progress(20, ("waiting for the index", "searching again", "acting")[turn % 3]))
    assert len(out.getvalue().splitlines()) <= 8


def test_verbose_names_failures() -> None:
    """With -v each failed item has its line."""
    out = io.StringIO()
    observer = PlainObserver(out, verbose=True)
    observer.event("item.failed", seq=7, cause="404 not_found", message="Gone")
    assert "failed: 404 not_found: Gone" in out.getvalue()


def test_quiet() -> None:
    """-q says nothing of a run that went well, and all of one that did not."""
    out = io.StringIO()
    run(QuietObserver(out, quiet=True))
    assert out.getvalue() == ""
    QuietObserver(out, quiet=True).finish({**REPORT, "ok": False, "exit": 3})
    assert "Finished, but not for every item" in out.getvalue()


def test_events() -> None:
    """--jsonl: every line is an object with schema, time, number, run and event; the last is run.done with the report."""
    out = io.StringIO()
    run(observer_for("none", jsonl=True, quiet=True, stdout=out, stderr=io.StringIO()))
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["schema"] for event in events[:-1]} == {"event/1"}
    assert {event["run"] for event in events[:-1]} == {"1123-close-7f3a"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["ts"]) for event in events)
    assert events[0]["event"] == "run.began"
    assert {"progress", "canary", "item.failed"} <= {event["event"] for event in events}
    failed = next(event for event in events if event["event"] == "item.failed")
    assert (failed["item_seq"], failed["cause"]) == (7, "404 not_found")
    assert {name: value for name, value in events[-1].items() if name not in ("event", "ts", "seq")} == REPORT
    assert (events[-1]["event"], events[-1]["schema"], events[-1]["run"]["id"]) == ("run.done", "run/1", "1123-close-7f3a")


def test_done_without_a_run() -> None:
    """A command that fails before there is a run ends its events with run.done too."""
    line = json.loads(done_line({"schema": "run/1", "ok": False, "exit": 4, "run": None}))
    assert (line["schema"], line["event"], line["run"], line["exit"]) == ("run/1", "run.done", None, 4)


def test_progress_events_once_a_second(clock: Callable[[], float]) -> None:
    """Progress is written at most once a second however often it is told."""
    out = io.StringIO()
    observer = JsonLines(QuietObserver(io.StringIO()), out, clock=clock)
    for done in range(20):
        observer.progress(progress(done))
    assert len(out.getvalue().splitlines()) == 10


def test_reader_that_leaves() -> None:
    """A reader that closes the pipe does not end the run."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as out:
        run(observer_for("none", jsonl=True, quiet=True, stdout=out, stderr=io.StringIO()))
        run(PlainObserver(out, every=0))


# -- the question ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "made", "yes"),
    [
        ("y\n", review(), True),
        ("yes\n", review(), True),
        ("\n", review(), False),
        ("n\n", review(), False),
        ("20\n", review(), True),
        ("21\nn\n", review(), False),
        ("ja\ny\n", review(), True),
        ("ja\nja\n", review(), False),
        ("\x04", review(), False),
        ("y\n", review(501), False),
        ("501\n", review(501), True),
        ("4,281\n", review(4281), True),
        ("4 281\n", review(4281), True),
        ("428\n", review(4281), False),
        ("y\n", review(customer_visible=True), False),
        ("20\n", review(customer_visible=True), True),
        ("y\n", review(reversibility=str(Reversibility.IRREVERSIBLE)), False),
        ("20\n", review(reversibility=str(Reversibility.REDACT)), True),
    ],
)
def test_question(terminal: Terminal, typed: str, made: Preview, yes: bool) -> None:
    """A small change that can be taken back takes a y or the number, every other the number; what is neither is asked once more."""
    terminal.type(typed)
    asked = confirm(made, "r", Title("conversations.close", "close", "Acme"), stdin=terminal.stdin, stderr=terminal.stderr)
    assert asked is yes
    seen = terminal.screen()
    assert "would change" in seen
    assert ("Answer y, or n:" in seen) is typed.startswith(("ja", "21"))
    assert ("[y/N]" in seen) is not bool(needs_number(made))
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen).splitlines()
    assert any(f"Close {made.would_change:,} conversations in Acme?" in line for line in last[-3:]), "what is about to happen comes last"


@pytest.mark.parametrize("missing", ["stdin", "stderr"])
def test_no_terminal(terminal: Terminal, missing: str) -> None:
    """Without a terminal nobody can be asked: a safety stop (exit 5) that names --yes."""
    streams: dict[str, Any] = {"stdin": terminal.stdin, "stderr": terminal.stderr, missing: io.StringIO("y\n")}
    with pytest.raises(SafetyStop, match="--yes"):
        confirm(review(), "r", **streams)


def test_ctrl_c_at_the_question() -> None:
    """Ctrl-C at the question is a no, although the command has a SIGINT handler of its own that does not raise."""
    program = """
import os, signal, sys
terminal = os.open(sys.argv[1], os.O_RDWR)  # of a new session: it becomes the controlling terminal
signal.signal(signal.SIGINT, lambda *_: None)
from intercom_bulk_updater.terminal.json_lines import JsonLines, done_line
from intercom_bulk_updater.terminal.question import confirm
from intercom_bulk_updater.runs.preview import Preview
from intercom_bulk_updater.terminal.phrases import Title
stdin, stderr = os.fdopen(terminal, "r"), os.fdopen(os.dup(terminal), "w")
review = Preview("close", selected=3, would_change=3, reversibility="reversible")
said = confirm(review, "r", Title("conversations.close", "close"), stdin=stdin, stderr=stderr)
kept = signal.getsignal(signal.SIGINT) is not signal.default_int_handler
print("answer", said, kept)
"""
    master, slave = os.openpty()
    command = [sys.executable, "-c", program, os.ttyname(slave)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, env={**os.environ, "TERM": "xterm"}) as child:
        seen = b""
        while b"[y/N]" not in seen:
            assert select.select([master], [], [], 20)[0], seen
            seen += os.read(master, 4096)
        os.write(master, b"\x03")
        try:
            out, _ = child.communicate(timeout=20)
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
    os.close(slave)
    os.close(master)
    assert out.decode().strip() == "answer False True"
