"""The tables of what was found, from one or several files of results.

    python tests/chaos/tables.py chaos-results.jsonl [more.jsonl] [--write docs/reference/chaos.md]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

COLUMNS = ("lost", "doubled", "untrue", "crashed", "hang", "broke")
"""Kinds of findings; `broke` is a fault of the judge or the sandbox, and no result."""
TABLES = (
    ("cases", "Faults", {"stage": "stage", "verb": "verb", "fault": "fault"}),
    ("mutations", "Answers mutated at random", {"stage": "answers to", "verb": "verb"}),
)
"""The tables of the command, what they are called, and by what each is summed up."""
SHOWN = ("cases", "met", "lost", "doubled", "untrue", "crashed", "hang", "doubt")
HEAD = "cases | met the fault | lost | doubled | untrue accounts | tracebacks | hangs | items left in doubt"
BEGIN, END = "<!-- measured: made by tests/chaos/tables.py -->", "<!-- end -->"


def is_wrong(line: dict[str, Any]) -> bool:
    """Whether a case found anything."""
    return any(line.get(column) for column in COLUMNS)


def tables(found: list[dict[str, Any]]) -> str:
    """What was found, by table and in sum, as Markdown."""
    latest = {(line["table"], line["name"]): line for line in found}
    parts = []
    for name, title, keys in TABLES:
        lines = [line for (table, _), line in latest.items() if table == name]
        if lines:
            parts.append(f"### {title}\n\n{_about(lines)}\n")
            parts += [_table(lines, key, words) for key, words in keys.items()]
    return "\n".join(parts)


def _about(lines: list[dict[str, Any]]) -> str:
    """How many ran on what, in a sentence for each commit."""
    said = []
    for commit, sources in sorted({(line["commit"], line["sources"]) for line in lines}):
        own = [line for line in lines if line["sources"] == sources and line["commit"] == commit]
        wrong, days = sum(map(is_wrong, own)), sorted({line["day"] for line in own})
        cpu = sum(line.get("cpu", 0.0) for line in own) / len(own)
        seconds = sum(line.get("seconds", 0.0) for line in own) / len(own)
        said.append(
            f"{len(own):,} cases on commit `{commit}` ({' to '.join(dict.fromkeys((days[0], days[-1])))}, sources `{sources}`): "
            f"{wrong} with a finding; {seconds:.1f} s a case, {cpu:.2f} s of them CPU."
        )
    return "\n".join(said)


def _table(lines: list[dict[str, Any]], key: str, title: str) -> str:
    rows: dict[str, Counter[str]] = {}
    for line in lines:
        counts = Counter(cases=1, met=bool(line.get("met")), doubt=line.get("in_doubt", 0), **{c: bool(line.get(c)) for c in COLUMNS})
        for row in (rows.setdefault(line[key], Counter()), rows.setdefault("**all**", Counter())):
            row.update(counts)
    whole = rows.pop("**all**")
    body = [f"| {name} | {' | '.join(f'{row[one]:,}' for one in SHOWN)} |" for name, row in [*sorted(rows.items()), ("**all**", whole)]]
    return "\n".join([f"| {title} | {HEAD} |", f"|---{'|--:' * len(SHOWN)}|", *body, ""])


def main() -> int:
    """Print the tables, or put them into a page between its two marks."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("files", nargs="+", type=Path)
    asked.add_argument("--write", type=Path, metavar="PAGE")
    given = asked.parse_args()
    made = tables([json.loads(text) for path in given.files for text in path.read_text().splitlines()])
    if given.write is None:
        print(made)
        return 0
    page = given.write.read_text()
    before, _, rest = page.partition(BEGIN)
    given.write.write_text(f"{before}{BEGIN}\n\n{made}\n{END}{rest.partition(END)[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
