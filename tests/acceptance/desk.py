"""A desk with the command on it and a sandbox beside it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from intercom_bulk_updater.cli.main import main
from intercom_sandbox import Sandbox

from .forked import Forked, start

QUERY = "team = 5001 and state = open"


@dataclass
class Answer:
    """What a command left: its exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not zero."""
        return {name: count for name, count in self.json["counts"].items() if count}

    @property
    def run(self) -> str:
        """The id of the run."""
        return str(self.json["run"]["id"])


@dataclass
class Desk:
    """Runs the command against `box`, with its state in `home`."""

    box: Sandbox
    home: Path
    _was: dict[str, Any] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The environment of the command."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("INTERCOM_")}
        return {**clean, **self.box.env(), "INTERCOM_BULK_HOME": str(self.home), "PYTHONWARNINGS": "error"}

    def start(self, *arguments: str) -> subprocess.Popen[str] | Forked:
        """The command in a process of its own."""
        return start(arguments, self.env, self.home) or subprocess.Popen(
            [sys.executable, "-m", "intercom_bulk_updater", *arguments],
            env=self.env, cwd=self.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def wait(self, process: subprocess.Popen[str] | Forked) -> Answer:
        """Wait until a process ends."""
        out, err = process.communicate(timeout=120)
        return Answer(process.returncode, out, err)

    def command(self, *arguments: str) -> Answer:
        """The command in a process of its own, to its end."""
        return self.wait(self.start(*arguments))

    def here(self, *arguments: str, env: Mapping[str, str] | None = None) -> Answer:
        """The same entry point in this process: spares the start of an interpreter where many runs are looked at."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, {**self.env, **(env or {})}, clear=True), contextlib.chdir(self.home), contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err), patch.object(sys, "stdin", io.StringIO()),
        ):
            try:
                main(list(arguments))
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        return Answer(code, out.getvalue(), err.getvalue())

    def close(self, *more: str) -> Answer:
        """Close the open conversations of the Support team."""
        return self.here("conversations", "close", "--where", QUERY, "--yes", "--json", "--progress", "none", *more)

    def switch(self, **settings: Any) -> None:
        """Change settings of the sandbox until the test ends."""
        self._was = self._was or self.box.control()
        self.box.control(**settings)

    def put_back(self) -> None:
        """The settings as they were."""
        if self._was:
            now = self.box.control()
            self.box.control(**{k: v for k, v in self._was.items() if now[k] != v})

    def open_ids(self) -> list[str]:
        """The open conversations of the Support team, as the server holds them."""
        return [str(row["id"]) for row in self.box.conversations(team=5001, state="open")]

    def written(self, kind: str) -> dict[str, Any]:
        """The server's account of one kind of write: items written once, more than once, writes in all."""
        found: dict[str, Any] = self.box.audit()["kinds"].get(kind) or {"1": 0, "2+": 0, "writes": 0, "twice": []}
        return found

    def sent(self, ending: str) -> int:
        """POST requests that reached the server for paths with this ending, whatever they were answered."""
        return sum(line["method"] == "POST" and line["path"].endswith(ending) for line in self.box.log(1000))

    def writes(self) -> int:
        """Writes of any kind that the server carried out."""
        return sum(kind["writes"] for kind in self.box.audit()["kinds"].values())

    def once(self, kind: str, ids: list[str]) -> None:
        """Assert that the server carried out exactly one write of this kind for each of `ids`, and no other."""
        found = self.written(kind)
        assert (found["1"], found["2+"], found["writes"]) == (len(ids), 0, len(ids)), found


def until(condition: Callable[[], bool], process: subprocess.Popen[str] | Forked | None = None, seconds: float = 30.0) -> bool:
    """Poll a condition; False when the process ended before it held."""
    end = time.monotonic() + seconds
    while not condition():
        if process is not None and process.poll() is not None:
            return False
        if time.monotonic() > end:
            raise AssertionError("what was waited for did not come")
        time.sleep(0.005)
    return True


@contextlib.contextmanager
def at_desk(box: Sandbox, home: Path) -> Iterator[Desk]:
    """A desk before a workspace as it was seeded; the sandbox's settings are put back at the end."""
    box.reset()
    desk = Desk(box, home)
    try:
        yield desk
    finally:
        desk.put_back()
