"""Frozen values that every layer shares: statuses, items, pages, fates. No I/O, no clock, no thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What became of one item; the words of reports, JSON and `--outcome`."""

    PENDING = "pending"
    """On disk, not begun."""
    IN_FLIGHT = "in_flight"
    """Claimed by a worker, or by a process that died: its request may have left. Shown as in doubt when no process lives."""
    DONE = "done"
    """Intercom confirmed the change."""
    UNCHANGED = "unchanged"
    """Already as wanted, or skipped by the updater: nothing was written."""
    FAILED = "failed"
    """Refused for good, or out of retries."""
    DRIFTED = "drifted"
    """Changed by somebody else since the plan (or since the run that is being undone): left alone."""
    IN_DOUBT = "in_doubt"
    """The answer was lost and could not be found out, or a part of the change stands and the rest failed."""


# Allowed moves, each with the event that causes it. The docs' figure is made from this table.
MOVES: dict[Outcome, dict[Outcome, str]] = {
    Outcome.PENDING: {
        Outcome.IN_FLIGHT: "claimed, on disk before its request leaves",
        Outcome.UNCHANGED: "a review saw that it already is as wanted",
        Outcome.FAILED: "a review saw that it cannot be done",
        Outcome.DRIFTED: "a review saw that it moved",
    },
    Outcome.IN_FLIGHT: {
        Outcome.DONE: "Intercom confirmed, or the effect was read back",
        Outcome.UNCHANGED: "already in the requested state, or Skip raised",
        Outcome.FAILED: "a permanent error, or out of retries",
        Outcome.DRIFTED: "not as the plan saw it",
        Outcome.IN_DOUBT: "the answer was lost and nothing tells",
        Outcome.PENDING: "known not to have been carried out: a drain, a retry later, a 429",
    },
    Outcome.DONE: {Outcome.PENDING: "a resume saw that the file of an export is gone"},
    Outcome.UNCHANGED: {
        Outcome.PENDING: "a resume saw that the file of an export is gone",
        Outcome.IN_DOUBT: "a thread that serves all items wrote to it later",
    },
    Outcome.FAILED: {Outcome.PENDING: "runs retry", Outcome.IN_DOUBT: "a thread that serves all items wrote to it later"},
    Outcome.IN_DOUBT: {Outcome.PENDING: "runs retry"},
}

FINAL = (Outcome.DONE, Outcome.UNCHANGED, Outcome.FAILED, Outcome.DRIFTED, Outcome.IN_DOUBT)


class RunStatus(StrEnum):
    """Where a run stands."""

    PLANNED = "planned"
    """A dry run, or a run whose selection is frozen and that has not begun to write."""
    RUNNING = "running"
    """A process holds it."""
    PAUSED = "paused"
    """A process holds it and starts nothing."""
    STOPPED = "stopped"
    """Stopped early and in order: guard, deadline, service away. Resumable."""
    INTERRUPTED = "interrupted"
    """Ctrl-C, TERM, or a process that died. Resumable."""
    CANCELLED = "cancelled"
    """A person cancelled it. `runs resume` takes it up again all the same."""
    FINISHED = "finished"
    """Every item has its outcome."""


class RunKind(StrEnum):
    """What a run is for; the words of `run.kind` in JSON."""

    RUN = "run"
    DRY_RUN = "dry_run"
    """Looks and writes nothing; also what makes a plan."""
    APPLY = "apply"
    """Does what a plan says."""
    UNDO = "undo"


class Phase(StrEnum):
    """What a run is doing; the words of `phase` in progress and event streams."""

    READING = "reading"
    ACTING = "acting"
    SEARCHING = "searching again"
    VERIFYING = "verifying"
    INDEX = "waiting for the index"
    """Intercom's search does not show the latest writes yet."""


class Bottleneck(StrEnum):
    """What limits a run; the words of `holds` in progress and event streams."""

    NONE = ""
    SERVICE = "service"
    """Intercom is away."""
    BUDGET = "budget"
    """The rate limit, or the part of it that the run may use."""
    WORKERS = "workers"
    """Every worker waits for an answer."""
    SEARCH = "search"
    """The next page of the search."""
    RETRIES = "retries"
    """Items that wait to be tried again."""
    PAUSED = "paused"
    FINISHING = "finishing"
    """The last answers are on their way."""


class EventKind(StrEnum):
    """What happens to a run as a whole; the words of `event` in event streams and of the journal's log."""

    IN_DOUBT = "in_doubt"
    """Resumed: so many items were under way when a process ended."""
    OLDER_JOURNAL = "older_journal"
    PAUSED = "paused"
    RESUMED = "resumed"
    CANARY = "canary"
    PASS = "pass"  # noqa: S105 - a pass of the search
    ENDLESS_PASS = "endless_pass"  # noqa: S105
    VERIFY = "verify"
    SERVICE_AWAY = "service_away"
    SERVICE_BACK = "service_back"
    SPEED = "speed"
    """Another share or rate, by the hour or from another process."""


class Explanation(StrEnum):
    """Why an item is still found by the search after the run; the keys of `verified.explained` in JSON."""

    FAILED = "failed"
    DRIFTED = "drifted"
    UNDONE = "undone since"
    IN_DOUBT = "in doubt"
    IN_FLIGHT = "in flight"
    NOT_DONE = "not done yet"
    NEW = "new since the run began"
    STILL_MATCHES = "as requested, and still matching the selection"
    WRONG = "not in the wanted state, by GET"
    UNTOLD = "as wanted by GET; the search does not tell"
    INDEX_BEHIND = "as wanted by GET; the search index is behind"
    UNKNOWN = "neither the search nor a GET tells"


