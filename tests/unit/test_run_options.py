"""Options of a run are read by one reader, whoever gives them: the same bounds, named as the caller knows them."""

from __future__ import annotations

import pytest

from intercom_bulk_updater.cli.execute import options_of as of_flags
from intercom_bulk_updater.cli.flags import Safety, Speed
from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.service.options import options_of

WRONG = {
    "workers": 2000, "limit": 0, "batch": 0, "retries": -1, "timeout": 0.0, "patience": "soon", "deadline": "x", "share": "200%",
    "rate": "fast", "expect": "x", "max": "0.5.5", "canary": "-3", "max_failures": "many",
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_and_named(name: str) -> None:
    """From Python by the argument's name, on the command line by its flag, and otherwise in the same words."""
    value, flag = WRONG[name], f"--{name.replace('_', '-')}"
    typed = str(value) if name == "workers" else value
    given = {name: typed} if name in Speed.__dataclass_fields__ else {}
    with pytest.raises(UsageError) as from_python:
        options_of({name: value})
    with pytest.raises(UsageError) as from_flags:
        of_flags(Safety() if given or name == "limit" else Safety(**{name: value}), Speed(**given), value if name == "limit" else None)  # type: ignore[arg-type]
    said, typed_said = from_python.value.message, from_flags.value.message
    assert said.startswith(name) and typed_said.startswith(flag)
    assert typed_said.removeprefix(flag).replace(repr(typed), "") == said.removeprefix(name).replace(repr(value), "")


def test_what_is_not_given_is_as_the_run_has_it() -> None:
    """A run that is gone on with keeps its options, but for a deadline, which is of one sitting."""
    stored = options_of({"workers": 3, "timeout": 5, "max": "10%", "deadline": "2h"})
    again = of_flags(Safety(canary="5"), Speed(retries=1), stored=stored)
    assert (again.workers, again.timeout, again.max, again.canary, again.retries, again.deadline) == (3, 5.0, "10%", "5", 1, None)
    assert not again.python and stored.python
