"""`--where`: a filter as people write it, compiled to the query that Intercom searches by.

state = open and team = Support and idle > 30d
(tag = incident or body = outage) and created >= 2026-01-31
assignee in (ann@example.com, 'Bob Stone') and not priority = urgent
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.parsing.dates import describe
from intercom_bulk_updater.parsing.finite import endless
from intercom_bulk_updater.search.language.compiler import Attributes, Context, Resolve, Resolved
from intercom_bulk_updater.search.language.explain import explain
from intercom_bulk_updater.search.language.fields import RESOURCES, whole_days
from intercom_bulk_updater.search.language.fields import resource as _resource
from intercom_bulk_updater.search.language.matching import decides, is_checkable, matches, surely_matches
from intercom_bulk_updater.search.language.parser import QUOTES, Parser
from intercom_bulk_updater.search.language.query_tree import checked_query, leaves, to_query

__all__ = [
    "Judge", "Resolve", "Resolved", "compile_where", "decides", "explain", "hints", "judge_of", "matches", "refuse_milliseconds",
    "refuse_unknown_fields", "validate_query",
]


_MILLISECONDS = 10**11
"""Unix seconds beyond this are in the year 5138."""
_RECENT = re.compile(r"([\w.]+)\s*>=?\s*([0-9]+[smhdw])\b")


def compile_where(
    text: str,
    resource: str,
    *,
    resolve: Resolve | None = None,
    now: float,
    timezone: str = "UTC",
    api_version: str = "2.16",
    attributes: Attributes | None = None,
    contacts: Callable[[str], Sequence[Resolved]] | None = None,
    states: Callable[[str], Sequence[Resolved]] | None = None,
) -> dict[str, Any]:
    """The query of a filter: `{"operator": "AND", "value": [{"field", "operator", "value"}, ...]}`.

    Parameters
    ----------
    text:
        The filter; the grammar is in parser.py, for people in docs/howto/choose-items.md.
    resource:
        "conversations", "contacts", "tickets", or "companies" (which only the Preview version can search).
    resolve:
        Turns names of teams, admins, tags ... into ids. Without it only ids are taken.
    now:
        Unix seconds that `30d`, `today` and `idle` are counted from.
    timezone:
        The workspace's, in which days begin.

    attributes:
        Gives the custom attributes of a resource, whose types decide what a value is. Without it a value is guessed:
        digits are a number.
    contacts:
        Gives the contacts that an e-mail address or an external id stands for. Without it only their ids are taken.
    states:
        Gives the ticket states of that name or id. Without it only their categories are known.

    A day (`2026-01-31`, `today`) is the whole day: `created > 2026-01-31` begins with 1 February, everywhere.
    The result always is a group, within Intercom's limits. Raises UsageError, with the place in the text.
    """
    context = Context(_resource(resource, api_version), resolve, now, timezone, whole_days(api_version), attributes, contacts, states)
    return to_query(Parser(text, context).read())


def validate_query(body: Mapping[str, Any], resource: str, api_version: str = "2.16") -> dict[str, Any]:
    """The query in a raw body: the bare query, or a whole search body with its "query".

    Fields are left to Intercom to judge (most of the model can be searched), but for what the documentation
    calls an error on contact dates and tags. Raises UsageError.
    """
    table = _resource(resource, api_version)
    query = checked_query(body)
    if endless(query):
        raise UsageError("The query holds a number that has no end or is none (inf, nan), which JSON does not have.")
    refuse_milliseconds(query, resource)
    for leaf in leaves(query):
        field = table.find(leaf["field"])
        if field is not None and field.type in ("day", "tag") and leaf["operator"] not in field.operators:
            allowed = " ".join(field.operators)
            raise UsageError(f"Intercom takes only {allowed} on {field.name}, not {leaf['operator']}.")
    return query


def refuse_unknown_fields(query: Mapping[str, Any], resource: str, api_version: str = "2.16") -> None:
    """Raise UsageError for a field that is not known here, where nobody else could judge it."""
    table = _resource(resource, api_version)
    for leaf in leaves(query.get("query", query)):
        if table.find(str(leaf["field"])) is None:
            table.term(str(leaf["field"]))
            raise UsageError(f"{leaf['field']} is a word of filters; in a query write Intercom's own name of the field.")


def refuse_milliseconds(query: Any, resource: str) -> None:
    """Raise UsageError for a time in milliseconds: Intercom counts seconds, and such a limit lets everything through, or nothing."""
    if resource not in RESOURCES or not isinstance(query, Mapping):
        return
    if "field" not in query:
        for part in (query.get("query"), *(found if isinstance(found := query.get("value"), list) else ())):
            refuse_milliseconds(part, resource)
        return
    field = _resource(resource).find(str(query["field"]))
    if field is None or field.type not in ("date", "day"):
        return
    value = query.get("value")
    for one in value if isinstance(value, list) else [value]:
        at = int(one) if isinstance(one, str) and re.fullmatch(r" *[0-9]{12,18} *", one) else one
        if isinstance(at, int | float) and abs(at) >= _MILLISECONDS:
            seconds = int(at) // 1000
            raise UsageError(
                f"{query['field']} {query.get('operator')} {one} looks like milliseconds; Intercom counts seconds. "
                f"{seconds} is {describe(seconds)}: write that, if it is what you mean."
            )


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges by a query whether items, as Intercom shows them, match. `query`: None where no item can be judged."""

    query: Mapping[str, Any] | None
    resource: str
    timezone: str
    api_version: str

    def __call__(self, item: Mapping[str, Any]) -> bool | None:
        """Whether an item surely matches (True) or contradicts (False) the query; None where that is not sure."""
        if self.query is None:
            return None
        try:
            return surely_matches(self.query, item, self.resource, timezone=self.timezone, api_version=self.api_version)
        except (UsageError, TypeError, ValueError, AttributeError):
            return None  # an item of an odd shape, a value of an odd type: nothing is sure

    def checks(self, item: Mapping[str, Any]) -> bool:
        """Whether it would be noticed that this item does not match."""
        try:
            return self.query is not None and is_checkable(self.query, item, self.resource, api_version=self.api_version)
        except (UsageError, TypeError, ValueError, AttributeError):
            return False


def judge_of(query: Mapping[str, Any], resource: str, *, timezone: str, api_version: str) -> Judge:
    """The judge of a query; of one that is not understood, one that is never sure."""
    try:
        body = checked_query(query)
        _resource(resource, api_version)
    except UsageError:
        return Judge(None, resource, timezone, api_version)
    return Judge(body, resource, timezone, api_version)


def hints(text: str) -> list[str]:
    """Advice on a filter that was understood all the same, for stderr."""
    found: list[str] = []
    curly = sorted({sign for sign in text if sign in QUOTES and sign not in "'\""})
    if curly:
        found.append(f"The filter has typographic quotes ({' '.join(curly)}), taken as plain ones (' or \").")
    for name, length in _RECENT.findall(text):
        if not name.startswith(("idle", "age", "waiting", "unseen", "statistics.")):
            found.append(f"{name} > {length} means within the last {length}; for longer ago write {name} < {length}.")
    return found
