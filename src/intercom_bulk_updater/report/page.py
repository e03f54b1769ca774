"""The report as one HTML file, made from page.html: nothing to load from anywhere, everything escaped, one script of our own."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from intercom_bulk_updater.api.redact import without_known_tokens
from intercom_bulk_updater.journal import Store
from intercom_bulk_updater.parsing.dates import people_in

from ..parsing.output_file import replacing
from .sections import view
from .summary import summarize

# Control characters, and those that turn the direction of text round: `gnp.exe` must not read as `exe.png`.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_CODE = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)|`([^`]+)`")


def write_page(
    path: Path,
    journal: Store,
    run_id: str,
    *,
    with_bodies: bool = False,
    undoable: bool | None = None,
) -> Path:
    """Write the report of a run to `path` (readable by its owner alone, replaced as a whole) and return it.

    Parameters
    ----------
    with_bodies:
        With message bodies and e-mail addresses. Tokens are left out in any case.
    undoable:
        As in `summarize`.

    Memory stays flat. Raises NoSuchRun, JournalError, UsageError (the file cannot be written).
    """
    with replacing(path, "The report") as file:
        for piece in page(journal, run_id, with_bodies=with_bodies, undoable=undoable):
            file.write(piece)
    return path


def page(
    journal: Store,
    run_id: str,
    *,
    with_bodies: bool = False,
    undoable: bool | None = None,
) -> Iterator[str]:
    """The report of a run as HTML, piece by piece; see `write_page`."""
    run = journal.run(run_id)
    people_in(str((run.totals.get("place") or {}).get("timezone") or ""))
    told = summarize(journal, run.id, undoable=undoable)
    css, script = _own("page.css"), _own("page.js")
    stream = _template().stream(
        css=Markup(css), css_hash=_digest(css), script=Markup(script), script_hash=_digest(script),  # noqa: S704 - our own files
        **view(journal, run, told, with_bodies=with_bodies),
    )  # fmt: skip
    stream.enable_buffering(200)
    return map(without_known_tokens, stream)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FunctionLoader(_own), autoescape=True, undefined=StrictUndefined, finalize=visible, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["flagged"] = _flagged
    return environment.get_template("page.html")


def visible(value: object) -> str:
    """Text whose invisible characters are U+FFFD, and half an emoji a question mark; escaped behind this."""
    if isinstance(value, Markup):
        return value
    return _UNSEEN.sub("\ufffd", str(value)).encode("utf-8", "replace").decode("utf-8")


def _flagged(text: str) -> Markup:
    """Text in which flags (`--exclude`) and commands in backquotes are set as code, and do not break."""
    return Markup(_CODE.sub(lambda found: f"<code>{found[1] or found[2]}</code>", str(escape(visible(text)))))  # noqa: S704 - escaped


@cache
def _own(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
