"""The page `docs/reference/sandbox.md`, written from the settings and faults themselves.

python -m intercom_sandbox.reference > docs/reference/sandbox.md
"""

from __future__ import annotations

import sys
from dataclasses import MISSING, Field, fields
from typing import Any

from intercom_sandbox.error_bodies import SHAPES
from intercom_sandbox.faults import KINDS, Rule
from intercom_sandbox.routes import ROUTES
from intercom_sandbox.settings import Settings

HEAD = """\
# The sandbox

A small Intercom on loopback: the same endpoints, errors, limits and delays, and faults on order. It never talks
to anything but the machine it runs on. What the real API does in a case that no source documents is a switch here;
a client that is right must be right in every position.

This page is written from the code: `python -m intercom_sandbox.reference > docs/reference/sandbox.md`.

## Settings

Given at the start (`running(limit=83)`, `python -m intercom_sandbox --limit 83`) or, but for those
marked *at start*, while it runs (`box.control(limit=83)`, `POST /_sandbox/settings`).
"""

SEED = """\
## The seed

The same `seed` and `epoch` give the same workspace `sandbox1`. Team 5001 "Support" holds about 60 % of the
conversations; about 55 % of them are open, 35 % closed, 10 % snoozed. Of the other conversations about 30 % are
open, 60 % closed, 10 % snoozed. Teams: 5001 Support, 5002 Billing, 5003 Onboarding, 5004 VIP desk, 5005 Night shift.
Tags 7001 to 7012 (7001 vip, 7004 incident, 7005 stale). The token's own admin is 991267700 "Ops Bot". Ticket types:
101 Bug report (Customer), 102 Internal task (Back-office), 103 Incident (Tracker). Dates lie in the 400 days before
the epoch.
"""

RECIPES = (
    ("Done, and the answer is lost", "drop_after on=write count=3"),
    ("Lost before anything is done", "drop_before on=write count=3"),
    ("Done, and answered with an error", "error_after status=502 on=write"),
    ("An answer later than the client waits", "slow seconds=40 path=/parts$"),
    ("Answered 200 with a list, a string, a number, null", "wrong value=[] on=look"),
    ("A field of the wrong type", "fields 'set={\"conversation_parts\": null}' on=look,write"),
    ("A field that is missing", "fields drop=state,conversation_parts.total_count on=look"),
    ("JSON nested 100,000 deep, after a note was written", "nested path=/reply$"),
    ("An answer of one byte a second", "drip seconds=1 on=search count=1"),
    ("A body without end", "endless on=search"),
    ("A small body that unpacks to 1 GiB", "bomb size=1073741824 on=look"),
    ("Half a body", "truncated on=write share=0.1"),
    ("Redirected, with a body that looks like success", "redirect status=307 plausible=true on=write"),
    ("Connection cut, and done five seconds later", "drop_before commit=after seconds=5 on=write count=1"),
    ("Redirected after it was done", "redirect commit=before on=write count=1"),
    ("Another error body", "status status=422 shape=mapping on=write"),
    ("A firewall's page", "status status=403 shape=html"),
    ("Two errors, bytes that are not UTF-8", "status status=400 shape=invalid_utf8 path=/search$"),
    ("Away for 20 s from the tenth write on, asking to wait", "outage on=write after=9 lasts=20 retry_after=left"),
    ("The same with an HTTP date, as 429", "outage on=write lasts=20 status=429 retry_after=date"),
    ("Away from the fifth second on, without a word about when", "outage at=5 lasts=60 status=502"),
    ("The port closed for 30 s", "outage on=write after=9 lasts=30 how=refused"),
    ("Connections reset for 30 s, in searches only", "outage on=search only_matching=true lasts=30 how=reset"),
    ("The walk ends early, without `pages`", "no_pages on=search after=1 count=1"),
    ("An empty second page", "empty_page on=search after=1 count=1"),
    ("More announced than shown", "announced extra=131 on=search"),
    ("The filter ignored", "unfiltered on=search"),
    ("A malformed entry: null, without id, an id of another type", "malformed entry=no_id nth=10 on=search"),
    ("One item in twenty forbidden, always the same", "status status=403 every_id=20 on=look,write"),
    ("These items gone", "status status=404 ids=215470000000024,215470000000030"),
    ("The token repeated in an error", "echo status=400 on=write where=code,request_id"),
    ("The token repeated in names and headers", "token on=names"),
    ("Names with escape sequences, formulas, 10,000 letters", "hostile on=names,search"),
    ("Ids that are paths", "hostile where=ids nth=20 on=search"),
    ("Written, says the answer; nothing is", "rolled_back on=write share=0.1"),
    ("Answered 200, and nothing changed", "ignored on=write share=0.1"),
    ("Overloaded for a moment", "overload retry_after=2 on=write share=0.2"),
)
SWITCHES = (
    ("A cursor that repeats", "`cursor=repeat`"),
    ("A clock that is ahead", "`clock_skew=90`"),
    ("A search that lags behind, hides items", "`index_lag=5`, `hide_share=0.1`"),
    ("A page of a search that fails", "`fail_page=2`"),
    ("A scope that is missing, a token that is revoked", "`missing_scopes=[\"write_conversations\"]`, `token_state=revoked`"),
    ("Everything, at random", "`mutate=7,0.05`, perhaps with `mutate_on=look,write`"),
)
ORDERING = """\
Order a fault in one of four ways; all know the same kinds and fields:

- `box.fault("outage", on="write", after=9, lasts=20, retry_after="left")`, while it runs;
- `running(faults=["outage on=write after=9 lasts=20 retry_after=left"])`, at the start, or `box.control(faults=[...])`
  in the place of all that are in force;
- `@pytest.mark.intercom_sandbox(faults=[...])`, for the fixture;
- `intercom-bulk sandbox --fault "outage on=write ..."` and `python -m intercom_sandbox --faults "outage on=write ..."`, once for each.

Faults of the kinds fields, no_pages, empty_page, announced, unfiltered, malformed, hostile and token change the true
answer, and all that fire apply. Of the others the first that fires wins. `box.faults()` shows how often each matched and fired.
"""

