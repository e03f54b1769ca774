"""A person's own code while it runs: with a permit in hand, its requests seen as they leave, its errors told in our words.

User code that brings its own HTTP is treated fairly without patching anybody's library: the item holds a permit while
`perform_action` runs, and what an exception carries (response, request) tells what happened.
"""

from __future__ import annotations

import inspect
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..api.client import Client
from ..api.foreign_errors import ReturnedError, host_of, library_of, note, of_another, told
from ..api.messages import Exchange
from ..api.network import one_name
from ..api.permit_lease import PermitLease
from ..api.redact import redact, redact_theirs
from ..api.replay import SentDifferently, repeatable, stands_before, stands_in_words
from ..api.retry import ErrorClassification, ErrorKind, classify, failure_of
from ..errors import ApiError, ConnectionFailed, IntercomBulkError, RunStopped, Skip, StopRun, TransportError, UpdaterFailed, UsageError
from ..operations.operation import OutcomeUnknown, PartiallyApplied
from ..service.rebuild import UserCodeError
from .arguments import looked_up, missing
from .evidence import ActionReturned, in_words, judge_error, judge_return, unseen_in_words
from .hearing import guarding, in_user_code, watching
from .host_guard import HostGuard
from .httpx_log import is_heard
from .own_messages import before_skip, keep_what_stands, look_for_refused, lost, refusing, see_that_all_left, stray_in_words
from .protocol import Updater
from .remainder import may_follow
from .request_watcher import RequestWatcher
from .unseen import HTTPX, UNSEEN, keep_unseen, may_have_left, unseen_library, ways_of

