"""The three standard streams, whatever state they were handed over in: closed, full, without a reader, or in plain ASCII.

Nothing that a run does depends on whether its words can be written. What cannot be written on standard error is dropped; for
standard output, which is data, the loss is said at the end of the command.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO, cast

from ..api.redact import without_known_tokens
from ..parsing.environment import FLAG_VARIABLES
from ..parsing.printable import printable_lines
from ..terminal.terminal import give_up

_lost: list[str] = []
_told: list[str] = []
_all_told = False
_IS_CLOSED = "it is closed"


class _Patient(io.TextIOWrapper):
    """A standard stream on which writing never raises: from the first failure on, everything goes nowhere."""

    def write(self, text: str) -> int:
        """Write `text`, or drop it."""
        try:
            return super().write(text)
        except (OSError, ValueError) as exc:
            self._lose(exc)
            return len(text)

    def flush(self) -> None:
        """Hand on what is held, or drop it."""
        try:
            super().flush()
        except (OSError, ValueError) as exc:
            self._lose(exc)

    def _lose(self, exc: OSError | ValueError) -> None:
        # A reader that has left (`| head`) has all that it wanted.
        if isinstance(exc, OSError) and not isinstance(exc, BrokenPipeError) and self.fileno() != 2:
            _lost.append(exc.strerror or str(exc))
        give_up(self)


class _Closed(io.TextIOWrapper):
    """Standard output that the command was started without: what is written is lost, and that is told."""

    def write(self, text: str) -> int:
        """Drop `text`."""
        if text and not _lost:
            _lost.append(_IS_CLOSED)
        return len(text)


def open_streams() -> None:
    """Make sure that there are three streams, and that neither a character nor a full disk can end the command."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Or the next file or connection that is opened would get the number, and with it what is meant for people.
            os.open(os.devnull, os.O_RDWR)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            kind = _Closed if descriptor == 1 else io.TextIOWrapper
            setattr(sys, name, kind(open(descriptor, "wb", closefd=False), encoding="utf-8"))  # noqa: SIM115 - open to the end
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            # Names may hold what the terminal's encoding (LC_ALL=C) or any encoding (half an emoji) cannot.
            stream.reconfigure(errors="backslashreplace")
        if stream is getattr(sys, f"__{name}__") and type(stream) is io.TextIOWrapper:
            patient = _Patient(
                stream.buffer, encoding=stream.encoding, errors="backslashreplace", line_buffering=stream.line_buffering
            )
            setattr(sys, name, patient)


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


def data_format(arguments: Sequence[str]) -> str:
    """`json` or `jsonl`, where the arguments or the environment ask for it; "" for neither."""
    for name in ("json", "jsonl"):
        if f"--{name}" in arguments:
            return name
    asked = (name for name in ("json", "jsonl") if os.environ.get(FLAG_VARIABLES[name], "").strip().lower() in ("1", "true", "yes", "y"))
    return next(asked, "")


@contextmanager
def data_only(arguments: Sequence[str]) -> Iterator[None]:
    """While a command prints JSON, or the table of what it tried of a person's code, nothing else reaches standard output.

    It goes to standard error.
    """
    if not data_format(arguments) and arguments[:1] != ["operations"]:
        yield
        return
    stream = sys.stdout
    with _apart(stream) as data:
        sys.stdout = cast(TextIO, _DataStream(data))
        try:
            yield
        finally:
            sys.stdout = stream


@contextmanager
def _apart(stream: TextIO) -> Iterator[TextIO]:
    """Standard output on a descriptor that nobody else knows: 1 is what child processes and libraries in C write to."""
    if type(stream) is not _Patient or stream.fileno() != 1:
        yield stream
        return
    stream.flush()
    kept = os.fdopen(os.dup(1), "wb")
    data = _Patient(kept, encoding=stream.encoding, errors=stream.errors, line_buffering=stream.line_buffering)
    os.dup2(2, 1)
    try:
        yield data
    finally:
        data.flush()
        os.dup2(data.fileno(), 1)
        data.close()


def emit(text: str) -> None:
    """Write data on standard output. A full disk is told at the end of the command: what was done is accounted for first."""
    sys.stdout.write(without_known_tokens(text))


class DataStream:
    """Standard output for what writes to a stream; each piece passes `emit`."""

    def write(self, text: str) -> int:
        """Write one piece."""
        emit(text)
        return len(text)


def note(text: str) -> None:
    """Sentences for people, on standard error, broken between words where a person reads them."""
    lines = printable_lines(without_known_tokens(text.removesuffix("\n"))).split("\n")
    sys.stderr.write("\n".join(map(_broken, lines)) + "\n")
    sys.stderr.flush()


def _broken(line: str) -> str:
    """An indented line stays whole: it is a command to copy, or a filter with its mark below."""
    if not sys.stderr.isatty() or line.startswith((" ", "$ ")):
        return line
    width = max(24, min(100, shutil.get_terminal_size().columns - 1))
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)


def keep_told(run_id: str) -> None:
    """Remember which run the account on standard output is of, so that it can be looked for where that is lost."""
    _told[:] = [run_id]


def all_is_told() -> None:
    """The last account of this command is given."""
    global _all_told
    _all_told = True


def is_told() -> bool:
    """Whether the last account of this command is given."""
    return _all_told


def told_run() -> str:
    """The run whose account this command has given; "" for none."""
    return _told[-1] if _told else ""


def close_streams() -> str:
    """Write out what Python still holds; returns why standard output could not take it, "" when it could or nobody reads."""
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    lost = _lost.pop() if _lost else ""
    # Who starts a run with standard output closed wants the run; the data of any other command are all that was wanted.
    return "" if lost == _IS_CLOSED and told_run() else lost


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError):
        give_up(stream)
