"""A run in words for people: what it does, to which items, what its error asks for. Nothing private in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from intercom_bulk_updater.api.redact import redact
from intercom_bulk_updater.errors import ApiError, FilterRefused, NotVerified, RunStopped, ServiceUnavailable, UpdaterFailed
from intercom_bulk_updater.journal import RunRecord, from_json
from intercom_bulk_updater.model import RunStatus

from .advice import advice

# Parameters that are a message to somebody: never shown unless asked for.
BODIES = frozenset({"body", "message", "message_body", "note", "reply", "text", "html", "subject"})
_VERBS = {
    "close": "close",
    "open": "open",
    "snooze": "snooze",
    "assign": "assign",
    "tag": "tag",
    "untag": "untag",
    "set": "set",
    "note": "write a note on",
    "reply": "reply to",
    "undo": "restore",
    "convert": "convert to a ticket",
    "redact": "redact",
    "merge": "merge",
    "delete": "delete",
    "archive": "archive",
    "unarchive": "unarchive",
    "block": "block",
}
_MESSAGES = frozenset({"reply", "note"})
# Marks of the moment in an after-image, not fields that were changed.
_MARKS = frozenset({"updated_at", "part", "ok"})
_HINTS = {
    2: "See the command's --help.",
    5: "Nothing more was written. Look at the reason above, then change the selection or the guard.",
    7: "Nothing is lost: resume the run when Intercom and the network are well.",
    10: "See `intercom-bulk doctor`, which checks every setting.",
    12: "Follow the other process with `runs watch`, or end it with `runs cancel`.",
    130: "Nothing is lost: resume the run.",
    143: "Nothing is lost: resume the run.",
}


def words_of(run: RunRecord) -> str:
    """What a run does, in words: "tag conversations (tags: incident-1123)", "close ..., with a message"."""
    review = run.totals.get("review") or {}
    resource, _, verb = run.operation.rpartition(".")
    if run.kind == "undo":
        said = f"undo {run.parent}" if run.parent else "undo"
    elif resource and verb in _VERBS:
        said = f"{_VERBS[verb]} {resource}"
    else:
        said = str(review.get("operation") or run.operation)
    if run.kind == "undo":
        return said
    each = run.parameters.get("each")
    if each is not None:
        return str(each.get("words") or said)
    message = any(name.lower() in BODIES and value for name, value in run.parameters.items())
    told = {k: v for k, v in run.parameters.items() if k.lower() not in BODIES and v not in (None, "", False)}
    shown = ", ".join(f"{k.replace('_', ' ')}: {v}" for k, v in masked(told).items() if v)
    said += f" ({shown})" if shown else ""
    return f"{said}, with a message" if message and verb not in ("reply", "note") else said


def masked(parameters: Mapping[str, Any], *, with_bodies: bool = False) -> dict[str, str]:
    """Parameters as text. Message bodies and e-mail addresses only when asked for; tokens never."""
    told: dict[str, str] = {}
    if "each" in parameters:
        return {"by row": str(parameters["each"].get("words") or "")}
    labels = parameters.get("labels")
    for name, value in from_json(dict(parameters)).items():
        if name in ("labels", "made"):
            continue
        if name == "tags" and labels:
            value = labels
        if name.lower() in BODIES and value and not with_bodies:
            told[name] = f"({len(str(value))} characters, not shown)"
        else:
            told[name] = _text(name, value, with_bodies)
    return told


def _text(name: str, value: Any, with_bodies: bool) -> str:
    if name in ("until", "snoozed_until") and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} = {_text(k, v, with_bodies)}" for k, v in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_text(name, v, with_bodies) for v in value)
    if value is None:
        return ""
    return without_tokens(str(value)) if with_bodies else redact(str(value))


def without_secrets(value: Any, *, with_bodies: bool = False) -> Any:
    """The same JSON value, with e-mail addresses and tokens out of every text, bodies out of every object.

    With `with_bodies` only the tokens go.
    """
    if isinstance(value, str):
        return without_tokens(value) if with_bodies else redact(value)
    if isinstance(value, Mapping):
        told: dict[str, Any] = {}
        for name, part in value.items():
            if str(name).lower() in BODIES and isinstance(part, str) and part and not with_bodies:
                told[name] = f"({len(part)} characters)"
            else:
                key = without_secrets(str(name), with_bodies=with_bodies)
                told[key] = without_secrets(part, with_bodies=with_bodies)
        return told
    if isinstance(value, list | tuple):
        return [without_secrets(part, with_bodies=with_bodies) for part in value]
    return value


def without_halves(value: Any) -> Any:
    """The same JSON value with half an emoji (legal in JSON, illegal in UTF-8) as a question mark."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {without_halves(name): without_halves(part) for name, part in value.items()}
    if isinstance(value, list):
        return [without_halves(part) for part in value]
    return value


