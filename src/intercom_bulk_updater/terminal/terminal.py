"""The stream that people read: whether it is a terminal, and a console on it with good manners."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

MOST_COLUMNS = 100
"""A line longer than this is hard to read, however wide the terminal is."""


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at the stream. FORCE_COLOR and the like do not make a pipe a terminal."""
    try:
        return stream is not None and stream.isatty()
    except (ValueError, AttributeError):  # closed, or no stream at all
        return False


def can_redraw(stream: TextIO | None) -> bool:
    """Whether a screen can be drawn over itself: a terminal, and not a dumb one."""
    return is_terminal(stream) and os.environ.get("TERM", "").lower() not in ("dumb", "unknown", "")


def console_of(stream: TextIO | None = None) -> Console:
    """A console on `stream` (stderr unless given): colours on a terminal only, lines unbroken elsewhere."""
    from rich.console import Console

    stream = stream if stream is not None else sys.stderr
    person = is_terminal(stream)
    plain = not can_redraw(stream)
    return Console(
        file=stream,
        force_terminal=person,
        no_color=True if plain or os.environ.get("NO_COLOR") else None,
        color_system=None if plain else "auto",
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=plain,
    )


def say(renderable: RenderableType, stream: TextIO | None = None) -> None:
    """Print for people, on stderr unless told otherwise. A reader who left is not an error, nor is a full disk."""
    stream = stream if stream is not None else sys.stderr
    try:
        console_of(stream).print(renderable, crop=False)
        stream.flush()
    except (OSError, ValueError):
        give_up(stream)


def give_up(stream: TextIO) -> None:
    """The reader is gone or the disk is full: send what Python still holds for it nowhere, so that the exit is quiet."""
    with suppress(OSError, ValueError, AttributeError):
        descriptor = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def ascii_only(stream: Any) -> bool:
    """Whether the stream's encoding cannot carry box characters."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
    return not encoding.startswith("utf")
