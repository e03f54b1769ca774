"""What nobody may read: which names hide their values, and text that is safe on a terminal."""

from __future__ import annotations

import io
import json
import logging
import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest

from intercom_bulk_updater.api import redact as redacting
from intercom_bulk_updater.api.messages import Request
from intercom_bulk_updater.api.paths import UnusableId, item_path
from intercom_bulk_updater.api.redact import (
    is_message,
    is_secret,
    keep_private,
    keep_secret,
    mask,
    redact,
    redact_theirs,
    without_typed_secrets,
)
from intercom_bulk_updater.api.transport import HttpTransport
from intercom_bulk_updater.cli.logs import SafeFormatter
from intercom_bulk_updater.cli.stdout import note
from intercom_bulk_updater.parsing.printable import printable, printable_lines
from intercom_bulk_updater.report.page import visible
from intercom_bulk_updater.runs.change_words import words
from intercom_bulk_updater.terminal.table import Sheet
from intercom_bulk_updater.terminal.terminal import say


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test keeps secret is no secret to the next."""
    monkeypatch.setattr(redacting, "_tokens", ())
    monkeypatch.setattr(redacting, "_private", ())
    monkeypatch.setattr(redacting, "_short", ())


@pytest.mark.parametrize(
    "name",
    ["password", "api_key", "apiKey", "APIKEY", "API-Key", "x-api-key", "userPassword", "db_passwd", "client_secret", "Authorization",
     "authToken", "accesstoken", "access_token", "bearer", "credentials", "private_key", "key", "cookie", "jwt", "oauth",
     "pin", "session", "session_id", "signature", "webhook_url", "webhookUrl", "otp",
     "custom_attributes.api_key"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    """A secret is known by a word of its name, however it is spelled."""
    assert is_secret(name)
    assert mask({name: "canary-value"}, with_bodies=True)
    assert "canary" not in json.dumps(mask({"outer": [{name: "canary-value"}, {name: {"deep": ["canary"]}}]}, with_bodies=True))


@pytest.mark.parametrize("name", ["author", "monkey", "keyword", "keep_state", "passed", "token_type", "tokens_count", "team",
                                  "session_count", "url", "pinned"])
def test_names_that_hide_nothing(name: str) -> None:
    """A word that only looks like one is no secret, and neither is what is said about one."""
    assert not is_secret(name)
    assert mask({name: "value"}) == {name: "value"}


@pytest.mark.parametrize("name", ["body", "message", "message_text", "replyHtml", "note", "comment", "subject", "messageBody", "html_body"])
def test_names_of_messages(name: str) -> None:
    """What somebody is written is shown by its length, unless bodies are asked for."""
    assert is_message(name)
    assert mask({name: "canary to you"}) == {name: "(13 characters, not shown)"}
    assert mask({name: {"en": "canary to you"}}) == {name: {"en": "(13 characters, not shown)"}}
    assert mask({name: "canary to you"}, with_bodies=True) == {name: "canary to you"}


@pytest.mark.parametrize("name", ["message_type", "note_id", "reply_count", "skip_notifications", "words", "selection"])
def test_names_about_messages(name: str) -> None:
    """What is said about a message is none."""
    assert mask({name: "comment"}) == {name: "comment"}


def test_a_count_of_changes_is_no_secret() -> None:
    """A change in words, under which its number stands, is no name of a parameter."""
    groups = {"title: I forgot my password -> x": 9, "+note": 3, "+tag password reset (7)": 2, "api_key: changed (not shown)": 1}
    assert mask({"groups": groups}) == {"groups": groups}
    assert mask({"API key": "canary"}) == {"API key": "(not shown)"}


def test_a_secret_that_comes_back_under_another_name_is_hidden() -> None:
    """In an error, a name, an exception: the value of a secret parameter is known wherever it stands; nothing and numbers too."""
    keep_private({"password": "hunter22", "pin": "1234", "values": {"api_key": 12345678}, "team": "Support team"})
    keep_private({"body": "A long message to a customer", "list": ["secret=x-value-1"]})
    assert redact("int('hunter22') 12345678 A long message to a customer, Support team 1234") == (
        "int('[not shown]') [not shown] [not shown], Support team 1234"
    )


@pytest.mark.parametrize("value", ["1", "abc", "1234", "a.b", "zä", "x\ny"])
def test_a_short_secret_is_hidden_where_a_persons_own_code_says_it(value: str) -> None:
    """As a whole word, however it is quoted; not in every text, where it stands by chance."""
    keep_private({"password": value})
    for said in (f"it was {value}!", f"it was {value!r}", f"it was {json.dumps(value)}", f"password={value}"):
        assert redact_theirs(said) != said and value not in redact_theirs(said).replace("[not shown]", ""), said
    assert redact_theirs(f"x{value}x") == f"x{value}x"
    assert redact(f"it was {value}") == f"it was {value}"


def test_a_short_message_is_hidden_where_a_persons_own_code_says_it() -> None:
    """From three letters on; a shorter one is no text."""
    keep_private({"body": "Hey", "note": "ok", "message": "line one\nand two"})
    assert redact_theirs("Hey ok They 'line one\\nand two'") == "[not shown] ok They '[not shown]'"


def test_what_was_typed_in_the_wrong_place_is_not_said_back() -> None:
    """Intercom's tokens, any long key, and NAME=VALUE of a secret name; ids, paths and filters stay."""
    key = "aB3" * 15
    typed = f"dG9rOjEyMzQ1Njc4OTA= {key} --parm api_key=canary password=x7 team=5 state = open /tmp/a/b 64f0c2{'0' * 40}"
    said = without_typed_secrets(typed)
    assert not any(word in said for word in ("dG9r", key, "canary", "x7"))
    assert all(word in said for word in ("team=5", "state = open", "/tmp/a/b", "64f0c2"))


