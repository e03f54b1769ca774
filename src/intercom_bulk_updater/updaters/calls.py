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
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from ..api.client import Client
from ..api.foreign_errors import ReturnedError, answered, note, told
from ..api.redact import redact
from ..api.replay import stands_before, stands_in_words
from ..api.retry import ErrorKind, classify, failure_of
from ..errors import IntercomBulkError, RunStopped, Skip, StopRun, UpdaterFailed, UsageError
from ..operations.operation import PartiallyApplied
from .arguments import looked_up, missing
from .request_watcher import RequestWatcher, watching

if TYPE_CHECKING:
    from .updater import IntercomBulkUpdater


T = TypeVar("T")
_HERE = str(Path(__file__).parents[1])
_OTHERS = ("<frozen", *{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
"""Where code lies that is neither ours nor the updater's."""


class ActionReturnedNone(Exception):
    """The item failed, and its updater did not say why."""

    cause = "perform_action returned None"
    unsure = False
    """A message had left: whether it came through, the updater did not say. So a later retry does not send it again blindly."""

    def __init__(self) -> None:
        super().__init__("perform_action returned None, which means failed; raise an exception to say why")


_used: ContextVar[tuple[IntercomBulkUpdater, Client] | None] = ContextVar("_used", default=None)


def client_of(updater: IntercomBulkUpdater) -> Client | None:
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


def refuse_while_importing(updater: IntercomBulkUpdater) -> None:
    """Raises UsageError in a file that is only imported for its updater."""
    if _importing.get():
        raise UsageError(
            f"The file of {type(updater).__name__} begins a run when it is imported. "
            'Put what it runs under `if __name__ == "__main__":`.'
        )


@contextmanager
def through(updater: IntercomBulkUpdater, client: Client) -> Iterator[None]:
    """While user code of `updater` runs in this thread, `updater.client` is this client."""
    token = _used.set((updater, client))
    try:
        yield
    finally:
        _used.reset(token)


class UpdaterError(Exception):
    """What an updater's own code raised, with the place in its file. Never with values of variables: they may be secret."""

    def __init__(self, error: BaseException, updater: IntercomBulkUpdater, method: str) -> None:
        self.__cause__ = error
        self.updater = updater
        self.method = method
        self.cause = str(getattr(error, "cause", "") or type(error).__name__)
        self.place = place_of(error, type(updater))
        self.words = f"{type(error).__name__}: {str(error)[:350]}" if str(error) else type(error).__name__
        super().__init__(f"{self.words} ({self.place})" if self.place else self.words)

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
    own = {getattr(sys.modules.get(cls.__module__), "__file__", None) for cls in updater.__mro__}
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if not file.startswith(_HERE) and (file in own or not file.startswith(_OTHERS)):
            found = f"{Path(file).name}:{line} in {frame.f_code.co_name}"
    return found


@contextmanager
def raising(updater: IntercomBulkUpdater, method: str) -> Iterator[None]:
    """While a method of an updater runs for one item: its own errors get their place. What is about a request stays as it is."""
    try:
        yield
    except (IntercomBulkError, Skip, StopRun, PartiallyApplied, ReturnedError, ActionReturnedNone, UpdaterError):
        raise
    except Exception as exc:
        if told(exc) is not None:
            raise
        raise UpdaterError(exc, updater, method) from exc
    except SystemExit as exc:
        raise RunStopped(_ended(updater, method, exc)) from exc


def asked(updater: IntercomBulkUpdater, method: str, ask: Callable[[], T], after: str = " Nothing was written.") -> T:
    """What a method of an updater says while a run is made ready. Raises UpdaterFailed, naming it, the place and the error."""
    try:
        return ask()
    except IntercomBulkError:
        raise
    except SystemExit as exc:
        raise UpdaterFailed(f"{_ended(updater, method, exc)}.{after}") from exc
    except Exception as exc:
        raised = exc if isinstance(exc, UpdaterError) else UpdaterError(exc, updater, method)
        raise failed(updater, raised, after) from raised.__cause__


def failed(updater: IntercomBulkUpdater, raised: UpdaterError, after: str = "") -> UpdaterFailed:
    """What ends a run that an updater's own error ended."""
    where = f" ({raised.place})" if raised.place else ""
    return UpdaterFailed(redact(f"{type(updater).__name__}.{raised.method} failed: {raised.words}{where}.{after}"))


def endpoint_of(updater: IntercomBulkUpdater) -> str:
    """What `get_search_endpoint` says."""
    said = asked(updater, "get_search_endpoint", updater.get_search_endpoint)
    if not isinstance(said, str):
        raise UpdaterFailed(f"{type(updater).__name__}.get_search_endpoint must return a text, and returned {type(said).__name__}.")
    return said


def query_of(updater: IntercomBulkUpdater, params: Mapping[str, Any], *, typed: bool = False) -> Any:
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


def complete(updater: IntercomBulkUpdater, params: Mapping[str, Any], *, searches: bool, typed: bool = False) -> None:
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


def lacking(updater: IntercomBulkUpdater, method: str, names: Sequence[str], *, typed: bool) -> UpdaterFailed:
    """A parameter that was not given."""
    how = " ".join(f"--param {name}=…" for name in names)
    said = how if typed else f"{' and '.join(names)}: give it to bulk_process, {', '.join(f'{name}=…' for name in names)}"
    return UpdaterFailed(f"{type(updater).__name__}.{method} needs {said}. Nothing was written.")


def _ended(updater: IntercomBulkUpdater, method: str, exc: SystemExit) -> str:
    said = f" with {redact(str(exc.code))[:200]!r}" if exc.code not in (None, 0) else ""
    return f"{type(updater).__name__}.{method} ended the run by sys.exit(){said}"


def in_hand(updater: IntercomBulkUpdater, client: Client, act: Callable[[], Any], method: str) -> Any:
    """Run user code with a permit in hand, and tell the budget what an exception says about the answer."""
    with through(updater, client), client.in_hand() as hand:
        watch = RequestWatcher(urlsplit(updater.base_url).netloc.rpartition("@")[2], lambda: client.one_more() if watch.sent else None)
        try:
            with watching(watch), raising(updater, method):
                result = act()
            refused = answered(result)
            if refused is not None:
                raise ReturnedError(refused)
            return result
        except Exception as exc:
            sent = watch.sent
            if sent:
                note(exc, sent[-1])
            verdict = classify(exc)
            if hand.permit is not None:
                hand.headers, hand.status = verdict.headers, verdict.failure.status or None
                hand.failure, hand.subject = failure_of(exc), verdict.sent.path if verdict.sent else ""
                if verdict.failure.status == 429:
                    hand.throttle = "window" if verdict.kind is ErrorKind.RATE_LIMITED else "overload"
            if updater.idempotent:
                raise
            # What no HTTP library raised came after the last answer; None may have come after anything.
            silent = exc if isinstance(exc, ActionReturnedNone) else None
            stands = stands_before(sent, verdict.sent, answered=verdict.sent is None and silent is None)
            if stands is not None:
                raise PartiallyApplied(exc, stands_in_words(stands)) from exc
            if silent is not None:
                silent.unsure = stands_before(sent, None, answered=True) is not None
            raise


def accepted(function: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters that a function takes: old updaters may write `perform_action(self, item_id)` alone."""
    given = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in given):
        return dict(params)
    names = {p.name for p in given if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    return {k: v for k, v in params.items() if k in names}
