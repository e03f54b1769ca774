"""What the journal hands out: frozen rows of its tables, free of any database library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Required, TypedDict

from intercom_bulk_updater.model import Failure, Outcome, Requests, RunKind, RunStatus


@dataclass(frozen=True, slots=True)
class Account:
    """What a process, or all the processes of a run together, spent on it."""

    requests: Requests = field(default_factory=Requests)
    seconds: float = 0.0
    """Seconds of work; pauses and questions to a person are no part of them."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a run is to do, as other processes have asked by now."""

    control: str
    """`pause`, `resume`, `cancel` or nothing."""
    settings: Mapping[str, Any]
    """The run's options; `runs speed` changes its share and its rate."""


class NewRun(TypedDict, total=False):
    """The fields of a run that are known when it is created; see RunRecord. `kind` is a run's by default."""

    operation: Required[str]
    kind: str
    parameters: Mapping[str, Any] | None
    selection: Mapping[str, Any] | None
    workspace: str
    base_url: str
    admin_id: str
    author: str
    settings: Mapping[str, Any] | None
    parent: str | None
    plan_hash: str | None


class NewRecipe(TypedDict, total=False):
    """The fields of a recipe that are known when it begins; see RecipeRecord."""

    name: Required[str]
    file: Required[str]
    text: Required[str]
    consent: Required[Mapping[str, Any]]
    workspace: str
    base_url: str
    author: str
    timezone: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as the journal knows it. Times are unix seconds of the machine that wrote them."""

    id: str
    """What people type and say: `1123-close-7f3a` (month and day, operation, four hex digits)."""
    number: int
    """The journal's own key; grows with every run and is never used twice."""
    kind: RunKind
    operation: str
    parameters: dict[str, Any]
    selection: dict[str, Any]
    """`{"kind": "query" | "ids" | "plan" | "run" | "updater", "words": ..., ...}`."""
    workspace: str
    base_url: str
    admin_id: str
    author: str
    """Who started it: the login on this machine, or the admin's name."""
    host: str
    pid: int
    """The process that held the run last."""
    status: RunStatus
    control: str
    """Asked for by another process and not yet obeyed: `pause`, `resume`, `cancel` or nothing."""
    created_at: float
    updated_at: float
    started_at: float | None
    finished_at: float | None
    settings: dict[str, Any]
    """Workers, retries, timeout, verify, limit, canary, max_failures, deadline ..."""
    search: dict[str, Any]
    """Where the source stands: cursor, pass, complete, total, server_started ...

    A resume goes on from here.
    """
    progress: dict[str, Any]
    """The last snapshot for `runs watch`: counts, rate, holds, window ..."""
    totals: dict[str, Any]
    """What is known of the run as a whole: `verified`, `review`, `canary`, `guard`, `confirmed`, `refused`; with
    `requests` and `seconds`, the sums over the processes that worked on it."""
    parent: str | None
    """The run that this one undoes, or the recipe that it is a step of."""
    plan_hash: str | None
    exit_code: int | None
    message: str


UNDOES = "undoes"
"""In the `data` of an undo's item: the id by which the run has it, where the undo goes by another."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What of a run has been undone, and has not been done again since."""

    by: str
    """The newest of the runs that undid it."""
    ids: frozenset[str]
    """The items, by the ids under which the run has them."""
    done: int
    """How many of these the run has as done; of the others it does not know that it had done them."""


@dataclass(frozen=True, slots=True)
class UnfinishedUndo:
    """The newest undo of a run that broke off, and that nobody has gone on with."""

    run: str
    ids: frozenset[str]
    """Items that it may have taken back, by the ids under which the run that it undoes has them."""


@dataclass(frozen=True, slots=True)
class RecipeRecord:
    """A recipe that was begun, as the journal knows it. Times are unix seconds of the machine that wrote them."""

    id: str
    number: int
    name: str
    file: str
    text: str
    """The recipe itself, as it was when it was begun."""
    consent: dict[str, Any]
    workspace: str
    base_url: str
    author: str
    created_at: float
    ended_at: float | None
    ending: str
    """`finished`, `cancelled`, or nothing."""
    timezone: str | None = None
    """Of its workspace; None where an older program began it."""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item of a run as the journal knows it."""

    seq: int
    id: str
    outcome: Outcome
    before: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    attempts: int = 0
    doubt: bool = False
    left: bool = False
    """Pending again, after a stop, though a write of it had left: in doubt until the run is resumed."""
    older: bool = False
    """In doubt, because the journal was found older than the run."""
    claimed_at: float | None = None
    finished_at: float | None = None
    failure: Failure | None = None
    note: str = ""
    name: str = ""
    """What people call it; "" where nothing told."""


@dataclass(frozen=True, slots=True)
class FailureExample:
    """One item that stands for a group of failures, with what Intercom's support asks for."""

    id: str
    status: int = 0
    code: str = ""
    message: str = ""
    request_id: str = ""
    name: str = ""
    """What people call the item."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one cause and one outcome (`failed` or `in_doubt`): how many, and the first of them."""

    cause: str
    count: int
    example: FailureExample
    outcome: Outcome = Outcome.FAILED
    partly: int = 0
    """How many of them are in doubt although a part of their change is known to stand."""
    untold: int = 0
    """How many of them are in doubt for good: looking again will not settle it."""


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One rate window that went by: what it allowed, who spent how much of it, how many 429s came."""

    reset: float
    """The server's end of the window, unix seconds: what tells one window from the next."""
    limit: int
    own: int
    others: int = 0
    throttled: int = 0
    at: float = 0.0
    """When the window was written down, unix seconds of this machine."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a run's own log: a pass, a guard, a pause, a verification."""

    at: float
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
