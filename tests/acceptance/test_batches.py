"""Several items with one request: refused as a whole, answered in part, lost, killed in the middle; exact per item all the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from intercom_bulk_updater import Client, IntercomBulkError, Operation, Options, Reversibility, SafetyStop
from intercom_bulk_updater.errors import NotFound, RefusedInBetween
from intercom_bulk_updater.model import FoundItem, Item, Outcome
from intercom_bulk_updater.operations.operation import Change, Json
from intercom_bulk_updater.runs.runner import Job, Runner
from intercom_bulk_updater.runs.session import Session
from intercom_bulk_updater.runs.sources import ListSource
from intercom_bulk_updater.settings import load
from intercom_sandbox import Sandbox, running

from .desk import until

TAG = "batched"


class TagContacts(Operation):
    """Puts a tag on fifty contacts with one request. https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tags"""

    name = "tag"
    resource = "contacts"
    reversibility = Reversibility.REVERSIBLE
    idempotent = True
    fields = ("tags",)
    batch_size = 50

    def __init__(self, key: str) -> None:
        self.key = key

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation."""
        (answer,) = self.perform_batch(client, [item])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def perform_batch(self, client: Client, items: Sequence[Item]) -> Sequence[dict[str, Any] | Exception | None]:
        """See Operation."""
        said = client.post("tags", {"name": TAG, "users": [{"id": item.id} for item in items]})
        tagged = {str(one["id"]) for one in said["users"]}
        gone = NotFound("not tagged", status=404, code="not_found", api_message="the answer does not name it")
        return [{"tags": [TAG]} if item.id in tagged else gone for item in items]

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation."""
        return client.get(f"contacts/{item_id}")

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation."""
        return {"tags": [TAG for tag in payload["tags"]["data"] if str(tag["id"]) == self.key]}

    def change(self, item: Item) -> Change | None:
        """See Operation."""
        return None if item.before is None else {} if item.before["tags"] else {"tags": ([], [TAG])}

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation."""
        return bool((self.capture(payload) or {})["tags"])


@dataclass
class Done:
    """What a run left: the counts that are not zero, each contact's outcome and attempts, and what ended it."""

    counts: dict[str, int]
    outcomes: dict[str, Outcome]
    attempts: dict[str, int]
    stopped: Exception | None
    runner: Runner


@dataclass
class Place:
    """A workspace with the tag and two hundred contacts, and a folder for the journal."""

    box: Sandbox
    home: Path
    key: str

    def contacts(self, number: int) -> list[str]:
        """The first contacts."""
        return [str(row["id"]) for row in self.box.contacts()][:number]

    def tagged(self) -> set[str]:
        """Who has the tag, by the server's books."""
        return {str(row["id"]) for row in self.box.contacts() if int(self.key) in row["tags"]}

    def sent(self, method: str = "POST") -> int:
        """How many requests of a method came, those of them too that a fault answered."""
        return sum(count for route, count in self.box.stats()["routes"].items() if route.startswith(f"{method} "))

    def job(self, session: Session, ids: list[str], *, before: bool = True, **options: Any) -> Job:
        """A run of these contacts."""
        chosen = Options(**{"verify": "none", **options})
        run = session.journal.create_run(operation="contacts.tag", workspace="w", settings=chosen.as_json())
        items = [FoundItem(one, {"tags": []} if before else None) for one in ids]
        return Job(run, TagContacts(self.key), ListSource(items, total=len(items)), chosen, review_only=chosen.dry_run)

    def session(self) -> Session:
        """A session with the token."""
        return Session(load(access_token="sandbox-token", base_url=self.box.url, home=self.home))

    def act(self, ids: list[str], **options: Any) -> Done:
        """Do it."""
        with self.session() as session:
            return self.execute(session, self.job(session, ids, **options))

    def execute(self, session: Session, job: Job) -> Done:
        """Do a job to its end."""
        runner, stopped = Runner(session, job), None
        try:
            runner.execute()
        except IntercomBulkError as exc:
            stopped = exc
        rows = list(session.journal.items(job.run.id))
        counts = {name: count for name, count in session.journal.counts(job.run.id).as_json().items() if count}
        return Done(counts, {row.id: row.outcome for row in rows}, {row.id: row.attempts for row in rows}, stopped, runner)


