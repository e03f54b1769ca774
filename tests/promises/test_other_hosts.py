"""A rehearsal writes to no other Intercom, print() spoils no JSON, a run begins no run, and Python follows what goes on."""

from __future__ import annotations

import json
import logging
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from intercom_bulk_updater import IntercomBulkError, ItemsFailed, SafetyStop, Skip, Stop, StopRun, UsageError
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater
from .test_their_errors import command
from .test_two_requests import ReplyAndClose, once

ELSEWHERE = "https://api.intercom.io/me"
SENDS: dict[str, Any] = {
    "requests": lambda: requests.get(ELSEWHERE, timeout=5),
    "urllib": lambda: urllib.request.urlopen(ELSEWHERE, timeout=5),
    "httpx": lambda: httpx.get(ELSEWHERE, timeout=5),
    "another region": lambda: requests.get("https://api.eu.intercom.io/me", timeout=5),
}


WHERE = ["get_search_query", "get_item_id", "before", "is_done", "read_item", "perform_action"]


@pytest.mark.parametrize(("where", "by"), [*((where, "requests") for where in WHERE), *(("perform_action", by) for by in list(SENDS)[1:])])
def test_nothing_goes_to_another_intercom(box: Sandbox, where: str, by: str) -> None:
    """Refused before the name is looked up, in every method and by any library; also when the method swallows it."""

    def sends(self: Any, *given: Any, **more: Any) -> Any:
        try:
            SENDS[by]()
        except Exception:
            return {}
        raise AssertionError("it went out")

    cls = type("Careless", (CustomUpdater,), {"before": lambda self, item: {"state": item["state"]}, where: sends})
    ids = [str(row["id"]) for row in box.conversations(team=5001)][:2] if where == "read_item" else None
    verify = "all" if where == "is_done" else "none"
    with pytest.raises(SafetyStop, match="Careless was about to send to api.*intercom.io, and this run is for 127.0.0.1"):
        cls().bulk_process(team_id="5001", max_items=2, item_ids=ids, verify=verify, progress="none")


def test_another_intercom_may_be_allowed(box: Sandbox) -> None:
    """By a word in the class: the guard lets it through, and what becomes of it is the updater's affair."""

    class Knows(CustomUpdater):
        allowed_hosts = ("api.intercom.io",)

        def perform_action(self, item_id: str, **_: Any) -> Any:
            proxies = {"https": "http://127.0.0.1:9"}
            try:
                requests.get(ELSEWHERE, timeout=5, proxies=proxies)
            except requests.exceptions.ProxyError:
                return {"ok": True}

    assert Knows().bulk_process(team_id="5001", max_items=1, progress="none")["success"] == 1


@pytest.mark.parametrize("flag", ["--json", "--jsonl"])
def test_print_spoils_no_json(box: Sandbox, tmp_path: Path, flag: str) -> None:
    """What an updater prints, in any method, when it is imported, or in a thread, goes to standard error."""
    (tmp_path / "loud.py").write_text(
        "import threading\nfrom intercom_bulk_updater import IntercomBulkUpdater\nprint('LOUD import')\n"
        "class Loud(IntercomBulkUpdater):\n"
        "    def __init__(self):\n        print('LOUD init')\n        super().__init__()\n"
        "    def get_search_endpoint(self): return 'conversations/search'\n"
        "    def get_search_query(self):\n        print('LOUD query')\n"
        "        return {'field': 'state', 'operator': '=', 'value': 'open'}\n"
        "    def get_item_id(self, item):\n        print('LOUD id')\n        return item['id']\n"
        "    def before(self, item):\n        print('LOUD before')\n        return {'state': item['state']}\n"
        "    def perform_action(self, item_id):\n"
        "        print('LOUD action')\n        t = threading.Thread(target=print, args=('LOUD thread',)); t.start(); t.join()\n"
        "        return {'ok': True}\n"
    )
    done = command("run", "loud.py:Loud", "--limit", "2", "--yes", flag, "--progress", "none")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()]
    assert "LOUD" not in done.stdout
    for place in ("import", "init", "query", "id", "before", "action", "thread"):
        assert f"LOUD {place}" in done.stderr


class Nested(CustomUpdater):
    """Begins a run for each item."""

    threads = False

    def perform_action(self, item_id: str, **kwargs: Any) -> Any:
        if not self.threads:
            return self.bulk_process(team_id="5001", max_items=1, progress="none")
        found: list[Any] = []

        def begin() -> None:
            try:
                found.append(self.bulk_process(team_id="5001", max_items=1, progress="none"))
            except UsageError as exc:
                found.append(exc)

        thread = threading.Thread(target=begin)
        thread.start()
        thread.join()
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]


@pytest.mark.parametrize("threads", [False, True])
def test_a_run_inside_a_run_is_refused(box: Sandbox, threads: bool) -> None:
    """Else it would act on everything, for each item; also in a thread that the action starts."""
    nested = Nested()
    nested.threads = threads
    with pytest.raises(UsageError, match="a run inside a run|at once"):
        nested.bulk_process(team_id="5001", max_items=1, progress="none")
    assert "close" not in box.audit()["kinds"] or box.audit()["kinds"]["close"]["writes"] <= 32


@pytest.mark.parametrize("wrong", ["", " ", None, True, 1.5, b"1", ["1"], "1 2", {"id": "1"}], ids=repr)
def test_what_is_no_id_is_refused(box: Sandbox, wrong: Any) -> None:
    """It would be sent as part of an address."""
    with pytest.raises(UsageError, match=r"item_ids\[1\] is .*, which is not an id"):
        CustomUpdater().bulk_process(item_ids=["9001", wrong], progress="none")
    assert not box.log(10)


