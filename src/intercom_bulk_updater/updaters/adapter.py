"""An updater as an operation: how a person's four methods (and the optional ones) become what the engine runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from ..api.client import Client
from ..api.messages import Exchange, only_looks
from ..api.paths import item_path, refuse_steering_id
from ..api.redact import keep_private, keep_private_of_item, redact, redact_theirs
from ..errors import IntercomBulkError, SafetyStop, UsageError
from ..journal import encode_parameters, storable
from ..model import Item, Reversibility
from ..operations.endings import OutcomeUnknown, PartiallyApplied
from ..operations.field_values import on_the_way, taken_back
from ..operations.operation import Change, Json, Operation
from ..operations.per_item import WITH
from ..operations.resource import history_of
from ..service.spreadsheet import places
from .action import in_hand
from .calls import UpdaterError, accepted, asked, endpoint_of, host_of_run, raising, through
from .coercion import coerce
from .declaration import ATTRIBUTES, METHODS
from .hearing import in_own_thread
from .late_writes import count_late, late_writes
from .protocol import Updater
from .threads import others_at_work

_log = logging.getLogger("intercom_bulk_updater.updaters.updater")


class UpdaterOperation(Operation):
    """The operation of one updater with its parameters."""

    def __init__(self, updater: Updater, params: Mapping[str, Any]) -> None:
        self.updater = updater
        self._called_in = threading.get_ident()
        self.params = dict(params)
        keep_private(self.params)
        self.name = type(updater).__name__  # type: ignore[misc] # of the class elsewhere; here each updater has its own
        self._logged: set[str] = set()
        self._seen_requests: int | None = None
        """The most writes that an action of this run has sent before it came to its end."""
        # They may be properties, which are a person's own code like any method.
        said = {name: asked(updater, name, partial(getattr, updater, name, None)) for name in (*ATTRIBUTES, *METHODS)}
        self.idempotent = said["idempotent"]
        self.requests_per_item = said["requests_per_item"]
        self.batch_size = said["items_per_request"]
        self.customer_visible = said["customer_visible"]
        self.side_effects = said["side_effects"]
        undoable = said["undo_action"] is not None and said["before"] is not None
        self.reversibility = said["reversibility"] or (
            Reversibility.FIELDS if undoable else Reversibility.UNKNOWN
        )
        if said["read_only"]:
            self.reversibility, self.idempotent, self.customer_visible = Reversibility.READS, True, False
        self._refused: SafetyStop | None = None
        self._can_undo = undoable
        self._kind = endpoint_of(updater).strip("/").split("/")[0]
        self._history = history_of(self._kind)

    def describe(self) -> str:
        return type(self.updater).__name__

    @property
    def parameters(self) -> dict[str, Any]:
        return encode_parameters(self.params)

    @property
    def backs_up(self) -> bool:
        """See Operation. What of an item would be all of it, the updater alone knows."""
        return False

    def capture(self, payload: Json) -> dict[str, Any] | None:
        before = getattr(self.updater, "before", None)
        if before is None:
            return None
        with raising(self.updater, "before"):
            return storable(before(dict(payload)), "")

    def change(self, item: Item) -> Change | None:
        change = getattr(self.updater, "change", None)
        if change is None or item.before is None:
            return None
        with raising(self.updater, "change"):
            return checked_change(change(item.id, dict(item.before), **accepted(change, self._params(item))))

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation. Known when the updater says what its before-image is, or how to see that it is done."""
        if hasattr(self.updater, "read_item"):
            with through(self.updater, client), raising(self.updater, "read_item"):
                return dict(self.updater.read_item(item_id))
        if hasattr(self.updater, "before"):
            return client.get(item_path(self._kind, item_id))
        return {"id": item_id} if hasattr(self.updater, "is_done") else None

    @property
    def reads_back(self) -> bool:  # type: ignore[override] # of the class elsewhere; here each updater has its own
        return hasattr(self.updater, "is_done") or (hasattr(self.updater, "before") and hasattr(self.updater, "change"))

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        is_done = getattr(self.updater, "is_done", None)
        if is_done is not None:
            with through(self.updater, client), raising(self.updater, "is_done"):
                told = is_done(item.id, **accepted(is_done, self._params(item)))
            return None if told is None else bool(told)
        image = self.capture(payload)
        if image is None:
            return None
        change = self.change(Item(item.seq, item.id, image, item.data))
        if change and (announced := self._ours(item)) and all(image.get(name) == value for name, value in announced.items()):
            return True  # of what is added to what is there (a name + "!") there would always be more to do
        if change and item.doubt and self._wrote(payload, since, client):
            return None  # half of it may stand: a message, before whatever changes the fields
        return None if change is None else change == {}

    def why_unverifiable(self) -> str:
        return "the updater has no is_done" if not hasattr(self.updater, "is_done") else "is_done does not tell"

    def _wrote(self, payload: Json, since: float, client: Client) -> bool:
        """Whether our admin has left a trace in the item since then, of an action that may not be repeated."""
        return not self.idempotent and "part" in self._history.our_mark(payload, client.admin_id, since)

    def drift(self, payload: Json, item: Item) -> str:
        now = self.capture(payload)
        if now is None or item.before is None:
            return ""
        ours = self._ours(item) if item.doubt or (item.data or {}).get("unsure") else {}
        return ", ".join(
            f"{k} is {now.get(k)}, was {v}" for k, v in item.before.items()
            if now.get(k) != v and not (k in ours and on_the_way(v, ours[k], now.get(k)))
        )

    def _ours(self, item: Item) -> dict[str, Any]:
        """What acting would make of the item's fields."""
        return {k: new for k, (_, new) in (self.change(item) or {}).items()}

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        act = self.updater.perform_action
        with self._noted(item):
            params = self._params(item)
            return self._after(self._act(client, lambda: act(item.id, **accepted(act, params)), "perform_action", [item.id]), item)

    def perform_batch(self, client: Client, items: Sequence[Item]) -> Sequence[dict[str, Any] | Exception | None]:
        """See Operation. Items whose rows differ are batches of their own."""
        act = self.updater.perform_batch  # type: ignore[attr-defined]
        found: dict[str, dict[str, Any] | Exception] = {}
        with self._noted(*items):
            for params, group in self._alike(items):
                ids, taken = [item.id for item in group], accepted(act, params)
                result = self._act(client, partial(act, ids, **taken), "perform_batch", ids)
                told = result if isinstance(result, Mapping) else {}
                wrong = {str(key): self._error(one) for key, one in told.items() if isinstance(one, Exception)}
                found |= {item.id: wrong.get(item.id) or self._after(None, item) for item in group}
        return [found[item.id] for item in items]

    def _error(self, error: Exception) -> Exception:
        return error if isinstance(error, IntercomBulkError) else UpdaterError(error, self.updater, "perform_batch")

    def _alike(self, items: Sequence[Item]) -> list[tuple[Mapping[str, Any], list[Item]]]:
        groups: list[tuple[Mapping[str, Any], list[Item]]] = []
        for item in items:
            params = self._params(item)
            same = next((group for known, group in groups if known == params), None)
            if same is None:
                groups.append((params, [item]))
            else:
                same.append(item)
        return groups

    def _act(self, client: Client, act: Callable[[], Any], method: str, items: Sequence[str]) -> Any:
        """Run the action; what it returned."""
        client.leaving = partial(self._refuse, client)
        result = in_hand(self.updater, client, act, method, self._refuse_write, items=items)
        for one in client.exchanges if self._refused is None else ():
            self._refuse_write(one.method, one.path, sent=True)
        if self._refused is not None:
            raise self._refused  # also where the updater has swallowed it
        sent = sum(one.writes and not one.refused for one in client.exchanges)
        self._seen_requests = max(self._seen_requests or 0, sent)
        return result

    def _refuse(self, client: Client, method: str, path: str) -> None:
        """Raises for what the run's client may not send: a write of an updater that only reads, one from a thread of its own."""
        self._refuse_write(method, path)
        if client.carried is None and not only_looks(method, path) and not in_own_thread() and threading.get_ident() != self._called_in:
            raise UsageError(
                f"{method} {redact(path.strip('/'))} was about to leave from a thread that belongs to no item, where nothing keeps "
                "it from being sent twice. Call self.client in the action's own thread; threads may read."
            )

    def _refuse_write(self, method: str, path: str, *, sent: bool = False) -> None:
        """Raises SafetyStop for a write of an updater that only reads."""
        if not (self.only_reads and Exchange(method, path.strip("/")).writes):
            return
        did = "has sent" if sent else "was about to send"
        self._refused = SafetyStop(
            f"{self.name} has read_only = True and {did} {method} {redact(path.strip('/'))}. "
            f"{'It was seen too late to be refused' if sent else 'Nothing was sent'}: take the write out, or read_only.", hint=""
        )  # fmt: skip
        raise self._refused

    @property
    def known_requests(self) -> int | None:
        """See Operation. Declared, or learned from the actions that came to their end."""
        if self.only_reads or "requests_per_item" in _declared(type(self.updater)):
            return self.requests_per_item
        return self._seen_requests

    def late_writes(self, since: float) -> Mapping[str, str]:
        """See Operation."""
        return {name: f"{one.method} {one.path}" for name, one in late_writes(host_of_run(self.updater), since).items()}

    def count_late(self, since: float) -> int:
        """See Operation."""
        return count_late(host_of_run(self.updater), since)

    def may_send_late(self) -> bool:
        """See Operation."""
        return not self.only_reads and others_at_work()

    @contextmanager
    def _noted(self, *items: Item) -> Iterator[None]:
        """Act on items, whose id no hand-made path may be led astray by. Log where an error of the updater comes from.

        With -v: once for each cause and place, without values.
        """
        for item in items:
            refuse_steering_id(item.id)
        try:
            yield
        except (UpdaterError, PartiallyApplied, OutcomeUnknown) as exc:
            raised = exc if isinstance(exc, UpdaterError) else exc.cause
            if isinstance(raised, UpdaterError) and raised.cause + raised.place not in self._logged:
                self._logged.add(raised.cause + raised.place)
                _log.debug("item %s: %s", redact(items[0].id), redact_theirs(raised.trace()).rstrip())
            raise

    def _params(self, item: Item) -> Mapping[str, Any]:
        """The parameters of one item: its row's, where it comes from a spreadsheet."""
        row = (item.data or {}).get(WITH)
        keep_private_of_item(self._named(row) if row else None)
        return {**self.params, **coerce(type(self.updater), row)} if row else self.params

    def _named(self, row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The values of a row under the names of their parameters, and of the columns that they come from."""
        return [row, *({column: row[name]} for name in row for column in places(self.params.get(name)))]

    def _after(self, result: Any, item: Item) -> dict[str, Any]:
        """The after-image: as the answer shows it, when that is the item itself; else as the updater says what it changes."""
        for image in (self._shown, self._told):
            try:
                after = image(result, item)
                after = after and storable(after, "")
            except Exception:  # noqa: S112 - what has been done stays done, whatever the updater makes of the answer
                continue
            if after:
                return after
        return {"ok": True}

    def _shown(self, result: Any, item: Item) -> dict[str, Any] | None:
        if not isinstance(result, Mapping) or str(result.get("id")) != item.id:
            return None
        image = self.capture(result)
        return image and {**image, **self._history.mark(result)}

    def _told(self, result: Any, item: Item) -> dict[str, Any] | None:
        ours = self._ours(item)
        return {**(item.before or {}), **ours} if ours else None

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        image = self.capture(payload)
        return None if image is None else {**image, **self._history.our_mark(payload, client.admin_id, since)}

    def inverse(self) -> Operation | None:
        return UndoUpdaterOperation(self.updater, self.params) if self._can_undo else None

    def why_no_undo(self) -> str:
        return f"{self.describe()} {'changes nothing' if self.only_reads else 'has no undo_action (and before) method'}"


class UndoUpdaterOperation(UpdaterOperation):
    """The way back that an updater's `undo_action` knows."""

    own_change_only = True

    def __init__(self, updater: Updater, params: Mapping[str, Any]) -> None:
        super().__init__(updater, params)
        self.name, self.batch_size = "undo", 1  # type: ignore[misc]

    def describe(self) -> str:
        return f"undo {super().describe()}"

    def change(self, item: Item) -> Change | None:
        to = (item.data or {}).get("to") or {}
        left = item.before or {}
        return {k: (left.get(k), v) for k, v in to.items() if left.get(k) != v}

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        now = self.capture(payload)
        to = (item.data or {}).get("to") or {}
        return None if now is None else all(now.get(k) == v for k, v in to.items())

    def drift(self, payload: Json, item: Item) -> str:
        left = item.before or {}
        if left.get("ok") is not True:
            now, to = self.capture(payload) or {}, (item.data or {}).get("to") or {}
            said = super().drift(payload, replace(item, before={**left, **taken_back(left, to, now)}) if left else item)
        else:
            # What the run left was not to be seen in the answer, nor does the updater say what it changes.
            is_done = getattr(self.updater, "is_done", None)
            with raising(self.updater, "is_done"):
                gone = is_done is not None and is_done(item.id, **accepted(is_done, self._params(item))) is False
            said = "it is no longer as the run left it" if gone else ""
        # An action may write more than the answer it returns shows: what our admin wrote is no touch of others.
        since = self._history.touched_since(payload, replace(item, doubt=True))
        return "; ".join(part for part in (said, since) if part)

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        undo = self.updater.undo_action  # type: ignore[attr-defined]
        to = dict((item.data or {}).get("to") or {})
        with self._noted(item):
            result = in_hand(
                self.updater, client, lambda: undo(item.id, to, **accepted(undo, self._params(item))), "undo_action",
                items=[item.id], none_is_fine=True,
            )
        return self._shown_or(result, item, to)

    def _shown_or(self, result: Any, item: Item, otherwise: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._shown(result, item) or otherwise
        except Exception:
            return otherwise

    def inverse(self) -> Operation | None:
        return RedoUpdaterOperation(self.updater, self.params)


class RedoUpdaterOperation(UndoUpdaterOperation):
    """The way back from an undo: the action again, for the items that the undo took back."""

    def describe(self) -> str:
        return f"{UpdaterOperation.describe(self)} again"

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        UpdaterOperation.perform(self, client, item, now)
        return dict((item.data or {}).get("to") or {})

    def inverse(self) -> Operation | None:
        return UndoUpdaterOperation(self.updater, self.params)


def _declared(updater: type) -> set[str]:
    """The names that a person's own classes define."""
    return {name for cls in updater.__mro__ if not cls.__module__.startswith("intercom_bulk_updater.") for name in vars(cls)}


def checked_change(found: Any) -> Change:
    """What `change` returned. Raises TypeError where that is no mapping of fields to what they are and what they become."""
    form = "return {field: (before, after)}, and {} where nothing is to change"
    if not isinstance(found, Mapping):
        raise TypeError(f"change returned {type(found).__name__}: {form}")
    for name, pair in found.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"change gives {type(pair).__name__} for {redact_theirs(str(name))}: {form}")
    return {str(name): (pair[0], pair[1]) for name, pair in found.items()}
