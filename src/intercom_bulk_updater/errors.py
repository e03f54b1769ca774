"""Every error this package raises, in one tree.

    IntercomBulkError                     exit 1
    ├── UsageError                        exit 2   bad filter, bad file
    │   ├── UnknownName                   exit 2   a team, a tag ... that the workspace does not have
    │   └── UpdaterFailed                 exit 2   a method of an updater failed while the run was made ready
    ├── ConfigurationError                exit 10  bad or missing setting
    │   └── WrongWorkspace                exit 10  run, plan or profile belongs to another workspace
    ├── ApiError                          exit 7   status, code, request_id, method, path
    │   ├── InvalidRequest                exit 2   400, 405, 406, 409, 415, 422
    │   │   └── FilterRefused                      400, 422 in answer to a search
    │   ├── RefusedInBetween          exit 7   3xx, 407, 421, 426, 451, 511, and any 4xx that is not JSON: not Intercom's
    │   ├── SearchRefused             exit 7   a page of a search was refused; what was found is kept
    │   ├── NotFound                      exit 2   404, 410
    │   ├── AuthenticationError           exit 4   401
    │   ├── PermissionDenied              exit 4   402, 403
    │   ├── RateLimited                            429 (transient)
    │   └── ServerError                            408, 5xx (transient)
    ├── TransportError                    exit 7   no usable answer (transient)
    │   ├── ConnectionFailed                       nothing was sent
    │   ├── AnswerLost                             sent, and the answer never came
    │   │   └── TimedOut
    │   └── BadAnswer                              an answer that is not what the API promises
    │       └── AnswerTooLarge                     an answer of more than 64 MiB
    ├── SearchError                       exit 7   the search broke off; what was found is kept
    ├── SearchLoop                        exit 1   the cursor repeats
    ├── SearchIncomplete                  exit 6   the search showed fewer items than it announced
    ├── FilterIgnored                     exit 6   the search shows items that contradict the filter
    ├── SafetyStop                        exit 5   a guard, an altered plan, no confirmation
    ├── VerificationFailed                exit 6
    ├── ItemsFailed                       exit 3   result.raise_for_failures()
    ├── NotVerified                       exit 7   done, but some could not be read back
    ├── RunLocked                         exit 12  another live process holds the run
    ├── NoSuchRun                         exit 2
    ├── JournalError                      exit 1
    │   └── JournalBusy                   exit 12  another process keeps the journal locked
    └── RunStopped                        exit 7   stopped early and healthy: resume
        ├── DeadlineReached               exit 7
        ├── ServiceUnavailable            exit 7
        └── Interrupted                   exit 130 or 143

    Skip(reason), StopRun(reason): raised *by* user code to leave this item, or to end the run in order.

The first line of each docstring is the default message. `exit_code` is what the command exits with.
"""

from __future__ import annotations

from typing import Any, ClassVar


class IntercomBulkError(Exception):
    """Something went wrong."""

    exit_code: ClassVar[int] = 1
    transient: ClassVar[bool] = False
    hint: str | None = None
    """What to do about it; "" where the message says that by itself, None where it follows from the kind of error."""

    def __init__(self, message: str = "", *, hint: str | None = None, **parts: Any) -> None:
        if hint is not None:
            self.hint = hint
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.parts = parts
        self.run_id: str | None = parts.get("run_id")
        self.run: Any = None
        """The run that it ended (a Run), where there was one and Python asked for it."""
        self.result: Any = None
        """The account of the run that it ended (a BulkResult), where there was one."""
        super().__init__(self.message)


class UsageError(IntercomBulkError):
    """The request cannot be understood."""

    exit_code = 2


class UnknownName(UsageError):
    """Nothing in the workspace is called so."""


class UpdaterFailed(UsageError):
    """A method of the updater failed."""

    hint = ""


class ConfigurationError(IntercomBulkError):
    """A setting is missing or malformed."""

    exit_code = 10


class MissingToken(ConfigurationError):
    """INTERCOM_ACCESS_TOKEN is not set: put the token in the environment or in a .env file."""

    exit_code = 4


class WrongWorkspace(ConfigurationError):
    """This belongs to another workspace than the token."""

    hint = ""


class ApiError(IntercomBulkError):
    """Intercom refused the request.

    Parameters are kept as attributes: `status` (HTTP status), `code` and `api_message` (Intercom's own words), `request_id`
    (what Intercom's support asks for), `method` and `path`, `headers` (lower-case names).
    See https://developers.intercom.com/docs/references/rest-api/errors/error-codes
    """

    exit_code = 7

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        code: str = "",
        api_message: str = "",
        request_id: str = "",
        method: str = "",
        path: str = "",
        headers: dict[str, str] | None = None,
        **parts: Any,
    ) -> None:
        self.status = status
        self.code = code
        self.api_message = api_message
        self.request_id = request_id
        self.method = method
        self.path = path
        self.headers = headers or {}
        if not message:
            said = ": ".join(part for part in (code, f'"{api_message}"' if api_message else "") if part)
            message = f"{method} {path} was answered {status} {said}".strip()
        super().__init__(message, **parts)


