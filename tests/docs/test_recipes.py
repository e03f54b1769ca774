"""The recipes of the docs run: checked, begun, and carried on to their end with their waits gone by."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from intercom_bulk_updater.cli.main import main
from intercom_bulk_updater.journal import Journal
from intercom_sandbox import running

FILES = sorted((Path(__file__).parents[2] / "docs" / "recipes").glob("*.yaml"))


def command(*words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the object on standard output."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([*words, "--json"])
    assert out.getvalue(), err.getvalue()
    return int(str(ended.value.code or 0)), json.loads(out.getvalue())


def test_there_are_five() -> None:
    """What the page promises."""
    assert len(FILES) == 5


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recipe_of_the_docs_runs_to_its_end(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step finds something to do, in the check as in the run."""
    for name in [name for name in os.environ if name.startswith("INTERCOM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with running(conversations=300, seed=7) as box:
        for name, value in {**box.env(), "INTERCOM_BULK_HOME": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        code, looked = command("recipes", "check", str(file))
        assert code == 0 and all(step["counts"]["selected"] for step in looked["steps"] if "step" in step), looked
        code, account = command("recipes", "run", str(file), "--yes", "--customer-visible")
        assert code == 0, account
        for _ in range(sum("wait" in step for step in account["steps"])):
            with Journal(tmp_path / "journal.db") as journal:
                for run in journal.steps(account["recipe"]["id"]):
                    journal.update_run(run.id, finished_at=(run.finished_at or 0) - 30 * 86_400)
            code, account = command("recipes", "resume", account["recipe"]["id"])
            assert code == 0, account
    assert account["recipe"]["status"] == "finished"
    assert all(step["counts"]["done"] for step in account["steps"] if "step" in step), account
