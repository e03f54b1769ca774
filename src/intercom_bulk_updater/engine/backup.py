"""Items as they were read before a write that nothing takes back: a file, one JSON object a line.

Step 7 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

import json
import mmap
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SafetyStop, why


class Backup:
    """Keeps items in a file that only its owner can read; safe to share between threads.

    `keep` returns when the item is on disk. Threads that keep items at the same time share one flush: each waits for the
    one before it, and finds its own item on disk by then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: set[int] = set()
        self._handle: int | None = None
        self._written = self._flushed = 0
        self._writing, self._flushing = threading.Lock(), threading.Lock()

    def __contains__(self, seq: int) -> bool:
        """Whether this process has kept that item of the run."""
        return seq in self._kept

    def keep(self, seq: int, item: Mapping[str, Any]) -> None:
        """Write an item down. Raises SafetyStop where it cannot be: then nothing is to be done to it."""
        line = json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
        try:
            with self._writing:
                self._handle = handle = self._open() if self._handle is None else self._handle
                _write(handle, line)
                self._written += 1
                mine = self._written
            with self._flushing:
                if self._flushed < mine:
                    upto = self._written
                    os.fsync(handle)
                    self._flushed = upto
        except OSError as exc:
            raise SafetyStop(f"The backup cannot be written to {self.path}: {why(exc)}. Its items, and the rest, were left alone.") from exc
        self._kept.add(seq)

    def close(self) -> None:
        """Close the file, where there is one."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int:
        """The file, open to be added to; without the half line that a process has left which died while it wrote."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if os.fstat(handle).st_size:
            with mmap.mmap(handle, 0, access=mmap.ACCESS_READ) as there:
                end = there.rfind(b"\n") + 1
            os.truncate(handle, end)
        return handle


def _write(handle: int, line: bytes) -> None:
    """All of a line: the system may take it in parts."""
    while line:
        line = line[os.write(handle, line) :]
