"""Tags of contacts and companies: fifty items with one request where `POST /tags` does it, one by one elsewhere.

`POST /tags` goes by the name of the tag, and creates one that it does not find. So the name is read by the tag's id before
the first write, and each answer is held against that id: a tag that was renamed or deleted meanwhile stops the run.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tags/createtag
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..api.client import Client
from ..api.lists import row_ids, tag_ids
from ..api.paths import item_path
from ..errors import BadAnswer, IntercomBulkError, NotFound, SafetyStop
from ..parsing.identity import id_text
from ..parsing.printable import printable_name
from .fields import FieldsChange, FieldsOperation
from .operation import Json
from .tag_names import NEW_TAG
from .tagging import TagVerb

TOGETHER = 50
"""Items that one request tags: Intercom advises against more, as such a request could run out of time."""


class GroupTagging(TagVerb, FieldsOperation):
    """Put tags on items, or take them off.

    Parameters
    ----------
    tags:
        Ids; `new:NAME` for a tag that `prepare` creates.
    labels:
        What they are called, for people: "vip (7004)".
    found:
        What `prepare` has found: id and name of each of `tags`.
    """

    listed_as: ClassVar[str]
    """What POST /tags calls the items: "users", "companies"."""
    on: ClassVar[bool] = True
    """Whether the tags are put on."""

    def __init__(
        self, tags: Sequence[str], labels: Sequence[str] | None = None, found: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._found = {tag: (str(known[0]), str(known[1])) for tag, known in (found or {}).items()}
        self._take(tags, labels or tags)
        self._note_new((*tags, *self._found))
        self.requests_per_item = max(1, len(self.tags))

    def _take(self, tags: Sequence[str], labels: Sequence[str]) -> None:
        self.tags = [self._found[tag][0] if tag in self._found else str(tag) for tag in tags]
        self.labels = [
            f"{self._found[tag][1]} ({self._found[tag][0]})" if tag in self._found else label
            for tag, label in zip(tags, labels, strict=True)
        ]

    @property
    def parameters(self) -> dict[str, Any]:
        return {"tags": self.tags, "labels": self.labels, **self.prepared}

    @property
    def prepares(self) -> bool:
        return True

    def prepare(self, client: Client) -> None:
        """See Operation. Creates what is to be created, reads what the rest is called now. Raises SafetyStop for one that is gone."""
        for tag, label in zip(self.tags, self.labels, strict=True):
            try:
                key, name = found = self._read_tag(client, tag, label)
                expected = key != tag or label in (tag, f"{printable_name(name)} ({key})")
                if not expected and self._read_tag(client, tag, label) != found:
                    # The list of tags had called it otherwise. Renamed it may be, but then it is called so each time.
                    raise BadAnswer(f"Intercom calls the tag {label} otherwise each time.", status=200)
            except NotFound as exc:
                raise SafetyStop(f"There is no tag {label} any more. Nothing was written; name another tag.") from exc
            self._found[tag] = self._found[key] = found
        self._take(self.tags, self.labels)

    @staticmethod
    def _read_tag(client: Client, tag: str, label: str) -> tuple[str, str]:
        """Id and name of a tag as Intercom has them now; what is to be created, is."""
        new = tag.startswith(NEW_TAG)
        shown = client.post("tags", {"name": tag.removeprefix(NEW_TAG)}) if new else client.get(item_path("tags", tag))
        key, name = id_text(shown.get("id")), shown.get("name")
        if not key or not isinstance(name, str) or not name or (key != tag and not new):
            raise BadAnswer(f"Intercom did not say what the tag {label} is called.", status=200)
        return key, name

    @property
    def prepared(self) -> dict[str, Any]:
        return {"found": {tag: list(known) for tag, known in self._found.items()}} if self._found else {}

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. A contact carries its first ten tags alone: then nothing is known of the others."""
        tags = tag_ids(payload)
        return {} if tags is None else {"tags": sorted(tags)}

    def target(self, before: Json) -> dict[str, Any]:
        had = set(before.get("tags", ()))
        return {"tags": sorted(had.union(self.tags) if self.on else had.difference(self.tags))}

    def write_batch(self, client: Client, changes: Sequence[FieldsChange]) -> Sequence[Exception | None]:
        """See FieldsOperation. One request for each tag."""
        wrong: dict[str, Exception] = {}
        for on in (True, False):
            # Of an item that did not show its tags nothing is known: those that are to go may be there.
            whole = {one.id: (set(one.want["tags"]), set(one.have.get("tags", () if self.on else self.tags))) for one in changes}
            differ = {key: want - had if on else had - want for key, (want, had) in whole.items()}
            for tag in sorted(set().union(*differ.values())):
                wrong |= self._write_tag(client, tag, [key for key, tags in differ.items() if tag in tags], on)
        return [wrong.get(one.id) for one in changes]

    def _write_tag(self, client: Client, tag: str, ids: Sequence[str], on: bool) -> dict[str, Exception]:
        """Put one tag on items, or take it off: what went wrong, by item."""
        name = self._found[tag][1] if tag in self._found else str(client.get(item_path("tags", tag))["name"])
        body = {"name": name, self.listed_as: [{"id": key} if on else {"id": key, "untag": True} for key in ids]}
        said = client.post("tags", body)
        written = id_text(said.get("id"))
        if written and written != tag:
            raise SafetyStop(
                f"The tag {name!r} is no longer {tag}: it was renamed or deleted while the run was at work, and Intercom has put "
                f"{written} of that name on up to {len(ids)} {self.resource} instead. Look at that tag, then run again."
            )
        if written and self.listed_as not in said:
            return {}  # before 2.16 it tells of no item, and refuses the whole of it for one that is not there
        rows = said.get(self.listed_as)
        # Rows tell only of the tag that the answer names: one of that name alone may be another by now.
        shown = row_ids(rows) if written else None
        told = {} if shown is None else {key: one.get("tagged") for key, one in zip(shown, rows or (), strict=True)}
        left_out = [key for key in ids if told.get(key) is not on]
        said_nothing = f"POST /tags does not say which {self.resource} it has changed"
        unknown = BadAnswer(said_nothing, status=200, method="POST", path="tags", json=body)
        gone = NotFound(
            status=404, code="not_found", api_message="Intercom left it out of its answer: it is not there", method="POST", path="tags",
            json=body,
        )  # fmt: skip
        return {key: gone if shown is not None and key not in told and self._is_gone(client, key) else unknown for key in left_out}

    def _is_gone(self, client: Client, key: str) -> bool:
        """Whether an item is not there: that an answer leaves it out says so only where a look says it too."""
        try:
            client.get(item_path(self.resource, key))
        except IntercomBulkError as exc:
            return isinstance(exc, NotFound)
        return False
