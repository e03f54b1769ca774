"""The log that `-v` shows: lines of many libraries and of a person's own code, made safe at the one place where they come out."""

from __future__ import annotations

import logging

from ..api.redact import redact, redact_theirs
from ..parsing.printable import printable_lines


class SafeFormatter(logging.Formatter):
    """Formats a record without secrets, e-mail addresses and control characters, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        ours = record.name.split(".")[0] == "intercom_bulk_updater"
        return printable_lines((redact if ours else redact_theirs)(super().format(record)))
