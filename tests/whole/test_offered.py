"""What is offered as the next command can be typed as it stands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.desk import Desk, at_desk

from .network import MemorySandbox

PLAIN = ("--json", "--progress", "none")
PLANNED: dict[str, tuple[str, ...]] = {
    "what customers see": ("conversations", "reply", "--body", "We are back."),
    "a message beside a change": ("conversations", "close", "--body", "Solved."),
    "what nothing takes back": ("conversations", "delete"),
    "both": ("conversations", "convert", "--ticket-type", "Bug report"),
    "neither": ("conversations", "snooze", "--until", "+3d"),
}


@pytest.fixture
def desk(shop: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process, and a list of three open conversations."""
    with at_desk(shop, tmp_path) as made:
        ids = [str(one["id"]) for one in shop.conversations() if one["state"] == "open"]
        (tmp_path / "ids").write_text("\n".join(ids[:3]))
        yield made


@pytest.mark.parametrize("name", PLANNED)
def test_a_plan_is_carried_out_by_the_command_that_is_offered(desk: Desk, name: str) -> None:
    """With the flags that apply asks for, and whatever the file is called."""
    planned = desk.here(*PLANNED[name], "--ids", "ids", "--plan", "my plan.jsonl", *PLAIN)
    show, apply = (shlex.split(line)[1:] for line in planned.json["next"])
    assert desk.here(*show).code == 0
    done = desk.here(*apply, "--yes", *PLAIN)
    assert done.code == 0 and done.json["counts"]["done"] + done.json["counts"]["failed"] == 3, done.err


def test_an_undo_that_customers_see_is_offered_with_its_flag(desk: Desk) -> None:
    """A person's own way back, which writes to customers as the way there did."""
    (desk.home / "own.py").write_text(
        "from intercom_bulk_updater import IntercomBulkUpdater\n"
        "class Shout(IntercomBulkUpdater):\n"
        "    customer_visible = True\n"
        "    idempotent = True\n"
        "    def get_search_endpoint(self): return 'conversations/search'\n"
        "    def get_item_id(self, item): return item['id']\n"
        "    def before(self, item): return {'read': item['read']}\n"
        "    def perform_action(self, item_id, **kwargs):\n"
        "        path = f'conversations/{item_id}'\n"
        "        return self.client.put(path, {'read': not self.client.get(path)['read']})\n"
        "    def undo_action(self, item_id, before, **kwargs):\n"
        "        return self.client.put(f'conversations/{item_id}', {'read': before['read']})\n"
    )
    done = desk.here("run", "own.py:Shout", "--ids", "ids", "--customer-visible", "--yes", *PLAIN)
    assert done.code == 0, done.err
    offered = shlex.split(done.json["next"][-1])[1:]
    assert offered[:2] == ["undo", done.run]
    undone = desk.here(*offered, "--yes", *PLAIN)
    assert (undone.code, undone.counts) == (0, {"selected": 3, "done": 3}), undone.err
