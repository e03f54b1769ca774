"""A new verb is one file: the one that CONTRIBUTING.md shows, put into a copy of the package, or given by another package."""

from __future__ import annotations

import functools
import json
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .desk import Answer, Desk, until

ROOT = Path(__file__).parents[2]
SANDBOX = {"conversations": 60, "latency": 0.02, "jitter": 0.0}
DRIVER = """
import contextlib, io, json, sys
from intercom_bulk_updater.cli.main import main
from pages.command_line import operations_page
found = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
            code = 0
        except SystemExit as end:
            code = end.code or 0
    found.append([code, out.getvalue(), err.getvalue()])
print(json.dumps([found, operations_page()]))
"""


def verb() -> str:
    """The file that CONTRIBUTING.md tells people to write."""
    found = re.search(r"^## Add a verb.*?^```python\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S)
    assert found is not None
    return found[1]


def files(folder: Path) -> dict[str, bytes]:
    """The files below a folder, but for what Python compiles."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file() and one.suffix != ".pyc"}


def put_into_a_copy(folder: Path) -> None:
    """Copy the package and save the verb where CONTRIBUTING.md says; that is the only file that differs."""
    shutil.copytree(ROOT / "src", folder)
    before = files(folder)
    step = re.search(r"Save it as `src/([^`]+)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert step is not None
    (folder / step[1]).write_text(verb())
    after = files(folder)
    assert [name for name in after if after[name] != before.get(name)] == [step[1]] and before.keys() <= after.keys()


def told_entry_points(page: str) -> str:
    """What a page tells another package to write into its pyproject.toml, as pip installs it."""
    found = re.search(r"^```toml\n(\[project\.entry-points.*?)^```", (ROOT / page).read_text(), re.M | re.S)
    assert found is not None, page
    groups = tomllib.loads(found[1])["project"]["entry-points"]
    return "".join(f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in of.items()) for group, of in groups.items())


def give_by_entry_point(folder: Path, points: str = "") -> None:
    """A small package with the verb, as pip would have installed it; by default with the entry point that the page for users shows."""
    about = folder / "house_verbs-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: house-verbs\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(points or told_entry_points("docs/howto/write-an-updater.md"))
    (folder / "house_verbs.py").write_text(verb())


def driven(env: dict[str, str], folder: Path, *commands: list[str]) -> tuple[list[Answer], str]:
    """Commands one after another in one process, begun with this environment; and the page of the operations as it is there."""
    command = [sys.executable, "-c", DRIVER, json.dumps(commands)]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found, page = json.loads(done.stdout.splitlines()[-1])
    return [Answer(*one) for one in found], page


UPDATERS = """
from intercom_bulk_updater import IntercomBulkUpdater, operation

@operation("contacts", idempotent=True)
def mark(item_id, client):
    return True

class Marks(IntercomBulkUpdater):
    pass
"""
POINTS = """
[intercom_bulk_updater.operations]
acme.gone = acme_missing:Gone
contacts.gone = acme_missing:Gone
contacts.mark = house_updaters:mark
contacts.marks = house_updaters:Marks
contacts.renamed = house_verbs:Rename
contacts.rename = house_verbs:Rename
"""


def test_what_another_package_has_broken_takes_nothing_down(desk: Desk, tmp_path: Path) -> None:
    """It is missing, and named with its package and the reason; all else is listed, shown and found."""
    give_by_entry_point(tmp_path / "src", POINTS)
    (tmp_path / "src" / "house_updaters.py").write_text(UPDATERS)
    (listed, data, shown, added, refused, near, unknown, typed, help_), page = driven(
        {**desk.env, "PYTHONPATH": f"{tmp_path / 'src'}:{ROOT / 'docs'}"}, tmp_path,
        ["operations", "list"], ["operations", "list", "--json"], ["operations", "show", "close"], ["operations", "show", "rename"],
        ["operations", "show", "contacts.gone"], ["operations", "show", "mark"], ["operations", "check", "contacts.nope"],
        ["contacts", "mark", "--ids", "1", "--dry-run"], ["contacts", "tag", "--help"],
    )  # fmt: skip
    assert {one["name"]: one["package"] for one in data.json["broken"]} == dict.fromkeys(
        ("acme.gone", "contacts.gone", "contacts.mark", "contacts.marks", "contacts.renamed"), "house-verbs 1.0"
    )
    names = {one["name"] for one in data.json["operations"]}
    assert data.code == listed.code == 0 and {"contacts.rename", "conversations.close"} <= names and "contacts.mark" not in names
    assert "conversations.close" in listed.out and "contacts.rename" in listed.out and "Traceback" not in listed.err
    assert "acme.gone of the package house-verbs 1.0 cannot be used: there is no resource 'acme'" in listed.err
    assert "contacts.gone of the package" in listed.err and "No module named 'acme_missing'" in listed.err
    for name in ("mark", "Marks"):
        said = f"house_updaters:{name} is not a class that extends Operation"
        assert said in listed.err and f"intercom-bulk run house_updaters:{name}" in listed.err
    assert "is 'rename', not 'renamed'" in listed.err
    assert shown.code == added.code == help_.code == 0 and "## conversations.close" in page
    assert refused.code == near.code == unknown.code == typed.code == 2
    assert "acme_missing" in refused.err and "contacts.mark" in near.err and "Unknown operation 'contacts.nope'" in unknown.err
    assert "house_updaters:mark is not a class that extends Operation" in typed.err


TAKEN = """
[intercom_bulk_updater.operations]
contacts = house_verbs:Rename
contacts.--help = house_verbs:Rename
contacts.each = house_verbs:Rename
contacts.export = acme_missing:Gone
contacts.find = house_names:Find
contacts.tag = house_names:Tag
contacts.untag = house_updaters:mark
contacts.rename = house_verbs:Rename
contacts.shared = house_names:Shared
contacts.ranked = house_names:Ranked
contacts.unable = house_names:Unable
widgets.rename = house_verbs:Rename
runs.list = acme_missing:Gone
"""


ODD = """
from house_verbs import Kind, dataclass, parameter
from intercom_bulk_updater.operations.operation import Operation

class Shared(house_verbs.Rename):
    name = "shared"
    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        sel: str = parameter(Kind.TEXT, "Called as a group of flags is in the code.")

class Ranked(house_verbs.Rename):
    name, rank = "ranked", "first"

class Unable(Operation):
    name, resource, summary = "unable", "contacts", "Nothing is done by it."
"""


def test_no_package_takes_a_name_that_is_built_in(desk: Desk, tmp_path: Path) -> None:
    """Neither what cannot be used nor a good class: the verb and each other command of the noun stay, and it is said who offers what."""
    give_by_entry_point(tmp_path / "src", TAKEN)
    (tmp_path / "src" / "house_updaters.py").write_text(UPDATERS)
    named = (f"\n\nclass {name.title()}(house_verbs.Rename):\n    name = {name!r}\n" for name in ("tag", "find"))
    (tmp_path / "src" / "house_names.py").write_text(f"import house_verbs{''.join(named)}{ODD}")
    other = tmp_path / "src" / "other_verbs-2.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other-verbs\nVersion: 2.0\n")
    (other / "entry_points.txt").write_text("[intercom_bulk_updater.operations]\ncontacts.rename = house_verbs:Rename\n")
    (tmp_path / "ids").write_text("\n".join(str(one["id"]) for one in desk.box.contacts()[:2]))
    recipe = "recipe: R\nsteps:\n  - step: a\n    verb: contacts.tag\n    where: role = lead\n    with: {tag: [vip]}\n"
    (tmp_path / "r.yaml").write_text(recipe)
    (listed, data, help_, found, tagged, exported, renamed, shown, checked, typed), page = driven(
        {**desk.env, "PYTHONPATH": f"{tmp_path / 'src'}:{ROOT / 'docs'}"}, tmp_path,
        ["operations", "list"], ["operations", "list", "--json"], ["contacts", "--help"], ["contacts", "find", "--ids", "ids", "--count"],
        ["contacts", "tag", "--ids", "ids", "--tag", "vip", "--dry-run", "--json"], ["contacts", "export", "--help"],
        ["contacts", "rename", "--ids", "ids", "--to", "Guest", "--dry-run", "--json"], ["operations", "show", "contacts.tag"],
        ["recipes", "check", "r.yaml"], ["widgets", "rename"],
    )  # fmt: skip
    for answer in (listed, data, help_, found, tagged, exported, renamed, shown, checked):
        assert answer.code == 0 and "Traceback" not in answer.err, answer.err
    assert tagged.json["counts"]["pending"] == 2 and renamed.json["counts"]["pending"] == 2 and "--tag" in shown.out
    assert "## contacts.tag" in page and "## contacts.rename" not in page
    names = [one["name"] for one in data.json["operations"]]
    assert len(names) == len(set(names)) and "widgets.rename" not in names and "contacts.find" not in names
    said = {(one["name"], one["package"]): one["why"] for one in data.json["broken"]}
    for verb in ("each", "export", "find", "tag", "untag"):
        why = f"contacts {verb} is built in, and stays."
        assert said.pop((f"contacts.{verb}", "house-verbs 1.0")) == why and why in listed.err
    assert "the package house-verbs 1.0 offers contacts.rename, too" in said.pop(("contacts.rename", "other-verbs 2.0"))
    for name in ("widgets.rename", "runs.list"):
        assert "there is no resource" in said.pop((name, "house-verbs 1.0"))
    assert "lacks perform" in said.pop(("contacts.unable", "house-verbs 1.0"))
    assert "rank" in said.pop(("contacts.ranked", "house-verbs 1.0"))
    assert {one[0] for one in said} == {"contacts", "contacts.--help"} and all("RESOURCE.VERB" in why for why in said.values())
    assert typed.code == 2 and "Traceback" not in typed.err


def test_a_verb_that_cannot_be_imported_is_named(desk: Desk, tmp_path: Path) -> None:
    """A broken package is told by its entry point where its verb is typed, and no other verb suffers from it."""
    give_by_entry_point(tmp_path / "src")
    (tmp_path / "src" / "house_verbs.py").write_text("import house_of_nobody\n")
    driver = DRIVER.replace("operations_page()", "''")
    words = [["contacts", "rename", "--to", "Guest"], ["contacts", "tag", "--help"], ["tickets", "find", "--help"]]
    env = {**desk.env, "PYTHONPATH": f"{tmp_path / 'src'}:{ROOT / 'docs'}"}
    command = [sys.executable, "-c", driver, json.dumps(words)]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    broken, beside, whole = (Answer(*one) for one in json.loads(done.stdout.splitlines()[-1])[0])
    assert broken.code == 2 and "contacts.rename" in broken.err and "house_of_nobody" in broken.err and "Traceback" not in broken.err
    assert beside.code == whole.code == 0


def test_users_and_contributors_are_told_the_same_entry_point() -> None:
    """The page for users, whose entry point the tests here install, and the one for contributors."""
    assert told_entry_points("docs/howto/write-an-updater.md") == told_entry_points("CONTRIBUTING.md")


@pytest.mark.parametrize("give", [put_into_a_copy, give_by_entry_point])
def test_a_verb_in_one_file_is_everywhere(desk: Desk, tmp_path: Path, give: Callable[[Path], None]) -> None:
    """Command, help, completion, flags, catalogue, JSON Schema, recipes and words; dry run, plan, apply, kill, resume, verify and undo."""
    give(tmp_path / "src")
    env = {**desk.env, "PYTHONPATH": f"{tmp_path / 'src'}:{ROOT / 'docs'}", "COLUMNS": "120"}

    run = functools.partial(driven, env, tmp_path)
    (tmp_path / "ids").write_text("\n".join(ids := [str(one["id"]) for one in desk.box.contacts()][:16]))
    names = {one: desk.box.contact(one)["name"] for one in ids}
    words = ["contacts", "rename", "--ids", "ids", "--to", "Guest"]
    answers, page = run(
        ["contacts", "--help"], ["contacts", "rename", "--help"], ["completion", "bash"], ["operations", "list"],
        ["operations", "show", "rename", "--json"], ["contacts", "rename", "--ids", "ids"],
        [*words, "--dry-run", "--json"], [*words, "--plan", "p.jsonl"], ["recipes", "check", "--schema"],
    )  # fmt: skip
    nouns, help_, completion, listed, shown, missing, dry, plan, recipe = answers
    assert "contacts.rename" in recipe.out
    assert "Give contacts a name." in nouns.out
    assert "--to TEXT" in help_.out and "contacts rename --where 'role = lead' --to Guest" in help_.out
    assert len(help_.out.splitlines()) <= 35
    assert "rename" in completion.out and "contacts.rename" in listed.out
    about = shown.json
    assert about["json_schema"]["properties"]["to"] == {"type": "string", "description": "The name.", "x-kind": "text"}
    assert about["words"] == {"past": "renamed", "unchanged": "already named that"}
    assert missing.code == 2 and "rename needs --to TEXT" in missing.err
    # The page in the repository is of this package; what another one adds is in `operations list`.
    assert ("## contacts.rename" in page) is (give is put_into_a_copy)
    assert dry.json["counts"]["pending"] == 16 and plan.code == 0 and "rename to Guest" in plan.err.replace("Rename contacts", "rename")
    assert desk.writes() == 0

    command = [sys.executable, "-m", "intercom_bulk_updater", "apply", "p.jsonl", "--yes", "--json", "--workers", "2"]
    process = subprocess.Popen(command, env=env, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert until(lambda: desk.writes() >= 4, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 4 <= desk.writes() < 16

    answers, _ = run(
        ["runs", "resume", "latest", "--json"], [*words, "--yes"], ["verify", "latest"], ["runs", "list"],
        ["runs", "report", "latest", "-o", "r.json"],
    )  # fmt: skip
    resumed, again, verified, listed, report = answers
    assert resumed.code == 0 and resumed.json["counts"]["done"] + resumed.json["counts"]["unchanged"] == 16
    assert {desk.box.contact(one)["name"] for one in ids} == {"Guest"}
    assert "16 already named that" in again.err and verified.code == 0
    assert "renamed" in listed.out and report.code == 0
    told: dict[str, Any] = json.loads((tmp_path / "r.json").read_text())
    assert "rename contacts to Guest" in json.dumps(told)
    answers, _ = run(["undo", resumed.run, "--yes", "--json"])
    assert answers[0].code == 0, answers[0].err
    assert {one: desk.box.contact(one)["name"] for one in ids} == names
    assert desk.box.audit()["kinds"]["update"]["2+"] <= 16
