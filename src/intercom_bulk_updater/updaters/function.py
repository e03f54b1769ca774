"""`@operation`: a plain function as an updater. The class is made of the function, so that both go the same way."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar

from ..operations.resource import resources
from .updater import IntercomBulkUpdater

F = TypeVar("F", bound=Callable[..., Any])
_LEADING = {"perform_action": ("item_id", "client"), "is_done": ("item_id", "client"), "undo_action": ("item_id", "client", "before")}
"""What each function gets by place."""


def operation(
    resource: str,
    /,
    *,
    before: Callable[..., Mapping[str, Any]] | None = None,
    change: Callable[..., Mapping[str, tuple[Any, Any]]] | None = None,
    is_done: Callable[..., bool | None] | None = None,
    undo: Callable[..., Any] | None = None,
    **about: Any,
) -> Callable[[F], F]:
    """Make an operation of a function that acts on one item: what `intercom-bulk run FILE.py:function` and `bulk.run` take.

        @operation("conversations", idempotent=True, customer_visible=False)
        def rename(item_id: str, client: Client, *, title: str) -> dict | None:
            return client.put(f"conversations/{item_id}", {"title": title})

        bulk.run(rename, where="team = Support", title="Incident 12")

    The function gets the id and a governed client, and its parameters by name, each text as its annotation wants it; what it
    returns and raises means what it does for `perform_action`. It stays a function, that can be called and tested.

    Parameters
    ----------
    resource:
        What the items are: `"conversations"`, `"contacts"`, `"companies"`, `"tickets"`, or a paginated endpoint (`"articles"`).
    before:
        `before(item)`: the fields that the function touches, from an item as Intercom gives it.
    change:
        `change(item_id, before, **parameters)`: field → (before, after); `{}` for an item that is as wanted.
    is_done:
        `is_done(item_id, client, **parameters)`: whether the effect is there; asked after a lost answer.
    undo:
        `undo(item_id, client, before, **parameters)`: the way back; it needs `before`.
    about:
        What a class says of itself: `idempotent`, `customer_visible`, `read_only`, `reversibility`, `requests_per_item`,
        `side_effects`, `allowed_hosts`; see IntercomBulkUpdater.

    Raises TypeError for a function that cannot work, and for a word that says nothing.
    """
    if not isinstance(resource, str):
        raise TypeError(f'@operation says first what the items are: @operation("{next(iter(resources()))}").')
    unknown = about.keys() - {name for name in IntercomBulkUpdater.__annotations__ if not name.startswith("_")}
    if unknown:
        raise TypeError(f"@operation has no argument {sorted(unknown)[0]!r}; it says what a class says of itself, as `idempotent=True`.")
    if undo is not None and before is None:
        raise TypeError("@operation: undo= needs before=, which tells what to go back to.")

    def make(function: F) -> F:
        methods = {"perform_action": function, "is_done": is_done, "undo_action": undo}
        namespace: dict[str, Any] = {
            "__module__": function.__module__, "__qualname__": function.__qualname__, "__doc__": function.__doc__, **about,
            "get_search_endpoint": lambda self: _endpoint(resource), "get_item_id": lambda self, item: str(item["id"]),
            **{name: _with_client(name, one) for name, one in methods.items() if one is not None},
        }
        if before is not None:
            namespace["before"] = lambda self, item: before(item)
        if change is not None:
            namespace["change"] = _plain(change)
        function.updater = type(function.__name__, (IntercomBulkUpdater,), namespace)  # type: ignore[attr-defined]
        return function

    return make


def updater_of(thing: object) -> type[IntercomBulkUpdater] | None:
    """The updater that a class is, or that was made of a function; None for anything else."""
    found = thing if isinstance(thing, type) else getattr(thing, "updater", None)
    return found if isinstance(found, type) and issubclass(found, IntercomBulkUpdater) and found is not IntercomBulkUpdater else None


def _endpoint(resource: str) -> str:
    known = resources().get(resource)
    return resource if known is None else known.search or known.listing


def _with_client(method: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function as a method. Its own signature is looked at: `client` stands where `self` and the id push it."""
    _check_leading(function, _LEADING[method])

    @wraps(function)
    def call(self: IntercomBulkUpdater, item_id: str, /, *args: Any, **params: Any) -> Any:
        return function(item_id, self.client, *args, **params)

    return call


def _plain(change: Callable[..., Any]) -> Callable[..., Any]:
    """`change` as a method, under its own parameters."""

    def call(self: IntercomBulkUpdater, /, *args: Any, **params: Any) -> Any:
        return change(*args, **params)

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    call.__signature__ = inspect.Signature([own, *inspect.signature(change).parameters.values()])  # type: ignore[attr-defined]
    return call


def _check_leading(function: Callable[..., Any], wanted: Sequence[str]) -> None:
    placed = [p.name for p in inspect.signature(function).parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    swapped = "client" in placed and placed.index("client") != wanted.index("client")
    if len(placed) < len(wanted) or swapped:
        name = getattr(function, "__name__", "function")
        raise TypeError(f"{name} must take {', '.join(wanted)} first: def {name}({', '.join(wanted)}, *, ...)")
