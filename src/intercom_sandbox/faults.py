"""Faults on order: rules that match requests and say what goes wrong. The seed decides, so it repeats.

A rule of a shaping kind changes the true answer, and all that fire apply. Of the other kinds the first that fires wins.
"""

from __future__ import annotations

import json
import re
import shlex
import time
import zlib
from dataclasses import dataclass, field, fields
from typing import Any

from intercom_sandbox.chance import draw
from intercom_sandbox.error_bodies import SHAPES
from intercom_sandbox.wire import Request

KINDS = {
    "status": "Answers with `status` (and `code`, `message`, `shape`, `retry_after`) without doing anything.",
    "outage": "From the first match on (or `at` seconds after the order), for `lasts` seconds, every request gets `status`; "
    "`how: reset` resets connections, `how: refused` closes the port too. `only_matching`: just the requests that match.",
    "drop_before": "Closes the connection before anything is done.",
    "drop_after": "Does it, then closes the connection without an answer.",
    "slow": "Answers `seconds` later; done at once, or with `commit: after` only then.",
    "drip": "Does it, then sends the answer a byte every `seconds`.",
    "endless": "Does it, then sends a body that never ends (or ends after `size` bytes).",
    "bomb": "Does it, then sends a small gzip body that unpacks to `size` bytes (default 256 MiB).",
    "nested": "Does it, then answers with JSON nested `depth` deep.",
    "truncated": "Does it, then sends half the body under the full Content-Length and closes.",
    "wrong": "Does it, then answers 200 with `value`, any JSON: a list, a string, a number, null.",
    "html200": "Answers 200 with a page of HTML; nothing is done, or with `commit: before` it is.",
    "html502": "Answers 502 with a page of HTML; nothing is done, or with `commit: before` it is.",
    "empty200": "Answers 200 without a body; nothing is done, or with `commit: before` it is.",
    "garbage": "Answers 200 with bytes that are not JSON; nothing is done, or with `commit: before` it is.",
    "redirect": "Answers `status` (default 302) with `location`; `plausible` adds a JSON body that looks like success.",
    "error_after": "Does it, then answers with `status` (default 504), as `status` does.",
    "ignored": "Answers a write with 200 and the item as it stands; nothing is done.",
    "rolled_back": "Answers a write as if it were done; nothing of it stands.",
    "limit": "429 in the words of the window, whatever the budget says.",
    "overload": "429 `too_many_requests`: the resource, not the window.",
    "jobs": "429 in the words of the cap on pending jobs.",
    "echo": "An error (`status`, default 400) that repeats the token in `where`: code, message, request_id, header.",
    "fields": "The true answer with the fields of `set` put in (dotted names reach inside) and those of `drop` taken out.",
    "no_pages": "A page of a search without `pages`: the walk ends early.",
    "empty_page": "A page of a search without entries and with `next` null.",
    "announced": "A search announces `extra` (default 100) items more than it shows.",
    "unfiltered": "A search ignores its query.",
    "malformed": "Every `nth` entry of a page is spoilt as `entry` says.",
    "hostile": "Ids of every `nth` entry of a page (`where: ids`) or all names (`where: names`) are replaced by `value`, "
    "or else by a row of hostile texts: escape and bidirectional sequences, paths, formulas, very long ones.",
    "token": "The true answer with the token in `where`: names, header.",
}
SHAPING = ("fields", "no_pages", "empty_page", "announced", "unfiltered", "malformed", "hostile", "token")
UNDONE = ("status", "outage", "drop_before", "html200", "html502", "empty200", "garbage", "redirect", "limit", "overload", "jobs", "echo")
ENTRIES = ("null", "no_id", "id_null", "id_number", "id_list", "id_object", "id_empty", "text", "list")
PURPOSES = ("look", "search", "write", "names")
RESOURCES = ("conversations", "contacts", "companies", "tickets")
LISTS = {f"/{name}" for name in RESOURCES} | {"/companies/scroll", "/conversations/deleted"}

STATUS_CODES = {
    400: ("client_error", "Bad request"),
    401: ("unauthorized", "Access Token Invalid"),
    402: ("api_plan_restricted", "Active subscription needed."),
    403: ("forbidden", "You do not have the required scope (write_conversations) to access this resource"),
    404: ("not_found", "Resource Not Found"),
    408: ("request_timeout", "Request timeout"),
    409: ("conflict", "Conflict"),
    422: ("unprocessable_entity", "Unprocessable entity"),
    429: ("rate_limit_exceeded", "Exceeded rate limit"),
    500: ("server_error", "Internal server error"),
    502: ("server_error", "Bad gateway"),
    503: ("service_unavailable", "Sorry, the API service is temporarily unavailable"),
    504: ("server_error", "Gateway timeout"),
}


