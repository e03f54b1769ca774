"""Settings: every default once, with unit and reason, and where each value comes from.

Precedence, highest first:

1. an argument of the caller (a flag, a keyword of `IntercomBulkUpdater`)
2. the environment
3. the `.env` file of the working folder (no folder above it)
4. the default

Nothing else in the package reads the environment for these.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ConfigurationError, MissingToken
from .parsing.environment import VARIABLES, checked_url, read_dotenv, refuse_emptied, refuse_unknown

REGION_URLS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}


class Secret:
    """A text that no repr, format or record of a log shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('**********')"


# Not pydantic: its import and its model cost a start of the command 0.1 s, a seventh of all.
@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set, checked. Frozen; made by `load`. Its repr never shows the token."""

    access_token: Secret | None = field(default=None, metadata={"is": "The access token of the workspace. Never a flag."})
    admin_id: str | None = field(
        default=None, metadata={"is": "The teammate in whose name changes are made. Default: the token's own, from `GET /me`."}
    )
    inbox_id: str | None = field(default=None, metadata={
        "is": "The team that `ConversationCloser` and `bulk_close` mean when they are given no `team_id`. "
        "The command never adds a filter by itself: it acts on what `--where` says, in all teams unless it names one."
    })
    region: str = field(
        default="us", metadata={"is": "Where the workspace is hosted: `us`, `eu`, `au`. Decides the base URL unless set."}
    )
    base_url: str = field(metadata={"is": "The server to talk to: a sandbox or a proxy. Default: by region. Wins over the region."})
    api_version: str = field(
        default="2.16", metadata={"is": "The `Intercom-Version` sent with every call, so that no edit of the app changes a run."}
    )
    patience: str = field(default="10m", metadata={
        "is": "How long Intercom is waited for when it is away (`90s`, `10m`, `2h`), unless `--patience` says so for a run."
    })
    home: Path = field(metadata={"is": "The folder of the journal and the reports. Default: the platform's state folder."})
    origins: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.home / "journal.db"

    def origin(self, name: str) -> str:
        """Where a value comes from: "argument", "environment", ".env" or "default". KeyError if unknown."""
        if name not in VARIABLES:
            raise KeyError(name)
        return self.origins.get(name, "default")

    def require_token(self) -> str:
        """The token in the clear. Raises MissingToken (exit 4)."""
        if self.access_token is not None:
            return self.access_token.reveal()
        if self.origins.get("access_token") == "environment":
            raise MissingToken(
                "INTERCOM_ACCESS_TOKEN is set in the environment, but empty: put the token in it, or unset it to use the .env file."
            )
        raise MissingToken()


def _token(value: Any) -> Secret | None:
    token = re.sub(r"(?i)^bearer\s+", "", str(value).strip()).strip()
    if not token:
        return None
    if re.search(r"\s", token):
        raise ValueError("has a space or a line break inside; copy the token again, in one piece")
    if not token.isascii() or not token.isprintable():
        raise ValueError("has a character that no token has; copy the token again, without quotes or dots around it")
    if token[0] in "'\"" or token[-1] in "'\"":
        raise ValueError("begins or ends with a quote; leave the quotes out")
    return Secret(token)


def _number(value: Any) -> str:
    text = str(value).strip()
    if not re.fullmatch(r"[0-9]{1,19}", text) or not int(text):
        raise ValueError("must be an id, digits only; `intercom-bulk doctor` lists those of your workspace")
    return text


def _region(value: Any) -> str:
    region = str(value).strip().lower()
    if region not in REGION_URLS:
        raise ValueError("must be us, eu or au: where the workspace is hosted (Settings > Workspace > General)")
    return region


def _url(value: Any) -> str:
    return checked_url(str(value).strip())


def _version(value: Any) -> str:
    version = str(value).strip()
    if version.lower() in ("preview", "unstable"):
        return version.capitalize()
    if not re.fullmatch(r"2\.(0|[1-9][0-9]?)", version):
        raise ValueError("must be a version such as 2.16, or Preview (1.x has no search)")
    return version


def _duration(value: Any) -> str:
    text = str(value).strip().lower()
    if not re.fullmatch(r"[1-9][0-9]{0,5}[smh]", text):
        raise ValueError("must be a number with its unit, such as 90s, 10m or 2h")
    return text


def _home(value: Any) -> Path:
    home = Path(str(value).strip()).expanduser()
    try:
        if not stat.S_ISDIR(home.stat().st_mode):
            raise ValueError("must be a folder, and a file lies there")
    except FileNotFoundError:
        if home.is_symlink():
            raise ValueError("must be a folder, and is a link to nothing") from None
    except NotADirectoryError:
        raise ValueError("must be a folder, and a part of its path is a file") from None
    except OSError as error:
        raise ValueError(f"must be a folder that can be opened: {error.strerror}") from error
    return home


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "access_token": _token,
    "admin_id": _number,
    "inbox_id": _number,
    "region": _region,
    "base_url": _url,
    "api_version": _version,
    "patience": _duration,
    "home": _home,
}


def load(env: Mapping[str, str] | None = None, cwd: Path | None = None, **overrides: Any) -> Settings:
    """The settings of this process.

    `env` defaults to `os.environ`, `cwd` to the working folder (whose `.env` is read).
    `overrides` are fields by name and win over both; None stands for "not given".
    Raises ConfigurationError (exit 10) naming the variable, the value (never a secret) and the fix.
    """
    env = os.environ if env is None else env
    cwd = Path.cwd() if cwd is None else Path(cwd)
    file = read_dotenv(cwd / ".env")
    given = {VARIABLES[name]: "given" for name, value in overrides.items() if name in VARIABLES and value is not None}
    for source, where in ((env, "the environment"), (file, ".env")):
        refuse_unknown(source, where, {**env, **file, **given})
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, variable in VARIABLES.items():
        for source, origin in ((env, "environment"), (file, ".env")):
            if variable in source:
                refuse_emptied(variable, source, file)
                origins[name] = origin
                if source[variable].strip():
                    values[name] = source[variable]
                elif name != "access_token":
                    del origins[name]
                break
    for name, value in overrides.items():
        if name not in VARIABLES:
            raise TypeError(f"load() got an unknown setting {name!r}; known: {', '.join(VARIABLES)}")
        if value is not None:
            values[name], origins[name] = value, "argument"
    if isinstance(values.get("home"), str | Path):
        values["home"] = cwd / Path(str(values["home"]).strip()).expanduser()
    return Settings(**_checked(values, origins), origins=origins)


def _checked(values: Mapping[str, Any], origins: Mapping[str, str]) -> dict[str, Any]:
    checked = {}
    for name in VARIABLES:
        if name in values and (values[name] or name != "base_url"):
            try:
                checked[name] = _CHECKS[name](values[name])
            except ValueError as error:
                raise ConfigurationError(_explain(name, str(error), values, origins)) from None  # `from error` could print the token
    checked.setdefault("base_url", REGION_URLS[checked.get("region", "us")])
    if "home" not in checked:
        checked["home"] = _state_folder()
    return checked


def _state_folder() -> Path:
    from platformdirs import user_state_path

    return user_state_path("intercom-bulk", appauthor=False)


def _explain(name: str, fix: str, values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    origin = origins.get(name, "default")
    called = VARIABLES.get(name, name) if origin in ("environment", ".env") else name
    given = str(values.get(name))
    secret = name == "access_token" or (name == "base_url" and "@" in given) or "dG9r" in given  # a token in the wrong variable
    shown = "" if secret else f" is {given!r}:"
    where = {".env": " (in .env)", "argument": " (given as an argument)"}.get(origin, "")
    return f"{called}{where}{shown} {fix[:1].lower() + fix[1:]}."
