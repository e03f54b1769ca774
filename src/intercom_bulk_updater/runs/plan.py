"""Plans: a selection frozen to ids, with the before-state of each item and the change to it, in a file people can read.

JSON Lines: a header, then one line for each item. The header's hash covers every other byte, so an altered plan is
refused; it expires, and it belongs to one workspace.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import SafetyStop, UsageError, WrongWorkspace, why
from ..journal import RunRecord, Store, from_json, to_json
from ..model import FoundItem, Outcome
from ..operations.field_values import LOOKED, Label
from ..operations.operation import Operation
from .change_words import words
from .guards import counted
from .preview import changes
from .search_state import SearchState
from .sources import missing_words

SCHEMA = "plan/1"
LIFETIME = timedelta(hours=24)
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan file: its header, and how to read its items."""

    path: Path
    header: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """The hash over header and items."""
        return str(self.header["hash"])

    @property
    def count(self) -> int:
        """How many items it changes."""
        return int(self.header["count"])

    @property
    def left_out(self) -> str:
        """What it lacks of its selection, in words; "" for nothing."""
        failed = self.header.get("failed")
        if not failed:
            return ""
        more = ", ..." if failed["count"] > len(failed["ids"]) else ""
        return f"{counted(failed['count'])} that could not be read or cannot be done ({', '.join(failed['ids'])}{more})"

    def items(self) -> Iterator[FoundItem]:
        """The items, one at a time."""
        as_of = self.header.get("as_of")
        seen = {"as_of": int(datetime.fromisoformat(str(as_of)).timestamp())} if as_of else {}
        for line in self.lines():
            data = {**from_json(line.get("data") or {}), **seen} or None
            yield FoundItem(str(line["id"]), from_json(line.get("before")), data, str(line.get("name") or ""))

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """The item lines as they stand in the file."""
        with self.path.open(encoding="utf-8", newline="\n") as file:
            next(file)
            for line in file:
                yield json.loads(line)


def write_plan(
    path: Path, journal: Store, run: RunRecord, operation: Operation, operation_name: str, label: Label | None = None
) -> Plan:
    """Freeze the pending items of a run into `path` (mode 0600, replaced as a whole).

    Raises UsageError when the file cannot be written.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    began = operation.planned or SearchState.of(run.search).server_started or run.started_at or now.timestamp()
    header: dict[str, Any] = {
        "schema": SCHEMA,
        "workspace": run.workspace,
        "author": run.author,
        "created": now.isoformat(),
        # By the server's clock, when the items were looked at: what is written to them later is drift.
        "as_of": datetime.fromtimestamp(int(began), UTC).isoformat(),
        "expires": (now + LIFETIME).isoformat(),
        "operation": operation_name,
        "parameters": operation.parameters,
        "words": operation.describe(),
        "selection": run.selection.get("words", ""),
        "count": 0,
    }
    header |= {name: place[name] for name in ("workspace_name", "timezone") if (place := run.totals.get("place") or {}).get(name)}
    if run.selection.get("query") and run.selection.get("resource"):
        header["filter"] = {"query": run.selection["query"], "resource": run.selection["resource"]}
    if missing := missing_words(run.search):
        header["incomplete"] = missing
    if failed := journal.counts(run.id).failed:
        some = islice(journal.items(run.id, outcomes=[Outcome.FAILED], chunk=_NAMED), _NAMED)
        header["failed"] = {"count": failed, "ids": [row.id for row in some]}
    header |= {name: run.selection[name] for name in ("updater", "turns", "again") if run.selection.get(name)}
    digest = hashlib.sha256()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.writing")
    try:
        # The items go beside it first: the header, which holds their number and their hash, comes before them.
        with tempfile.TemporaryFile("w+b", dir=path.parent) as body:
            for item, change in changes(journal, run.id, operation):
                if change == {}:
                    continue
                before, seen = dict(item.before or {}), {}
                if LOOKED in before:
                    seen = {LOOKED: before.pop(LOOKED)}
                image = None if item.before is None else to_json(before)
                line: dict[str, Any] = {"id": item.id, "change": words(change, operation.names, label), "before": image}
                if item.name:
                    line["name"] = item.name
                if item.data or seen:
                    line["data"] = to_json({**(item.data or {}), **seen})
                # Half an emoji is legal in JSON and in no encoding.
                text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
                digest.update(text)
                body.write(text)
                header["count"] += 1
            header["hash"] = _seal(header, digest.hexdigest())
            body.seek(0)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(_first_line(header))
                shutil.copyfileobj(body, out)
                out.flush()
                os.fsync(out.fileno())
        temporary.replace(path)
    except OSError as exc:
        raise UsageError(f"The plan cannot be written to {path}: {why(exc)}") from exc
    finally:
        temporary.unlink(missing_ok=True)
    return Plan(path, header)


def read_plan(path: Path) -> Plan:
    """Open a plan and check it, byte by byte. Raises UsageError for what is no plan, SafetyStop for an altered one."""
    digest, count = hashlib.sha256(), 0
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no plan file: it is {'a folder' if path.is_dir() else 'no file at all'}.")
    try:
        with path.open("rb") as file:
            first = file.readline()
            for line in file:
                digest.update(line)
                count += 1
    except FileNotFoundError:
        raise UsageError(f"There is no plan file {path}.", hint="A plan is written by a write verb with --plan FILE.") from None
    except OSError as exc:
        raise UsageError(f"The plan {path} cannot be read: {why(exc)}") from exc
    try:
        header = json.loads(first)
    except ValueError:
        header = None
    if not isinstance(header, dict) or "hash" not in header:
        if all(word in first for word in (b'"schema"', b'"hash"', b'"expires"')):
            raise _altered(path)
        raise UsageError(f"{path} is not a plan of this tool: its first line is no plan header.")
    # The header as it would be written: a space or a line end of another kind is an alteration too.
    same = first == _first_line(header) and count == header.get("count")
    if not same or header["hash"] != _seal(header, digest.hexdigest()):
        raise _altered(path)
    if header.get("schema") != SCHEMA:
        raise UsageError(f"{path} has schema {header.get('schema')}; this version reads {SCHEMA}.")
    return Plan(path, header)


def _altered(path: Path) -> SafetyStop:
    return SafetyStop(f"{path} was altered since it was made (its hash does not match). Nothing was written; make a new plan.", hint="")


def _first_line(header: Mapping[str, Any]) -> bytes:
    return (json.dumps(header, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def check_plan(plan: Plan, workspace: str) -> None:
    """Refuse an expired plan (SafetyStop) and one of another workspace (WrongWorkspace)."""
    if plan.header.get("workspace") != workspace:
        raise WrongWorkspace(
            f"{plan.path} was made for workspace {plan.header.get('workspace')!r}; the token is of {workspace!r}. "
            "Nothing was written."
        )
    expires = datetime.fromisoformat(str(plan.header["expires"]))
    if datetime.now(UTC) > expires:
        raise SafetyStop(f"{plan.path} expired at {expires:%Y-%m-%d %H:%M} UTC. Nothing was written; make a new plan.", hint="")


def _seal(header: Mapping[str, Any], items: str) -> str:
    told = {k: v for k, v in header.items() if k != "hash"}
    text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + items
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
