"""The handle that tests hold: where a sandbox listens, and its control endpoint as methods.

Everything goes over HTTP, so a sandbox in this process and one in another behave the same.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit


class Sandbox:
    """A running sandbox. Get one from `running()` or, for a server that runs elsewhere, from its URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._control = self.url
        about = self._call("GET", "")
        # A port of its own, which answers while the other is closed by an outage.
        if about.get("control_port"):
            self._control = f"http://{urlsplit(self.url).hostname}:{about['control_port']}"
        self.token: str = about["token"]
        self.admin_id: str = about["admin_id"]
        self.workspace_id: str = about["workspace_id"]
        self.inbox_id: str = about["inbox_id"]

    def env(self) -> dict[str, str]:
        """The environment variables that point a client at this sandbox."""
        return {
            "INTERCOM_BASE_URL": self.url,
            "INTERCOM_ACCESS_TOKEN": self.token,
            "INTERCOM_ADMIN_ID": self.admin_id,
            "INTERCOM_INBOX_ID": self.inbox_id,
        }

    def control(self, **settings: Any) -> dict[str, Any]:
        """Change settings while it runs; answers all of them. Raises ValueError for a bad one."""
        return self._object("POST", "settings", settings)

    def stats(self) -> dict[str, Any]:
        """requests, routes, statuses, faults, connections, windows and the audit, since the last reset."""
        return self._object("GET", "stats")

    def audit(self, resource: str = "") -> dict[str, Any]:
        """Per kind of write: how many items got none, one, more; replies and notes that stand twice.

        `resource`: of conversations, contacts, companies or tickets alone.
        """
        return self._object("GET", f"audit/{resource}" if resource else "audit")

    def reset_stats(self) -> None:
        """Forget what was counted; rows, settings and faults stay."""
        self._call("POST", "reset", {})

    def reset(self) -> None:
        """Begin anew with the seed; counters, faults and windows too. Settings stay."""
        self._call("POST", "reset", {"state": True, "faults": True, "limits": True})

    def conversation(self, conversation_id: str | int) -> dict[str, Any]:
        """The conversation with all its parts. Raises KeyError when it does not exist."""
        return self._object("GET", f"conversations/{conversation_id}")

    def conversations(self, **filters: str | int | bool) -> list[dict[str, Any]]:
        """id, state, team, admin, tags, parts of all that match (state, team, tag), never lagging."""
        return self._rows("conversations", filters)

    def contact(self, contact_id: str) -> dict[str, Any]:
        """The contact as the API shows it, archived and blocked too. Raises KeyError when it does not exist."""
        return self._object("GET", f"contacts/{contact_id}")

    def contacts(self, **filters: str | int | bool) -> list[dict[str, Any]]:
        """id, role, email, name, tags, companies, notes, custom_attributes, archived ... of all that match, never lagging.

        Any of these filters: `contacts(role="lead")`, `contacts(tag=7001)`, `contacts(archived=True)`.
        """
        return self._rows("contacts", filters)

    def company(self, company_id: str) -> dict[str, Any]:
        """The company of that id of Intercom's, as the API shows it. Raises KeyError when it does not exist."""
        return self._object("GET", f"companies/{company_id}")

    def companies(self, **filters: str | int | bool) -> list[dict[str, Any]]:
        """id, company_id, name, plan, tags, notes, users, custom_attributes, deleted of all that match."""
        return self._rows("companies", filters)

    def ticket(self, ticket_id: str | int) -> dict[str, Any]:
        """The ticket of that id, with its parts. Raises KeyError when it does not exist."""
        return self._object("GET", f"tickets/{ticket_id}")

    def tickets(self, **filters: str | int | bool) -> list[dict[str, Any]]:
        """id, ticket_id, type, state, team, admin, open, tags, parts, ticket_attributes of all that match."""
        return self._rows("tickets", filters)

    def tags(self, **filters: str | int | bool) -> list[dict[str, Any]]:
        """id and name of all tags."""
        return self._rows("tags", filters)

    def teams(self, **filters: str | int | bool) -> list[dict[str, Any]]:
        """id, name and admins of all teams."""
        return self._rows("teams", filters)

    def admins(self, **filters: str | int | bool) -> list[dict[str, Any]]:
        """id, name, email and away of all admins."""
        return self._rows("admins", filters)

    def touch(self, ids: Iterable[str | int], kind: str = "note", **more: Any) -> list[str]:
        """Another admin acts.

        Kinds: reopen, close, snooze, note, comment, contact_reply, assign, tag, untag, set, delete.
        """
        body = {"ids": [str(one) for one in ids], "kind": kind, **more}
        touched: list[str] = self._object("POST", "touch", body)["touched"]
        return touched

    def add_conversations(self, count: int, **fields: Any) -> list[str]:
        """New conversations as the seed makes them, with fields set (team, state, tags...); their ids."""
        made: list[str] = self._object("POST", "seed", {"count": count, "fields": fields})["ids"]
        return made

    def fault(self, kind: str, **rule: Any) -> None:
        """Add a fault; see `docs/reference/sandbox.md` for kinds and fields."""
        self._call("POST", "faults", {"kind": kind, **rule})

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force, with how often each matched and fired."""
        found: list[dict[str, Any]] = self._object("GET", "faults")["faults"]
        return found

    def clear_faults(self) -> None:
        """Take all faults away."""
        self._call("DELETE", "faults")

    def log(self, last: int = 100) -> list[dict[str, Any]]:
        """The newest requests, oldest first: time, method, path, status (0: connection cut), body, app."""
        found: list[dict[str, Any]] = self._call("GET", f"log?last={last}")
        return found

    def _rows(self, resource: str, filters: dict[str, str | int | bool]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", f"{resource}?{urlencode(filters)}")
        return found

    def _object(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = self._call(method, path, body)
        return found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        try:
            status, text = _ask(self.url, method, path, body)
        except ConnectionRefusedError:
            if self._control == self.url:
                raise
            status, text = _ask(self._control, method, path, body)
        result = json.loads(text)
        if status == 404:
            raise KeyError(path)
        if status >= 400:
            raise ValueError(result.get("error") or result)
        return result


def _ask(url: str, method: str, path: str, body: Any) -> tuple[int, bytes]:
    """(status, body) of one request of the control endpoint."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=120)
    try:
        connection.request(method, f"/_sandbox/{path}", None if body is None else json.dumps(body).encode())
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextlib.contextmanager
def running(*, in_process: bool = True, port: int = 0, **settings: Any) -> Iterator[Sandbox]:
    """A sandbox for the length of a `with`.

    `in_process=True` runs it in a thread, False in a process of its own (for measurements: no shared lock).
    `settings` are those of `Settings`. Raises ValueError for a setting that is unknown or wrong, OSError for a
    port that cannot be used (in a process of its own: ValueError).
    """
    from intercom_sandbox.server import HOST, ServerThread, settings_from

    checked = settings_from(settings)
    if in_process:
        server = ServerThread(checked, port)
        at = server.start()
        try:
            yield Sandbox(f"http://{HOST}:{at}")
        finally:
            server.stop()
        return
    command = [
        sys.executable,
        "-m",
        "intercom_sandbox",
        "--port",
        str(port),
        "--until-stdin-closes",
    ]
    # A session of its own: Ctrl-C is for the client, which may need the sandbox to finish what it began.
    with subprocess.Popen(  # noqa: S603  (our own module)
        [*command, *_options(settings)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None and process.stdin is not None  # noqa: S101
            line = process.stdout.readline()
            if not line:
                raise ValueError("the sandbox did not start; its own message is above")
            yield Sandbox(json.loads(line)["url"])
        finally:
            process.terminate()


def _options(settings: dict[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            yield option if value else option.replace("--", "--no-", 1)
        elif isinstance(value, list | tuple):
            for entry in value:
                yield f"{option}={entry}"
        else:
            yield f"{option}={value}"
