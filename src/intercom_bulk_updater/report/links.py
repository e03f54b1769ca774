"""Where people see an item of a run in Intercom."""

from __future__ import annotations

from intercom_bulk_updater.journal import RunRecord
from intercom_bulk_updater.operations.resource import resources


def link_of(run: RunRecord, item_id: str) -> str:
    """The link to an item; "" where its id or the workspace's place is not known, and where the resource has no page."""
    if not item_id:
        return ""
    place = run.totals.get("place") or {}
    resource = resources().get(str(run.selection.get("resource") or run.operation.partition(".")[0]))
    return resource.link(item_id, run.workspace, str(place.get("region") or "")) if resource is not None and place else ""