def without_tokens(text: str) -> str:
    """`text` without tokens, e-mail addresses left standing."""
    # No piece between two @ holds an address, so only tokens go.
    return "@".join(redact(piece) for piece in text.split("@"))


def change_words(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, with_bodies: bool) -> str:
    """What was changed, in ASCII words: `state: open -> closed; tags: added 86`. "" when it is not known."""
    if not after:
        return ""
    was = without_secrets(before or {}, with_bodies=with_bodies)
    now = without_secrets(after, with_bodies=with_bodies)
    said = []
    for name, value in now.items():
        if name in _MARKS or name not in was or was[name] == value:
            continue
        if name == "tags" and isinstance(value, list) and isinstance(was[name], list):
            said += [f"tags: added {tag}" for tag in value if tag not in was[name]]
            said += [f"tags: removed {tag}" for tag in was[name] if tag not in value]
        else:
            said.append(f"{name}: {_plain(was[name])} -> {_plain(value)}")
    if "part" in now and not said:
        said.append("message added")
    return "; ".join(said)


def _plain(value: Any) -> str:
    return "empty" if value is None or value == "" else str(value)


def selection_words(run: RunRecord) -> str:
    """Which items, in words: the `--where` text, "214 ids", "failures of 1122-tag-88aa"."""
    selection = run.selection
    said = str(selection.get("words") or selection.get("kind") or "not recorded")
    return redact(said)


def error_hint(error: BaseException, exit_code: int, run: RunRecord | None = None) -> str:
    """What to do about what ended a command, in a sentence; "" when there is nothing to add.

    `run`: the run that it ended; None when it ended before there was one.
    """
    resumable = run is not None and run.kind != "dry_run" and run.status is not RunStatus.FINISHED
    if isinstance(error, FilterRefused):
        return "Check the fields, operators and values of the filter (--where, --query, get_search_query), then run the command again."
    if isinstance(error, ApiError):
        cause, said = f"{error.status} {error.code}".strip(), error.api_message or error.message
        go_on = "resume" if resumable else "run the command again"
        return advice(cause, status=error.status, code=error.code, message=said, go_on=go_on)
    if exit_code == 4:
        return (
            "Set INTERCOM_ACCESS_TOKEN in the environment or in .env, then see `intercom-bulk doctor`. "
            "The token stands in Intercom's Developer Hub: your app, Configure, Authentication."
        )
    if isinstance(error, UpdaterFailed) or re.search(r"nothing (was|had been) (written|deleted)", str(error), re.IGNORECASE):
        return ""  # it says the next step by itself
    if isinstance(error, NotVerified):
        return ""  # so does this
    if exit_code == 6:
        return _not_as_wanted(run)
    if exit_code in (7, 130, 143) and not resumable:
        again = "A dry run is simply started again" if run is not None and run.kind == "dry_run" else "Run the command again"
        return f"{again}." if not _away(error) else f"{again} when Intercom and the network are well."
    if exit_code == 7 and not _away(error):
        return "Nothing is lost: resume the run."
    return _HINTS.get(exit_code, "")


def _away(error: BaseException) -> bool:
    """Whether Intercom or the network is to blame, and not a deadline, a person, or an updater's own wish."""
    return isinstance(error, ServiceUnavailable) or not isinstance(error, RunStopped | KeyboardInterrupt)


def _not_as_wanted(run: RunRecord | None) -> str:
    """What helps when Intercom accepted a change and an item is not so: no verb takes up what is done a second time."""
    if run is None:
        return ""
    if run.kind == "undo":
        return f"Look at them in Intercom. `intercom-bulk undo {run.parent}` restores once more what nobody has touched since."
    verb = run.operation.rpartition(".")[2]
    writes = any(name.lower() in BODIES and value for name, value in run.parameters.items())
    if verb in _MESSAGES or writes or run.selection.get("updater"):
        return "Look at them in Intercom before anything is done again: once more may be once too often."
    return (
        f"Look at some in Intercom. The same verb with --from-run {run.id} --outcome done does them again and leaves alone "
        "what is as wanted."
    )
