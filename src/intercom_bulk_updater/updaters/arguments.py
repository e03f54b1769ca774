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
from ..service.options import OPTIONS, read_option
from .coercion import METHODS, coerce

_OWN = (
    "parallel_workers", "batch_size", "max_items", "timeout", "retries", "dry_run", "verify", "progress", "item_ids",
    "exclude", "options", "stop", "on_event",
)  # fmt: skip
_OTHERWISE = {"max_conversations": "max_items (in bulk_close: max_conversations)"}
"""What `bulk_close` calls an argument."""
_ELSEWHERE = {
    "ids": "item_ids", "id": "item_ids", "items": "item_ids", "dry": "dry_run", "simulate": "dry_run", "preview": "dry_run",
    "plan": "dry_run", "noop": "dry_run", "where": "get_search_query, or item_ids", "query": "get_search_query, or item_ids",
    "filter": "get_search_query, or item_ids", "max_workers": "parallel_workers", "num_workers": "parallel_workers",
    "threads": "parallel_workers", "concurrency": "parallel_workers", "on_progress": "on_event", "callback": "on_event",
    "max_retries": "retries", "rate_limit": "rate",
}  # fmt: skip
"""What an option is called in other tools, and here."""
_EXACTLY = {
    **dict.fromkeys(("exclude_run", "exclude_ids", "skip", "skip_ids", "ignore", "without"), "exclude"),
    **dict.fromkeys(("csv", "id_column", "from_run", "outcome", "only", "only_ids", "selection"), "item_ids"),
    **dict.fromkeys(("test", "testing", "test_run", "rehearse", "rehearsal", "what_if", "check"), "dry_run"),
    **dict.fromkeys(("first", "top", "maximum", "at_most", "max_count", "total"), "max_items"),
    **dict.fromkeys(("batch", "batches", "chunk", "chunk_size"), "batch_size"),
    **dict.fromkeys(("parallel", "parallelism", "workers_count", "jobs"), "parallel_workers"),
    **dict.fromkeys(("jsonl", "json", "verbose"), "on_event"),
    "quiet": "progress='none'", "silent": "progress='none'", "wait": "patience", "retry": "retries",
}  # fmt: skip
"""Words that people write for an option, in these letters only: names that are merely like them may be the updater's own."""
_OF_THE_CLASS = (
    "idempotent", "customer_visible", "irreversible", "reversibility", "requests_per_item", "side_effects", "allowed_hosts",
    "read_only", "items_per_request",
)  # fmt: skip
_NEEDLESS = {
    "yes": "bulk_process never asks", "confirm": "bulk_process never asks", "confirmed": "bulk_process never asks",
    "force": "bulk_process never asks", "resume": "`intercom-bulk runs resume RUN` goes on with a run",
}  # fmt: skip
_LIKE = 0.8
"""How alike two names are that are taken for the same one, misspelled."""


