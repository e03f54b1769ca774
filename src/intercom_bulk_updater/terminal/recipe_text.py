"""Recipes for people: where each stands, and what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from intercom_bulk_updater.parsing.dates import local_moment, people_in

from ..report.formatting import plural
from .table import Sheet

_STATUS = {
    "finished": "is finished", "cancelled": "was cancelled", "waiting": "waits", "running": "is under way", "due": "is due",
    "interrupted": "was interrupted", "stopped": "has stopped", "checked": "was only looked at; nothing was written",
}  # fmt: skip


def recipes_table(accounts: Iterable[Mapping[str, Any]]) -> Sheet:
    """`recipes list`: each recipe, and where it stands."""
    sheet = Sheet(
        ("recipe", "status", "goes on", "steps", "name", "begun"), flex="name", empty="No recipe was begun.", optional=("begun", "steps"),
    )
    for one in accounts:
        about = one["recipe"]
        people_in(about["timezone"] or "")
        steps = [step for step in one["steps"] if "step" in step]
        over = sum(step["status"] == "finished" for step in steps)
        status = f"{about['status']}{_bad(one)}"
        sheet.rows.append(
            (about["id"], status, _local(about["due_at"]), f"{over} of {len(steps)}", about["name"], _local(about["started_at"]))
        )
    return sheet


def recipe_lines(account: Mapping[str, Any]) -> Iterator[str]:
    """How a recipe stands: a line for itself, one for each entry, one for what is typed next."""
    about, error = account["recipe"], account.get("error")
    if about.get("timezone"):
        people_in(about["timezone"])
    due = f" until {_local(about['due_at'])}" if about.get("due_at") else ""
    begun = f" ({about['id']})" if about["id"] else ""
    yield f"\n{about['name']}{begun} {_STATUS[about['status']]}{due}{_bad(account)}."
    for one in account["steps"]:
        yield f"  {_entry(one)}"
    if error:
        yield f"intercom-bulk: {error['message']}"
        if error["hint"] and error["hint"] not in error["message"]:
            yield error["hint"]
    if account["next"]:
        back = _to_take_back(account)
        words = {"waiting": "To go on then", "finished": back, "cancelled": back}
        otherwise = "To begin it" if not about["id"] else "To end it" if " cancel " in account["next"][0] else "To go on"
        yield f"{words.get(about['status'], otherwise)}:\n  {account['next'][0]}"


def _to_take_back(account: Mapping[str, Any]) -> str:
    """What the first of `next` does where that is an undo: of the last step there may be none."""
    begun = [step for step in account["steps"] if step.get("run")]
    meant = next((step for step in begun if step["run"] in account["next"][0].split()), None)
    if meant is None or meant is begun[-1]:
        return "To take its last step back"
    return f"To take back {meant['step']} ({begun[-1]['step']} cannot be taken back)"


def _bad(account: Mapping[str, Any]) -> str:
    """`, 3 failed or in doubt`: of all steps, which the status of one that is finished does not show."""
    wrong = sum((step.get("counts") or {}).get(outcome, 0) for step in account["steps"] for outcome in ("failed", "in_doubt"))
    return f", {wrong:,} failed or in doubt" if wrong else ""


def _entry(one: Mapping[str, Any]) -> str:
    if "wait" in one:
        until = _local(one["due_at"]) if not one["over"] else ""
        return f"wait {one['wait']}{until and f', until {until}'}"
    stand = {name: count for name, count in (one["counts"] or {}).items() if count and name != "selected"}
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in stand.items())
    found = f": {one['status']}, {counts or plural(0, 'item')} ({one['run']})" if one["run"] else ""
    return f"{one['step']}, {one['verb']}{found}"


def _local(at: str | None) -> str:
    return "" if at is None else local_moment(datetime.fromisoformat(at).timestamp())
