"""The keyword arguments of `bulk_process`: which are options of the run, which are the updater's own, which are misspelled.

Whatever is not `bulk_process`'s own reaches the updater, so a misspelled guard would be swallowed and the run act on
everything. What one of the updater's methods names is the updater's, whatever it is called.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from types import CodeType, FunctionType
from typing import Any

from ..errors import UsageError
from ..parsing.amounts import parse_duration, parse_rate, parse_share
from ..runs.options import amount, one_of, seconds, whole

_OPTIONS = (
    "expect", "max", "canary", "max_failures", "limit", "workers", "share", "rate", "patience", "deadline", "page_size", "on_drift",
    "reread", "index_wait",
)  # fmt: skip
"""The options of a run that `bulk_process` takes besides its own arguments, as the command's flags have them."""
_OWN = (
    "parallel_workers", "batch_size", "max_items", "timeout", "retries", "dry_run", "verify", "progress", "item_ids",
    "options", "stop",
)  # fmt: skip
_OTHERWISE = {"max_conversations": "max_items (in bulk_close: max_conversations)"}
"""What `bulk_close` calls an argument."""
_METHODS = {"get_search_query": 0, "perform_action": 1, "change": 2, "is_done": 1, "undo_action": 2}
"""The methods that get the parameters, and how many arguments come before those."""
_LIKE = 0.8
"""How alike two names are that are taken for the same one, misspelled."""


def sort(updater: type, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keyword arguments as (fields of Options, parameters of the updater). UsageError for what is malformed or misspelled."""
    own = named(updater)
    options = {name: _read(name, value) for name, value in given.items() if name in _OPTIONS and name not in own}
    params = {name: value for name, value in given.items() if name not in options}
    told = {name for name, value in params.items() if value is not None}
    for name in params.keys() - own:
        near = nearest(name, (*_OWN, *_OPTIONS, *_OTHERWISE))
        if near:
            raise UsageError(f"bulk_process has no argument {name!r}. Do you mean {_OTHERWISE.get(near, near)}?{_unless(updater, name)}")
        near = nearest(name, own - told)
        if near:
            raise UsageError(f"{updater.__name__} has no parameter {name!r}. Do you mean {near}?{_unless(updater, name)}")
    return options, params


def check_typed(updater: type, params: Iterable[str]) -> None:
    """The same for `--param`. Raises UsageError for a misspelled parameter, and for a flag given as one."""
    own, typed = named(updater), set(params)
    for name in typed - own:
        near = nearest(name, own - typed)
        if near:
            raise UsageError(f"--param {name}: {updater.__name__} has no such parameter. Do you mean {near}?{_unless(updater, name)}")
        if name in _OWN or name in _OPTIONS:
            raise UsageError(
                f"--param {name}: {updater.__name__} has no such parameter, and options of a run are flags of the command "
                f"(intercom-bulk run --help).{_unless(updater, name)}"
            )


def _unless(updater: type, name: str) -> str:
    return f" If {updater.__name__} is to have {name!r}, name it in the signature of one of its methods. Nothing was written."


def named(updater: type) -> set[str]:
    """The parameters that an updater's methods name: in a signature, or by `kwargs["name"]` and `kwargs.get("name")`."""
    found: set[str] = set()
    for method, before in _METHODS.items():
        for cls in updater.__mro__:
            function = vars(cls).get(method)
            function = getattr(function, "__func__", function)
            if isinstance(function, FunctionType):
                function = inspect.unwrap(function)
                plain = list(inspect.signature(function).parameters.values())[1 + before :]
                found |= {p.name for p in plain if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
                found |= looked_up(function)
    return found


def looked_up(function: Any) -> set[str]:
    """The names that a function takes out of its `**kwargs`, as old updaters do."""
    code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    if not isinstance(code, CodeType) or not code.co_flags & inspect.CO_VARKEYWORDS:
        return set()
    starred = bool(code.co_flags & inspect.CO_VARARGS)
    return set(_looked_up(code, code.co_varnames[code.co_argcount + code.co_kwonlyargcount + starred]))


def _looked_up(code: CodeType, kwargs: str) -> Iterator[str]:
    steps = list(dis.get_instructions(code))
    for place, step in enumerate(steps):
        variable = step.argval[-1] if isinstance(step.argval, tuple) and step.argval else step.argval
        if step.opname.startswith(("LOAD_FAST", "LOAD_DEREF")) and variable == kwargs:
            # `kwargs["name"]` has the name next, `kwargs.get("name")` after the method.
            key = next((s.argval for s in steps[place + 1 : place + 3] if s.opname == "LOAD_CONST"), None)
            if isinstance(key, str):
                yield key
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _looked_up(inner, kwargs)


def missing(function: Any, method: str, params: Mapping[str, Any]) -> list[str]:
    """The parameters without which a method of an updater cannot be called."""
    plain = list(inspect.signature(function).parameters.values())[_METHODS[method] :]
    needed = (p for p in plain if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return [p.name for p in needed if p.name not in params]


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that `name` is a misspelling of; "" for none."""

    def plain(word: str) -> str:
        return word.replace("_", "").lower()

    # A slip is rarely in the first letter, and `team_ids` is no slip of `item_ids`.
    alike = {word: SequenceMatcher(None, plain(name), plain(word)).ratio() for word in known if plain(word)[:1] == plain(name)[:1]}
    best = max(sorted(alike), key=lambda word: alike[word], default="")
    return best if best and alike[best] >= _LIKE else ""


def _read(name: str, value: Any) -> Any:
    """An option as Options has it. Takes what the command takes, and numbers; UsageError names the argument."""
    if value is None:
        return "" if name in ("expect", "max", "canary", "max_failures") else _NONE.get(name)
    try:
        return _READ[name](value)
    except UsageError as exc:
        raise UsageError(exc.message if exc.message.startswith(name) else f"{name}: {exc.message}") from None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _share(value: Any) -> float:
    if _number(value):
        if not 0 < value <= 1:
            raise UsageError(f"share must be more than 0 and at most 1 (or a text such as '40%'), and is {value!r}")
        return float(value)
    return parse_share(str(value))


def _rate(value: Any) -> float | None:
    if _number(value):
        if not 0 < value < 1e6:
            raise UsageError(f"rate must be more than 0 calls a second (or a text such as '6000/min'), and is {value!r}")
        return float(value)
    return parse_rate(str(value))


def _page(value: Any) -> int:
    return min(150, whole("page_size", value) or 150)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"reread must be True or False, and is {value!r}")
    return value


_NONE: dict[str, Any] = {"share": 1.0, "page_size": 150, "on_drift": "skip", "reread": False, "index_wait": 120.0}
"""What None means, where it is not None."""
_READ: dict[str, Any] = {
    "expect": lambda value: amount("expect", value),
    "max": lambda value: amount("max", value),
    "canary": lambda value: amount("canary", value),
    "max_failures": lambda value: amount("max_failures", value),
    "limit": lambda value: whole("limit", value),
    "workers": lambda value: None if value == "auto" else whole("workers", value),
    "share": _share,
    "rate": _rate,
    "patience": lambda value: seconds("patience", value) if _number(value) else parse_duration(str(value)),
    "deadline": lambda value: seconds("deadline", value) if _number(value) else parse_duration(str(value)),
    "page_size": _page,
    "on_drift": lambda value: one_of("on_drift", value, ("skip", "stop", "force")),
    "reread": _flag,
    "index_wait": lambda value: seconds("index_wait", value),
}
