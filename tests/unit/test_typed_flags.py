"""A command line means the same whether all flags of the command are made ready for it, or those alone that it names."""

from __future__ import annotations

import shlex
from dataclasses import asdict, is_dataclass
from typing import Any

import pytest
from cyclopts import CycloptsError

from intercom_bulk_updater.cli.main import complete_tree
from intercom_bulk_updater.cli.narrow import typed_flags

APP = complete_tree(["conversations", "contacts"])


def read(words: list[str]) -> dict[str, Any]:
    """What the command would be called with, its groups taken apart; what is as by default is left out."""
    _, bound, _ = APP.parse_args(words, exit_on_error=False, print_error=False)
    said: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if is_dataclass(value):
            said |= {f"{name}_{key}": one for key, one in asdict(value).items() if one != getattr(type(value)(), key)}  # type: ignore[arg-type]
        else:
            said[name] = value
    return said


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        ("conversations close --where 'state = open' -ny --limit 5 --max-failures=3", {}),
        ("conversations close --ids ids.txt -q --on-drift stop", {"INTERCOM_BULK_WORKERS": "4", "INTERCOM_BULK_JSON": "1"}),
        ("conversations set priority=true --where --limit --dry-run", {}),
        ("conversations set 'a=--yes' --ids=- --dry_run", {}),
        ("contacts delete --ids ids.txt --irreversible --backup=all.jsonl", {}),
        ("apply plan.jsonl --plan other.jsonl --yes", {}),
        ("conversations find --columns id,team --output=all.csv", {}),
        ("runs resume latest --share 40% -v", {"INTERCOM_BULK_REPORT": "a.html"}),
        ("conversations close --wher open", {}),
        ("conversations close --on-drift perhaps", {}),
        ("conversations close --where a --progress", {}),
    ],
)
def test_a_line_is_read_as_with_all_flags(line: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it is refused, and then `main` reads it once more with all of them."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    words = shlex.split(line)
    try:
        whole = read(words)
    except CycloptsError:
        whole = {}
    with typed_flags(APP, words):
        try:
            assert read(words) == whole
        except CycloptsError:
            assert not whole or "-ny" in words or "--dry_run" in words, "spellings that are read with all flags alone"
