"""Flags of the groups speed and output, set once by a variable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intercom_bulk_updater.cli.main import main
from intercom_sandbox import Sandbox

FIND = ["contacts", "find", "--where", "role = lead", "--limit", "2"]


@pytest.fixture
def home(shop: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder, and the variables of the sandbox."""
    for name, value in {**shop.env(), "INTERCOM_BULK_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as end:
        main(list(words))
    return int(str(end.value.code or 0)), *capsys.readouterr()


def test_a_variable_stands_for_a_flag(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON by a variable, errors too; what is typed wins over it."""
    monkeypatch.setenv("INTERCOM_BULK_JSON", "true")
    assert json.loads(run(capsys, *FIND)[1])["count"] == 2
    assert json.loads(run(capsys, "contacts", "find")[1])["exit"] == 2
    assert len(run(capsys, *FIND, "--jsonl")[1].splitlines()) == 3


@pytest.mark.parametrize(("name", "value", "said"), [("WORKERS", "many", "--workers must be"), ("RETRIES", "1.5", "INTERCOM_BULK_RETRIES")])
def test_a_wrong_value_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, said: str
) -> None:
    """As the flag's would be; the words name what to correct."""
    monkeypatch.setenv(f"INTERCOM_BULK_{name}", value)
    code, _, err = run(capsys, *FIND)
    assert code == 2 and said in err


def test_a_slip_and_the_wrong_place_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """INTERCOM_BULK_RATES is no flag, and .env holds settings, not flags."""
    monkeypatch.setenv("INTERCOM_BULK_RATES", "300/min")
    assert run(capsys, *FIND)[0] == 10
    monkeypatch.delenv("INTERCOM_BULK_RATES")
    (home / ".env").write_text("INTERCOM_BULK_RATE=300/min\n")
    code, _, err = run(capsys, *FIND)
    assert code == 10 and "export it, or give the flag" in err
