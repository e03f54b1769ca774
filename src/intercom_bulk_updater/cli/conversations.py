"""`intercom-bulk conversations ...`: each verb makes its operation and hands it to work.act."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ..errors import UsageError, why
from ..operation import Operation
from ..processing.session import Session
from ..search.names import Names
from .find import conversations as find
from .flags import Output, Safety, Selection, Speed
from .work import act

__all__ = ["assign", "close", "find", "note", "open", "reply", "set", "snooze", "tag", "untag"]

_SEL, _SAFE, _SPEED, _OUT = Selection(), Safety(), Speed(), Output()


def _act(make: Callable[[Session, Names], Operation], sel: Selection, safe: Safety, speed: Speed, out: Output) -> int:
    return act("conversations", make, sel, safe, speed, out)


def _body(text: str | None, verb: str) -> str:
    """A body as typed, or @FILE. Raises UsageError for an empty one."""
    if text is None:
        raise UsageError(f"{verb} needs a text: --body TEXT, or --body @FILE.")
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise UsageError(f"The text of --body {text} cannot be read: {why(exc)}") from exc
    if not text.strip():
        raise UsageError(f"The text of {verb} is empty. Write it as --body TEXT, or --body @FILE.")
    return text.strip()


def close(
    *,
    body: Annotated[str | None, Parameter(help="A last message, seen by the customer: TEXT or @FILE.")] = None,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Close conversations."""
    from ..actions.conversations import Close

    text = _body(body, "close") if body is not None else ""
    return _act(lambda session, names: Close(text), sel, safe, speed, out)


def open(
    *, sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT
) -> int:
    """Open conversations again."""
    from ..actions.conversations import Open

    return _act(lambda session, names: Open(), sel, safe, speed, out)


def snooze(
    *,
    until: Annotated[str, Parameter(help="When they wake: 'tomorrow 9:00', +3d, ISO 8601 (the workspace's time zone).")],
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Snooze conversations until a moment."""
    from ..actions.conversations import Snooze
    from ..moments import parse_moment

    def make(session: Session, names: Names) -> Operation:
        return Snooze(parse_moment(until, time.time(), session.workspace().timezone or "UTC"))

    return _act(make, sel, safe, speed, out)


def assign(
    *,
    to_team: Annotated[str | None, Parameter(help="The team, by name or id.")] = None,
    to_admin: Annotated[str | None, Parameter(help="The admin, by name, e-mail or id.")] = None,
    unassign: Annotated[bool, Parameter(help="Assign to nobody.", negative="")] = False,
    keep_state: Annotated[bool, Parameter(help="Put the state back: assigning reopens.", negative="")] = False,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Assign conversations to a team, an admin, or nobody."""
    from ..actions.conversations import Assign

    if unassign == bool(to_team or to_admin):
        raise UsageError("assign needs --to-team or --to-admin (or both), or --unassign alone.")

    def make(session: Session, names: Names) -> Operation:
        if unassign:
            return Assign(team="0", admin="0", keep_state=keep_state)
        team = names.resolve("team", to_team) if to_team else None
        admin = names.resolve("admin", to_admin) if to_admin else None
        label = " and ".join(
            f"{kind} {found.name} ({found.id})" for kind, found in (("team", team), ("admin", admin)) if found
        )
        return Assign(team.id if team else None, admin.id if admin else None, keep_state, label)

    return _act(make, sel, safe, speed, out)


_TAGS = Annotated[list[str], Parameter(help="The tag, by name or id; may be given again.", negative="")]


def tag(
    *,
    tag: _TAGS,
    create_tag: Annotated[bool, Parameter(help="Create a tag that does not exist.", negative="")] = False,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Put tags on conversations."""
    from ..actions.conversations import Tag

    def make(session: Session, names: Names) -> Operation:
        found = [_tag(session, names, name, create_tag, look=safe.dry_run or safe.plan is not None) for name in tag]
        return Tag([i for i, _ in found], [label for _, label in found])

    return _act(make, sel, safe, speed, out)


def untag(
    *, tag: _TAGS, sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT
) -> int:
    """Take tags off conversations."""
    from ..actions.conversations import Untag

    def make(session: Session, names: Names) -> Operation:
        found = [_tag(session, names, name, False, look=True) for name in tag]
        return Untag([i for i, _ in found], [label for _, label in found])

    return _act(make, sel, safe, speed, out)


def _tag(session: Session, names: Names, name: str, create: bool, *, look: bool) -> tuple[str, str]:
    try:
        found = names.resolve("tag", name)
    except UsageError as exc:
        if not create:
            raise UsageError(f"{exc.message} A tag is created only with --create-tag.") from exc
        if look:
            return f"new:{name}", f"{name} (to be created)"
        made = session.client.post("tags", {"name": name})
        return str(made["id"]), f"{name} ({made['id']}, created)"
    return found.id, f"{found.name} ({found.id})"


def set(
    *values: Annotated[str, Parameter(help="KEY=VALUE: title, read, company_id, or a custom attribute.")],
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Write fields and custom attributes of conversations; types come from the workspace."""
    from ..actions.conversations import Set

    if not values:
        raise UsageError("set needs at least one KEY=VALUE, such as title=Refund or custom_attributes.plan=pro.")

    def make(session: Session, names: Names) -> Operation:
        return Set(dict(_value(session, text) for text in values))

    return _act(make, sel, safe, speed, out)


def _value(session: Session, text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    key = key.strip().removeprefix("custom_attributes.")
    if not equals or not key:
        raise UsageError(f"{text!r} is not KEY=VALUE, such as title=Refund or custom_attributes.plan=pro.")
    if key in ("title", "company_id"):
        return key, value
    if key == "read":
        return key, _cast(key, value, "boolean")
    known = {str(a.get("name")): a for a in session.look("conversations/attributes").get("data") or []}
    attribute = known.get(key)
    if attribute is None:
        near = difflib.get_close_matches(key, [*known, "title", "read", "company_id"], 3)
        raise UsageError(f"There is no conversation attribute {key!r}. Nearest: {', '.join(near) or ', '.join(known)}.")
    return f"custom_attributes.{key}", _cast(key, value, str(attribute.get("data_type") or "string"))


def _cast(key: str, value: str, kind: str) -> Any:
    try:
        if kind == "integer":
            return int(value)
        if kind in ("float", "decimal", "number"):
            return float(value)
        if kind == "boolean":
            return {"true": True, "yes": True, "false": False, "no": False}[value.lower()]
    except (ValueError, KeyError):
        raise UsageError(f"{key} is of type {kind}, and {value!r} is not.{' Write true or false.' if kind == 'boolean' else ''}") from None
    return value


_SKIP = Annotated[bool, Parameter(help="Notify nobody.", negative="")]


def note(
    *, body: Annotated[str | None, Parameter(help="The note: TEXT or @FILE.")] = None, skip_notifications: _SKIP = False,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Leave an internal note."""
    from ..actions.conversations import Note

    text = _body(body, "note")
    return _act(lambda session, names: Note(text, skip_notifications), sel, safe, speed, out)


def reply(
    *, body: Annotated[str | None, Parameter(help="The message: TEXT or @FILE.")] = None, skip_notifications: _SKIP = False,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Reply to the customers."""
    from ..actions.conversations import Reply

    text = _body(body, "reply")
    return _act(lambda session, names: Reply(text, skip_notifications), sel, safe, speed, out)
