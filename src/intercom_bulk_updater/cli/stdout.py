"""The three standard streams, whatever state they were handed over in: closed, full, without a reader, or in plain ASCII."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


def open_streams() -> None:
    """Make sure that there are three streams, and that no character can end the command."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Or the next file or connection that is opened would get the number, and with it what is meant for people.
            os.open(os.devnull, os.O_RDWR)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - open to the end
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            # Names may hold what the terminal's encoding (LC_ALL=C) or any encoding (half an emoji) cannot.
            stream.reconfigure(errors="backslashreplace")


def piped() -> str:
    """The text on standard input, in UTF-8 whatever the terminal has; raises UnicodeDecodeError."""
    if sys.stdin is None:  # what a process has that was started with its input closed
        return ""
    raw = getattr(sys.stdin, "buffer", None)
    return sys.stdin.read() if raw is None else str(raw.read().decode("utf-8-sig"))


class _DataStream:
    """Standard output while it carries data for a program: what a person's own code prints goes to standard error."""

    def __init__(self, stream: TextIO) -> None:
        self._data = stream
        self._me = threading.get_ident()

    def _stream(self) -> TextIO:
        from ..updaters.calls import prints_as_user_code

        ours = threading.get_ident() == self._me and not prints_as_user_code()
        return self._data if ours else sys.stderr

    def write(self, text: str) -> int:
        return self._stream().write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream(), name)


@contextmanager
def data_only(arguments: Sequence[str]) -> Iterator[None]:
    """While a command runs that prints JSON, nothing else reaches standard output. What subprocesses print does."""
    if not {"--json", "--jsonl"} & set(arguments):
        yield
        return
    stream = sys.stdout
    sys.stdout = cast(TextIO, _DataStream(stream))
    try:
        yield
    finally:
        sys.stdout = stream


_lost: list[str] = []


def emit(text: str) -> None:
    """Write data on standard output. A full disk is told at the end of the command: what was done is accounted for first."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        leave(sys.stdout)
    except OSError as exc:
        _lost.append(exc.strerror or str(exc))
        leave(sys.stdout)


def note(text: str) -> None:
    """Sentences for people, on standard error, broken between words where a person reads them."""
    sys.stderr.write("\n".join(map(_broken, text.removesuffix("\n").split("\n"))) + "\n")
    sys.stderr.flush()


def _broken(line: str) -> str:
    """An indented line stays whole: it is a command to copy, or a filter with its mark below."""
    if not sys.stderr.isatty() or line.startswith((" ", "$ ")):
        return line
    width = max(24, min(100, shutil.get_terminal_size().columns - 1))
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)


def close_streams() -> str:
    """Write out what Python still holds; returns why standard output could not take it, "" when it could or nobody reads."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            leave(stream)
        except (OSError, ValueError) as exc:
            if stream is sys.stdout and isinstance(exc, OSError):
                _lost.append(exc.strerror or str(exc))
            leave(stream)
    return _lost.pop() if _lost else ""


def leave(stream: TextIO) -> None:
    """Send what a stream still holds nowhere: its reader is gone, or its disk is full."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
