"""A conversation with its thread as JSON text, written at once: most of what an action answers with."""

from __future__ import annotations

import json
from functools import lru_cache

from intercom_sandbox.records import Conversation, Part
from intercom_sandbox.render import conversation, plaintext
from intercom_sandbox.workspace import Workspace

ANSWERS = (
    "<p>Hi, thanks for getting in touch! Could you send us the address of the page where this happens?</p>",
    "<p>Thanks for waiting. We have found the cause and a correction should reach you today.</p>",
    "<p>I have passed this to the colleague who knows this part best, and will come back to you soon.</p>",
    "<p>That is set up for you now. Please sign out and in again, and tell me if anything looks wrong.</p>",
    "<p>We are sorry for the trouble. The invoice has been corrected and a new copy is in your account.</p>",
)
FOLLOW_UPS = (
    "<p>Thanks. It happens on the reports page, in two different browsers, since Monday morning.</p>",
    "<p>I tried again and it still does not work. Two of my colleagues see the same on their machines.</p>",
    "<p>Any news on this? Our own customers are asking, and I would like to give them a date.</p>",
    "<p>Great, it works now. Thank you very much for the quick help!</p>",
)
DELETED = "<p>This message was deleted</p>"

encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
quoted = lru_cache(maxsize=4096)(encode)  # names and bodies come again and again


def whole(space: Workspace, row: Conversation, version: int = 216, *, plain: bool = False, every_part: bool = False) -> str:
    """The conversation with its newest parts (or every part) as JSON text."""
    parts = [part_text(space, one, "conversation_part", row.redacted, plain=plain) for one in (*seeded_parts(row), *row.parts)]
    shown = parts if every_part else parts[-space.settings.max_parts :]
    return (
        f'{encode(conversation(space, row, plain=plain, version=version))[:-1]},"conversation_parts":'
        f'{{"type":"conversation_part.list","conversation_parts":[{",".join(shown)}],"total_count":{len(parts)}}}}}'
    )


def stale(space: Workspace, row: Conversation, version: int = 216) -> str:
    """What a write answers with when it shows the conversation as it was; "" when it shows the one that it left."""
    return whole(space, row, version) if space.settings.write_answers == "stale" else ""


def left(space: Workspace, row: Conversation, before: str, version: int = 216, *, plain: bool = False) -> str:
    """The answer to a write; `before` is what `stale` said ahead of it."""
    if space.settings.write_answers == "minimal":
        return f'{{"type":"conversation","id":"{row.id}"}}'
    return before or whole(space, row, version, plain=plain)


def seeded_parts(row: Conversation) -> list[Part]:
    """The parts that a seeded conversation has had: invented from its id and dates, always the same."""
    if not row.seeded_parts:
        return []
    mix = row.id * 2654435761 >> 4
    end, seeded_admin, seeded_team, closed = row.seeded
    admin = str(seeded_admin or 991267701 + mix % 7)
    contact = row.contact_ids[0] if row.contact_ids else ""
    first = row.first_part + 1
    step = max(1, (end - row.created_at) // (row.seeded_parts + 1))
    made: list[Part] = []
    for number in range(row.seeded_parts):
        key, at = first + number, row.created_at + step * (number + 1)
        last = number == row.seeded_parts - 1
        if last and closed and number:
            made.append(Part(key, "close", end, "admin", admin, state="closed"))
        elif number == 0:
            target = ("team", str(seeded_team)) if seeded_team else ("admin", admin)
            made.append(Part(key, "assignment", at, "admin", admin, assigned_to=target))
        elif number % 2:
            body = FOLLOW_UPS[(mix + number) % len(FOLLOW_UPS)]
            made.append(Part(key, "comment", at, "user", contact, body))
        else:
            made.append(Part(key, "comment", at, "admin", admin, ANSWERS[(mix + number) % len(ANSWERS)]))
    return made


def part_text(space: Workspace, one: Part, kind: str, redacted: frozenset[int] = frozenset(), *, plain: bool = False) -> str:
    """One part as JSON text; `kind` is conversation_part or ticket_part."""
    name, email = space.author(one.author_type, one.author_id)
    gone = one.redacted or one.id in redacted
    body = DELETED if gone else one.body
    files = encode(one.attachments) if one.attachments else "[]"
    target = "null"
    if one.assigned_to is not None:
        target = f'{{"type":"{one.assigned_to[0]}","id":{quoted(one.assigned_to[1] or None)}}}'
    event = "" if one.details is None else f',"event_details":{encode(one.details)}'
    return (
        f'{{"type":"{kind}","id":"{one.id}","part_type":"{one.type}",'
        f'"body":{quoted(plaintext(body) if plain else body)},'
        f'"created_at":{one.at},"updated_at":{one.at},"notified_at":{one.at},"assigned_to":{target},'
        f'"author":{{"type":"{one.author_type}","id":"{one.author_id}","name":{quoted(name)},"email":{quoted(email)}}},'
        f'"attachments":{files},"external_id":{quoted(one.external_id)},'
        f'"redacted":{"true" if gone else "false"},"metadata":{{}},"tags":[],"state":"{one.state}",'
        f'"email_message_metadata":null,"app_package_code":null{event}}}'
    )
