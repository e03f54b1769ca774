"""The report as one HTML file: nothing to load, no script, everything escaped."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from intercom_bulk_updater.api.redact import without_known_tokens
from intercom_bulk_updater.journal import RunRecord, Store
from intercom_bulk_updater.model import RunKind
from intercom_bulk_updater.runs.judgement import Judgement

from ..files import replacing
from . import sections
from .charts import outcome_bar, timeline
from .headline import headline, label
from .html import command_box, esc, section
from .next_commands import label_of
from .summary import judge_run, summarize
from .texts import selection_words, words_of
from .times import moment


def write_page(
    path: Path,
    journal: Store,
    run_id: str,
    *,
    with_bodies: bool = False,
    undoable: bool | Callable[[], bool] | None = None,
    command: str = "intercom-bulk",
) -> Path:
    """Write the report of a run to `path` (readable by its owner alone, replaced as a whole) and return it.

    Parameters
    ----------
    with_bodies:
        With message bodies and e-mail addresses. Tokens are left out in any case.
    undoable:
        As in `summarize`.

    Raises NoSuchRun, JournalError, UsageError (the file cannot be written).
    """
    text = page(journal, run_id, with_bodies=with_bodies, undoable=undoable, command=command)
    with replacing(path, "The report") as file:
        file.write(without_known_tokens(text))
    return path


def page(
    journal: Store,
    run_id: str,
    *,
    with_bodies: bool = False,
    undoable: bool | Callable[[], bool] | None = None,
    command: str = "intercom-bulk",
) -> str:
    """The report of a run as HTML; see `write_page`."""
    run = journal.run(run_id)
    told = summarize(journal, run.id, undoable=undoable, command=command)
    parts = (
        sections.would_change(told) if run.kind == RunKind.DRY_RUN else "",
        _next(told),
        sections.verification(told) if run.kind != RunKind.DRY_RUN else "",
        sections.failures(told),
        sections.messages(journal, run, told, with_bodies),
        sections.left_alone(journal, run, told, with_bodies),
        section("Request rate against the limit", timeline(journal.windows(run.id)), name="wide"),
        sections.who_and_when(run, told),
        sections.parameters(run, with_bodies),
        sections.requests(told),
        sections.events(run, journal.events(run.id)),
        sections.would_change(told) if run.kind != RunKind.DRY_RUN and told.get("review") else "",
    )
    return _document(run, _head(run, told, judge_run(journal, run)), "".join(parts), _foot(with_bodies))


def _head(run: RunRecord, told: dict[str, Any], judgement: Judgement) -> str:
    dry = run.kind == RunKind.DRY_RUN
    words = words_of(run)
    title = words[:1].upper() + words[1:]
    return (
        f'<header class="{judgement.level}"><p class="eyebrow">Account of a bulk run on Intercom</p>'
        f"<h1>{esc(title)}</h1>"
        f'<p class="which">{esc(selection_words(run))}</p>'
        f'<p class="who">{esc(sections.by_whom(run, told))}</p>'
        f'<p class="verdict"><span>{esc(label(judgement, told["run"]["status"], dry=dry, kind=told["run"]["kind"]))}</span></p>'
        f'<p class="line">{esc(headline(judgement, dry=dry))}</p>'
        f"{outcome_bar(judgement)}{sections.counts_list(judgement, dry=dry)}</header>"
    )


def _next(told: dict[str, Any]) -> str:
    finished = told["run"]["status"] == "finished"
    boxes = [command_box(label_of(line, finished=finished), line) for line in told["next"]]
    return section("What to type next", *boxes, name="next")


def _foot(with_bodies: bool) -> str:
    said = (
        "With message bodies and e-mail addresses: handle it accordingly."
        if with_bodies
        else "Message bodies and e-mail addresses are left out."
    )
    return f"<footer>Written {esc(moment(time.time()))} by intercom-bulk from the run's journal. {said}</footer>"


def _document(run: RunRecord, head: str, body: str, foot: str) -> str:
    css = _css()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{esc(run.id)}: {esc(words_of(run))}</title><style>{css}</style></head>"
        f"<body><main>{head}{body}</main>{foot}</body></html>\n"
    )


@cache
def _css() -> str:
    return resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
