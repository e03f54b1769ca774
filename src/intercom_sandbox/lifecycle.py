"""The state machine of a conversation: what each action does to state, parts, statistics and `updated_at`.

    open     --close-->  closed      --open, user reply-->  open
    open     --snooze--> snoozed     --open, comment, note, user reply, time--> open
    closed   --assign--> open        (one part `assign_and_reopen`)
    snoozed  --close-->  closed

Every action appends a part with a growing id. Routes and `/_sandbox/touch` both act through here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from intercom_sandbox.problems import Problem, invalid
from intercom_sandbox.records import AppliedTag, Conversation, Part
from intercom_sandbox.workspace import OPERATOR_ID, Workspace

ALREADY = {"closed": "Conversation is already closed", "open": "Conversation is already open"}


def append(
    space: Workspace,
    row: Conversation,
    kind: str,
    author: tuple[str, str],
    body: str | None = None,
    **more: Any,
) -> Part:
    """Add a part of that kind; to be called between begin and commit."""
    at = space.stamp()
    part = Part(space.part_id(), kind, at, author[0], author[1], body, state=row.state, **more)
    row.parts = [*row.parts, part]  # a new list: the lagging index keeps the old one
    row.part_count += 1
    row.updated_at = max(at, row.updated_at)
    return part


def close(space: Workspace, row: Conversation, admin: str, body: str | None = None) -> None:
    """Close it; ends a snooze."""
    if row.state == "closed" and body is None and _repeated(space, "closed"):
        return
    with_begin(space, row)
    row.state = "closed"
    row.snoozed_until = None
    row.waiting_since = None
    row.read = True
    part = append(space, row, "close", ("admin", admin), body)
    if body is not None:
        written(space, row.contact_ids, "last_contacted_at", part.at)
    row.last_close_at = part.at
    row.first_close_at = row.first_close_at or part.at
    row.last_closed_by = admin
    space.conversations.commit(row.id)


def reopen(space: Workspace, row: Conversation, admin: str, author: str = "admin") -> None:
    """Open it, from closed or snoozed."""
    if row.state == "open" and _repeated(space, "open"):
        return
    with_begin(space, row)
    if row.state == "closed":
        row.reopens += 1
    row.state = "open"
    row.snoozed_until = None
    row.read = True
    append(space, row, "open", (author, admin))
    space.conversations.commit(row.id)


def snooze(space: Workspace, row: Conversation, admin: str, until: int) -> None:
    """Snooze it until a Unix second; it opens by itself then."""
    if until <= space.now():
        if space.settings.snooze_past == "error":
            raise invalid("snoozed_until must be in the future", "snoozed_until")
        reopen(space, row, admin)
        return
    if row.state == "snoozed" and row.snoozed_until == until and space.settings.repeat_close == "noop":
        return
    with_begin(space, row)
    row.state = "snoozed"
    row.snoozed_until = until
    row.read = True
    append(space, row, "snoozed", ("admin", admin))
    space.snooze(row)
    space.conversations.commit(row.id)


def wake_due(space: Workspace) -> None:
    """Open every conversation whose snooze is over."""
    for row in space.due_snoozes():
        with_begin(space, row)
        row.state = "open"
        row.snoozed_until = None
        append(space, row, "timer_unsnooze", ("bot", str(OPERATOR_ID)))
        space.conversations.commit(row.id)


def assign(space: Workspace, row: Conversation, admin: str, kind: str, assignee: int, body: str | None = None) -> None:
    """Give it to an admin or a team; 0 takes the assignee of that kind away. Reopens what is closed."""
    with_begin(space, row)
    name = "assignment"
    if row.state == "closed":
        row.state = "open"
        row.reopens += 1
        name = "assign_and_reopen"
    target: tuple[str, str] | None = None
    if kind == "team":
        row.team = assignee or None
        target = ("team", str(assignee)) if assignee else ("nobody_team", "")
        if space.settings.team_assign_clears_admin:
            row.admin = None
    else:
        row.admin = assignee or None
        target = ("admin", str(assignee)) if assignee else ("nobody_admin", "")
    part = append(space, row, name, ("admin", admin), body, assigned_to=target)
    row.assignments += 1
    row.first_assigned_at = row.first_assigned_at or part.at
    row.last_assigned_at = part.at
    space.conversations.commit(row.id)


def reply(
    space: Workspace,
    row: Conversation,
    admin: str,
    kind: str,
    body: str | None,
    *,
    unsnooze: bool = True,
    **more: Any,
) -> Part:
    """Append a comment, note or quick_reply of an admin; wakes what is snoozed."""
    with_begin(space, row)
    if row.state == "snoozed" and unsnooze:
        row.state = "open"
        row.snoozed_until = None
    part = append(space, row, kind, ("admin", admin), body, **more)
    if kind != "note":
        row.last_admin_reply_at = part.at
        row.first_reply_at = row.first_reply_at or part.at
        row.waiting_since = None
        row.read = True
        written(space, row.contact_ids, "last_contacted_at", part.at)
    space.conversations.commit(row.id)
    return part


def contact_reply(space: Workspace, row: Conversation, contact: str, body: str | None, **more: Any) -> Part:
    """Append a message of the customer; reopens."""
    with_begin(space, row)
    if row.state == "closed":
        row.reopens += 1
    name = "comment" if row.state == "open" else "open"
    row.state = "open"
    row.snoozed_until = None
    part = append(space, row, name, ("user", contact), body, **more)
    row.last_contact_reply_at = part.at
    row.waiting_since = row.waiting_since or part.at
    row.read = False
    written(space, (contact,), "last_replied_at", part.at)
    space.conversations.commit(row.id)
    return part


def written(space: Workspace, contacts: Iterable[str], moment: str, at: int) -> None:
    """Contacts wrote (`last_replied_at`) or were written to (`last_contacted_at`)."""
    for row in filter(None, map(space.contacts.rows.get, contacts)):
        space.contacts.begin(row.id)
        setattr(row, moment, max(at, getattr(row, moment) or 0))
        space.contacts.commit(row.id)


def tag(space: Workspace, row: Conversation, tag_id: int, admin: str, kind: str = "admin") -> AppliedTag:
    """Tag it; a tag that is there stays as it was applied."""
    for applied in row.tags:
        if applied[0] == tag_id:
            return applied
    with_begin(space, row)
    made = (tag_id, space.stamp(), kind, admin)
    row.tags = (*row.tags, made)
    if space.settings.tag_bumps_updated_at:
        row.updated_at = max(made[1], row.updated_at)
    space.conversations.commit(row.id)
    return made


def untag(space: Workspace, row: Conversation, tag_id: int) -> bool:
    """Take the tag off; False when it was not on."""
    kept = tuple(applied for applied in row.tags if applied[0] != tag_id)
    if len(kept) == len(row.tags):
        return False
    with_begin(space, row)
    row.tags = kept
    if space.settings.tag_bumps_updated_at:
        row.updated_at = max(space.stamp(), row.updated_at)
    space.conversations.commit(row.id)
    return True


def set_attributes(space: Workspace, row: Conversation, values: dict[str, Any]) -> None:
    """Write custom attributes: one part of the bot for each that changes."""
    with_begin(space, row)
    merged = dict(row.attributes)
    for name, value in values.items():
        old = merged.get(name)
        if old == value:
            continue
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
        details = {
            "attribute": {"name": name},
            "value": {
                "name": "" if value is None else str(value),
                "previous": None if old is None else str(old),
            },
        }
        append(space, row, "conversation_attribute_updated_by_admin", ("bot", str(OPERATOR_ID)), details=details)
    row.attributes = merged
    row.updated_at = max(space.stamp(), row.updated_at)
    space.conversations.commit(row.id)


def set_fields(space: Workspace, row: Conversation, values: dict[str, Any]) -> None:
    """Write plain fields of the row (read, title, company_id, priority)."""
    with_begin(space, row)
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_at = max(space.stamp(), row.updated_at)
    space.conversations.commit(row.id)


def with_begin(space: Workspace, row: Conversation) -> None:
    """Announce a write of this row."""
    space.conversations.begin(row.id)


def _repeated(space: Workspace, state: str) -> bool:
    """Whether an action that changes nothing stops here; Problem 400 where the switch says so."""
    if space.settings.repeat_close == "error":
        raise Problem(400, "parameter_invalid", ALREADY[state])
    return space.settings.repeat_close == "noop"
