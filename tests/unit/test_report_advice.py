"""What to do about a failure."""

import re

import pytest

from intercom_bulk_updater.journal import FailureGroup
from intercom_bulk_updater.journal.records import FailureExample
from intercom_bulk_updater.model import Outcome
from intercom_bulk_updater.report.advice import OTHERWISE, advice, advice_for
from intercom_bulk_updater.report.failure_advice import REMEDIES


@pytest.mark.parametrize(
    ("cause", "status", "code", "message", "part"),
    [
        ("404 not_found", 404, "not_found", "Resource Not Found", "does not exist any more"),
        ("404 not_found", 404, "not_found", "User Not Found", "no such contact"),
        ("404 tag_not_found", 404, "tag_not_found", "Tag not found", "The tag does not exist"),
        ("404 assignee_not_found", 404, "assignee_not_found", "", "--to-admin"),
        ("401 unauthorized", 401, "unauthorized", "Access Token Invalid", "INTERCOM_ACCESS_TOKEN"),
        ("401 token_revoked", 401, "token_revoked", "", "create a new one"),
        (
            "403 forbidden",
            403,
            "forbidden",
            "You do not have the required scope (read_conversations) to access this resource",
            "lacks the scope read_conversations:",
        ),
        ("403 forbidden", 403, "forbidden", "Not authorized to manage knowledge base content", "permissions"),
        ("403 api_plan_restricted", 403, "api_plan_restricted", "Active subscription needed.", "plan"),
        ("402", 402, "", "", "plan"),
        (
            "429 rate_limit_exceeded",
            429,
            "rate_limit_exceeded",
            "Exceeded rate limit of 167 in 10_seconds",
            "--share",
        ),
        (
            "429 rate_limit_exceeded",
            429,
            "rate_limit_exceeded",
            "Exceeded rate limit of 1 pending message data export jobs",
            "1 pending message data export jobs at a time",
        ),
        ("429 too_many_requests", 429, "too_many_requests", "retry later", "overloaded"),
        (
            "409 conflict",
            409,
            "conflict",
            "A contact matching those details already exists with id=1",
            "Another contact",
        ),
        ("409 conflict", 409, "conflict", "", "conflicts"),
        ("410 contact_merged", 410, "contact_merged", "", "merged into another"),
        ("410 gone", 410, "gone", "", "deleted or merged"),
        (
            "422 merge_failed",
            422,
            "merge_failed",
            "Secondary conversation has already been merged",
            "nothing is left",
        ),
        ("422 merge_failed", 422, "merge_failed", "Cannot merge a conversation into itself", "--into"),
        (
            "422 parameter_invalid",
            422,
            "parameter_invalid",
            "Removing the last customer is not allowed",
            "last person",
        ),
        ("400 INVALID_PARAMETER", 400, "INVALID_PARAMETER", "", "same name"),
        ("400 parameter_invalid", 400, "parameter_invalid", "invalid tag parameters", "check the parameters"),
        ("415", 415, "", "", "for every item alike"),
        ("408 request_timeout", 408, "request_timeout", "", "took too long"),
        ("504", 504, "", "an HTML page", "took too long"),
        ("503 service_unavailable", 503, "service_unavailable", "", "intercomstatus"),
        ("timeout", 0, "", "no answer within 30 s", "--timeout"),
        ("connection lost", 0, "", "", "nothing is done twice"),
        ("no connection", 0, "", "", "nothing was sent"),
        ("unusable answer", 0, "", "", "maintenance page"),
        ("interrupted", 0, "", "", "Resume the run"),
        ("ActionReturnedNone", 0, "", "perform_action returned None, which means failed", "returned None"),
        ("KeyError", 0, "", "'team'", "own code raised KeyError"),
    ],
)
def test_every_kind_of_failure_has_its_advice(cause: str, status: int, code: str, message: str, part: str) -> None:
    """Failures are told apart by status, code, message and cause; each says what a person can do."""
    assert part in advice(cause, status=status, code=code, message=message)


def test_an_unknown_failure_has_advice_too() -> None:
    """A code that nobody knew when this was written still gets an answer."""
    assert advice("418 teapot", status=418, code="teapot") == OTHERWISE
    assert advice("418 teapot", status=418, code="teapot", request_id="r1").endswith("by the request id r1.")


def test_the_table_holds_together() -> None:
    """Patterns compile, advice is a sentence, and what it fills in is a group of its row's patterns."""
    for remedy in REMEDIES:
        groups: set[str] = set()
        for pattern in (remedy.status, remedy.code, remedy.message, remedy.cause):
            groups |= set(re.compile(pattern).groupindex)
        assert set(re.findall(r"\{(\w+)\}", remedy.advice)) - {"go_on", "retry", "run"} == groups
        assert re.fullmatch(r"(?s)\S.*[.]", remedy.advice)
        assert remedy.status or remedy.code or remedy.message or remedy.cause


def test_words_of_a_server_are_never_a_pattern() -> None:
    """Braces and backslashes in Intercom's message stay text."""
    assert advice("400 x", status=400, code="x", message=r"{scope} \1 (((")


@pytest.mark.parametrize(("outcome", "then"), [(Outcome.FAILED, "retry these."), (Outcome.IN_DOUBT, "resume.")])
def test_what_to_do_then_is_what_does_these_items(outcome: Outcome, then: str) -> None:
    """Of a few that failed for lack of a permission it said "then resume", which takes up nothing that has failed."""
    example = FailureExample("1", 403, "forbidden", "You do not have the required scope (write_tags) to access this resource", "r")
    assert advice_for(FailureGroup("403 forbidden", 3, example, outcome)).endswith(f"then {then}")
