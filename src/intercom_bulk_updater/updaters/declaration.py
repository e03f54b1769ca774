"""What a class says about itself, checked when it is defined: a slip there would be ignored, and the run act without it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from difflib import SequenceMatcher
from typing import Any

from ..model import Reversibility

METHODS = (
    "get_search_endpoint", "get_search_query", "get_item_id", "perform_action", "perform_batch", "before", "change", "is_done", "read_item",
    "undo_action",
)  # fmt: skip
_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "idempotent": ("True, False or None", lambda value: value is None or isinstance(value, bool)),
    "customer_visible": ("True, False or None", lambda value: value is None or isinstance(value, bool)),
    "requests_per_item": ("a whole number, 1 or more", lambda value: type(value) is int and value >= 1),
    "items_per_request": ("a whole number, 1 or more", lambda value: type(value) is int and value >= 1),
    "side_effects": ("a text", lambda value: isinstance(value, str)),
    "reversibility": ("a Reversibility", lambda value: value is None or isinstance(value, Reversibility)),
    "read_only": ("True or False", lambda value: isinstance(value, bool)),
    "allowed_hosts": ("a tuple of host names", lambda value: isinstance(value, tuple | list | set | frozenset)),
}
ATTRIBUTES = tuple(_KINDS)
_KNOWN = (*METHODS, *ATTRIBUTES)
_LIKE = 0.9


def check_declaration(cls: type) -> None:
    """Raises TypeError for a method that cannot work, and for a name or a value that is a slip."""
    for name in METHODS:
        _check_method(cls, name, getattr(cls, name, None))
    for name, value in vars(cls).items():
        # Which hosts it may send to is asked before any of its code runs: no property tells that.
        if name in _KINDS and (name == "allowed_hosts" or not hasattr(value, "__get__")):
            what, fits = _KINDS[name]
            if not fits(value):
                raise TypeError(f"{cls.__name__}.{name} must be {what}, and is {value!r}.")
        meant = "" if name.startswith("_") or any(hasattr(base, name) for base in cls.__mro__[1:]) else slip_of(name)
        if meant:
            raise TypeError(f"{cls.__name__}.{name} would be ignored: do you mean {meant}? If not, give it another name.")

    # An item without a before-image is looked at alone, before anything is done together.
    lacks = [name for name in ("perform_batch", "before") if not hasattr(cls, name)]
    if _said(cls, "items_per_request", 1) > 1 and lacks:
        raise TypeError(f"{cls.__name__} has items_per_request, and no {lacks[0]}(): acting on several at once needs it.")
    if _said(cls, "read_only", False) and (hasattr(cls, "undo_action") or getattr(cls, "customer_visible", None)):
        raise TypeError(f"{cls.__name__} has read_only = True: what changes nothing has no undo_action, and customers see nothing of it.")


def _said(cls: type, name: str, otherwise: Any) -> Any:
    """What the class says; `otherwise` where a property will say it."""
    value = getattr(cls, name, otherwise)
    return otherwise if hasattr(value, "__get__") else value


def _check_method(cls: type, name: str, function: Any) -> None:
    function = inspect.unwrap(function) if callable(function) else function
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{cls.__name__}.{name} is `async def`, and updaters run in threads. Write it as a plain `def`; "
            "to call async code in it, use `asyncio.run(...)` there."
        )
    if inspect.isgeneratorfunction(function):
        raise TypeError(f"{cls.__name__}.{name} has a `yield`, so that calling it does nothing. Do the work and `return` its result.")


def slip_of(name: str) -> str:
    """The known name that `name` is a slip of; "" for none. A name that holds a known one whole (`perform_action_safely`) is none."""
    if any(known in name for known in _KNOWN):
        return ""
    plain = name.replace("_", "").lower()
    for known in _KNOWN:
        bare = known.replace("_", "")
        turned = len(plain) >= 5 and sorted(plain) == sorted(bare) and plain[0] == bare[0]
        if turned or SequenceMatcher(None, plain, bare).ratio() >= _LIKE:
            return known
    return ""
