"""What a message in HTML says to its reader."""

from __future__ import annotations

import pytest

from intercom_bulk_updater.operations.plain_text import as_read, shows_nothing


@pytest.mark.parametrize("body", [
    "", " ", "<p> </p>", "<br>", "&nbsp;", "<b></b>", "<!-- x -->", "\u200b", "<a href='https://x.test'></a>", "<style>p {}</style>",
    "<img>", "<img src=''>", "<img src=' '>", "<video></video>", "<iframe src></iframe>", "<object data=''></object>",
    "\u3164", "<p>\uffa0</p>", "\u115f\u1160", "\u2800 \u2800", "\ufe0f", "\U000e0100", "&#12644;", "\u034f", "\u180e\u17b4",
])  # fmt: skip
def test_what_shows_nothing(body: str) -> None:
    assert shows_nothing(body)


@pytest.mark.parametrize("body", [
    "a", "<p>.</p>", "👍", "<img src=x>", "<video src=x></video>", "<iframe src=x></iframe>", "&lt;",
    "<img srcset='x 2x'>", "<video><source src=x></video>", "<iframe srcdoc='a'></iframe>", "<object data=x></object>", "<video poster=x>",
    "\u2801", "\u1112\u1161", "\u3131", "\u2764\ufe0f",
])  # fmt: skip
def test_what_shows_something(body: str) -> None:
    assert not shows_nothing(body)


@pytest.mark.parametrize(("one", "other"), [
    ("<video src=a></video>", "<video src=b></video>"), ("<iframe src=a></iframe>", ""), ("<s>5</s> 6", "5 <s>6</s>"),
    ("<button href='a'>Go</button>", "<button href='b'>Go</button>"), ("<a href='a'>Go</a>", "Go"), ("<del>5</del>", "5"),
])  # fmt: skip
def test_another_message(one: str, other: str) -> None:
    assert as_read(one) != as_read(other)


@pytest.mark.parametrize(("one", "other"), [("Hello", "<p>Hello</p>"), ("a b", "a\n b "), ("<b>Go</b>", "<i>Go</i>"), ("&amp;", "&")])
def test_the_same_message_made_over(one: str, other: str) -> None:
    assert as_read(one) == as_read(other)