def server(url: str, method: str, path: str, body: Any) -> Any:
    """One request past the client."""
    headers = {"Authorization": "Bearer sandbox-token", "Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A desk beside a workspace."""
    with running(conversations=20, contacts=220) as box:
        key = str(server(box.url, "POST", "/tags", {"name": TAG})["id"])
        box.reset_stats()
        yield Place(box, tmp_path, key)


def test_a_batch_is_one_request(place: Place) -> None:
    """120 contacts are three requests of at most fifty, each contact is done, and each counts one attempt."""
    ids = place.contacts(120)
    done = place.act(ids)
    assert done.counts == {"selected": 120, "done": 120} and place.tagged() == set(ids)
    assert place.sent() == 3 and set(done.attempts.values()) == {1}
    assert done.runner.requests()["action"] == 3


def test_a_dry_run_counts_the_requests_of_batches(place: Place) -> None:
    """The estimate of 120 contacts is three requests; nothing is written."""
    done = place.act(place.contacts(120), dry_run=True)
    assert done.runner.review is not None and done.runner.review.requests == 3
    assert place.sent() == 0 and done.counts == {"selected": 120, "pending": 120}


def test_a_batch_whose_answer_leaves_some_out_settles_each(place: Place) -> None:
    """What the answer names is done; what it leaves out has failed, with one request for all of them."""
    ids = place.contacts(20)
    unknown = ["ffff0001", "ffff0002"]
    done = place.act([*ids[:7], unknown[0], *ids[7:], unknown[1]])
    assert done.counts == {"selected": 22, "done": 20, "failed": 2}
    assert {one for one, outcome in done.outcomes.items() if outcome is Outcome.FAILED} == set(unknown)
    assert place.sent() == 1 and place.tagged() == set(ids)


def test_a_batch_that_is_refused_is_done_one_by_one(place: Place) -> None:
    """One bad contact of fifty fails alone: the batch is refused for it, and the others are done each by itself."""
    ids = place.contacts(50)
    place.box.fault("status", status=400, code="parameter_invalid", method="POST", path="/tags$", body=ids[13])
    done = place.act(ids)
    assert done.counts == {"selected": 50, "done": 49, "failed": 1}, done.outcomes
    assert done.outcomes[ids[13]] is Outcome.FAILED and place.tagged() == set(ids) - {ids[13]}
    assert place.sent() == 51 and set(done.attempts.values()) == {1}


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_a_batch_whose_answer_is_lost_is_looked_at(place: Place, kind: str) -> None:
    """After a lost answer each contact is read; what has the tag is done, what has not is tagged by itself."""
    ids = place.contacts(30)
    place.box.fault(kind, method="POST", path="/tags$", count=1)
    done = place.act(ids)
    assert done.counts == {"selected": 30, "done": 30} and place.tagged() == set(ids)
    assert place.sent("GET") >= 30
    assert place.sent() == (1 if kind == "drop_after" else 31)


def test_a_batch_is_tried_again_as_a_batch_where_nothing_was_carried_out(place: Place) -> None:
    """A rate limit refuses no item: the batch goes a second time as it is."""
    ids = place.contacts(40)
    place.box.fault("overload", method="POST", path="/tags$", count=1)
    done = place.act(ids)
    assert done.counts == {"selected": 40, "done": 40} and place.tagged() == set(ids)
    assert place.sent() == 2


def test_items_without_a_before_image_are_read_first_and_written_together(place: Place) -> None:
    """A selection by ids: each contact is read and its image is on disk, then one request writes those that need it."""
    ids = place.contacts(30)
    server(place.box.url, "POST", "/tags", {"name": TAG, "users": [{"id": one} for one in ids[:4]]})
    place.box.reset_stats()
    done = place.act(ids, before=False)
    assert done.counts == {"selected": 30, "done": 26, "unchanged": 4} and place.tagged() == set(ids)
    assert place.sent("GET") == 30 and place.sent() <= 3


@pytest.mark.parametrize(("options", "most"), [({"limit": 63}, 63), ({"limit": 7}, 7)])
def test_a_limit_is_exact_in_batches(place: Place, options: dict[str, Any], most: int) -> None:
    """A limit that is no multiple of the batch is kept to the item."""
    done = place.act(place.contacts(120), **options)
    assert done.counts == {"selected": most, "done": most} and len(place.tagged()) == most


def test_a_canary_is_exact_in_batches(place: Place) -> None:
    """A canary of 5 is a batch of 5; when one of it is not as wanted, nothing else is touched."""
    ids = place.contacts(120)
    place.box.fault("ignored", method="POST", path="/tags$")
    done = place.act(ids, canary="5")
    assert isinstance(done.stopped, SafetyStop) and not place.tagged()
    assert done.counts["pending"] == 115 and place.sent() == 1


def test_too_many_failures_stop_a_batch_that_dissolved(place: Place) -> None:
    """With --max-failures 3 the fourth failure ends the run; what was refused by then has failed, the rest waits: no doubt."""
    ids = place.contacts(60)
    place.box.fault("status", status=400, code="parameter_invalid", method="POST", path="/tags$")
    done = place.act(ids, max_failures="3", workers=1)
    assert isinstance(done.stopped, SafetyStop), done.stopped
    assert done.counts["failed"] >= 4 and done.counts["failed"] + done.counts.get("pending", 0) == 60 and not place.tagged()


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from acceptance import test_batches as it
place = it.Place(it.Sandbox({url!r}), Path({home!r}), {key!r})
with place.session() as session:
    place.execute(session, place.job(session, place.contacts(120)))
"""


def test_a_batch_that_was_killed_in_the_middle_is_looked_at(place: Place) -> None:
    """Killed while a batch is on its way, all of it is in doubt on disk; a resume looks at each, and none is lost."""
    place.box.fault("slow", seconds=30, method="POST", path="/tags$", after=1)
    script = KILLED.format(tests=str(Path(__file__).parents[1]), url=place.box.url, home=str(place.home), key=place.key)
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)
    assert until(lambda: place.sent() >= 3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    place.box.clear_faults()
    with place.session() as session:
        (run,) = session.journal.runs()
        counts = session.journal.counts(run.id)
        assert counts.in_flight == 120 - counts.done and counts.in_flight >= 70
        again = Job(run, TagContacts(place.key), ListSource([], total=0), Options(verify="none"))
        done = place.execute(session, again)
    assert done.counts == {"selected": 120, "done": 120} and len(place.tagged()) == 120
    assert place.sent("GET") >= 70 and place.sent() == 3


@pytest.mark.parametrize("commit", ["before", "never"])
def test_a_batch_that_is_led_away_is_looked_at_item_by_item(place: Place, commit: str) -> None:
    """A redirect, whether it came before or after the work: no item fails, each is looked at before it is written again."""
    ids = place.contacts(60)
    place.box.fault("redirect", on="write", commit=commit, count=2)
    done = place.act(ids)
    assert done.stopped is None and done.counts == {"selected": 60, "done": 60}, done.stopped
    assert place.tagged() == set(ids) and place.sent() <= (2 if commit == "before" else 62)


def test_batches_that_are_led_away_for_good_stop_the_run(place: Place) -> None:
    """Five requests in a row tell: the run stops, no item has failed, and those of the requests are in doubt."""
    place.box.fault("redirect", on="write")
    done = place.act(place.contacts(220), workers=1)
    assert isinstance(done.stopped, RefusedInBetween) and "failed" not in done.counts and not place.tagged()
    assert done.counts["in_doubt"] + done.counts.get("pending", 0) == 220 and place.sent() == 5
