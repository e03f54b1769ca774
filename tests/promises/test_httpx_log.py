"""httpx's log tells what it was answered. Where a program has switched that log off, httpx is a way that nobody sees through."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from intercom_bulk_updater import IntercomBulkError, StopRun, open_run
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater
from .test_their_errors import command

httpx = pytest.importorskip("httpx")
LOG = logging.getLogger("httpx")
TRUSTED = ssl.create_default_context()


class ByHttpx(CustomUpdater):
    """One connection for all items."""

    ends: ClassVar[Any] = None
    sent: ClassVar[list[str]] = []
    kept: ClassVar[Any] = None

    def perform_action(self, item_id: str, **_: Any) -> Any:
        if item_id in self.sent:  # the second message of an item
            self.sent.append(item_id)
            return True
        type(self).kept = self.kept or httpx.Client(verify=TRUSTED)
        body = {"message_type": "comment", "type": "admin", "admin_id": self.admin_id, "body": "We are back."}
        self.kept.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=body)
        self.sent.append(item_id)
        if isinstance(self.ends, Exception):
            raise self.ends
        return self.client.put(f"conversations/{item_id}", {"title": "x"}) if self.ends == "put" else self.ends


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """The log and the updater are as before when a test is through."""
    filters, level, disabled, least = list(LOG.filters), LOG.level, LOG.disabled, logging.root.manager.disable
    yield
    LOG.filters[:], LOG.disabled = filters, disabled
    LOG.setLevel(level)
    logging.disable(least)
    ByHttpx.sent.clear()
    if ByHttpx.kept is not None:
        ByHttpx.kept.close()
    ByHttpx.kept, ByHttpx.ends = None, None


def disabled() -> None:
    """As `logging.config.dictConfig` does with the loggers that are there."""
    LOG.disabled = True


OFF: list[Callable[[], None]] = [disabled, lambda: logging.disable(logging.CRITICAL)]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("ends", [StopRun("enough"), None, ValueError("no"), "put"], ids=repr)
@pytest.mark.parametrize("off", OFF, ids=["disabled", "disable"])
def test_what_a_mute_httpx_sent_is_in_doubt(box: Sandbox, off: Callable[[], None], ends: Any, late: bool) -> None:
    """Whether its log went off before its connection was opened, or later."""
    box.fault("status", status=503, method="PUT")
    if late:
        ByHttpx.ends = True
        assert ByHttpx().bulk_process(team_id="5001", max_items=1, progress="none")["success"] == 1
    off()
    ByHttpx.ends = ends
    before = len(ByHttpx.sent)
    try:
        result = ByHttpx().bulk_process(
            team_id="5001", max_items=2, exclude=list(ByHttpx.sent), parallel_workers=1, progress="none", retries=1
        )
    except IntercomBulkError as exc:
        result = exc.result
    assert (result["failed"], result.in_doubt) == (0, len(ByHttpx.sent) - before)
    run = open_run(result.run_id)
    if result.pending:
        ByHttpx.ends = True
        run = run.resume()
    run.retry()
    assert len(ByHttpx.sent) == len(set(ByHttpx.sent))


def test_a_filter_of_theirs_that_lets_nothing_through_does_not_make_it_mute(box: Sandbox) -> None:
    """The line is read first: a refusal is said to be one."""
    LOG.filters.insert(0, lambda _: False)
    box.fault("status", status=422, path="/reply$")
    result = ByHttpx().bulk_process(team_id="5001", max_items=2, progress="none")
    assert result.failures[0].cause.startswith("422")


def test_nothing_is_logged_that_nobody_asked_for(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Its lines are made for us alone, where the level is that of a program that says nothing of it."""
    logging.getLogger().setLevel(logging.WARNING)
    ByHttpx.ends = True
    assert ByHttpx().bulk_process(team_id="5001", max_items=1, progress="none")["success"] == 1
    assert not [line for line in caplog.records if line.name == "httpx"]


FIRST_BY_ASYNC = """
import asyncio, httpx
from intercom_bulk_updater import operation

@operation("conversations", customer_visible=True)
def tell(item_id, client):
    async def send():
        headers = {"Authorization": "Bearer " + os.environ["INTERCOM_ACCESS_TOKEN"]}
        async with httpx.AsyncClient(base_url=os.environ["INTERCOM_BASE_URL"], headers=headers) as by:
            for text in ("We are back.", "Back!"):
                body = {"message_type": "comment", "type": "admin", "admin_id": client.actor(), "body": text}
                try:
                    return (await by.post(f"/conversations/{item_id}/reply", json=body)).json()
                except httpx.TransportError:
                    continue
    return asyncio.run(send())
"""


def test_the_first_connection_of_an_async_client_is_heard(box: Sandbox, tmp_path: Path) -> None:
    """httpcore is imported with it, so that its log was not listened to before; the item was done."""
    (tmp_path / "first.py").write_text(f"import os\n{FIRST_BY_ASYNC}")
    box.fault("drop_after", path="/reply$", count=1)
    asked = ("run", "first.py:tell", "--where", "state = open", "--limit", "1", "--customer-visible", "--yes", "--json")
    told = json.loads(command(*asked).stdout)
    assert (told["counts"]["done"], told["counts"]["in_doubt"]) == (0, 1), told


class OtherWords(CustomUpdater):
    """By a connection for each message, or one for all; what is lost is sent in other words."""

    client_of_all: ClassVar[Any] = None

    def perform_action(self, item_id: str, **_: Any) -> Any:
        for text in ("We are back.", "Back!"):
            body = {"message_type": "comment", "type": "admin", "admin_id": self.admin_id, "body": text}
            try:
                by = self.client_of_all or httpx
                return by.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=body).json()
            except httpx.TransportError:
                continue
        return None


@pytest.mark.parametrize("debug", [True, False], ids=["told as they leave", "httpcore's log is off"])
@pytest.mark.parametrize("kept", [True, False], ids=["one connection", "each its own"])
def test_each_item_whose_lost_message_was_followed_by_another_is_in_doubt(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, kept: bool, debug: bool
) -> None:
    """It was done: the answer to the other was taken for the one. Where one connection serves all, httpcore's log alone tells."""
    if kept and not debug:
        pytest.skip("nothing tells: a limit that is stated")
    if not debug:
        logging.disable(logging.DEBUG)
    monkeypatch.setattr(OtherWords, "client_of_all", httpx.Client(verify=TRUSTED) if kept else None)
    box.fault("drop_after", path="/reply$", every=2)  # the second, the fourth (which is the third item's), ...
    result = OtherWords().bulk_process(team_id="5001", max_items=5, parallel_workers=1, progress="none")
    assert (result["success"], result["failed"], result.in_doubt) == (1, 0, 4)
    line = logging.LogRecord("httpcore.http11", logging.DEBUG, __file__, 1, "send_request_body.started", (), None)
    assert not (debug and logging.getLogger("httpcore.http11").filter(line))  # it is made for us alone
