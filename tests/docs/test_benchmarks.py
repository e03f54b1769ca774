"""The benchmark: its page is what was measured, and every program of it does the job."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from intercom_sandbox import running

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import bench_page
from contenders import CONTENDERS, OURS
from measuring import RESULTS, TEAM, environment, every_window, lines, read_books, run
from scenarios import NO_LIMIT, QUICK, SCENARIOS


def test_the_page_and_its_pictures_are_what_was_measured() -> None:
    """`make bench-page` would change nothing: no figure was written by hand."""
    page = bench_page.PAGE.read_text(encoding="utf-8")
    found = lines(RESULTS)
    assert bench_page.written(page, found) == page
    pictures = bench_page.PAGE.with_suffix("")
    assert {file.name: file.read_text(encoding="utf-8") for file in pictures.glob("*.svg")} == bench_page.drawn(found)


def test_every_program_has_its_file_and_its_place() -> None:
    """Each scenario names programs that there are, each program is a file and stands on the page."""
    page = bench_page.PAGE.read_text(encoding="utf-8")
    for scenario in [*SCENARIOS.values(), *QUICK.values()]:
        assert set(scenario.contenders) <= set(CONTENDERS), scenario.name
    for who in CONTENDERS.values():
        assert who.file.exists() and f"| {who.title} |" in page


def test_every_program_does_the_job(tmp_path: Path) -> None:
    """Thirty conversations each: closed once by the server's books, by every program of others whose library is installed."""
    with running(conversations=0, contacts=60, companies=12, tickets=1, limit=NO_LIMIT, workspace_limit=NO_LIMIT) as box:
        for who in CONTENDERS.values():
            if who is not OURS and not who.missing:
                box.reset_stats()
                ids = box.add_conversations(30, team=TEAM, state="open")
                began = time.time()
                process = run(who.command, environment(box, tmp_path, CALLS=str(NO_LIMIT), SECONDS="10"), tmp_path, within=60)
                books = read_books(box, began, 10.0, log=500)
                assert process.exit == 0 and process.megabytes > 5, who.name
                assert (books.lost, books.twice, books.refused) == (0, 0, 0), who.name
                assert books.requests > len(ids) and books.curve, who.name


def test_every_benchmark_can_be_started() -> None:
    """None asks for a module or a name that has moved away."""
    folder = RESULTS.parent
    names = sorted(file.stem for file in folder.glob("*.py"))
    code = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-c", code, *names], cwd=folder, capture_output=True, text=True, check=False)
    assert len(names) > 15 and done.returncode == 0, done.stderr


def test_a_window_without_a_call_counts() -> None:
    """A program that sleeps through two windows has used nothing of them."""
    booked = {"limit": 5, "competitor_accepted": 0, "competitor_rejected": 0, "by_app": {"app": 5}}
    found = list(every_window([{"index": 7, "start": 70.5, **booked}, {"index": 10, "start": 100.5, **booked}], 10.0))
    assert [(one["start"], one["by_app"].get("app", 0)) for one in found] == [(70.5, 5), (80.5, 0), (90.5, 0), (100.5, 5)]


def cell(who: str, run: str, items: int) -> dict[str, Any]:
    """What one program of the main scenario came to: two full windows, ten seconds for its items."""
    window = {"own": 1_600, "limit": 1_667, "others": 0, "others_refused": 67}
    return {
        "kind": "cell", "run": run, "at": "2026-11-01T00:00:00Z", "commit": "c0ffee", "load": 0.1, "on": who, "scenario": "latency-150",
        "machine": {"cpu": "A & B", "cores": 2, "system": "Linux 6", "python": "3.12"}, "contender": who, "items": items, "length": 10.0,
        "seconds": 10.0, "cpu": 1.0, "megabytes": 50.0, "exit": 0, "lost": 0, "twice": 0, "refused": 3, "writing": 9.0, "connections": 15,
        "in_flight": 15, "windows": [{"at": 1.0, **window}, {"at": 11.0, **window}],
        "curve": [[1.0, 0, 0], [6.0, 900, 0], [11.0, 1_600, 3], [11.0, 0, 0]], "ceilings": [[1.0, 1_600]],
    }  # fmt: skip


def test_the_page_compares_only_what_ran_together() -> None:
    """A ratio is of one run, the newest line counts, use is of what the others leave, and the picture is an SVG file."""
    together = [cell("intercom_bulk", "a", 100), cell("intercom_bulk", "b", 400), cell("old_way", "b", 200)]
    text = bench_page.measured(together)
    assert "| as a multiple of the old way | **2.00** | 1.00 |" in text and "`c0ffee`" in text
    assert "**100.0 %; the other refused 100 %**" in text
    assert "**-** | 1.00" in bench_page.measured([*together, cell("intercom_bulk", "c", 400)])
    table = {"kind": "table", "title": "Two processes", "head": ["", "use"], "body": [["alone", "99 %"]]}
    assert "### Two processes" in bench_page.measured([table])
    (drawing,) = bench_page.drawn(together).values()
    strips = ElementTree.fromstring(drawing)
    assert len([one for one in strips.iter() if one.text and "answers 429" in one.text and one.tag.endswith("text")]) == 2
