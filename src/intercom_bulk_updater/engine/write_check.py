"""Whether an item is to be written at all, from what was just read of it: already as wanted, moved by others, seen for the first time.

Step 7 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..api.client import Client
from ..errors import SafetyStop
from ..model import Failure, Item, ItemResult, Outcome
from ..operations.endings import CannotApply
from ..operations.operation import Json, Operation
from ..operations.resource import name_of


class NotYet(Exception):
    """Whether an item may be written is known only in so many `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"in {seconds:.1f} s")
        self.seconds = seconds


def _never(item: Item) -> None:
    return None


def _not_known(payload: Json) -> None:
    return None


LOST = "lost"
"""In the data of an item of an undo: the journal has lost what it was before the run, and whether the run has changed it."""
_LOST = "the journal does not know what it was before the run, which may have changed it: look at it in Intercom"


def refused(operation: Operation, item: Item) -> ItemResult | None:
    """The result of an item that the operation cannot be done to, by what is known of it; None for any other."""
    return _cannot(item, _LOST if LOST in (item.data or {}) else operation.impossible(item))


def _cannot(item: Item, why: str) -> ItemResult | None:
    return ItemResult(item.seq, Outcome.FAILED, attempts=0, failure=Failure(CannotApply.cause, why)) if why else None


@dataclass(frozen=True, slots=True)
class WriteCheck:
    """Looks at an item before its write; safe to share between threads.

    Parameters
    ----------
    on_drift:
        "skip", "stop" or "force", for items that moved.
    sent_before:
        What becomes of an item that an earlier run has written the same message to; None for one that it has not. Raises NotYet.
    selects:
        Whether an item, as it was read, is one that the selection asks for; None where that is not sure.
    """

    operation: Operation
    client: Client
    on_drift: str
    sent_before: Callable[[Item], ItemResult | None] = _never
    selects: Callable[[Json], bool | None] = _not_known

    def result_without_write(self, item: Item, payload: Json | None) -> ItemResult | None:
        """The result of an item that is not to be written now; None to go on."""
        if payload is not None and item.before is None:
            return self.capture_before(item, payload)
        if payload is not None:
            return refused(self.operation, item) or self._sent_or_drifted(item, payload)
        if (impossible := refused(self.operation, item)) is not None:
            return impossible
        if self.operation.change(item) == {}:
            return ItemResult(item.seq, Outcome.UNCHANGED, attempts=0)
        return self.sent_before(item)

    def left_alone(self, item: Item) -> bool:
        """Whether a process that died cannot have written the item, for it saw it as wanted: nothing of what it is now is ours."""
        if item.older or self.on_drift == "force" or self.operation.own_change_only:
            return False
        return self.operation.change(item) == {}

    def _sent_or_drifted(self, item: Item, payload: Json) -> ItemResult | None:
        """Whoever has the text already does not get it again, whatever moved: what moved may be that it was sent."""
        sent = self.sent_before(item)
        if sent is None or sent.outcome is not Outcome.PENDING:
            return sent or self.check_drift(item, payload)
        without_text = replace(item, before=sent.before)
        found = self.check_drift(without_text, payload)
        if found is None or found.outcome is not Outcome.UNCHANGED:
            return found or sent
        said = self.operation.remark(without_text)
        return replace(found, before=sent.before, note=f"{found.note}; {said}")

    def hidden(self, item: Item, payload: Json | None) -> ItemResult | None:
        """For a preview: an item that has shown too little to be written and is read again for that, as the run reads it."""
        return None if payload is None else self.capture_before(item, payload) or _cannot(item, self.operation.hides(payload))

    def check_drift_unless_sent(self, item: Item, payload: Json) -> ItemResult | None:
        """For a preview, which goes through what was sent before by itself: those items are none that drifted."""
        sent = self.sent_before(item)
        return self.check_drift(item, payload) if sent is None or sent.outcome is Outcome.PENDING else None

    def still_to_do(self, item: Item, payload: Json) -> ItemResult:
        """For a preview: an item that has not drifted, with what others have left of it to do."""
        left = self.operation.left_to_do(payload, item)
        return ItemResult(item.seq, Outcome.PENDING, attempts=0, before=left)

    def capture_before(self, item: Item, payload: Json) -> ItemResult | None:
        """Return the item with its before-image so that it is stored before any write; None if the operation captures none."""
        before = self.operation.capture(payload)
        if before is None:
            return None
        seen = replace(item, before=before)
        if (impossible := refused(self.operation, seen)) is not None:
            return replace(impossible, before=before, name=name_of(payload))
        if self.operation.change(seen) == {}:
            return ItemResult(item.seq, Outcome.UNCHANGED, attempts=0, before=before, name=name_of(payload))
        other = not item.doubt and self.selects(payload) is False
        moved = self._drifted(item, "its own fields contradict the filter, as the search does not show yet") if other else None
        looked = moved or ItemResult(item.seq, Outcome.PENDING, attempts=0)
        return replace(looked, before=before, name=name_of(payload))

    def check_drift(self, item: Item, payload: Json, *, fields: bool = True) -> ItemResult | None:
        """The result of an item that is no longer as it was looked at; None to go on. Raises SafetyStop where drift ends the run.

        Without `fields` those that the operation writes are not compared.
        """
        moved = self.operation.drift(payload, item) if fields else ""
        drift = moved or self.operation.touched(payload, item) or self._left(item, payload)
        if not (fields or drift):
            return None
        # What our own later runs did (an earlier undo, say) is no drift; what others did is, even if it comes to the same.
        others = bool(drift) and self.operation.own_change_only and "own" not in (item.data or {})
        if not self.operation.appends and not others:
            since = self.client.server_time()
            if self.operation.stands(payload, item, since=since, client=self.client):
                return ItemResult(item.seq, Outcome.UNCHANGED, attempts=0, note="already in the requested state")
        return self._drifted(item, drift) if drift else None

    def _left(self, item: Item, payload: Json) -> str:
        """That an item has left the selection, whichever of its fields says so; of one in doubt we may have done that ourselves."""
        return "it does not match the filter any more" if not item.doubt and self.selects(payload) is False else ""

    def _drifted(self, item: Item, drift: str) -> ItemResult | None:
        if self.on_drift == "force":
            return None
        if self.on_drift == "stop":
            raise SafetyStop(
                f"{item.id} has changed since it was looked at: {drift}. It and the rest were left alone (on drift: stop).",
                guard={"go_on": "--on-drift skip"},
            )
        return ItemResult(item.seq, Outcome.DRIFTED, attempts=0, note=drift)

    def tried(self, item: Item) -> Item:
        """An item that something has left for, as `check_drift` takes it: what we may have done of it ourselves is no drift."""
        return replace(item, doubt=True, data={**(item.data or {}), "by": self.client.admin_id})
