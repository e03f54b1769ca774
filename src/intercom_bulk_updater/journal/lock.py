"""RunLock: one live process per run.

The operating system lets go of it when the process dies, however it dies.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from intercom_bulk_updater.errors import RunLocked

from .paths import private_folder

if TYPE_CHECKING:
    from filelock import BaseFileLock

# `held` takes the lock for an instant in order to find out; whoever comes for good waits that instant out.
_PROBE_SECONDS = 0.25


def _lock_file(home: Path | str, run: str) -> Path:
    return Path(home) / "locks" / f"{run}.lock"


def _file_lock(path: Path) -> BaseFileLock:
    from filelock import FileLock

    # thread_local=False: a run may be let go by another thread than the one that took it (a signal, a pool).
    return FileLock(path, mode=0o600, thread_local=False)


class RunLock:
    """Holds a run for this process: `with RunLock(home, run_id): ...`.

    Raises `RunLocked` at once (a quarter of a second) when another live process, or another RunLock of this
    one, holds it.
    """

    def __init__(self, home: Path | str, run: str) -> None:
        self.run = run
        self._path = _lock_file(home, run)
        self._lock: BaseFileLock | None = None

    def acquire(self) -> RunLock:
        """Take the run, or raise `RunLocked`."""
        from filelock import Timeout

        private_folder(self._path.parent)
        lock = _file_lock(self._path)
        try:
            lock.acquire(timeout=_PROBE_SECONDS, poll_interval=0.02)
        except Timeout:
            raise RunLocked(
                f"Another live process holds run {self.run}. "
                f"Follow it with: intercom-bulk runs watch {self.run}; "
                f"end it with: intercom-bulk runs cancel {self.run}",
                run_id=self.run,
            ) from None
        self._lock = lock
        return self

    def release(self) -> None:
        """Let the run go; harmless when it is not held."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def forget(self) -> None:
        """Delete the lock's file: the run itself is gone, so nobody will ask for it again."""
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> RunLock:
        return self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    @classmethod
    def refuse_held(cls, home: Path | str, run: str) -> None:
        """Raise `RunLocked` when a live process holds the run, before anything is asked of the journal or of Intercom."""
        if cls.held(home, run):
            with cls(home, run):
                pass  # what held it only looked whether somebody does

    @staticmethod
    def held(home: Path | str, run: str) -> bool:
        """Whether a live process holds the run. Costs no database access."""
        from filelock import Timeout

        path = _lock_file(home, run)
        if not path.exists():
            return False
        lock = _file_lock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:
            # A lock that may not be written cannot be asked; in a folder that nobody may write to, nobody holds it.
            return False
        lock.release()
        return False
