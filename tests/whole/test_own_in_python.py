"""Functions with @operation from Python: what they announce is what is checked, and whatever is listed can be filtered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

import intercom_bulk_updater as bulk

from .network import MemorySandbox


def name_of(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": item["name"]}


def with_suffix(item_id: str, before: Mapping[str, Any], *, suffix: str, write: str = "") -> dict[str, Any]:
    return {"name": (before["name"], f"{before['name']}{suffix}")}


@bulk.operation("contacts", idempotent=True, customer_visible=False, before=name_of, change=with_suffix)
def rename(item_id: str, client: bulk.Client, *, suffix: str, write: str = "") -> Any:
    name = client.get(f"contacts/{item_id}")["name"]
    return client.put(f"contacts/{item_id}", {"name": write or (name if name.endswith(suffix) else name + suffix)})


@bulk.operation("articles", customer_visible=False, idempotent=True)
def describe(item_id: str, client: bulk.Client, *, text: str) -> Any:
    return client.put(f"articles/{item_id}", {"description": text})


def test_what_was_announced_is_what_is_read_back(box: MemorySandbox) -> None:
    """A change that starts from what is there (`name -> name *`) is as announced when it is; another one is not."""
    run = bulk.run(rename, where="role = user", limit=4, suffix=" *", verify="all")
    assert run.ok and run.report()["verified"]["remaining"] == 0
    assert all(str(box.contact(item.id)["name"]).endswith(" *") for item in run.items())
    with pytest.raises(bulk.IntercomBulkError, match="4 are not in the requested state"):
        bulk.run(rename, where="role = lead", limit=4, suffix=" *", write="fixed", verify="all")


def test_a_lost_answer_of_such_a_change_is_not_repeated(box: MemorySandbox) -> None:
    """What stands as announced has been done."""
    box.fault("drop_after", method="PUT", every=2)
    run = bulk.run(rename, where="role = user", limit=4, suffix=" *", verify="all")
    assert run.ok and run.counts.done == 4, run.report()
    assert all(str(box.contact(item.id)["name"]).count(" *") == 1 for item in run.items())


@bulk.operation("conversations", customer_visible=False, idempotent=True)
def title(item_id: str, client: bulk.Client, *, text: str, n: int = 0, day: date | None = None, plain: Any = None) -> Any:
    return client.put(f"conversations/{item_id}", {"title": f"{text} {n} {day} {plain}"})


def test_parameters_of_numpy_and_pandas_are_pythons_own(box: MemorySandbox) -> None:
    """Stored with the run as such; an empty cell is None where None is taken; what cannot be stored is refused by name."""
    pandas, numpy = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    one, other = (str(row["id"]) for row in box.conversations(state="open")[:2])
    assert bulk.run(title, ids=[one], text="a", n=numpy.int64(2), day=pandas.Timestamp("2030-01-31").date(), plain=numpy.float64(1.5)).ok
    assert box.conversation(one)["title"] == "a 2 2030-01-31 1.5"
    rows = [{"id": one, "d": pandas.NaT}, {"id": other, "d": pandas.Timestamp("2030-01-31")}]
    assert bulk.run(title, csv=rows, text="b", day="{{d}}", plain=pandas.Timestamp("2030-01-31 09:00")).ok
    assert [box.conversation(item)["title"] for item in (one, other)] == [f"b 0 {day} 2030-01-31 09:00:00" for day in (None, "2030-01-31")]
    for name, value in (("day", pandas.NaT), ("plain", pandas.NA), ("plain", {"x": pandas.NaT})):
        with pytest.raises(bulk.UsageError, match=f"parameter {name} cannot be stored"):
            bulk.run(title, ids=[one], **{"text": "c", name: value})


def test_whatever_is_listed_can_be_filtered(box: MemorySandbox) -> None:
    """As `each` does it: judged here, by the fields of the list; resumed and looked at likewise."""
    listed = bulk.each("articles", "PUT", "articles/{{id}}", {"a": 1}, where="state = draft", dry_run=True)
    drafts = {item.id for item in listed.items()}
    assert drafts
    looked = bulk.preview(describe, where="state = draft", text="x")
    assert looked.selected == len(drafts)
    run = bulk.run(describe, where="state = draft", text="x", exclude=sorted(drafts)[:1], workers=1)
    assert {item.id for item in run.items("done")} == drafts - set(sorted(drafts)[:1])
    with pytest.raises(bulk.SafetyStop) as stopped:
        bulk.run(describe, where="state = draft", text="x", max=1)
    assert stopped.value.run.resume(max=1000).counts.done == len(drafts)
    with pytest.raises(bulk.UsageError, match="no field 'stat'"):
        bulk.preview(describe, where="stat = draft", text="x")
