"""Files that are written as a whole or not at all, and that only their owner can read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ..errors import UsageError, why


def no_file(path: Path) -> str:
    """What stands there instead of a file, in words."""
    return "a folder" if path.is_dir() else "a device or a pipe, and no file"


def why_not_writable(path: Path) -> str:
    """Why no file can be written at `path`, in words; empty where one can. It is tried, and leaves everything as it was.

        if why := why_not_writable(Path("list.csv")):
            raise UsageError(f"list.csv: {why}")

    Permissions do not tell: a disk can be full or mounted for reading only, and root is refused there like everybody.
    """
    if path.exists() and not path.is_file():
        return f"it is {no_file(path)}"
    if not path.parent.is_dir():
        return f"{path.parent} is a file, and no folder" if path.parent.exists() else f"there is no folder {path.parent}"
    try:
        with tempfile.TemporaryFile(dir=path.parent) as tried:
            tried.write(bytes(4096))
            tried.flush()
            os.fsync(tried.fileno())
        if path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
    except OSError as exc:
        return f"no file can be written there ({why(exc)})"
    return ""


def left_half_written(folder: Path) -> Iterator[Path]:
    """What other processes were writing in a folder, or had begun when they died."""
    return (one for one in folder.glob("*.writing") if not one.name.endswith(_temporary()))


def _temporary() -> str:
    return f".{os.getpid()}.writing"


@contextmanager
def replacing_path(path: Path, what: str) -> Iterator[Path]:
    """An empty file to write in place of `path`, which it replaces when the block has ended well; half a file never does.

    What a link leads to is written, the link stays. `what` names it in the UsageError that is raised when it cannot be
    written, or is not a file ("The report"): a device or a pipe would be lost under it.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise UsageError(f"{what} cannot be written to {path}: it is {no_file(path)}.")
    temporary = path.with_name(f"{path.name}{_temporary()}")
    try:
        try:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as exc:
        raise UsageError(f"{what} cannot be written to {path}: {why(exc)}") from exc


@contextmanager
def replacing(path: Path, what: str, *, newline: str = "\n") -> Iterator[TextIO]:
    """A text file in UTF-8 that takes the place of `path` as in `replacing_path`."""
    with replacing_path(path, what) as temporary, temporary.open("w", encoding="utf-8", newline=newline) as file:
        yield file
