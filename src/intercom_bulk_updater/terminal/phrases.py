"""The verbs of operations as people say them: what is done, what was done, what already was so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..operations.object_words import IN_A_SENTENCE
from ..operations.registry import declared
from ..operations.resource import resources

if TYPE_CHECKING:
    from intercom_bulk_updater.journal.records import RunRecord

def past(operation: str, again: str = "") -> str:
    """What was done: `closed`; `done` for an operation without a word of its own (a person's updater).

    `again`: the operation that it does again, as an undo of an undo: `closed again`.
    """
    return f"{_words(again)[0]} again" if again else _words(operation)[0]


def already(operation: str, again: str = "") -> str:
    """What `unchanged` means: `already closed`; `unchanged` where the updater alone knows."""
    return _words(again or operation)[1]


def _words(operation: str) -> tuple[str, str]:
    cls = declared(operation)
    if cls is None:
        # The way back of an updater's run has the words of every undo.
        return ("restored", "already as before") if verb(operation) == "undo" else ("done", "unchanged")
    return cls.past, cls.unchanged


def verb(operation: str) -> str:
    """`conversations.close` → `close`."""
    return operation.rpartition(".")[2]


def resource(operation: str) -> str:
    """`conversations.close` → `conversations`; `items` where nothing tells."""
    noun = operation.rpartition(".")[0]
    return noun if noun in resources() else "items"


def sentence(words: str, noun: str, count: str = "") -> str:
    """An operation and its nouns as a sentence.

    `close` → `Close conversations`; `assign to team Billing` → `Assign conversations to team Billing`;
    `tag vip` → `Tag conversations: vip`.
    """
    what = f"{count} {noun}" if count else noun
    first, _, rest = words.strip().partition(" ")
    if first == "undo":
        return f"Undo {rest or 'a run'}: restore {what}"
    cls = declared(f"{noun}.{'assign' if first == 'unassign' else first}")
    if cls is None:
        return f"{words}: {what}"
    said = f"{cls.lead or first.capitalize()} {what}"
    if not rest:
        return said
    return f"{said} {rest}" if rest.split()[0] in IN_A_SENTENCE else f"{said}: {rest}"


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
    again: str = ""
    """The operation that it does again, as an undo of an undo."""

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
            str(told.get("again") or ""),
        )

    @property
    def noun(self) -> str:
        """`conversations`, or `items` where nothing tells."""
        return self.resource or resource(self.operation)

    def headline(self, count: str = "") -> str:
        """`Close conversations`; with a count `Close 4,288 conversations`."""
        said = sentence(self.words or verb(self.operation) or "Run", self.noun, count)
        return f"Verify: {said}" if self.kind == "verify" else said
