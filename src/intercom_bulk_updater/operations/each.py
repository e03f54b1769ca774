"""each: one request for each item of whatever Intercom lists. The way to what no verb here does.

    intercom-bulk each articles PUT 'articles/{{id}}' '{"state": "draft"}'

API: https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis/pagination
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from ..api.client import Client
from ..api.effects import LATE, is_read_alone, shows, written_fields
from ..api.messages import SentRequest
from ..api.paths import UnusableId, item_path
from ..errors import ApiError, NotFound, UsageError
from ..model import Item, Reversibility
from ..parsing.finite import finite_json
from .built_in import operations_in
from .endings import NothingChanged
from .field_values import describe_field
from .fields import UPDATED
from .message_template import PLACE, EmptyField, NoText, escape, odd_brace, refuse_two_bars, unescape
from .messages import people_of
from .operation import Change, Json, Operation
from .per_item import WITH
from .resource import resources
from .seen_by_customers import has_no_way_back, message_of, seen_by_customers
from .watched import changed_since, is_as_seen, seen_of

METHODS = ("POST", "PUT", "PATCH", "DELETE")
_NO_GET = (404, 405, 410)
"""What a path is answered to a GET that only takes other methods."""
_IS_ID = re.compile(r"\{\{\s*id\s*\}\}").fullmatch


class Each(Operation):
    """Send one request for each item. What undoes it is not known; a POST is never sent twice.

    Parameters
    ----------
    method, path, body:
        The request: "PUT", "articles/{{id}}", `{"state": "draft"}` as JSON text, or "". `{{field}}` in path and body is a field
        of the item as the list shows it, or a column of the spreadsheet. A text of the body that is one place and
        nothing else takes the field's value with its type.
    again:
        Send a message although an earlier run sent the same text to the same item.
    home:
        Where the items are read one by one, by the list that they are of: "articles".
    """

    name: ClassVar[str] = "each"
    past, unchanged, lead = "sent", "already as requested", "Send a request for each of"
    reversibility = Reversibility.UNKNOWN
    customer_visible = None

    def __init__(self, method: str, path: str, body: str = "", again: bool = False, home: str = "") -> None:
        self.method = method.upper()
        self.path = path.strip("/")
        self.body = body
        self.again = again
        self.home = home
        self.idempotent = self.method != "POST"
        self._json = self._parsed()
        if has_no_way_back(self.method, self.path, self._json):
            self.reversibility = Reversibility.IRREVERSIBLE
        self._text = message_of(self.method, self.path, self._json)
        self.appends = self.writes_text
        self.customer_visible = seen_by_customers(self.method, self.path, self._json)

    def _parsed(self) -> Any:
        if self.method not in METHODS:
            raise UsageError(f"{self.method!r} is no method that writes: it is one of {', '.join(METHODS)}.")
        if "?" in self.path or "#" in self.path or {"", ".", ".."} & set(self.path.split("/")):
            raise UsageError(f"{self.path!r} is no path such as 'articles/{{{{id}}}}'.")
        try:
            parsed = finite_json(self.body) if self.body else None
        except ValueError as exc:
            raise UsageError(f"The body is not JSON: {exc}.") from exc
        if odd := next((odd for text in _texts([self.path, parsed]) if (odd := odd_brace(text))), ""):
            raise UsageError(
                f"The request has {odd!r} in it, which is no place: a place is written {{{{title}}}}, with two braces on each side. "
                "Write \\\\{ in the JSON for a brace that is meant."
            )
        refuse_two_bars(f"{self.path} {self.body}")
        if not self.places and self.method != "POST":
            raise UsageError("Every request would be the same: {{id}}, or another field, stands neither in the path nor in the body.")
        return parsed

    @property
    def parameters(self) -> dict[str, Any]:
        more = {**({"again": True} if self.again else {}), **({"home": self.home} if self.home else {})}
        return {"method": self.method, "path": self.path, "body": self.body, **more}

    def of_list(self, endpoint: str, resource: str) -> Each:
        """The same request, for the items of a list."""
        return type(self)(self.method, self.path, self.body, self.again, resource if resource in resources() else endpoint)

    @property
    def backs_up(self) -> bool:
        """See Operation. Where nothing shows an item by itself there is nothing to keep."""
        return super().backs_up and bool(self._shown_at)

    @property
    def _shown_at(self) -> str:
        """Where one item is read: as far as the path names it, or in its list; "" where neither is known to show one."""
        steps = self.path.split("/")
        named = ["/".join(steps[:end]) for end in range(len(steps), 0, -1) if _IS_ID(steps[end - 1])]
        heads = [head for head in (*named, f"{self.home}/{{{{id}}}}") if {place[1] for place in PLACE.finditer(head)} == {"id"}]
        return next((head for head in heads if is_read_alone(head)), "")

    @property
    def places(self) -> list[str]:
        """The fields that path and body name, each once."""
        return list(dict.fromkeys(place[1] for place in PLACE.finditer(f"{self.path} {self.body}")))

    @property
    def subject(self) -> str:
        """What `{{id}}` names, where the path says so: of "contacts/{{id}}/tags" it is "contacts"; "" where it does not."""
        steps = self.path.split("/")
        return next((before for before, step in pairwise(steps) if _IS_ID(step) and before in resources()), "")

    def describe(self) -> str:
        return f"{self.method} /{self.path}"

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. The fields that the request names; and who sees it, for the review."""
        people = people_of(payload) if self.customer_visible else {}
        return {**people, **{name: value_of(payload, name) for name in self.places}, **self._looked_at(payload), **_gone(payload)}

    def _looked_at(self, payload: Json) -> dict[str, Any]:
        """Marks of the item, and of the fields that are written; {} of a list whose items are not what the path reads.

        Who has written meanwhile is nothing to fields that are named, unless they cannot be had back.
        """
        if self.home and not f"{self.home}/".startswith(f"{self._kind}/"):
            return {}
        written = self._json if self.reads_back and isinstance(self._json, Mapping) else {}
        named = [name for name, _ in written_fields(written)]
        return seen_of(self._kind, payload, named, fields_alone=bool(named) and self.reversibility is not Reversibility.IRREVERSIBLE)

    @property
    def _kind(self) -> str:
        """What is read one by one: "articles"."""
        return self._shown_at.rpartition("/")[0] or self.home

    def touched(self, payload: Json, item: Item) -> str:
        """See Operation. Whatever of an item others have changed, since nothing is known of what the request does to it.

        In doubt nothing tells whose change it is.
        """
        return "" if item.doubt else changed_since(self._kind, payload, item)

    def shown(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. No field that a search shows tells whether the request was sent."""
        return None

    def change(self, item: Item) -> Change | None:
        return {} if self._deletes and _gone(item.before or {}) else {self.describe(): (None, "one more message")}

    def impossible(self, item: Item) -> str:
        """See Operation. Where a place stays empty; a message tells of it for all items before the first is written."""
        try:
            self.request(item)
        except EmptyField as exc:
            return "" if self.writes_text else str(exc)
        except UnusableId:
            pass
        return ""

    @property
    def writes_text(self) -> bool:
        return bool(self._text)

    @property
    def message_fields(self) -> Sequence[str]:
        return self.places if self.writes_text else ()

    def text(self, item: Item) -> str:
        body = self.request(item)[1] if self.writes_text else {}
        return str(body.get("body") or "")

    def message(self, item: Item) -> str:
        """See Operation. The request as it would be sent, for the preview."""
        try:
            if self.writes_text and not self.text(item).strip():
                raise EmptyField("")
            path, body = self.request(item)
        except UnusableId as exc:
            return f"no request: {exc}"
        return f"{self.method} /{path}" + ("" if body is None else f" {json.dumps(body, ensure_ascii=False)}")

    def request(self, item: Item) -> tuple[str, Any]:
        """Path and body of an item's request. Raises UnusableId for a value that no path can hold, EmptyField, NoText."""
        shown = dict(item.before or {})
        if self.writes_text:  # a message is HTML: a customer whose name holds a tag must not write it into ours
            shown = {name: value.replace("<", "&lt;") if isinstance(value, str) else value for name, value in shown.items()}
        values = {**shown, **((item.data or {}).get(WITH) or {}), "id": item.id}
        return item_path(*(_text(segment, values) for segment in self.path.split("/"))), _filled(self._json, values)

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation. Where the request changes what a GET of the same path shows, or cannot be taken back.

        None for a path that has no GET.
        """
        at = self._shown_at if self.backs_up else self.path if self.reads_back else ""
        return self._get(client, item_id, at) if at else None

    def _get(self, client: Client, item_id: str, at: str) -> Json | None:
        try:
            return client.get(item_path(*(_text(step, {"id": item_id}) for step in at.split("/"))))
        except ApiError as exc:
            if exc.status in _NO_GET and not is_read_alone(at):
                return None  # it may have no GET at all, as the path that sets an admin away: that tells nothing of the item
            if exc.status != 404 or not self._deletes:
                raise
            return {"id": item_id, "deleted": True}

    def reread(self, client: Client, item: Item) -> Json | None:
        """See Operation. Where the path names an item that can be read, whatever the request does to it."""
        return self._get(client, item.id, self._shown_at) if self._shown_at else self.read(client, item.id)

    def why_no_undo(self) -> str:
        return "which request would take this one back is not known"

    def whole(self, client: Client, item: Json) -> Json:
        """See Operation. As the verb keeps it that deletes one."""
        kind = self._shown_at.rpartition("/")[0]
        verb = operations_in(kind).get("delete") if kind in resources() else None
        return item if verb is None else verb().whole(client, item)

    @property
    def _deletes(self) -> bool:
        """Whether the item itself is deleted, and not what belongs to it."""
        return self.method == "DELETE" and self._shown_at == self.path

    @property
    def reads_back(self) -> bool:  # type: ignore[override] # of the class elsewhere; here the request tells
        changes = self.method in ("PUT", "PATCH") and set(PLACE.findall(self.path)) == {("id", "")}
        return changes or self._deletes

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation. As far as the item shows what the body holds, or what Intercom has made of it.

        A field that is as it was before was not written. One that is neither may be what was sent, made over.
        """
        if self._deletes:  # a company goes some time after the answer
            there = None if self._shown_at.startswith("companies/") or not is_read_alone(self._shown_at) else False
            return True if _gone(payload) else there
        body = self.request(item)[1] if self.reads_back else None
        if not isinstance(body, Mapping):
            return None
        told = [_written(payload, item, name, value, since) for name, value in written_fields(body)]
        return False if False in told else True if told and None not in told else None

    def asks(self, item: Item) -> SentRequest | None:
        """See Operation. What cannot be sent again without looking."""
        if self.idempotent:
            return None
        path, body = self.request(item)
        return SentRequest(self.method, path, body)

    def not_written(self, payload: Json, item: Item) -> str:
        """See Operation. By the names of the fields: their values may be long."""
        if self._deletes or not self.reads_back:
            return ""
        sent = written_fields(self.request(item)[1])
        still = [name for name, value in sent if _written(payload, item, name, value, item.sent_at) is False]
        return f"{', '.join(map(describe_field, still))} as before" if still else ""

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        path, body = self.request(item)
        try:
            client.call(self.method, path, json=body)
        except NotFound:
            if self.method == "DELETE":
                raise NothingChanged("it was not there any more") from None
            raise
        return None


def _gone(payload: Json) -> dict[str, Any]:
    return {"deleted": True} if payload.get("deleted") is True else {}


def _written(payload: Json, item: Item, name: str, value: Any, since: float) -> bool | None:
    """Whether a field shows what was sent; None where what it shows may be that, made over by Intercom."""
    shown, verdict = value_of(payload, name), shows(payload, name, value)
    if verdict and (value in (None, "") or _even(shown) == _even(value)):
        return True
    still, changed = is_as_seen(payload, item, name), payload.get(UPDATED)
    if still is None:
        still = type(changed) is int and changed < since - LATE
    if verdict:  # in other letters: as it was before, it may have been written or not
        return None if still else True
    texts = isinstance(shown, str) and isinstance(value, str)
    return False if still and (texts or verdict is False) else None


def _even(value: Any) -> Any:
    """A value without what Intercom cuts off."""
    return value.strip() if isinstance(value, str) else value


def value_of(payload: Json, name: str) -> Any:
    """A field of an item, with dots between: `parent.id`; None where it is not shown."""
    found: Any = payload
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _texts(body: Any) -> Iterator[str]:
    """The texts of a body, which may hold places."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, Mapping | list):
        for part in body.values() if isinstance(body, Mapping) else body:
            yield from _texts(part)


def _text(template: str, values: Mapping[str, Any]) -> str:
    return unescape(PLACE.sub(lambda place: escape(_word(place[1], place[2], values)), template))


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _word(name: str, otherwise: str | None, values: Mapping[str, Any]) -> str:
    value = values.get(name)
    if _is_empty(value):
        if otherwise is None:
            raise EmptyField(name)
        return otherwise.strip()
    if isinstance(value, Mapping | list):
        raise NoText(name)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _filled(body: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(body, str):
        whole = PLACE.fullmatch(body.strip())
        return values[whole[1]] if whole and not _is_empty(values.get(whole[1])) else _text(body, values)
    if isinstance(body, Mapping):
        return {name: _filled(part, values) for name, part in body.items()}
    return [_filled(part, values) for part in body] if isinstance(body, list) else body
