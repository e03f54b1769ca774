"""Output that cannot be written: no traceback, no other outcome; lost data is said, a reader that left is not."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from intercom_bulk_updater import UsageError
from intercom_bulk_updater.engine import pool
from intercom_bulk_updater.parsing.output_file import replacing
from intercom_sandbox import Sandbox

from .desk import Desk, at_desk

SANDBOX = {"conversations": 60, "latency": 0.0}
WHERE = ("--where", "team = 5001 and state = open")
CLOSE = ("conversations", "close", *WHERE, "--yes", "--progress", "plain", "--verify", "none")


def shell(desk: Desk, command: str) -> subprocess.CompletedProcess[str]:
    """A command line for sh, `$B` being the command."""
    env = {**desk.env, "B": f"{sys.executable} -m intercom_bulk_updater"}
    return subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], env=env, cwd=desk.home, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def ran(shop: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk with one finished run, for what only looks at it."""
    with at_desk(shop, tmp_path_factory.mktemp("ran")) as made:
        assert made.here(*CLOSE, "-q").code == 0
        yield made


@pytest.mark.parametrize("command", ["conversations find --where 'state = open'", "runs export latest"])
def test_data_that_a_full_disk_did_not_take_is_exit_1(ran: Desk, command: str) -> None:
    """One sentence says so; there is no traceback."""
    found = shell(ran, f"$B {command} > /dev/full")
    assert found.returncode == 1
    assert found.stderr.count("standard output could not be written: No space left on device") == 1
    assert "Traceback" not in found.stderr and "runs show" not in found.stderr


def test_what_a_closed_standard_output_did_not_take_is_exit_1(ran: Desk) -> None:
    """No row was delivered, and a command that has nothing to print is none the worse."""
    found = shell(ran, "$B conversations find --where 'state = open' >&-")
    assert found.returncode == 1 and "standard output could not be written: it is closed" in found.stderr
    assert shell(ran, "$B conversations find --where 'state = open' --json >&-").returncode == 1


def test_a_reader_that_left_ends_nothing_with_a_word(ran: Desk) -> None:
    """`| head -1` is quiet, and so is a pipe whose reader is gone from the start."""
    found = shell(ran, "$B runs export latest | head -1; $B conversations find --where 'state = closed' --jsonl | true")
    assert "Traceback" not in found.stderr and "could not be written" not in found.stderr and "BrokenPipe" not in found.stderr


@pytest.mark.parametrize(
    ("flags", "output", "code"),
    [
        ("--jsonl -v", "> /dev/full", 1), ("-v", "2> /dev/full", 0), ("", ">&- 2>&-", 0),
    ],
)
def test_a_run_does_what_it_was_asked_whatever_can_be_shown(desk: Desk, flags: str, output: str, code: int) -> None:
    """A full or closed stderr changes neither the run nor its exit code; data that were lost on stdout do, when the run is over."""
    ids = desk.open_ids()
    found = shell(desk, f"$B conversations close --where 'team = 5001 and state = open' --yes --progress plain {flags} {output}")
    assert found.returncode == code, found.stderr
    assert "Traceback" not in found.stderr
    assert not code or f"Nothing is lost: see intercom-bulk runs show {desk.here('runs', 'show', '--json').run}" in found.stderr
    desk.once("close", ids)
    assert json.loads(desk.here("runs", "show", "latest", "--json").out)["counts"]["done"] == len(ids)


def test_files_that_cannot_be_written_are_sentences(tmp_path: Path) -> None:
    """On a disk without room, in a folder that is gone: what was there before stays, and no half of the new is left."""
    was, (soft, hard) = tmp_path / "r.html", resource.getrlimit(resource.RLIMIT_FSIZE)
    was.write_text("the old one")
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(UsageError, match=r"The report cannot be written to .*: File too large"), replacing(was, "The report") as file:
            file.write("x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    with pytest.raises(UsageError, match="No such file"), replacing(tmp_path / "gone" / "e.csv", "The export") as file:
        file.write("x")
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"] and was.read_text() == "the old one"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("runs", "export", "latest", "-o", "x.ods"), "ends in .csv, .xlsx, .jsonl, .ndjson, .json or .parquet, not in .ods"),
        (("runs", "export", "latest", "-o", "x.pdf"), "not in .pdf"),
        (("runs", "export", "latest", "-o", "x.csv", "--format", "jsonl"), "leave one out"),
        (("runs", "report", "latest", "-o", "x.pdf"), "ends in .html, .htm or .json, not in .pdf"),
        (("runs", "report", "latest", "-o", "x"), "not in nothing"),
        ((*CLOSE, "--report", "x.pdf"), "--report x.pdf: what is written here ends in .html or .htm"),
        ((*CLOSE, "--plan", "x.xlsx"), "--plan x.xlsx: what is written here ends in .jsonl"),
    ],
)
def test_no_file_promises_another_format_than_it_has(ran: Desk, arguments: tuple[str, ...], words: str) -> None:
    """An ending that is not written is refused before anything is done."""
    requests = len(ran.box.log(1000))
    found = ran.here(*arguments)
    assert found.code == 2 and words in found.err
    assert not list(ran.home.glob("x.*")) and len(ran.box.log(1000)) == requests


