"""A person's own code while it runs: its requests seen as they leave, its errors told in our words; an action is called by `action`.

User code that brings its own HTTP is treated fairly without patching anybody's library: the item holds a permit while
`perform_action` runs, and what an exception carries (response, request) tells what happened.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..api.client import Client
from ..api.foreign_errors import host_of, told
from ..api.network import one_name
from ..api.redact import redact, redact_theirs
from ..api.replay import SentDifferently
from ..errors import IntercomBulkError, RunStopped, Skip, StopRun, UpdaterFailed, UsageError
from ..service.rebuild import UserCodeError
from .arguments import looked_up, missing
from .evidence import ActionReturned
from .hearing import guarding, in_user_code
from .host_guard import HostGuard
from .protocol import Updater
from .threads import LIBRARIES
from .unseen import ways_of

T = TypeVar("T")
_HERE = str(Path(__file__).parents[1])
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
        if is_theirs(file, updater):
            found = f"{Path(file).name}:{line} in {frame.f_code.co_name}"
    return found


def is_theirs(file: str, updater: type) -> bool:
    """Whether code lies in a person's own file."""
    own = {getattr(sys.modules.get(cls.__module__), "__file__", None) for cls in updater.__mro__}
    return not file.startswith(_HERE) and (file in own or not file.startswith(LIBRARIES))


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
    return not host or one_name(host) == host_of_run(updater)


def host_of_run(updater: Updater) -> str:
    """The host and port of the run's Intercom, as errors and requests name it."""
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


def accepted(function: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters that a function takes: old updaters may write `perform_action(self, item_id)` alone."""
    given = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in given):
        return dict(params)
    names = {p.name for p in given if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    return {k: v for k, v in params.items() if k in names}
