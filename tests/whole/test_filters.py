"""What a filter means, against what the sandbox has: names of states and attributes, and what is judged here."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from acceptance.desk import Desk, at_desk
from intercom_bulk_updater.operations.resource import value_at

from .network import MemorySandbox

SANDBOX = {"tickets": 60, "contacts": 90, "companies": 12}
ZONE = ZoneInfo("America/Los_Angeles")
Item = dict[str, Any]


@pytest.fixture(scope="module")
def desk(shop: MemorySandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The command in this process. Some contacts have a date of renewal; nothing else is written, so that one is enough."""
    with at_desk(shop, tmp_path_factory.mktemp("desk")) as made:
        rows = [f"{one['id']},{1 + number % 28}.3.2027" for number, one in enumerate(shop.contacts()) if number % 3]
        (made.home / "days.csv").write_text("\n".join(["id,day", *rows]))
        done = made.here("contacts", "set", "renews_at={{day}}", "--csv", "days.csv", "--id-column", "id", "--yes", "--progress", "none")
        assert done.code == 0, done.err
        yield made


def found(desk: Desk, resource: str, where: str) -> set[str]:
    """The ids that a filter finds."""
    answer = desk.here(resource, "find", "--where", where, "--json")
    assert answer.code == 0, answer.err
    return {str(one["id"]) for one in answer.json["items"]}


def tickets(desk: Desk) -> list[Item]:
    """Them whole."""
    return [desk.box.ticket(one["id"]) for one in desk.box.tickets()]


def contacts(desk: Desk) -> list[Item]:
    """Those that a search finds, whole."""
    listed = desk.here("contacts", "find", "--where", "role in (user, lead)", "--json").json["items"]
    return [desk.box.contact(one["id"]) for one in listed]


def having(items: list[Item], test: Callable[[Item], bool]) -> set[str]:
    """The ids of those for which it holds: some, and not all."""
    wanted = {str(one["id"]) for one in items if test(one)}
    assert 0 < len(wanted) < len(items)
    return wanted


STATES = [
    ("state = 'In progress'", lambda label: label == "In progress"),
    ("state != 'In progress'", lambda label: label != "In progress"),
    ("state = 'in progress'", lambda label: label == "In progress"),
    ("state = in_progress", lambda label: label == "In progress"),
    ("state = In-Progress", lambda label: label == "In progress"),
    ("state = 8502", lambda label: label == "In progress"),
    ("state = Resolved", lambda label: label == "Resolved"),
    ("state in ('In progress', Submitted)", lambda label: label in ("In progress", "Submitted")),
    ("state in ('In progress', submitted)", lambda label: label in ("In progress", "Submitted")),
    ("state not in ('Waiting on you', submitted)", lambda label: label not in ("Waiting on you", "Submitted")),
    ("not (state = 'Waiting on you' or state = Submitted)", lambda label: label not in ("Waiting on you", "Submitted")),
    ("ticket_state.internal_label = 'waiting on you'", lambda label: label == "Waiting on you"),
    ("ticket_state != Submitted and not ticket_state.category = resolved", lambda label: label in ("In progress", "Waiting on you")),
    ("ticket_state.internal_label ~ on", lambda label: label == "Waiting on you"),
]


@pytest.mark.parametrize(("where", "test"), STATES, ids=[where for where, _ in STATES])
def test_a_ticket_state_by_the_name_that_the_table_shows(desk: Desk, where: str, test: Callable[[str], bool]) -> None:
    """A name, an id or a category, as one, as several, and turned round."""
    assert found(desk, "tickets", where) == having(tickets(desk), lambda one: test(one["ticket_state"]["internal_label"]))


def test_what_was_judged_here_is_not_called_unchecked(desk: Desk) -> None:
    """Intercom is asked for the category, which no item shows as it is searched; the state itself is judged on each item."""
    told = desk.here("tickets", "find", "--where", "state = 'In progress'").err
    assert "Intercom cannot search by ticket_state: judged here, on what its category finds" in told
    assert "could not be checked" not in told
    assert "could not be checked" in desk.here("tickets", "find", "--where", "state = in_progress").err


@pytest.mark.parametrize("field", ["state", "ticket_state", *(f"ticket_state.{one}" for one in ("internal_label", "external_label", "id"))])
@pytest.mark.parametrize("operator", ["=", "!=", "in", "not in"])
def test_a_state_that_there_is_not_is_an_error(desk: Desk, field: str, operator: str) -> None:
    """It names the nearest, and nothing is selected, by a verb that deletes neither."""
    value = "('In progres')" if "in" in operator else "'In progres'"
    refused = desk.here("tickets", "delete", "--where", f"{field} {operator} {value}", "--irreversible", "--dry-run")
    assert refused.code == 2 and "Nearest: In progress (8502)" in refused.err


