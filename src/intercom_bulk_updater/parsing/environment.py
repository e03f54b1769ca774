"""What comes from outside: variables that are read, the `.env` file, addresses; names that are nearly right."""

from __future__ import annotations

import io
import ipaddress
import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ConfigurationError, UsageError
from .text_file import LARGEST_QUERY, read_text

# Field -> variable. What is not here is set by a flag or an argument alone.
VARIABLES = {
    "access_token": "INTERCOM_ACCESS_TOKEN",
    "admin_id": "INTERCOM_ADMIN_ID",
    "inbox_id": "INTERCOM_INBOX_ID",
    "region": "INTERCOM_REGION",
    "base_url": "INTERCOM_BASE_URL",
    "api_version": "INTERCOM_API_VERSION",
    "patience": "INTERCOM_BULK_PATIENCE",
    "home": "INTERCOM_BULK_HOME",
}

# The flags of the command that a variable may set: --share is INTERCOM_BULK_SHARE. (--patience is a setting, and among those above.)
_FLAGS = ("workers", "share", "rate", "batch", "timeout", "retries", "deadline", "json", "jsonl", "quiet", "verbose", "progress", "report")
FLAG_VARIABLES = {flag: f"INTERCOM_BULK_{flag.upper()}" for flag in _FLAGS}

# Names that people bring from other tools, where guessing wrong would mean no token, or the wrong server.
_OTHER_NAMES = {
    "INTERCOM_TOKEN": "INTERCOM_ACCESS_TOKEN",
    "INTERCOM_API_TOKEN": "INTERCOM_ACCESS_TOKEN",
    "INTERCOM_API_KEY": "INTERCOM_ACCESS_TOKEN",
    "INTERCOM_ACCESS_KEY": "INTERCOM_ACCESS_TOKEN",
    "INTERCOM_URL": "INTERCOM_BASE_URL",
    "INTERCOM_API_URL": "INTERCOM_BASE_URL",
    "INTERCOM_VERSION": "INTERCOM_API_VERSION",
}


def refuse_emptied(variable: str, source: Mapping[str, str], file: Mapping[str, str]) -> None:
    """Refuse an empty variable that hides a value in .env: the default may be another server."""
    if variable == "INTERCOM_ACCESS_TOKEN" or source[variable].strip() or not file.get(variable, "").strip():
        return
    raise ConfigurationError(f"{variable} is empty in the environment and set in .env: unset it to use .env, or give it a value.")


def refuse_unknown(names: Mapping[str, str], where: str, known: Mapping[str, str]) -> None:
    """Refuse names that look like a slip of a setting which `known` lacks. Raises ConfigurationError."""
    for name in sorted(names):
        upper = name.upper()
        if not upper.startswith("INTERCOM_") or name in VARIABLES.values():
            continue
        if name in FLAG_VARIABLES.values():
            if where == ".env":
                raise ConfigurationError(f"{name}, set in {where}, is read from the environment only: export it, or give the flag.")
            continue
        nearest = _OTHER_NAMES.get(upper) or max(VARIABLES.values(), key=lambda v: _likeness(upper, v))
        if upper.startswith("INTERCOM_BULK_"):
            raise ConfigurationError(f"{name}, set in {where}, is not a setting. The nearest is {nearest}; rename or unset it.")
        meant = upper in _OTHER_NAMES or _likeness(upper, nearest) >= 0.8
        if meant and not known.get(nearest, "").strip():
            raise ConfigurationError(f"{name} is set in {where}, but {nearest} is not: rename it to {nearest} if you mean that.")


def _likeness(one: str, other: str) -> float:
    """0 to 1, without the prefix: INTERCOM_APP_ID, which websites use, is not a slip of INTERCOM_ADMIN_ID."""
    return SequenceMatcher(None, one.removeprefix("INTERCOM_"), other.removeprefix("INTERCOM_")).ratio()


def read_dotenv(path: Path) -> dict[str, str]:
    """The values of a `.env` file, taken literally; {} without one. ConfigurationError names the line."""
    if not path.is_file():
        return {}
    from dotenv.parser import parse_stream

    try:
        bindings = list(parse_stream(io.StringIO(read_text(str(path), str(path), most=LARGEST_QUERY))))
    except UsageError as error:
        raise ConfigurationError(error.message) from None
    values: dict[str, str] = {}
    for binding in bindings:
        ours = binding.key is not None and binding.key.upper().startswith("INTERCOM_")
        if binding.error or (ours and binding.value is None):
            # The line itself is not shown: it may hold the token.
            text = binding.original.string  # with the blank lines before it
            line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            raise ConfigurationError(f"{path}, line {line}, cannot be read: write NAME=value, with both quotes or none.")
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    return values


def checked_url(url: str) -> str:
    """The address of a server, without the slash at its end. Raises ValueError with what it must be."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must be a URL such as https://api.intercom.io") from None
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", url):
        raise ValueError("must be a URL with its scheme, such as https://api.intercom.io")
    if not is_host(host):
        raise ValueError(f"has the host {host!r}, which no server can have: check its dots and letters")
    if parts.username or parts.password:
        raise ValueError("must not hold a user name or a password")
    if parts.query or parts.fragment:
        raise ValueError("must end before any ? or #")
    if parts.scheme == "http" and not _loopback(host):
        raise ValueError("must begin with https://, or the token would travel in clear (http is for this machine alone)")
    return url.rstrip("/")


def is_host(name: str) -> bool:
    """Whether a server can have this name or address: no empty part, no part too long, no letter that names do not have."""
    try:
        encoded = name.removesuffix(".").encode("idna").decode()
    except UnicodeError:
        return False
    return ":" in name or re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", encoded) is not None


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
