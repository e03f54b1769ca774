"""Documentation runs: every block of README.md and docs/ is carried out against a sandbox.

```console blocks: lines that begin with `$ intercom-bulk`, each with exit code 0 or the one in its `# exit N`.
```python blocks: executed one after the other; the blocks of a page share their names.
`<!-- not run: reason -->` before a block leaves it out; `<!-- file: NAME -->` writes it to that file instead.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from intercom_bulk_updater.cli.main import main
from intercom_sandbox import running

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?:^<!--\s*(?P<mark>[^>]*?)\s*-->\n+)?^```(?P<kind>console|python|csv|yaml)\n(?P<body>.*?)^```", re.M | re.S)
# These two have tests of their own: one serves until it is stopped, the other is a sandbox with the real limit.
ELSEWHERE = {"sandbox", "demo"}

NOTHING = r"^  selected +0 |: nothing matched|^0 \w+ where "
"""What is said where a selection finds nothing. The jobs that people ask for are shown on items of the sandbox."""


@dataclass
class Block:
    """One block of a page."""

    kind: str
    mark: str
    body: str
    line: int


def blocks(page: Path) -> list[Block]:
    """What of a page can be carried out."""
    text = page.read_text()
    return [
        Block(found["kind"], found["mark"] or "", found["body"], text[: found.start("body")].count("\n") + 1)
        for found in BLOCK.finditer(text)
    ]


def commands(body: str) -> list[tuple[str, int]]:
    """(command, exit code) of each `$ intercom-bulk` line."""
    found = []
    for line in body.replace("\\\n", " ").splitlines():
        if not line.startswith("$ intercom-bulk"):
            continue
        stated = re.search(r"#\s*exit\s+(\d+)", line)
        found.append((line[2:], int(stated[1]) if stated else 0))
    return found


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Carry out one line: in this process, which spares the imports, or by a shell where it takes one (`> file`)."""
    words = shlex.split(command, comments=True)
    if not {"|", ">", "<", "&&"} & set(words):
        out, err = io.StringIO(), io.StringIO()
        code: object = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main(words[1:])
            except SystemExit as exc:
                code = exc.code
        return subprocess.CompletedProcess(words, int(str(code or 0)), out.getvalue(), err.getvalue())
    program = f"{shlex.quote(sys.executable)} -m intercom_bulk_updater"
    return subprocess.run(
        command.replace("intercom-bulk", program, 1),
        shell=True, cwd=folder, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of a page ends with the exit code that the page states, and every Python block runs."""
    for name in [name for name in os.environ if name.startswith("INTERCOM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names: dict[str, object] = {"__name__": "page"}
    with running(conversations=500, seed=7) as box:
        for name, value in {**box.env(), "INTERCOM_BULK_HOME": str(tmp_path / "home")}.items():
            monkeypatch.setenv(name, value)
        for block in blocks(page):
            where = f"{page.relative_to(ROOT)}:{block.line}"
            if block.mark.startswith("not run:"):
                continue
            if block.mark.startswith("file:"):
                (tmp_path / block.mark.removeprefix("file:").strip()).write_text(block.body)
            elif block.kind in ("csv", "yaml"):
                continue
            elif block.kind == "python":
                exec(compile("\n" * block.line + block.body, str(page), "exec"), names)
            else:
                for command, expected in commands(block.body):
                    if command.split()[1] in ELSEWHERE:
                        continue
                    done = run(command, tmp_path)
                    assert done.returncode == expected, f"{where}: {command}\n{done.stdout}\n{done.stderr}"
                    if page.stem.endswith("-jobs"):
                        assert not re.search(NOTHING, done.stderr, re.M), f"{where}: {command}\n{done.stderr}"


def test_reasons_are_given() -> None:
    """A block that is not run says why."""
    for page in PAGES:
        for block in blocks(page):
            if block.mark.startswith("not run"):
                assert len(block.mark.removeprefix("not run:").strip()) > 8, f"{page.name}:{block.line}"


def test_links_lead_somewhere() -> None:
    """Every link from one page to another file of the project finds it."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_every_dependency_is_explained() -> None:
    """libraries.md names every dependency of pyproject.toml."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    text = (ROOT / "docs" / "explanation" / "libraries.md").read_text()
    missing = [name for name in (re.split(r"[><=~\[ ]", entry)[0] for entry in wanted) if f"`{name}`" not in text]
    assert missing == []


def test_index_lists_every_page() -> None:
    """docs/index.md leads to every page of the documentation."""
    docs = ROOT / "docs"
    text = (docs / "index.md").read_text()
    pages = [page.relative_to(docs).as_posix() for page in PAGES if docs in page.parents and page.name != "index.md"]
    assert [page for page in pages if f"({page})" not in text] == []


def test_tests_that_are_named_exist() -> None:
    """A page that names a test names one that is there."""
    named = [name for page in PAGES for name in re.findall(r"`(tests/[\w/]+\.py::test_\w+)`", page.read_text())]
    assert len(named) >= 18
    for name in named:
        file, _, test = name.partition("::")
        assert f"def {test}(" in (ROOT / file).read_text(), f"{name} is not there"


def test_each_job_is_done_where_its_row_says() -> None:
    """what-people-want.md: twenty-five rows, each to a section that holds its command in a block that is run."""
    page = ROOT / "docs" / "what-people-want.md"
    rows = re.findall(r"^\| \[[^]]+\]\(([^)#]+)#([^)]+)\)[^|]*\| `(.+)`[^`]*\|$", page.read_text(), re.M)
    assert len(rows) == 25
    for target, anchor, command in rows:
        text = (page.parent / target).read_text()
        sections = {slug(part.partition("\n")[0]): part for part in re.split(r"^## ", text, flags=re.M)[1:]}
        run = [block for block in blocks(page.parent / target) if not block.mark.startswith("not run")]
        command = command.replace("\\|", "|")
        assert command in sections[anchor], f"{anchor}: {command}"
        assert any(command in block.body for block in run), f"{anchor}: not run"


def slug(heading: str) -> str:
    """What a heading is linked by."""
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
