"""An error that ended a command: a sentence on stderr, or the JSON object on stdout; and its exit code."""

from __future__ import annotations

import json
import re
import sys
import traceback

from cyclopts import CycloptsError

from ..api.redact import redact
from ..errors import FilterRefused, IntercomBulkError, UsageError
from .stdout import emit, note

_SECRET = re.compile(r"--?(intercom[-_])?(access[-_])?(api[-_])?(token|key|secret|password|bearer|auth\w*)(=.*)?", re.IGNORECASE)


def misused(exc: CycloptsError, arguments: list[str]) -> int:
    """Wrong usage: exit 2. What was typed for a secret is not said back."""
    if any(_SECRET.fullmatch(argument) for argument in arguments):
        said = (
            "A token is never a flag: every process of the machine could read it. Put it in INTERCOM_ACCESS_TOKEN, in the "
            "environment or in .env."
        )
    else:
        said = f"{' '.join(str(exc).split())} (intercom-bulk {_command(arguments)}--help)"
    return failed(UsageError(said), arguments)


def failed(exc: BaseException, arguments: list[str], report: dict[str, object] | None = None) -> int:
    """Say what went wrong; returns the exit code."""
    from ..report.summary import exit_of, summary_without_run
    from ..report.texts import error_hint

    code = exit_of(exc)
    expected = isinstance(exc, IntercomBulkError | KeyboardInterrupt)
    message = exc.message if isinstance(exc, IntercomBulkError) else redact(str(exc)) or type(exc).__name__
    if isinstance(exc, KeyboardInterrupt):
        message = "Interrupted before anything was begun."
    if "--json" in arguments or "--jsonl" in arguments:
        report = summary_without_run(exc, code) if report is None else report
        if "--jsonl" in arguments and "--json" not in arguments:
            from ..terminal.json_lines import done_line

            emit(done_line(report))
        else:
            emit(json.dumps(report) + "\n")
    if not expected:
        sys.stderr.write(redact("".join(traceback.format_exception(exc))))
        sys.stderr.write("This is a bug. Nothing is lost: intercom-bulk runs list shows where the run stands.\n")
    note(f"intercom-bulk: {message}")
    hint = error_hint(exc, code) if code in (4, 7, 10) or isinstance(exc, FilterRefused) else ""
    if hint and hint not in message:
        note(hint)
    return code


def _command(arguments: list[str]) -> str:
    """The commands among the first words, for the help that is pointed to; nothing else that was typed."""
    from .main import app

    words, node = "", app
    for argument in arguments:
        try:
            node = node[argument]
        except KeyError:
            break
        words += f"{argument} "
    return words
