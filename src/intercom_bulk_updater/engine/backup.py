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
from ..parsing.output_file import why_not_writable


class Backup:
    """Keeps items in a file that only its owner can read; safe to share between threads.

    `keep` returns when the item is on disk. Threads that keep items at the same time share one flush: each waits for the
    one before it, and finds its own item on disk by then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: set[int] = set()
        self._handle: int | None = None
        self._broken: OSError | None = None
        self._written = self._flushed = 0
        self._writing, self._flushing = threading.Lock(), threading.Lock()

    def __contains__(self, seq: int) -> bool:
        """Whether this process has kept that item of the run."""
        return seq in self._kept

    def check(self) -> None:
        """Raises SafetyStop where no item could be kept: called before anybody is asked whether to begin."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise self._stop(why(exc)) from exc
        if why_not := why_not_writable(self.path):
            raise self._stop(why_not)

    def keep(self, seq: int, item: Mapping[str, Any]) -> None:
        """Write an item down. Raises SafetyStop where it cannot be: then nothing is to be done to it, nor to any after it."""
        line = json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
        try:
            with self._writing:
                handle = self._write(line)
                self._written += 1
                mine = self._written
            with self._flushing:
                if self._flushed < mine:
                    upto = self._written
                    os.fsync(handle)
                    self._flushed = upto
            if not os.fstat(handle).st_nlink:
                raise FileNotFoundError(0, "the file was removed meanwhile")
        except OSError as exc:
            raise self._stop(why(exc)) from exc
        self._kept.add(seq)

    def _write(self, line: bytes) -> int:
        """Add a line; the handle of the file. Half a line stays the last: whatever came after it could not be read."""
        if self._broken is not None:
            raise self._broken
        try:
            self._handle = handle = self._open() if self._handle is None else self._handle
            while line:  # the system may take it in parts
                line = line[os.write(handle, line) :]
        except OSError as exc:
            self._broken = exc
            raise
        return handle

    def _stop(self, reason: str) -> SafetyStop:
        return SafetyStop(f"The backup cannot be written to {self.path}: {reason}. What it does not hold was left alone.")

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

