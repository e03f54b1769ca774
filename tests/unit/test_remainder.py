"""Whether more was to follow the place where an action broke off, read from its code."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial, reduce
from typing import Any

import pytest

from intercom_bulk_updater.updaters.remainder import may_follow


class Answer:
    """What a request gives back."""

    def raise_for_status(self) -> None:
        """The server refused it."""
        raise ValueError("500")

    def json(self) -> dict[str, Any]:
        """Its body."""
        return {}


def lost() -> Answer:
    """A request whose answer is lost."""
    raise ConnectionError("lost")


def refused() -> Answer:
    """A request that is refused once its answer is looked at."""
    return Answer()


def reads_the_answer() -> Any:
    """Nothing follows but what reads the answer."""
    answer = lost()
    answer.raise_for_status()
    return {"ok": True, "body": dict(answer.json())}


def wraps() -> Any:
    """Its errors are its own."""
    try:
        answer = refused()
        answer.raise_for_status()
        return answer.json()
    except ValueError as exc:
        raise RuntimeError(f"could not close {str(exc).split(' ')[0]}") from exc


def last_of_two() -> Any:
    """The first has gone through."""
    refused()
    return lost().json()


def first_of_two() -> Any:
    """Another follows."""
    lost()
    return refused().json()


def in_a_loop() -> None:
    """More rounds may follow."""
    for _ in range(2):
        lost()


def local_function(send: Callable[[], Answer] = refused) -> Any:
    """What follows is called by a name of its own."""
    lost()
    return send()


def more_in_the_try() -> Any:
    """The handler ran; what comes after the request in the block did not."""
    try:
        lost()
        refused()
    except ConnectionError as exc:
        raise RuntimeError("no") from exc


def calls_another() -> Any:
    """The caller goes on."""
    reads_the_answer()
    return refused()


def wraps_and_raises_it_again() -> Any:
    """The same error, from a handler."""
    try:
        return reads_the_answer()
    except ConnectionError as exc:
        raise exc


def lets_it_out(how: Any) -> Any:
    """One request more, from a value."""
    return how()


def sends(_: str) -> Any:
    """Another file may call it by this name."""
    return lost()


def maps() -> Any:
    """Two by one call."""
    return list(map(sends, "AB"))


def reduces() -> Any:
    """The same in a function of others."""
    return reduce(lambda _, __: lost(), "AB", None)


def sorts() -> Any:
    """A function that sends, as a key."""
    return sorted("AB", key=lambda _: lost())


def by_a_value() -> Any:
    """What is called is not what its name says."""
    return lets_it_out(partial(reads_the_answer))


def takes(_: Any) -> Any:
    """The second of two helpers."""
    return refused()


def nested() -> Any:
    """The outer helper is named before the inner one, and sends after it."""
    return takes(lost())


class AtItsEnd:
    """Sends the second when its block ends."""

    def __enter__(self) -> None:
        """Nothing yet."""

    def __exit__(self, *_: object) -> None:
        refused()


def in_a_block() -> Any:
    """The end of the block sends."""
    with AtItsEnd():
        return lost()


def on_a_stack() -> Any:
    """So it does where it is given as a value."""
    stack = ExitStack()
    stack.callback(refused)
    try:
        return lost()
    finally:
        stack.close()


@pytest.mark.parametrize(
    ("action", "more"),
    [(reads_the_answer, False), (wraps, False), (last_of_two, False), (first_of_two, True), (in_a_loop, True), (local_function, True),
     (more_in_the_try, True), (calls_another, True),
     (wraps_and_raises_it_again, False), (maps, True), (reduces, True), (sorts, True), (by_a_value, True), (nested, True),
     (in_a_block, True), (on_a_stack, True)],
)  # fmt: skip
def test_what_was_to_follow(action: Callable[[], Any], more: bool) -> None:
    """Only where nothing but the reading of an answer follows is an action known to have been at its last request."""
    try:
        action()
    except Exception as exc:
        error = exc
        error.__traceback__ = exc.__traceback__.tb_next if exc.__traceback__ else None  # as from within our code
    assert may_follow(error, lambda file: file == __file__) is more
