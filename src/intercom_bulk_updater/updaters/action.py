"""One call of an action with a permit in hand, and what its end means: by what it returned or raised, and by what was seen leaving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..api.client import Client
from ..api.foreign_errors import ReturnedError, library_of, note, of_another, told
from ..api.messages import Exchange
from ..api.permit_lease import PermitLease
from ..api.replay import SentDifferently, repeatable, stands_before, stands_in_words
from ..api.retry import ErrorClassification, ErrorKind, classify, failure_of
from ..errors import ApiError, ConnectionFailed, IntercomBulkError, RunStopped, Skip, StopRun, TransportError
from ..operations.endings import OutcomeUnknown, PartiallyApplied
from .calls import host_of_run, is_theirs, raising, through
from .evidence import in_words, judge_error, judge_return, unseen_in_words
from .hearing import watching
from .httpx_log import is_heard
from .own_messages import before_skip, keep_what_stands, look_for_refused, lost, refuse_late, refusing, see_that_all_left, stray_in_words
from .protocol import Updater
from .remainder import may_follow
from .request_watcher import RequestWatcher
from .unseen import HTTPX, UNSEEN, keep_unseen, may_have_left, unseen_library

_SEEN = ("requests", "urllib3", "urllib", "http")
"""Libraries whose requests are seen as they leave."""


def in_hand(
    updater: Updater, client: Client, act: Callable[[], Any], method: str, leaving: Callable[[str, str], None] = lambda *_: None,
    *, items: Sequence[str] = (), none_is_fine: bool = False,
) -> Any:  # fmt: skip
    """Run user code with a permit in hand, and judge how it ended: by what it returned, and by what was seen on the wire.

    `leaving` is called with method and path before a request of another library leaves; what it raises keeps it from leaving.
    `items`: the ids that the action is for.
    """

    refuse = refusing(client)

    def leave(exchange: Exchange) -> None:
        refuse(exchange)
        leaving(exchange.method, exchange.path)
        if watch.seen or hand.permit is None:
            client.one_more(hand)

    with through(updater, client), client.in_hand() as hand:
        refuse_late(client, host_of_run(updater), method, items)
        exchanges = client.exchanges
        strays = client.carried.strays if client.carried is not None else None
        watch = RequestWatcher(host_of_run(updater), exchanges, leave, refuse, client.timeout, items=items, strays=strays)
        try:
            with raising(updater, method), watching(watch):
                result = act()
            if client.carried is not None and client.carried.differs:
                raise SentDifferently(client.carried.differs)  # it may have been swallowed
            ended = judge_return(
                result, method, exchanges, unseen_library(updater), way=may_have_left(updater, watch.unseen), lost=lost(client),
                none_is_fine=none_is_fine,
            )  # fmt: skip
            if ended is not None:
                raise ended
            see_that_all_left(client, method, watch)
            hand.came_through = True
            return result
        except SentDifferently as exc:
            raise PartiallyApplied(exc, "the item is left as it is") from exc
        except (Skip, StopRun, RunStopped) as exc:
            look_for_refused(client)
            keep_what_stands(client, exchanges)
            if isinstance(exc, Skip) and (wrote := before_skip(exchanges, watch)):
                raise PartiallyApplied(exc, wrote) from exc
            raise
        except Exception as exc:
            if client.carried is not None:
                client.carried.broke_off = watch.by_threads or may_follow(exc, lambda file: is_theirs(file, type(updater)))
            look_for_refused(client, exc)
            ended = _judged(exc, updater, client, hand, watch)
            if ended is exc:
                raise
            if isinstance(ended, ReturnedError):
                raise ended  # noqa: B904 - its cause is the refusal
            raise ended from exc
        finally:
            theirs = watch.seen or any(not one.ours for one in exchanges) or may_have_left(updater, watch.unseen)
            hand.unused = hand.failure is None and not theirs
            keep_unseen(updater, client.carried if not hand.came_through else None, watch.unseen)


def _judged(exc: Exception, updater: Updater, client: Client, hand: PermitLease, watch: RequestWatcher) -> Exception:
    """What an action's error means, given what was seen leaving; tells the budget what the error says of the answer."""
    exchanges = client.exchanges
    if isinstance(exc, OutcomeUnknown | PartiallyApplied):
        return exc
    if isinstance(exc, TransportError) and exc.parts.get("theirs"):
        exc = ReturnedError(exc)  # it was no request of our client, which could answer the next attempt from memory
    writes = [one for one in exchanges if one.writes]
    if exchanges:
        _note_last(exc, exchanges, writes)
    verdict = classify(exc)
    _settle(hand, exc, verdict)
    if watch.strays and not updater.idempotent:
        return PartiallyApplied(exc, stray_in_words(watch.strays[0]))
    if not updater.idempotent and watch.httpx_waits > (library_of(exc) in UNSEEN and not verdict.failure.status):
        return PartiallyApplied(exc, "an earlier request of httpx was not answered")
    if told(exc) is None:
        ended = exc if isinstance(exc, IntercomBulkError) else judge_error(exc, exchanges, may_have_left(updater, watch.unseen))
        if not isinstance(ended, ReturnedError):
            return ended
        exc, verdict = ended, classify(ended)  # it tells in words of its own what its last request was answered
        _settle(hand, exc, verdict)
    library = library_of(exc)
    if library in _SEEN and not exchanges and not watch.unseen and verdict.kind in (ErrorKind.MAYBE_APPLIED, ErrorKind.MAYBE_RUNNING):
        return ReturnedError(ConnectionFailed(f"nothing was sent: {exc}"))
    stands = None if updater.idempotent else stands_before(exchanges, verdict.sent)
    if stands is not None:
        return PartiallyApplied(exc, stands_in_words(stands))
    before = [one.sent for one in writes if one.done]
    if verdict.kind is ErrorKind.PERMANENT and before:
        once = next((one for one in before if not repeatable(one)), None)
        return PartiallyApplied(exc, stands_in_words(once) if once else f"{before[0].method} {before[0].path} had gone through before")
    if updater.idempotent or verdict.kind in (ErrorKind.PERMANENT, ErrorKind.FATAL) or hasattr(updater, "is_done"):
        return exc
    why = _why_not_again(exc, library, watch)
    return PartiallyApplied(exc, why) if why else exc


