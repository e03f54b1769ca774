"""`doctor` and `limits`: whether everything is in place, and what the rate limit allows."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ..errors import ConfigurationError, IntercomBulkError, NotFound, PermissionDenied, UnknownName
from ..operations.resource import resources
from ..runs.options import Options
from ..runs.population import population
from ..runs.session import Session, open_session
from ..search.names import WorkspaceNames
from ..stop import Stop
from .execute import opened
from .flags import Shown
from .show import out as show_out
from .show import out_json

_OUT = Shown()
_PATIENCE = 10.0
"""Seconds: who asks how things stand wants to know that Intercom is away, not to wait until it is back."""


def doctor(*, out: Shown = _OUT) -> int:
    """Check settings, token, workspace, permissions, clock and state folder; every line says what to do."""
    from ..report.summary import exit_of
    from ..report.texts import error_hint
    from ..terminal.tables import Check

    checks: list[Check] = []
    code = 0
    try:
        for name, ok, said, advice in _checks(out, looking := _Looking()):
            checks.append(Check(name, ok, said, advice))
            code = code or (0 if ok is not False else ConfigurationError.exit_code)
    except IntercomBulkError as exc:
        code = exit_of(exc)
        # This is the place that other commands point to for a bad setting.
        bad_setting = isinstance(exc, ConfigurationError) and code == ConfigurationError.exit_code
        hint = (_ids() if looking.at == "settings" else "") if bad_setting else error_hint(exc, code)
        checks.append(Check(looking.at, False, exc.message, hint))
    if out.data:
        told = [{"check": c.name, "ok": c.ok is not False, "said": c.words, "advice": c.advice} for c in checks]
        out_json({"schema": "doctor/1", "ok": code == 0, "exit": code, "checks": told})
    else:
        from ..terminal.tables import doctor_lines
        from ..terminal.terminal import say

        say(doctor_lines(checks), sys.stdout)
    return code


def _ids() -> str:
    """The teammates and teams of the workspace, where all that is wrong is a setting that should be an id; "" otherwise."""
    from ..settings import load

    options = Options(timeout=15.0, patience=_PATIENCE)
    with suppress(IntercomBulkError), open_session(load(admin_id="1", inbox_id="1"), options, Stop()) as session:
        names = WorkspaceNames(session.look)
        return f"The teammates: {names.listing('admin')}. The teams: {names.listing('team')}."
    return ""


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
    looking.at = "network"
    yield "network", True, _way(settings.base_url), ""
    looking.at = "state folder"
    with opened(Options(timeout=15.0, patience=_PATIENCE), out) as (session, names):
        session.journal.runs(1)
        yield "state folder", True, str(settings.home), ""
        looking.at = "workspace"
        workspace = session.workspace()
        where = f"region {workspace.region or '?'}, {workspace.timezone}"
        yield "workspace", True, f"{workspace.name or '?'} ({workspace.id}), {where}", ""
        looking.at = "admin"
        yield ("admin", *_admin(session, names))
        if settings.inbox_id:
            looking.at = "team"
            yield ("team", *_team(settings.inbox_id, names))
        looking.at = "permission"
        first = next(iter(resources()))
        population(session, first)
        yield "permission", True, f"{first} can be read", ""
        looking.at = "clock"
        skew = round(session.client.server_time() - time.time())
        away = f"{abs(skew)} s {'behind' if skew > 0 else 'ahead of'} Intercom's; that does no harm"
        yield "clock", True, away if skew else "as Intercom's", ""
        state = session.gate.state()
        if state.limit:
            yield "rate limit", True, f"{state.limit:,} calls in {state.window_seconds:.0f} s", ""
        else:
            yield "rate limit", None, "Intercom tells none", "Runs go slowly then; `--rate` sets a ceiling of your own."


def _way(base_url: str) -> str:
    """How Intercom is reached. Raises ConfigurationError for a proxy or certificates that the environment names wrongly."""
    from ..api.network import named_certificates, proxy_for, trusted_by

    proxy = proxy_for(base_url)
    said = f"through the proxy {proxy}" if proxy is not None else "no proxy"
    if not base_url.startswith("https:"):
        return said
    named_certificates()
    return f"{said}; certificates: {trusted_by() or 'those of this system'}"


_Found = tuple[bool | None, str, str]
_NO_SEAT = "Intercom may refuse writes in this name: set INTERCOM_ADMIN_ID to a teammate with an inbox seat."


def _admin(session: Session, names: WorkspaceNames) -> _Found:
    """In whose name writes happen: the token's own admin, or another that the workspace has to know."""
    workspace, acting = session.workspace(), session.client.admin_id
    if not acting:
        return None, "GET /me names no admin for this token", "To write, set INTERCOM_ADMIN_ID to the id of a teammate."
    seated = workspace.extra.get("has_inbox_seat")
    own = f"{workspace.admin_name or '?'} ({workspace.admin_id})"
    if acting == workspace.admin_id and workspace.admin_name:
        return (None, f"{own} has no inbox seat", _NO_SEAT) if seated is False else (True, own, "")
    others = f"token of {workspace.admin_name}, " if workspace.admin_name else ""
    try:
        named = names.by_id("admin", acting)
    except UnknownName as exc:
        advice = (
            "Every write would be refused: set INTERCOM_ADMIN_ID to one of these, or unset it to act as the token's own admin. "
            f"The teammates: {names.listing('admin')}."
        )
        return False, f"no such admin in this workspace: {acting} (INTERCOM_ADMIN_ID). {exc.parts['nearest']}", advice
    except (NotFound, PermissionDenied):
        return None, f"{others}acting as {acting}", "GET /admins cannot be read, so nobody knows whether there is such a teammate."
    return True, f"{others}acting as {named.name} ({acting})", ""


def _team(team: str, names: WorkspaceNames) -> _Found:
    """The team of INTERCOM_INBOX_ID, and what it is for."""
    used = "for bulk_close without a team_id; commands take their team from --where alone"
    try:
        return True, f"{names.by_id('team', team).name} ({team}), {used}", ""
    except UnknownName as exc:
        said = f"no such team in this workspace: {team} (INTERCOM_INBOX_ID). {exc.parts['nearest']}"
        return None, said, f"It is {used}. The teams: {names.listing('team')}."
    except (NotFound, PermissionDenied):
        return None, f"{team}, {used}", "GET /teams cannot be read, so nobody knows whether there is such a team."


def limits(*, out: Shown = _OUT) -> int:
    """What the rate limit allows right now, by the headers of one request."""
    with opened(Options(timeout=15.0, patience=_PATIENCE), out) as (session, _):
        session.workspace()
        state = session.gate.state()
    if out.data:
        out_json({
            "schema": "limits/1", "ok": True, "exit": 0, "limit": state.limit, "remaining": state.remaining,
            "used": state.used, "window_seconds": state.window_seconds, "ends_in": state.ends_in,
        })
        return 0
    from ..terminal.tables import limits_table

    show_out(limits_table(state))
    return 0
