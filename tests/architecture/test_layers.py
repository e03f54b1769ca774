"""What may know what."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import intercom_bulk_updater

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "intercom_bulk_updater"
SANDBOX = SOURCE / "intercom_sandbox"
PROMISED = ("conversation_closer", "example_custom_updater", "BulkUpdate_Generic")
VERBS = "intercom_bulk_updater.cli.verbs"
HEAVY = ("sqlalchemy", "httpcore2", "pydantic", "requests", "rich.progress", VERBS)


def imports(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """(module, names) of each absolute import of a file."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.append((node.module or "", tuple(alias.name for alias in node.names)))
    return found


def test_layers() -> None:
    """Every import points down, and the contracts of pyproject.toml hold."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sandbox_stands_alone() -> None:
    """The sandbox imports nothing of ours but itself: it could be wrong about Intercom, and never in the client's way."""
    for path in SANDBOX.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                depth = len(path.relative_to(SANDBOX).parts)
                assert node.level <= depth, f"{path.name} reaches out of its folder"
        for module, _ in imports(path):
            assert module.partition(".")[0] != "intercom_bulk_updater", f"{path.name} imports {module}"


@pytest.mark.parametrize("name", PROMISED)
def test_promised_modules_are_copyable(name: str) -> None:
    """The three modules beside the package import public names only, so that what people copy from them goes on working."""
    for module, names in imports(SOURCE / f"{name}.py"):
        top = module.partition(".")[0]
        if top == "intercom_bulk_updater":
            assert module == top, f"{name} imports the inner module {module}"
            assert set(names) <= set(intercom_bulk_updater.__all__)
        else:
            assert top in sys.stdlib_module_names or top in PROMISED, f"{name} imports {module}"


@pytest.mark.parametrize("name", ("intercom_bulk_updater", *PROMISED))
def test_promised_names_import(name: str) -> None:
    """The four promised modules import by exactly these names, and everything in `__all__` is there."""
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        assert getattr(module, public) is not None


def test_public_names_are_sorted() -> None:
    """`__all__` is sorted and lists each name once, so that two people who add to it do not collide."""
    names = intercom_bulk_updater.__all__
    assert sorted(set(names)) == names


LOADS = {
    "--help": (),
    "conversations close --help": (VERBS,),
    "completion bash": (VERBS,),
    "operations list": (),
    "runs list": ("sqlalchemy",),
    "runs prune --yes": ("sqlalchemy",),
}


@pytest.mark.parametrize("command", LOADS)
def test_commands_load_what_they_use(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command imports what it does not use: help loads no library of the work, looking back loads no HTTP."""
    monkeypatch.setenv("INTERCOM_BULK_HOME", str(tmp_path))
    probe = (
        "import json, sys\nfrom intercom_bulk_updater.cli.main import main\n"
        f"try: main({command.split()!r})\nexcept SystemExit as end: assert not end.code, end.code\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stderr.splitlines()[-1])) <= set(LOADS[command])


def test_no_drawer_for_everything() -> None:
    """No module is called utils, helpers, common, core or base: a concept gets its own name."""
    names = {path.stem for path in PACKAGE.rglob("*.py")} | {path.name for path in PACKAGE.rglob("*") if path.is_dir()}
    assert names.isdisjoint({"utils", "util", "helpers", "helper", "common", "core", "base", "misc"})
