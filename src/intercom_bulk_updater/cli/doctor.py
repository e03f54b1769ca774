"""`doctor` and `limits`: whether everything is in place, and what the rate limit allows."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import IntercomBulkError
from ..processing.options import Options
from .flags import Shown
from .show import out as show_out
from .show import out_json
from .work import opened

_OUT = Shown()


def doctor(*, out: Shown = _OUT) -> int:
    """Check settings, token, workspace, permissions, clock and state folder; every line says what to do."""
    from ..console.tables import Check
    from ..report.summary import exit_of
    from ..report.words import error_hint

    checks: list[Check] = []
    code = 0
    try:
        for name, ok, said, advice in _checks(out, looking := _Looking()):
            checks.append(Check(name, ok, said, advice))
    except IntercomBulkError as exc:
        code = exit_of(exc)
        checks.append(Check(looking.at, False, exc.message, error_hint(exc, code)))
    if out.data:
        told = [{"check": c.name, "ok": c.ok is not False, "said": c.words, "advice": c.advice} for c in checks]
        out_json({"schema": "doctor/1", "ok": code == 0, "exit": code, "checks": told})
    else:
        from ..console.tables import doctor_lines
        from ..console.terminal import say

        say(doctor_lines(checks), sys.stdout)
    return code


@dataclass(slots=True)
class _Looking:
    """What is being looked at: the name of the check that an error ends."""

    at: str = "settings"


def _checks(out: Shown, looking: _Looking) -> Iterator[tuple[str, bool | None, str, str]]:
    """Each check in turn: its name, whether all is well (None: worth knowing), what was found, what to do about it."""
    from ..settings import load

    settings = load()
    yield "settings", True, f"{settings.base_url}, API version {settings.api_version}", ""
    looking.at = "token"
    settings.require_token()
    yield "token", True, f"set ({settings.origin('access_token')})", ""
    looking.at = "state folder"
    with opened(Options(timeout=15.0, retries=1), out) as (session, _):
        session.journal.runs(1)
        yield "state folder", True, str(settings.home), ""
        looking.at = "workspace"
        workspace = session.workspace()
        where = f"region {workspace.region or '?'}, {workspace.timezone}"
        yield "workspace", True, f"{workspace.name or '?'} ({workspace.id}), {where}", ""
        looking.at = "admin"
        who = f"{workspace.admin_name} ({session.client.admin_id})"
        if workspace.extra.get("has_inbox_seat") is False:
            yield "admin", None, f"{who} has no inbox seat", "Intercom may refuse writes in this name: set INTERCOM_ADMIN_ID."
        else:
            yield "admin", True, who, ""
        looking.at = "permission"
        session.client.call("GET", "conversations", params={"per_page": 1}, purpose="search")
        yield "permission", True, "conversations can be read", ""
        looking.at = "clock"
        skew = round(session.client.server_time() - time.time())
        away = f"{abs(skew)} s {'behind' if skew > 0 else 'ahead of'} Intercom's; that does no harm"
        yield "clock", True, away if skew else "as Intercom's", ""
        state = session.gate.state()
        if state.limit:
            yield "rate limit", True, f"{state.limit:,} calls in {state.window_seconds:.0f} s", ""
        else:
            yield "rate limit", None, "Intercom tells none", "Runs go slowly then; `--rate` sets a ceiling of your own."


def limits(*, out: Shown = _OUT) -> int:
    """What the rate limit allows right now, by the headers of one request."""
    with opened(Options(timeout=15.0), out) as (session, _):
        session.workspace()
        state = session.gate.state()
    if out.data:
        out_json({
            "schema": "limits/1", "ok": True, "exit": 0, "limit": state.limit, "remaining": state.remaining,
            "used": state.used, "window_seconds": state.window_seconds, "ends_in": state.ends_in,
        })
        return 0
    from ..console.tables import limits_table

    show_out(limits_table(state))
    return 0
