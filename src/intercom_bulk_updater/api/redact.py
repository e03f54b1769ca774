"""What nobody may read, in one place: which names are secret, what a token looks like, and how both are taken out.

- Tokens (the one in use, and what looks like one of Intercom's) leave the process only as the header of a request: neither
  output nor journal ever holds them.
- Values of secret parameters (`password`, `api_key` ...) and messages to people are stored in the journal, because a run
  that is resumed needs them, and are shown nowhere.
- E-mail addresses are stored and not shown.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

_BEARER = re.compile(r"(?i)(bearer\s+|access_token[\"']?\s*[=:]\s*[\"']?|authorization[\"'=:\s]+(?:bearer\s+)?)[^\s\"',;}]+")
# Intercom's access tokens are base64 that starts with "dG9r" ("tok").
_TOKEN = re.compile(r"dG9r(?:[A-Za-z0-9+/=_-]|%2[BbFf]|%3[Dd]){8,}")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_USERINFO = re.compile(r"(?i)(?<=://)([^\s/?#:@'\"]*):(?!PASSWORD@)([^\s/?#'\"<>\\]+)(?=@)")
"""`user:password` of an address; USER:PASSWORD itself stands in help and errors."""

# NAME=VALUE, as parameters and fields are typed.
_TYPED = re.compile(r"(?!KEY=VALUE\b)\b([A-Za-z_][\w.-]{0,80}=)(?!=)[^\s'\"`]+")
"""`name=value` as it is typed; KEY=VALUE itself stands in help and errors."""
_RANDOM = re.compile(r"[A-Za-z0-9_-]{40,}={0,2}")

_SECRET_WORDS = frozenset(
    (
        "password", "passwords", "passwd", "passphrase", "passcode", "pwd", "pw", "secret", "secrets", "token", "tokens", "key", "keys",
        "apikey", "auth", "authorization", "oauth", "bearer", "credential", "credentials", "creds", "cred", "cookie", "cookies", "jwt",
        "otp", "pat", "pin", "pins", "session", "signature", "webhookurl",
    )
)  # fmt: skip
_SECRET_PARTS = ("password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "privatekey", "credential")
"""Words that are secret inside another one, too: `userpassword`, `accesstoken`."""
_MESSAGE_WORDS = frozenset(
    ("body", "bodies", "message", "messages", "text", "html", "markdown", "note", "notes", "reply", "replies", "comment", "comments",
     "subject", "msg")
)  # fmt: skip
_ABOUT = frozenset(("type", "types", "count", "kind", "format", "visible", "at", "status", "state", "notifications", "id", "ids"))
"""A name that ends so says something about a message, and is none: `message_type`, `note_id`."""
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_LEAST, _LEAST_MESSAGE = 6, 16
"""Characters of a secret and of a message that are looked for in every text; a shorter one stands in too many by chance."""
_LEAST_ENCODED = 8
_SHORTEST_MESSAGE = 3
"""Characters of a message that is looked for in what a person's own code says; a secret is, of any length."""
_MOST_PRIVATE = 200
_LONGEST_NAME = 100
_NOT_SHOWN = "(not shown)"

# Replaced as a whole, never changed: other threads read them meanwhile. Longest first: one may be part of another.
_tokens: tuple[str, ...] = ()
_private: tuple[str, ...] = ()
_short: tuple[str, ...] = ()
"""What is too short to be looked for in every text."""


class _OfItem(threading.local):
    """The same of the item that a thread acts on."""

    private: tuple[str, ...] = ()
    short: tuple[str, ...] = ()


_of_item = _OfItem()


def keep_secret(value: str) -> None:
    """Never let `value` (a token) into any output or the journal again."""
    global _tokens
    if len(value) >= _LEAST and value not in _tokens:
        _tokens = _longest_first({*_tokens, value, *_encoded(value)})


