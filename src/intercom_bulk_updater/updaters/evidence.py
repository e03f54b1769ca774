"""How an action ended: what its return value says, and what was seen on the wire. Pure decisions.

Done is an action that says so and whose last write was not refused; failed is one of which certainly nothing stands. In
between lies the doubt: a write was seen leaving, and nothing proves what became of it.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..api.error_map import refusal
from ..api.foreign_errors import ReturnedError, answered
from ..api.messages import Exchange, Response
from ..api.redact import redact_theirs
from ..api.replay import times_sent
from ..errors import ApiError, BadAnswer, TransportError
from ..operations.endings import OutcomeUnknown, PartiallyApplied

_MEANS = "which means failed; raise an exception to say why"


class ActionReturned(Exception):
    """An action returned what means that it failed, and raised nothing."""

    def __init__(self, method: str, what: str, advice: str) -> None:
        self.cause = f"{method} returned {what}"
        """The same for all items of the kind, for failures are grouped by it; what is the item's own is in the message."""
        super().__init__(f"{self.cause}, {advice}")


def failure_in(result: Any, method: str, *, status_known: bool = False, nothing: str = "") -> ActionReturned | None:
    """What a return value says of a failure; None when it says none. Generators and coroutines are closed, not run.

    `nothing` says that no request of it was seen, so that an empty value is all there is.
    `status_known`: the answer was seen on the wire, so that a number in a tuple need not be taken for its status.
    """
    if result is None or result is False or result is NotImplemented:
        return ActionReturned(method, repr(result), _MEANS)
    if not status_known and nothing and isinstance(result, int | float | str | bytes | list | tuple | Mapping | set) and not result:
        return ActionReturned(method, f"{result!r} and {nothing}", "so nothing tells that it did anything; return what was done")
    if isinstance(result, Iterator | AsyncIterator) or inspect.isawaitable(result):
        kind = "a coroutine" if inspect.iscoroutine(result) else "an awaitable" if inspect.isawaitable(result) else "a generator"
        close = getattr(result, "close", None)
        if close is not None and not isinstance(result, AsyncIterator):
            with suppress(Exception):
                close()
        return ActionReturned(method, kind, "whose code is never run; do the work in the method and return its result")
    if isinstance(result, BaseException):
        return ActionReturned(method, "an exception", f"{type(result).__name__}: {str(result)[:200]}; raise it instead")
    if isinstance(result, Mapping):
        return _failure_in_dict(result, method)
    if isinstance(result, tuple) and 1 < len(result) <= 3:
        return _failure_in_tuple(result, method, status_known)
    return None


def _failure_in_dict(result: Mapping[Any, Any], method: str) -> ActionReturned | None:
    for key in ("success", "ok"):
        if result.get(key) is False:
            return ActionReturned(method, f"{{{key!r}: False}}", _MEANS)
    for key in ("error", "errors"):
        if result.get(key) and "type" not in result:
            said = redact_theirs(str(result[key]))[:200]
            return ActionReturned(method, f"a dict with {key!r}", f"{said}; raise an exception to say why")
    return None


def _failure_in_tuple(result: tuple[Any, ...], method: str, status_known: bool) -> ActionReturned | None:
    if result[0] is False:
        return ActionReturned(method, "(False, ...)", _MEANS)
    numbers = [one for one in result if isinstance(one, int) and not isinstance(one, bool)]
    status = next((one for one in numbers if 400 <= one < 600), 0)
    if status and not status_known:
        return ActionReturned(method, f"status {status}", _MEANS)
    return next((_failure_in_dict(one, method) for one in result if isinstance(one, Mapping)), None)