T = TypeVar("T")
_HERE = str(Path(__file__).parents[1])
_OTHERS = ("<frozen", *{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
"""Where code lies that is neither ours nor the updater's."""


_used: ContextVar[tuple[Updater, Client] | None] = ContextVar("_used", default=None)


def client_of(updater: Updater) -> Client | None:
    """The client of the run that has called the updater in this thread: one updater may serve several runs at once."""
    used = _used.get()
    return used[1] if used is not None and used[0] is updater else None


_importing: ContextVar[bool] = ContextVar("_importing", default=False)


@contextmanager
def importing() -> Iterator[None]:
    """While a file is imported for the updater in it, no run begins: a script without `if __name__ == "__main__"` would begin its own."""
    token = _importing.set(True)
    try:
        yield
    finally:
        _importing.reset(token)


def prints_as_user_code() -> bool:
    """Whether what is printed in this thread right now is printed by a person's own code."""
    return _importing.get() or in_user_code()


def refuse_while_importing(updater: Updater) -> None:
    """Raises UsageError in a file that is only imported for its updater, and inside a run."""
    if in_user_code():
        raise UsageError(
            f"{type(updater).__name__}.bulk_process was called by a method of an updater while its run is on: a run inside a run "
            "would act on everything for each item. Call it before or after."
        )
    if _importing.get():
        raise UsageError(
            f"The file of {type(updater).__name__} begins a run when it is imported. "
            'Put what it runs under `if __name__ == "__main__":`.'
        )


_MOST_AT_ONCE = 32


def refuse_too_many(updater: Updater) -> None:
    """Raises UsageError when one updater has a great many runs at once: an action that begins runs in ways that are not seen."""
    if len(updater._running) >= _MOST_AT_ONCE:
        raise UsageError(f"{type(updater).__name__} has {_MOST_AT_ONCE} runs under way at once: does its perform_action call bulk_process?")


@contextmanager
def through(updater: Updater, client: Client) -> Iterator[None]:
    """While user code of `updater` runs in this thread, `updater.client` is this client."""
    token = _used.set((updater, client))
    try:
        yield
    finally:
        _used.reset(token)


class UpdaterError(UserCodeError):
    """What an updater's own code raised, with the place in its file. Never with values of variables: they may be secret."""

    def __init__(self, error: BaseException, updater: Updater, method: str) -> None:
        self.__cause__ = error
        self.updater = updater
        self.method = method
        self.elsewhere = not _about_the_service(error, updater)
        """Whether a request to another server failed, which says nothing about Intercom."""
        self.cause = redact_theirs(error.cause if isinstance(error, ActionReturned) else type(error).__name__)
        self.place = place_of(error, type(updater))
        said = redact_theirs(str(error))[:350].removesuffix(".")
        self.words = f"{type(error).__name__}: {said}" if said else type(error).__name__
        super().__init__(f"{self.words} ({self.place})" if self.place else self.words)

    def as_error(self) -> IntercomBulkError:
        return failed(self.updater, self)

    def trace(self) -> str:
        """The traceback from the first line on that is not ours."""
        error = self.__cause__
        assert error is not None  # noqa: S101 - it is made of one
        step = error.__traceback__
        while step is not None and step.tb_frame.f_code.co_filename.startswith(_HERE):
            step = step.tb_next
        return "".join(traceback.format_exception(type(error), error, step))


def place_of(error: BaseException, updater: type) -> str:
    """`fails.py:16 in perform_action`: the innermost line that is a person's own, of a class or of what it uses."""
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if _is_theirs(file, updater):
            found = f"{Path(file).name}:{line} in {frame.f_code.co_name}"
    return found


def _is_theirs(file: str, updater: type) -> bool:
    """Whether code lies in a person's own file."""
    own = {getattr(sys.modules.get(cls.__module__), "__file__", None) for cls in updater.__mro__}
    return not file.startswith(_HERE) and (file in own or not file.startswith(_OTHERS))


@contextmanager
def raising(updater: Updater, method: str) -> Iterator[None]:
    """While a method of an updater runs for one item: its own errors get their place. What is about a request stays as it is."""
    try:
        with guarding(_guard(updater, method)):
            yield
    except (Skip, StopRun) as exc:
        exc.reason = redact_theirs(exc.reason)
        raise
    except (IntercomBulkError, SentDifferently, UpdaterError) as exc:
        if type(exc) is UsageError:  # the client was called as it cannot be: that is the updater's
            raise failed(updater, UpdaterError(exc, updater, method), " Nothing was sent. Mend it, then resume the run.") from exc
        raise
    except Exception as exc:
        if told(exc) is not None and _about_the_service(exc, updater):
            raise
        raise UpdaterError(exc, updater, method) from exc
    except SystemExit as exc:
        raise RunStopped(_ended(updater, method, exc)) from exc
    except KeyboardInterrupt:
        raise
    except BaseException as exc:
        # A cancelled task, a closed generator, a class of their own: an error of their code like any other.
        raise UpdaterError(exc, updater, method) from exc


def _about_the_service(exc: BaseException, updater: Updater) -> bool:
    """Whether an error of a request is about the run's Intercom; what another server says is the updater's own affair."""
    host = host_of(exc)
    return not host or one_name(host) == _host(updater)


def _host(updater: Updater) -> str:
    return one_name(urlsplit(updater.base_url).netloc.rpartition("@")[2])


def _guard(updater: Updater, method: str) -> HostGuard:
    cls = type(updater)
    return HostGuard(updater.base_url, updater.allowed_hosts, cls.__name__, method if _rehearses(updater) else "", ways_of(cls))


def _rehearses(updater: Updater) -> bool:
    """Whether what calls the updater in this thread is a dry run; one of its runs, where that cannot be told."""
    client = client_of(updater)
    if client is not None:
        return client.looking
    own = [updater._session] if updater._session is not None else []
    return any(session.client.looking for session in updater._running or own)


def asked(updater: Updater, method: str, ask: Callable[[], T], after: str = " Nothing was written.") -> T:
    """What a method of an updater says while a run is made ready. Raises UpdaterFailed, naming it, the place and the error."""
    try:
        with guarding(_guard(updater, method)):
            return ask()
    except IntercomBulkError:
        raise
    except StopRun as exc:
        raise RunStopped(redact_theirs(exc.reason)) from exc
    except SystemExit as exc:
        raise UpdaterFailed(f"{_ended(updater, method, exc)}.{after}") from exc
    except KeyboardInterrupt:
        raise
    except BaseException as exc:
        raised = exc if isinstance(exc, UpdaterError) else UpdaterError(exc, updater, method)
        raise failed(updater, raised, after) from raised.__cause__


def failed(updater: Updater, raised: UpdaterError, after: str = "") -> UpdaterFailed:
    """What ends a run that an updater's own error ended."""
    where = f" ({raised.place})" if raised.place else ""
    return UpdaterFailed(redact(f"{type(updater).__name__}.{raised.method} failed: {raised.words}{where}.{after}"))


def endpoint_of(updater: Updater) -> str:
    """What `get_search_endpoint` says."""
    said = asked(updater, "get_search_endpoint", updater.get_search_endpoint)
    if not isinstance(said, str):
        raise UpdaterFailed(f"{type(updater).__name__}.get_search_endpoint must return a text, and returned {type(said).__name__}.")
    return said


def query_of(updater: Updater, params: Mapping[str, Any], *, typed: bool = False) -> Any:
    """What `get_search_query` says. UpdaterFailed for what it lacks; `typed`: it comes from `--param`."""
    method = "get_search_query"
    try:
        return asked(updater, method, lambda: updater.get_search_query(**accepted(updater.get_search_query, params)))
    except UpdaterFailed as exc:
        cause = exc.__cause__
        lacks = isinstance(cause, KeyError) and bool(cause.args) and cause.args[0] not in params
        if lacks and cause is not None and cause.args[0] in looked_up(updater.get_search_query):
            raise lacking(updater, method, [cause.args[0]], typed=typed) from cause
        raise


def complete(updater: Updater, params: Mapping[str, Any], *, searches: bool, typed: bool = False) -> None:
    """Whether an updater has all that a run calls, and each what it needs. Raises UpdaterFailed before anything is sent."""
    if not hasattr(updater, "settings"):
        raise UpdaterFailed(
            f"{type(updater).__name__} has an __init__ of its own that does not call super().__init__(): token, address and "
            "headers are set there. Call it first. Nothing was written."
        )
    wanted = ("get_search_endpoint", *(("get_search_query", "get_item_id") if searches else ()), "perform_action")
    for method in wanted:
        if getattr(getattr(updater, method), "__module__", "") == f"{__package__}.updater":
            raise UpdaterFailed(
                f"{type(updater).__name__} has no {method}(): an updater writes {', '.join(wanted[:-1])} and {wanted[-1]}. "
                "Nothing was written."
            )
    for method in (*(("get_search_query",) if searches else ()), "perform_action", "change"):
        function = getattr(updater, method, None)
        names = missing(function, method, params) if function is not None else []
        if names:
            cause = TypeError(f"{method}() is missing {', '.join(names)}")
            raise lacking(updater, method, names, typed=typed) from cause


def lacking(updater: Updater, method: str, names: Sequence[str], *, typed: bool) -> UpdaterFailed:
    """A parameter that was not given."""
    how = " ".join(f"--param {name}=…" for name in names)
    said = how if typed else f"{' and '.join(names)}: give it as an argument, {', '.join(f'{name}=…' for name in names)}"
    return UpdaterFailed(f"{type(updater).__name__}.{method} needs {said}. Nothing was written.")


def _ended(updater: Updater, method: str, exc: SystemExit) -> str:
    said = f" with {redact_theirs(str(exc.code))[:200]!r}" if exc.code not in (None, 0) else ""
    return f"{type(updater).__name__}.{method} ended the run by sys.exit(){said}"


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
            client.one_more()

    with through(updater, client), client.in_hand() as hand:
        exchanges = client.exchanges
        strays = client.carried.strays if client.carried is not None else None
        watch = RequestWatcher(_host(updater), exchanges, leave, refuse, client.timeout, items=items, strays=strays)
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
                client.carried.broke_off = watch.by_threads or may_follow(exc, lambda file: _is_theirs(file, type(updater)))
            look_for_refused(client, exc)
            ended = _judged(exc, updater, client, hand, watch)
            if ended is exc:
                raise
            if isinstance(ended, ReturnedError):
                raise ended  # noqa: B904 - its cause is the refusal
            raise ended from exc
        finally:
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
    if hand.permit is not None:
        _settle(hand, exc, verdict)
    if watch.strays and not updater.idempotent:
        return PartiallyApplied(exc, stray_in_words(watch.strays[0]))
    if told(exc) is None:
        ended = exc if isinstance(exc, IntercomBulkError) else judge_error(exc, exchanges, may_have_left(updater, watch.unseen))
        if not isinstance(ended, ReturnedError):
            return ended
        exc, verdict = ended, classify(ended)  # it tells in words of its own what its last request was answered
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


_SEEN = ("requests", "urllib3", "urllib", "http")
def accepted(function: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters that a function takes: old updaters may write `perform_action(self, item_id)` alone."""
    given = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in given):
        return dict(params)
    names = {p.name for p in given if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    return {k: v for k, v in params.items() if k in names}
