"""An answer that Intercom did not write says nothing of the message it answers: it is looked for, and never sent twice."""

from __future__ import annotations

from typing import Any

import pytest

from .desk import Desk

LIES: list[dict[str, Any]] = [
    {"kind": "redirect", "commit": "before"},
    *({"kind": "error_after", "status": status, "shape": "html"} for status in (400, 401, 403, 429)),
]


@pytest.mark.parametrize("fault", LIES, ids=["redirect", "400", "401", "403", "429"])
def test_a_message_that_went_out_all_the_same_goes_out_once(desk: Desk, fault: dict[str, Any]) -> None:
    """A note that was written and answered by something in between is found: never failed, and a resume or retry adds none."""
    ids = desk.open_ids()[:6]
    desk.box.fault(path="/reply$", method="POST", count=3, **fault)
    (desk.home / "ids").write_text("\n".join(ids))
    note = ("conversations", "note", "--ids", "ids", "--body", "Seen", "--yes", "--json", "--progress", "none")
    answer = desk.here(*note)
    assert not answer.counts.get("failed"), answer.out
    desk.box.clear_faults()
    if answer.code:
        again = desk.here("runs", "resume", "latest", "--yes", "--json")
        assert again.counts["done"] == len(ids), again.out
    desk.once("note", ids)


def test_a_close_that_was_redirected_and_carried_out_is_done(desk: Desk) -> None:
    """A write that may be repeated is looked at as well: done when its effect is there, failed when it is not."""
    ids = desk.open_ids()
    desk.box.fault("redirect", path="/parts$", commit="before", count=2)
    desk.box.fault("error_after", status=403, shape="html", path="/parts$", count=1, every=3)
    answer = desk.close()
    assert answer.counts == {"selected": len(ids), "done": len(ids)}, answer.out
    desk.once("close", ids)


def test_a_refusal_of_a_message_may_be_untrue(desk: Desk) -> None:
    """Intercom itself answers 422 and has written the note: failed, as it says; a retry looks first, and adds no second one."""
    ids = desk.open_ids()[:4]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("error_after", status=422, path="/reply$", method="POST", count=2)
    desk.here("conversations", "note", "--ids", "ids", "--body", "Seen", "--yes", "--json", "--progress", "none")
    desk.box.clear_faults()
    again = desk.here("runs", "retry", "latest", "--yes", "--json")
    assert again.counts == {"selected": 4, "done": 4}, again.out
    desk.once("note", ids)


def test_a_message_that_was_truly_refused_is_sent_by_a_retry(desk: Desk) -> None:
    """Where the look shows that nothing was written, the retry sends it."""
    ids = desk.open_ids()[:4]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("status", status=422, path="/reply$", method="POST", count=2)
    desk.here("conversations", "note", "--ids", "ids", "--body", "Seen", "--yes", "--json", "--progress", "none")
    desk.box.clear_faults()
    again = desk.here("runs", "retry", "latest", "--yes", "--json")
    assert again.counts == {"selected": 4, "done": 4}, again.out
    desk.once("note", ids)
