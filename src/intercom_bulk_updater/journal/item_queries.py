"""The item table, read: counts, pages of rows, failures by cause. Memory stays flat however large the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import JSON, Select, and_, bindparam, case, func, or_, select, type_coerce

from intercom_bulk_updater.model import Counts, Outcome

from . import schema
from .database import Database
from .item_writes import DOUBTFUL, OLDER, PARTLY, chunks
from .records import UNDOES, FailureExample, FailureGroup, ItemRow, Undone
from .serialization import unpack, unpack_failure

_item = schema.item
_columns = (
    _item.c.seq,
    _item.c.id,
    _item.c.status,
    _item.c.before,
    _item.c.data,
    _item.c.after,
    _item.c.attempts,
    _item.c.doubt,
    _item.c.claimed_at,
    _item.c.finished_at,
    _item.c.cause,
    _item.c.failure,
    _item.c.note,
    _item.c.name,
)


def _item_row(row: Any) -> ItemRow:
    seq, item_id, status, before, data, after, attempts, doubt, claimed, finished, cause, failure, note, name = row
    return ItemRow(
        seq=seq,
        id=item_id,
        outcome=schema.OUTCOME[status],
        before=unpack(before),
        data=unpack(data),
        after=unpack(after),
        attempts=attempts,
        doubt=bool(doubt),
        left=schema.OUTCOME[status] is Outcome.PENDING and doubt in DOUBTFUL,
        older=doubt == OLDER,
        claimed_at=claimed,
        finished_at=finished,
        failure=unpack_failure(cause, failure),
        note=note or "",
        name=name or "",
    )


# Built once, and so is its key among the compiled statements: a run counts its items a dozen times.
_by_status = select(_item.c.status, func.count()).where(_item.c.run == bindparam("r")).group_by(_item.c.status)
_doubted = _item.c.doubt.in_(DOUBTFUL)
_begun = (
    select(_doubted, func.count())
    .where(_item.c.run == bindparam("r"), _item.c.status == schema.CODE[Outcome.PENDING], or_(_doubted, _item.c.attempts > 0))
    .group_by(_doubted)
)


def counts(database: Database, run: int) -> Counts:
    """Where the items of a run stand, counted in the table."""
    found = Counts()
    with database.reading() as connection:
        for status, count in connection.execute(_by_status, {"r": run}):
            setattr(found, schema.OUTCOME[status].value, count)
            found.selected += count
        if found.pending:
            # A stop has put them back: after a write of theirs had left, or one that came to nothing.
            begun = {bool(doubted): count for doubted, count in connection.execute(_begun, {"r": run})}
            left, found.tried = begun.get(True, 0), begun.get(False, 0)
            found.in_flight += left
            found.pending -= left
    return found


def pages(
    database: Database,
    run: int,
    outcomes: Sequence[Outcome] | None,
    causes: Sequence[str] | None,
    after: int,
    chunk: int,
    ids: Iterable[str] | None,
    sample: int | None,
) -> Iterator[ItemRow]:
    """Items by seq. Between two pages nothing is held open, so others may write for as long as they like."""
    query = _filtered(run, outcomes, causes).order_by(_item.c.seq)
    if ids is not None or sample is not None:
        chosen = _seqs(database, run, ids, after) if ids is not None else _drawn(database, query, after, sample)
        for seqs in chunks(chosen, chunk):
            with database.reading() as connection:
                found = connection.execute(query.where(_item.c.seq.in_(seqs))).all()
            yield from map(_item_row, found)
        return
    query = query.limit(chunk)
    while True:
        with database.reading() as connection:
            found = connection.execute(query.where(_item.c.seq > after)).all()
        yield from map(_item_row, found)
        if len(found) < chunk:
            return
        after = found[-1][0]


def _filtered(run: int, outcomes: Sequence[Outcome] | None, causes: Sequence[str] | None) -> Select[Any]:
    query = select(*_columns).where(_item.c.run == run)
    if outcomes is not None:
        codes = [schema.CODE[outcome] for outcome in outcomes]
        if len(codes) == 1:
            # One status: the index gives its rows in the order of seq.
            query = query.where(_item.c.status == codes[0])
        else:
            # Several: by the primary key. `+ 0` keeps the database from sorting them all again for every
            # page.
            query = query.where((_item.c.status + 0).in_(codes))
    if causes is not None:
        query = query.where(_item.c.cause.in_(list(causes)))
    return query


def _seqs(database: Database, run: int, ids: Iterable[str], after: int) -> list[int]:
    found: list[int] = []
    for chunk in chunks(ids):
        query = select(_item.c.seq).where(_item.c.run == run, _item.c.id.in_(chunk), _item.c.seq > after)
        with database.reading() as connection:
            found.extend(connection.scalars(query))
    return sorted(set(found))


def _drawn(database: Database, query: Select[Any], after: int, number: int | None) -> list[int]:
    """A random sample of what a query finds: of all of it no more is read than the index has."""
    drawn = query.with_only_columns(_item.c.seq).where(_item.c.seq > after).order_by(None).order_by(func.random()).limit(number)
    with database.reading() as connection:
        return sorted(connection.scalars(drawn))


def unnamed(database: Database, run: int, most: int) -> dict[int, str]:
    """See Store."""
    query = select(_item.c.seq, _item.c.id).where(_item.c.run == run, _item.c.seq <= most, _item.c.name.is_(None))
    with database.reading() as connection:
        return dict(connection.execute(query.order_by(_item.c.seq)).all())


@cache
def _failures(left: bool) -> Select[Any]:
    """The query of `failures`, built once: each run asks it twice."""
    failed, in_doubt = schema.CODE[Outcome.FAILED], schema.CODE[Outcome.IN_DOUBT]
    ended = _item.c.status.in_([failed, in_doubt])
    put_back = and_(_item.c.status == schema.CODE[Outcome.PENDING], _doubted)
    lost = or_(ended, _item.c.status == schema.CODE[Outcome.IN_FLIGHT], put_back) if left else ended
    outcome = case((_item.c.status == failed, failed), else_=in_doubt).label("outcome")
    cause = func.coalesce(_item.c.cause, case((ended, "unknown"), else_="interrupted")).label("cause")
    partly = func.sum(case((_item.c.doubt == PARTLY, 1), else_=0)).label("partly")
    untold = func.sum(case((type_coerce(_item.c.failure, JSON)["untold"].as_boolean(), 1), else_=0)).label("untold")
    groups = (
        select(outcome, cause, func.count().label("n"), partly, untold, func.min(_item.c.seq).label("first"))
        .where(_item.c.run == bindparam("r"), lost)
        .group_by(outcome, cause)
        .subquery()
    )
    return (
        select(groups.c.n, groups.c.partly, groups.c.untold, groups.c.outcome, groups.c.cause, _item.c.id, _item.c.failure, _item.c.name)
        .join(_item, and_(_item.c.run == bindparam("r"), _item.c.seq == groups.c.first))
        .order_by(groups.c.n.desc(), groups.c.first)
    )


def failures(database: Database, run: int, *, left: bool) -> list[FailureGroup]:
    """What failed or is in doubt, by cause, the largest group first, each with its first item.

    `left`: with what `counts` has in flight, which no process holds: in doubt until somebody looks.
    """
    with database.reading() as connection:
        found = connection.execute(_failures(left), {"r": run}).all()
    return [
        FailureGroup(cause, count, _example(item_id, cause, failure, name), schema.OUTCOME[status], int(part), int(never))
        for count, part, never, status, cause, item_id, failure, name in found
    ]


def left_with(database: Database, run: int, name: str) -> int:
    """How many items of a run have this in their after-image."""
    found = type_coerce(_item.c.after, JSON)[name].as_string()
    with database.reading() as connection:
        return connection.scalar(select(func.count()).where(_item.c.run == run, found.is_not(None))) or 0


def _example(item_id: str, cause: str, text: str | None, name: str | None) -> FailureExample:
    failure = unpack_failure(cause, text)
    if failure is None:
        return FailureExample(item_id, name=name or "")
    return FailureExample(item_id, failure.status, failure.code, failure.message, failure.request_id, name or "")


# An undo may know an item by another id than the run does, and then keeps that one as well.
_undone_id = func.coalesce(type_coerce(_item.c.data, JSON)[UNDOES].as_string(), _item.c.id)


def unsure(database: Database, undo: int) -> frozenset[str]:
    """Items that an undo may have taken back, by the ids under which the run that it undoes has them."""
    doubtful = [schema.CODE[Outcome.IN_FLIGHT], schema.CODE[Outcome.IN_DOUBT]]
    put_back = and_(_item.c.status == schema.CODE[Outcome.PENDING], _doubted)
    query = select(_undone_id).where(_item.c.run == undo, or_(_item.c.status.in_(doubtful), put_back))
    with database.reading() as connection:
        return frozenset(connection.scalars(query))


def undone(database: Database, run: int, forth: Iterable[int], back: Mapping[int, str]) -> Undone | None:
    """Items that one of the runs `back` (with their ids) did later than any of the runs `forth`, of which `run` is the first."""
    done = _item.c.status == schema.CODE[Outcome.DONE]
    known_as = case((_item.c.run == run, _item.c.id), else_=_undone_id)
    then = func.max(case((and_(done, _item.c.run.in_(list(forth))), _item.c.finished_at), else_=0.0))
    newest = func.max(case((and_(done, _item.c.run.in_(list(back))), _item.c.run)))
    since = func.max(case((and_(done, _item.c.run.in_(list(back))), _item.c.finished_at), else_=0.0))
    query = (
        select(known_as, newest, func.max(case((and_(done, _item.c.run == run), 1), else_=0)))
        .where(_item.c.run.in_([*forth, *back]), or_(_item.c.run == run, done))
        .group_by(known_as)
        .having(since > then)
    )
    with database.reading() as connection:
        found = connection.execute(query).all()
    if not found:
        return None
    return Undone(back[max(row[1] for row in found)], frozenset(row[0] for row in found), sum(row[2] for row in found))


def written(database: Database, workspace: str, resource: str, item_id: str, since: float) -> list[tuple[str, ItemRow]]:
    """Runs of a workspace on this resource that wrote to an item after `since`, or may have; newest first."""
    run = schema.run
    sent = [schema.CODE[outcome] for outcome in (Outcome.DONE, Outcome.IN_FLIGHT, Outcome.IN_DOUBT)]
    untold = [schema.CODE[outcome] for outcome in (Outcome.PENDING, Outcome.FAILED)]
    query = (
        select(run.c.id, *_columns)
        .join(_item, and_(_item.c.run == run.c.number, _item.c.id == item_id))
        .where(
            run.c.workspace == workspace,
            run.c.operation.startswith(f"{resource}.", autoescape=True),
            or_(_item.c.status.in_(sent), and_(_item.c.status.in_(untold), _item.c.doubt.in_(DOUBTFUL))),
            _item.c.claimed_at > since,
        )
        .order_by(run.c.number.desc())
    )
    with database.reading() as connection:
        return [(row[0], _item_row(row[1:])) for row in connection.execute(query)]


def touched(database: Database, workspace: str, item_id: str, since: float) -> list[tuple[str, ItemRow]]:
    """Runs of a workspace that did an item after `since` (unix seconds), oldest first.

    One index look-up per run.
    """
    run = schema.run
    query = (
        select(run.c.id, *_columns)
        .join(_item, and_(_item.c.run == run.c.number, _item.c.id == item_id))
        .where(
            run.c.workspace == workspace,
            # Runs that ended before need not be looked into.
            or_(run.c.finished_at.is_(None), run.c.finished_at > since),
            _item.c.status == schema.CODE[Outcome.DONE],
            _item.c.finished_at > since,
        )
        .order_by(_item.c.finished_at)
    )
    with database.reading() as connection:
        return [(row[0], _item_row(row[1:])) for row in connection.execute(query)]
