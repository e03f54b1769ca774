"""What is told of a recipe: the object that `--json` prints, made from its runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ..errors import IntercomBulkError, UsageError
from ..journal import RecipeRecord, RunRecord, Store
from ..model import RunStatus
from ..report.next_commands import consent_flags
from ..report.summary import error_json, exit_of, judge_run, summarize
from ..report.times import rfc3339
from .recipe_file import Recipe, Step, Wait
from .recipe_schema import CONSENT
from .recipes import LIVE, Stage, current, stages, taken_back


def account(journal: Store, record: RecipeRecord, code: int | None = None, error: IntercomBulkError | None = None) -> dict[str, Any]:
    """The object that `--json` prints of a recipe; `code`: what is exited with, if not with the worst of its steps."""
    try:
        found = stages(journal, record)
    except UsageError as exc:  # a verb that has gone since it was begun
        found, error = [], error or exc
    code = exit_of(error) if error is not None else _left_open(found) if code is None else code
    told: dict[str, Any] = {
        "schema": "recipe/1", "ok": code == 0, "exit": code,
        "recipe": {
            "id": record.id, "name": record.name, "file": record.file, "status": _status(record, found),
            "workspace": record.workspace,
            "author": record.author, "started_at": rfc3339(record.created_at), "ended_at": rfc3339(record.ended_at),
            "due_at": rfc3339(_due_at(record, found)),
            "timezone": record.timezone or next((zone for one in found if one.run is not None and (zone := _zone(one.run))), None),
        },
        "steps": [_entry(journal, one) for one in found],
        "next": _next(journal, record, found),
    }  # fmt: skip
    if error is not None:
        told["error"] = error_json(error)
    return told


def _left_open(found: list[Stage]) -> int:
    """What its steps have exited with at worst that came to their end: what failed in one of them is not done by those after it."""
    return max((one.exit or 0 for one in found if one.status is RunStatus.FINISHED), default=0)


def _zone(run: RunRecord) -> str:
    return str((run.totals.get("place") or {}).get("timezone") or "")


def checked_account(recipe: Recipe, journal: Store, runs: Mapping[str, str], code: int) -> dict[str, Any]:
    """The same of a recipe that was only looked at: `runs` are the dry runs of its steps."""
    steps = []
    for entry in recipe.entries:
        run = journal.run(runs[entry.name]) if isinstance(entry, Step) and entry.name in runs else None
        judged = None if run is None else judge_run(journal, run).exit_code
        steps.append(_entry(journal, Stage(entry, False, run, None if run is None else run.status, judged)))
    return {
        "schema": "recipe/1", "ok": code == 0, "exit": code,
        "recipe": {"id": None, "name": recipe.name, "file": str(recipe.file), "status": "checked"},
        "steps": steps, "next": [" ".join(["intercom-bulk recipes run", shlex.quote(str(recipe.file)), *_words(recipe)])],
    }  # fmt: skip


def _words(recipe: Recipe) -> list[str]:
    """The flags that a recipe needs besides its file."""
    return consent_flags(word for word in CONSENT if any(step.given.get(word) for step in recipe.steps))


def _entry(journal: Store, one: Stage) -> dict[str, Any]:
    if isinstance(one.entry, Wait):
        return {"wait": one.entry.words, "due_at": rfc3339(one.due), "over": one.over}
    run = None if one.run is None else one.run.id
    counts = None if run is None else journal.counts(run).as_json()
    status = None if one.status is None else one.status.value
    return {"step": one.entry.name, "verb": one.entry.verb, "run": run, "status": status, "exit": one.exit, "counts": counts}


def _status(record: RecipeRecord, found: list[Stage]) -> str:
    stage = current(found)
    if record.ending or stage is None:
        return record.ending or ("due" if found else "stopped")
    if taken_back(found) is not None:
        return "stopped"
    if isinstance(stage.entry, Wait):
        return "waiting"
    if stage.status in LIVE:
        return "running"
    return "due" if stage.run is None else "interrupted" if stage.healthy else "stopped"


def _due_at(record: RecipeRecord, found: list[Stage]) -> float | None:
    """When the wait is over that it stands in, and those that follow at once."""
    stage, due_at = current(found), None
    for one in found[found.index(stage):] if stage is not None and not record.ending else ():
        if not isinstance(one.entry, Wait):
            break
        due_at = one.due
    return due_at


def _next(journal: Store, record: RecipeRecord, found: list[Stage]) -> list[str]:
    word = "resume" if taken_back(found) is None else "cancel"
    on = [] if record.ending else [f"intercom-bulk recipes {word} {record.id}"]
    back = [
        command for one in reversed(found) if one.run is not None
        for command in summarize(journal, one.run.id)["next"] if command.startswith("intercom-bulk undo ")
    ]
    return [*on, *back]