def test_the_words_of_a_change_hide_a_secret_field() -> None:
    """A preview names the field and not its values."""
    assert words({"custom_attributes.api_key": ("old-canary", "new-canary")}) == "api key: changed (not shown)"


HOSTILE = {
    "\x1b[31mred\x1b[0m": "red", "\x1b]0;title\x07x": "x", "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\": "click", "\x9b31mred": "red",
    "a\u202egnp.exe": "agnp.exe", "a\u2066b\u2069": "ab", "pay\u200bpal": "paypal", "pay\u200dpal": "paypal", "pay\u2060pal": "paypal",
    "a\nb\rc\td": "a b c d", "a\x00b\x07c\x7fd": "a b c d", "\x1bPdcs\x1b\\x": "x", "\x1bcreset": "reset", "a\u2028b": "a b",
    "x\U000e0041y": "xy", "\u3164": "", "a\udc80b": "a b", "👩\u200d🚀": "👩\u200d🚀", "می\u200cخواهم": "می\u200cخواهم",  # noqa: RUF001
    "\x1b\x1b[31m\x1b": "",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_from_outside_steers_a_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences, bidirectional and invisible characters are gone from tables, sentences, pages and the log; letters stay."""
    assert printable(text) == HOSTILE[text]
    note(f"No team is called {text}.\n  indented   with  spaces {text}")
    log = SafeFormatter("%(message)s").format(logging.LogRecord("x", 10, "f", 1, "%s", (text,), None))
    table = Sheet(("Name",), [(text,)], title=text)
    said = capsys.readouterr().err
    say(table, drawn := io.StringIO())
    shown = [said, log, "\n".join(table.lines()), drawn.getvalue()]
    for out in shown:
        assert all(c == "\n" or c.isprintable() or c in "\u200d\u200c" for c in out), repr(out)
    assert "  indented   with  spaces" in shown[0]
    assert not set("\x1b\x07\u202e\u2066\u200b\u2060") & set(visible(text))


def test_lines_keep_their_spaces() -> None:
    """The mark below a filter stays below its word."""
    assert printable_lines("  team = “x”\n        ^") == "  team = “x”\n        ^"
    assert io.StringIO(printable_lines("a\r\nb\n")).readlines() == ["a \n", "b\n"]


@pytest.mark.parametrize(
    "segment", ["100001/../100002", "1?x=2", "1#x", "%2e%2e", "a b", "ä", "1\\2", "1/", "\u202e1", "1;2", "1\r\nHost: x"]
)
def test_an_id_is_one_segment_of_a_path(segment: str) -> None:
    """Whatever stands in an id, the request goes to that item and to no other."""
    from urllib.parse import unquote, urlsplit

    path = item_path("conversations", segment, "tags", segment)
    assert urlsplit(path).path == path and path.isascii() and path.isprintable() and " " not in path
    assert [unquote(part) for part in path.split("/")] == ["conversations", segment, "tags", segment]


@pytest.mark.parametrize("segment", ["", " ", ".", ".."])
def test_an_id_that_no_path_can_hold_is_refused(segment: str) -> None:
    """Nothing is sent for it."""
    with pytest.raises(UnusableId, match="nothing was sent"):
        item_path("conversations", segment)


def test_the_transport_sends_paths_and_parameters_as_they_are_meant() -> None:
    """A quoted id stays quoted, and a cursor or a name in a query string ends neither its parameter nor the path."""
    transport = HttpTransport("http://127.0.0.1:1", {}, timeout=1)
    for request, target in (
        (Request("GET", item_path("conversations", "1/../2?x#y")), "/conversations/1%2F..%2F2%3Fx%23y"),
        (Request("GET", "companies/scroll", params={"p": "a&b=c#d/../e"}), "/companies/scroll?p=a%26b%3Dc%23d%2F..%2Fe"),
    ):
        assert transport._target(request) == target


@pytest.mark.parametrize("token", ["dG9rOkFC+Zz/9_secret==", "tokAB+/=sec9", "abcdefgh12"])
@pytest.mark.parametrize("before", ["", ":", "a:", "Basic of "])
@pytest.mark.parametrize("after", ["", ":", "::", '"}'])
def test_a_token_is_hidden_in_whatever_it_is_encoded(token: str, before: str, after: str) -> None:
    """As an address repeats it, as other JSON writes it, and in base64 with whatever is beside it."""
    keep_secret(token)
    whole = f"{before}{token}{after}"
    forms = [
        quote(whole, safe=""), quote_plus(whole), quote(whole), re.sub("%..", lambda m: m[0].lower(), quote(whole, safe="")),
        whole.replace("/", "\\/"), b64encode(whole.encode()).decode(), urlsafe_b64encode(whole.encode()).decode(),
    ]  # fmt: skip
    for form in forms:
        assert "[token]" in redact(f"see {form}."), form


def test_a_token_of_others_is_hidden_in_an_address_too() -> None:
    """By its form alone."""
    assert redact("at ?t=dG9rOkFD%2BZz%2F9abc%3D%3D&x=1") == "at ?t=[token]&x=1"


def test_the_password_of_an_address_is_secret_by_its_place() -> None:
    """Under whatever name it was given, and where code repeats the address or the password alone."""
    url = "postgres://bulk:s3cr%40t@db.example:5432/crm"
    keep_private({"db_url": url, "pages": ["http://u:pw@h/"]})
    assert mask({"db_url": url}, with_bodies=True) == {"db_url": "postgres://bulk:[not shown]@db.example:5432/crm"}
    assert mask({"said": "login with s3cr@t failed"})["said"] == "login with [not shown] failed"
    assert redact_theirs(f"no way to {url}, nor with pw") == (
        "no way to postgres://bulk:[not shown]@db.example:5432/crm, nor with [not shown]"
    )
    assert "other" not in redact("redis://:other@h:6379/0") and "other" not in without_typed_secrets("redis://:other@h")
    for harmless in ("http://HOST:80/a@b", "https://h/x:y@z", "http://USER:PASSWORD@HOST:PORT", '{"u":"http://h:80","m":"a@b"}'):
        assert redact(harmless) == harmless
