"""Text in the types of an updater's parameters: days as people write them, and what is said of what cannot be read."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from intercom_bulk_updater import UsageError
from intercom_bulk_updater.updaters.coercion import coerce


class Taking:
    """What the words name."""


def taken(text: str, wanted: Any) -> Any:
    return coerce(Taking, {"value": text}, {"value": wanted})["value"]


@pytest.mark.parametrize(("text", "wanted", "value"), [
    ("26.11.2026", date, date(2026, 11, 26)), (" 26.11.2026 ", date, date(2026, 11, 26)), ("31/01/2026", date, date(2026, 1, 31)),
    ("26.11.2026", date | None, date(2026, 11, 26)), ("26.11.2026", datetime, datetime(2026, 11, 26)),  # noqa: DTZ001
    ("26.11.2026 9:00", datetime, datetime(2026, 11, 26, 9)),  # noqa: DTZ001
    ("1.2.2026, 2026-02-03", list[date], [date(2026, 2, 1), date(2026, 2, 3)]),
    ("26.11.2026", str, "26.11.2026"), ("26.11.2026", str | date, "26.11.2026"), ("26.11.2026", list[str], ["26.11.2026"]),
])  # fmt: skip
def test_a_day_is_taken_as_people_write_it(text: str, wanted: Any, value: Any) -> None:
    """As `set` takes it for an attribute, where there is but one way to read it."""
    assert taken(text, wanted) == value


@pytest.mark.parametrize(("text", "wanted", "said"), [
    ("1/2/2026", date, "it can be read in two ways: write 2026-02-01 or 2026-01-02"),
    ("soon", date, "write it as 2026-11-26"), ("32.13.2026", date | None, "write it as 2026-11-26"),
    ("soon", datetime, "write it as 2026-11-26 or 2026-11-26T09:00"),
    ("7,5", int, "write a whole number"), ("many", float, "write a number"), ("perhaps", bool, "write true or false"),
    ("inf", float, "write a finite number"),
])  # fmt: skip
def test_what_is_to_be_written_is_said(text: str, wanted: Any, said: str) -> None:
    """In our words."""
    with pytest.raises(UsageError) as refused:
        taken(text, wanted)
    assert f"{text!r} is none ({said})." in refused.value.message
