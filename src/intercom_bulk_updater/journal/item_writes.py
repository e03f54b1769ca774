"""The item table, written: new items, claims, outcomes. Every move here is one of `model.MOVES`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, and_, bindparam, case, func, insert, null, or_, select, update

from intercom_bulk_updater.errors import JournalError
from intercom_bulk_updater.model import MOVES, Failure, FoundItem, Item, ItemResult, Outcome

from . import schema
from .bulk_execute import execute_many, execute_one, fetch_all
from .serialization import clean, pack, pack_failure, plain, unpack, unpack_failure

_item = schema.item
_PENDING, _IN_FLIGHT = schema.CODE[Outcome.PENDING], schema.CODE[Outcome.IN_FLIGHT]
_SLOW, OLDER, PARTLY = 2, 3, 4
"""In `doubt`: the request may still be under way; the journal may be older than what was done to the item; a part of it stands."""
_GIVES_WAY = "gives way"
"""The note of an item in flight that is not sent, for another run has it in flight too."""
DOUBTFUL = (1, _SLOW, PARTLY)
"""In `doubt`: a write of this run had left."""

# Built once: SQLAlchemy then finds their text in its cache, and `execute_many` in its own.
_row = and_(_item.c.run == bindparam("r"), _item.c.seq == bindparam("q"))
_insert = insert(_item).values(
    {name: bindparam(name) for name in ("run", "seq", "id", "status", "attempts", "doubt", "claimed_at", "before", "data", "name")}
)
_waits = _item.c.status == _PENDING
# Claimed by this process: one that was taken for dead while it slept may not settle what another has claimed since.
_ours = _item.c.claimed_by.is_not_distinct_from(bindparam("holder_", type_=_item.c.claimed_by.type))
_settle = (
    update(_item)
    .where(_row, _item.c.status.between(bindparam("least_"), _IN_FLIGHT), or_(_waits, _ours))
    .values(
        status=bindparam("status_"),
        # A review settles what was never claimed: it knows nothing of earlier attempts and doubts.
        attempts=case((_waits, _item.c.attempts), else_=bindparam("attempts_")),
        doubt=case((_waits, _item.c.doubt), else_=bindparam("doubt_")),
        finished_at=bindparam("finished_"),
        before=func.coalesce(bindparam("before_"), _item.c.before),
        name=func.coalesce(bindparam("name_"), _item.c.name),
        after=bindparam("after_"),
        cause=bindparam("cause_"),
        failure=bindparam("failure_"),
        note=bindparam("note_"),
    )
)
_claim = (
    update(_item)
    .where(_row, _item.c.status == _PENDING)
    .values(
        status=_IN_FLIGHT, claimed_at=func.coalesce(_item.c.claimed_at, bindparam("now")), claimed_by=bindparam("holder_"), note=null()
    )
)
_claimable = select(
    _item.c.seq, _item.c.id, _item.c.before, _item.c.data, _item.c.attempts, _item.c.doubt, _item.c.claimed_at,
    _item.c.cause, _item.c.failure,
).where(
    _item.c.run == bindparam("r")
)
_waiting = _item.alias()
_lowest = _claimable.where(
    # A query of its own: it reads nothing but the index. In one query with the other columns SQLite walks the
    # whole run by its primary key instead, which makes each claim slower than the one before.
    _item.c.seq.in_(
        select(_waiting.c.seq)
        .where(_waiting.c.run == bindparam("r"), _waiting.c.status == _PENDING)
        .order_by(_waiting.c.seq)
        .limit(bindparam("n"))
        .with_for_update(skip_locked=True)
    )
).order_by(_item.c.seq)
_preferred = (
    _claimable.where(_item.c.status == _PENDING, _item.c.seq.in_(bindparam("seqs", expanding=True)))
    .order_by(_item.c.seq)
    .with_for_update(skip_locked=True)
)
_release = (
    update(_item)
    .where(_row, _item.c.status == _IN_FLIGHT, _ours)
    .values(
        status=_PENDING,
        # Nothing was ever sent: the next claim is the first one.
        claimed_at=case((and_(_item.c.attempts == 0, _item.c.doubt == 0), null()), else_=_item.c.claimed_at),
    )
)
_name = update(_item).where(_row).values(name=bindparam("called"))
_came_late = (
    update(_item)
    .where(_item.c.run == bindparam("r"), _item.c.id == bindparam("i"))
    .where(or_(and_(_waits, _item.c.doubt == 0), *(_item.c.status == schema.CODE[one] for one in (Outcome.FAILED, Outcome.UNCHANGED))))
    .values(
        status=case((_waits, _PENDING), else_=schema.CODE[Outcome.IN_DOUBT]),
        doubt=case((_item.c.doubt == 0, 1), else_=_item.c.doubt),
        claimed_at=func.coalesce(_item.c.claimed_at, bindparam("since_")),
        cause=bindparam("cause_"),
        failure=bindparam("failure_"),
        note=null(),
    )
)
_known = select(_item.c.id).where(_item.c.run == bindparam("r"), _item.c.id.in_(bindparam("ids", expanding=True)))
_older_since = select(schema.turn.c.older_since).where(schema.turn.c.run == bindparam("r"))
_count = (
    update(schema.turn)
    .where(schema.turn.c.run == bindparam("r"))
    .values(number=schema.turn.c.number + bindparam("more"))
    .returning(schema.turn.c.number)
)
_last = select(func.max(_item.c.seq)).where(_item.c.run == bindparam("r"))

# What a review may make of a pending item: an outcome without a write, or pending with its before-image.
_REVIEWED = frozenset(MOVES[Outcome.PENDING]) - {Outcome.IN_FLIGHT} | {Outcome.PENDING}

CHUNK = 500
"""How many values one IN takes: databases limit a statement's parameters."""

