"""Write the pages anew: `make docs`. A test fails where one of them is stale."""

from __future__ import annotations

from pathlib import Path

from intercom_sandbox import reference as sandbox

from . import command_line, decisions, journal_file, python_api, settings

PAGES = {
    "cli.md": command_line.cli_page,
    "decisions.md": decisions.page,
    "journal-file.md": journal_file.page,
    "operations.md": command_line.operations_page,
    "python.md": python_api.page,
    "sandbox.md": sandbox.page,
    "settings.md": settings.page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(__file__).parents[1] / "reference" / name).write_text(page(), encoding="utf-8")
