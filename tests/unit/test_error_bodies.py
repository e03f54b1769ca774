"""Error bodies of any shape: never a crash, and whatever text is there reaches the person."""

from __future__ import annotations

import json
import random

import pytest
import requests

from intercom_bulk_updater import errors
from intercom_bulk_updater.api.answer import read_answer
from intercom_bulk_updater.api.error_body import shows_item
from intercom_bulk_updater.api.error_map import NOT_INTERCOM, refusal
from intercom_bulk_updater.api.foreign_errors import answered, told
from intercom_bulk_updater.api.messages import Response
from intercom_bulk_updater.api.redact import keep_secret
from intercom_bulk_updater.api.retry import ErrorKind, classify
from intercom_bulk_updater.report.advice import advice


def of(body: object, status: int = 422) -> errors.ApiError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal(Response(status, {"x-request-id": "r0"}, raw), "PUT", "conversations/1")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"type": "error.list", "request_id": "r1", "errors": [{"code": "parameter_invalid", "message": "No"}]}, "parameter_invalid", "No"),
        ({"errors": [{"code": "a", "message": "A"}, {"code": "b", "message": "B", "field": "team"}]}, "a", "A; team: B"),
        ({"errors": {"assignee_id": ["is invalid", "is gone"]}}, "", "assignee_id: is invalid; assignee_id: is gone"),
        ({"errors": {"a": {"b": [{"message": "deep"}]}}}, "", "a: b: deep"),
        ({"errors": ["first", "second"]}, "", "first; second"),
        ({"errors": "text"}, "", "text"),
        ({"error": {"code": "c", "message": "M"}}, "c", "M"),
        ({"error": "Internal", "status": 500, "path": "/x"}, "", "Internal"),
        ({"message": "Forbidden"}, "", "Forbidden"),
        ({"errors": [{"title": "T", "detail": "D"}]}, "", "D"),
        ({"errors": [{"code": "only_a_code"}]}, "only_a_code", ""),
        ({"fault": {"faultstring": "Quota", "detail": {"errorcode": "x"}}}, "", "faultstring: Quota; detail: errorcode: x"),
        (["x", "y"], "", "x; y"),
        ("a string", "", "a string"),
        ({"errors": [None, {}, 7]}, "", "7"),
        ({"errors": None}, "", ""),
        (b"null", "", ""),
        (b"", "", ""),
        (b"plain words", NOT_INTERCOM, "a text that is not JSON: plain words"),
        (b"\xff\xfe\x80broken", NOT_INTERCOM, "a text that is not JSON: ???broken"),
        (b"<html><head><title>No</title><style>b{}</style></head><body>No <b>way</b></body></html>", NOT_INTERCOM, "an HTML page: No way"),
        ({"errors": [{"message": "\u001b[31mred\u202e \u200bx\n y"}]}, "", "red x y"),
    ],
)
def test_the_text_of_any_body_is_told(body: object, code: str, message: str) -> None:
    """Every error in the body, field by field, without markup or control characters."""
    error = of(body)
    assert (error.code, error.api_message) == (code, message)
    assert (message or code or "422") in str(error)


@pytest.mark.parametrize("body", [b"[" * 300_000, b"x" * 10_000_000, b'{"a":"' + b"x" * 10_000_000, b'{"e":' * 5000, b"\0" * 100])
def test_no_body_is_too_much(body: bytes) -> None:
    """Nested a hundred thousand deep or 10 MB large: bounded, and no crash."""
    assert len(str(of(body))) < 700


def test_bodies_at_random_never_crash() -> None:
    """Two thousand bodies of every JSON type, nested at random, become errors of at most 700 characters."""
    dice = random.Random(7)
    names = ("errors", "error", "message", "code", "type", "field", "detail", "request_id", "assignee_id")

    def value(depth: int) -> object:
        kind = dice.randrange(8 if depth < 4 else 6)
        plain: list[object] = [None, True, 7, 1.5, "text", "\u202e\x1b]0;x\x07", ]
        if kind < 6:
            return plain[kind]
        if kind == 6:
            return [value(depth + 1) for _ in range(dice.randrange(4))]
        return {dice.choice(names): value(depth + 1) for _ in range(dice.randrange(5))}

    for _ in range(2000):
        said = str(of(value(0), dice.choice((400, 401, 403, 404, 422, 429, 500))))
        assert len(said) < 700 and "\x1b" not in said and "\u202e" not in said


