"""`intercom-bulk conversations ...`: each verb makes its operation and hands it to work.act."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from ..errors import UnknownName, UsageError
from ..operations.operation import Operation
from ..parsing.text_file import LARGEST_MESSAGE, read_text
from ..runs.session import Session
from ..search.names import WorkspaceNames
from .execute import act
from .find import conversations as find
from .flags import Output, Safety, Selection, Speed

__all__ = ["assign", "close", "find", "note", "open", "reply", "set", "snooze", "tag", "untag"]

_SEL, _SAFE, _SPEED, _OUT = Selection(), Safety(), Speed(), Output()


Given = Mapping[str, Any]


def _act(
    make: Callable[[Session, WorkspaceNames, Given], Operation], given: Given, sel: Selection, safe: Safety, speed: Speed, out: Output
) -> int:
    return act("conversations", make, given, sel, safe, speed, out)


def _body(text: str | None, verb: str) -> str:
    """A body as typed, or @FILE. Raises UsageError for an empty one."""
    if text is None:
        raise UsageError(f"{verb} needs a text: --body TEXT, or --body @FILE.")
    if text.startswith("@"):
        text = read_text(text[1:], f"--body {text}", most=LARGEST_MESSAGE)
    return _not_empty(text, verb)


def _not_empty(text: str, verb: str) -> str:
    if not text.strip():
        raise UsageError(f"The text of {verb} is empty. Write it as --body TEXT, or --body @FILE.")
    return text.strip()


def close(
    *,
    body: Annotated[str | None, Parameter(help="A last message, seen by the customer: TEXT or @FILE.")] = None,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Close conversations."""
    from ..operations.conversations.verbs import Close

    def make(session: Session, names: WorkspaceNames, given: Given) -> Operation:
        return Close(_not_empty(given["body"], "close") if given else "")

    return _act(make, {"body": _body(body, "close")} if body is not None else {}, sel, safe, speed, out)


def open(
    *, sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT
) -> int:
    """Open conversations again."""
    from ..operations.conversations.verbs import Open

    return _act(lambda session, names, given: Open(), {}, sel, safe, speed, out)


def snooze(
    *,
    until: Annotated[str, Parameter(help="When they wake: 'tomorrow 9:00', +3d, ISO 8601 (the workspace's time zone).")],
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Snooze conversations until a moment."""
    from ..operations.conversations.verbs import Snooze
    from ..parsing.dates import parse_moment

    def make(session: Session, names: WorkspaceNames, given: Given) -> Operation:
        return Snooze(parse_moment(given["until"], time.time(), session.workspace().timezone or "UTC"))

    return _act(make, {"until": until}, sel, safe, speed, out)


def assign(
    *,
    to_team: Annotated[str | None, Parameter(help="The team, by name or id.")] = None,
    to_admin: Annotated[str | None, Parameter(help="The admin, by name, e-mail or id.")] = None,
    unassign: Annotated[bool, Parameter(help="Assign to nobody.", negative="")] = False,
    keep_state: Annotated[bool, Parameter(help="Put the state back: assigning reopens.", negative="")] = False,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Assign conversations to a team, an admin, or nobody."""
    from ..operations.conversations.verbs import Assign

    if unassign == bool(to_team or to_admin):
        raise UsageError("assign needs --to-team or --to-admin (or both), or --unassign alone.")

    def make(session: Session, names: WorkspaceNames, given: Given) -> Operation:
        if unassign:
            return Assign(team="0", admin="0", keep_state=keep_state)
        found = {kind: names.resolve(kind, name) for kind, name in given.items() if name is not None}
        called = {one.id: one.name for one in found.values()}
        team, admin = (found[kind].id if kind in found else None for kind in ("team", "admin"))
        return Assign(team, admin, keep_state, called)

    return _act(make, {"team": to_team, "admin": to_admin}, sel, safe, speed, out)


_TAGS = Annotated[list[str], Parameter(help="The tag, by name or id; may be given again.", negative="")]


def tag(
    *,
    tag: _TAGS,
    create_tag: Annotated[bool, Parameter(help="Create a tag that does not exist.", negative="")] = False,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Put tags on conversations."""
    from ..operations.conversations.verbs import Tag

    def make(session: Session, names: WorkspaceNames, given: Given) -> Operation:
        found = [_tag(names, name, create_tag) for name in given["tags"]]
        return Tag([i for i, _ in found], [label for _, label in found])

    return _act(make, {"tags": tag}, sel, safe, speed, out)


def untag(
    *, tag: _TAGS, sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT
) -> int:
    """Take tags off conversations."""
    from ..operations.conversations.verbs import Untag

    def make(session: Session, names: WorkspaceNames, given: Given) -> Operation:
        found = [_tag(names, name, False) for name in given["tags"]]
        return Untag([i for i, _ in found], [label for _, label in found])

    return _act(make, {"tags": tag}, sel, safe, speed, out)


def _tag(names: WorkspaceNames, name: str, create: bool) -> tuple[str, str]:
    """Id and label. A tag that is to be created is so only when the run begins to write."""
    from ..operations.conversations.verbs import NEW_TAG

    typed = " ".join(name.split())
    if not typed:
        raise UsageError("--tag is empty: give the name or the id of a tag.")
    try:
        found = names.resolve("tag", typed)
    except UnknownName as exc:
        if not create:
            raise UsageError(f"{exc.message} A tag is created only with --create-tag.") from exc
        return f"{NEW_TAG}{typed}", f"{typed} (to be created)"
    return found.id, f"{found.name} ({found.id})"


_COMPARED = ("=", "==", "!=", "~", "!~", "^", "$", "is", "in", "not")


def set(
    *values: Annotated[str, Parameter(help="KEY=VALUE: title, read, company_id, or a custom attribute; KEY= clears it.")],
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Write fields and custom attributes of conversations; types come from the workspace."""
    from ..operations.conversations.verbs import Set
    from .attribute_values import Attributes

    if not values:
        raise UsageError("set needs at least one KEY=VALUE")
    if sel.where and values[0] in _COMPARED:  # what follows is a filter that the shell took apart
        raise UsageError("The filter fell apart into words: put all of it in single quotes, --where 'team = Support'.")
    known: list[Attributes] = []

    def make(session: Session, names: WorkspaceNames, given: Given) -> Operation:
        known.extend([] if known else [Attributes(session)])
        return Set(known[0].values(given["values"]))

    return _act(make, {"values": list(values)}, sel, safe, speed, out)


_SKIP = Annotated[bool, Parameter(help="Notify nobody.", negative="")]


def note(
    *, body: Annotated[str | None, Parameter(help="The note: TEXT or @FILE.")] = None, skip_notifications: _SKIP = False,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Leave an internal note."""
    from ..operations.conversations.messages import Note

    def make(session: Session, names: WorkspaceNames, given: Given) -> Operation:
        return Note(_not_empty(given["body"], "note"), skip_notifications)

    return _act(make, {"body": _body(body, "note")}, sel, safe, speed, out)


def reply(
    *, body: Annotated[str | None, Parameter(help="The message: TEXT or @FILE.")] = None, skip_notifications: _SKIP = False,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Reply to the customers."""
    from ..operations.conversations.messages import Reply

    def make(session: Session, names: WorkspaceNames, given: Given) -> Operation:
        return Reply(_not_empty(given["body"], "reply"), skip_notifications)

    return _act(make, {"body": _body(body, "reply")}, sel, safe, speed, out)
