"""Changes to a true answer, on order: fields, pages, entries, names."""

from __future__ import annotations

import json
from typing import Any

from intercom_sandbox.faults import Rule, purpose
from intercom_sandbox.wire import Reply, Request, given_token

ENTRY_LISTS = ("conversations", "data", "tickets")
NAMES = frozenset({"name", "title", "subject", "label", "internal_label", "external_label", "email"})
LONG = 10_000
HOSTILE_NAMES = (
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\x1b[2J\x1b[1;1H\x1b]8;;https://elsewhere.test\x1b\\link\x1b]8;;\x1b\\",
    "abc\u202etxt.exe\u202c\u2066\u2069\u200f",
    "=HYPERLINK(\"https://elsewhere.test\",\"x\")",
    "+1+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "<script>alert(1)</script>&amp;\"'",
    "two\nlines\r\nand\ta tab\x00\x08\x7f\x9b31m",
    "[bold red]markup[/] {0} %s %(name)s $HOME `id`",
    "n" * LONG,
    "",
)
HOSTILE_IDS = (
    "{0}/../{1}",
    "{0}?x=1",
    "{0}#x",
    "{0}%2F..%2F{1}",
    "../contacts/{0}",
    "\x1b[31m{0}",
    "\u202e{0}",
    "={0}+1",
    "{0}\r\nX-Header: 1",
    "{0} ",
    "9" * LONG,
)


def shape(request: Request, reply: Reply, rules: list[Rule]) -> Reply:
    """The reply as the rules want it; one whose body is not JSON stays as it is."""
    if reply.later is not None:
        later = reply.later
        reply.later = lambda: shape(request, later(), rules)
        return reply
    try:
        content = json.loads(reply.body)
    except (ValueError, RecursionError):
        return reply
    for rule in rules:
        _SHAPERS[rule.kind](request, reply, content, rule)
    reply.body = json.dumps(content).encode()
    return reply


def without_query(request: Request) -> None:
    """Make a search ask for everything."""
    if purpose(request) == "search" and isinstance(body := request.json(), dict) and "query" in body:
        body["query"] = {"field": "created_at", "operator": ">", "value": 0}


def _fields(request: Request, reply: Reply, content: Any, rule: Rule) -> None:
    for name, value in rule.set.items():
        _put(content, name.split("."), value)
    for name in rule.drop:
        _take(content, name.split("."))


def _put(content: Any, path: list[str], value: Any) -> None:
    """Set a field; a list on the way stands for each of its entries."""
    if isinstance(content, list):
        for entry in content:
            _put(entry, path, value)
    elif isinstance(content, dict):
        if len(path) == 1:
            content[path[0]] = value
        else:
            _put(content.setdefault(path[0], {}), path[1:], value)


def _take(content: Any, path: list[str]) -> None:
    if isinstance(content, list):
        for entry in content:
            _take(entry, path)
    elif isinstance(content, dict) and path[0] in content:
        if len(path) == 1:
            del content[path[0]]
        else:
            _take(content[path[0]], path[1:])


def _entries(content: Any) -> list[Any] | None:
    if not isinstance(content, dict):
        return None
    return next((content[name] for name in ENTRY_LISTS if isinstance(content.get(name), list)), None)


def _no_pages(request: Request, reply: Reply, content: Any, rule: Rule) -> None:
    if _entries(content) is not None:
        content.pop("pages", None)


def _empty_page(request: Request, reply: Reply, content: Any, rule: Rule) -> None:
    found = _entries(content)
    if found is not None:
        found.clear()
        if isinstance(content.get("pages"), dict):
            content["pages"]["next"] = None


def _announced(request: Request, reply: Reply, content: Any, rule: Rule) -> None:
    if _entries(content) is not None and isinstance(content.get("total_count"), int):
        content["total_count"] += rule.extra


def _chosen(found: list[Any], nth: int) -> range:
    if nth < 0:
        return range(-nth - 1, min(-nth, len(found)))
    return range(nth - 1, len(found), nth) if nth else range(0)


def _malformed(request: Request, reply: Reply, content: Any, rule: Rule) -> None:
    found = _entries(content) or []
    spoilt: dict[str, Any] = {
        "id_null": None, "id_number": 42, "id_list": ["1"], "id_object": {"id": "1"}, "id_empty": "",
    }  # fmt: skip
    for index in _chosen(found, rule.nth):
        if rule.entry == "no_id":
            found[index].pop("id", None)
        elif rule.entry in spoilt:
            given = found[index].get("id")
            number = rule.entry == "id_number" and isinstance(given, str) and given.isdigit()
            found[index]["id"] = int(given) if number else spoilt[rule.entry]
        else:
            found[index] = {"null": None, "text": "entry", "list": []}[rule.entry]


def _hostile(request: Request, reply: Reply, content: Any, rule: Rule) -> None:
    places = rule.places("names")
    if "names" in places:
        _rename(content, HOSTILE_NAMES if rule.value is None else (str(rule.value),), [0])
    if "ids" in places:
        found = _entries(content) or []
        for turn, index in enumerate(_chosen(found, rule.nth)):
            own, other = str(found[index].get("id")), str(found[index - 1].get("id"))
            pattern = HOSTILE_IDS[turn % len(HOSTILE_IDS)] if rule.value is None else None
            found[index]["id"] = rule.value if pattern is None else pattern.format(own, other)


def _rename(content: Any, texts: tuple[str, ...], turn: list[int]) -> None:
    if isinstance(content, list):
        for entry in content:
            _rename(entry, texts, turn)
    elif isinstance(content, dict):
        for name, value in content.items():
            if name in NAMES and isinstance(value, str):
                content[name] = texts[turn[0] % len(texts)]
                turn[0] += 1
            else:
                _rename(value, texts, turn)


def _token(request: Request, reply: Reply, content: Any, rule: Rule) -> None:
    token = given_token(request)
    places = rule.places("names", "header")
    if "names" in places:
        _rename(content, (f"name {token}",), [0])
    if "header" in places:
        reply.head += f"X-Request-Id: {token}\r\nX-Echo: Bearer {token}\r\n"


def _unfiltered(request: Request, reply: Reply, content: Any, rule: Rule) -> None:
    """Nothing here: `without_query` changed the question."""


_SHAPERS = {
    "fields": _fields,
    "no_pages": _no_pages,
    "empty_page": _empty_page,
    "announced": _announced,
    "unfiltered": _unfiltered,
    "malformed": _malformed,
    "hostile": _hostile,
    "token": _token,
}
