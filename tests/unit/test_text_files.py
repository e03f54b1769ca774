"""Files that people name: marks, encodings, line ends, what is no text, what is not a file; and lists of ids in every form."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
from pathlib import Path

import pytest

from intercom_bulk_updater import UsageError
from intercom_bulk_updater.parsing import text_file
from intercom_bulk_updater.parsing.formula import safe_cell
from intercom_bulk_updater.parsing.id_file import ids_in, of_link
from intercom_bulk_updater.parsing.text_file import read_text
from intercom_bulk_updater.service.selection import read_ids
from intercom_bulk_updater.service.spreadsheet import read_rows

TEXT = "Grüße an {{name}}\nzweite Zeile\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_text_with_its_mark_is_read_as_what_it_is(tmp_path: Path, encoding: str, end: str) -> None:
    """A byte-order mark names the encoding and is no character of the text; line ends of any system become one."""
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / "a").write_bytes((mark + TEXT.replace("\n", end)).encode(encoding))
    assert read_text(str(tmp_path / "a"), "a") == TEXT


def test_a_mark_between_files_that_were_put_together_is_no_text(tmp_path: Path) -> None:
    """`cat a b` leaves a mark in the middle; nobody sees it, and it is not sent."""
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf215\n\xef\xbb\xbf216\n")
    assert read_ids(str(tmp_path / "a")) == ["215", "216"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("Grüße\n".encode("latin-1"), "line 1, byte 3); it may be Windows-1252"),
        (b"a\nb\xff\n", "line 2, byte 4"),
        ("id\n1\n".encode("utf-16-le"), "looks like UTF-16"),
        (b"text\nmore\0\n", "line 2 has a NUL byte"),
        (b"PK\x03\x04\x14\x00\x06\x00\xff\xfe", "Excel workbook"),
        (b"\xff\xfea", "begins as UTF-16 and is not"),
    ],
)
def test_what_is_not_text_is_refused_with_the_way_out(tmp_path: Path, raw: bytes, words: str) -> None:
    """An encoding is never guessed; the error names the file, the place and how to make it readable."""
    path = tmp_path / "a.txt"
    path.write_bytes(raw)
    with pytest.raises(UsageError) as caught:
        read_text(str(path), f"--ids {path}")
    assert words in caught.value.message
    assert caught.value.message.startswith(f"--ids {path} cannot be read: ")


def test_what_is_no_file_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a socket, a pipe without a writer, a file that is missing or too large: words, no traceback and no waiting for ever."""
    monkeypatch.setattr(text_file, "_PIPE_SECONDS", 0.05)
    (tmp_path / "large").write_bytes(b"x" * 11)
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("sock")
        for name, words in {
            ".": "it is a folder", "none": "No such file", "pipe": "nobody wrote to it", "sock": "cannot be read",
            "large": "larger than", "a\0b": "cannot be read",
        }.items():
            with pytest.raises(UsageError, match=words):
                read_text(name, name, most=10)