def stops(where: str) -> type[CustomUpdater]:
    def stop_run(self: Any, *given: Any, **more: Any) -> Any:
        raise StopRun("enough")

    return type("Stops", (CustomUpdater,), {where: stop_run})


@pytest.mark.parametrize("where", ["get_search_query", "get_item_id", "perform_action", "is_done"])
def test_a_stop_run_is_one_error_with_its_run(box: Sandbox, where: str) -> None:
    """Wherever it is raised: an IntercomBulkError with the run's id and its account, once there is a run."""
    with pytest.raises(IntercomBulkError, match="enough") as caught:
        stops(where)().bulk_process(team_id="5001", max_items=2, progress="none", verify="all" if where == "is_done" else "none")
    if where != "get_search_query":
        assert caught.value.run_id and caught.value.result.run_id == caught.value.run_id


def test_a_stop_may_be_asked_in_words(box: Sandbox) -> None:
    """`stop.ask("deploy")` ends the run in order, with those words."""
    stop = Stop()

    class Asks(CustomUpdater):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            stop.ask("deploy")  # type: ignore[arg-type, unused-ignore]
            return super().perform_action(item_id)

    with pytest.raises(IntercomBulkError, match="^deploy$") as caught:
        Asks().bulk_process(team_id="5001", progress="none", stop=stop, parallel_workers=1)
    assert caught.value.result.success >= 1


@pytest.mark.parametrize("guard", [{"expect": 3}, {"max": "1%"}, {"max": 3}, {"max_failures": 1}], ids=str)
def test_python_is_told_of_arguments(box: Sandbox, guard: dict[str, Any]) -> None:
    """Not of flags, nor of commands for conversations."""
    box.fault("status", status=404, method="POST", path="/parts$")
    with pytest.raises(SafetyStop) as caught:
        CustomUpdater().bulk_process(team_id="5001", progress="none", **guard)
    name, value = next(iter(guard.items()))
    assert f"{name}={value!r}" in str(caught.value)
    assert "--" not in str(caught.value) and "conversations" not in str(caught.value)


def test_a_run_is_logged_and_told(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """INFO for start and end, WARNING for each failed item with its id, nothing of other libraries; on_event hears the same."""
    box.fault("status", status=404, method="POST", path="/parts$", count=2)
    events: list[dict[str, Any]] = []
    with caplog.at_level(logging.INFO):
        result = CustomUpdater().bulk_process(team_id="5001", max_items=5, progress="none", on_event=events.append)
    lines = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert {name for name, _, _ in lines} == {"intercom_bulk_updater"}
    warned = [said for _, level, said in lines if level == "WARNING"]
    assert sorted(said.split()[1] for said in warned) == sorted(result.failed_ids) and len(warned) == 2
    told = [said for _, level, said in lines if level == "INFO"]
    assert told[0].startswith(f"run {result.run_id} began") and told[-1].startswith(f"run {result.run_id} ended: 3 done, 2 failed")
    assert [event["event"] for event in events if event["event"] != "progress"] == ["run.began", "item.failed", "item.failed", "run.done"]
    assert {event["id"] for event in events if event["event"] == "item.failed"} == set(result.failed_ids)


def test_the_result_is_data(box: Sandbox) -> None:
    """Item by item, with reasons and images; and as an error for whoever wants one."""

    class Chooses(CustomUpdater):
        def before(self, item: dict[str, Any]) -> dict[str, Any]:
            return {"state": item["state"]}

        def perform_action(self, item_id: str, **_: Any) -> Any:
            if int(item_id) % 2:
                raise Skip("odd")
            return super().perform_action(item_id)

    box.fault("status", status=404, method="POST", path="/parts$", count=1)
    result = Chooses().bulk_process(team_id="5001", max_items=8, progress="none")
    assert dict(result.items()) == dict(result) == {"success": result.success, "failed": 1, "total_time": result.total_time}
    failed, skipped = list(result.items("failed")), list(result.items("unchanged"))
    assert [one.id for one in failed] == result.failed_ids and failed[0].cause.startswith("404")
    assert {one.note for one in skipped} == {"odd"} and all(one.before == {"state": "open"} for one in skipped)
    assert len(list(result.items("all"))) == 8
    with pytest.raises(UsageError, match="no outcome 'fialed'"):
        result.items("fialed")
    with pytest.raises(ItemsFailed, match=f"1 failed, 0 in doubt in run {result.run_id}.*such as {failed[0].id}") as caught:
        result.raise_for_failures()
    assert caught.value.result is result and caught.value.exit_code == 3


class Governed(ReplyAndClose):
    """By httpx, with the client that the updater gives."""

    def send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.httpx_client() as client:
            return dict(client.post(f"/{path}", json=body).raise_for_status().json())


def test_the_httpx_client_is_governed(box: Sandbox) -> None:
    """Its requests are seen leaving, each with its permit: a reply is not sent twice, and all are counted."""
    box.fault("status", status=503, method="POST", path="/parts$", count=2)
    result = Governed().bulk_process(team_id="5001", max_items=6, progress="none", parallel_workers=1)
    assert (result["success"], result["failed"], result.in_doubt) == (4, 0, 2), result.failures
    assert once(box, "comment") == (6, 0)
    assert result.requests["action"] == 12 and "httpx" in sys.modules