class Reversibility(StrEnum):
    """What `undo` can take back; each operation carries one."""

    REVERSIBLE = "reversible"
    """Undo restores everything the operation touched."""
    FIELDS = "restores fields, not side effects"
    """Undo restores the fields; statistics, workflows, CSAT and history entries stay."""
    REDACT = "cannot be taken back, only redacted"
    """A message: it can be redacted in Intercom, part by part, and undo refuses."""
    BY_HAND = "cannot be taken back, only by hand in Intercom"
    """A note on a contact: a teammate can delete it, the API cannot, and undo refuses."""
    READS = "changes nothing in Intercom"
    """It only reads: there is nothing to ask, and nothing to take back."""
    UNKNOWN = "no way back declared"
    """An updater that does not say how to undo it."""
    IRREVERSIBLE = "irreversible"
    """There is no way back."""


@dataclass(frozen=True, slots=True)
class FoundItem:
    """An item as a source found it, before it is on disk.

    `before` is the before-image: just the fields that the operation touches. `data` holds parameters of this item
    alone (a row of a spreadsheet, the wanted state of an undo).
    """

    id: str
    before: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None
    name: str = ""
    """What people call it, for reports; "" where nothing tells."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item as the journal hands it to a worker."""

    seq: int
    id: str
    before: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None
    attempts: int = 0
    doubt: bool = False
    """True when an earlier attempt may have been carried out: read back before acting again."""
    sent_at: float = 0.0
    """Unix seconds (the server's clock) of the first claim; a read-back looks for effects since then."""
    slow: bool = False
    """True when that attempt ran out of time: it may still be under way."""
    older: bool = False
    """True when the journal was found older than the run: the item may have been acted on after what is known of it."""
    why: Failure | None = None
    """Why an earlier attempt left it in doubt, where that is known."""
    name: str = ""
    """What people call it, where it is looked at for a preview."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item failed: a stable `cause` to group by, and Intercom's own words."""

    cause: str
    message: str = ""
    status: int = 0
    code: str = ""
    request_id: str = ""
    untold: bool = False
    """In doubt, and looking again will not settle it: what Intercom shows does not tell."""
    asked: Mapping[str, Any] | None = field(default=None, repr=False)
    """The request whose effect is not known (`Attempt.asked`), for a later look. It may hold a message."""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of an item in this attempt. `PENDING` means: give it to a worker again. Step 9 of the life of an item."""

    seq: int
    outcome: Outcome
    attempts: int = 1
    before: Mapping[str, Any] | None = None
    """Fills the before-image when it was read only now (a selection by ids carries none)."""
    after: Mapping[str, Any] | None = None
    failure: Failure | None = None
    note: str = ""
    doubt: bool = False
    slow: bool = False
    """In doubt, and the request may still be under way."""
    older: bool = False
    """In doubt, because the journal was found older than the run."""
    partly: bool = False
    """In doubt, and a part of its change is known to stand."""
    name: str = ""
    """What people call it, where it was read only now."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a source: raw items, what the server says the total is, and the cursor of the next page."""

    items: Sequence[Mapping[str, Any]]
    total: int | None = None
    cursor: str | None = None
    """What fetches the next page; None at the end."""
    unusable: int = 0
    """Entries of the page that are no objects; they are not among `items`."""
    anew: bool = False
    """With this page the reading has begun anew: what earlier pages showed comes again."""


@dataclass(slots=True)
class Counts:
    """How many items stand where. `selected` is their sum."""

    selected: int = 0
    done: int = 0
    unchanged: int = 0
    failed: int = 0
    drifted: int = 0
    in_doubt: int = 0
    pending: int = 0
    in_flight: int = 0
    tried: int = 0
    """Of the pending ones, those that were begun and came to nothing yet: a stop has put them back."""

    @property
    def finished(self) -> int:
        """Items that have their outcome."""
        return self.done + self.unchanged + self.failed + self.drifted + self.in_doubt

    def as_json(self) -> dict[str, int]:
        """The `counts` object of the JSON contract: items that a dead process left in flight are in doubt."""
        return {
            "selected": self.selected,
            "done": self.done,
            "unchanged": self.unchanged,
            "failed": self.failed,
            "drifted": self.drifted,
            "in_doubt": self.in_doubt + self.in_flight,
            "pending": self.pending,
        }


@dataclass(slots=True)
class Requests:
    """How many requests a run sent, by purpose."""

    search: int = 0
    action: int = 0
    read: int = 0
    retried: int = 0
    throttled: int = 0

    @property
    def total(self) -> int:
        """Everything that reached for the server."""
        return self.search + self.action + self.read

    def __add__(self, other: Requests) -> Requests:
        return Requests(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def as_json(self) -> dict[str, int]:
        """The `requests` object of the JSON contract, with `read` (read-backs, look-ups) besides."""
        return {
            "total": self.total,
            "search": self.search,
            "action": self.action,
            "read": self.read,
            "retried": self.retried,
            "throttled": self.throttled,
        }


@dataclass(frozen=True, slots=True)
class Workspace:
    """Who the token speaks for, from `GET /me`."""

    id: str
    name: str = ""
    region: str = ""
    timezone: str = ""
    admin_id: str = ""
    admin_name: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
