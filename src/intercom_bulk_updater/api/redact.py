"""Tokens and e-mail addresses out of everything that is logged, shown or stored."""

from __future__ import annotations

import re

_BEARER = re.compile(r"(?i)(bearer\s+|access_token[\"']?\s*[=:]\s*[\"']?|authorization[\"'=:\s]+(?:bearer\s+)?)[^\s\"',;}]+")
# Intercom's access tokens are base64 that starts with "dG9r" ("tok").
_TOKEN = re.compile(r"\bdG9r[A-Za-z0-9+/=_-]{8,}")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")

_secrets: set[str] = set()


def keep_secret(value: str) -> None:
    """Never let `value` (a token) through `redact` again."""
    if len(value) >= 6:
        _secrets.add(value)


def redact(text: str) -> str:
    """`text` without tokens and e-mail addresses."""
    for secret in _secrets:
        text = text.replace(secret, "[token]")
    text = _BEARER.sub(lambda m: f"{m.group(1)}[token]", text)
    text = _TOKEN.sub("[token]", text)
    return _EMAIL.sub("[e-mail]", text)