def test_a_type_that_there_is_not_is_an_error(desk: Desk) -> None:
    """By the name that an item shows of it, too."""
    wanted = having(tickets(desk), lambda one: one["ticket_type"]["name"] == "Incident")
    assert found(desk, "tickets", "ticket_type.name = incident") == found(desk, "tickets", "ticket_type.name ~ Inc") == wanted
    refused = desk.here("tickets", "find", "--where", "ticket_type.name != Incidnt", "--count")
    assert refused.code == 2 and "Nearest: Incident (103)" in refused.err


def test_states_of_a_filter_are_said_with_their_ids(desk: Desk) -> None:
    """And only tickets of their category are asked for."""
    told = desk.here("tickets", "find", "--where", "open = true and state = 'in progress'", "--explain", "--json").json
    assert "ticket_state is In progress (8502)" in told["selection"]
    assert [(one["field"], one["value"]) for one in told["query"]["value"]] == [("open", True), ("state", "in_progress")]
    refused = desk.here("tickets", "find", "--where", "state = nonsense", "--count")
    assert refused.code == 2 and "Or a category: submitted, in_progress, waiting_on_customer, resolved." in refused.err


def test_an_attribute_of_tickets_by_its_name(desk: Desk) -> None:
    """As the advice for a bare name says, and named in what is said."""
    advice = desk.here("tickets", "find", "--where", "severity = high", "--count")
    assert advice.code == 2 and "ticket_attribute.severity" in advice.err
    wanted = having(tickets(desk), lambda one: one["ticket_attributes"].get("severity") == "high")
    assert found(desk, "tickets", "ticket_attribute.severity = high") == wanted
    said = desk.here("tickets", "find", "--where", "ticket_attribute.severity = high", "--explain", "--json").json
    assert "severity (9003) is high" in json.dumps(said)


@pytest.mark.parametrize(("where", "said"), [
    ("ticket_state = 'In progress'", "tickets: ticket_state is In progress (8502) ("),
    ("state in ('In progress', Resolved)", "tickets: ticket_state is one of In progress (8502), Resolved (8504) ("),
    ("not ticket_state = 'In progress'", "tickets: ticket_state is not In progress (8502) ("),
    ("state = 'In progress' or open = false", "tickets: open is false or ticket_state is In progress (8502) ("),
    ("ticket_state.category = submitted and ticket_state = 'In progress'",
     "tickets: ticket_state.category is submitted and ticket_state is In progress (8502) ("),
    ("ticket_state = 'In progress'", "(Intercom cannot search by ticket_state: judged here, on what its category finds)"),
    ("ticket_state = 'In progress' and team = Support", "judged here, on what its category and the rest find)"),
    ("shared = true and team = Support", "judged here, on what the rest finds)"),
])  # fmt: skip
def test_a_filter_is_said_once(desk: Desk, where: str, said: str) -> None:
    """In the words of the person: the category by which Intercom searches in place of a ticket state is not theirs."""
    assert said in desk.here("tickets", "find", "--where", where, "--explain").out.splitlines()[0]


@pytest.mark.parametrize("resource", ["contacts", "conversations", "companies", "tickets"])
def test_an_attribute_that_there_is_not_is_an_error(desk: Desk, resource: str) -> None:
    """It is not sent to Intercom, and no company is judged by it, which would select none, or all."""
    refused = desk.here(resource, "find", "--where", "custom_attributes.nosuch != x", "--count")
    assert refused.code == 2 and "Nearest: " in refused.err and "nosuch" in refused.err


def day_of(at: int | None) -> str:
    """The day of a moment in the sandbox's time zone, as people write it; empty for none."""
    return "" if at is None else datetime.fromtimestamp(at, ZONE).date().isoformat()


DAYS = [
    (">=", lambda day, limit: day >= limit), ("<=", lambda day, limit: "" < day <= limit), ("!=", lambda day, limit: day != limit),
    (">", lambda day, limit: day > limit), ("<", lambda day, limit: "" < day < limit),
]  # fmt: skip


