"""Faults that bound, shape or falsify an answer: each recipe of the reference does what its line says."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

from intercom_sandbox import running
from intercom_sandbox.application import Application
from intercom_sandbox.error_bodies import SHAPES
from intercom_sandbox.faults import ENTRIES, KINDS, Rule, rule_from
from intercom_sandbox.reference import RECIPES
from intercom_sandbox.server import settings_from
from intercom_sandbox.settings import Settings
from intercom_sandbox.wire import Request

ALL = {"field": "created_at", "operator": ">", "value": 0}


@pytest.fixture(scope="module")
def _box():
    with running(conversations=120, seed=7) as made:
        yield made


@pytest.fixture
def box(_box):
    """One sandbox for all tests here, seeded anew before each."""
    _box.control(**{name: getattr(Settings(), name) for name in ("faults", "mutate", "mutate_on", "cursor")})
    _box.reset()
    return _box


@pytest.fixture
def api(box, caller):
    return caller(box)


@pytest.fixture
def one(box):
    return box.conversations(team=5001, state="open")[0]["id"]


def note(api, key, text="once"):
    body = {"message_type": "note", "type": "admin", "admin_id": api.box.admin_id, "body": text}
    return api("POST", f"/conversations/{key}/reply", body)


def test_every_kind_has_a_recipe_that_is_understood():
    """The table of the reference holds an order for every kind of fault, and each order is a rule."""
    ordered = {rule_from(order).kind for _, order in RECIPES}
    assert set(KINDS) - ordered <= {"html200", "html502", "empty200", "garbage", "limit", "jobs"}


@pytest.mark.parametrize("value", [[], "text", 7, None, {"type": "list"}])
def test_an_answer_of_the_wrong_type(api, box, one, value):
    """kind=wrong: the JSON that was ordered, after the note was written; with commit=never before."""
    box.fault("wrong", value=value, path="/reply$", count=1)
    assert note(api, one).json == value
    assert box.audit()["kinds"]["note"]["writes"] == 1
    box.fault("wrong", value=value, path="/reply$", count=1, commit="never")
    note(api, one)
    assert box.audit()["kinds"]["note"]["writes"] == 1


def test_fields_of_the_wrong_type_and_missing_ones(api, box, one):
    """kind=fields: dotted names reach into objects and into every entry of a list."""
    box.fault("fields", on="look", set={"conversation_parts": None, "tags.tags": "none"}, drop=["state", "source.body"])
    answer = api("GET", f"/conversations/{one}").json
    assert answer["conversation_parts"] is None and answer["tags"]["tags"] == "none"
    assert "state" not in answer and "body" not in answer["source"]
    box.fault("fields", on="search", set={"conversations.id": 5})
    assert {entry["id"] for entry in api.search(ALL).json["conversations"]} == {5}


def test_a_body_nested_too_deep(api, box, one):
    """kind=nested: valid JSON of that depth, after the work."""
    box.fault("nested", depth=100_000, path="/reply$")
    assert note(api, one).raw.count(b"{") == 100_000
    assert box.audit()["kinds"]["note"]["writes"] == 1


def raw(box, one, until):
    """Read the answer of a look until `until(bytes)` is true."""
    parts = urlsplit(box.url)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall(f"GET /conversations/{one} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {box.token}\r\n\r\n".encode())
        got = b""
        while not until(got):
            got += connection.recv(1 << 20)
        return got


def test_a_dripping_answer(box, one):
    """kind=drip: the head at once, then a byte every so often."""
    box.fault("drip", seconds=0.01, on="look")
    got = raw(box, one, lambda got: len(got.partition(b"\r\n\r\n")[2]) >= 5)
    body = got.partition(b"\r\n\r\n")[2]
    assert b"Content-Length" in got and len(body) < 400


def test_an_endless_answer(box, one, api):
    """kind=endless: chunks for as long as somebody reads, or up to `size`."""
    box.fault("endless", on="look", count=1)
    assert len(raw(box, one, lambda got: len(got) > 5_000_000)) > 5_000_000
    box.fault("endless", on="look", size=1_000_000)
    assert 1_000_000 <= len(api("GET", f"/conversations/{one}").json["text"]) < 1_200_000


def test_a_body_that_bursts(api, box, one):
    """kind=bomb: a body of kilobytes, valid gzip and valid JSON of megabytes."""
    box.fault("bomb", size=20 * 1024 * 1024, on="look")
    answer = api("GET", f"/conversations/{one}")
    assert answer.headers["Content-Encoding"] == "gzip" and len(answer.raw) < 100_000
    unpacked = gzip.decompress(answer.raw)
    assert len(unpacked) == 20 * 1024 * 1024 + 2 and json.loads(unpacked)["type"].isspace()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects(api, box, one, status):
    """kind=redirect: the status and a Location, empty or with a body that looks like success; nothing done."""
    box.fault("redirect", status=status, on="write", count=1)
    answer = note(api, one)
    assert (answer.status, answer.raw) == (status, b"")
    assert answer.headers["Location"] == f"https://elsewhere.test/conversations/{one}/reply"
    box.fault("redirect", status=status, location="http://127.0.0.1:1/", plausible=True)
    assert api.search(ALL).json["conversations"] == []
    assert note(api, one).json["id"] == one and not box.audit()["kinds"]


@pytest.mark.parametrize("shape", SHAPES)
def test_error_bodies_of_every_shape(api, box, one, shape):
    """kind=status, shape=...: the same error in every body that was ever seen; its words are in most of them."""
    box.fault("status", status=422, shape=shape, message="because of this", on="write")
    answer = note(api, one)
    assert answer.status == 422
    silent = ("errors_null", "errors_empty", "number", "null", "object", "empty", "cut")
    assert (b"because of this" in answer.raw) is (shape not in silent)


def test_an_outage_begins_with_a_request_and_hits_all(api, box, one):
    """kind=outage: from the n-th match on everything fails for `lasts` seconds, then nothing."""
    box.fault("outage", on="write", after=1, lasts=0.3, retry_after="left")
    assert api("GET", "/me").status == note(api, one).status == 200
    answer = note(api, one)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert api("GET", "/me").status == 503
    until(lambda: api("GET", "/me").status == 200)
    assert note(api, one).status == 200
    assert box.audit()["kinds"]["note"]["writes"] == 2


def until(true):
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_outage_may_spare_what_does_not_match(api, box, one):
    """only_matching: searches are away, the rest goes on; Retry-After as a date lies ahead of the server's clock."""
    box.fault("outage", on="search", only_matching=True, status=429, lasts=60, retry_after="date")
    refused = api.search(ALL)
    ahead = parsedate_to_datetime(refused.headers["Retry-After"]) - parsedate_to_datetime(refused.headers["Date"])
    assert refused.status == 429 and 55 <= ahead.total_seconds() <= 62
    assert note(api, one).status == 200


