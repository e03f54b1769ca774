"""`intercom-bulk operations new`: an updater to begin with, and its test."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..errors import UsageError
from .show import out

_CLASS = '''"""{name}: intercom-bulk operations check {file}.py:{name} --param team_id=5001 --param title=Hi"""

from __future__ import annotations

from typing import Any

from intercom_bulk_updater import IntercomBulkUpdater


class {name}(IntercomBulkUpdater):
    """Give the open conversations of a team a title. Put what yours does in its place."""

    idempotent = True  # doing it twice ends in the same state
    customer_visible = False  # customers see nothing of it

    def get_search_endpoint(self) -> str:
        return "conversations/search"

    def get_search_query(self, team_id: int) -> dict[str, Any]:
        return {{
            "operator": "AND",
            "value": [
                {{"field": "team_assignee_id", "operator": "=", "value": team_id}},
                {{"field": "state", "operator": "=", "value": "open"}},
            ],
        }}

    def get_item_id(self, item: dict[str, Any]) -> str:
        return str(item["id"])

    def perform_action(self, item_id: str, title: str) -> dict[str, Any]:
        return self.client.put(f"conversations/{{item_id}}", {{"title": title}})

    # What follows may be left out. It makes dry runs exact, settles lost answers, and is the way back.

    def before(self, item: dict[str, Any]) -> dict[str, Any]:
        return {{"title": item.get("title")}}

    def change(self, item_id: str, before: dict[str, Any], title: str) -> dict[str, Any]:
        return {{}} if before["title"] == title else {{"title": (before["title"], title)}}

    def is_done(self, item_id: str, title: str) -> bool:
        return bool(self.client.get(f"conversations/{{item_id}}").get("title") == title)

    def undo_action(self, item_id: str, before: dict[str, Any]) -> dict[str, Any]:
        return self.client.put(f"conversations/{{item_id}}", {{"title": before["title"]}})
'''
_TEST = '''"""{name} against the sandbox: pip install pytest, then pytest {test}"""

from __future__ import annotations

from pathlib import Path

import pytest
from {file} import {name}

from intercom_sandbox import Sandbox


@pytest.fixture
def box(intercom_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox, and a state folder of the test's own."""
    monkeypatch.setenv("INTERCOM_BULK_HOME", str(tmp_path))
    return intercom_sandbox


def test_it_does_what_it_says_once_and_can_be_taken_back(box: Sandbox) -> None:
    """A dry run writes nothing, a run reaches every item once, also after a lost answer, and undo restores them."""
    ids = [row["id"] for row in box.conversations(team=5001, state="open")]
    before = [box.conversation(one)["title"] for one in ids]

    looked = {name}().bulk_process(team_id=5001, title="Looked at", dry_run=True, progress="none")
    assert looked.pending == len(ids) and [box.conversation(one)["title"] for one in ids] == before

    box.fault("drop_after", on="write", count=2)
    result = {name}().bulk_process(team_id=5001, title="Looked at", progress="none")
    assert result["success"] == len(ids) and result["failed"] == 0
    assert all(box.conversation(one)["title"] == "Looked at" for one in ids)
    assert box.audit()["kinds"]["update"]["2+"] == 0

    result.run.undo()
    assert [box.conversation(one)["title"] for one in ids] == before
'''


def new(
    name: Annotated[str, Parameter(help="What it is called: CloseQuietly, or close_quietly.")],
    *,
    output: Annotated[str, Parameter(name=["--output", "-o"], help="The folder that both files are written to.")] = ".",
) -> int:
    """Write an updater to begin with, and its test, which runs against the sandbox. Nothing is overwritten."""
    if re.search(r"[^A-Za-z0-9_ -]", name):
        said = " The folder is named by --output." if re.search(r"[/\\]", name) else ""
        raise UsageError(f"{name!r} is no name for a class: letters from a to z and digits, such as CloseQuietly.{said}")
    words = [word for part in re.split(r"[^A-Za-z0-9]+", name) for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", part)]
    file, cls = "_".join(words).lower(), "".join(word[:1].upper() + word[1:] for word in words)
    if not cls.isidentifier() or keyword.iskeyword(file):
        raise UsageError(f"{name!r} is no name for a class: letters and digits, such as CloseQuietly.")
    folder = Path(output)
    if not folder.is_dir():
        raise UsageError(f"--output {output}: there is no such folder. Make it first, or leave --output out.")
    files = {f"{file}.py": _CLASS, f"test_{file}.py": _TEST}
    there = [one for one in files if (folder / one).exists()]
    if there:
        raise UsageError(f"{folder / there[0]} is there already. Nothing was written; give another name or another folder.")
    for one, text in files.items():
        try:
            with (folder / one).open("x", encoding="utf-8") as opened:
                opened.write(text.format(name=cls, file=file, test=f"test_{file}.py"))
        except OSError as exc:
            raise UsageError(f"{folder / one} cannot be written: {exc.strerror}.") from exc
        out(str(folder / one))
    return 0
