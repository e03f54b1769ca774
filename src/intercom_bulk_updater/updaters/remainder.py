"""Whether an action that an error broke off would have sent more: read from its code, after the place where it stood.

The effect of one request proves the whole action only where nothing was to follow that request. That is taken for shown in
one form alone: a person's own functions, each called by its name, down to a call of a library that sends one request, with
nothing around or after it but what reads an answer. All else may send more.
"""

from __future__ import annotations

import ast
import linecache
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType, FrameType, TracebackType

_SENDS_NOTHING = frozenset(
    (
        "raise_for_status", "is_success", "is_error", "ok", "status_code", "status", "reason", "text", "content", "headers", "json",
        "read", "decode", "loads", "get", "dict", "list", "str", "int", "bool", "len", "repr", "print", "split",
    )
)  # fmt: skip
"""What an action makes of an answer: no request follows from it."""

_OURS = __name__.partition(".")[0]
_SENDS_ONE = frozenset(("requests", "urllib", "urllib3", "http", "httpx", "intercom", "json", _OURS))
"""Packages whose functions send one request, or read its answer."""

_OPENS = ("requests.", "httpx.", "urlopen(", "request.urlopen(", "urllib.request.urlopen(", "self.httpx_client(")
"""What may stand in a `with` around a request: its end sends nothing."""

_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_MAY_SEND = (*_LOOPS, *_FUNCTIONS, ast.ClassDef, ast.Await, ast.Yield, ast.YieldFrom, ast.With, ast.AsyncWith, ast.Import, ast.ImportFrom)
"""A request may be in it, or be made by it."""

Place = tuple[int, int, int, int]
"""First line and column of a piece of code, and its last."""


def may_follow(error: BaseException, is_theirs: Callable[[str], bool]) -> bool:
    """Whether a person's own code (`is_theirs` says so of a file) may have sent more after the place where `error` came up."""
    places: dict[CodeType, tuple[FrameType, list[Place]]] = {}
    for one in _chain(error):
        steps = _own_steps(one.__traceback__, is_theirs)
        if steps and _first_not_ours(one.__traceback__) is not steps[0]:
            return True  # something of others has called it, and may go on
        for step in steps:
            frame = step.tb_frame
            place = _place(frame.f_code, step.tb_lasti)
            if place is None or not _called_by_name(step, place, is_theirs):
                return True
            if places.setdefault(frame.f_code, (frame, []))[0] is not frame:
                return True  # it calls itself
            places[frame.f_code][1].append(place)
    return not places or any(_more_after(frame, min(at), max(at)) for frame, at in places.values())


def _own_steps(step: TracebackType | None, is_theirs: Callable[[str], bool]) -> list[TracebackType]:
    own = []
    while step is not None:
        if is_theirs(step.tb_frame.f_code.co_filename):
            own.append(step)
        step = step.tb_next
    return own


def _first_not_ours(step: TracebackType | None) -> TracebackType | None:
    while step is not None and _package(step) == _OURS:
        step = step.tb_next
    return step


def _package(step: TracebackType | None) -> str:
    return "" if step is None else str(step.tb_frame.f_globals.get("__name__")).partition(".")[0]


def _called_by_name(step: TracebackType, place: Place, is_theirs: Callable[[str], bool]) -> bool:
    """Whether a function of theirs went on by a plain call of the next one, which is theirs too, or leads out of their code."""
    following = step.tb_next
    if following is None or following.tb_frame is step.tb_frame:  # raised here, perhaps once more
        return True
    frame = following.tb_frame
    if not is_theirs(frame.f_code.co_filename) and (
        _package(following) not in _SENDS_ONE or _own_steps(following, is_theirs) or _has_hooks(following)
    ):
        return False
    path = _path_to(step.tb_frame.f_code.co_filename, place)
    return bool(path) and isinstance(path[-1], ast.Call) and _name(path[-1].func) == frame.f_code.co_name


def _has_hooks(step: TracebackType | None) -> bool:
    """Whether requests or httpx was given functions to call with each answer."""
    while step is not None:
        local = step.tb_frame.f_locals
        for hooks in (getattr(local.get("request"), "hooks", None), getattr(local.get("self"), "_event_hooks", None)):
            if isinstance(hooks, dict) and any(hooks.values()):
                return True
        step = step.tb_next
    return False