@pytest.mark.parametrize("status", [302, 307, 400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 421, 422, 426, 451, 511])
def test_what_intercom_did_not_write_is_not_intercoms_answer(status: int) -> None:
    """A firewall's page does not mean that the token is rejected or the item gone: exit 7, and where to look."""
    error = of(b"<html><head><title>Access denied</title></head><body>Reference 18.4f</body></html>", status)
    assert isinstance(error, errors.RefusedInBetween)
    assert (error.exit_code, error.code) == (7, NOT_INTERCOM)
    said = "an HTML page: Access denied: Reference 18.4f" if status >= 400 else "redirected to another address of the same server"
    assert f"not by Intercom: {said}" in error.message
    assert classify(error).kind is ErrorKind.IN_BETWEEN
    found = classify(error).failure
    said = advice(found.cause, status=found.status or 0, code=found.code, message=found.message)
    assert "a firewall or a proxy did" in said and "token" not in said


@pytest.mark.parametrize(("status", "kind"), [(401, errors.AuthenticationError), (403, errors.PermissionDenied), (404, errors.NotFound)])
def test_what_intercom_did_write_keeps_its_meaning(status: int, kind: type[errors.ApiError]) -> None:
    """JSON, and an empty body of which nobody knows the author, mean what their status says."""
    assert type(of({"errors": [{"code": "x"}]}, status)) is kind
    assert type(of(b"", status)) is kind
    assert type(of(b"<h1>bad</h1>", 502)) is errors.ServerError
    assert type(of(b"<h1>too large</h1>", 413)) is errors.InvalidRequest


def test_no_token_comes_back_in_an_error() -> None:
    """Echoed in the code, the message, the request id or a header; alone, in a sentence, in an address, and cut in two by the bound."""
    token = "s3cret-token-of-this-test"
    keep_secret(token)
    body = {"request_id": token, "errors": [{"code": token, "message": f"x https://h/?access_token={token}&y"}]}
    error = refusal(Response(422, {"x-request-id": token, "via": f"p {token}"}, json.dumps(body).encode()), "PUT", "x")
    long = of({"message": "x" * 490 + token})
    assert token[:8] not in f"{error} {error.code} {error.request_id} {error.headers} {long} {vars(error)}"
    assert "dG9rOjEy" not in str(of({"message": "bad token dG9rOjEyMzQ1Njc4OTA="}))


def test_errors_of_libraries_are_read_by_the_same_reader() -> None:
    """requests, an error body that an updater returned, a body that no JSON can hold."""
    response = requests.Response()
    response.status_code, response._content = 422, b'{"errors":{"assignee_id":["is invalid"]}}'
    found = told(requests.HTTPError("422", response=response))
    assert found is not None and isinstance(found[0], errors.ApiError) and found[0].api_message == "assignee_id: is invalid"
    returned = answered({"type": "error.list", "errors": {"team": ["is gone"]}})
    assert isinstance(returned, errors.ApiError) and returned.api_message == "team: is gone"
    loop: dict[str, object] = {"type": "error.list"}
    loop["errors"] = loop
    assert isinstance(answered(loop), errors.ApiError)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"type": "error.list", "errors": [{"code": "late", "message": "Too late"}]}, "with errors instead of a result: late: Too late"),
        ({"errors": {"team": ["is gone"]}}, "with errors instead of a result: team: is gone"),
        (b"<html><head><title>Log in</title></head><body>to the hotel</body></html>", "an HTML page: Log in: to the hotel"),
    ],
)
def test_a_success_that_is_none_tells_what_it_says(body: object, words: str) -> None:
    """An answer of 200 that holds errors, or somebody's log-in page, is no result, and its text is told."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(errors.BadAnswer, match=words):
        read_answer(Response(200, {}, raw), "PUT", "conversations/1")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"type": "contact", "id": "1"}, True), ({"type": "note", "id": "1", "body": "x"}, True), ({"type": "contact"}, False),
        ({"id": "1", "object": "company", "deleted": True}, True), ({"id": "1", "object": "job"}, False),
        ({"type": "error.list", "id": "1"}, False), ({"type": "contact", "id": "1", "errors": []}, False), ([1], False), ("x", False),
    ],
)  # fmt: skip
def test_a_refusal_that_shows_an_item_is_no_error(body: object, shown: bool) -> None:
    """What was done may be answered with a status that says that it was not: the body then shows the item."""
    assert shows_item(json.dumps(body).encode()) is shown
    assert not shows_item(json.dumps(body).encode()[:-1] + b"\xff")