def test_an_outage_at_a_moment(api, box):
    """at: it begins by itself, so many seconds after it was ordered."""
    box.fault("outage", at=0.2, lasts=0.2, status=502)
    assert api("GET", "/me").status == 200
    until(lambda: api("GET", "/me").status == 502)
    until(lambda: api("GET", "/me").status == 200)


def test_connections_reset_and_refused(api, box, one):
    """how=reset resets connections; how=refused closes the port for a while, and control still answers."""
    box.fault("outage", on="look", only_matching=True, count=1, lasts=0.1, how="reset")
    with pytest.raises(ConnectionResetError):
        api("GET", f"/conversations/{one}")
    box.clear_faults()
    box.fault("outage", on="write", lasts=0.3, how="refused")
    with pytest.raises(ConnectionResetError):
        note(api, one)
    with pytest.raises(ConnectionRefusedError):
        api("GET", "/me")
    assert box.faults()[0]["fired"] == 1

    def answers():
        try:
            return api("GET", "/me").status == 200
        except ConnectionError:
            return False

    until(answers)
    box.fault("outage", on="write", how="refused")
    with pytest.raises(ConnectionResetError):
        note(api, one)
    box.clear_faults()
    until(answers)


def test_short_pages(api, box):
    """no_pages, empty_page and announced: walks that end early and totals that are larger than what was shown."""
    box.fault("no_pages", on="search", count=1)
    assert "pages" not in api.search(ALL).json
    box.fault("empty_page", on="search", count=1)
    page = api.search(ALL).json
    assert page["conversations"] == [] and page["pages"]["next"] is None and page["total_count"] == 120
    box.fault("announced", extra=131)
    assert api.search(ALL).json["total_count"] == 251