class InvalidRequest(ApiError):
    """Intercom calls the request invalid."""

    exit_code = 2


class FilterRefused(InvalidRequest):
    """Intercom refuses the filter of the search."""


class RefusedInBetween(ApiError):
    """Something between this machine and Intercom (a firewall, a proxy, a login page), or another server, answered the request."""

    def __init__(self, message: str = "", **parts: Any) -> None:
        super().__init__(message, **parts)
        if not message:
            self.message = (
                f"{self.method} {self.path} was answered {self.status} by something in between (a firewall or proxy), "
                f"not by Intercom: {self.api_message or 'no text'}"
            ).strip()
            self.args = (self.message,)

class SearchRefused(ApiError):
    """Intercom refused a page of the search; what was found is kept."""


class NotFound(ApiError):
    """The item is not there (any more)."""

    exit_code = 2


class AuthenticationError(ApiError):
    """The token is rejected: check INTERCOM_ACCESS_TOKEN."""

    exit_code = 4


class PermissionDenied(ApiError):
    """The token lacks a permission, or the plan does not include this."""

    exit_code = 4


class RateLimited(ApiError):
    """Too many requests."""

    transient = True


class ServerError(ApiError):
    """Intercom had a problem of its own."""

    transient = True


class TransportError(IntercomBulkError):
    """No usable answer came back."""

    exit_code = 7
    transient = True

    def __init__(self, message: str = "", *, method: str = "", path: str = "", **parts: Any) -> None:
        self.method = method
        self.path = path
        super().__init__(message, **parts)


class ConnectionFailed(TransportError):
    """The connection could not be made; nothing was sent."""


class AnswerLost(TransportError):
    """The request left and the answer never came.

    It may or may not have been carried out.
    """


class TimedOut(AnswerLost):
    """No answer came within the timeout.

    It may or may not have been carried out, and may still be.
    """


class BadAnswer(TransportError):
    """The answer is not what the API promises (empty, cut off, or not JSON)."""

    def __init__(self, message: str = "", *, status: int = 0, **parts: Any) -> None:
        self.status = status
        super().__init__(message, **parts)


class AnswerTooLarge(BadAnswer):
    """The answer is larger than any that Intercom gives, so it was not read to its end."""


class SearchError(IntercomBulkError):
    """The search broke off before its end; what was found is kept."""

    exit_code = 7


class SearchLoop(SearchError):
    """The search goes in circles: Intercom gave the same cursor twice."""

    exit_code = 1


class SearchIncomplete(IntercomBulkError):
    """The search showed fewer items than it announced."""

    exit_code = 6


class FilterIgnored(IntercomBulkError):
    """The server does not apply the filter of the search."""

    exit_code = 6
    hint = ""


class SafetyStop(IntercomBulkError):
    """Stopped for safety: nothing more was written."""

    exit_code = 5


class VerificationFailed(IntercomBulkError):
    """Some items are not in the requested state."""

    exit_code = 6


class ItemsFailed(IntercomBulkError):
    """Some items failed, or are in doubt."""

    exit_code = 3


class NotVerified(IntercomBulkError):
    """The changes were accepted, but some items could not be read back to make sure."""

    exit_code = 7
    hint = ""


class RunLocked(IntercomBulkError):
    """Another live process holds this run."""

    exit_code = 12


class NoSuchRun(UsageError):
    """There is no such run."""


class JournalError(IntercomBulkError):
    """The journal cannot be read or written."""


class JournalBusy(JournalError):
    """Another process keeps the journal locked."""

    exit_code = 12


class RunStopped(IntercomBulkError):
    """The run stopped before its end; it can be resumed."""

    exit_code = 7


class DeadlineReached(RunStopped):
    """The deadline came before the end."""


class ServiceUnavailable(RunStopped):
    """Intercom does not answer."""


class Interrupted(RunStopped):
    """Interrupted after a clean drain; the run can be resumed."""

    exit_code = 130

    def __init__(self, message: str = "", *, signal_number: int = 2, **parts: Any) -> None:
        self.signal_number = signal_number
        super().__init__(message, **parts)


def why(error: Exception) -> str:
    """Why a file could not be read or written, without the number and the path that Python puts before it."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 text (byte {error.start + 1})"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class Skip(Exception):
    """Raised by an updater: leave this item as it is. It counts as unchanged, with the reason."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason or "skipped by the updater"
        super().__init__(self.reason)


class StopRun(Exception):
    """Raised by an updater: end the run in order. What is in flight finishes; the run can be resumed."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason or "stopped by the updater"
        super().__init__(self.reason)