def sort(updater: type, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keyword arguments as (fields of Options, parameters of the updater). UsageError for what is malformed or misspelled."""
    own = named(updater)
    options = {name: read_option(name, value) for name, value in given.items() if name in OPTIONS and name not in own}
    params = {name: value for name, value in given.items() if name not in options}
    told = {name for name, value in params.items() if value is not None}
    for name in params.keys() - own:
        _refuse_exactly(updater, name)
        near = nearest(name, (*_OWN, *OPTIONS, *_OTHERWISE, *_ELSEWHERE))
        if near:
            meant = _OTHERWISE.get(near) or _ELSEWHERE.get(near) or near
            raise _refusal(updater, name, f"bulk_process has no argument {name!r}. Do you mean {meant}?")
        near = nearest(name, own - told)
        if near:
            raise _refusal(updater, name, f"{updater.__name__} has no parameter {name!r}. Do you mean {near}?")
        if not takes_any(updater):
            raise _refusal(updater, name, f"{updater.__name__} has no parameter {name!r}{_it_has(own)}.")
    return options, coerce(updater, params)


def _refuse_exactly(updater: type, name: str) -> None:
    """Raises UsageError for what people write for an option, and for what a class says of itself."""
    word = name.lower().strip("_")
    if word in _NEEDLESS:
        raise _refusal(updater, name, f"bulk_process has no argument {name!r}: leave it out, {_NEEDLESS[word]}.")
    if word in _OF_THE_CLASS:
        raise _refusal(updater, name, f"bulk_process has no argument {name!r}: the class says it, as in `{word} = ...`.")
    if word in _EXACTLY:
        raise _refusal(updater, name, f"bulk_process has no argument {name!r}. Do you mean {_EXACTLY[word]}?")


def check_typed(updater: type, params: Iterable[str], *, python: bool = False) -> None:
    """The same for `--param`. Raises UsageError for one that no method takes, a misspelled one, and a flag given as one."""
    own, typed = named(updater), set(params)
    for name in typed - own:
        said = f"{name if python else f'--param {name}'}: {updater.__name__} has no such parameter"
        near = nearest(name, own - typed)
        if near:
            raise _refusal(updater, name, f"{said}. Do you mean {near}?")
        if nearest(name, (*_OWN, *OPTIONS, *_ELSEWHERE)) or name.lower() in {*_EXACTLY, *_NEEDLESS, *_OF_THE_CLASS}:
            flags = "and options of a run are flags of the command (intercom-bulk run --help)"
            raise _refusal(updater, name, f"{said}, {'nor has bulk.run such an option' if python else flags}.")
        if not takes_any(updater):
            raise _refusal(updater, name, f"{said}{_it_has(own)}.")


def _it_has(own: Iterable[str]) -> str:
    names = ", ".join(sorted(own))
    return f"; it has {names}" if names else ""


def takes_any(updater: type) -> bool:
    """Whether one of the methods that a person wrote takes whatever it is given (`**kwargs`)."""
    functions = [function for method in METHODS for function in _written(updater, method)]
    return any(p.kind is p.VAR_KEYWORD for function in functions for p in inspect.signature(function).parameters.values())


def _written(updater: type, method: str) -> Iterator[FunctionType]:
    """A method as the class and those that it extends have written it; not as the base class of all updaters has it.

    One that takes no `**kwargs` hands none on: what stands behind it takes nothing of the run any more.
    """
    for cls in updater.__mro__:
        function = getattr(vars(cls).get(method), "__func__", vars(cls).get(method))
        if isinstance(function, FunctionType) and cls.__module__ != f"{__package__}.updater":
            yield (plain := inspect.unwrap(function))
            if not any(one.kind is one.VAR_KEYWORD for one in inspect.signature(plain).parameters.values()):
                return


def _refusal(updater: type, name: str, said: str) -> UsageError:
    otherwise = f"If {updater.__name__} is to have {name!r}, name it in the signature of one of its methods. Nothing was written."
    return UsageError(f"{said} {otherwise}", hint="")


def named(updater: type) -> set[str]:
    """The parameters that an updater's methods name: in a signature, or by `kwargs["name"]` and `kwargs.get("name")`."""
    found: set[str] = set()
    for method, before in METHODS.items():
        for function in _written(updater, method):
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
    plain = list(inspect.signature(function).parameters.values())[METHODS[method] :]
    needed = (p for p in plain if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return [p.name for p in needed if p.name not in params]


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that `name` is a misspelling of; "" for none."""

    def plain(word: str) -> str:
        return word.replace("_", "").lower()

    known = sorted(known)
    turned = next((word for word in known if _turned(plain(name), plain(word))), "")
    if turned:
        return turned
    # A slip is rarely in the first letter, and `team_ids` is no slip of `item_ids`.
    alike = {word: SequenceMatcher(None, plain(name), plain(word)).ratio() for word in known if plain(word)[:1] == plain(name)[:1]}
    best = max(alike, key=lambda word: alike[word], default="")
    return best if best and alike[best] >= _LIKE else ""


def _turned(one: str, other: str) -> bool:
    """The same word, or one with two neighbours turned: `paln` for `plan`."""
    if one == other:
        return True
    wrong = [n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    return (
        len(one) == len(other) >= 4 and len(wrong) == 2 and wrong[1] == wrong[0] + 1
        and one[wrong[0]] == other[wrong[1]] and one[wrong[1]] == other[wrong[0]]
    )  # fmt: skip