def _encoded(token: str) -> Iterator[str]:
    """A token as addresses, headers and other JSON have it: percent-encoded, and inside of something in base64."""
    for quoted in (quote(token), quote(token, safe="")):
        yield from (quoted, re.sub("%..", lambda m: m[0].lower(), quoted))
    yield token.replace("/", "\\/")
    # Where it begins at another place than the first of three, its first and its last letters depend on what is beside it.
    for before in range(3):
        coded = b64encode(bytes(before) + token.encode())
        inside = coded[(0, 2, 3)[before] : len(coded) - (0, 2, 3)[-(before + len(token.encode())) % 3]].decode()
        if len(inside) >= _LEAST_ENCODED:
            yield from (inside, inside.replace("+", "-").replace("/", "_"))


def keep_private(parameters: Any, name: str = "") -> None:
    """Never show the secrets and messages among these parameters, wherever they come back (in an error, in a name)."""
    global _private, _short
    for form, is_long in _forms(parameters, name):
        if is_long and form not in _private and len(_private) < _MOST_PRIVATE:
            _private = _longest_first((*_private, form))
        elif not is_long and form not in _short and len(_short) < _MOST_PRIVATE:
            _short = _longest_first((*_short, form))


def keep_private_of_item(parameters: Any) -> None:
    """The same for the parameters of one item, such as its row of a spreadsheet: until this thread takes up the next."""
    forms = set(_forms(parameters))
    _of_item.private = _longest_first(form for form, is_long in forms if is_long)
    _of_item.short = _longest_first(form for form, is_long in forms if not is_long)


def _longest_first(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(texts, key=len, reverse=True))


def _forms(parameters: Any, name: str = "") -> Iterator[tuple[str, bool]]:
    """What is private among parameters, as it is and as errors quote it; and whether it is long enough to be looked for anywhere."""
    if isinstance(parameters, Mapping):
        for inner, value in parameters.items():
            yield from _forms(value, name if name and _hides(name) else str(inner))
    elif isinstance(parameters, list | tuple | set | frozenset):
        for value in parameters:
            yield from _forms(value, name)
    elif isinstance(parameters, str | int | float) and not isinstance(parameters, bool):
        text = str(parameters).strip()
        for _, secret in _USERINFO.findall(text) if "://" in text else ():
            yield from ((form, len(form) >= _LEAST) for form in {secret, unquote(secret)})
        field, equals, value = text.partition("=")
        if equals and is_secret(field):  # KEY=VALUE, as `set` takes it
            name, text = field, value.strip()
        if not _hides(name):
            return
        least, shortest = (_LEAST, 1) if is_secret(name) else (_LEAST_MESSAGE, _SHORTEST_MESSAGE)
        if len(text) >= shortest:
            yield from ((form, len(text) >= least) for form in {text, repr(text)[1:-1], json.dumps(text)[1:-1]})


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether the value under this name is a secret: `api_key`, `userPassword`, `Authorization`."""
    pieces = _pieces(name)
    if not pieces or pieces[-1] in ("type", "types", "count"):
        return False
    if "webhook" in pieces and pieces[-1] in ("url", "uri"):
        return True
    return any(piece in _SECRET_WORDS or any(part in piece for part in _SECRET_PARTS) for piece in pieces)


@lru_cache(maxsize=1024)
def is_message(name: str) -> bool:
    """Whether the value under this name is what somebody is written: `body`, `message_text`, `replyHtml`."""
    pieces = _pieces(name)
    if not pieces or (len(pieces) > 1 and pieces[-1] in _ABOUT):
        return False
    return any(piece in _MESSAGE_WORDS or "message" in piece for piece in pieces)


def mask(value: Any, name: str = "", *, with_bodies: bool = False) -> Any:
    """The same JSON value, fit to be shown: without secrets, messages, tokens and e-mail addresses.

    Parameters
    ----------
    name:
        Under which name the value stands; it decides whether it is a secret or a message.
    with_bodies:
        With messages and e-mail addresses. Secrets and tokens are left out in any case.
    """
    if value is None or isinstance(value, bool) or (value in ("", 0) and not isinstance(value, float)):
        return value
    if name and is_secret(name):
        return _NOT_SHOWN
    if name and not with_bodies and is_message(name) and isinstance(value, str):
        return f"({len(value)} characters, not shown)"
    if isinstance(value, str):
        return without_tokens(value) if with_bodies else redact(value)
    if isinstance(value, Mapping):
        inherited = name if name and not with_bodies and is_message(name) else ""
        return {
            mask(str(inner), with_bodies=with_bodies): mask(part, inherited or str(inner), with_bodies=with_bodies)
            for inner, part in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(part, name, with_bodies=with_bodies) for part in value]
    return value


def redact(text: str) -> str:
    """`text` without tokens, secrets, messages of this run and e-mail addresses."""
    return without_mail(without_tokens(without_private(text)))


def without_mail(text: str) -> str:
    """`text` without e-mail addresses."""
    return _EMAIL.sub("[e-mail]", text) if "@" in text else text


def redact_theirs(text: str) -> str:
    """As `redact`, for what a person's own code says: also without short secrets and messages, where they stand as words."""
    text = redact(text)
    for short in _longest_first((*_short, *_of_item.short)) if _of_item.short else _short:
        if short in text:
            text = re.sub(rf"(?<!\w){re.escape(short)}(?!\w)", lambda m: "[not shown]", text)
    return text


