"""docs/reference says what the code does."""

import json
import re
from pathlib import Path

from report_runs import a_run, mixed

from intercom_bulk_updater import errors
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.report.export import COLUMNS
from intercom_bulk_updater.report.summary import summarize, summary_without_run

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_the_example_of_the_object_has_the_keys_of_the_object(tmp_path: Path) -> None:
    """The examples in json.md have exactly the keys that are printed, and each key stands in the table."""
    text = (REFERENCE / "json.md").read_text(encoding="utf-8")
    example, before = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    with Journal(tmp_path / "journal.db") as journal:
        told = summarize(journal, a_run(journal, 100, mixed).id)
    assert example.keys() == told.keys()
    for part in ("run", "counts", "requests", "search"):
        assert example[part].keys() == told[part].keys()
    assert example["failures"][0].keys() == told["failures"][0].keys()
    assert example["failures"][0]["example"].keys() == told["failures"][0]["example"].keys()
    assert before == json.loads(json.dumps(summary_without_run(errors.MissingToken())))
    table = text.split("## The outcomes")[0]
    for key in (*told, *(f"run.{name}" for name in told["run"]), "review", "canary", "plan", "error", "undone_by", "guard"):
        assert f"`{key}`" in table, key
    assert [name for name in re.findall(r"`(\w+)`", text.split("with these columns:")[1]) if name in COLUMNS] == [*COLUMNS]


def test_every_exit_code_and_every_error_is_documented() -> None:
    """Each error class stands in the row of its exit code, and no row is missing or left over."""
    text = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    meanings, classes = text.split("## From Python")
    found = {
        name: kind.exit_code for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.IntercomBulkError)
    }
    documented = {
        name: int(row.split("|")[1]) for row in classes.splitlines() if re.match(r"\| \d", row) for name in re.findall(r"`([A-Z]\w+)`", row)
    }
    assert documented == found
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", meanings, re.MULTILINE)}
    assert codes == set(found.values()) | {0, 3, 143}


def test_everything_public_stands_in_the_python_page() -> None:
    """What is in `__all__` has an entry of its own, or a row among the errors."""
    from intercom_bulk_updater import __all__ as public

    text = (REFERENCE / "python.md").read_text(encoding="utf-8")
    assert [name for name in public if not name.startswith("_") and f"### {name}\n" not in text and f"| `{name}` |" not in text] == []
