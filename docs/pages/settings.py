"""docs/reference/settings.md, made from the fields of the settings and what they say of themselves."""

from __future__ import annotations

from dataclasses import fields

from intercom_bulk_updater.parsing.environment import FLAG_VARIABLES, VARIABLES
from intercom_bulk_updater.settings import Settings


def page() -> str:
    """docs/reference/settings.md."""
    lines = [
        "# Settings",
        "",
        "<!-- Made by `make docs`: edit the descriptions in settings.py, not here. -->",
        "",
        "An argument or a flag wins over the environment, the environment over the `.env` file in the",
        "working folder, that file over the default. A malformed value is an error (exit 10) with the fix.",
        "",
        "| variable | setting | default | what it is |",
        "|---|---|---|---|",
    ]
    for setting in fields(Settings)[: len(VARIABLES)]:
        name, variable = setting.name, VARIABLES[setting.name]
        shown = {"base_url": "by region", "home": "the platform's"}.get(name) or (f"`{setting.default}`" if setting.default else "none")
        lines.append(f"| `{variable}` | `{name}` | {shown} | {setting.metadata['is']} |")
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
