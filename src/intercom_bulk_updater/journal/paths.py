"""Where the journal lives, and how its folder is kept from other people's eyes."""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from intercom_bulk_updater.errors import ConfigurationError

FILE_NAME = "journal.db"
_making = threading.Lock()
"""A file that is new is closed before another thread has a database of it open."""


def journal_path(home: Path | str | None = None) -> Path:
    """The journal's file in a state folder.

    Without `home`, the folder is `INTERCOM_BULK_HOME`, or else the platform's own state folder. Creates
    nothing.
    """
    if home is None:
        home = os.environ.get("INTERCOM_BULK_HOME") or None
    if home is None:
        from platformdirs import user_state_path

        home = user_state_path("intercom-bulk", appauthor=False)
    return Path(home).expanduser() / FILE_NAME


def private_folder(folder: Path) -> Path:
    """Make `folder` readable by its owner alone (0700).

    A folder that exists keeps its mode: it may be shared on purpose.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The state folder {folder} cannot be made ({error.strerror}): point INTERCOM_BULK_HOME at a folder that you may write to."
        ) from error
    return folder


def refuse_what_is_no_file(path: Path) -> None:
    """Raises ConfigurationError for a pipe, a socket, a device or a folder: opening one might wait for ever."""
    with suppress(OSError):
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigurationError(
                f"The journal {path} is not a file (it is {_kind(path)}): move it away, or point INTERCOM_BULK_HOME at another folder."
            )


def private_file(path: Path) -> None:
    """Make sure that `path` exists and that its owner alone may read it (0600).

    One that is there is not opened: closing a file lets go of every lock that this process has on it (POSIX), so that another
    process would take a database that is open here for one that nobody uses. https://sqlite.org/howtocorrupt.html, section 2.2
    """
    refuse_what_is_no_file(path)
    try:
        with _making, suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise ConfigurationError(
            f"The journal {path} cannot be opened ({error.strerror}): check who owns it, or point INTERCOM_BULK_HOME at another folder."
        ) from error


def _kind(path: Path) -> str:
    kinds = ((path.is_dir, "a folder"), (path.is_fifo, "a pipe"), (path.is_socket, "a socket"))
    return next((words for is_so, words in kinds if is_so()), "a device")