def test_ignored_filters(api, box):
    """unfiltered: a search answers with everything, in conversations, contacts and tickets."""
    box.fault("unfiltered")
    assert api.search().json["total_count"] == 120
    for resource in ("contacts", "tickets"):
        body = {"query": {"field": "created_at", "operator": "<", "value": 1000}}
        assert api("POST", f"/{resource}/search", body).json["total_count"] > 0


@pytest.mark.parametrize(
    ("entry", "looks"),
    [("null", None), ("text", "entry"), ("list", []), ("no_id", "gone"), ("id_null", None), ("id_list", ["1"]), ("id_number", int)],
)
def test_malformed_entries(api, box, entry, looks):
    """malformed: the n-th entries of a page are no items, or have no id or one of another type."""
    box.fault("malformed", entry=entry, nth=4)
    found = api.search(ALL, 8).json["conversations"]
    spoilt = [found[3], found[7]]
    if entry.startswith(("id", "no")):
        spoilt = [one.get("id", "gone") for one in spoilt]
    assert all(isinstance(one, looks) if looks is int else one == looks for one in spoilt)
    assert all(isinstance(one["id"], str) for one in found[:3])


def test_some_items_are_refused(api, box):
    """ids and every_id: these items, or always the same share of them, whatever is asked of them."""
    keys = [row["id"] for row in box.conversations()]
    box.fault("status", status=404, ids=keys[:2])
    assert [note(api, key).status for key in keys[:3]] == [404, 404, 200]
    box.clear_faults()
    box.fault("status", status=403, every_id=10, on="look,write")
    refused = [key for key in keys if api("GET", f"/conversations/{key}").status == 403]
    assert 3 <= len(refused) <= 30
    assert all((note(api, key).status == 403) is (key in refused) for key in keys[:40])


def test_the_token_comes_back(api, box, one):
    """echo and token: the token in code, message, request_id, a header, or in names."""
    box.fault("echo", on="write", count=1)
    answer = note(api, one)
    assert answer.status == 400 and answer.code == answer.headers["X-Request-Id"] == box.token
    assert box.token in answer.message and answer.json["request_id"] == box.token
    box.fault("token", on="names", where="names")
    assert {team["name"] for team in api("GET", "/teams").json["teams"]} == {f"name {box.token}"}


def test_hostile_names_and_ids(api, box, one):
    """hostile: names with escapes and formulas, ids that are paths; and a path with dots reaches what it points to."""
    box.fault("hostile", on="names")
    names = [tag["name"] for tag in api("GET", "/tags").json["data"]]
    assert any("\x1b[" in name for name in names) and any("\u202e" in name for name in names) and any(len(name) > 5000 for name in names)
    box.fault("hostile", on="search", where="ids", nth=-1)
    shown = api.search(ALL, 5).json["conversations"]
    assert "/../" in shown[0]["id"]
    assert api("GET", f"/conversations/1/../{one}").json["id"] == one
    assert api("GET", f"/conversations/1%2F..%2F{one}").status == 404


def test_writes_that_do_not_stand(api, box, one):
    """ignored shows the item unchanged, rolled_back shows it changed; nothing of either stands, the books are clean."""
    before = box.conversation(one)
    box.fault("ignored", on="write", count=1)
    assert api.close(one).json["state"] == "open"
    box.fault("rolled_back", on="write", count=2)
    assert api.close(one).json["state"] == "closed"
    assert note(api, one).status == 200
    assert box.conversation(one) == before
    assert not box.audit()["kinds"].get("close", {}).get("writes") and not box.audit()["duplicate_replies"]
    found = api("POST", "/contacts/search", {"query": {"field": "role", "operator": "=", "value": "user"}}).json["data"][0]
    box.fault("rolled_back", method="DELETE", path="/contacts/")
    assert api("DELETE", f"/contacts/{found['id']}").json["deleted"] is True
    assert api("GET", f"/contacts/{found['id']}").json["email"] == found["email"]


