"""Two servers with one workspace id and one state folder: `latest` is the configured server's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater.errors import NoSuchRun
from intercom_sandbox import running

from .desk import Desk, at_desk

SANDBOX = {"conversations": 60}


@pytest.fixture
def other(desk: Desk, tmp_path: Path) -> Iterator[Desk]:
    """A second sandbox, of the same workspace, at a desk with the same state folder."""
    with running(conversations=60, latency=0.001) as box, at_desk(box, desk.home) as second:
        yield second


def test_latest_is_of_the_server_that_is_configured(desk: Desk, other: Desk) -> None:
    """Each server has its own latest run, for what acts and for what shows; where there is none yet, the newest other is named."""
    first = desk.close().run
    none = other.here("runs", "show", "latest")
    assert none.code == 2 and first in none.err and other.box.url in none.err
    second = other.close().run
    for one, run in ((desk, first), (other, second)):
        for command in (("runs", "show"), ("runs", "report"), ("verify",), ("runs", "resume")):
            said = one.here(*command, "latest", "--json")
            assert said.code == 0 and run in said.out, (command, said.out, said.err)
        assert one.here("undo", "latest", "--yes", "--json").json["run"]["parent"] == run
    assert len(desk.open_ids()) == len(other.open_ids()) > 0


@pytest.mark.parametrize("command", ["runs resume", "runs retry", "runs pause", "undo --yes", "verify"])
def test_latest_never_takes_the_run_of_another_server(desk: Desk, other: Desk, command: str) -> None:
    """Where this server has no run yet, that is said with the newest one's id and address, and nothing is written."""
    run = desk.close().run
    said = other.here(*command.split(), "latest")
    assert said.code == 2 and run in said.err and desk.box.url in said.err and "give its id" in said.err
    tag = other.here("conversations", "tag", "--tag", "VIP", "--from-run", "latest", "--outcome", "done", "--yes", "--json")
    assert tag.code == 2 and other.writes() == 0
    assert other.here("runs", "show", run, "--json").json["run"]["id"] == run


def test_the_same_from_python(desk: Desk, other: Desk) -> None:
    """open_run("latest") is the workspace's that is given."""
    run = desk.close().run
    there = bulk.Workspace(token=other.box.env()["INTERCOM_ACCESS_TOKEN"], base_url=other.box.url, home=desk.home)
    with pytest.raises(NoSuchRun, match=run):
        bulk.open_run("latest", workspace=there)
    assert bulk.open_run(run, workspace=there).id == run
