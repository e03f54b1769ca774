"""Whether an action that an error broke off would have sent more: read from its code, after the place where it stood.

The effect of one request proves the whole action only where nothing was to follow that request. Pure.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from itertools import zip_longest
from types import CodeType

_SENDS_NOTHING = frozenset(
    (
        "raise_for_status", "is_success", "is_error", "ok", "status_code", "status", "reason", "text", "content", "headers", "json",
        "read", "decode", "loads", "get", "dict", "list", "str", "int", "bool", "len", "repr", "print", "close",
    )
)  # fmt: skip
"""What an action makes of an answer: no request follows from it."""

_MAY_SEND = frozenset(
    ("JUMP_BACKWARD", "PUSH_NULL", "IMPORT_NAME", "LOAD_SUPER_ATTR", "SEND", "MAKE_FUNCTION")
)
"""A loop, a call by a local name, an import, an `await`: a request may be in it. (What an `await` under way does is not among them.)"""


def may_follow(error: BaseException, is_theirs: Callable[[str], bool]) -> bool:
    """Whether a person's own code (`is_theirs` says so of a file) may have sent more after the place where `error` came up."""
    places: dict[CodeType, list[int]] = {}
    for one in _chain(error):
        step = one.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            if is_theirs(code.co_filename):
                places.setdefault(code, []).append(step.tb_lasti)
            step = step.tb_next
    return not places or any(_more_after(code, min(at), max(at)) for code, at in places.items())


def _more_after(code: CodeType, first: int, last: int) -> bool:
    """Whether the code names anything after its first error but what reads an answer; in a loop, all of it comes after.

    What a handler did before it raised the last error has been done.
    """
    steps = list(dis.get_instructions(code))
    handler = max((step.offset for step in steps if step.opname == "PUSH_EXC_INFO" and first < step.offset < last), default=last)
    after = [step for step in steps if step.offset > first and not handler <= step.offset <= last]
    return any(_may_send(step, following) for step, following in zip_longest(after, after[1:]))


def _may_send(step: dis.Instruction, following: dis.Instruction | None) -> bool:
    if step.opname in _MAY_SEND:
        return True
    if not step.opname.startswith(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_METHOD")) or step.argval in _SENDS_NOTHING:
        return False
    # An error's class, alone or out of its module: `except requests.RequestException`.
    return not _is_error(step) and not (following is not None and following.opname == "LOAD_ATTR" and _is_error(following))


def _is_error(step: dis.Instruction) -> bool:
    return str(step.argval).endswith(("Error", "Exception", "Timeout"))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
