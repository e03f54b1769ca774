"""What `tag` and `untag` share, whatever carries the tags: which ones, by name or id, and which of them are created first.

    class Tag(PutTags, _Tagging):
        name, resource = "tag", "tickets"

`_Tagging` is what reads and writes the tags of the resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.client import Client
from ..model import Reversibility
from ..parsing.printable import printable_name
from .operation import Json, Operation
from .spec import Kind, Resolver, parameter
from .tag_names import NEW_TAG, create_tag, resolve_tag


@dataclass(frozen=True, kw_only=True)
class ToTakeOff:
    """What `untag` takes."""

    tag: list[str] = parameter(Kind.TAGS, "The tag, by name or id; may be given again.")


@dataclass(frozen=True, kw_only=True)
class ToPutOn(ToTakeOff):
    """What `tag` takes."""

    create_tag: bool = parameter(Kind.FLAG, "Create a tag that does not exist; no undo deletes it.", required=False)


class TagVerb(Operation):
    """The tags that a verb puts on or takes off: their ids, and what they are called."""

    rows_add_up = True
    reversibility = Reversibility.REVERSIBLE
    side_effects = ""
    fields = ("tags",)

    def __init__(self, tags: list[str], labels: list[str] | None = None) -> None:
        self.tags = [str(tag) for tag in tags]
        self.labels = labels or self.tags
        self.requests_per_item = max(1, len(self.tags))

    def _note_new(self, tags: Iterable[str]) -> None:
        """Say of those that are created that no undo deletes them: others may bear them by then."""
        new = list(dict.fromkeys(printable_name(tag.removeprefix(NEW_TAG)) for tag in tags if tag.startswith(NEW_TAG)))
        if new:
            one = len(new) == 1
            self.reversibility = Reversibility.FIELDS
            self.side_effects = f"the new tag{'' if one else 's'} {', '.join(new)}, which {'stays' if one else 'stay'} in the workspace"

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        found = dict(resolve_tag(resolver, text, bool(given.get("create_tag"))) for text in given["tag"])
        return cls(list(found), list(found.values()))

    @property
    def parameters(self) -> dict[str, Any]:
        return {"tags": self.tags, "labels": self.labels}

    @property
    def names(self) -> Mapping[str, str]:
        return dict(zip(self.tags, self.labels, strict=False))

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        called: dict[str, str] = {}
        for one in several:
            called.update(one.names)
        made = cls(list(called), list(called.values()))
        made.requests_per_item = max(one.requests_per_item for one in several)
        return made

    def describe(self) -> str:
        return f"{self.name} {', '.join(self.labels)}"


class PutTags(TagVerb):
    """Put tags on. A tag that --create-tag allows to create is created before the first write."""

    past, unchanged, rank = "tagged", "already tagged", 5

    Parameters = ToPutOn

    def __init__(self, tags: list[str], labels: list[str] | None = None, made: Mapping[str, str] | None = None) -> None:
        made = made or {}  # the ids of tags `new:NAME` that `prepare` has created
        super().__init__(
            [made.get(tag, tag) for tag in tags],
            [f"{tag.removeprefix(NEW_TAG)} ({made[tag]})" if tag in made else label
             for tag, label in zip(tags, labels or tags, strict=True)],
        )  # fmt: skip
        self._made = dict(made)
        self._note_new((*tags, *made))

    def prepare(self, client: Client) -> None:
        """See Operation. Intercom gives the tag that exists when the name is known, so repeating this makes no second one."""
        for tag in [tag for tag in self.tags if tag.startswith(NEW_TAG)]:
            name = tag.removeprefix(NEW_TAG)
            place, number = self.tags.index(tag), create_tag(client, name)
            self.tags[place], self.labels[place], self._made[tag] = number, f"{name} ({number})", number

    @property
    def parameters(self) -> dict[str, Any]:
        return {**super().parameters, **self.prepared}

    @property
    def prepares(self) -> bool:
        return any(tag.startswith(NEW_TAG) for tag in self.tags)

    @property
    def prepared(self) -> dict[str, Any]:
        return {"made": self._made} if self._made else {}

    def target(self, before: Json) -> dict[str, Any]:
        """The tags that are there, and ours."""
        return {"tags": sorted({*(before.get("tags") or ()), *self.tags})}


class TakeTagsOff(TagVerb):
    """Take tags off."""

    past, unchanged, rank = "untagged", "already without the tag", 6

    Parameters = ToTakeOff

    def target(self, before: Json) -> dict[str, Any]:
        """The tags that are there, but ours."""
        return {"tags": sorted({*(before.get("tags") or ())} - {*self.tags})}