def without_typed_secrets(text: str) -> str:
    """What a person typed, to be said back: without what may be a token or a secret in the wrong place."""
    text = without_private(without_userinfo(without_known_tokens(text)))
    text = _TYPED.sub(lambda m: f"{m[1]}{_NOT_SHOWN}" if is_secret(m[1]) else m[0], text)
    return _RANDOM.sub(lambda m: "[token]" if _looks_random(m[0]) else m[0], text)


def without_private(text: str) -> str:
    """`text` without secrets and messages among the parameters of this process's runs, and of the item in this thread's hands."""
    for private in _longest_first((*_private, *_of_item.private)) if _of_item.private else _private:
        if private in text:
            text = text.replace(private, "[not shown]")
    return text


def _looks_random(word: str) -> bool:
    """Whether a long word mixes capitals, small letters and digits, as keys do and names do not."""
    return any(c.isdigit() for c in word) and any(c.isupper() for c in word) and any(c.islower() for c in word)


def redact_texts(value: Any) -> Any:
    """A JSON value with every text in it redacted, whatever name it stands under."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(name)): redact_texts(part) for name, part in value.items()}
    return [redact_texts(part) for part in value] if isinstance(value, list | tuple) else value


def without_tokens(text: str) -> str:
    """`text` without tokens; messages and e-mail addresses stay."""
    text = without_known_tokens(text)
    return _BEARER.sub(lambda m: f"{m.group(1)}[token]", without_userinfo(text))


def without_userinfo(text: str) -> str:
    """`text` without the passwords of addresses, `postgres://user:password@host`: secrets by their place, whatever their name."""
    return _USERINFO.sub(lambda m: f"{m[1]}:[not shown]", text) if "://" in text else text


def without_known_tokens(text: str) -> str:
    """`text` without what is certainly a token: the one in use, and what has the form of Intercom's. For what is stored."""
    for token in _tokens:
        if token in text:
            text = text.replace(token, "[token]")
    return _TOKEN.sub("[token]", text) if "dG9r" in text else text


def _pieces(name: str) -> list[str]:
    """The words of a name; none of a sentence, which is how changes are counted: `title: my password -> x`."""
    if len(name) > _LONGEST_NAME or ": " in name or name[:1] in "+-":
        return []
    return [piece.lower() for piece in _PIECES.findall(name)]


def _hides(name: str) -> bool:
    return is_secret(name) or is_message(name)
