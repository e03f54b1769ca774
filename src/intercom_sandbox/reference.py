"""The page `docs/reference/sandbox.md`, written from the settings and faults themselves.

python -m intercom_sandbox.reference > docs/reference/sandbox.md
"""

from __future__ import annotations

import sys
from dataclasses import MISSING, Field, fields
from typing import Any

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

CONTROL = """\
## The control endpoint

Everything under `/_sandbox` needs no token and spends no budget. `Sandbox` has a method for each.

| Request | Method | What it does |
|---|---|---|
| GET `/_sandbox/settings`, POST `/_sandbox/settings` | `control(**settings)` | Shows, changes settings. |
| GET `/_sandbox/stats` | `stats()` | Requests by route and status, connections, windows, the audit. |
| GET `/_sandbox/audit` | `audit()` | Per kind of write: how many items got none, one, more; repeated replies. |
| POST `/_sandbox/reset` | `reset_stats()`, `reset()` | Forgets what was counted; `reset()` starts anew with the seed. |
| POST `/_sandbox/touch` | `touch(ids, kind, **more)` | Another admin acts on conversations. |
| POST `/_sandbox/seed` | `add_conversations(count, **fields)` | Adds conversations. |
| GET `/_sandbox/conversations/{id}` | `conversation(id)` | A conversation with all its parts. |
| GET `/_sandbox/conversations?team=&state=&tag=` | `conversations(**filters)` | Ids and states, never lagging. |
| GET `/_sandbox/log?last=100` | `log(last)` | The newest requests; status 0: the connection was cut. |
| GET, POST, DELETE `/_sandbox/faults` | `faults()`, `fault(kind, **rule)`, `clear_faults()` | Faults on order. |
"""


def page() -> str:
    """The whole page as Markdown."""
    lines = [HEAD, "| Setting | Default | Choices | Meaning |", "|---|---|---|---|"]
    for item in fields(Settings):
        start = " *At start.*" if item.metadata["at_start"] else ""
        choices = ", ".join(f"`{choice}`" for choice in item.metadata["choices"])
        lines.append(f"| `{item.name}` | `{_default(item)}` | {choices} | {_cell(item.metadata['doc'])}{start} |")
    lines += ["", SEED, "## Faults", ""]
    lines += ["`box.fault(kind, **rule)`; the first rule that fires wins.", "", "| Kind | What happens |", "|---|---|"]
    lines += [f"| `{kind}` | {_cell(text)} |" for kind, text in KINDS.items()]
    lines += ["", "| Field of a rule | Default | Meaning |", "|---|---|---|"]
    lines += [f"| `{item.name}` | `{_default(item)}` | {_cell(item.metadata['doc'])} |" for item in fields(Rule)]
    lines += ["", CONTROL, "## Endpoints", ""]
    lines += [f"- `{route.name}`{_since(route.since)}" for route in sorted(ROUTES, key=lambda one: one.path)]
    return "\n".join(lines) + "\n"


def _default(item: Field[Any]) -> str:
    if item.default is not MISSING:
        return str(item.default) if item.default != "" else '""'
    return "required" if item.default_factory is MISSING else "[]"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _since(version: int) -> str:
    if version >= 999:
        return " (Preview)"
    return f" (from {version // 100}.{version % 100})" if version else ""


if __name__ == "__main__":
    sys.stdout.write(page())