_T = TypeVar("_T")


def chunks(values: Iterable[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """Lists of at most `size`."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def add(connection: Connection, run: int, items: Sequence[FoundItem], most: int | None) -> int:
    """New items as PENDING, in order; ids that the run has are dropped. Returns how many were new."""
    wanted: dict[str, FoundItem] = {}
    for new in items:
        wanted.setdefault(clean(new.id), new)
    for known_id in known(connection, run, wanted):
        del wanted[known_id]
    last = connection.scalar(_last, {"r": run}) or 0
    # Rows of a run are never deleted one by one, so the last seq is also their number.
    room = len(wanted) if most is None else max(0, most - last)
    # In a journal that was found older than the run, an item that is new to it may have been done all the same.
    older_since = connection.scalar(_older_since, {"r": run})
    rows = [
        {
            "run": run,
            "seq": last + place,
            "id": item_id,
            "status": _PENDING,
            "attempts": 0,
            "doubt": 0 if older_since is None else OLDER,
            "claimed_at": older_since,
            "before": pack(new.before),
            "data": pack(new.data),
            "name": plain(new.name) or None,
        }
        for place, (item_id, new) in enumerate(islice(wanted.items(), room), 1)
    ]
    if rows:
        execute_many(connection, _insert, rows)
    return len(rows)


def known(connection: Connection, run: int, ids: Iterable[str]) -> set[str]:
    """Those of `ids` that the run already has."""
    found: set[str] = set()
    for chunk in chunks(ids):
        found.update(connection.scalars(_known, {"r": run, "ids": chunk}))
    return found


def settle(connection: Connection, run: int, fates: Sequence[ItemResult], holder: int | None = None) -> None:
    """Write outcomes of items that `holder` (a lease) has in flight, or that a review looked at while they were pending."""
    now = time.time()
    rows = [_fate_row(run, fate, now, holder) for fate in fates]
    if rows:
        _all(connection, _settle, rows, "has an outcome already, or was not claimed by this process")


def _fate_row(run: int, fate: ItemResult, now: float, holder: int | None) -> dict[str, Any]:
    if fate.outcome not in MOVES[Outcome.IN_FLIGHT]:
        raise JournalError(f"An item in flight cannot become {fate.outcome.value}.")
    failure = fate.failure
    return {
        "r": run,
        "q": fate.seq,
        "holder_": holder,
        "least_": _PENDING if fate.outcome in _REVIEWED else _IN_FLIGHT,
        "status_": schema.CODE[fate.outcome],
        "attempts_": fate.attempts,
        "doubt_": _doubt(fate),
        "finished_": None if fate.outcome is Outcome.PENDING else now,
        "before_": pack(fate.before),
        "name_": plain(fate.name) or None,
        "after_": pack(fate.after),
        "cause_": None if failure is None else plain(failure.cause) or "unknown",
        "failure_": pack_failure(failure),
        "note_": plain(fate.note),
    }


def _doubt(fate: ItemResult) -> int:
    if fate.slow:
        return _SLOW
    if fate.older:
        return OLDER
    return PARTLY if fate.partly else int(fate.doubt or fate.outcome is Outcome.IN_DOUBT)


def claim(
    connection: Connection, run: int, most: int, first: Sequence[int], now: float, holder: int | None = None
) -> list[Item]:
    """Up to `most` pending items, those of `first` before others, then the lowest; in flight from `now` on, for `holder`."""
    if most <= 0:
        return []
    found: dict[int, Any] = {}
    for chunk in chunks(first):
        for row in connection.execute(_preferred, {"r": run, "seqs": chunk}):
            if len(found) < most:
                found[row[0]] = row
    if len(found) < most:
        # The preferred ones are still pending and may be among the lowest.
        for row in fetch_all(connection, _lowest, {"r": run, "n": most + len(found)}):
            if len(found) < most:
                found.setdefault(row[0], row)
    if found:
        _all(connection, _claim, [{"r": run, "q": seq, "now": now, "holder_": holder} for seq in found], "is claimed already")
    return [
        Item(
            seq,
            item_id,
            unpack(before),
            unpack(data),
            attempts,
            bool(doubt),
            now if claimed is None else claimed,
            doubt == _SLOW,
            doubt == OLDER,
            unpack_failure(cause, failure),
        )
        for seq, item_id, before, data, attempts, doubt, claimed, cause, failure in found.values()
    ]


def count_claim(connection: Connection, run: int) -> int:
    """One claim more, in the transaction of the claim; how many there were."""
    counted = execute_one(connection, _count, {"r": run, "more": 1})
    if counted is None:
        connection.execute(insert(schema.turn).values(run=run, number=1))
    return int(counted or 1)


def claims(connection: Connection, run: int) -> int:
    """How many claims the run's items had."""
    return int(connection.scalar(select(schema.turn.c.number).where(schema.turn.c.run == run)) or 0)


def distrust(connection: Connection, run: int, claimed: int, since: float) -> int:
    """The journal is older than the run: whatever it knows of an item that is not settled for good may be out of date.

    `claimed` is what the run's mark counts. Nothing that is missing here was written before the last claim that is
    known, or else before `since`. Returns how many items have to be looked at before they are done.
    """
    last = connection.scalar(select(func.max(_item.c.claimed_at)).where(_item.c.run == run))
    since = since if last is None else float(last)
    row = {"number": max(claimed, claims(connection, run)) + 1, "older_since": since}
    if connection.execute(update(schema.turn).where(schema.turn.c.run == run).values(row)).rowcount == 0:
        connection.execute(insert(schema.turn).values(run=run, **row))
    unsettled = [schema.CODE[outcome] for outcome in (Outcome.FAILED, Outcome.IN_DOUBT)]
    open_ = [_PENDING, _IN_FLIGHT]
    doubted = update(_item).where(_item.c.run == run, _item.c.doubt != _SLOW).values(
        doubt=OLDER, claimed_at=func.coalesce(_item.c.claimed_at, since)
    )
    connection.execute(doubted.where(_item.c.status.in_(unsettled)))
    return connection.execute(doubted.where(_item.c.status.in_(open_))).rowcount


def release(connection: Connection, run: int, seqs: Sequence[int], holder: int | None = None) -> None:
    """Claimed by `holder` and never sent: PENDING again, attempts as they were."""
    if seqs:
        _all(connection, _release, [{"r": run, "q": seq, "holder_": holder} for seq in seqs], "is not in flight for this process")


def recover(connection: Connection, run: int, live: Select[Any]) -> int:
    """What no live process (the leases of `live`) has in flight is pending, in doubt: its request may have left."""
    statement = (
        update(_item)
        .where(_item.c.run == run, _item.c.status == _IN_FLIGHT)
        .where(or_(_item.c.claimed_by.is_(None), _item.c.claimed_by.not_in(live)))
        .values(status=_PENDING, doubt=case((_item.c.doubt == 0, 1), else_=_item.c.doubt))
    )
    return connection.execute(statement).rowcount


def attempts(connection: Connection, run: int) -> int:
    """The attempts of all items of a run together: the write requests that it sent at the least."""
    return int(connection.scalar(select(func.sum(_item.c.attempts)).where(_item.c.run == run)) or 0)


def suspect(connection: Connection, run: int, seqs: Sequence[int]) -> None:
    """In flight, and out of time: the request may still be under way, whatever becomes of this process."""
    statement = update(_item).where(_item.c.run == run, _item.c.seq.in_(seqs), _item.c.status == _IN_FLIGHT).values(doubt=_SLOW)
    connection.execute(statement)


def doubt(connection: Connection, run: int, wrote: Mapping[str, str], since: float) -> int:
    """What was written to these ids since then came after their outcome, or before they were begun: it may be what they are to get.

    How many are in doubt by it that were not.
    """
    rows: list[dict[str, Any]] = []
    for item_id, what in wrote.items():
        failure = Failure("sent by a thread that belongs to no action", f"{what} left when no action had the item in hand")
        rows.append({"r": run, "i": item_id, "since_": since, "cause_": failure.cause, "failure_": pack_failure(failure)})
    return execute_many(connection, _came_late, rows) if rows else 0


def give_way(connection: Connection, run: int, seq: int, other: int, other_seq: int) -> bool:
    """In flight, and not sent because of what another run has in flight; False where that one gives way, or has done so before."""
    theirs = and_(_item.c.run == other, _item.c.seq == other_seq, _item.c.status == _IN_FLIGHT, _item.c.note == _GIVES_WAY)
    if connection.scalar(select(func.count()).where(theirs)):
        return False
    ours = and_(_item.c.run == run, _item.c.seq == seq, _item.c.status == _IN_FLIGHT)
    connection.execute(update(_item).where(ours).values(note=_GIVES_WAY))
    return True


def name(connection: Connection, run: int, names: Mapping[int, str]) -> None:
    """What people call these items (by seq)."""
    rows = [{"r": run, "q": seq, "called": plain(said)} for seq, said in names.items()]
    if rows:
        execute_many(connection, _name, rows)


def reopen(
    connection: Connection, run: int, outcomes: Iterable[Outcome], causes: Iterable[str] | None, since: float | None = None
) -> int:
    """Failed or in doubt becomes pending again, with its attempts forgotten and its doubt kept.

    `since`: what ended since then (unix s), as a run that has stopped puts it back; it was tried, and stays so.

    One that failed half-way (it has an after-image) is in doubt from then on: not begun it is not.
    """
    wanted = set(outcomes)
    if refused := wanted - {Outcome.FAILED, Outcome.IN_DOUBT}:
        raise JournalError(f"Only failed and in_doubt can be tried again, not {', '.join(sorted(refused))}.")
    certain = and_(_item.c.doubt == 0, _item.c.after.is_(None))
    statement = (
        update(_item)
        .where(_item.c.run == run, _item.c.status.in_([schema.CODE[outcome] for outcome in wanted]))
        .values(
            status=_PENDING,
            attempts=0 if since is None else _item.c.attempts,
            doubt=case((certain, 0), (_item.c.doubt == 0, 1), else_=_item.c.doubt),
            claimed_at=case((certain, null()), else_=_item.c.claimed_at),
            finished_at=None,
            after=None,
            # Of what is in doubt the reason stays known, in case nothing more is found out.
            cause=case((certain, null()), else_=_item.c.cause),
            failure=case((certain, null()), else_=_item.c.failure),
            note=None,
        )
    )
    if causes is not None:
        statement = statement.where(_item.c.cause.in_(list(causes)))
    if since is not None:
        statement = statement.where(_item.c.finished_at >= since)
    return connection.execute(statement).rowcount


def redo(connection: Connection, run: int, seqs: Sequence[int]) -> None:
    """Done or unchanged becomes pending, as if it had never begun: what it left is gone."""
    statement = (
        update(_item)
        .where(_row, or_(_item.c.status == schema.CODE[Outcome.DONE], _item.c.status == schema.CODE[Outcome.UNCHANGED]))
        .values(status=_PENDING, attempts=0, doubt=0, claimed_at=None, finished_at=None, after=null(), note=None)
    )
    if seqs:
        _all(connection, statement, [{"r": run, "q": seq} for seq in seqs], "is not done")


def _all(connection: Connection, statement: Any, rows: list[dict[str, Any]], otherwise: str) -> None:
    """Execute for every row, and refuse the whole transaction unless every row was changed."""
    changed = execute_many(connection, statement, rows)
    if changed != len(rows):
        seqs = ", ".join(str(row["q"]) for row in rows[:5])
        raise JournalError(
            f"{len(rows) - changed} of {len(rows)} items (seq {seqs} ...) could not be moved: "
            f"each of them {otherwise}. Two processes on one run? Nothing was written."
        )
