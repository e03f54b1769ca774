"""The benchmark: its page is what was measured, and every program of it does the job."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from intercom_sandbox import running

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import bench_page
from bench import RESULTS, lines
from contenders import CONTENDERS, OURS
from measuring import TEAM, environment, read_books, run
from scenarios import NO_LIMIT, QUICK, SCENARIOS


def test_the_page_and_its_pictures_are_what_was_measured() -> None:
    """`make bench-page` would change nothing: no figure was written by hand."""
    page = bench_page.PAGE.read_text(encoding="utf-8")
    found = lines(RESULTS) if RESULTS.exists() else []
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
