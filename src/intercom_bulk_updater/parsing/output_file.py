"""Files that are written as a whole or not at all, and that only their owner can read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ..errors import UsageError, why


def no_file(path: Path) -> str:
    """What stands there instead of a file, in words."""
    return "a folder" if path.is_dir() else "a device or a pipe, and no file"


@contextmanager
def replacing_path(path: Path, what: str) -> Iterator[Path]:
    """An empty file to write in place of `path`, which it replaces when the block has ended well; half a file never does.

    What a link leads to is written, the link stays. `what` names it in the UsageError that is raised when it cannot be
    written, or is no file ("The report"): a device or a pipe would be lost under it.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise UsageError(f"{what} cannot be written to {path}: it is {no_file(path)}.")
    temporary = path.with_name(f"{path.name}.{os.getpid()}.writing")
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
