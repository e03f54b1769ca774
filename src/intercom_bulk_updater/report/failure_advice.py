"""The remedies: what each kind of failure asks of a person. From top to bottom; the first match wins.

The same status means different things at different endpoints, and the same code too; so a row may look at
the status, the code, the message and the cause.
Codes: https://developers.intercom.com/docs/references/rest-api/errors/error-codes
"""

from __future__ import annotations

from dataclasses import dataclass

from intercom_bulk_updater.operations.endings import CannotApply


@dataclass(frozen=True, slots=True)
class Remedy:
    """One row: what must be so (an empty pattern takes everything), and what to do then.

    `status` is a regular expression over the whole HTTP status ("0" when there was no answer), the others
    over any part of their text, case ignored. `{name}` in the advice is a named group of a pattern,
    `{go_on}` what continues: "resume" where there is a run, `{retry}` what tries these items again, `{run}` the run.
    """

    advice: str
    status: str = ""
    code: str = ""
    message: str = ""
    cause: str = ""
    retry: bool = True
    """Whether trying the same again can end otherwise, at once or after what the advice asks for; see `may_succeed`."""
    in_request: bool = False
    """What is wrong is the request: a verb sends the same again, and a person's own code can be corrected."""


REMEDIES: tuple[Remedy, ...] = (
    # Nothing was sent: the verb cannot be done to the item.
    Remedy(
        "The verb cannot be done to these, as each says; nothing was sent to them. Leave them out.",
        cause=f"^{CannotApply.cause}$",
        retry=False,
    ),
    # No answer of Intercom's: judged by the cause alone.
    Remedy(
        "The action returned None, False or the like, which means failed: make it return the answer (any dict) "
        "when it has succeeded, or raise an error that says why it has not.",
        cause="ActionReturnedNone|returned None|^(perform|undo)_action returned",
    ),
    Remedy(
        "The run ended while the request was under way. Resume the run: it looks whether the change stands before anything is done again.",
        status="0",
        cause="^interrupted",
    ),
    Remedy(
        "No answer came within the timeout. If it happens often, raise --timeout, then {retry}.",
        status="0",
        cause="^timeout|Timeout",
    ),
    Remedy(
        "The connection broke after the request had left. Check the network, then {retry}; each is read first, so nothing is done twice.",
        status="0",
        cause="^connection lost",
    ),
    Remedy(
        "No connection could be made, and nothing was sent. Check the network, the proxy and INTERCOM_BASE_URL, then {retry}.",
        status="0",
        cause="^no connection",
    ),
    Remedy(
        "The answer was empty, cut off or not JSON: usually a proxy or a maintenance page in "
        "between. Check INTERCOM_BASE_URL, then {retry}.",
        status="0",
        cause="^unusable answer",
    ),
    # Not Intercom's own answer, whatever its status.
    Remedy(
        "Intercom did not write this answer: a firewall or a proxy did, or another server. Look at its text, or where it leads, and "
        "check the network's rules, HTTPS_PROXY and INTERCOM_BASE_URL; then {go_on}.",
        code="^not_from_intercom$",
    ),
    Remedy(
        "Intercom accepted the request, and the item is as it was before. Look at it in the inbox: a workflow may put it back, "
        "or the admin may not be allowed to change it.",
        status="0",
        cause="^no effect",
    ),
    # The token and its permissions.
    Remedy(
        "The token was revoked or suspended: create a new one in the Developer Hub (Configure > "
        "Authentication), put it in INTERCOM_ACCESS_TOKEN, and {go_on}.",
        status="401",
        code="token_(revoked|suspended|not_found)",
    ),
    Remedy(
        "Intercom rejects the token: check INTERCOM_ACCESS_TOKEN, and that INTERCOM_REGION is the workspace's region; then {go_on}.",
        status="401",
    ),
    Remedy(
        "The token lacks the scope {scope}: add it to the app in the Developer Hub (Configure > Authentication), then {go_on}.",
        status="403",
        message=r"required scopes? \(?(?P<scope>[\w, ]+?)\)?(?: to |\.|$)",
    ),
    Remedy(
        "The workspace's plan does not include this: ask who looks after the subscription, or leave these items out.",
        status="402|403",
        code="api_plan_restricted",
    ),
    Remedy(
        "The workspace's plan does not include this: ask who looks after the subscription.",
        status="402",
    ),
    Remedy(
        "The token, or the admin in whose name it writes, may not do this: check the app's scopes"
        " in the Developer Hub and the admin's permissions in Settings > Teammates.",
        status="403",
    ),
    # Limits: three meanings under one status.
    Remedy(
        "Intercom allows {jobs} at a time: wait until the one that is running is done, then {retry}.",
        status="429",
        message=r"rate limit of (?P<jobs>\d+ pending [\w ]*jobs)",
    ),
    Remedy(
        "Intercom was overloaded for this resource, which is not the rate limit. Retry these later, with fewer --workers.",
        status="429",
        code="too_many_requests",
    ),
    Remedy(
        "The rate limit was used up, by this run or by another app of the workspace. Retry these; --share 80% leaves room for the others.",
        status="429",
    ),
    # Things that are not there, or not there any more.
    Remedy(
        "This contact was merged into another one, and now lives under that one's id. Take that id, or leave it out.",
        status="410|404",
        code="contact_merged",
        retry=False,
    ),
    Remedy(
        "It is gone for good: it was deleted or merged. Leave it out.",
        status="410",
        retry=False,
    ),
    Remedy(
        "The tag does not exist, or is not on this item: check it with its id.",
        status="404",
        code="tag_not_found",
        retry=False,
    ),
    Remedy(
        "There is no such assignee: check --to-team or --to-admin.",
        status="404",
        code="assignee_not_found",
        retry=False,
    ),
    Remedy(
        "There is no such admin in whose name it is done: check INTERCOM_ADMIN_ID.",
        status="404",
        code="admin_not_found",
    ),
    Remedy(
        "There is no such company: check its id (Intercom's id, not company_id).",
        status="404",
        code="company_not_found",
        retry=False,
    ),
    Remedy(
        "There is no such ticket. If it is the number that the inbox shows: that is not the id, and the filter number = 42 finds by it.",
        status="404",
        code="ticket_not_found",
        retry=False,
    ),
    Remedy(
        "Intercom answered that it does not exist, and reading it shows that it does: either the answer was untrue, or what it is "
        "to be given or to lose (a tag, a company, an admin) does not exist. Check that, then {retry}.",
        status="404",
        cause="the item is there$",
    ),
    Remedy(
        "There is no such contact any more, or it is an external_id where Intercom's id is needed. Leave it out.",
        status="404",
        message="user not found|contact not found",
        retry=False,
    ),
    Remedy(
        "It does not exist any more (deleted or merged since it was found), or the id is of "
        "another kind or another workspace (of a ticket: the number that the inbox shows is no id, and the filter number = 42 "
        "finds by it). Nothing to be done about it; leave it out with --exclude.",
        status="404",
        retry=False,
    ),
    # Conflicts and refusals of one item.
    Remedy(
        "A conversation has one tracker ticket at most: unlink it from that one first, with tickets unlink.",
        code="already_linked_to_tracker",
        retry=False,
    ),
    Remedy(
        "Another contact already has this e-mail address or external_id (it may be archived): set the other one, or merge the two.",
        status="409",
        message="already exists",
        retry=False,
    ),
    Remedy(
        "It conflicts with what is there already, so repeating it will not help: look at the item, then decide.",
        status="409",
        retry=False,
    ),
    Remedy(
        "It has already been merged: nothing is left to be done.",
        code="merge_failed",
        message="already been merged",
        retry=False,
    ),
    Remedy(
        "A conversation cannot be merged into itself: correct --into.",
        code="merge_failed",
        message="into itself",
        retry=False,
    ),
    Remedy(
        "One of the two of this merge does not exist any more: check the id given with --into.",
        code="merge_failed",
        message="not found",
        retry=False,
    ),
    Remedy(
        "Intercom will not merge these two: look at both in the inbox.",
        code="merge_failed",
        retry=False,
    ),
    Remedy(
        "Intercom merges only contacts that are duplicates (the same e-mail address or phone number), a lead into a user. "
        "--skip-duplicate-validation merges them all the same.",
        code="invalid_merge",
        retry=False,
    ),
    Remedy(
        "The last person of a conversation cannot be removed: add another first.",
        message="removing the last customer",
        retry=False,
    ),
    Remedy(
        "This part cannot be redacted: it has no text, or no contact wrote it.",
        code="conversation_part_not_redactable",
        retry=False,
    ),
    Remedy(
        "Two attributes of the workspace have the same name: archive one of them in Settings > Data, then {retry}.",
        status="400",
        code="^INVALID_PARAMETER$",
    ),
    Remedy(
        "A contact belongs to at most 1,000 companies: detach one first.",
        code="contact_company_limit_exceeded",
    ),
    Remedy(
        "This state does not belong to the ticket's type: see the type's states in Settings.",
        code="ticket_state_id_invalid",
        retry=False,
    ),
    Remedy(
        "Customers cannot be answered on a back-office ticket: use a note.",
        code="parameter_mismatch",
        message="backoffice",
        retry=False,
    ),
    Remedy(
        "Only a customer ticket type will do here: check --ticket-type.",
        message="not a customer ticket type",
        retry=False,
    ),
    Remedy(
        "The workspace has no room for another attribute: archive one that is not used.",
        code="custom_data_limit_reached",
    ),
    Remedy(
        "The tag is used by other things (segments, rules): remove it there first.",
        code="tag_has_dependent_objects",
    ),
    Remedy(
        "This version of the API does not know this request: leave INTERCOM_API_VERSION at its default.",
        code="intercom_version_invalid",
        retry=False,
    ),
    Remedy(
        "A value is missing or not of the wanted kind, or names an attribute or option that the "
        "workspace does not have: check the parameters against the workspace's settings, and run the command with the right ones "
        "and --from-run {run} in place of its selection.",
        status="400|422",
        retry=False,
        in_request=True,
    ),
    Remedy(
        "The request itself is wrong (method, media type or kind of admin), for every item alike:"
        " this wants a correction in the updater, or a bug report.",
        status="405|406|415",
        retry=False,
        in_request=True,
    ),
    # Intercom's own problems.
    Remedy(
        "Intercom took too long, and the change may come late. Resume or retry: each item is read before it is done again.",
        status="408|504",
    ),
    Remedy(
        "Intercom had a problem of its own, more often than --retries allows. Retry these later; "
        "https://www.intercomstatus.com says whether it knows.",
        status="5..",
    ),
    # The updater's own exceptions: their class is the cause.
    Remedy(
        "The updater's own code raised {what}: correct it, try it on one item with --limit 1, then {retry}.",
        status="0",
        cause=r"^(?P<what>[A-Z]\w*)$",
    ),
)