def _place(code: CodeType, at: int) -> Place | None:
    line, last, column, end = list(code.co_positions())[at // 2]
    return None if line is None or last is None or column is None or end is None else (line, column, last, end)


_PARSING = threading.Lock()
"""Python 3.11 counts the depth of all threads' parsing as one, and ends in a SystemError."""


@lru_cache(maxsize=64)
def _tree(source: str) -> ast.Module | None:
    try:
        with _PARSING:
            return ast.parse(source)
    except (SyntaxError, ValueError, SystemError, RecursionError, MemoryError):
        return None


def _path_to(file: str, place: Place) -> list[ast.AST]:
    """The innermost function that has such a place, and what lies between it and the place; empty where the source is not there."""
    node: ast.AST | None = _tree("".join(linecache.getlines(file)))
    path: list[ast.AST] = []
    while node is not None:
        path = [node] if isinstance(node, _FUNCTIONS) else [*path, node]
        node = next((one for one in ast.iter_child_nodes(node) if _holds(one, place)), None)
    return path if path and isinstance(path[0], _FUNCTIONS) and _at(path[-1]) == place else []


def _holds(node: ast.AST, place: Place) -> bool:
    if not hasattr(node, "lineno"):  # `match` cases, comprehensions, arguments: what is in them has its place
        return any(_holds(one, place) for one in ast.iter_child_nodes(node))
    first, column, last, end = _at(node)
    return (first, column) <= place[:2] and place[2:] <= (last, end)


def _at(node: ast.AST) -> Place:
    found = (getattr(node, name, None) or 0 for name in ("lineno", "col_offset", "end_lineno", "end_col_offset"))
    return tuple(found)  # type: ignore[return-value]


def _more_after(frame: FrameType, first: Place, last: Place) -> bool:
    """Whether a function does anything after its first error, or around it, but read an answer.

    What a handler did before it raised the last error has been done.
    """
    path, raised = _path_to(frame.f_code.co_filename, first), _path_to(frame.f_code.co_filename, last)
    if not path or not raised or isinstance(path[0], ast.Lambda) or any(isinstance(one, _LOOPS) for one in path):
        return True
    handler = next((one for one in reversed(raised) if isinstance(one, ast.ExceptHandler)), None) if first != last else None
    withs = [one for one in path if isinstance(one, ast.With)]
    if not all(ast.unparse(item.context_expr).startswith(_OPENS) for one in withs for item in one.items):
        return True
    passed = [*withs, path[-1]]
    names = {*frame.f_code.co_varnames, *frame.f_code.co_cellvars, *frame.f_code.co_freevars}
    for node in _within(path[0]):
        begins, ends = _at(node)[:2], _at(node)[2:]
        done = ends <= first[2:] or (handler is not None and _holds(handler, _at(node)) and begins <= last[2:])
        if not done and node not in passed and _may_send(node, names, frame):
            return True
    return False


def _within(function: ast.AST) -> Iterator[ast.AST]:
    """What is in the body of a function, but for what is in functions within it: those are named alone."""
    waiting = list(getattr(function, "body", ()))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            waiting += [one for one in ast.iter_child_nodes(node) if not _is_error(one)]


def _may_send(node: ast.AST, names: set[str], frame: FrameType) -> bool:
    if isinstance(node, ast.Call):
        plain = not isinstance(node.func, ast.Name) or (node.func.id not in names and node.func.id not in frame.f_globals)
        ours = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id in ("self", "cls")
        return not _is_error(node.func) and not (plain and not ours and _name(node.func) in _SENDS_NOTHING)
    if isinstance(node, ast.Attribute):
        return node.attr not in _SENDS_NOTHING
    if isinstance(node, ast.Name):
        return node.id not in names and node.id not in _SENDS_NOTHING
    return isinstance(node, _MAY_SEND)


def _is_error(node: ast.AST) -> bool:
    """An error's class, alone or out of its module: `except requests.RequestException`."""
    return _name(node).endswith(("Error", "Exception", "Timeout"))


def _name(node: ast.AST) -> str:
    """What a function, or a value, is called by; of an attribute the last part."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
