"""What Intercom has the items of a run by, where the run has them by a key of a spreadsheet."""

from __future__ import annotations

from ..journal import ItemRow, RunRecord
from ..operations.registry import declared


def has_keys(run: RunRecord) -> bool:
    """Whether a run has its items by e-mail address, external id or company_id (upsert), and not by Intercom's id."""
    cls = declared(run.operation)
    return cls is not None and bool(cls.keys)


def id_in_intercom(row: ItemRow, *, keyed: bool) -> str:
    """Intercom's id of an item; "" where that is not known yet. `keyed`: see `has_keys`."""
    return str({**(row.before or {}), **(row.after or {})}.get("id") or "") if keyed else row.id


def name_of_row(row: ItemRow, *, keyed: bool) -> str:
    """What people call an item; one that the run has created is called as the run says."""
    return row.name or (str((row.after or {}).get("name") or "") if keyed else "")
