"""export: read items whole and keep them as files. Nothing is changed in Intercom.

A run like any other, so that it is resumed, retried and accounted for: what of an item is done is its file, or its line of a
`.jsonl`, which is there as a whole or not at all.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from ..api.client import Client
from ..api.effects import parts_of
from ..api.paths import item_path
from ..api.redact import without_known_tokens
from ..errors import BadAnswer, StopRun, UsageError, why
from ..model import Item, Reversibility
from ..parsing.output_file import left_half_written, replacing, why_not_writable
from ..search.names import WorkspaceNames
from .export_page import as_html, as_text, cut_words
from .operation import Change, Json, Operation
from .spec import Kind, Resolver, parameter

NOT_WHOLE = "not_whole"
"""In the after-image of an item of whose messages Intercom gave the newest alone."""
_ENDINGS = {"jsonl": ".json", "text": ".txt", "html": ".html"}


class Export(Operation):
    """Read each item whole and write it to a folder, one file an item, or to one `.jsonl`."""

    name: ClassVar[str] = "export"
    past, unchanged, rank = "exported", "already exported", 0
    reversibility = Reversibility.READS
    side_effects = "the files that it wrote"
    idempotent = True
    fields = ("exported",)
    leaves_files = True
    has_parts: ClassVar[bool] = False
    """Whether its items have messages, which a GET gives with them."""

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        output: str = parameter(Kind.FILE, "A new folder, for one file an item, or a .jsonl file with one line an item.")
        format: str | None = parameter(Kind.TEXT, "jsonl (the default), text or html.", required=False)

    def __init__(self, output: str, format: str = "jsonl") -> None:
        self.output, self.format = output, format
        self._names: WorkspaceNames | None = None  # read when the first item is written for people
        self._cut: dict[str, str] = {}  # of items that are being written: what of their messages Intercom did not give
        self._kept: _Folder | _Lines = _Lines(Path(output)) if output.endswith(".jsonl") else _Folder(Path(output), _ENDINGS[format])

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        """See Operation. Raises UsageError for a place that is in use, and for a form that it cannot hold."""
        path, form = Path(given["output"]).expanduser().absolute(), given["format"] or "jsonl"
        said = f"--output {given['output']}"
        if form not in _ENDINGS:
            raise UsageError(f"--format is one of {', '.join(_ENDINGS)}, not {form!r}.")
        if path.suffix.lower() not in ("", ".jsonl") and not path.is_dir():
            raise UsageError(f"{said}: export writes a folder or a .jsonl file, not {path.suffix}. A table of items: find -o FILE.")
        if path.suffix == ".jsonl" and form != "jsonl":
            raise UsageError(f"{said} holds JSON Lines; for --format {form} name a folder.")
        if why_not := why_not_writable(path / "item" if path.is_dir() else path):
            raise UsageError(f"{said}: {why_not}. Nothing was done; name another place.")
        if (path.is_dir() and any(path.iterdir())) or (path.is_file() and path.stat().st_size):
            raise UsageError(f"{said} is not empty. Name a new one; to go on with an export: intercom-bulk runs resume RUN.")
        return cls(str(path), form)

    @property
    def parameters(self) -> dict[str, Any]:
        return {"output": self.output, "format": self.format}

    def describe(self) -> str:
        return f"export to {Path(self.output).name}"

    def whole(self, client: Client, item: Json) -> Json:
        """The item with all that belongs to it; `item` is what a GET gave, which has it all where a resource does not say otherwise.

        Raises BadAnswer for one that came without its messages.
        """
        if self.has_parts and parts_of(item) is None:
            path = item_path(self.resource, str(item.get("id")))
            raise BadAnswer(f"GET {path} was answered without the messages of the item.", method="GET", path=path)
        return item

    def capture(self, payload: Json) -> dict[str, Any] | None:
        return {"exported": self._kept.has(str(payload.get("id")))}

    def change(self, item: Item) -> Change | None:
        # What a process that died has written was written by this run, whatever the file says now.
        was = bool((item.before or {}).get("exported")) if item.doubt else self._kept.has(item.id)
        return {} if was else {"exported": (False, True)}

    def read(self, client: Client, item_id: str) -> Json | None:
        return client.get(item_path(self.resource, item_id))

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        return self._kept.has(item.id)

    def drop_lost(self, item_id: str, after: Json) -> bool:
        if self._kept.has(item_id, after.get("bytes")):
            return False
        self._kept.drop(item_id)
        return True

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        whole = self.whole(client, now if now is not None else client.get(item_path(self.resource, item.id)))
        try:
            size = self._kept.add(item.id, self._text(whole, client))
        except (OSError, UsageError) as exc:  # a full disk fails for every other item too
            raise StopRun(f"{self.output} cannot be written: {why(exc) if isinstance(exc, OSError) else exc.message}") from exc
        if cut := cut_words(whole):
            self._cut[item.id] = cut
            return {"exported": True, "bytes": size, NOT_WHOLE: True}
        return {"exported": True, "bytes": size}

    def remark(self, item: Item) -> str:
        """See Operation. Intercom gives the newest messages of a long item alone."""
        return self._cut.pop(item.id, "")

    def why_no_undo(self) -> str:
        return "export changes nothing in Intercom; what it wrote are files"

    def _text(self, whole: Json, client: Client) -> str:
        if self.format == "jsonl":
            return json.dumps(whole)
        write = as_text if self.format == "text" else as_html
        if self._names is None:
            self._names = WorkspaceNames(client.get)
        return write(whole, client.workspace().timezone, self._names.label)


class _Folder:
    """One file an item, each written as a whole."""

    def __init__(self, path: Path, ending: str) -> None:
        self._path, self._ending = path, ending
        self._begun = False

    def has(self, item_id: str, size: int | None = None) -> bool:
        """Whether its file is there, as large as it was written; where that is not known, with its end."""
        file = self._file(item_id)
        try:
            if size is not None:
                return file.stat().st_size == size
            if self._ending == ".json":
                return bool(json.loads(file.read_bytes()))
            return file.read_bytes().endswith(b"</html>\n" if self._ending == ".html" else b"\n")
        except (OSError, ValueError):
            return False

    def add(self, item_id: str, text: str) -> int:
        self._path.mkdir(mode=0o700, exist_ok=True)
        if not self._begun:
            self._begun = True
            for half in left_half_written(self._path):  # by a process of this run that was killed: no other writes here
                half.unlink(missing_ok=True)
        with replacing(self._file(item_id), "The item") as file:
            file.write(without_known_tokens(text).encode("utf-8", "replace").decode("utf-8"))
        return self._file(item_id).stat().st_size

    def drop(self, item_id: str) -> None:
        self._file(item_id).unlink(missing_ok=True)

    def _file(self, item_id: str) -> Path:
        # An id comes from a server: `..` and `/` in it would lead to another folder.
        return self._path / (quote(item_id, safe="").replace(".", "%2E") + self._ending)


class _Lines:
    """One line an item in a file that several threads write, and that an earlier process may have left half way."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._ids: set[str] = set()
        self._known = (0, 0)
        """The file (inode) and the size up to which its lines are known."""

    def has(self, item_id: str, size: int | None = None) -> bool:
        with self._lock:
            self._read()
            return item_id in self._ids

    def add(self, item_id: str, text: str) -> int:
        line = without_known_tokens(text).encode("ascii") + b"\n"
        with self._lock:
            self._read()
            if item_id in self._ids:
                return len(line)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            with open(handle, "rb+") as file:  # noqa: PTH123 - a handle
                # A process that was killed may have left the beginning of a line.
                file.truncate(self._known[1])
                file.seek(0, os.SEEK_END)
                file.write(line)
                file.flush()
                self._known = os.fstat(file.fileno()).st_ino, file.tell()
            self._ids.add(item_id)
            return len(line)

    def drop(self, item_id: str) -> None:
        """Nothing: what is not a whole line is overwritten."""

    def _read(self) -> None:
        """Learn the whole lines of the file, where another has written it since."""
        try:
            now = self._path.stat()
        except OSError:
            self._ids, self._known = set(), (0, 0)
            return
        if (now.st_ino, now.st_size) == self._known:
            return
        self._ids, end = set(), 0
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._ids.add(str(json.loads(line).get("id")))
                end += len(line)
        self._known = now.st_ino, end
