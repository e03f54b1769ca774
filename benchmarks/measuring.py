"""What every benchmark of whole programs shares: a server with books, a client measured from outside, and what the books say.

The server runs in a process of its own. The client is measured by the operating system: processor time, peak memory.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import os
import platform
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from intercom_sandbox import Sandbox, running

RESULTS = Path(__file__).with_name("results.jsonl")
TEAM = 5001
POINTS = 40  # of the curve in each window


@dataclass(frozen=True)
class Process:
    """What a client cost."""

    exit: int
    """Exit code; negative: ended by that signal."""
    seconds: float
    cpu: float
    """Processor seconds, start included."""
    megabytes: float
    """Peak memory."""


@dataclass(frozen=True)
class Books:
    """What the server saw."""

    lost: int
    """Items that are still open."""
    twice: int
    """Items that got the same write more than once."""
    refused: int
    """Calls of the client that were answered 429."""
    requests: int
    writing: float
    """Seconds between the first and the last write; 0 where no log was kept."""
    connections: int
    in_flight: int
    windows: list[dict[str, float]]
    """Each window between the first and the last write: seconds since the start, own calls, what others wanted and got, the limit."""
    curve: list[list[float]]
    """[seconds since the start, own calls of this window so far, refused calls of this window so far], where it changes."""
    ceilings: list[list[float]]
    """[seconds since the start, calls that the limit and the others leave in the window that begins then]."""


@contextlib.contextmanager
def sandbox(items: int, **settings: Any) -> Iterator[tuple[Sandbox, Path]]:
    """A server in a process of its own whose team holds exactly `items` open conversations, and an empty state folder."""
    with (
        tempfile.TemporaryDirectory(prefix="intercom-bulk-bench-") as home,
        running(in_process=False, conversations=0, contacts=60, companies=12, tickets=1, seed=7, **settings) as box,
    ):
        # In pieces: the control endpoint answers when a piece is done.
        for made in range(0, items, 50_000):
            box.add_conversations(min(50_000, items - made), team=TEAM, state="open")
        box.reset_stats()
        yield box, Path(home)


def environment(box: Sandbox, home: Path, **more: str) -> dict[str, str]:
    """What a client sees: this server, an empty state folder, and nothing of the person's own settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("INTERCOM_")}
    return {**clean, **box.env(), "INTERCOM_INBOX_ID": str(TEAM), "INTERCOM_BULK_HOME": str(home), **more}


def run(
    command: Sequence[str], env: dict[str, str], folder: Path, *, within: float, watch: Callable[[], bool] | None = None,
    log: Path | None = None,
) -> Process:
    """Run a client to its end, and measure it.

    Parameters
    ----------
    within:
        Seconds after which it is killed.
    watch:
        Asked ten times a second; when it first says True, the client is asked to stop (SIGTERM).
    log:
        Where its standard error goes; nowhere by default.
    """
    began = time.perf_counter()
    with contextlib.ExitStack() as stack:
        err: Any = stack.enter_context(log.open("ab")) if log else subprocess.DEVNULL
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=err)
    peak, turn, stopped = 0.0, 0, False
    while True:
        # wait4 and not getrusage(RUSAGE_CHILDREN): the figures of this child alone.
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if turn % 5 == 0:
            peak = max(peak, peak_memory(process.pid))
            if watch is not None and watch() and not stopped:
                # Not SIGINT: a shell that starts this in the background has it ignored, in its children too.
                process.send_signal(signal.SIGTERM)
                stopped = True
        if time.perf_counter() - began > within:
            process.kill()
        turn += 1
        time.sleep(0.02)  # noqa: TID251 - a benchmark has nobody to stop it politely
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    # The system's own figure holds the memory of the process that started the client too: second choice.
    peak = peak or usage.ru_maxrss / 1024
    return Process(process.returncode, round(seconds, 3), round(usage.ru_utime + usage.ru_stime, 3), round(peak, 1))