def judge_return(
    result: Any, method: str, exchanges: Sequence[Exchange], unseen: str = "", *, way: str = "", lost: Sequence[Exchange] = (),
    none_is_fine: bool = False,
) -> Exception | None:  # fmt: skip
    """What to raise for what an action returned; None when it is done.

    `unseen` names an HTTP library that the action may have used and whose requests are not seen; `way`, by what way something
    may have left that is not seen. `lost`: messages of another library of which nothing certain is known. `none_is_fine`:
    None says nothing (an `undo_action`).
    """
    refused = answered(result)
    if refused is not None:
        return ReturnedError(refused)
    writes = [one for one in exchanges if one.writes]
    last = writes[-1] if writes else None
    nothing = "" if none_is_fine else _nothing(exchanges, way)
    failure = None
    if result is not None or not none_is_fine:
        failure = failure_in(result, method, status_known=bool(last and last.believed), nothing=nothing)
    if last is not None and (last.believed >= 300 or last.foreign):
        return refusal_of(last, str(failure or ""))
    if not writes and exchanges and _is_away(exchanges[-1]) and (failure is not None or not way):
        return refusal_of(exchanges[-1], str(failure or ""))  # it read, was refused, and so wrote nothing, whatever it returns
    standing = [one.sent for one in writes if not one.refused]
    if failure is not None:
        if standing:
            failure.args = (failure.cause,)  # which request had left is added where the item is settled
            return OutcomeUnknown(failure, standing)
        if way:
            return _unseen(failure, way)
        return PartiallyApplied(failure, f"the file of the updater imports {unseen}, and {in_words(unseen)}") if unseen else failure
    if last is not None and not last.believed and not last.ours:
        never = f"so {last.method} {last.path} may not have been carried out"
        return OutcomeUnknown(ActionReturned(method, "although its last write was never answered", never), standing)
    return _after_lost(lost, method, writes) if lost else None


def _nothing(exchanges: Sequence[Exchange], way: str) -> str:
    """That no request of an action was seen which may have done something, or has shown something, in words; "" where one was."""
    if any(one.writes or one.done for one in exchanges):
        return ""
    if exchanges:
        return f"{exchanges[-1].method} {exchanges[-1].path} was not answered with success"
    return "was not seen to send anything" if way else "sent nothing"


def _is_away(one: Exchange) -> bool:
    """Whether an answer is no fault of the item: a limit, a timeout, an error of the service, or a page in place of one."""
    return one.believed in (408, 429) or one.believed >= 500 or one.foreign


def _after_lost(lost: Sequence[Exchange], method: str, writes: Sequence[Exchange]) -> OutcomeUnknown:
    """An action came to its end although a message of it may or may not have been carried out."""
    one = lost[-1]
    times = times_sent(one, writes)
    was = f"answered {one.believed}" if one.believed else "never answered"
    if times > 1:
        cause = ActionReturned(method, f"after it had sent the same message {times} times", f"the first of which was {was}")
    else:
        cause = ActionReturned(method, f"although its message was {was}", f"so {one.method} {one.path} may not have been carried out")
    return OutcomeUnknown(cause, [each.sent for each in lost])


def judge_error(exc: Exception, exchanges: Sequence[Exchange], way: str = "") -> Exception:
    """What to raise for an error of the action's own code, which no request raised. `way`: see `judge_return`."""
    writes = [one for one in exchanges if one.writes]
    last = (writes or exchanges or (None,))[-1]
    if last is not None and (_is_away(last) or (last.writes and 300 <= last.believed < 400)):
        return refusal_of(last, str(exc))  # the code made words of its own of what is no fault of the item
    standing = [one.sent for one in writes if not one.refused]
    if standing:
        return OutcomeUnknown(exc, standing, returned=False)
    return _unseen(exc, way, returned=False) if way else exc


def _unseen(cause: Exception, way: str, *, returned: bool = True) -> OutcomeUnknown:
    return OutcomeUnknown(cause, (), returned=returned, unseen=f"{way}, and what it sends is not seen")


def unseen_in_words(way: str) -> str:
    """Why an action is not run a second time in which something may have left unseen."""
    return f"{way}, and what it sends is not seen, so the action is not run a second time. Write is_done, to be certain"


def refusal_of(exchange: Exchange, words: str = "") -> ReturnedError:
    """The refusal that was seen on the wire."""
    headers = {name.lower(): value for name, value in (exchange.headers or {}).items()}
    said, body = f"{exchange.method} {exchange.path} was answered {exchange.believed}", b"<html>" if exchange.foreign else b"{}"
    error: ApiError | TransportError = refusal(Response(exchange.believed, headers, body), exchange.method, exchange.path)
    if exchange.believed < 300:
        said += " with a page of a website, or without a body"
        error = BadAnswer(said, page=True, method=exchange.method, path=exchange.path, status=exchange.believed)
    error.parts["json"] = exchange.sent.json
    return ReturnedError(error, words)


def in_words(library: str) -> str:
    """Why nobody knows what an action has sent."""
    return (
        f"requests of {library} are not seen as they leave, so nothing tells what had gone through before, and the action is "
        "not run a second time. Say idempotent = True, or write is_done, to be certain"
    )
