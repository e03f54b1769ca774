"""The report of a run as a file: a page for people, or JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

from ..api.redact import without_known_tokens
from ..journal import Store
from ..parsing.output_file import replacing
from .page import write_page
from .summary import summarize


def write_report(path: Path, journal: Store, run_id: str, *, with_bodies: bool = False) -> None:
    """Write it by the ending of the file: what `summarize` says where that is .json, else the page. Raises UsageError where it cannot."""
    if path.suffix.lower() != ".json":
        write_page(path, journal, run_id, with_bodies=with_bodies)
        return
    with replacing(path, "The report") as file:
        file.write(without_known_tokens(json.dumps(summarize(journal, run_id), indent=2)) + "\n")
