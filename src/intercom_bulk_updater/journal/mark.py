"""A mark beside the database: how far a run had got, so that a journal that is older than its run is noticed.

A database that was copied, restored from a backup or cut short says of itself nothing but that it is sound. What it lacks
are the last claims, and with them the knowledge of which messages have left. So each claim is counted twice, in the
database and in `locks/RUN.mark`, and the two are compared when the run is taken up again.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from intercom_bulk_updater.errors import JournalError

from .lock import RunLock
from .paths import private_folder

_COUNTED = b"%020d %020d\n"
"""The line that every claim writes over: how many claims there were, and when (nanoseconds of this machine; 0: not told yet)."""
_UNTOUCHED_SECONDS = 2.0
"""How far the time at which the file system saw the last write may be from the time that the write itself says."""


@dataclass(frozen=True, slots=True)
class Age:
    """Why a journal may be older than a run of it."""

    why: str
    """For people: what happened to the file, as far as it can be told."""
    home: Path | None = None
    """The state folder that it is a copy of, or that is a copy of it, where that is still on this machine."""
    claims: int = 0
    """Claims that the mark knows of."""

    def is_held_there(self, run: str) -> bool:
        """Whether a live process holds the run in that folder."""
        return self.home is not None and RunLock.held(self.home, run)


def leave_word(home: Path, run: str, other: Path) -> None:
    """Say in the state folder `home` that its run is gone on with in `other`, a copy or the original of it.

    Whoever takes the run up in `home` looks then before anything is sent. Where the folder cannot be written, nobody is told.
    """
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
    with suppress(OSError), os.fdopen(os.open(_word_file(home, run), flags, 0o600), "w", encoding="utf-8") as file:
        file.write(str(other.resolve()))


def _word_file(home: Path, run: str) -> Path:
    return home / "locks" / f"{run}.elsewhere"


class RunMark:
    """The mark of one run in the state folder `home`, beside the database `database`.

    Only processes that hold the run write it; of several that share it, the count of the last one stands. A write costs no
    fsync: what a killed process wrote is kept by the system, and after a power cut the mark may be behind the database,
    never before it.
    """

    def __init__(self, home: Path, run: str, database: Path) -> None:
        self.path = home / "locks" / f"{run}.mark"
        self._word = _word_file(home, run)
        self._home = home
        self._database = database
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()

    def begin(self, claims: int) -> None:
        """Write the mark anew: this database, in this place, with so many claims."""
        with self._lock:
            self._word.unlink(missing_ok=True)
            self._begin(claims)

    def _begin(self, claims: int) -> None:
        self._close()
        private_folder(self.path.parent)
        beside = self.path.with_suffix(f".mark-{os.getpid()}")
        try:
            beside.unlink(missing_ok=True)
            file = os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "r+b", buffering=0)
            # Without its time: what has become of the file by then is seen from its first count on.
            file.write(_COUNTED % (claims, 0))
            # The clock of a file server is not ours.
            skew = round(os.fstat(file.fileno()).st_ctime - time.time_ns() / 1e9, 3)
            about = {"file": self._database.stat().st_ino, "home": str(self._home.resolve()), "skew": skew}
            file.write(json.dumps(about).encode() + b"\n")
            os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise self._failed(error) from error
        self._file = file
        self._write(file, claims)

    @property
    def is_open(self) -> bool:
        """Whether this process writes it already."""
        return self._file is not None

    def open(self, claims: int) -> None:
        """Make it ready for a claim that is about to be committed as the one after so many.

        A run's first mark is there before its first claim: a process that is killed in between leaves no claim without one.
        """
        with self._lock:
            if self._file is None and self._keeps(claims):
                # Another process of this run, or an earlier one, keeps it too: all of them write over the one file.
                self._file = self.path.open("r+b", buffering=0)
            elif self._file is None and not claims and not self.path.exists():
                self._begin(0)

    def advance(self, claims: int) -> None:
        """Count a claim that is committed, before any of its requests leaves."""
        with self._lock:
            if self._file is None:
                self._begin(claims)
            else:
                self._write(self._file, claims)

    def _write(self, file: BinaryIO, claims: int) -> None:
        try:
            at, late = 0, True
            while late:
                at = time.time_ns()
                file.seek(0)
                file.write(_COUNTED % (claims, at))
                # Held up in between, what it says and what the file system saw would be two times.
                late = time.time_ns() - at > _UNTOUCHED_SECONDS / 2 * 1e9
        except OSError as error:
            raise self._failed(error) from error

    def _keeps(self, claims: int) -> bool:
        """Whether there is a mark of this database in this place, which is not before it."""
        try:
            home = json.loads(self.path.read_bytes().split(b"\n")[1])["home"]
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return False
        return home == str(self._home.resolve()) and self.compare(claims) is None

    def compare(self, claims: int) -> Age | None:
        """Why the database, which knows of `claims` claims, may be older than the run; None when it is not."""
        try:
            seen = self.path.stat()
            first, second, *_ = self.path.read_bytes().split(b"\n")
            counted, at = map(int, first.split())
            about = json.loads(second)
            file, home, skew = int(about["file"]), Path(about["home"]), float(about["skew"])
        except (OSError, ValueError, KeyError, TypeError):
            # A run that never claimed anything has no mark, and nothing to lose.
            return Age("it was copied or restored without its folder locks/") if claims else None
        if claims < counted:
            return Age("its last changes are missing, as after a restored backup or a damaged journal.db-wal", claims=counted)
        with suppress(OSError, ValueError):
            other = Path(self._word.read_text("utf-8"))
            return Age(f"its run was gone on with in {other}", other if (other / "locks").is_dir() else None, counted)
        if file != self._database.stat().st_ino:
            elsewhere = home if home != self._home.resolve() and (home / "locks").is_dir() else None
            return Age(f"it is a copy of the one in {home}", elsewhere, counted)
        if at and os.name == "posix" and abs(seen.st_ctime - skew - at / 1e9) > _UNTOUCHED_SECONDS:
            return Age("its folder was restored, or its files were handled by another program", claims=counted)
        return None

    def forget(self) -> None:
        """Delete it, with its run."""
        self.path.unlink(missing_ok=True)
        self._word.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; harmless when it is not open."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _failed(self, error: OSError) -> JournalError:
        return JournalError(f"{self.path} cannot be written ({error.strerror}): check who owns the state folder, and its free space.")