CONTROL = """\
## The control endpoint

Everything under `/_sandbox` needs no token and spends no budget. `Sandbox` has a method for each.

| Request | Method | What it does |
|---|---|---|
| GET `/_sandbox/settings`, POST `/_sandbox/settings` | `control(**settings)` | Shows, changes settings. |
| GET `/_sandbox/stats` | `stats()` | Requests by route and status, connections, windows, the audit. |
| GET `/_sandbox/audit`, `/_sandbox/audit/{resource}` | `audit()`, `audit("contacts")` | Per kind of write: how many items got none, \
one, more; repeated replies and notes. Of all resources, or of conversations, contacts, companies or tickets alone. |
| POST `/_sandbox/reset` | `reset_stats()`, `reset()` | Forgets what was counted; `reset()` starts anew with the seed. |
| POST `/_sandbox/touch` | `touch(ids, kind, **more)` | Another admin acts on conversations. |
| POST `/_sandbox/seed` | `add_conversations(count, **fields)` | Adds conversations. |
| GET `/_sandbox/conversations?team=&state=&tag=` | `conversations(**filters)` | Ids and states, never lagging. |
| GET `/_sandbox/conversations/{id}` | `conversation(id)` | A conversation with all its parts. |
| GET `/_sandbox/contacts`, `companies`, `tickets` and each with `/{id}` | `contacts(**filters)`, `contact(id)`, `companies(**filters)`, \
`company(id)`, `tickets(**filters)`, `ticket(id)` | The same for these; filters are the names of what is shown: \
`contacts(role="lead", tag=7001)`. |
| GET `/_sandbox/tags`, `teams`, `admins` | `tags()`, `teams()`, `admins()` | Ids and names. |
| GET `/_sandbox/log?last=100` | `log(last)` | The newest requests; status 0: the connection was cut. |
| GET, POST, DELETE `/_sandbox/faults` | `faults()`, `fault(kind, **rule)`, `clear_faults()` | Faults on order. |

`GET /_sandbox` names a `control_port` where all this also answers: an outage with `how=refused` closes the other port.
"""


def page() -> str:
    """The whole page as Markdown."""
    lines = [HEAD, "| Setting | Default | Choices | Meaning |", "|---|---|---|---|"]
    for item in fields(Settings):
        start = " *At start.*" if item.metadata["at_start"] else ""
        choices = ", ".join(f"`{choice}`" for choice in item.metadata["choices"])
        lines.append(f"| `{item.name}` | `{_default(item)}` | {choices} | {_cell(item.metadata['doc'])}{start} |")
    lines += ["", SEED, "## Faults", ""]
    lines += [ORDERING, "| To get this | order this |", "|---|---|"]
    lines += [f"| {what} | `{_cell(order)}` |" for what, order in RECIPES]
    lines += [f"| {what} | the setting {order} |" for what, order in SWITCHES]
    lines += ["", "| Kind | What happens |", "|---|---|"]
    lines += [f"| `{kind}` | {_cell(text)} |" for kind, text in KINDS.items()]
    lines += ["", "| Field of a rule | Default | Meaning |", "|---|---|---|"]
    lines += [f"| `{item.name}` | `{_default(item)}` | {_cell(_meaning(item))} |" for item in fields(Rule)]
    lines += ["", CONTROL, "## Endpoints", ""]
    lines += [f"- `{route.name}`{_since(route.since)}" for route in sorted(ROUTES, key=lambda one: one.path)]
    return "\n".join(lines) + "\n"


def _default(item: Field[Any]) -> str:
    if item.default is not MISSING:
        return str(item.default) if item.default != "" else '""'
    return "required" if item.default_factory is MISSING else str(item.default_factory())


def _meaning(item: Field[Any]) -> str:
    choices = [f"`{choice}`" for choice in item.metadata.get("choices", ()) if choice]
    if item.name == "shape":
        choices = [f"`{name}`" for name in SHAPES]
    return str(item.metadata["doc"]) + (f" One of {', '.join(choices)}." if choices and item.name != "commit" else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _since(version: int) -> str:
    if version >= 999:
        return " (Preview)"
    return f" (from {version // 100}.{version % 100})" if version else ""


if __name__ == "__main__":
    sys.stdout.write(page())
