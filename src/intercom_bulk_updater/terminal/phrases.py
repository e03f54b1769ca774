"""The verbs of operations as people say them: what is done, what was done, what already was so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intercom_bulk_updater.journal.records import RunRecord

_PAST = {
    "close": ("closed", "already closed"),
    "open": ("opened", "already open"),
    "snooze": ("snoozed", "already snoozed until then"),
    "assign": ("assigned", "already assigned to them"),
    "tag": ("tagged", "already tagged"),
    "untag": ("untagged", "already without the tag"),
    "set": ("set", "already set to that"),
    "note": ("noted", "already noted"),
    "reply": ("replied to", "already replied to"),
    "convert": ("converted", "already converted"),
    "redact": ("redacted", "already redacted"),
    "merge": ("merged", "already merged"),
    "delete": ("deleted", "already deleted"),
    "archive": ("archived", "already archived"),
    "unarchive": ("unarchived", "already active"),
    "block": ("blocked", "already blocked"),
    "attach-company": ("attached", "already attached"),
    "detach-company": ("detached", "already detached"),
    "subscribe": ("subscribed", "already subscribed"),
    "unsubscribe": ("unsubscribed", "already unsubscribed"),
    "undo": ("restored", "already as before"),
}

# Verbs that do not take their object as they are.
_LEADS = {
    "reply": "Reply to",
    "note": "Add a note to",
    "attach-company": "Attach a company to",
    "detach-company": "Detach a company from",
}


def past(operation: str) -> str:
    """What was done: `closed`; `done` for an operation without a word of its own (a person's updater)."""
    return _PAST.get(verb(operation), ("done", ""))[0]


def already(operation: str) -> str:
    """What `unchanged` means: `already closed`; `unchanged` where the updater alone knows."""
    return _PAST.get(verb(operation), ("", "unchanged"))[1]


def verb(operation: str) -> str:
    """`conversations.close` → `close`."""
    return operation.rpartition(".")[2]


def resource(operation: str) -> str:
    """`conversations.close` → `conversations`; `items` where nothing tells."""
    noun = operation.rpartition(".")[0]
    return noun if noun in ("conversations", "contacts", "companies", "tickets") else "items"


def sentence(words: str, noun: str, count: str = "") -> str:
    """An operation and its nouns as a sentence.

    `close` → `Close conversations`; `assign to team Billing` → `Assign conversations to team Billing`;
    `tag vip` → `Tag conversations: vip`.
    """
    what = f"{count} {noun}" if count else noun
    first, _, rest = words.strip().partition(" ")
    if first == "undo":
        return f"Undo {rest or 'a run'}: restore {what}"
    if first not in _PAST and first != "unassign":
        return f"{words}: {what}"
    said = f"{_LEADS.get(first, first.capitalize())} {what}"
    if not rest:
        return said
    return f"{said} {rest}" if rest.split()[0] in ("to", "until", "with", "from", "into", "as", "by") else f"{said}: {rest}"


@dataclass(slots=True)
class Title:
    """What a screen is about. `operation` is the name (`conversations.close`), `words` what people read."""

    operation: str = ""
    words: str = ""
    workspace: str = ""
    """The name of the workspace, and its id or region where two may be confused."""
    selection: str = ""
    resource: str = ""
    run: str = ""
    kind: str = "run"
    """The run's, or `verify` while it is only looked at."""

    @classmethod
    def of(cls, run: RunRecord) -> Title:
        """The title of a run of the journal, which knows the workspace by its id alone."""
        told = run.selection
        return cls(
            run.operation,
            verb(run.operation),
            run.workspace,
            str(told.get("words") or ""),
            str(told.get("resource") or ""),
            run.id,
            run.kind,
        )

    @property
    def noun(self) -> str:
        """`conversations`, or `items` where nothing tells."""
        return self.resource or resource(self.operation)

    def headline(self, count: str = "") -> str:
        """`Close conversations`; with a count `Close 4,288 conversations`."""
        said = sentence(self.words or verb(self.operation) or "Run", self.noun, count)
        return f"Verify: {said}" if self.kind == "verify" else said
