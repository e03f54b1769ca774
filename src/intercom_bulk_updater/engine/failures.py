"""What an exception means beyond its item: an answer that was read and not understood, and an error that ends the run."""

from __future__ import annotations

from typing import Any

from ..api.retry import SHAPE_ERRORS, ErrorClassification, acts_for_nobody, classify
from ..errors import ApiError, AuthenticationError, BadAnswer, ConfigurationError, IntercomBulkError


def explain_unreadable(exc: Exception) -> Exception:
    """What an operation raises when it reads a payload that it does not understand, as an answer that cannot be used."""
    if not isinstance(exc, SHAPE_ERRORS):
        return exc
    return exc if classify(exc).sent is not None else BadAnswer(f"what was read has another shape than the API promises ({exc!r})")


def unknown_admin(admin: str) -> ConfigurationError:
    """What ends a run in the name of nobody, found before its first write or by it."""
    return ConfigurationError(
        f"Intercom knows no admin {admin}, in whose name to write: check INTERCOM_ADMIN_ID. `intercom-bulk doctor` names the nearest."
    )


def run_error(exc: Exception, verdict: ErrorClassification) -> IntercomBulkError:
    """One of our errors for what ends the run, also when another library raised it."""
    if isinstance(exc, ApiError) and acts_for_nobody(exc):
        return unknown_admin(str(exc.parts["json"]["admin_id"]))
    if isinstance(exc, IntercomBulkError):
        return exc
    failure = verdict.failure
    parts: dict[str, Any] = {"status": failure.status, "code": failure.code, "request_id": failure.request_id}
    said = f"{failure.status} {failure.code}: {failure.message}"
    if failure.status == 401:
        return AuthenticationError(f"The token is rejected ({said}): check INTERCOM_ACCESS_TOKEN.", **parts)
    return ApiError(said, **parts)
