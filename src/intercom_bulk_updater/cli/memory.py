"""How a process of the command treats its memory: what would not be ours to decide in somebody else's program."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress

_M_ARENA_MAX = -8  # glibc's malloc.h
_ARENAS = 2
NEW_OBJECTS_AT_START, NEW_OBJECTS = 300_000, 10_000
"""After so many new objects garbage that holds itself is looked for: while a command starts, and while it works."""


def end_start() -> None:
    """What is there now stays, and is not looked through any more; from here on garbage is looked for sooner."""
    if gc.get_threshold()[0] == NEW_OBJECTS_AT_START:  # once: what is frozen is never freed
        gc.freeze()
        gc.set_threshold(NEW_OBJECTS)


def share_memory() -> None:
    """Let threads share what others have freed.

    glibc keeps freed memory apart for eight threads a core, so that those need not wait for each other, which in Python they do
    anyway: a dry run over 23,800 items took nine megabytes more for it on two cores.
    """
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
