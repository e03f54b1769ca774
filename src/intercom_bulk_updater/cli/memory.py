"""How a process of the command treats its memory: what would not be ours to decide in somebody else's program."""

from __future__ import annotations

import sys
from contextlib import suppress

_M_ARENA_MAX = -8  # glibc's malloc.h
_ARENAS = 2


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
