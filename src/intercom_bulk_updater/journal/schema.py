"""The tables of the journal.

The comments are the reference: docs/reference/journal-file.md is made from them.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, MetaData, SmallInteger, Table, Text

from intercom_bulk_updater.model import Outcome

VERSION = 5
"""The schema that this program writes. A journal of a higher version is refused; of a lower one, migrated."""

# Small numbers instead of words: an item's row is written three times and there are millions of them.
CODE: dict[Outcome, int] = {
    Outcome.PENDING: 0,
    Outcome.IN_FLIGHT: 1,
    Outcome.DONE: 2,
    Outcome.UNCHANGED: 3,
    Outcome.FAILED: 4,
    Outcome.DRIFTED: 5,
    Outcome.IN_DOUBT: 6,
}
OUTCOME: tuple[Outcome, ...] = tuple(sorted(CODE, key=CODE.__getitem__))

metadata = MetaData()

JSON = "JSON: "

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True, comment="`schema_version`, `created_at`."),
    Column("value", Text, nullable=False, comment="Its value as text."),
    comment="Facts about the file itself.",
)

run = Table(
    "run",
    metadata,
    Column(
        "number",
        Integer,
        primary_key=True,
        comment="Grows with every run; never used twice, even after a prune.",
    ),
    Column("id", Text, nullable=False, unique=True, comment="What people type: `1123-close-7f3a`."),
    Column("kind", Text, nullable=False, comment="`run`, `dry_run`, `apply`, `undo`."),
    Column("operation", Text, nullable=False, comment="Name of the operation."),
    Column("parameters", Text, nullable=False, comment=f"{JSON}the operation's parameters."),
    Column(
        "selection",
        Text,
        nullable=False,
        comment=f"{JSON}which items, by what (`kind`), and in words (`words`).",
    ),
    Column(
        "workspace",
        Text,
        nullable=False,
        comment="Intercom's id of the workspace; a run goes on nowhere else.",
    ),
    Column("base_url", Text, nullable=False, comment="Where the API was reached."),
    Column("admin_id", Text, nullable=False, comment="The admin who acts."),
    Column("author", Text, nullable=False, comment="Who started it."),
    Column("host", Text, nullable=False, comment="Machine of the process that held the run last."),
    Column(
        "pid",
        Integer,
        nullable=False,
        comment="That process. Whether it lives is told by its lock, not by this number.",
    ),
    Column(
        "status",
        Text,
        nullable=False,
        comment="`planned`, `running`, `paused`, `stopped`, `interrupted`, `cancelled`, `finished`.",
    ),
    Column(
        "control",
        Text,
        nullable=False,
        comment="Asked for by another process: `pause`, `resume`, `cancel`, or empty.",
    ),
    Column("created_at", Double, nullable=False, comment="Unix seconds."),
    Column("updated_at", Double, nullable=False, comment="Unix seconds of the last change to this row."),
    Column("started_at", Double, comment="Unix seconds of the first item begun."),
    Column("finished_at", Double, comment="Unix seconds of the end, whatever the end was."),
    Column("settings", Text, nullable=False, comment=f"{JSON}workers, retries, timeout, guards, deadline."),
    Column(
        "search",
        Text,
        nullable=False,
        comment=f"{JSON}where the search stands (cursor, pass, complete). Written with the items found.",
    ),
    Column("progress", Text, nullable=False, comment=f"{JSON}the last snapshot, for `runs watch`."),
    Column(
        "totals",
        Text,
        nullable=False,
        comment=f"{JSON}what is known of the run as a whole: verification, preview, canary, guard. Requests and seconds are in `lease`.",
    ),
    Column("parent", Text, comment="Id of the run that this one undoes, or of the recipe that it is a step of."),
    Column("plan_hash", Text, comment="Hash of the plan that was applied."),
    Column("exit_code", Integer, comment="What the command exited with."),
    Column("message", Text, nullable=False, comment="The last word: why the run stopped."),
    Index("run_by_workspace", "workspace", "number"),
    comment="One row per run.",
    sqlite_autoincrement=True,
)

item = Table(
    "item",
    metadata,
    Column("run", Integer, primary_key=True, autoincrement=False, comment="`run.number`."),
    Column(
        "seq",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="1, 2, 3 ... in the order found, without gaps. A range of it is a segment of the run.",
    ),
    Column("id", Text, nullable=False, comment="Intercom's id of the item."),
    Column("status", SmallInteger, nullable=False, comment=", ".join(f"{CODE[o]} `{o}`" for o in OUTCOME) + "."),
    Column("attempts", SmallInteger, nullable=False, comment="Attempts so far; a window 429 is none."),
    Column(
        "doubt",
        SmallInteger,
        nullable=False,
        comment="1: an earlier attempt may have been carried out; read back before acting again. 2: it may still be under way. "
        "3: the journal was found older than the run, so that it may have been carried out unknown to this row. "
        "4: a part of it is known to stand.",
    ),
    Column(
        "claimed_at",
        Double,
        comment="Unix seconds, by Intercom's clock, of the first claim: nothing of ours can have happened to the item before.",
    ),
    Column("finished_at", Double, comment="Unix seconds of the outcome."),
    Column(
        "before",
        Text,
        comment=f"{JSON}the touched fields as they were, on disk before the write. What undo restores.",
    ),
    Column("data", Text, comment=f"{JSON}parameters of this item alone (a row of a spreadsheet)."),
    Column("after", Text, comment=f"{JSON}the touched fields as the run left them. What undo compares with."),
    Column("cause", Text, comment="Failed or in doubt: the cause, by which failures are grouped."),
    Column("failure", Text, comment=f"{JSON}`message`, `status`, `code`, `request_id`; `untold`: no look tells; `asked`: what was sent."),
    Column("note", Text, comment="Anything else worth saying: why it was skipped, who changed it since."),
    Column("claimed_by", Integer, comment="`lease.number` of the process that claimed it last."),
    Column("name", Text, comment="What people call it, for reports: a subject, a person's or a company's name."),
    # Knows an id again when pages overlap, and finds who else did an item.
    Index("item_by_id", "run", "id", unique=True),
    # Claims the lowest pending, counts, and lists the failures of a large run without reading the rest.
    Index("item_by_status", "run", "status", "seq"),
    comment="One row per item of a run: there before a worker sees it, in flight before its request leaves.",
    sqlite_with_rowid=False,
)

turn = Table(
    "turn",
    metadata,
    Column("run", Integer, primary_key=True, autoincrement=False, comment="`run.number`."),
    Column(
        "number",
        Integer,
        nullable=False,
        comment="How often items of the run were claimed; `locks/RUN.mark` counts the same, and a lower number here is an older journal.",
    ),
    Column(
        "older_since",
        Double,
        comment="The journal was found older than the run: what was written to an item from then on (unix seconds, by "
        "Intercom's clock) may be unknown to it. Items found later are looked at as well.",
    ),
    comment="How far each run has got, to be compared with its mark.",
)

lease = Table(
    "lease",
    metadata,
    Column("number", Integer, primary_key=True, comment="Grows with every lease; never used twice."),
    Column("run", Integer, nullable=False, comment="`run.number`."),
    Column("host", Text, nullable=False, comment="Machine of the process."),
    Column("pid", Integer, nullable=False, comment="The process on that machine."),
    Column(
        "exclusive",
        SmallInteger,
        nullable=False,
        comment="1: it holds the run for itself, with the lock file `locks/RUN.lock`, which tells whether it lives. "
        "0: others may work on the run beside it, and its heartbeat tells.",
    ),
    Column("began", Double, nullable=False, comment="Unix seconds when the process took the run."),
    Column("heartbeat", Double, nullable=False, comment="Unix seconds of its last sign of life."),
    Column("expires", Double, nullable=False, comment="Unix seconds from which on it counts as dead, unless it is heard of again."),
    Column("ended", Double, comment="Unix seconds when it let the run go, or was found dead."),
    Column("search", Integer, nullable=False, comment="Search requests that the process sent."),
    Column("action", Integer, nullable=False, comment="Write requests that it sent."),
    Column("read", Integer, nullable=False, comment="Read requests that it sent."),
    Column("retried", Integer, nullable=False, comment="Requests that it sent again."),
    Column("throttled", Integer, nullable=False, comment="429s that it received."),
    Column("seconds", Double, nullable=False, comment="How long it was at work, pauses and questions left out."),
    Index("lease_by_run", "run", "number"),
    comment="One row per process that works, or worked, on a run. A run's requests and seconds are the sums over its rows.",
    sqlite_autoincrement=True,
)

window = Table(
    "rate_window",
    metadata,
    Column("number", Integer, primary_key=True, comment="In the order written."),
    Column("run", Integer, nullable=False, comment="`run.number`."),
    Column("reset", Double, nullable=False, comment="The server's end of the window, unix seconds."),
    Column("allowed", Integer, nullable=False, comment="What the window allowed."),
    Column("own", Integer, nullable=False, comment="Requests of this run."),
    Column("others", Integer, nullable=False, comment="Requests of others who share the budget."),
    Column("throttled", Integer, nullable=False, comment="429s that came."),
    Column("at", Double, nullable=False, comment="Unix seconds when written."),
    Index("rate_window_by_run", "run", "number"),
    comment="Rate windows that went by: the report's timeline.",
)

event = Table(
    "event",
    metadata,
    Column("number", Integer, primary_key=True, comment="In the order written."),
    Column("run", Integer, nullable=False, comment="`run.number`."),
    Column("at", Double, nullable=False, comment="Unix seconds."),
    Column("kind", Text, nullable=False, comment="`pass`, `guard`, `pause`, `verify` ..."),
    Column("data", Text, nullable=False, comment=f"{JSON}what belongs to it."),
    Index("event_by_run", "run", "number"),
    comment="A run's own log.",
)

recipe = Table(
    "recipe",
    metadata,
    Column("number", Integer, primary_key=True, comment="Grows with every recipe that is begun; never used twice."),
    Column("id", Text, nullable=False, unique=True, comment="What people type: `1123-quiet-7f3a`. `run.parent` of its steps."),
    Column("name", Text, nullable=False, comment="What it is called in its file."),
    Column("file", Text, nullable=False, comment="The file that it was begun with, as an absolute path."),
    Column("text", Text, nullable=False, comment="What stood in the file then: this is what is carried out, whatever the file says now."),
    Column("consent", Text, nullable=False, comment=f"{JSON}`yes`, `customer_visible`, `irreversible`, as it was begun with."),
    Column("workspace", Text, nullable=False, comment="Intercom's id of the workspace; it goes on nowhere else."),
    Column("base_url", Text, nullable=False, comment="Where the API was reached."),
    Column("author", Text, nullable=False, comment="Who began it."),
    Column("created_at", Double, nullable=False, comment="Unix seconds."),
    Column("ended_at", Double, comment="Unix seconds of its end; NULL while steps or waits are left."),
    Column("ending", Text, nullable=False, comment="`finished`, `cancelled`, or empty while it has not ended."),
    Column("timezone", Text, comment="Of the workspace: its moments are told in it. NULL where an older program wrote the row."),
    comment="One row per recipe that was begun. How far it is follows from the runs of its steps; nothing else is written.",
    sqlite_autoincrement=True,
)

OF_A_RUN = (item, turn, lease, window, event)
"""Every table whose rows belong to a run, by their column `run`."""