def _note_last(exc: Exception, exchanges: Sequence[Exchange], writes: Sequence[Exchange]) -> None:
    """Which request an error is about, where it does not say: the last that was seen, if it can be."""
    if writes and of_another(exc, answered=exchanges[-1].done):
        exc.elsewhere = True  # type: ignore[attr-defined]
    note(exc, (writes or exchanges)[-1].sent if isinstance(exc, ReturnedError) else exchanges[-1].sent)


def _settle(hand: PermitLease, exc: Exception, verdict: ErrorClassification) -> None:
    """Tell the budget what an error says of the answer; of no consequence where the permit was used by our own client."""
    hand.headers, hand.status = verdict.headers, verdict.failure.status or None
    hand.failure, hand.subject = failure_of(exc), verdict.sent.path.strip("/") if verdict.sent else ""
    if verdict.failure.status == 429:
        hand.throttle = "window" if verdict.kind is ErrorKind.RATE_LIMITED else "overload"


def _why_not_again(exc: Exception, library: str, watch: RequestWatcher) -> str:
    """Why an action that a passing error broke off is not run again, where something may have left unseen; "" where nothing has."""
    if watch.unseen and watch.unseen is not HTTPX:
        return unseen_in_words(watch.unseen.words)
    ours = isinstance(exc, ApiError | TransportError)
    return in_words(library) if not ours and library in UNSEEN and not (library != "aiohttp" and is_heard()) else ""
