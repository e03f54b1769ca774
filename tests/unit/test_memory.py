"""Threads of the command share what others have freed, and its start is not searched for garbage."""

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


STARTED = """
import gc
from intercom_bulk_updater.cli import memory

def searched():
    return sum(one["collections"] for one in gc.get_stats())

before = searched()
import intercom_bulk_updater.cli.main, intercom_bulk_updater.cli.execute, intercom_bulk_updater.journal.journal
during = searched() - before
memory.end_start()
kept = gc.get_freeze_count()
memory.end_start()
print(during, kept > 20_000, gc.get_freeze_count() == kept, gc.get_threshold()[0], gc.isenabled())
"""


def test_a_start_is_not_searched_for_garbage_and_the_work_is() -> None:
    """What a start imports stays for good: it is set aside once, and after it garbage is looked for."""
    said = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["0", "True", "True", "10000", "True"]
