"""A list of one kind of items is not taken for another, where the list says what it holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acceptance.desk import Desk, at_desk

from .network import MemorySandbox


@pytest.fixture(scope="module")
def desk(shop: MemorySandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The command in this process, and lists of two open conversations in every form that is written."""
    with at_desk(shop, tmp_path_factory.mktemp("desk")) as made:
        two = ("--where", "state = open", "--limit", "2")
        for ending in ("csv", "xlsx", "jsonl", "parquet"):
            assert made.here("conversations", "find", *two, "-o", f"found.{ending}").code == 0
        for form in ("json", "jsonl"):
            (made.home / f"told.{form}").write_text(made.here("conversations", "find", *two, f"--{form}").out)
        assert made.here("conversations", "tag", *two, "--tag", "vip", "--plan", "plan.jsonl").code == 0
        for ending in ("csv", "jsonl"):
            assert made.here("runs", "export", "latest", "-o", f"run.{ending}").code == 0
        (made.home / "links.txt").write_text("https://app.intercom.com/a/inbox/sandbox1/inbox/conversation/215470000000031\n")
        yield made


LISTS = (
    "found.csv", "found.xlsx", "found.jsonl", "found.parquet", "told.json", "told.jsonl", "plan.jsonl", "run.csv", "run.jsonl", "links.txt",
)  # fmt: skip


@pytest.mark.parametrize("file", LISTS)
def test_a_list_of_conversations_is_no_list_of_contacts(desk: Desk, file: str) -> None:
    """As what is acted on and as what is left out; for conversations it is taken as before."""
    for given in (("--ids", file), ("--where", "role = user", "--exclude", file)):
        refused = desk.here("contacts", "tag", *given, "--tag", "vip", "--dry-run")
        assert refused.code == 2 and "conversations, and contacts are asked for. Nothing was done." in refused.err, refused.err
    taken = desk.here("conversations", "tag", "--ids", file, "--tag", "vip", "--dry-run")
    assert taken.code == 0, taken.err


@pytest.mark.parametrize("file", ["found.csv", "found.xlsx", "run.csv"])
def test_nor_are_its_rows(desk: Desk, file: str) -> None:
    """A column of contacts in it is taken for them."""
    refused = desk.here("contacts", "tag", "--csv", file, "--tag", "vip", "--dry-run")
    assert refused.code == 2 and "this is the link of one of the conversations, and contacts are asked for" in refused.err, refused.err
    if file != "run.csv":
        assert desk.here("contacts", "tag", "--csv", file, "--id-column", "contact", "--tag", "vip", "--dry-run").code == 0


def test_a_ticket_stands_in_the_inbox_as_a_conversation_does(desk: Desk) -> None:
    """So its link says no more."""
    assert desk.here("tickets", "find", "--where", "open = true", "--limit", "2", "-o", "tickets.csv").code == 0
    assert desk.here("tickets", "tag", "--ids", "tickets.csv", "--tag", "vip", "--dry-run").code == 0