def test_what_the_tool_writes_it_reads(ran: Desk) -> None:
    """Exports by their ending, `find` in each form: all are taken by --ids and --exclude."""
    done = json.loads(ran.here("runs", "show", "latest", "--json").out)["counts"]["done"]
    for name in ("e.csv", "e.xlsx", "e.jsonl", "e.json"):
        assert ran.here("runs", "export", "latest", "-o", name).code == 0
        assert json.loads(ran.here("conversations", "find", "--ids", name, "--json").out)["count"] == done
    for form in ("", "--json", "--jsonl"):
        found = ran.here("conversations", "find", "--where", "state = closed", *form.split())
        (ran.home / "found").write_text(found.out)
        left = json.loads(ran.here("conversations", "find", "--where", "state = closed", "--exclude", "found", "--json").out)
        assert left["count"] == 0


@pytest.mark.parametrize("kind", ["pipe", "folder", "socket", "device"])
def test_a_journal_that_is_no_file_is_a_setting_to_correct(desk: Desk, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither waited for nor overwritten: exit 10, and what to do."""
    import socket

    path = desk.home / "journal.db"
    monkeypatch.chdir(desk.home)
    with socket.socket(socket.AF_UNIX) as bound:
        {"pipe": lambda: os.mkfifo(path), "folder": path.mkdir, "socket": lambda: bound.bind("journal.db"),
         "device": lambda: path.symlink_to("/dev/null")}[kind]()  # fmt: skip
        for command in (("runs", "list"), ("runs", "show"), (*CLOSE,)):
            found = desk.here(*command)
            assert found.code == 10 and f"is not a file (it is a {kind})" in found.err


def test_too_few_threads_are_enough(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that starts three threads and no more does the run with three; one that starts none says so in words."""
    started: list[str] = []
    most = 3
    whole = pool.threading.Thread.start

    def start(thread: object) -> None:
        name = thread.name  # type: ignore[attr-defined]
        if name.startswith("worker-"):
            if len(started) >= most:
                raise RuntimeError("can't start new thread")
            started.append(name)
        whole(thread)  # type: ignore[arg-type]

    monkeypatch.setattr(pool.threading.Thread, "start", start)
    ids = desk.open_ids()
    assert desk.here(*CLOSE, "--json").code == 0
    assert len(started) == most
    desk.once("close", ids)
    most = 0
    found = desk.here("conversations", "open", "--ids", str(_ids(desk, ids)), "--yes")
    assert found.code == 1 and "starts no more threads" in found.err and "Traceback" not in found.err and "bug" not in found.err


def test_too_little_memory_is_said_in_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no bug of anybody's, and the way on is named."""

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("intercom_bulk_updater.service.selection.read_id_file", full)
    found = desk.here("conversations", "open", "--ids", str(_ids(desk, ["1"])), "--yes")
    assert found.code == 1 and "too little memory" in found.err and "runs resume" in found.err and "bug" not in found.err


def _ids(desk: Desk, ids: list[str]) -> Path:
    path = desk.home / "ids.txt"
    path.write_text("\n".join(ids))
    return path


def test_with_json_a_log_says_that_the_run_waits(desk: Desk) -> None:
    """No progress, but a line when Intercom is away and one when it is back."""
    desk.box.fault("status", status=503, retry_after=1, on="write", count=1)
    answer = desk.here("conversations", "close", "--where", "state = open", "--yes", "--json")
    said = [line for line in answer.err.splitlines() if "Intercom" in line and line[2:3] == ":"]
    told = [("asks to wait until" in line, "is back" in line) for line in said]
    assert (answer.code, told) == (0, [(True, False), (False, True)]), answer.err


LINGERS = """
import atexit, sys
from intercom_bulk_updater import operation

def linger():
    print("at the end", file=sys.stderr, flush=True)
    sys.stdin.readline()

atexit.register(linger)

@operation("conversations", customer_visible=False)
def look(item_id, client):
    return client.get(f"conversations/{item_id}")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_after_the_account_does_not_change_the_exit_code(desk: Desk, number: int) -> None:
    """The JSON object had said `"exit": 0`, and the process ended by the signal."""
    (desk.home / "lingers.py").write_text(LINGERS)
    command = [sys.executable, "-m", "intercom_bulk_updater", "run", "lingers.py:look", "--where", "state = open", "--limit", "1", "--yes"]
    process = subprocess.Popen(
        [*command, "--json", "--progress", "none"], env=desk.env, cwd=desk.home, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    while "at the end" not in (line := process.stderr.readline()):
        assert line, "it has ended"
    process.send_signal(number)
    out, _ = process.communicate("\n", timeout=30)
    assert (process.returncode, json.loads(out)["exit"]) == (0, 0)
