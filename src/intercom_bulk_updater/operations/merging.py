"""What merging has in common: items go into another one, which lives on, and nothing parts them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..model import Item, Reversibility
from .fields import FieldsOperation
from .named_targets import NamedTargets
from .operation import Operation
from .resource import name_of
from .spec import Resolver


class Merging(NamedTargets, FieldsOperation):
    """Merge the item into another of its resource.

    Parameters
    ----------
    into:
        The id of the one that lives on.
    unfit:
        Why it cannot be that one, in words; "" where it can.
    called:
        What people call it, by its id: {"6762f0d5": "Ann Berg (6762f0d5)"}.
    """

    name: ClassVar[str] = "merge"
    past = "merged"
    reversibility = Reversibility.IRREVERSIBLE
    watches = True

    def __init__(self, into: str, unfit: str = "", called: Mapping[str, str] | None = None) -> None:
        self.into = into
        self.unfit = unfit
        self.called = dict(called or {})

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        found = resolver.target(cls.resource, given["into"], "--into")
        into, name = str(found["id"]), name_of(found)
        others = {key: value for key, value in given.items() if key != "into"} | cls.kept_of(found)
        return cls(into, str(found.get("unfit", "")), {into: f"{name} ({into})"} if name else {}, **others)

    @classmethod
    def kept_of(cls, target: Mapping[str, Any]) -> dict[str, Any]:
        """What else of the one that lives on decides whether it can be: further arguments."""
        return {}

    @property
    def parameters(self) -> dict[str, Any]:
        return {"into": self.into, "unfit": self.unfit, "called": self.called}

    def describe(self) -> str:
        return f"merge into {self.called.get(self.into, self.into)}"

    def impossible(self, item: Item) -> str:
        return self.unfit
