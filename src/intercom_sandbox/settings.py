"""Every setting and switch of the sandbox: one dataclass, each field with its default, choices and meaning.

`docs/reference/sandbox.md` is written from it, and the control endpoint checks values against it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from zoneinfo import ZoneInfo

from intercom_sandbox.chance import seed_and_rate
from intercom_sandbox.faults import Faults


def setting(
    default: Any,
    doc: str,
    *,
    choices: tuple[str, ...] = (),
    at_start: bool = False,
    low: float | None = 0,
    high: float | None = None,
) -> Any:
    """One field of `Settings`: `doc` is for people; `at_start` marks what a running sandbox cannot change.

    `low` and `high` bound a number; `low=None` lets it be negative.
    """
    metadata = {"doc": doc, "choices": choices, "at_start": at_start, "low": low, "high": high}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class Settings:
    """What a sandbox is told at its start or, but for the `at_start` fields, while it runs."""

    # The seed
    conversations: int = setting(500, "Conversations seeded.", at_start=True)
    contacts: int = setting(0, "Contacts seeded; 0: one for five conversations, 60 to 20,000.", at_start=True)
    companies: int = setting(0, "Companies seeded; 0: one for twenty contacts, at least 12.", at_start=True)
    tickets: int = setting(0, "Tickets seeded; 0: one for ten conversations, 20 to 5,000.", at_start=True)
    seed: int = setting(7, "The same seed gives the same workspace and the same faults.", at_start=True, low=None)
    epoch: int = setting(
        0,
        "Unix second that the seeded dates are counted back from; 0: the start of the current hour.",
        at_start=True,
    )
    token: str = setting("sandbox-token", "Bearer token of the app under test.", at_start=True)
    other_tokens: list[str] = setting(  # noqa: RUF009
        [], "Tokens of further apps of the same workspace, each with an app limit of its own."
    )
    region: str = setting("US", "Region that `GET /me` names.", choices=("US", "EU", "AU"))
    timezone: str = setting("America/Los_Angeles", "Time zone of the workspace; contact dates are its days.")

    # The limit
    limit: int = setting(1667, "Calls that one app may make in a window.")
    workspace_limit: int = setting(4167, "Calls that all apps of the workspace may make in a window.")
    window: float = setting(10.0, "Length of a window, s. Windows are aligned to the wall clock.", low=0.01)
    phase: float = setting(0.0, "Shift of the window's boundaries, s.", low=None)
    clock_skew: float = setting(0.0, "How far the server's clock (Date, Reset, windows) is ahead of ours, s.", low=None)
    headers: str = setting("always", "Whether X-RateLimit headers are sent.", choices=("always", "never"))
    headers_missing_share: float = setting(0.0, "Share of replies without X-RateLimit headers, 0 to 1.", high=1)
    remaining_off_by: int = setting(0, "Added to X-RateLimit-Remaining.", low=None)
    retry_after: bool = setting(False, "Whether a 429 carries Retry-After (Intercom documents none).")
    competitor_share: float = setting(0.0, "Another user of the same budget, who wants this share of the limit.")
    competitor_pace: str = setting(
        "varying",
        "Whether the competitor's rate is redrawn each 0.7 s from 0 to `competitor_share`, or is always that.",
        choices=("varying", "steady"),
    )
    competitor_scope: str = setting(
        "app",
        "Whether the competitor spends from the app's budget or only from the workspace's.",
        choices=("app", "workspace"),
    )

    # Time on the wire
    latency: float = setting(0.0, "Mean time to answer, s.")
    jitter: float = setting(0.0, "Half width of the uniform spread around `latency`, s.")
    idle_seconds: float = setting(
        0.0, "Silence after which a kept connection is closed, s; 0: never. For connections opened from then on."
    )

    # Search
    index_lag: float = setting(0.0, "Time until a write of a conversation or ticket shows in searches, s; GET shows it at once.")
    contact_lag: float = setting(0.0, "The same for contacts.")
    hide_share: float = setting(0.0, "Share of the matching conversations that searches do not show at first.", high=1)
    hide_until: str = setting(
        "pass",
        "When hidden items appear: once a walk to the last page of that query is over and it begins again "
        "(pass), at the second search without cursor (search), after `hide_seconds` (seconds).",
        choices=("pass", "search", "seconds"),
    )
    hide_seconds: float = setting(5.0, "For hide_until=seconds: time from the first search of that query, s.")
    default_order: str = setting(
        "updated_at desc",
        "Order of searches that name none.",
        choices=("updated_at desc", "updated_at asc", "created_at desc", "id asc"),
    )
    sort: str = setting(
        "honoured",
        "What `sort` does on conversations and tickets.",
        choices=("honoured", "ignored", "rejected"),
    )
    cursor: str = setting(
        "keyset",
        "keyset: nothing drifts; repeat: after `repeat_after` pages the cursor of the first comes again, "
        "without end; offset: page numbers, so that writes shift the pages; shuffled: in no order asked for.",
        choices=("keyset", "repeat", "offset", "shuffled"),
    )
    repeat_after: int = setting(2, "For cursor=repeat: pages before the cursor repeats.")
    per_page_over_max: str = setting("clamp", "per_page above the maximum: cut to it, or 400.", choices=("clamp", "reject"))
    count_error: int = setting(0, "Added to every `total_count`.", low=None)
    fail_page: int = setting(0, "Number of the search page that answers 500; 0: none.")
    fail_page_times: int = setting(1, "How often that page fails; -1: always.", low=None)
    int_filters: str = setting(
        "lenient",
        "Whether integer and date fields accept a string of digits.",
        choices=("lenient", "strict"),
    )
    inclusive_order: bool = setting(False, "Whether > and < on numbers and dates include equality.")
    in_list_max: int = setting(0, "Longest list for IN and NIN; 0: no maximum (none is documented).")
    search_error_code: str = setting("parameter_invalid", "Error code of a wrong field, operator or type (400).")
    custom_attribute_search: bool = setting(True, "Whether conversation searches know custom_attributes.*.")
    deep_paging_cap: int = setting(0, "Items after which a cursor search answers 400; 0: no cap (none is documented).")
    search_lacks: list[str] = setting(  # noqa: RUF009
        [], "Fields that conversations lack in searches and lists, e.g. state; GET shows them."
    )
    untagged_matches_not: bool = setting(True, "Whether != and NIN match items where the field is empty.")
    undated_share: float = setting(0.0, "Share of the items whose created_at searches do not see: an order finds none of them.", high=1)
    less_than_matches_null: bool = setting(False, "Whether < on a date matches items where the date is empty.")

    # What a write does
    repeat_close: str = setting(
        "part",
        "Closing what is closed (likewise open, snooze): 200 and one more part, 200 and nothing, or 400.",
        choices=("part", "noop", "error"),
    )
    write_answers: str = setting(
        "whole",
        "What a change of a conversation's state, assignee or fields answers with: the whole conversation, nothing but "
        "its type and id (minimal), or the conversation as it was before the write (stale). ignored: 200, the conversation, "
        "and no change of its state or assignee.",
        choices=("whole", "minimal", "stale", "ignored"),
    )
    snooze_past: str = setting(
        "error",
        "Snoozing until a moment that has passed: 400, or it opens at once.",
        choices=("error", "opens"),
    )
    second_delete: str = setting("404", "Deleting a conversation, ticket or contact that is deleted.", choices=("404", "200"))
    untag_missing: str = setting("404", "Removing a tag that the item does not have.", choices=("404", "200"))
    tag_bumps_updated_at: bool = setting(True, "Whether tagging a conversation moves its updated_at.")
    team_assign_clears_admin: bool = setting(False, "Whether assigning a team takes the admin away.")
    unknown_attribute: str = setting("error", "Writing a custom attribute that does not exist.", choices=("error", "ignore", "create"))
    empty_text: str = setting("clears", "Writing an empty e-mail address, external id or name of a contact.", choices=("clears", "error"))
    ticket_tags: str = setting(
        "absent", "Whether a ticket shows its tags: the contract has none in it.", choices=("absent", "shown")
    )
    ticket_list_values: str = setting(
        "id", "What a ticket shows of an attribute that is a list: the id of the entry, as it is written, or what it is called.",
        choices=("id", "label"),
    )
    ticket_unassign: str = setting(
        "both", "Whom assignee_id=0 takes off a ticket: the team too, or the admin alone.", choices=("both", "admin")
    )
    ticket_reply_wakes: bool = setting(True, "Whether a comment or note of an admin ends the snooze of a ticket.")
    convert_again: str = setting("error", "Converting a conversation that is a ticket already.", choices=("error", "same"))
    redact_again: str = setting("200", "Redacting what is redacted.", choices=("200", "error"))
    archive_again: str = setting("200", "Archiving or blocking a contact that is so.", choices=("200", "404"))
    archived_in_search: bool = setting(False, "Whether contact searches and lists show archived contacts.")
    merged_contact: str = setting("410", "GET of a contact that was merged away.", choices=("410", "404"))
    tags_max: int = setting(50, "Users or companies in one POST /tags; 0: no maximum.")
    bulk_max: int = setting(100, "Items in one native bulk call (Preview).")
    job_seconds: float = setting(0.3, "Time until an asynchronous job or company delete is done, s.")
    attached_companies_key: str = setting(
        "both",
        "Where GET /contacts/{id}/companies has its list: the contract's schema says companies, its example data.",
        choices=("both", "companies", "data"),
    )
    customers_answer: str = setting(
        "example",
        "What attaching and detaching a contact of a conversation answers with: its customers, as the contract's example, or the "
        "conversation, as its schema.",
        choices=("example", "schema"),
    )
    reply_manages: str = setting(
        "by_version",
        "Whether POST /conversations/{id}/reply also closes, opens, assigns and snoozes; by_version: in API 1.x, which documents it.",
        choices=("by_version", "always", "never"),
    )
    company_lookup: str = setting(
        "by_version",
        "What GET /companies?company_id= (or name=) answers with: the company or a list; by_version: the company before 2.7.",
        choices=("by_version", "object", "list"),
    )
    scroll_param_at_end: bool = setting(True, "Whether the empty last page of companies/scroll has a scroll_param.")
    scroll_seconds: float = setting(60.0, "Idle time after which a companies scroll ends, s.")
    companies_cap: int = setting(10_000, "Companies that page-numbered lists reach; beyond it they are empty.")

    # Who may
    basic_auth: bool = setting(True, "Whether the token is also accepted as the user name of Basic authentication.")
    token_state: str = setting("valid", "What becomes of the token.", choices=("valid", "revoked", "suspended", "unauthorized"))
    missing_scopes: list[str] = setting(  # noqa: RUF009
        [], "Scopes that the token lacks, e.g. write_conversations: 403 forbidden."
    )
    default_version: str = setting("2.16", "API version of requests that send no Intercom-Version.")

    # What goes wrong
    faults: list[str] = setting(  # noqa: RUF009
        [], "Faults from the start, each `kind field=value ...` or JSON, e.g. `outage on=write after=10 lasts=20`; replaces those in force."
    )
    mutate: str = setting(
        "", "SEED or SEED,RATE: spoils that share (default 1) of the answers at random: fields, types, lists, status, headers. What "
        "was asked for is done. The same seed spoils the same answer to the same request in the same way."
    )  # fmt: skip
    mutate_on: str = setting("", "Which answers `mutate` spoils: of look, search, write, names, separated by commas; empty: all.")

    # Bookkeeping
    log_size: int = setting(1000, "Requests that `GET /_sandbox/log` keeps.")
    max_parts: int = setting(500, "Newest parts that a conversation answers with.")

    def update(self, values: dict[str, Any], *, starting: bool = False) -> None:
        """Set fields by name, each checked against its type and choices.

        Raises ValueError with one sentence that names the field.
        """
        known = {item.name: item for item in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}; the sandbox knows {', '.join(sorted(known))}")
            item = known[name]
            if item.metadata["at_start"] and not starting:
                raise ValueError(f"{name} is fixed when the sandbox starts")
            setattr(self, name, _checked(name, value, getattr(self, name), item.metadata))


def _checked(name: str, value: Any, like: Any, metadata: Mapping[str, Any]) -> Any:
    if isinstance(like, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {value!r}")
        return value
    if isinstance(like, int | float):
        return _checked_number(name, value, like, metadata)
    if isinstance(like, list):
        if not isinstance(value, list | tuple):
            raise ValueError(f"{name} must be a list, not {value!r}")
        texts = [json.dumps(entry) if isinstance(entry, dict) else str(entry) for entry in value]
        if name == "faults":
            Faults(0, texts)
        return texts
    return _checked_text(name, value, metadata)


def _checked_number(name: str, value: Any, like: float, metadata: Mapping[str, Any]) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number, not {value!r}")
    low, high = metadata["low"], metadata["high"]
    if low is not None and value < low:
        raise ValueError(f"{name} must be at least {low}, not {value!r}")
    if high is not None and value > high:
        raise ValueError(f"{name} must be at most {high}, not {value!r}")
    return float(value) if isinstance(like, float) else int(value)


def _checked_text(name: str, value: Any, metadata: Mapping[str, Any]) -> str:
    text = str(value)
    if name == "mutate":
        seed_and_rate(text)
    choices = metadata["choices"]
    if choices and text not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    if name == "timezone":
        try:
            ZoneInfo(text)
        except (ValueError, OSError, KeyError):  # KeyError: ZoneInfoNotFoundError
            raise ValueError(f"timezone must be a name such as Europe/Dublin, not {value!r}") from None
    return text
