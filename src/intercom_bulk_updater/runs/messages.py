"""Before a message is written: what its places hold for each item, and whether an earlier run wrote the same to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

from ..api.client import Client
from ..api.messages import SentRequest
from ..api.redact import redact
from ..engine.effect_reader import read_effect
from ..engine.failure_reader import AFTER_LOSS
from ..engine.write_check import NotYet
from ..errors import IntercomBulkError, SafetyStop
from ..journal import ItemRow, RunRecord, Store
from ..model import Failure, Item, ItemResult, Outcome
from ..operations.message_template import EmptyField, NoText
from ..operations.messages import CONTACT_NAME, FIELDS, SENT_BY
from ..operations.operation import Operation
from ..operations.plain_text import as_read
from ..operations.registry import build

_DAYS = 30
_AT_ONCE = 150
_NAMED = 5


def item_of(row: ItemRow) -> Item:
    """An item as an operation looks at it."""
    return Item(row.seq, row.id, row.before, row.data)


def fill_messages(journal: Store, run: str, operation: Operation, client: Client) -> None:
    """Read what the places of the message hold, for every pending item of a run that has it not yet.

    Raises SafetyStop, before anything is written, where a place stays empty and the message does not say what stands there.
    """
    rows = journal.items(run, outcomes=[Outcome.PENDING])
    empty: dict[str, list[str]] = {}
    while some := list(islice(rows, _AT_ONCE)):
        fates = []
        for row, fields in zip(some, operation.read_message_fields(client, [item_of(row) for row in some]), strict=True):
            name = row.name or str(fields.get(CONTACT_NAME) or "")
            before = {**(row.before or {}), FIELDS: dict(fields)}
            fates.append(ItemResult(row.seq, Outcome.PENDING, attempts=0, before=before, name=name))
            try:
                operation.message(Item(row.seq, row.id, before, row.data))
            except NoText as exc:
                which = f"{redact(name)} ({row.id})" if name else row.id
                raise SafetyStop(f"For {which} the message cannot be written: {exc}.") from exc
            except EmptyField as exc:
                empty.setdefault(exc.field, []).append(f"{redact(name)} ({row.id})" if name else row.id)
        journal.turn(run, fates, 0)
    for field, ids in empty.items():
        more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
        which = f"for {len(ids):,} of the items ({', '.join(ids[:_NAMED])}{more})"
        if not field:
            raise SafetyStop(
                f"The message comes out empty {which}. Nothing was written to anybody. Say what stands there when a field is empty, as "
                "in {{contact.name|there}}, write something beside it, or leave these items out."
            )
        raise SafetyStop(
            f"{field} is empty {which}, and the message does not say what "
            f"stands there then. Nothing was written to them. Say it, as in {{{{{field}|there}}}}, or leave these items out."
        )


class SentBefore:
    """Tells whether an earlier run, or one that goes on in another process, wrote the same text to an item; see `of`."""

    def __init__(self, journal: Store, run: RunRecord, operation: Operation) -> None:
        self._journal = journal
        self._run = run
        self._operation = operation
        self._resource = run.operation.partition(".")[0]
        self._texts: dict[str, Callable[[ItemRow], str] | None] = {}

    def of(self, item: Item, client: Client | None = None) -> ItemResult | None:
        """What becomes of an item that has the text already, or may have it; None for one that has it not.

        Pending: its before-image says who has sent the text, and the rest is done without it. With a `client`, right before
        the write, a text that was refused earlier is looked for: it may have come all the same. Raises NotYet while it may still.
        """
        text = self._operation.text(item)
        if not text:
            return None
        since = time.time() - _DAYS * 86400
        for run, row in self._journal.written_by_runs(self._run.workspace, self._resource, item.id, since):
            if run == self._run.id or as_read(self._text(run, row)) != as_read(text):
                continue
            refused = row.outcome is Outcome.FAILED
            stands = None if client is None or not refused else _stands(row, client)
            if refused and (client is None or stands is False):
                continue
            if row.outcome is Outcome.IN_FLIGHT and client is not None and not self._journal.give_way(self._run.id, item.seq, run, row.seq):
                continue
            if row.outcome is not Outcome.DONE and not stands:
                way = "let it end (runs resume), then retry; or say --again"
                if row.outcome is Outcome.IN_DOUBT and row.failure is not None and row.failure.untold:
                    way = "no resume will tell: look at the item in Intercom, then leave it, or say --again"
                said = f"{run} may have sent the same text, or is about to: {way}"
                if refused:
                    said = f"{run} was refused the same text, and what stands there may be it: look, then leave it, or say --again"
                return ItemResult(item.seq, Outcome.FAILED, attempts=0, failure=Failure("another run may have sent it", said))
            sent = {"run": run, "at": int(row.finished_at or 0), **({"refused": True} if refused else {})}
            before = {**(item.before or {}), SENT_BY: sent}
            if self._operation.appends:
                late = ", which had called it failed: it came after its refusal" if refused else ""
                return ItemResult(item.seq, Outcome.UNCHANGED, attempts=0, before=before, note=f"sent by {run}{late}")
            # A verb that does more than writing is not done because its text is there: it does the rest.
            return ItemResult(item.seq, Outcome.PENDING, attempts=0, before=before)
        return None

    def _text(self, run: str, row: ItemRow) -> str:
        if run not in self._texts:
            was = self._journal.run(run)
            here = was.base_url == self._run.base_url  # the ids of another server are of other items
            self._texts[run] = messages_of(was, visible=self._operation.customer_visible) if here else None
        text = self._texts[run]
        return "" if text is None else text(row)


def _stands(row: ItemRow, client: Client) -> bool | None:
    """Whether what an earlier run wrote to an item is there, though it was refused. Raises NotYet while it may still come."""
    asked = row.failure.asked if row.failure is not None else None
    if asked is None:
        return None
    stands, _ = read_effect(client, SentRequest(asked["method"], asked["path"], asked["json"]), float(row.claimed_at or 0))
    left = float(row.finished_at or 0) + AFTER_LOSS - time.time()
    if stands is False and 0 < left <= AFTER_LOSS:
        raise NotYet(left)
    return stands


def messages_of(run: RunRecord, visible: bool | None = None) -> Callable[[ItemRow], str] | None:
    """What tells the text that a run wrote to an item of it; None for a run that writes none.

    `visible`: only a text that customers see, or only one that they do not.
    """
    try:
        operation = build(run.operation, run.parameters)
    except (IntercomBulkError, KeyError, TypeError, ValueError):  # of an updater, or of another version
        return None
    if not operation.writes_text or (visible is not None and operation.customer_visible is not visible):
        return None

    def text(row: ItemRow) -> str:
        try:
            return operation.text(item_of(row))
        except EmptyField:
            return ""

    return text
