"""Answers spoilt at random, and the same way again: what depends on nothing but the seed and the request.

How often the same request came before counts too, so a client that asks again may get a true answer.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from intercom_sandbox.chance import seed_and_rate
from intercom_sandbox.faults import purpose
from intercom_sandbox.settings import Settings
from intercom_sandbox.wire import Reply, Request

STRANGE: tuple[Any, ...] = (None, True, 0, -1, 1.5, 10**30, "", "text", [], {}, [None], [[1]], {"id": None}, "\u202e\x1b[31m", "x" * 5000)
STATUSES = (200, 201, 202, 204, 206, 302, 400, 404, 409, 422, 500, 503)
HEADERS = (
    "X-RateLimit-Remaining: -5\r\n",
    "X-RateLimit-Remaining: many\r\n",
    "X-RateLimit-Reset: 0\r\n",
    "X-RateLimit-Reset: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
    "X-RateLimit-Limit: \r\n",
    "Retry-After: soon\r\n",
    "X-Odd: \xff\xfe\r\n",
    "Content-Encoding: identity\r\n",
)
TYPES = ("text/html", "application/octet-stream", "", "application/json; charset=utf-16")


class Mutations:
    """The spoiler, with its memory of what was asked how often."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._order = seed_and_rate(settings.mutate)
        self._asked: dict[bytes, int] = {}

    def mutate(self, request: Request, reply: Reply, counts: dict[str, int]) -> Reply:
        """The reply, spoilt if its turn has come, and then counted as `mutate`."""
        if self._order is None or reply.how != "whole":
            return reply
        wanted = self._settings.mutate_on
        if wanted and purpose(request) not in wanted.split(","):
            return reply
        if reply.later is not None:
            later = reply.later
            reply.later = lambda: self.mutate(request, later(), counts)
            return reply
        seed, rate = self._order
        mark = b"%b %b?%b\n%b" % (request.method.encode(), request.path.encode(), request.raw_query.encode(), request.body)
        turn = self._asked[mark] = self._asked.get(mark, 0) + 1
        chance = random.Random((seed << 40) + (zlib.crc32(mark) << 8) + turn)
        if chance.random() < rate:
            counts["mutate"] = counts.get("mutate", 0) + 1
            _spoil(chance, reply)
        return reply


def _spoil(chance: random.Random, reply: Reply) -> None:
    draw = chance.random()
    if draw < 0.7:
        try:
            content = json.loads(reply.body)
        except (ValueError, RecursionError):
            reply.body = b"{}"
            return
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            content = _change(chance, content)
        reply.body = json.dumps(content).encode()
    elif draw < 0.8:
        _cut(chance, reply)
    elif draw < 0.88:
        reply.status = chance.choice(STATUSES)
        if reply.status == 204:
            reply.body = b""
        if reply.status == 302:
            reply.head += "Location: /elsewhere\r\n"
    elif draw < 0.96:
        kept = reply.head.split("\r\n")[:-1]
        if kept and chance.random() < 0.5:
            del kept[chance.randrange(len(kept))]
        reply.head = "".join(f"{line}\r\n" for line in kept) + chance.choice(HEADERS)
    else:
        reply.content_type = chance.choice(TYPES)


def _cut(chance: random.Random, reply: Reply) -> None:
    """Spoil the bytes: cut them, or put others in."""
    at = chance.randrange(len(reply.body) + 1)
    reply.body = chance.choice((
        reply.body[:at],
        reply.body[at:],
        reply.body[:at] + bytes([chance.randrange(256)]) + reply.body[at + 1 :],
        reply.body + reply.body,
        b"\xef\xbb\xbf" + reply.body,
        b"",
    ))  # fmt: skip


def _change(chance: random.Random, content: Any) -> Any:
    """One change somewhere in the tree; the upper levels, where clients look, more often than the deep ones."""
    if isinstance(content, dict | list) and content and chance.random() < 0.75:
        key = chance.choice(list(content)) if isinstance(content, dict) else chance.randrange(len(content))
        if chance.random() < 0.6:
            content[key] = _change(chance, content[key])
            return content
        return chance.choice(_INSIDE)(chance, content, key)
    return chance.choice(_WHOLE)(chance, content)


def _drop(chance: random.Random, content: Any, key: Any) -> Any:
    del content[key]
    return content


def _retype(chance: random.Random, content: Any, key: Any) -> Any:
    content[key] = deepcopy(chance.choice(STRANGE))
    return content


def _rename(chance: random.Random, content: Any, key: Any) -> Any:
    if isinstance(content, dict):
        content[chance.choice(("items", f"{key}s", key.upper(), ""))] = content.pop(key)
    else:
        content.insert(0, content.pop(key))
    return content


def _double(chance: random.Random, content: Any, key: Any) -> Any:
    if isinstance(content, dict):
        content[key] = [content[key], content[key]]
    else:
        content.insert(key, content[key])
    return content


def _swap(chance: random.Random, content: Any, key: Any) -> Any:
    other = chance.choice(list(content)) if isinstance(content, dict) else chance.randrange(len(content))
    content[key], content[other] = content[other], content[key]
    return content


def _turn_over(chance: random.Random, content: Any) -> Any:
    """A dict for a list, a list for a dict, a text for a number and the other way round."""
    if isinstance(content, dict):
        return list(content.values())
    if isinstance(content, list):
        return {str(index): entry for index, entry in enumerate(content)}
    if isinstance(content, str):
        return int(content) if content.isascii() and content.isdigit() and len(content) < 30 else [content]
    return str(content)


def _nest(chance: random.Random, content: Any) -> Any:
    for _ in range(chance.choice((1, 1, 3, 200))):
        content = [content] if chance.random() < 0.5 else {"data": content}
    return content


_INSIDE: tuple[Callable[[random.Random, Any, Any], Any], ...] = (_drop, _retype, _retype, _rename, _double, _swap)
_WHOLE: tuple[Callable[[random.Random, Any], Any], ...] = (_turn_over, _nest, lambda chance, content: deepcopy(chance.choice(STRANGE)))