def peak_memory(pid: int) -> float:
    """Peak memory of a process so far, MB; 0 where the system does not tell (it is over, or this is no Linux)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    _, _, found = status.partition("VmHWM:")
    return int(found.split()[0]) / 1024 if found else 0.0


def read_books(box: Sandbox, began: float, length: float, *, log: int) -> Books:
    """What the server saw since `began` (its own clock); windows and curve need a log of all calls, `log` long."""
    stats = box.stats()
    entries = [(entry["time"], int(entry["status"]), is_write(entry)) for entry in box.log(last=log)] if log else []
    writes = [at for at, _, write in entries if write]
    windows = [
        {
            "at": round(window["start"] - began, 2), "own": window["by_app"].get("app", 0), "limit": window["limit"],
            "others": window["competitor_accepted"], "others_refused": window["competitor_rejected"],
        }
        for window in every_window(stats["windows"], length)
        if writes and writes[0] <= window["start"] and window["start"] + length <= writes[-1]
    ]  # fmt: skip
    return Books(
        lost=len(box.conversations(team=TEAM, state="open")),
        twice=more_than_once(stats["audit"]),
        refused=stats["statuses"].get("429", 0),
        requests=stats["requests"],
        writing=round(writes[-1] - writes[0], 3) if writes else 0.0,
        connections=stats["connections"]["opened"],
        in_flight=stats["max_in_flight"],
        windows=windows,
        curve=curve([(at, status) for at, status, _ in entries], stats["windows"], began, length),
        ceilings=[
            [round(window["start"] - began, 2), max(0, window["limit"] - window["competitor_accepted"] - window["competitor_rejected"])]
            for window in stats["windows"]
            if log and window["start"] + length > began
        ],
    )


def every_window(windows: list[dict[str, Any]], length: float) -> Iterator[dict[str, Any]]:
    """The windows of the server's books, and between them those in which nobody called."""
    known = {window["index"]: window for window in windows}
    for index in range(min(known, default=0), max(known, default=-1) + 1):
        start = windows[0]["start"] + (index - windows[0]["index"]) * length
        empty = {"index": index, "start": start, "limit": windows[0]["limit"], "by_app": {}}
        yield known.get(index) or {**empty, "competitor_accepted": 0, "competitor_rejected": 0}


def is_write(entry: dict[str, Any]) -> bool:
    """Whether a call of the log closes a conversation."""
    return bool(entry["method"] == "POST" and entry["path"].endswith("/parts"))


def more_than_once(audit: dict[str, Any]) -> int:
    """Items that got the same kind of write twice or more."""
    return sum(int(kind.get("2+", 0)) for kind in audit["kinds"].values())


def curve(calls: list[tuple[float, int]], windows: list[dict[str, Any]], began: float, length: float) -> list[list[float]]:
    """How the calls of each window came in, in steps of 1/40 of a window: see `Books.curve`."""
    if not calls:
        return []
    step, points = length / POINTS, []
    origin = windows[-1]["start"]  # any boundary: the others lie whole windows away
    counts: dict[int, list[int]] = {}
    for at, status in calls:
        slot = counts.setdefault(math.floor((at - origin) / step), [0, 0])
        slot[status == 429] += 1
    used = refused = 0
    for slot in range(min(counts), max(counts) + 1):
        if slot % POINTS == 0:
            used = refused = 0
            points.append([round(origin + slot * step - began, 2), 0, 0])
        own, late = counts.get(slot, (0, 0))
        used, refused = used + own, refused + late
        if own or late or (slot + 1) % POINTS == 0:
            points.append([round(origin + (slot + 1) * step - began, 2), used, refused])
    return points


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpu": processor(), "cores": os.cpu_count() or 1, "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }  # fmt: skip


def processor() -> str:
    """The model of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def load() -> float:
    """Processes that wanted the processor in the last minute, on average: what else the machine was doing."""
    return round(os.getloadavg()[0], 2)


def now() -> str:
    """The moment, UTC."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def commit() -> str:
    """What was measured, where this is a checkout; `+` after it: with changes that are in no commit."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=RESULTS.parent, capture_output=True, text=True, check=False).stdout.strip()

    # The results themselves are no change.
    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "../src", "*.py") else "")


def lines(file: Path) -> list[dict[str, Any]]:
    """The results so far; none where there is no file."""
    return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []


def append(file: Path, kind: str, run: str, **parts: Any) -> dict[str, Any]:
    """Write a line of results, and return it: the parts, where dataclasses become their fields, and what every line has.

    Kinds: `cell` (a program in a scenario), `stage` (of the run over a million items), `table` (`title`, `head`, `body`: a table
    that another benchmark made; the page shows the newest of each title as it is).
    """
    line: dict[str, Any] = {"schema": "bench/1", "kind": kind, "run": run, "at": now(), "commit": commit(), "machine": machine()}
    for name, value in parts.items():
        line |= asdict(value) if isinstance(value, Process | Books) else {name: value}
    with file.open("a") as results:
        results.write(json.dumps(line, separators=(",", ":")) + "\n")
    return line
