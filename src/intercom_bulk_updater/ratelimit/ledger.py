"""The ledger: a small file in the state folder by which processes on one token tell each other what they spend.

Each has one slot, which nobody else writes; a write is a copy into shared memory and costs no system call. Who is
alive is told by a lock that the operating system lets go of when a process dies, however it dies.
docs/adr/0014-one-budget-for-several-processes.md says why.
"""

from __future__ import annotations

import math
import mmap
import os
import stat
import struct
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import NamedTuple

SLOTS = 64
"""Processes at most; one more goes by the headers alone."""
FOLDER = "budget"
_FORMAT = "v1"  # part of the file's name: two versions of this package do not read each other's slots
_HEAD = b"intercom-bulk budget\n".ljust(64)
_FIELDS = struct.Struct("=18d")
_CHECK = struct.Struct("=I")
_SIZE = 160
_ALL = len(_HEAD) + SLOTS * _SIZE
_UNUSED = bytes(_SIZE)
_KEPT = 3600.0
"""Seconds that the files of a token are kept after their last use: what they say counts for a window."""
_REMOVED = 50
"""Tokens whose files one process removes at most: the first after years of sandboxes need not do it all."""


class Entry(NamedTuple):
    """What one process says of itself. Numbers only; times are monotonic seconds, which all processes of a machine share."""

    seen: float = 0.0
    """When it was written: the sign of life."""
    flying: float = 0.0
    """Its requests in the air."""
    bare: float = 0.0
    """Requests of this slot that were settled without headers, ever."""
    wants: float = 0.0
    """Requests a second that it could send if it were let."""
    share: float = 1.0
    """Part of the limit that it may use."""
    until: float = 0.0
    """It was refused for a reason that its window does not explain, and waits until then."""
    scale: float = 1.0
    """Part of the limit that it uses since it was refused so."""
    reset: float = 0.0
    """The window that it is in, by the server's name for it; 0 when it knows none."""
    spent: float = 0.0
    """Its requests in that window."""
    before: float = 0.0
    """Its requests in the window before that one."""
    limit: float = 0.0
    """Calls a window."""
    heard: float = 0.0
    """1 when an answer of that very window has come."""
    remaining: float = 0.0
    """The least that was told of that window."""
    bare_then: float = 0.0
    """How many requests without headers, of all processes, `remaining` surely counts."""
    told_at: float = 0.0
    """When the server counted it, about."""
    length: float = 0.0
    """Seconds of a window."""
    low: float = 0.0
    """The server's clock is ahead of the monotonic one by so many seconds at least."""
    high: float = 0.0
    """And by so many at most."""


class Ledger:
    """The slots, one of which is ours.

    Parameters
    ----------
    memory:
        `blank()`, or a file of that content in memory that other processes have, too.
    own:
        The number of our slot.
    alive:
        Whether a live process has the slot of that number.
    let_go:
        Called by `close`.
    """

    def __init__(
        self, memory: bytearray | mmap.mmap, own: int, alive: Callable[[int], bool], let_go: Callable[[], None] = lambda: None
    ) -> None:
        self.own = own
        self.alive = alive
        self._memory = memory
        self._let_go = let_go
        start = len(_HEAD) + own * _SIZE
        self._slot = memoryview(memory)[start : start + _SIZE]
        self._fields = self._slot[: _FIELDS.size]

    def write(self, fields: Sequence[float]) -> None:
        """Tell the others: the fields of an `Entry`, which need not be one, for this is done for each request."""
        _FIELDS.pack_into(self._slot, 0, *fields)
        _CHECK.pack_into(self._slot, _FIELDS.size, zlib.crc32(self._fields))

    def raw(self, slot: int) -> bytes:
        """A slot as it stands; for `read`, and to find out whether it changed."""
        start = len(_HEAD) + slot * _SIZE
        return bytes(self._memory[start : start + _SIZE])

    @staticmethod
    def read(raw: bytes) -> Entry | None:
        """What a slot says; None when it says nothing, is damaged, or was read while it was written."""
        if raw == _UNUSED:
            return None
        if _CHECK.unpack_from(raw, _FIELDS.size)[0] != zlib.crc32(raw[: _FIELDS.size]):
            return None
        fields = _FIELDS.unpack_from(raw)
        return Entry(*fields) if math.isfinite(sum(fields)) else None

    def close(self) -> None:
        """Give the slot back. What it says stays, for it counts until the window is over."""
        self._let_go()


