"""Errors in people's updaters are told as theirs: which class, which method, which line. By the command and in Python."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from acceptance.forked import start
from intercom_bulk_updater import UsageError
from intercom_bulk_updater.cli.main import main
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater, closed_once

COMMAND = str(Path(sys.executable).with_name("intercom-bulk"))
FILE = '''import sys
from intercom_bulk_updater import IntercomBulkUpdater

class Close(IntercomBulkUpdater):
    def get_search_endpoint(self):
        return "conversations/search"
    def get_search_query(self, team_id, **_):
        return {"field": "team_assignee_id", "operator": "=", "value": int(team_id)}
    def get_item_id(self, item):
        return item["id"]
    def perform_action(self, item_id, value=True, **_):
        return self.client.post(f"conversations/{item_id}/parts", {"message_type": "close", "type": "admin", "admin_id": self.admin_id})

class OldWay(Close):
    def get_search_query(self, **kwargs):
        return {"field": "team_assignee_id", "operator": "=", "value": int(kwargs["team_id"])}

class NeedsTag(Close):
    def perform_action(self, item_id, tag_id):
        return {}

class BadId(Close):
    def get_item_id(self, item):
        return item["idd"]

class BadChange(Close):
    def before(self, item):
        return {"state": item["state"]}
    def change(self, item_id, before, **_):
        return before["stat"]

class NoAction(IntercomBulkUpdater):
    get_search_endpoint, get_search_query, get_item_id = Close.get_search_endpoint, Close.get_search_query, Close.get_item_id

class BadAction(Close):
    def perform_action(self, item_id, **_):
        secret = "hunter2"
        return {}["custom_attributs"]

class Leaves(Close):
    def perform_action(self, item_id, **_):
        sys.exit("bye")
'''
PLACES = {"idd": '["idd"]', "stat": '["stat"]', "attributs": "attributs", "query": "int(team_id)"}
LINE = {name: n for n, line in enumerate(FILE.splitlines(), 1) for name, text in PLACES.items() if text in line}

REFUSED = {
    "missing": ("Close", "", "Close.get_search_query needs --param team_id=…"),
    "missing in kwargs": ("OldWay", "", "OldWay.get_search_query needs --param team_id=…"),
    "missing for the action": ("NeedsTag", "team_id=5001", "NeedsTag.perform_action needs --param tag_id=…"),
    "bad": (
        "Close",
        "team_id=five",
        f"Close.get_search_query failed: ValueError: invalid literal for int() with base 10: 'five' (mine.py:{LINE['query']} in",
    ),
    "misspelled": ("Close", "team_id=5001 vlaue=false", "--param vlaue: Close has no such parameter. Do you mean value?"),
    "a flag": ("Close", "team_id=5001 dry_run=true", "--param dry_run: Close has no such parameter"),
    "no method": ("NoAction", "team_id=5001", "NoAction has no perform_action()"),
    "bad id": ("BadId", "team_id=5001", f"BadId.get_item_id failed: KeyError: 'idd' (mine.py:{LINE['idd']} in get_item_id)"),
    "bad change": ("BadChange", "team_id=5001 ", f"BadChange.change failed: KeyError: 'stat' (mine.py:{LINE['stat']} in change)"),
}


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """The command in this process, which spares its start."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(words))
        except SystemExit as exc:
            code = int(str(exc.code or 0))
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def apart(*words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with its own modules and logs."""
    process = start(words, {**os.environ, "PYTHONWARNINGS": "error"}, Path.cwd())
    if process is None:
        return installed(*words)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode or 0, out, err)


def installed(*words: str) -> subprocess.CompletedProcess[str]:
    """The installed command, started as a person starts it."""
    return subprocess.run([COMMAND, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.fixture(autouse=True)
def _mine(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILE)


@pytest.mark.parametrize(("cls", "params", "said"), REFUSED.values(), ids=REFUSED)
def test_it_is_told_as_wrong_usage(box: Sandbox, cls: str, params: str, said: str) -> None:
    """Exit 2, one sentence, no traceback, nothing written; and no talk of --help, which does not know the updater."""
    typed = [word for param in params.split() for word in ("--param", param)]
    look = ["--dry-run"] if cls == "BadChange" else ["--yes", "--max", "900"]
    done = command("run", f"mine.py:{cls}", *typed, *look)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr and "This is a bug" not in done.stderr and "the command's --help" not in done.stderr
    assert not box.audit()["kinds"].get("close")


def test_python_is_told_the_same(box: Sandbox) -> None:
    """UsageError, with the original as its cause."""

    class Broken(CustomUpdater):
        def get_search_query(self, team_id: str, **_: Any) -> dict[str, Any]:
            return {"value": int(team_id)}

    with pytest.raises(UsageError, match="Broken.get_search_query needs team_id"):
        Broken().bulk_process(progress="none")
    with pytest.raises(UsageError, match=r"Broken.get_search_query failed: ValueError.*test_their_errors.py:\d+") as caught:
        Broken().bulk_process(team_id="x", progress="none")
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(UsageError, match="CustomUpdater.get_search_query needs team_id"):
        CustomUpdater().bulk_process(progress="none")


def test_an_error_of_an_item_has_its_line(box: Sandbox) -> None:
    """In the failure; the traceback once with -v, with the item's id and without the values of variables."""
    done = apart("run", "mine.py:BadAction", "--param", "team_id=5001", "--limit", "3", "--yes", "--json", "-v")
    told = json.loads(done.stdout)
    assert told["counts"]["failed"] == 3
    assert told["failures"][0]["cause"] == "KeyError"
    example = told["failures"][0]["example"]
    assert example["message"] == f"KeyError: 'custom_attributs' (mine.py:{LINE['attributs']} in perform_action)"
    assert done.stderr.count("Traceback") == 1 and "item 2154" in done.stderr and 'secret = "hunter2"' not in done.stderr


def test_sys_exit_stops_the_run_in_order(box: Sandbox) -> None:
    """It is a StopRun: a summary, and the line that goes on."""
    done = command("run", "mine.py:Leaves", "--param", "team_id=5001", "--limit", "3", "--yes")
    assert done.returncode == 7, done.stderr
    assert "Leaves.perform_action ended the run by sys.exit() with 'bye'" in done.stderr
    assert "3 not begun" in done.stderr and "runs resume" in done.stderr.splitlines()[-1]


def test_a_dry_run_says_what_it_does_not_know(box: Sandbox, tmp_path: Path) -> None:
    """Whether customers see something, when the updater does not say; its parameters, without what is secret."""
    typed = ("--param", "team_id=5001", "--param", "api_token=abc123", "--param", "body=Hello")
    done = command("run", "mine.py:Close", *typed, "--limit", "3", "--plan", "p.jsonl")
    assert "not known: nothing says so (an updater does with customer_visible = True or False)" in done.stderr
    assert "by Close (team_id 5001, api_token (not shown), body (not shown))" in done.stderr
    assert "abc123" not in done.stderr and "Hello" not in done.stderr
    assert command("apply", "p.jsonl", "--yes").returncode == 0
    assert "Close: 3 items of p.jsonl" in command("runs", "list").stdout


SCRIPT = """from mine import Close
Close().bulk_process(team_id="5001", parallel_workers=2, progress="none", on_drift="skip")
"""


def interrupted(code: str, box: Sandbox) -> subprocess.CompletedProcess[str]:
    """A script that gets a Ctrl-C in the middle of its run."""
    Path("job.py").write_text(code)
    box.control(latency=0.05)
    try:
        job = subprocess.Popen([sys.executable, "job.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 20
        while not box.audit()["kinds"].get("close") and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(job.pid, signal.SIGINT)
        out, err = job.communicate(timeout=30)
    finally:
        box.control(latency=0.005)
    return subprocess.CompletedProcess(["job.py"], job.returncode, out, err)


def test_ctrl_c_in_a_script_and_its_resume_by_the_command(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first drains and says how to go on; the command finds the class in the script's own file, and no other of its name."""
    count = len(box.conversations(team=5001))
    done = interrupted(SCRIPT, box)
    assert done.returncode == -signal.SIGINT, done.stderr
    line = next(line for line in done.stderr.splitlines() if line.startswith("Interrupted; to go on: intercom-bulk runs resume "))
    assert "Error" not in done.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.py").write_text("raise SystemExit('the wrong file')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(elsewhere), os.environ.get("PYTHONPATH", ""))))
    monkeypatch.chdir(elsewhere)
    again = installed(*line.partition("intercom-bulk ")[2].split(), "--yes", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["counts"]["done"] == count
    closed_once(box, count)


def test_except_exception_does_not_swallow_a_ctrl_c(box: Sandbox) -> None:
    """A loop over teams that catches errors ends, and has the run's id."""
    code = (
        "from mine import Close\n"
        "try:\n"
        "    for team in ('5001', '5002'):\n"
        "        try:\n"
        "            Close().bulk_process(team_id=team, parallel_workers=2, progress='none')\n"
        "        except Exception as exc:\n"
        "            print('swallowed', exc)\n"
        "except KeyboardInterrupt as exc:\n"
        "    print(exc.run_id, exc.result['success'] > 0)\n"
    )
    done = interrupted(code, box)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1:] == ["True"] and done.stdout.split()[0] in done.stderr


def test_a_run_of_a_module_is_found_again(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """module:Class of a package in the working folder, with its neighbours; resumed from anywhere."""
    package = tmp_path / "ours"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "updater.py").write_text(FILE)
    (package / "closing.py").write_text("from .updater import Leaves\n\nclass Closing(Leaves):\n    pass\n")
    assert installed("run", "ours.closing:Closing", "--param", "team_id=5001", "--limit", "2", "--yes").returncode == 7
    monkeypatch.chdir("/")
    again = apart("runs", "resume", "latest", "--yes")
    assert again.returncode == 7 and "ended the run by sys.exit()" in again.stderr, again.stderr
    monkeypatch.chdir(tmp_path)
    (package / "job.py").write_text("from .updater import Leaves\n\nclass Mine(Leaves):\n    pass\n\nif __name__ == '__main__':\n"
                                    "    Mine().bulk_process(team_id='5001', max_items=2, progress='none')\n")
    subprocess.run([sys.executable, "-m", "ours.job"], capture_output=True, check=False)
    monkeypatch.chdir("/")
    again = apart("runs", "resume", "latest", "--yes")
    assert again.returncode == 7 and "Mine.perform_action ended the run by sys.exit()" in again.stderr, again.stderr
    (package / "job.py").unlink()
    gone = command("runs", "resume", "latest", "--yes")
    assert gone.returncode == 2 and "not there any more" in gone.stderr


def test_a_script_without_a_main_guard_begins_no_second_run(box: Sandbox) -> None:
    """Loading the file of a class, for its resume, would begin the script's own run."""
    code = FILE + "\n\nLeaves().bulk_process(team_id='5001', max_items=2, progress='none')\n"
    Path("job.py").write_text(code)
    subprocess.run([sys.executable, "job.py"], capture_output=True, check=False)
    again = command("runs", "resume", "latest", "--yes")
    assert again.returncode == 2 and "__main__" in again.stderr, again.stderr
    assert len(command("runs", "list").stdout.splitlines()) == 2


def test_an_init_that_leaves_ours_out_is_told(box: Sandbox, tmp_path: Path) -> None:
    """An __init__ without super().__init__() is named, by the command and in Python."""

    class Own(CustomUpdater):
        def __init__(self) -> None:
            self.label = "mine"

    with pytest.raises(UsageError, match=r"Own has an __init__ of its own that does not call super\(\).__init__\(\)"):
        Own().bulk_process(team_id="5001", progress="none")
    own = "\n\nclass Own(Close):\n    def __init__(self):\n        self.label = 'mine'\n"
    (tmp_path / "mine.py").write_text(FILE + own)
    done = command("run", "mine.py:Own", "--param", "team_id=5001", "-n")
    assert done.returncode == 2 and "does not call super().__init__()" in done.stderr, done.stderr


@pytest.mark.parametrize("endpoint", ["contacts", "admins"])
def test_a_list_needs_no_query(box: Sandbox, endpoint: str) -> None:
    """get_search_query may return nothing where nothing can be filtered."""

    class Listing(CustomUpdater):
        def get_search_endpoint(self) -> str:
            return endpoint

        def get_search_query(self, **_: Any) -> dict[str, Any]:
            return None  # type: ignore[return-value]

    assert Listing().bulk_process(dry_run=True, max_items=3, progress="none").pending == 3


@pytest.mark.parametrize("module", ["BulkUpdate_Generic", "conversation_closer", "example_custom_updater"])
def test_the_modules_say_what_is_missing(
    box: Sandbox, module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a token, and without a team, in one sentence and with its exit code."""
    typed = [module, "state", "--team", "5001"] if module == "example_custom_updater" else [module]
    monkeypatch.setattr(sys, "argv", typed)
    monkeypatch.delenv("INTERCOM_INBOX_ID", raising=False)
    for name, code in (("INTERCOM_INBOX_ID", 2), ("INTERCOM_ACCESS_TOKEN", 4)):
        if code == 2 and module == "example_custom_updater":
            continue  # its parser asks for the team
        monkeypatch.delenv(name, raising=False)
        with pytest.raises(SystemExit) as ended:
            importlib.import_module(module).main()
        said = capsys.readouterr().err
        assert ended.value.code == code and name in said and len(said.splitlines()) == 1, said
