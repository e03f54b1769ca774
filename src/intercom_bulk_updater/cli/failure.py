"""An error that ended a command: a sentence on stderr, or the JSON object on stdout; and its exit code."""

from __future__ import annotations

import json
import sys
import traceback

from cyclopts import CycloptsError

from ..api.redact import redact
from ..errors import IntercomBulkError, UsageError


def misused(exc: CycloptsError, arguments: list[str]) -> int:
    """Wrong usage: exit 2."""
    said = " ".join(str(exc).split())
    return failed(UsageError(f"{said} (intercom-bulk {_noun(arguments)}--help)"), arguments)


def failed(exc: BaseException, arguments: list[str], report: dict[str, object] | None = None) -> int:
    """Say what went wrong; returns the exit code."""
    code = exc.exit_code if isinstance(exc, IntercomBulkError) else 1
    if "--json" in arguments or "--jsonl" in arguments:
        if report is None:
            from ..report.summary import summary_without_run

            report = summary_without_run(exc, code)
        if "--jsonl" in arguments and "--json" not in arguments:
            from ..console.eventlines import done_line

            sys.stdout.write(done_line(report))
        else:
            sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    if not isinstance(exc, IntercomBulkError):
        sys.stderr.write(redact(traceback.format_exc()))
        sys.stderr.write("This is a bug. Nothing is lost: intercom-bulk runs list shows where the run stands.\n")
    sys.stderr.write(f"intercom-bulk: {redact(str(exc)) if not isinstance(exc, IntercomBulkError) else exc.message}\n")
    return code


def _noun(arguments: list[str]) -> str:
    words = [a for a in arguments[:2] if not a.startswith("-")]
    return " ".join(words) + " " if words else ""
