"""An error that ended a command: a sentence on stderr, or the JSON object on stdout; and its exit code."""

from __future__ import annotations

import json
import re
import sys
import traceback
from contextlib import suppress

from cyclopts import App, CycloptsError

from ..api.redact import is_secret, keep_secret, redact, without_typed_secrets
from ..errors import FilterRefused, IntercomBulkError, UsageError
from ..parsing.printable import printable_lines
from .stdout import data_format, emit, note

_FLAG = re.compile(r"--?[A-Za-z][\w-]*")


def misused(exc: CycloptsError, arguments: list[str], app: App) -> int:
    """Wrong usage: exit 2. What was typed for a secret is not said back."""
    if any(_FLAG.fullmatch(name := argument.partition("=")[0]) and is_secret(name.lstrip("-")) for argument in arguments):
        said = (
            "A token is never a flag: every process of the machine could read it. Put it in INTERCOM_ACCESS_TOKEN, in the "
            "environment or in .env."
        )
    else:
        said = f"{' '.join(str(exc).split())} (intercom-bulk {_command(arguments, app)}--help)"
    return failed(UsageError(said), arguments)


def failed(exc: BaseException, arguments: list[str], report: dict[str, object] | None = None) -> int:
    """Say what went wrong; returns the exit code."""
    from ..report.summary import exit_of, summary_without_run
    from ..report.texts import error_hint

    code = exit_of(exc)
    expected = isinstance(exc, IntercomBulkError | KeyboardInterrupt)
    _keep_configured_token()
    message = exc.message if isinstance(exc, IntercomBulkError) else redact(str(exc)) or type(exc).__name__
    if isinstance(exc, KeyboardInterrupt):
        message = "Interrupted before anything was begun."
    elif scarce := _scarce(exc):
        expected, message = True, scarce
    message = without_typed_secrets(message)
    if wanted := data_format(arguments):
        report = summary_without_run(exc) if report is None else report
        if wanted == "jsonl":
            from ..terminal.json_lines import done_line

            emit(done_line(report))
        else:
            emit(json.dumps(report) + "\n")
    if not expected:
        sys.stderr.write(printable_lines(redact("".join(traceback.format_exception(exc)))))
        sys.stderr.write("This is a bug. Nothing is lost: intercom-bulk runs list shows where the run stands.\n")
    note(f"intercom-bulk: {message}")
    own = isinstance(exc, IntercomBulkError) and bool(exc.hint)
    hint = error_hint(exc, code) if own or code in (4, 7, 10) or isinstance(exc, FilterRefused) else ""
    if hint and hint not in message:
        note(hint)
    return code


def _keep_configured_token() -> None:
    """Nothing may have been read yet when the command line is wrong, and the token may stand in it."""
    with suppress(Exception):
        from ..settings import load

        keep_secret(load().require_token())


def _scarce(exc: BaseException) -> str:
    """What the machine has too little of, and the way out; "" for any other error."""
    go_on = "Nothing is lost: intercom-bulk runs list shows where the run stands, and runs resume goes on with it."
    if isinstance(exc, MemoryError):
        return f"This machine has too little memory for this. End other programs, or select fewer items at once. {go_on}"
    if isinstance(exc, RuntimeError) and "start new thread" in str(exc):
        return f"This machine starts no more threads. End other programs, or lift the limit (ulimit -u). {go_on}"
    return ""


def _command(arguments: list[str], app: App) -> str:
    """The commands among the first words, for the help that is pointed to; nothing else that was typed."""
    words, node = "", app
    for argument in arguments:
        try:
            node = node[argument]
        except KeyError:
            break
        words += f"{argument} "
    return words