def test_a_pipe_with_a_writer_is_read_to_its_end(tmp_path: Path) -> None:
    """`mkfifo` and process substitution work as files do."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"1\n" * 50_000))
    writer.start()
    assert read_text(str(pipe), "pipe").count("1") == 50_000
    writer.join()


def test_standard_input_is_read_as_files_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` takes UTF-16 and marks too; a process without standard input has an empty one."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("215\r\n216".encode("utf-16"))))
    assert read_ids("-") == ["215", "216"]
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="holds no ids"):
        read_ids("-")


EXPORT = '"seq","id","outcome","before"\r\n1,"215470000000024","done","{""a"": 1}"\r\n2,"\'-215","done",""\r\n'


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("conversation_id\n215\n216\n", ["215", "216"]),
        ("ID\n215\n", ["215"]),
        ("Conversation ID\r\n215\r\n", ["215"]),
        ("# a comment\n\n215 # why\n216,\n", ["215", "216"]),
        (EXPORT, ["215470000000024", "-215"]),
        ("id\tstate\n215\topen\n216\tclosed\n", ["215", "216"]),
        ("name;contact_id\nAda;64f0c2\n", ["64f0c2"]),
        ('{"id": "215", "state": "open"}\n{"id": 216}\n{"schema": "find/1", "event": "run.done", "run": null}\n', ["215", "216"]),
        ('{"schema":"plan/1","hash":"x"}\n{"id":"215","change":"x"}\n', ["215"]),
        ('{"id": "215"}', ["215"]),
        ('{"schema":"find/1","items":[{"id":"215"},{"id":"216"}]}\n', ["215", "216"]),
        ('{"schema":"export/1","items":[\n{"seq":1,"id":"215"},\n{"seq":2,"id":"216"}\n],"count":2}', ["215", "216"]),
        ('["215", 216]', ["215", "216"]),
    ],
)
def test_a_list_of_ids_in_any_form_that_the_tool_writes(text: str, ids: list[str]) -> None:
    """Headings are recognised and are no items; tables, JSON Lines and JSON give their ids."""
    assert [of_link(word) for _, word in ids_in(text, "x")] == ids


@pytest.mark.parametrize(
    ("link", "id_"),
    [
        ("https://app.intercom.com/a/inbox/ab12/inbox/shared/all/conversation/215470?view=List", "215470"),
        ("https://app.eu.intercom.com/a/inbox/ab12/inbox/team/5001/conversation/215470#part_id=comment-1", "215470"),
        ("app.au.intercom.com/a/apps/ab12/conversations/215470", "215470"),
        ("https://app.intercom.com/a/apps/ab12/users/64f0c2/all-conversations", "64f0c2"),
        ("https://app.intercom.com/a/apps/ab12/companies/5f1a2/users", "5f1a2"),
        ("https://app.intercom.io/a/inbox/ab12/inbox/search/ticket/77", "77"),
        ("https://example.org/conversation/215470", "https://example.org/conversation/215470"),
        ("https://app.intercom.com.evil.org/conversation/215470", "https://app.intercom.com.evil.org/conversation/215470"),
        ("215470", "215470"),
    ],
)
def test_links_of_the_inbox_are_ids(link: str, id_: str) -> None:
    """A link copied from the browser names its conversation, contact, company or ticket; another site's does not."""
    assert of_link(link) == id_
    assert next(of_link(word) for _, word in ids_in(f"{link}\n", "x")).startswith(id_[:6])


def test_a_link_stands_in_a_spreadsheet_too(tmp_path: Path) -> None:
    """The column of ids may hold links; text in UTF-16 is read."""
    (tmp_path / "x.csv").write_bytes("link,team\nhttps://app.intercom.com/a/inbox/x/inbox/all/conversation/215,Billing\n".encode("utf-16"))
    assert [row.id for row in read_rows(str(tmp_path / "x.csv"), "link").rows] == ["215"]


def test_what_names_no_item_is_refused_with_its_place(tmp_path: Path) -> None:
    """A line without an id, broken JSON, JSON without a list."""
    for text, words in {
        '{"id":"1"}\n{"name":"x"}\n': "line 2, names no item", '{"id":"1"}\n{"id":\n': "line 2, is not JSON",
        '{"a": 1}': "without a list", "[" * 100_000: "nested", "id,x\n1,a\n,b\n": "line 3", "215\nno id\n": "line 2: 'no id' is not an id",
    }.items():
        (tmp_path / "x").write_text(text)
        with pytest.raises(UsageError, match=words):
            read_ids(str(tmp_path / "x"))


@pytest.mark.parametrize("text", ["=1+1", "\t=1", " =1", "＝1", "\u200b=1", "\ufeff@x", "\n-1", "﹣1", " \u00a0+1", "\u202e=1"])  # noqa: RUF001
def test_no_cell_is_a_formula(text: str) -> None:
    """What a spreadsheet would run is kept from running by an apostrophe, also behind what it skips."""
    assert safe_cell(text).startswith("'")
    assert json.loads(json.dumps(safe_cell("a=1"))) == "a=1"
