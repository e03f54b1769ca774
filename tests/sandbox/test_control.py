"""Running it: in a thread, in a process, as a fixture; and the control endpoint."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from intercom_sandbox import Sandbox, running

ROOT = Path(__file__).parents[2]
pytest_plugins = ["pytester"]


@pytest.mark.parametrize("in_process", [True, False])
def test_both_ways_of_running_behave_the_same(caller, in_process):
    """A thread and a process give the same workspace for the same seed, and the same handle."""
    with running(conversations=30, seed=3, epoch=1_760_000_000, in_process=in_process, retry_after=True, other_tokens=["b"]) as box:
        assert box.env() == {
            "INTERCOM_BASE_URL": box.url,
            "INTERCOM_ACCESS_TOKEN": "sandbox-token",
            "INTERCOM_ADMIN_ID": "991267700",
            "INTERCOM_INBOX_ID": "5001",
        }
        assert box.workspace_id == "sandbox1"
        rows = box.conversations()
        assert (len(rows), rows[0]["id"], rows[-1]["updated_at"]) == (30, "215470000000006", 1759999400)
        assert box.control()["retry_after"] is True and box.control()["other_tokens"] == ["b"]
        assert caller(box)("GET", "/me", Authorization="Bearer b").status == 200


def test_the_same_seed_gives_the_same_workspace():
    """Two sandboxes of one seed and epoch agree in every byte of state; another seed differs."""
    states = []
    for seed in (5, 5, 6):
        with running(conversations=40, seed=seed, epoch=1_760_000_000) as box:
            states.append([box.conversation(row["id"]) for row in box.conversations()])
    assert states[0] == states[1] != states[2]


def test_support_is_about_55_percent_open():
    """The documented shares of team 5001 hold for a workspace of some size."""
    with running(conversations=4000) as box:
        mine = box.conversations(team=5001)
        share = sum(row["state"] == "open" for row in mine) / len(mine)
        assert 0.52 < share < 0.58 and 0.56 < len(mine) / 4000 < 0.64


def test_bad_settings_stop_the_start():
    """An unknown setting or value is a ValueError in a thread and in a process."""
    for settings in ({"nonsense": 1}, {"repeat_close": "maybe"}):
        with pytest.raises(ValueError), running(**settings):
            pass
    with pytest.raises(ValueError), running(in_process=False, repeat_close="maybe"):
        pass


def test_the_command_prints_one_line_and_obeys_signals():
    """`python -m` prints url and token as JSON, serves, and leaves with 0 on SIGTERM."""
    command = [sys.executable, "-m", "intercom_sandbox", "--conversations", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        about = json.loads(process.stdout.readline())
        assert Sandbox(about["url"]).token == about["token"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_touch_is_another_admins_hand(api, box):
    """touch acts with another author, outside budget and audit."""
    one, two = api.walk()[:2]
    box.touch([one], kind="close")
    box.touch([one], kind="reopen", admin_id="991267703")
    last = box.conversation(one)["conversation_parts"]["conversation_parts"][-1]
    assert (last["part_type"], last["author"]["id"]) == ("open", "991267703")
    for kind in ("note", "comment", "reply", "contact_reply", "snooze", "assign", "tag", "untag"):
        assert box.touch([two], kind=kind) == [two]
    box.touch([two], kind="set", custom_attributes={"reviewed": True})
    assert box.conversation(two)["custom_attributes"]["reviewed"] is True
    box.touch([two], kind="delete")
    with pytest.raises(KeyError):
        box.conversation(two)
    assert box.audit()["kinds"] == {}


def test_seeding_more_and_starting_anew(api, box):
    """New conversations have the fields asked for; reset() brings the seed back, reset_stats() only counts anew."""
    before = box.conversations()
    made = box.add_conversations(5, team=5003, state="open", tags=[7004])
    assert {row["id"] for row in box.conversations(team=5003, tag=7004)} >= set(made)
    api.close(made[0])
    assert box.stats()["requests"] == 1
    box.reset_stats()
    assert box.stats()["requests"] == 0 and box.audit()["kinds"] == {}
    assert len(box.conversations()) == len(before) + 5
    box.reset()
    assert box.conversations() == before


def test_the_log_keeps_the_newest_requests(api, box):
    """Method, path, status, body and app of each request, the oldest first."""
    box.control(log_size=2)
    one = api.walk()[0]
    api.close(one)
    api("GET", "/me?x=1")
    first, second = box.log()
    assert (first["method"], first["path"], first["status"]) == ("POST", f"/conversations/{one}/parts", 200)
    assert json.loads(first["body"])["message_type"] == "close" and first["app"] == "app"
    assert second["path"] == "/me?x=1"


def test_the_fixture_serves_other_peoples_tests(pytester):
    """`intercom_sandbox` starts a sandbox, sets the environment, and takes settings from its marker."""
    pytester.makepyfile(
        """
        import os, pytest

        @pytest.mark.intercom_sandbox(conversations=12)
        def test_it(intercom_sandbox):
            assert len(intercom_sandbox.conversations()) == 12
            assert os.environ["INTERCOM_BASE_URL"] == intercom_sandbox.url
        """
    )
    pytester.runpytest_subprocess("--strict-markers", "-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_plugin_imports_nothing_until_it_is_used():
    """Loading the plugin pulls in neither the server nor an HTTP client."""
    code = (
        "import sys, pytest; before = set(sys.modules); import intercom_sandbox.pytest_plugin; "
        "print([m for m in set(sys.modules) - before if 'sandbox' in m or m in ('httptools', 'http.client')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert sorted(eval(found)) == [
        "intercom_sandbox",
        "intercom_sandbox.pytest_plugin",
    ]


def test_the_sandbox_shares_no_code_with_the_client():
    """Nothing in the folder imports from the package outside it."""
    modules = list((ROOT / "src" / "intercom_sandbox").rglob("*.py"))
    assert len(modules) > 30
    for path in modules:
        for line in path.read_text().splitlines():
            assert not line.lstrip().startswith(("import intercom_bulk", "from intercom_bulk")), f"{path}: {line}"


def test_it_shows_every_kind_of_item(api, box):
    """contacts, companies, tickets, tags, teams and admins as data, filtered by what is shown; one item as the API has it."""
    leads = box.contacts(role="lead")
    assert leads and {row["role"] for row in leads} == {"lead"} and len(leads) < len(box.contacts())
    one = leads[0]
    assert api("POST", f"/contacts/{one['id']}/tags", {"id": "7004"}).status == 200
    assert api("POST", f"/contacts/{one['id']}/archive").status == 200
    assert [row["id"] for row in box.contacts(tag=7004, archived=True)] == [one["id"]]
    assert box.contact(one["id"])["archived"] is True
    company = box.companies()[0]
    assert box.company(company["id"])["company_id"] == company["company_id"]
    ticket = box.tickets(state="resolved")[0]
    assert box.ticket(ticket["id"])["ticket_state"]["category"] == "resolved"
    assert box.tags(name="vip") == [{"id": "7001", "name": "vip"}]
    assert {team["name"] for team in box.teams()} >= {"Support", "Billing"} and box.admins(name="Ops Bot")[0]["id"] == box.admin_id
    with pytest.raises(KeyError):
        box.contact("nobody")
    with pytest.raises(ValueError, match="colour"):
        box.contacts(colour="red")


def test_the_books_are_kept_for_each_resource(api, box):
    """audit(resource) counts the writes of contacts, companies and tickets apart; equal notes stand out."""
    contact, company, ticket = box.contacts()[0]["id"], box.companies()[0]["id"], box.tickets()[0]["id"]
    for _ in range(2):
        assert api("PUT", f"/contacts/{contact}", {"name": "New"}).status == 200
        assert api("POST", f"/contacts/{contact}/notes", {"body": "the same", "admin_id": box.admin_id}).status == 200
    assert api("PUT", f"/companies/{company}", {"plan": "pro"}).status == 200
    assert api("PUT", f"/tickets/{ticket}", {"open": False}).status == 200
    books = box.audit("contacts")
    assert books["kinds"]["update"] == {"0": books["contacts"] - 1, "1": 0, "2+": 1, "writes": 2, "twice": [contact]}
    assert (books["duplicate_replies"], books["repeated_replies"][0]["id"]) == (1, contact)
    assert box.audit("tickets")["kinds"]["update"]["twice"] == [] and box.audit("conversations")["kinds"] == {}
    assert box.audit()["kinds"]["update"]["writes"] == 4
    with pytest.raises(ValueError, match="contacts"):
        box.audit("people")
