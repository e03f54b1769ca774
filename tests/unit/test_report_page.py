"""The report page."""

import base64
import hashlib
import re
import stat
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from report_runs import GONE, a_run, done, mixed

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.journal import Journal, WindowRow
from intercom_bulk_updater.model import Failure, FoundItem, ItemResult, Outcome, RunStatus
from intercom_bulk_updater.report import page as report_page
from intercom_bulk_updater.report.page import write_page

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e\x1b[2J 😀"
HALF = EVIL + "\ud83d"
_VOID = {"meta", "rect", "line", "path", "input"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


def page(journal: Journal, run_id: str, **given: bool) -> str:
    """The whole page as one text."""
    return "".join(report_page.page(journal, run_id, **given))


class Outline(HTMLParser):
    """The elements of a page, with a check that they close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def windows(number: int, *, limit: int = 1667, gap_after: int = -1) -> list[WindowRow]:
    """Windows of ten seconds, nearly used up; one with others and a 429."""
    return [
        WindowRow(
            reset=1_790_000_010 + 10 * n + (600 if -1 < gap_after < n else 0),
            limit=limit,
            own=limit - 20,
            others=30 if n == 3 else 0,
            throttled=2 if n == 3 else 0,
        )
        for n in range(number)
    ]


def test_the_page_tells_everything_about_a_run(journal: Journal) -> None:
    """Who, when, where, what, counts, verdict, failures with advice, ids left alone, events, undo."""
    run = a_run(
        journal,
        5000,
        mixed,
        admin_id="991",
        base_url="https://api.intercom.io",
        finish={
            "exit_code": 3,
            "totals": {
                "seconds": 31.0,
                "requests": {"total": 5100, "search": 34, "action": 5000, "read": 66},
                "verified": {"level": "sample", "remaining": 0, "checked": 50, "passes": 2},
            },
        },
    )
    journal.add_windows(run.id, windows(5))
    journal.add_event(run.id, "pass", number=2, found=12)
    text = page(journal, run.id)
    for said in (
        "Close conversations",
        "team = 5001 and state = open",
        "maria",
        "admin 991",
        "no answer; nothing tells whether the request was carried out",
        "ws1",
        "4,450 of 5,000 done",
        "Finished, but not for every item",
        "50 of 4,450 read back, all in the requested state",
        "2 passes of the search",
        "404 not_found: Resource Not Found",
        "req-404",
        "does not exist any more",
        "state is snoozed, was open",
        "</span>in doubt</td>",
        "pass 2 of the search found 12 items",
        "Request rate against the limit",
        f"intercom-bulk undo {run.id}",
    ):
        assert said in text, said
    Outline(text)


def test_nothing_is_loaded_and_nothing_of_others_can_run(journal: Journal) -> None:
    """One script, our own, and links to the inbox; nothing is fetched, and the policy allows just that."""
    place = {"region": "EU", "workspace_name": "Acme", "timezone": "Europe/Dublin"}
    run = a_run(journal, 200, mixed, finish={"totals": {"place": place}})
    journal.add_windows(run.id, windows(30))
    text = page(journal, run.id)
    outline = Outline(text)
    names = {tag for tag, _ in outline.tags}
    assert not names & {"link", "img", "iframe", "object", "embed", "form", "base", "image", "use"}
    for tag, attributes in outline.tags:
        assert not {"src", "style", "srcset", "xlink:href"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
        if "href" in attributes:
            assert tag == "a"
            assert (attributes["href"] or "").startswith("https://app.eu.intercom.com/a/inbox/ws1/inbox/conversation/")
            assert attributes["rel"] == "noopener noreferrer"
    (style,), (script,) = outline.text("style"), outline.text("script")
    assert "url(" not in style
    assert "@import" not in style
    assert not any(word in script for word in ("http", "fetch", "innerHTML", "eval", "import("))
    (policy,) = [meta["content"] or "" for meta in outline.all("meta") if meta.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    for kind, own in (("style", style), ("script", script)):
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()}'" in policy
    assert "unsafe" not in policy


def test_hostile_text_stays_text(journal: Journal) -> None:
    """Markup, quotes, control characters and half an emoji come out as visible text and nothing else."""

    def fate(item: object) -> ItemResult:
        seq = item.seq  # type: ignore[attr-defined]
        if seq % 2:
            return ItemResult(seq, Outcome.FAILED, failure=Failure(EVIL, HALF, 400, HALF, HALF))
        return ItemResult(seq, Outcome.DRIFTED, note=HALF)

    run = a_run(
        journal,
        4,
        fate,
        ids=lambda n: f"{n}{EVIL}",
        operation=EVIL,
        parameters={HALF: HALF, "tags": [HALF]},
        selection={"words": HALF},
        workspace=EVIL,
        author=EVIL,
        finish={
            "message": EVIL,
            "totals": {
                "verified": {
                    "level": "all",
                    "remaining": 1,
                    "wrong": [{"id": EVIL, "is": EVIL}],
                    "explained": {EVIL: 1},
                }
            },
        },
    )
    journal.add_event(run.id, EVIL, what=HALF)
    text = page(journal, run.id, with_bodies=True)
    outline = Outline(text)
    assert len(outline.all("script")) == 1
    assert not outline.all("img")
    assert "\x1b" not in text
    assert "\u202e" not in text
    text.encode("utf-8")


def test_bodies_and_addresses_are_left_out_unless_asked_for(journal: Journal) -> None:
    """Message bodies and e-mail addresses stand there only when asked for, and the page says which it is."""
    run = a_run(
        journal,
        3,
        lambda item: ItemResult(item.seq, Outcome.DRIFTED, note="assigned to anna@example.com"),
        parameters={"message_text": "Dear customer"},
    )
    without, everything = page(journal, run.id), page(journal, run.id, with_bodies=True)
    assert "Dear customer" not in without
    assert "anna@example.com" not in without
    assert "are left out" in without
    assert "Dear customer" in everything
    assert "anna@example.com" in everything
    assert "handle it accordingly" in everything


def test_the_list_of_items_ends_somewhere(journal: Journal) -> None:
    """Of 6,000 items 5,000 are listed, what failed first; the page says so, and how to get all."""
    run = a_run(journal, 6000, lambda item: ItemResult(item.seq, Outcome.FAILED, failure=GONE) if item.seq == 6000 else done(item))
    text = page(journal, run.id)
    outline = Outline(text)
    rows = text.partition('id="items"')[2].partition("</table>")[0]
    assert rows.count("<tr>") == 5001
    assert "The first 5,000 of 6,000" in outline.text("caption")
    assert f"To get all 6,000: intercom-bulk runs export {run.id} -o items.xlsx" in text
    assert "state: open → closed" in text
    assert rows.index("Resource Not Found") < rows.index("→")


@pytest.mark.further
def test_the_page_is_written_in_flat_memory(journal: Journal, tmp_path: Path) -> None:
    """Writing 5,000 rows holds a small part of the page at a time."""
    run = a_run(journal, 5000, lambda item: ItemResult(item.seq, Outcome.FAILED, failure=Failure("x", "long " * 200)))
    write_page(tmp_path / "once.html", journal, run.id)
    tracemalloc.start()
    try:
        written = write_page(tmp_path / "report.html", journal, run.id)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert written.stat().st_size > 5_000_000
    assert peak < written.stat().st_size


def test_items_and_people_have_names(journal: Journal) -> None:
    """What people call an item stands there with a link, ids of teams as names, moments on the workspace's clock."""
    run = a_run(
        journal, 3, lambda item: ItemResult(item.seq, Outcome.DONE, after={"team_assignee_id": 5002, "snoozed_until": 1_796_479_200}),
        before=lambda n: {"team_assignee_id": 5001, "snoozed_until": None}, name="The app is <slow>",
        operation="conversations.assign", admin_id="991",
        finish={"totals": {
            "place": {"workspace_name": "Acme", "region": "US", "timezone": "America/Los_Angeles", "admin": "Dana Reyes (991)"},
            "names": {"team 5001": "Support (5001)", "team 5002": "Billing (5002)"},
        }},
    )  # fmt: skip
    text = page(journal, run.id)
    for said in (
        "The app is &lt;slow&gt;</a>",
        "https://app.intercom.com/a/inbox/ws1/inbox/conversation/215400000001",
        "team: Support (5001) → Billing (5002), snoozed until: empty → ",
        "(Los Angeles)",
        "Dana Reyes (991)",
        "Acme (ws1)",
    ):
        assert said in text, said
    assert "1796479200" not in text


def test_that_more_match_than_were_selected_stands_above_all(journal: Journal) -> None:
    """"All 12 done" is of those that --limit let through: the page says of how many."""
    whole = a_run(journal, 12)
    assert "that match)" not in page(journal, whole.id)
    run = a_run(journal, 12)
    journal.update_run(run.id, search={"total": 51, "seen": 12, "passes": 1, "complete": True, "cut": True})
    said = page(journal, run.id)
    assert said.index("(12 of 51 that match)") < said.index("All 12 done")


def test_what_an_engineer_wants_is_below_a_fold(journal: Journal) -> None:
    """Commands, requests and events stand in a part that is folded; who, when and the items do not."""
    run = a_run(journal, 10, mixed)
    above, _, below = page(journal, run.id).partition('<details class="fold">')
    for said in ("<h2>Who and when</h2>", "<h2>The items</h2>", "<h2>Failures by cause</h2>"):
        assert said in above
        assert said not in below
    for said in ("<h2>What to type next</h2>", "<h2>Requests</h2>", "<h2>What happened when</h2>", "<h2>Parameters</h2>"):
        assert said in below


def test_the_picture_has_words(journal: Journal) -> None:
    """The timeline says in words what it shows: use, others, limit, 429s, pauses."""
    run = a_run(journal, 10)
    journal.add_windows(run.id, windows(8, gap_after=5))
    text = page(journal, run.id)
    outline = Outline(text)
    (picture,) = [svg for svg in outline.all("svg") if svg.get("class") == "timeline"]
    assert picture["role"] == "img"
    labels = (picture["aria-labelledby"] or "").split()
    assert len(labels) == 2
    assert all(f'id="{label}"' in text for label in labels)
    (words,) = outline.text("desc")
    assert "13,176 requests in 8 windows of 10 s" in words
    assert "each allows 1,667" in words
    assert "used to 99%" in words
    assert "30 requests came from others" in words
    assert "2 were answered 429" in words
    assert sum(rect.get("class") == "own" for rect in outline.all("rect")) == 8
    assert sum(path.get("class") == "throttled" for path in outline.all("path")) == 1
    assert sum(line.get("class") == "gap" for line in outline.all("line")) == 1


def test_a_window_that_was_shared_with_oneself_is_one_bar(journal: Journal) -> None:
    """A run that stopped and went on within a window: one bar, and its own requests are nobody else's."""
    run = a_run(journal, 10)
    journal.add_windows(run.id, [WindowRow(1_790_000_010, 1667, 100, 20), WindowRow(1_790_000_010, 1667, 1, 125, 1)])
    (words,) = Outline(page(journal, run.id)).text("desc")
    assert words.startswith("101 requests in 1 window of 10 s; each allows 1,667; 25 requests came from others; 1 was answered 429")


def test_what_is_still_found_is_explained(journal: Journal) -> None:
    """Items that the search still finds are counted beside what was read back, each with why."""
    verified = {"level": "sample", "remaining": 0, "checked": 50, "passes": 3, "explained": {"failed": 24}}
    run = a_run(journal, 100, mixed, finish={"exit_code": 3, "totals": {"verified": verified}})
    text = page(journal, run.id)
    assert "50 of 89 read back, all in the requested state. 3 passes of the search. 24 items are still found by the search" in text
    assert "the change failed" in text


def test_a_long_run_has_a_picture_of_the_same_size(journal: Journal) -> None:
    """9,000 windows (25 hours) are drawn as at most 120 bars, none of the requests is lost from the words."""
    run = a_run(journal, 1)
    journal.add_windows(run.id, windows(9000))
    outline = Outline(page(journal, run.id))
    assert sum(rect.get("class") == "own" for rect in outline.all("rect")) <= 120
    assert f"{9000 * 1647:,} requests in 9,000 windows" in outline.text("desc")[0]


@pytest.mark.parametrize("rows", [[], [WindowRow(0, 0, 5, 0, 0, at=1_790_000_000.0)], [WindowRow(10, 100, 0)]])
def test_windows_that_say_little_do_no_harm(journal: Journal, rows: list[WindowRow]) -> None:
    """No windows, windows without a limit and windows without requests make a page all the same."""
    run = a_run(journal, 1)
    journal.add_windows(run.id, rows)
    Outline(page(journal, run.id))


def test_the_page_can_be_read_by_a_screen_reader(journal: Journal) -> None:
    """One h1, headings without jumps, every table with a caption and header cells, a language and a title."""
    run = a_run(journal, 500, mixed)
    journal.add_windows(run.id, windows(5))
    outline = Outline(page(journal, run.id))
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert len(outline.all("caption")) == len(outline.all("table")) > 0
    assert all(cell.get("scope") in ("col", "row") for cell in outline.all("th"))
    assert outline.all("html")[0]["lang"] == "en"
    assert run.id in outline.text("title")[0]
    assert all(svg.get("aria-label") or svg.get("aria-labelledby") for svg in outline.all("svg"))


@pytest.mark.parametrize(
    ("finish", "label"),
    [
        ({}, "Done"),
        ({"totals": {"verified": {"level": "all", "remaining": 0, "checked": 3}}}, "Done and verified"),
        (
            {"exit_code": 6, "totals": {"verified": {"level": "all", "remaining": 2, "checked": 3}}},
            "Some items are not in the requested state",
        ),
        ({"status": RunStatus.STOPPED, "exit_code": 7}, "Stopped early; it can be resumed"),
        ({"status": RunStatus.STOPPED, "exit_code": 5}, "Stopped for safety"),
        ({"status": RunStatus.STOPPED, "exit_code": 4}, "Stopped: the token was rejected or lacks a permission"),
        ({"status": RunStatus.CANCELLED, "exit_code": 7}, "Cancelled"),
        ({"status": RunStatus.RUNNING, "exit_code": None}, "Stopped early; it can be resumed"),
    ],
)
def test_the_verdict_never_says_more_than_is_known(journal: Journal, finish: dict[str, object], label: str) -> None:
    """What is called verified Intercom was asked about; a run that stopped is never called finished."""
    run = a_run(journal, 3, done, finish=finish)
    assert Outline(page(journal, run.id)).text("span")[0] == label


def test_a_dry_run_shows_what_would_change(journal: Journal) -> None:
    """The page of a dry run says that nothing was written, and what would change."""
    run = journal.create_run(operation="conversations.close", kind="dry_run")
    journal.add_items(run.id, [FoundItem(str(n), {"state": "open"}) for n in range(7)])
    journal.update_run(run.id, exit_code=0, totals={"review": {"groups": {"state: open → closed": 7}}})
    text = page(journal, run.id)
    for said in ("Dry run, nothing was written", "7 of 7 would change", "state: open → closed"):
        assert said in text
    assert "undo" not in text


def test_the_file_is_private_and_whole_or_not_there(journal: Journal, tmp_path: Path) -> None:
    """Only its owner can read the file; one that cannot be written is an error and leaves nothing behind."""
    run = a_run(journal, 3)
    target = tmp_path / "out" / "report.html"
    with pytest.raises(UsageError, match="cannot be written"):
        write_page(target, journal, run.id)
    target.parent.mkdir()
    assert write_page(target, journal, run.id) == target
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]
