"""A run in words for people: what it does, to which items, what its error asks for. Nothing private in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from intercom_bulk_updater.api.error_map import NOT_INTERCOM
from intercom_bulk_updater.api.redact import is_message, mask, redact
from intercom_bulk_updater.errors import (
    ApiError,
    FilterRefused,
    IntercomBulkError,
    InvalidRequest,
    NotFound,
    RunStopped,
    SearchIncomplete,
    SearchRefused,
    ServiceUnavailable,
    UsageError,
)
from intercom_bulk_updater.journal import RunRecord, Store, from_json
from intercom_bulk_updater.model import RunKind, RunStatus
from intercom_bulk_updater.operations.field_values import KINDS, describe_field, describe_value
from intercom_bulk_updater.operations.fields import Undo
from intercom_bulk_updater.operations.messages import WHOSE
from intercom_bulk_updater.operations.object_words import IN_A_SENTENCE
from intercom_bulk_updater.operations.operation import Operation
from intercom_bulk_updater.operations.registry import declared
from intercom_bulk_updater.parsing.dates import is_moment, local_moment
from intercom_bulk_updater.runs.change_words import words
from intercom_bulk_updater.runs.search_state import SearchState

from .advice import advice
from .next_commands import consent_flags

# Marks of the moment in an after-image, not fields that were changed.
_MARKS = frozenset({"updated_at", "part", "there", "ok"})
MESSAGE_ADDED = "message added"
"""What was changed where nothing but a message was written."""
NOT_SHOWN = "not shown"
"""What stands for a field that Intercom does not show."""
_HINTS = {
    2: "See the command's --help.",
    5: "Nothing more was written. The reason is above: see to what it names, or change the selection or the guard.",
    7: "Nothing is lost: resume the run when Intercom and the network are well.",
    10: "See `intercom-bulk doctor`, which checks every setting.",
    12: "Follow the other process with `runs watch`, or end it with `runs cancel`.",
    130: "Nothing is lost: resume the run.",
    143: "Nothing is lost: resume the run.",
}


def words_of(run: RunRecord) -> str:
    """What a run does, in words: "tag conversations (incident (7004))", "assign conversations to team Billing (5002)"."""
    resource, _, verb = run.operation.rpartition(".")
    if run.kind == RunKind.UNDO or verb == Undo.name:
        said = f"undo {run.parent}" if run.parent else "undo"
        again = str(run.selection.get("again") or "").rpartition(".")[2]
        return f"{again} again ({said})" if again else said
    by_row = str((run.parameters.get("each") or {}).get("words") or "")
    cls = declared(run.operation)
    if cls is not None:
        return _of_verb(cls, resource, run, by_row)
    if by_row:
        return by_row
    said = str((run.totals.get("review") or {}).get("operation") or run.operation)
    message = any(is_message(name) and value for name, value in run.parameters.items())
    told = {name: value for name, value in run.parameters.items() if not is_message(name) and value not in (None, "", False)}
    shown = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in masked(told).items() if value)
    return f"{said}{f' ({shown})' if shown else ''}{', with a message' if message else ''}"


def _of_verb(cls: type[Operation], resource: str, run: RunRecord, by_row: str) -> str:
    lead = f"{(cls.lead or cls.name).lower()} {resource}"
    try:
        said = by_row or cls(**from_json(dict(run.parameters))).describe()
    except (TypeError, ValueError, KeyError, AttributeError, UsageError):
        return lead  # of a version that took other parameters
    first, _, rest = said.partition(" ")
    if first != cls.name:
        if not rest:
            return f"{said} {resource}"
        rest = said
    return f"{lead} {rest}" if rest.partition(" ")[0] in IN_A_SENTENCE else f"{lead} ({rest})" if rest else lead


def verb_of(run: RunRecord) -> type[Operation] | None:
    """The verb of a run, for an undo the one that it takes back; None for one that is not known here."""
    name, given = run.operation, run.parameters
    while {"of", "given"} <= given.keys():
        name, given = str(given["of"]), given["given"]
    return declared(name)


def masked(parameters: Mapping[str, Any], *, with_bodies: bool = False) -> dict[str, str]:
    """Parameters as text. Message bodies and e-mail addresses only when asked for; tokens never."""
    told: dict[str, str] = {}
    if "each" in parameters:
        return {"by row": str(parameters["each"].get("words") or "")}
    if {"of", "given"} <= parameters.keys():  # an undo, with what was given to the verb that it takes back
        return {"of": str(parameters["of"]), **masked(parameters["given"], with_bodies=with_bodies)}
    labels = parameters.get("labels")
    called = parameters.get("called") or {}
    for name, value in from_json(dict(parameters)).items():
        if name in ("labels", "made", "called", "opt_out", "names", "found", "reached_by"):  # said by the names that go with the ids
            continue
        if isinstance(value, str) and value in called:
            name_of = str(called[value])
            value = name_of if name_of.endswith(f"({value})") else f"{name_of} ({value})"
        if name in ("tags", "ids") and labels:
            value = labels
        if value in (0, "0") and name in ("team", "admin"):
            value = "none"
        told[name] = _text(name, mask(value, name, with_bodies=with_bodies))
    return told


def _text(name: str, value: Any) -> str:
    if is_moment("_until" if name == "until" else name, value):
        return local_moment(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{k} = {_text(k, v)}" for k, v in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_text(name, v) for v in value)
    return "" if value is None else str(value)


def without_halves(value: Any) -> Any:
    """The same JSON value with half an emoji (legal in JSON, illegal in UTF-8) as a question mark."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {without_halves(name): without_halves(part) for name, part in value.items()}
    if isinstance(value, list):
        return [without_halves(part) for part in value]
    return value


