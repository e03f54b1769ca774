"""Plans: a selection frozen to ids, with the before-state of each item and the change to it, in a file people can read.

JSON Lines: a header, then one line for each item. The header's hash covers every other byte, so an altered plan is
refused; it expires, and it belongs to one workspace.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import SafetyStop, UsageError, WrongWorkspace
from ..journal import Journal, RunRecord
from ..model import NewItem
from ..operation import Operation
from .review import changes, words

SCHEMA = "plan/1"
LIFETIME = timedelta(hours=24)


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

    def items(self) -> Iterator[NewItem]:
        """The items, one at a time."""
        for line in self.lines():
            yield NewItem(str(line["id"]), line.get("before"), line.get("data"))

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """The item lines as they stand in the file."""
        with self.path.open(encoding="utf-8") as file:
            next(file)
            for line in file:
                yield json.loads(line)


def write_plan(path: Path, journal: Journal, run: RunRecord, operation: Operation, operation_name: str) -> Plan:
    """Freeze the pending items of a run into `path` (mode 0600, replaced as a whole).

    Raises UsageError when the file cannot be written.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    header: dict[str, Any] = {
        "schema": SCHEMA,
        "workspace": run.workspace,
        "author": run.author,
        "created": now.isoformat(),
        "expires": (now + LIFETIME).isoformat(),
        "operation": operation_name,
        "parameters": operation.parameters,
        "words": operation.describe(),
        "selection": run.selection.get("words", ""),
        "count": 0,
    }
    if run.selection.get("updater"):
        header["updater"] = run.selection["updater"]
    digest = hashlib.sha256()
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8", suffix=".items") as body:
            for item, change in changes(journal, run.id, operation):
                if change == {}:
                    continue
                line: dict[str, Any] = {"id": item.id, "change": words(change), "before": item.before}
                if item.data:
                    line["data"] = item.data
                text = json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
                digest.update(text.encode())
                body.write(text)
                header["count"] += 1
        header["hash"] = _seal(header, digest.hexdigest())
        temporary = path.with_name(path.name + ".writing")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(json.dumps(header, ensure_ascii=False) + "\n")
            with Path(body.name).open(encoding="utf-8") as lines:
                for line_text in lines:
                    out.write(line_text)
        Path(body.name).unlink()
        temporary.replace(path)
    except OSError as exc:
        raise UsageError(f"The plan cannot be written to {path}: {exc.strerror or exc}") from exc
    return Plan(path, header)


def read_plan(path: Path) -> Plan:
    """Open a plan and check it. Raises UsageError for what is no plan, SafetyStop for an altered one."""
    try:
        with path.open(encoding="utf-8") as file:
            header = json.loads(file.readline())
            digest = hashlib.sha256()
            count = 0
            for line in file:
                json.loads(line)
                digest.update(line.encode())
                count += 1
    except FileNotFoundError:
        raise UsageError(f"There is no plan file {path}. A plan is written by a write verb with --plan FILE.") from None
    except (OSError, ValueError) as exc:
        raise UsageError(f"{path} is not a plan of this tool: {exc}") from exc
    if not isinstance(header, dict) or "hash" not in header or not str(header.get("schema", "")).startswith("plan/"):
        raise UsageError(f"{path} is not a plan of this tool: its first line is no plan header.")
    if header["schema"] != SCHEMA:
        raise UsageError(f"{path} has schema {header['schema']}; this version reads {SCHEMA}.")
    if count != header.get("count") or header["hash"] != _seal(header, digest.hexdigest()):
        raise SafetyStop(f"{path} was altered since it was made (its hash does not match). Nothing was written.")
    return Plan(path, header)


def check_plan(plan: Plan, workspace: str) -> None:
    """Refuse an expired plan (SafetyStop) and one of another workspace (WrongWorkspace)."""
    if plan.header.get("workspace") != workspace:
        raise WrongWorkspace(
            f"{plan.path} was made for workspace {plan.header.get('workspace')!r}; the token is of {workspace!r}. "
            "Nothing was written."
        )
    expires = datetime.fromisoformat(str(plan.header["expires"]))
    if datetime.now(UTC) > expires:
        raise SafetyStop(f"{plan.path} expired at {expires:%Y-%m-%d %H:%M} UTC. Nothing was written; make a new plan.")


def _seal(header: Mapping[str, Any], items: str) -> str:
    told = {k: v for k, v in header.items() if k != "hash"}
    text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + items
    return hashlib.sha256(text.encode()).hexdigest()
