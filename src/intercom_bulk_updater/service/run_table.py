"""A run as a notebook shows it: a table of what it did, everything escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from ..report.headline import undone_by


def run_html(report: Mapping[str, Any]) -> str:
    """The account of a run (the object of `--json`) as an HTML table."""
    run, counts = report["run"], report["counts"]
    rows = [
        ("operation", f"{run['operation']} ({run['words']})" if run.get("words") else run["operation"]),
        ("selection", (run.get("selection") or {}).get("words") or ""),
        ("status", run["status"]),
        ("items", ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count) or "none"),
        ("seconds", f"{report['seconds']:.1f}"),
    ]
    if by := undone_by(report):
        rows.append(("undone by", by))
    rows += [
        (f"{group['outcome'].replace('_', ' ')}: {group['count']:,}", f"{group['cause']} (such as {group['example']['id']})")
        for group in report["failures"]
    ]
    if run.get("message"):
        rows.append(("message", run["message"]))
    return table(f"Run {run['id']}", rows)


def table(caption: str, rows: Iterable[tuple[object, object]]) -> str:
    """Two columns with a caption."""
    left = "style='text-align:left'"
    lines = "".join(f"<tr><th {left}>{_text(name)}</th><td {left}>{_text(value)}</td></tr>" for name, value in rows)
    return f"<table><caption>{_text(caption)}</caption><tbody>{lines}</tbody></table>"


def _text(value: object) -> str:
    return escape(str(value), quote=True)