def test_faults_are_settings_too(api, box, caller, one):
    """faults=[...] at the start, through control() and in a process of its own; a bad one is refused in words."""
    box.control(faults=["status status=500 path=/me", {"kind": "status", "status": 404, "path": "/teams"}])
    assert (api("GET", "/me").status, api("GET", "/teams").status) == (500, 404)
    for bad in ("explode", "status nonsense=1", "status status", "status on=elsewhere", "status shape=round", "status path=("):
        with pytest.raises(ValueError, match=r"fault"):
            box.control(faults=[bad])
    box.control(faults=[])
    assert api("GET", "/me").status == 200
    with running(conversations=5, in_process=False, faults=["wrong value=null on=names"]) as other:
        assert caller(other)("GET", "/me").json is None


def test_mutated_answers_come_again(api, box, one):
    """mutate: the same seed spoils the same requests in the same way, another seed in another; the work is done."""
    box.control(mutate_on="write,look")
    seen = []
    for order in ("5,0.9", "5,0.9", "6,0.9"):
        box.control(mutate="")
        box.reset()
        box.control(mutate=order)
        answers = [note(api, one, str(number)) for number in range(6)]
        assert api.search(ALL).json["total_count"] == 120
        assert box.audit()["kinds"]["note"]["writes"] == 6
        seen.append([(answer.status, len(answer.raw), sorted(answer.headers.keys())) for answer in answers])
    assert seen[0] == seen[1] != seen[2]
    with pytest.raises(ValueError, match="SEED"):
        box.control(mutate="much")


def test_mutation_reaches_every_part_of_an_answer(api, box, one):
    """Over many answers: broken JSON, other types, other statuses, other headers, and true ones at a rate below 1."""
    box.control(mutate="11,0.8")
    true = whole = strange = status = broken = 0
    for number in range(150):
        try:
            answer = api("GET", f"/conversations/{one}?n={number}")
        except http.client.HTTPException:
            continue
        status += answer.status != 200
        try:
            content = answer.json
        except ValueError:
            broken += 1
            continue
        strange += not isinstance(content, dict)
        true += content == box_content(box, one)
        whole += 1
    assert min(true, strange, status, broken) > 2


def box_content(box, one, kept={}):  # noqa: B006
    if one not in kept:
        kept[one] = box.conversation(one)
    return kept[one]


def test_no_fault_breaks_the_server():
    """Whatever is ordered and mutated, every request of every kind gets an answer that can be sent."""
    space = Application(settings_from({"conversations": 40, "limit": 10**9, "workspace_limit": 10**9, "mutate": "3,0.9"}))
    key, contact = next(iter(space.space.conversations.rows)), next(iter(space.space.contacts.rows))
    search = json.dumps({"query": ALL, "pagination": {"per_page": 20}}).encode()
    close = json.dumps({"message_type": "close", "type": "admin", "admin_id": "991267700"}).encode()
    asked = [
        ("POST", "/conversations/search", search), ("GET", f"/conversations/{key}", b""), ("GET", "/tags", b""),
        ("POST", f"/conversations/{key}/parts", close), ("POST", "/contacts/search", search),
        ("PUT", f"/contacts/{contact}", b'{"name": "x"}'), ("DELETE", "/tags/7999", b""), ("GET", "/companies", b""),
    ]  # fmt: skip
    headers = {b"authorization": b"Bearer sandbox-token", b"accept": b"*/*", b"content-type": b"application/json"}
    orders = [{"kind": kind} for kind in KINDS if kind != "bomb"]
    orders += [{"kind": "malformed", "entry": entry, "nth": 2} for entry in ENTRIES]
    orders += [{"kind": "hostile", "where": "ids,names", "nth": 2}]
    for order in orders:
        space.faults.rules.clear()
        space.faults.add({"share": 0.8, "depth": 2000, **order})
        for method, path, body in asked * 3:
            reply = space.handle(Request(method, path, "", dict(headers), body), None)
            while reply.later is not None:
                reply = reply.later()
            assert isinstance(reply.body, bytes) and f"{reply.content_type}{reply.head}".encode("latin-1")


def test_rules_refuse_what_they_do_not_know():
    """A rule checks its choices when it is made."""
    for wrong in ({"kind": "malformed", "entry": "gone"}, {"kind": "outage", "how": "softly"}, {"kind": "slow", "commit": "maybe"}):
        with pytest.raises(ValueError):
            Rule(**wrong)
