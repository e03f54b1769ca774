"""The one reader of text files that people name: messages, ids, spreadsheets, queries, `.env`; `-` is standard input.

Byte-order marks, UTF-16 and line ends of any system are taken for what they are. What is not text is refused in a sentence
that names the file and the way out. An encoding that has to be guessed is refused too in a message, where a guess would reach
customers unseen; of a table it is guessed, and said.
"""

from __future__ import annotations

import codecs
import os
import re
import select
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import UsageError, why

LARGEST = 512 * 1024 * 1024
"""Bytes of a file that lists items: some twenty million ids."""
LARGEST_MESSAGE = 1024 * 1024
LARGEST_QUERY = 16 * 1024 * 1024
_PIPE_SECONDS = 10.0
_MARKS = (  # the longer first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_SAVE_AS = "Save it as UTF-8 (in a spreadsheet: CSV UTF-8) and try again"


def read_text(path: str, name: str, *, most: int = LARGEST, line_ends: bool = True) -> str:
    """The text of a file, or of standard input for `-`.

    Parameters
    ----------
    name:
        What the file is, as errors begin: "--csv people.csv".
    most:
        Bytes beyond which the file is refused.
    line_ends:
        Whether line ends become `\\n`; not in a spreadsheet, where they may stand inside a cell.

    Raises UsageError.
    """
    text = decode(read_bytes(path, name, most=most), name)
    return text.replace("\r\n", "\n").replace("\r", "\n") if line_ends else text


def read_bytes(path: str, name: str, *, most: int = LARGEST) -> bytes:
    """The bytes of a file, or of standard input for `-`; see `read_text`. Raises UsageError."""
    raw = _standard_input(most) if path == "-" else _bytes_of(path, name, most)
    if len(raw) > most:
        raise UsageError(f"{name} cannot be read: it is larger than {most // (1024 * 1024)} MB. Take a smaller file, or split it.")
    return raw


def decode(raw: bytes, name: str, note: Callable[[str], None] | None = None) -> str:
    """Bytes as text. Raises UsageError that begins with `name`.

    With `note`, which hears what was taken, UTF-16 without a mark and Windows-1252 are read too.
    """
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):  # broken, it may pass for text
        raise UsageError(f"{name} cannot be read: it is a ZIP archive or an Excel workbook. Export it as CSV UTF-8 and give that file.")
    encoding = next((encoding for mark, encoding in _MARKS if raw.startswith(mark)), "utf-8")
    wide = _unmarked_utf16(raw) if encoding == "utf-8" else ""
    if wide and note is not None:
        encoding = wide
        note(f"{name} has no mark of its encoding and looks like UTF-16: it was read as that.")
    elif note is not None and encoding not in ("utf-8", "utf-8-sig"):
        note(f"{name} says that it is {encoding.upper()}: it was read as that.")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as exc:
        if note is None or encoding != "utf-8" or not (text := _as_windows(raw)):
            raise UsageError(f"{name} cannot be read: {_not_utf8(raw, encoding, exc.start)}.") from None
        note(f"{name} is not UTF-8: it was read as Windows-1252 (Western European). If letters look wrong, save it as CSV UTF-8.")
    if "\0" in text:
        if wide:
            raise UsageError(f"{name} cannot be read: it looks like UTF-16 without a mark at its beginning. {_SAVE_AS}.")
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UsageError(f"{name} cannot be read: it is not a text file, for line {line} has a NUL byte.")
    # A mark also stands inside, where files were put together.
    return text.replace("\ufeff", "")


def _unmarked_utf16(raw: bytes) -> str:
    """Which UTF-16 a file looks like whose Latin letters have a NUL byte each; "" for none."""
    beginning = raw[:200]
    if beginning.count(0) < max(1, len(beginning) // 3):
        return ""
    return "utf-16-le" if beginning[1::2].count(0) >= beginning[::2].count(0) else "utf-16-be"


def _as_windows(raw: bytes) -> str:
    """The text of a file in Windows-1252; "" where it cannot be that: some bytes have no letter there, and text no control characters."""
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    return "" if re.search(r"[\x00-\x08\x0e-\x1f]", text) else text


def _not_utf8(raw: bytes, encoding: str, at: int) -> str:
    if encoding != "utf-8":
        return f"it begins as {encoding.removesuffix('-sig').upper()} and is not (byte {at + 1}). {_SAVE_AS}"
    line = raw.count(b"\n", 0, at) + 1
    return (
        f"it is not UTF-8 (line {line}, byte {at + 1}); it may be Windows-1252 or another encoding. {_SAVE_AS}, or convert it: "
        "iconv -f WINDOWS-1252 -t UTF-8"
    )


def _standard_input(most: int) -> bytes:
    if sys.stdin is None:  # what a process has that was started with its input closed
        return b""
    raw = getattr(sys.stdin, "buffer", None)
    return sys.stdin.read().encode("utf-8", "replace") if raw is None else bytes(raw.read(most + 1))


def _bytes_of(path: str, name: str, most: int) -> bytes:
    try:
        kind = Path(path).stat().st_mode
        if stat.S_ISDIR(kind):
            raise UsageError(f"{name} cannot be read: it is a folder; name a file.")
        if stat.S_ISFIFO(kind) and not path.startswith(("/dev/", "/proc/")):
            return _through_pipe(path, name, most)
        with Path(path).open("rb") as file:
            return file.read(most + 1)
    except (OSError, ValueError) as exc:
        raise UsageError(f"{name} cannot be read: {why(exc)}.") from exc


def _through_pipe(path: str, name: str, most: int) -> bytes:
    """What comes through a named pipe. Opened in the plain way, one without a writer would be waited for without end."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not select.select([file], [], [], _PIPE_SECONDS)[0]:
            raise UsageError(f"{name} cannot be read: it is a pipe, and nobody wrote to it for {_PIPE_SECONDS:g} s.")
        os.set_blocking(file.fileno(), True)
        return file.read(most + 1)
