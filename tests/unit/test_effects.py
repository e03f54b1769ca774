"""Finding our own message again in a thread, however Intercom made it over; and knowing when nothing tells."""

from __future__ import annotations

from typing import Any

import pytest

from intercom_bulk_updater.api.effects import find_message, message_stands
from intercom_bulk_updater.api.lists import is_part

SINCE = 1_764_000_000.4


def thread(*parts: dict[str, Any], total: int | None = None) -> dict[str, Any]:
    """A conversation with these parts."""
    return {"conversation_parts": {"conversation_parts": list(parts), "total_count": len(parts) if total is None else total}}


def part(body: str, at: int = 1_764_000_000, author: str = "7", kind: str = "comment") -> dict[str, Any]:
    """A part of a thread."""
    return {"id": "1", "part_type": kind, "body": body, "created_at": at, "author": {"type": "admin", "id": author}}


def reply(text: str, kind: str = "comment") -> dict[str, Any]:
    """The body of a reply."""
    return {"message_type": kind, "type": "admin", "admin_id": 7, "body": text}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("Hello", "<p>Hello</p>"),
        ("a < b and c > d", "<p>a &lt; b and c &gt; d</p>"),
        ("Fish & chips", "<p>Fish &amp; chips</p>"),
        ("Fish &amp; chips", "<p>Fish &amp; chips</p>"),
        ("one\n\n two", "<p>one</p>\n<p>two</p>"),
        ("<b>Hi</b> there", "<p>Hi there</p>"),
        ("See https://a.b/c?x=1&y=2", '<p>See <a href="https://a.b/c?x=1&amp;y=2" target="_blank">https://a.b/c?x=1&amp;y=2</a></p>'),
        ("It's - \"fine\"...", "<p>It\u2019s \u2013 \u201cfine\u201d\u2026</p>"),
        ("- one\n- two", "<ul><li>one</li><li>two</li></ul>"),
        (":-)", "<p>:-)</p>"),
        ("non\u00a0breaking", "<p>non&nbsp;breaking</p>"),
    ],
)
def test_a_message_is_known_again_however_it_was_made_over(sent: str, stored: str) -> None:
    """Wrapped, escaped, linked, with other quotes: the words are the same."""
    assert message_stands(thread(part(stored)), reply(sent), SINCE) is True
    assert find_message(thread(part(stored)), reply(sent), SINCE) is not None


def test_what_is_no_message_of_ours() -> None:
    """Of another author, of another kind, or from before: not there, so it may be sent again."""
    for other in (part("Hello", author="8"), part("Hello", kind="note"), part("Hello", at=1_763_990_000), part("", kind="close")):
        assert message_stands(thread(other), reply("Hello"), SINCE) is False
    assert message_stands(thread(part("Hello")), reply("Hello", "note"), SINCE) is False


def test_when_nothing_tells_nothing_is_sent_again() -> None:
    """No parts in the answer, only the newest of a long thread, or another text of ours: nobody knows."""
    assert message_stands({"id": "1"}, reply("Hello"), SINCE) is None
    new = [part("other", at=1_764_000_009, author="9")] * 500
    assert message_stands(thread(*new, total=730), reply("Hello"), SINCE) is None
    assert message_stands(thread(part("older", at=1_763_000_000), *new, total=730), reply("Hello"), SINCE) is False
    assert message_stands(thread(total=3), reply("Hello"), SINCE) is None
    assert message_stands(thread(part("<p>Hello <img></p>"), part("made over")), reply("quite different"), SINCE) is None


def test_a_clock_that_is_behind_ours_makes_no_second_message() -> None:
    """Without a `Date`, or with parts stamped by another clock, ours may seem to be from before it was sent."""
    late, seen = part("<p>Hello</p>", at=int(SINCE) - 120), SINCE - 500
    assert message_stands(thread(late), reply("Hello"), SINCE, seen) is None
    assert message_stands(thread(part("made over", at=int(SINCE) - 120)), reply("Hello"), SINCE, seen) is None
    assert message_stands(thread(late), reply("Hello"), SINCE) is None
    assert message_stands(thread(part("", at=int(SINCE))), reply("Hello"), SINCE) is None  # stored without its text
    # An earlier message, which made the conversation what the run saw, is not ours; with another beside it, it may be.
    earlier = part("first", at=int(SINCE) - 120)
    assert message_stands(thread(earlier), reply("second"), SINCE, SINCE // 1 - 120) is False
    assert message_stands(thread(earlier, earlier), reply("second"), SINCE, SINCE // 1 - 120) is None
    assert message_stands(thread(earlier), reply("first"), SINCE, SINCE // 1 - 120) is None
    # What was there when the run looked is not ours, however alike.
    assert message_stands(thread(late), reply("Hello"), SINCE, SINCE - 60) is False


def test_a_message_that_somebody_else_may_have_written_is_not_taken_for_ours() -> None:
    """The same words in the same name: two of them, or one of the second in which the run saw the conversation changed."""
    at = int(SINCE)
    one, two = part("Hello", at=at), part("Hello", at=at + 1)
    closing = part("", kind="close", at=at)
    assert message_stands(thread(one), reply("Hello"), SINCE, at - 9) is True
    assert message_stands(thread(one, two), reply("Hello"), SINCE, at - 9) is None
    assert message_stands(thread(one), reply("Hello"), SINCE, at) is None
    assert message_stands(thread(closing, one), reply("Hello"), SINCE, at) is True  # that is what was seen
    assert message_stands({**thread(one), "created_at": at}, reply("Hello"), SINCE, at) is True
    # What is known to have been sent is there all the same.
    assert message_stands(thread(one, two), reply("Hello"), SINCE, at, ours=True) is True


@pytest.mark.parametrize(("held", "part"), [
    ({"data": [{"id": "1"}], "total_count": 1, "has_more": False}, False), ({"data": [], "total_count": 0}, False), ({"data": []}, False),
    ({"data": [{"id": "1"}], "total_count": 2, "has_more": False}, True), ({"data": [{"id": "1"}], "has_more": True}, True),
    *(({"data": [], "total_count": total}, True) for total in (None, "0", False, 0.5, -1)),
    ({"data": [], "total_count": 0, "pages": {"next": "https://x/?page=2", "total_pages": 2}}, True),
])  # fmt: skip
def test_a_list_that_says_there_are_more_is_a_part(held: dict[str, Any], part: bool) -> None:
    """By either word: one that showed one company of two was taken for all of them, and the other for gone."""
    assert is_part(held) is part