def names_of(journal: Store, run: RunRecord) -> dict[str, str]:
    """What the ids in a run's changes are called: by id those of its operation, by kind and id ("team 5001") the others."""
    parent = names_of(journal, journal.run(run.parent)) if run.parent and run.kind == RunKind.UNDO else {}
    return {**parent, **(run.totals.get("names") or {})}


def change_words(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, names: Mapping[str, str], *, with_bodies: bool = False
) -> str:
    """What was changed: `state: open -> closed, added tag vip (86)`. "" when it is not known. `names`: see names_of."""
    if not after:
        return ""
    was, now = mask(before or {}, with_bodies=with_bodies), mask(after, with_bodies=with_bodies)
    change = {name: (was[name], now[name]) for name in now if name not in _MARKS and name in was and was[name] != now[name]}
    if not change:
        return MESSAGE_ADDED if "part" in now else ""
    return words(change, names, lambda kind, number: names.get(f"{kind} {number}", number), done=True)


def image_words(image: Mapping[str, Any] | None, names: Mapping[str, str], *, with_bodies: bool = False) -> str:
    """The fields of an item as they were or are now: `state: open; team: Support (5001)`. `names`: see names_of."""

    def called(field: str, value: str) -> str:
        return names.get(value) or names.get(f"{KINDS.get(field, '')} {value}", value)

    shown = mask(image or {}, with_bodies=with_bodies)
    return "; ".join(
        f"{describe_field(name)}: {describe_value(value, name, called)}"
        for name, value in shown.items()
        if name not in (*_MARKS, WHOSE) and not isinstance(value, Mapping)
    )


def selection_words(run: RunRecord) -> str:
    """Which items, in words: the `--where` text, "214 ids", "failures of 1122-tag-88aa"."""
    selection = run.selection
    said = str(selection.get("words") or selection.get("kind") or "not recorded")
    return redact(said)


def of_more_words(search: Mapping[str, Any], selected: int) -> str:
    """That more match than were selected, which are all that outcomes are of: "12 of 51 that match"; "" where none do."""
    matching = SearchState.of(search).matching
    more = matching is not None and matching > selected and search.get("complete") and not search.get("missing")
    return f"{selected:,} of {matching:,} that match" if more else ""


def left_out_words(search: Mapping[str, Any]) -> list[str]:
    """What a search announced and did not show, and what it showed and was left out: the `search` of a summary, a line each."""
    missing, contradicting, unusable = (int(search.get(name) or 0) for name in ("missing", "contradicting", "unusable"))
    said = []
    if missing:
        said.append(f"incomplete: {missing:,} more {'was' if missing == 1 else 'were'} announced by Intercom and never shown")
    if contradicting:
        items, verb = ("item", "contradicts") if contradicting == 1 else ("items", "contradict")
        said.append(f"{contradicting:,} {items} that the search showed {verb} the filter, left out")
    if unusable:
        said.append(f"{unusable:,} {'entry' if unusable == 1 else 'entries'} of the search had no usable id, left out")
    if search.get("unchecked"):
        said.append("the filter could not be checked against the items: it is Intercom's word alone that they match")
    return said


