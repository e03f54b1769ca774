"""`doctor` and `limits`: whether everything is in place, and what the rate limit allows."""

from __future__ import annotations

import sys
import time

from ..errors import IntercomBulkError
from ..processing.options import Options
from .flags import Shown
from .show import out as show_out
from .show import out_json
from .work import opened

_OUT = Shown()


def doctor(*, out: Shown = _OUT) -> int:
    """Check settings, token, workspace, permissions, clock and state folder; every line says what to do."""
    checks: list[dict[str, object]] = []
    code = 0

    def note(name: str, ok: bool, said: str) -> None:
        checks.append({"check": name, "ok": ok, "said": said})

    from ..settings import load

    try:
        settings = load()
        note("settings", True, f"{settings.base_url}, API version {settings.api_version}")
        settings.require_token()
        note("token", True, f"set ({settings.origin('access_token')})")
        with opened(Options(timeout=15.0, retries=1), out) as (session, _):
            session.journal.runs(1)
            note("state folder", True, str(settings.home))
            workspace = session.workspace()
            note("workspace", True, f"{workspace.name or '?'} ({workspace.id}), region {workspace.region or '?'}, {workspace.timezone}")
            seat = workspace.extra.get("has_inbox_seat")
            note("admin", seat is not False, f"{workspace.admin_name} ({session.client.admin_id})"
                 + (" has no inbox seat: Intercom may refuse writes in this name" if seat is False else ""))
            session.client.call("GET", "conversations", params={"per_page": 1}, purpose="search")
            note("read conversations", True, "allowed")
            skew = session.client.server_time() - time.time()
            note("clock", True, f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} Intercom's; it does not matter")
            state = session.gate.state()
            note("rate limit", state.limit is not None, f"{state.limit:,} calls in {state.window_seconds:.0f} s"
                 if state.limit else "Intercom tells none; going slowly")
    except IntercomBulkError as exc:
        note("problem", False, exc.message)
        code = exc.exit_code
    if out.data:
        out_json({"schema": "doctor/1", "ok": code == 0, "exit": code, "checks": checks})
    else:
        show_out("\n".join(f"{'ok  ' if c['ok'] else 'FAIL'}  {c['check']}: {c['said']}" for c in checks))
        if code:
            sys.stderr.write("Not ready. Correct what is marked FAIL and run doctor again.\n")
    return code


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
    elif state.limit is None:
        show_out("Intercom sent no rate-limit headers.")
    else:
        show_out(
            f"{state.limit:,} calls in {state.window_seconds:.0f} s ({state.limit / state.window_seconds * 60:,.0f} a minute); "
            f"{state.remaining:,} left in this window"
        )
    return 0
