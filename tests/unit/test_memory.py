"""Threads of the command share what others have freed."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

COUNTED = """
import ctypes, sys, threading
from intercom_bulk_updater.cli import memory

if sys.argv[1] == "shared":
    memory.share_memory()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
all_there = threading.Barrier(12)

def allocate():
    kept = bytes(5000)
    all_there.wait()

threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory otherwise")
def test_threads_share_memory() -> None:
    """With as many threads as one likes; without, each of them has memory of its own."""

    def arenas(how: str) -> int:
        return subprocess.run([sys.executable, "-c", COUNTED, how], capture_output=True, text=True, check=True).stdout.count("<heap nr=")

    assert arenas("shared") <= 2 < arenas("apart")