def blank() -> bytes:
    """The content of a new ledger."""
    return _HEAD + bytes(_ALL - len(_HEAD))


def open_ledger(home: Path, token: str, base_url: str) -> Ledger | None:
    """The ledger of this token at this address, with a slot for this process; None where there can be none.

    The file is named by a keyed hash, never by the token, and its owner alone may read it. One that is damaged is made
    anew; those who have the damaged one go on with it.
    """
    name = blake2b(f"{base_url}\n{token}".encode(), key=b"intercom-bulk budget", digest_size=16).hexdigest()
    folder = home / FOLDER
    path = folder / f"{name}.{_FORMAT}"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        for slot in range(SLOTS):
            lock = _lock(_lock_path(path, slot))
            if lock is not None:
                break
        else:
            return None
        try:
            memory = _map(path)
        except BaseException:
            os.close(lock)
            raise
    except (OSError, ValueError):
        return None
    if os.name == "posix":  # elsewhere no file is removed that is open
        _remove_unused(folder)

    def alive(slot: int) -> bool:
        try:
            other = _lock(_lock_path(path, slot))
        except OSError:
            return False
        if other is not None:
            os.close(other)
        return other is None

    def let_go() -> None:
        with suppress(OSError):
            os.close(lock)

    return Ledger(memory, slot, alive, let_go)


def _map(path: Path) -> mmap.mmap:
    for _ in range(3):
        try:
            file = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            _make(path)
            continue
        try:
            about = os.fstat(file)
            if stat.S_ISREG(about.st_mode) and about.st_size == _ALL and os.read(file, len(_HEAD)) == _HEAD:
                return mmap.mmap(file, _ALL)
        finally:
            os.close(file)
        # Not written over and never cut short: to others it is memory, and they would die of it.
        path.unlink()
    raise OSError(f"{path} cannot be made")


def _make(path: Path) -> None:
    """Put a blank ledger there, whole from the first moment on; whoever comes second leaves the first one's."""
    beside = path.with_name(f"{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(blank())  # its blocks are there before it is mapped: a full disk is an error here, and a crash later
        with suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _remove_unused(folder: Path) -> None:
    """Remove the files of tokens and addresses that no process has, nor had lately."""
    with suppress(OSError):
        old = (path for path in folder.glob(f"*.{_FORMAT}*") if path.suffix != ".lock" and time.time() - path.stat().st_mtime > _KEPT)
        for path in islice(old, _REMOVED):
            if path.suffix == f".{_FORMAT}":
                _remove(path)
            else:
                path.unlink()  # a blank one whose maker died before it was put there


def _remove(path: Path) -> None:
    """Remove a ledger and its locks, unless a process has a slot. Whoever opens it meanwhile finds all slots taken."""
    locks = [_lock_path(path, slot) for slot in range(SLOTS)]
    with ExitStack() as held:
        for lock in locks:
            ours = _lock(lock)
            if ours is None:
                return
            held.callback(os.close, ours)
        for file in (path, *locks):
            file.unlink()


def _lock_path(path: Path, slot: int) -> Path:
    return path.with_name(f"{path.name}.{slot}.lock")


def _lock(path: Path) -> int | None:
    """The open file of a lock that is now ours; None when somebody else has it. Another one of this process counts as somebody."""
    while (file := _lock_once(path)) is not None:
        if os.name != "posix" or _is_at(file, path):
            return file
        os.close(file)  # it was removed after it was opened: whoever comes next would find another one
    return None


def _lock_once(path: Path) -> int | None:
    # Not filelock, which everything else uses: it takes 0.4 ms, a hundred times this, and its import is part of each start.
    file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return file


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
