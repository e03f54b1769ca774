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
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from .environment import FLAG_VARIABLES, VARIABLES, checked_url, read_dotenv, refuse_emptied, refuse_unknown
from .errors import ConfigurationError, MissingToken

REGION_URLS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}


class Settings(BaseModel):
    """Everything that can be set, checked. Frozen; made by `load`. Its repr never shows the token."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    access_token: SecretStr | None = Field(None, description="The access token of the workspace. Never a flag.")
    admin_id: str | None = Field(
        None,
        description="The teammate in whose name changes are made. Default: the token's own, from `GET /me`.",
    )
    inbox_id: str | None = Field(
        None,
        description=(
            "The team that `ConversationCloser` and `bulk_close` mean when they are given no `team_id`. "
            "The command never adds a filter by itself: it acts on what `--where` says, in all teams unless it names one."
        ),
    )
    region: Literal["us", "eu", "au"] = Field(
        "us",
        description="Where the workspace is hosted: `us`, `eu`, `au`. Decides the base URL unless set.",
    )
    base_url: str = Field(
        "",
        description="The server to talk to: a sandbox or a proxy. Default: by region. Wins over the region.",
    )
    api_version: str = Field(
        "2.16",
        description="The `Intercom-Version` sent with every call, so that no edit of the app changes a run.",
    )
    patience: str = Field(
        "10m",
        description="How long Intercom is waited for when it is away (`90s`, `10m`, `2h`), unless `--patience` says so for a run.",
    )
    home: Path = Field(
        default_factory=lambda: _state_folder(),
        description="The folder of the journal and the reports. Default: the platform's state folder.",
    )

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def origin(self, name: str) -> str:
        """Where a value comes from: "argument", "environment", ".env" or "default". KeyError if unknown."""
        if name not in type(self).model_fields:
            raise KeyError(name)
        return self._origins.get(name, "default")

    def require_token(self) -> str:
        """The token in the clear. Raises MissingToken (exit 4)."""
        if self.access_token is not None:
            return self.access_token.get_secret_value()
        if self._origins.get("access_token") == "environment":
            raise MissingToken(
                "INTERCOM_ACCESS_TOKEN is set in the environment, but empty: put the token in it, or unset it to use the .env file."
            )
        raise MissingToken()

    @model_validator(mode="before")
    @classmethod
    def _by_region(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("base_url"):
            region = str(values.get("region") or "us").strip().lower()
            values = {**values, "base_url": REGION_URLS.get(region, REGION_URLS["us"])}
        return values

    @field_validator("access_token", mode="before")
    @classmethod
    def _token(cls, value: Any) -> Any:
        token = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(token, str):
            return token
        token = re.sub(r"(?i)^bearer\s+", "", token.strip()).strip()
        if not token:
            return None
        if re.search(r"\s", token):
            raise ValueError("has a space or a line break inside; copy the token again, in one piece")
        if not token.isascii() or not token.isprintable():
            raise ValueError("has a character that no token has; copy the token again, without quotes or dots around it")
        if token[0] in "'\"" or token[-1] in "'\"":
            raise ValueError("begins or ends with a quote; leave the quotes out")
        return token

    @field_validator("admin_id", "inbox_id", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        if value is None:
            return None
        text = str(value).strip()
        if not re.fullmatch(r"[0-9]{1,19}", text) or not int(text):
            raise ValueError("must be an id, digits only; `intercom-bulk doctor` lists those of your workspace")
        return text

    @field_validator("region", mode="before")
    @classmethod
    def _region(cls, value: Any) -> Any:
        region = str(value).strip().lower()
        if region not in REGION_URLS:
            raise ValueError("must be us, eu or au: where the workspace is hosted (Settings > Workspace > General)")
        return region

    @field_validator("base_url", mode="before")
    @classmethod
    def _url(cls, value: Any) -> str:
        return checked_url(str(value).strip())

    @field_validator("api_version", mode="before")
    @classmethod
    def _version(cls, value: Any) -> str:
        version = str(value).strip()
        if version.lower() in ("preview", "unstable"):
            return version.capitalize()
        if not re.fullmatch(r"2\.(0|[1-9][0-9]?)", version):
            raise ValueError("must be a version such as 2.16, or Preview (1.x has no search)")
        return version

    @field_validator("patience", mode="before")
    @classmethod
    def _duration(cls, value: Any) -> str:
        text = str(value).strip().lower()
        if not re.fullmatch(r"[1-9][0-9]{0,5}[smh]", text):
            raise ValueError("must be a number with its unit, such as 90s, 10m or 2h")
        return text

    @field_validator("home", mode="before")
    @classmethod
    def _home(cls, value: Any) -> Path:
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
        if name not in Settings.model_fields:
            raise TypeError(f"load() got an unknown setting {name!r}; known: {', '.join(Settings.model_fields)}")
        if value is not None:
            values[name], origins[name] = value, "argument"
    if isinstance(values.get("home"), str | Path):
        values["home"] = cwd / Path(str(values["home"]).strip()).expanduser()
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, values, origins)) from None  # `from error` could print the token
    settings._origins.update(origins)
    return settings


def reference() -> str:
    """docs/reference/settings.md, made from the fields above."""
    lines = [
        "# Settings",
        "",
        "<!-- Made by `python -m intercom_bulk_updater.settings`: edit the descriptions there, not here. -->",
        "",
        "An argument or a flag wins over the environment, the environment over the `.env` file in the",
        "working folder, that file over the default. A malformed value is an error (exit 10) with the fix.",
        "",
        "| variable | setting | default | what it is |",
        "|---|---|---|---|",
    ]
    fields = Settings.model_fields
    for name, variable in VARIABLES.items():
        default = fields[name].get_default()
        shown = f"`{default}`" if default else "none"
        shown = {"base_url": "by region", "home": "the platform's"}.get(name, shown)
        lines.append(f"| `{variable}` | `{name}` | {shown} | {fields[name].description} |")
    lines += [
        "",
        "The command takes these flags from the environment too; what is typed wins over the variable:",
        "",
        "| variable | flag |",
        "|---|---|",
        *(f"| `{variable}` | `--{flag}` |" for flag, variable in FLAG_VARIABLES.items()),
        "",
        "A flag without a value is set by `true`. These are read from the environment alone, not from `.env`.",
        "",
        "How a run is done (workers, retries, guards, speed) is said for each run and kept with it:",
        "as flags ([command line](cli.md)), or as arguments of `bulk_process`.",
    ]
    return "\n".join(lines) + "\n"


def _state_folder() -> Path:
    from platformdirs import user_state_path

    return user_state_path("intercom-bulk", appauthor=False)


def _explain(error: ValidationError, values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    fix = first["msg"].removeprefix("Value error, ")
    if not name:
        return fix
    origin = origins.get(name, "default")
    called = VARIABLES.get(name, name) if origin in ("environment", ".env") else name
    given = str(values.get(name))
    secret = name == "access_token" or (name == "base_url" and "@" in given) or "dG9r" in given  # a token in the wrong variable
    shown = "" if secret else f" is {given!r}:"
    where = {".env": " (in .env)", "argument": " (given as an argument)"}.get(origin, "")
    return f"{called}{where}{shown} {fix[:1].lower() + fix[1:]}."


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference())