def message_words(told: Mapping[str, Any]) -> list[str]:
    """What there is to say of the messages of a run's items, a line each, from the object of --json.

    Which runs had sent the text of this one already; of how many items an export does not have all.
    """
    said = [f"of {number:,} only the newest: Intercom gives no more; runs export names them"] if (number := told.get("not_whole")) else []
    for one in told.get("sent_before") or ():
        # A plan is applied as it was made, and `apply` has no such flag.
        again = "a plan made with --again" if (told["run"].get("selection") or {}).get("kind") == "plan" else "--again"
        at = local_moment(datetime.fromisoformat(one["at"]).timestamp())
        sent = "had called it failed, and it came after its refusal" if one["refused"] else "had sent it"
        said.append(f"{one['count']:,} without it: an earlier run {sent} ({one['run']}, {at}); {again} sends it again")
    return said


def error_hint(error: BaseException, exit_code: int, run: RunRecord | None = None) -> str:
    """What to do about what ended a command, in a sentence; "" when there is nothing to add.

    `run`: the run that it ended; None when it ended before there was one.
    """
    resumable = run is not None and run.kind != RunKind.DRY_RUN and run.status is not RunStatus.FINISHED
    if isinstance(error, IntercomBulkError) and error.hint is not None:
        return error.hint
    if isinstance(error, FilterRefused):
        return "Check the fields, operators and values of the filter (--where, --query, get_search_query), then run the command again."
    if isinstance(error, SearchRefused) and error.code != NOT_INTERCOM:
        if resumable and run is not None:
            return f"Nothing is lost: intercom-bulk runs resume {run.id} asks again for what was not found yet."
        known = f" Intercom's support can look it up by the request id {error.request_id}." if error.request_id else ""
        return f"Nothing was written. Run the command again; if it stays so, see what stands between here and Intercom.{known}"
    if isinstance(error, InvalidRequest | NotFound):  # of what a run needs before its first item: those of items end no run
        return "As it stands it is refused again: correct the command, or what it names in Intercom."
    if isinstance(error, ApiError):
        cause, said = f"{error.status} {error.code}".strip(), error.api_message or error.message
        go_on = "resume" if resumable else "run the command again"
        return advice(cause, status=error.status, code=error.code, message=said, request_id=error.request_id, go_on=go_on)
    if exit_code == 4:
        return (
            "Set INTERCOM_ACCESS_TOKEN in the environment or in .env, then see `intercom-bulk doctor`. "
            "The token stands in Intercom's Developer Hub: your app, Configure, Authentication."
        )
    if getattr(error, "parts", {}).get("advice"):
        return "Then resume the run: nothing is lost." if resumable else ""  # it says by itself what is wrong with the way to Intercom
    if isinstance(error, SearchIncomplete):
        once_more = "resume the run" if resumable else "run the command again"
        return f"To search once more, {once_more}. If it stays so, ask Intercom's support which items the search leaves out."
    return _hint_of_exit(error, exit_code, run, resumable=resumable)


def _hint_of_exit(error: BaseException, exit_code: int, run: RunRecord | None, *, resumable: bool) -> str:
    if exit_code == 6:
        return _not_as_wanted(run)
    if exit_code in (7, 130, 143) and not resumable:
        again = "A dry run is simply started again" if run is not None and run.kind == RunKind.DRY_RUN else "Run the command again"
        return f"{again}." if not _away(error) else f"{again} when Intercom and the network are well."
    if exit_code == 7 and not _away(error):
        return "Nothing is lost: resume the run."
    return _HINTS.get(exit_code, "")


def _away(error: BaseException) -> bool:
    """Whether Intercom or the network is to blame, and not a deadline, a person, or an updater's own wish."""
    return isinstance(error, ServiceUnavailable) or not isinstance(error, RunStopped | KeyboardInterrupt)


def _not_as_wanted(run: RunRecord | None) -> str:
    """What helps when Intercom accepted a change and an item is not so: no verb takes up what is done a second time."""
    if run is None:
        return ""
    if run.kind == RunKind.UNDO:
        again = " ".join([f"intercom-bulk undo {run.parent}", *consent_flags(run.totals.get("undo_needs") or ())])
        return f"Look at them in Intercom. `{again}` restores once more what nobody has touched since."
    cls = declared(run.operation)
    writes = any(is_message(name) and value for name, value in run.parameters.items())
    if (cls and cls.appends) or writes or run.selection.get("updater"):
        return "Look at them in Intercom before anything is done again: once more may be once too often."
    return (
        f"Look at some in Intercom. The same verb with --from-run {run.id} --outcome done does them again and leaves alone "
        "what is in the requested state."
    )