def _field(default: Any, doc: str, choices: tuple[str, ...] = ()) -> Any:
    metadata = {"doc": doc, "choices": choices}
    if isinstance(default, list | dict):
        return field(default_factory=type(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class Rule:
    """One fault: what it matches, what happens, how often."""

    kind: str = field(metadata={"doc": "One of the kinds above."})
    method: str = _field("", "HTTP method; empty: any.")
    path: str = _field("", "Regular expression, searched in the path; empty: any.")
    body: str = _field("", "Text that the request body contains; empty: any.")
    on: str = _field(
        "", "What requests are for, separated by commas: look (GET of an item), search (searches and lists of items), write, "
        "names (GET of everything else: `/me`, teams, tags ...); empty: any."
    )  # fmt: skip
    ids: list[str] = _field([], "Ids of items, in the path or the body; empty: any.")  # noqa: RUF009
    every_id: int = _field(0, "Requests for about one item in n, always the same items; 0: see `ids`.")
    share: float = _field(1.0, "Share of the matching requests, 0 to 1.")
    every: int = _field(0, "Every n-th matching request; 0: see `share`.")
    after: int = _field(0, "Matching requests let through first.")
    count: int = _field(0, "Times it happens; 0: without end.")
    at: float = _field(0.0, "Seconds after the order from which it happens.")
    lasts: float = _field(0.0, "Seconds for which it happens, from the first time on; 0: without end.")
    status: int = _field(0, "Status of the answer, where the kind has one.")
    code: str = _field("", "Error code in the body; empty: the usual one.")
    message: str = _field("", "Message in the body; empty: the usual one.")
    shape: str = _field("standard", "Shape of an error body.", tuple(SHAPES))
    retry_after: str = _field(
        "", "Retry-After of an error: `left` (seconds to the end of `lasts`), `date` (the same as an HTTP date), or any text."
    )  # fmt: skip
    commit: str = _field(
        "", "before: done, then answered; never: not done; after: done `seconds` after the request, whatever was answered; empty: as "
        "the kind says.", ("", "before", "never", "after")
    )  # fmt: skip
    how: str = _field("status", "For outage.", ("status", "reset", "refused"))
    only_matching: bool = _field(False, "For outage.")
    seconds: float = _field(1.0, "For slow and drip, and for `commit: after`.")
    size: int = _field(0, "For endless and bomb: bytes.")
    depth: int = _field(100_000, "For nested.")
    value: Any = _field(None, "For wrong, hostile, and the body of redirect: any JSON.")  # noqa: RUF009
    set: dict[str, Any] = _field({}, "For fields.")  # noqa: RUF009
    drop: list[str] = _field([], "For fields.")  # noqa: RUF009
    location: str = _field("", "For redirect; empty: another host, https://elsewhere.test, and the same path.")
    plausible: bool = _field(False, "For redirect.")
    extra: int = _field(100, "For announced.")
    entry: str = _field("null", "For malformed.", ENTRIES)
    nth: int = _field(5, "For malformed and hostile: every n-th entry; a negative number: that one entry, -1 the first.")
    where: str = _field("", "For echo, token and hostile, separated by commas; empty: all of them (hostile: names).")
    matched: int = _field(0, "Requests matched so far (read only).")
    fired: int = _field(0, "Times it happened so far (read only).")

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; the sandbox knows {', '.join(KINDS)}")
        for item in fields(self):
            choices, given = item.metadata.get("choices"), getattr(self, item.name)
            if choices and given not in choices:
                raise ValueError(f"{item.name} of a fault must be one of {', '.join(filter(None, choices))}, not {given!r}")
        for name in ("retry_after", "location"):
            if not (given := str(getattr(self, name))).isascii():
                raise ValueError(f"{name} of a fault goes into a header, which is ASCII, not {given!r}")
        self._purposes = frozenset(self.on.split(",")) if self.on else frozenset()
        if not self._purposes <= set(PURPOSES):
            raise ValueError(f"on of a fault must be of {', '.join(PURPOSES)}, not {self.on!r}")
        self._pattern = re.compile(self.path) if self.path else None
        self._text = self.body.encode()
        self.ids = [str(one) for one in ([self.ids] if isinstance(self.ids, str | int) else self.ids)]
        self._made = time.monotonic()
        self.began: float | None = self._made + self.at if self.at > 0 else None  # when it happened first

    def places(self, *every: str) -> tuple[str, ...]:
        """The places that `where` names, or every one."""
        return tuple(self.where.split(",")) if self.where else every

    def matches(self, request: Request) -> bool:
        """Whether it is about this request."""
        if self.method and request.method != self.method:
            return False
        if self._pattern is not None and not self._pattern.search(request.path):
            return False
        if self._text and self._text not in request.body:
            return False
        if self._purposes and purpose(request) not in self._purposes:
            return False
        if self.ids and not any(one in request.path.split("/") or f'"{one}"'.encode() in request.body for one in self.ids):
            return False
        return not self.every_id or ((key := item_id(request)) is not None and zlib.crc32(key.encode()) % self.every_id == 0)

    def fires(self, request: Request, seed: int, number: int) -> bool:
        """Whether this request gets the fault; counts it."""
        now = time.monotonic()
        if now - self._made < self.at or self._over(now):
            return False
        away = self.kind == "outage" and self.began is not None and not self.only_matching
        hit = away or (self.matches(request) and self._turn(seed, number))
        if hit:
            self.fired += 1
            self.began = now if self.began is None else self.began
        return hit

    def _over(self, now: float) -> bool:
        return self.lasts > 0 and self.began is not None and now - self.began >= self.lasts

    def _turn(self, seed: int, number: int) -> bool:
        self.matched += 1
        if self.matched <= self.after or (self.count and self.fired >= self.count):
            return False
        if self.kind == "outage" and self.began is not None:
            return True
        turn = self.matched - self.after
        if self.every:
            return turn % self.every == 0
        return self.share >= 1 or draw(seed + number * 7919, turn) < self.share

    def left(self) -> float:
        """Seconds until it is over."""
        return self.lasts if self.began is None else max(0.0, self.began + self.lasts - time.monotonic())

    def error(self) -> tuple[int, str, str]:
        """(status, code, message) of the error it answers with."""
        status = self.status or {"error_after": 504, "outage": 503, "echo": 400}.get(self.kind, 500)
        code, message = STATUS_CODES.get(status, ("server_error", "Error"))
        return status, self.code or code, self.message or message

    def done(self) -> bool:
        """Whether the request is carried out before the answer."""
        return self.commit == "before" if self.commit else self.kind not in UNDONE


class Faults:
    """The rules in force."""

    def __init__(self, seed: int, orders: list[str] | None = None) -> None:
        self._seed = seed
        self.rules: list[Rule] = [rule_from(order) for order in orders or ()]

    def add(self, description: dict[str, Any]) -> Rule:
        """Add a rule from its JSON form. `match` may hold method, path and body. Raises ValueError."""
        values = dict(description)
        values.update(values.pop("match", None) or {})
        try:
            rule = Rule(**values)
        except (TypeError, re.error) as wrong:
            raise ValueError(f"bad fault: {wrong}") from None
        self.rules.append(rule)
        return rule

    def pick(self, request: Request) -> tuple[Rule | None, list[Rule]]:
        """The fault that this request gets, if any, and those that shape its answer."""
        chosen: Rule | None = None
        shaping: list[Rule] = []
        for number, rule in enumerate(self.rules):
            if rule.kind in SHAPING:
                if rule.fires(request, self._seed, number):
                    shaping.append(rule)
            elif chosen is None and rule.fires(request, self._seed, number):
                chosen = rule
        return chosen, shaping


def rule_from(order: str) -> Rule:
    """A rule from `kind field=value ...`, as options and settings write it. Raises ValueError."""
    try:
        if order.lstrip().startswith("{"):
            values = json.loads(order)
        else:
            kind, *words = shlex.split(order)
            values = {"kind": kind}
            for word in words:
                name, equals, text = word.partition("=")
                if not equals:
                    raise ValueError(f"{word!r} is not field=value")
                values[name] = _typed(name, text)
        return Rule(**values)
    except (TypeError, ValueError, re.error) as wrong:
        raise ValueError(f"bad fault {order!r}: {wrong}") from None


def _typed(name: str, text: str) -> Any:
    """The text of an order in the type of its field."""
    kind = next((str(item.type) for item in fields(Rule) if item.name == name), "")
    if kind == "str":
        return text
    if kind.startswith("list"):
        return text.split(",")
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f"{name} cannot be {text!r}; it is written as in JSON: 3, true, null, [], \"text\"") from None


def purpose(request: Request) -> str:
    """What a request is for: look, search, write or names."""
    path = request.path
    if request.method in ("GET", "HEAD"):
        if path.rstrip("/") in LISTS:
            return "search"
        return "look" if path.startswith(tuple(f"/{name}/" for name in RESOURCES)) else "names"
    return "search" if path.endswith("/search") or path == "/companies/list" else "write"


def item_id(request: Request) -> str | None:
    """The id of the item in the path."""
    parts = request.path.strip("/").split("/")
    return parts[1] if len(parts) > 1 and parts[0] in RESOURCES and parts[1] not in ("search", "list", "scroll") else None