@pytest.mark.parametrize("field", ["last_seen_at", "custom_attributes.renews_at"])
@pytest.mark.parametrize(("operator", "test"), DAYS, ids=[operator for operator, _ in DAYS])
def test_dates_of_contacts_take_every_comparison(desk: Desk, field: str, operator: str, test: Callable[[str, str], bool]) -> None:
    """Intercom has three; the others are said by them."""
    people = contacts(desk)
    days = {str(one["id"]): day_of(value_at(one, field)) for one in people}
    limit = sorted(day for day in days.values() if day)[len(people) // 3]
    wanted = {one for one, day in days.items() if test(day, limit)}
    assert 0 < len(wanted) < len(days)
    assert found(desk, "contacts", f"{field} {operator} {limit}") == wanted


def test_a_date_that_there_is(desk: Desk) -> None:
    """And the opposite."""
    people = contacts(desk)
    wanted = having(people, lambda one: bool(value_at(one, "custom_attributes.renews_at")))
    assert found(desk, "contacts", "custom_attributes.renews_at != null") == wanted
    assert found(desk, "contacts", "custom_attributes.renews_at = none") == {str(one["id"]) for one in people} - wanted
    said = desk.here("contacts", "find", "--where", "custom_attributes.renews_at != null", "--explain").out
    assert "renews_at is set" in said


def test_the_company_of_contacts_and_conversations(desk: Desk) -> None:
    """By the id that one's own systems gave it, its name, or Intercom's id; what the rest finds is judged here, and that is said."""
    people, talks = contacts(desk), [desk.box.conversation(one["id"]) for one in desk.box.conversations()]
    held = Counter(one["id"] for person in people for one in person["companies"]["data"])
    talked = Counter((one.get("company") or {}).get("id") for one in talks)
    mine = desk.box.company(next(one for one, _ in held.most_common() if talked[one]))
    for name in (mine["company_id"], f"'{mine['name']}'", mine["id"]):
        wanted = having(people, lambda one: mine["id"] in [each["id"] for each in one["companies"]["data"]])
        assert found(desk, "contacts", f"company = {name}") == wanted
        assert found(desk, "contacts", f"company != {name}") == {str(one["id"]) for one in people} - wanted
        wanted = having(talks, lambda one: (one.get("company") or {}).get("id") == mine["id"])
        assert found(desk, "conversations", f"company = {name}") == wanted
    told = desk.here("contacts", "find", "--where", f"role = user and company = {mine['company_id']}", "--explain").out
    assert f"company is {mine['name']} ({mine['id']})" in told and "a contact in more than 10 companies takes a request more" in told
    assert found(desk, "contacts", "company = none") == having(people, lambda one: not one["companies"]["data"])


@pytest.mark.parametrize("resource", ["contacts", "conversations"])
def test_a_company_that_there_is_not_is_an_error(desk: Desk, resource: str) -> None:
    """It selects neither nothing nor, after !=, everything."""
    refused = desk.here(resource, "find", "--where", "company != acme-99999", "--count")
    assert refused.code == 2 and "no company with the id or company_id 'acme-99999'" in refused.err
    ticket = desk.here("tickets", "find", "--where", "company = acme-00001", "--count")
    assert ticket.code == 2 and "Find its contacts by company" in ticket.err


@pytest.mark.parametrize(("resource", "where"), [
    ("conversations", "topics = none"), ("conversations", "topics.total_count = none"), ("contacts", "social_profiles.data = none"),
    ("contacts", "opted_out_subscription_types.total_count >= 0"), ("contacts", "opted_in_subscription_types.total_count < 99"),
])  # fmt: skip
def test_fields_that_intercom_shows_and_cannot_search(desk: Desk, resource: str, where: str) -> None:
    """By their own names."""
    every = desk.here(resource, "find", "--where", "created > 2020-01-01", "--count").out
    assert desk.here(resource, "find", "--where", where, "--count").out == every != "0\n"


@pytest.mark.parametrize(("resource", "where"), [
    ("conversations", "rating >= 4"), ("conversations", "snoozed > now"), ("conversations", "waiting > 2h"),
    ("conversations", "subject ^ I"), ("conversations", "snoozed = today"),
    ("contacts", "custom_attributes.seats > 3"), ("contacts", "name $ o"),
    ("companies", "name ^ A"), ("companies", "size > 50"), ("conversations", "title = zzz or rating < 3"),
])  # fmt: skip
def test_not_finds_the_others(desk: Desk, resource: str, where: str) -> None:
    """All of them: those without a value are neither more nor less, whoever judges."""
    every = found(desk, resource, "created > 2020-01-01")
    some, others = found(desk, resource, where), found(desk, resource, f"not ({where})")
    assert not some & others and some | others == every


@pytest.mark.parametrize("where", ["conversation_rating.remark = none", "conversation_rating.remark != none"])
def test_an_empty_text_is_none_whoever_judges(desk: Desk, where: str) -> None:
    """An `or` with what is judged here changes nothing; and only that is said to be judged here."""
    assert found(desk, "conversations", where) == found(desk, "conversations", f"{where} or title = zzz")
    told = desk.here("conversations", "find", "--where", f"{where} or title = zzz", "--explain").out
    assert "Intercom cannot search by title: judged here" in told, told


def test_a_contact_in_many_companies_is_judged_by_all(desk: Desk) -> None:
    """It shows ten of them; the others cost one request, and only for that contact."""
    person, companies = contacts(desk)[0]["id"], [one["id"] for one in desk.box.companies()]
    (desk.home / "one").write_text(person)
    for company in companies:
        assert desk.here("contacts", "attach-company", "--company", company, "--ids", "one", "--yes", "--progress", "none").code == 0
    shown = [one["id"] for one in desk.box.contact(person)["companies"]["data"]]
    assert len(shown) == 10 < len(companies)
    for company in set(companies) - set(shown):
        others = {str(one["id"]) for one in contacts(desk) if company in [each["id"] for each in one["companies"]["data"]]}
        assert found(desk, "contacts", f"company = {company}") == {person, *others}
        assert person not in found(desk, "contacts", f"company != {company}")
    mine = [one["name"] for one in desk.box.companies() if one["id"] in shown]
    listed = desk.here("contacts", "find", "--ids", "one", "--columns", "id,companies")
    assert all(name in listed.out for name in mine) and f"and {len(companies) - 10} more" in listed.out


def test_the_companies_of_contacts_are_named(desk: Desk) -> None:
    """On the screen, and in a file, with their ids beside them where those are asked for; JSON has what Intercom gives."""
    names = {one["id"]: one["name"] for one in desk.box.companies()}
    people = {one["id"]: [each["id"] for each in one["companies"]["data"]] for one in contacts(desk) if one["role"] == "user"}
    words = ("contacts", "find", "--where", "role = user", "--columns")
    out = desk.here(*words, "id,companies").out
    assert all(names[one] in out for held in people.values() for one in held) and not any(one in out for one in names)
    assert desk.here(*words, "id,companies,company_ids", "-o", "list.csv").code == 0
    for row in csv.DictReader((desk.home / "list.csv").read_text().splitlines()):
        assert row["companies"].removesuffix(", and 2 more") == ", ".join(names[one] for one in people[row["id"]])
        assert row["company_ids"].removesuffix(", and 2 more") == ", ".join(people[row["id"]])
    told = desk.here(*words, "id,companies", "--json").json["items"][0]
    assert [one["id"] for one in told["companies"]["data"]] == people[told["id"]]
    assert "company_ids" in desk.here("contacts", "find", "--columns", "help").out


def test_a_contact_with_many_tags_is_judged_by_all(desk: Desk) -> None:
    """Of an earlier run only those go on that surely match now, however many tags they have."""
    person, other = (one["id"] for one in contacts(desk)[1:3])
    runs = []
    for tag, identity in [*((f"t{number}", person) for number in range(12)), ("other", other)]:
        (desk.home / "one").write_text(identity)
        done = desk.here("contacts", "tag", "--tag", tag, "--create-tag", "--ids", "one", "--yes", "--json", "--progress", "none")
        assert done.code == 0 and done.counts["done"] == 1, done.err
        runs.append(done.run)
    for tag, selected in [("t0", 1), ("t11", 1), ("other", 0)]:
        again = ("--from-run", runs[0], "--outcome", "done", "--where", f"tag = {tag}")
        looked = desk.here("contacts", "untag", "--tag", "t0", *again, "--dry-run", "--json", "--progress", "none")
        assert looked.code == 0 and looked.json["counts"]["selected"] == selected, looked.err


@pytest.mark.parametrize(
    "form", ["26 Nov 2026", "26 nov 2026 9:00", "today noon", "yesterday 9:00pm", "last monday 9:00", "7d ago", "26.11.2026 9:00"]
)
def test_a_moment_that_a_refusal_recommends_stands_in_a_filter(desk: Desk, form: str) -> None:
    """As it is typed, without quotes."""
    found = desk.here("conversations", "find", "--where", f"created < {form} and state = open", "--count")
    assert found.code == 0 and found.out.strip().isdigit(), found.err
