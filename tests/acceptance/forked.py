"""The command in a process of its own, forked from one that has imported it: a start spends most of its time on imports.

Such a process is the command's own in all that tests ask of one: environment, folder, streams, signals, exit code, how it ends.
How it starts is tested by those that start an interpreter (`test_command`, `test_main_job`, `test_streams`).
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import intercom_bulk_updater
from intercom_bulk_updater.cli.main import complete_tree, main
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import EventKind, FoundItem, ItemResult, Outcome, RunStatus

_STARTS_WITH = ("PYTHON", "LANG", "LC_")
"""What an interpreter reads when it starts, and only then."""


class Forked:
    """As much of `subprocess.Popen` as tests use."""

    def __init__(self, server: socket.socket, arguments: tuple[str, ...], env: Mapping[str, str], folder: Path) -> None:
        out, its_out = os.pipe()
        err, its_err = os.pipe()
        status, its_status = os.pipe()
        order = json.dumps([arguments, dict(env), str(folder)]).encode()
        socket.send_fds(server, [struct.pack("I", len(order))], [its_out, its_err, its_status])
        server.sendall(order)
        for one in (its_out, its_err, its_status):
            os.close(one)
        self.stdout, self.stderr, self._status = os.fdopen(out), os.fdopen(err), os.fdopen(status)
        self.pid = int(self._status.readline())
        self.returncode: int | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        with self._status:
            self.returncode = int(self._status.readline())
        self._ended.set()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("intercom-bulk", timeout or 0.0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        err: list[str] = []
        reader = threading.Thread(target=lambda: err.append(self.stderr.read()), daemon=True)
        end = threading.Timer(timeout or 600.0, self.kill)
        reader.start()
        end.start()
        with self.stdout, self.stderr:
            out = self.stdout.read()
            reader.join()
        end.cancel()
        self.wait(timeout)
        return out, err[0]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, *_: object) -> None:
        self.communicate()

    def __del__(self) -> None:
        # A test that kills its process may ask for nothing more of it: the warning would come in another test, at its next garbage search.
        self.stdout.close()
        self.stderr.close()


def start(arguments: tuple[str, ...], env: Mapping[str, str], folder: Path) -> Forked | None:
    """The command, begun; None where its interpreter would have begun otherwise than that which is forked."""
    server, starts_with = _server()
    if {name: value for name, value in env.items() if name.startswith(_STARTS_WITH)} != starts_with:
        return None
    return Forked(server, arguments, env, folder)


@functools.cache
def _server() -> tuple[socket.socket, dict[str, str]]:
    """The process that has imported the command, one for each of pytest's."""
    here, there = socket.socketpair()
    starts_with = {name: value for name, value in os.environ.items() if name.startswith(_STARTS_WITH)}
    starts_with["PYTHONWARNINGS"] = "error"
    process = subprocess.Popen(
        [sys.executable, __file__, str(there.fileno())], env={**os.environ, **starts_with}, pass_fds=[there.fileno()],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    there.close()

    def end() -> None:
        here.close()
        process.communicate()

    atexit.register(end)
    return here, starts_with


def _serve(server: socket.socket) -> list[str]:
    """Fork for each order. Returns its arguments, in the new process only."""
    for module in pkgutil.walk_packages(intercom_bulk_updater.__path__, "intercom_bulk_updater."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    complete_tree()
    _compile_statements()
    gc.freeze()  # what was imported is not copied by the collections of each command and of its end
    while True:
        length, streams, _, _ = socket.recv_fds(server, 4, 3)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not length:
            os._exit(0)
        left = struct.unpack("I", length)[0]
        order = b""
        while len(order) < left:
            order += server.recv(left - len(order))
        if not os.fork():
            server.close()
            arguments, env, folder = json.loads(order)
            _one(streams, env, folder)
            return list(arguments)
        for one in streams:
            os.close(one)


def _compile_statements() -> None:
    """What every run asks of a journal: a process compiles each statement once, and its children have it from there."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.db") as journal:
        run = journal.create_run(operation="close", workspace="w").id
        with journal.hold(run):
            journal.add_items(run, [FoundItem("1", {"state": "open"})])
            [item] = journal.turn(run, [], claim=1)
            journal.turn(run, [ItemResult(item.seq, Outcome.DONE)], claim=0)
            journal.recover(run)
            journal.add_event(run, EventKind.PAUSED)
            journal.update_run(run, status=RunStatus.FINISHED, totals={"waits": 1})
        for look in (journal.counts, journal.failures, journal.windows, journal.events, journal.undone, journal.account, journal.orders):
            look(run)
        list(journal.items(run))


def _one(streams: list[int], env: dict[str, str], folder: str) -> None:
    """Fork the command, and wait for it. Returns in the command's own process."""
    out, err, status = streams
    pid = os.fork()
    if pid:
        os.write(status, f"{pid}\n".encode())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for one in (1, 2, out, err):
            os.close(one)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(BrokenPipeError):
            os.write(status, f"{code}\n".encode())
        os._exit(0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for one in streams:
        os.close(one)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.path[0] = folder


def _end(code: object) -> NoReturn:
    """Leave as an interpreter does, but for taking its modules apart: that writes to all of the memory that is shared until then.

    What it would find there, streams and connections that nobody has closed, is said by those tests that start an interpreter.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    words = _serve(socket.socket(fileno=int(sys.argv[1])))
    sys.argv = ["intercom-bulk", *words]
    try:
        main()
    except SystemExit as end:
        _end(end.code)
