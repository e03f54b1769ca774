"""Keeps user code from sending where it may not: to another Intercom than the run's, and in a dry run what writes."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from urllib.parse import urlsplit
from urllib.request import getproxies

from ..api.messages import Exchange
from ..api.network import one_name
from ..api.redact import redact
from ..errors import SafetyStop
from . import unseen

_INTERCOM = ("intercom.io", "intercom.com")


class HostGuard:
    """Keeps user code from sending to an Intercom host that is not the run's, and from writing in a dry run.

    Parameters
    ----------
    base_url:
        The run's own address.
    allowed:
        Hosts that may be sent to besides (`allowed_hosts` of an updater).
    who:
        The updater, for the message.
    rehearsed:
        The method that runs in a dry run, where no write leaves; "" where writes may.
    kept:
        Ways out of the updater that nobody sees through, and that may serve again: each new one is added.
    """

    def __init__(
        self, base_url: str, allowed: Collection[str], who: str, rehearsed: str = "", kept: list[unseen.Way] | None = None,
    ) -> None:  # fmt: skip
        parts = urlsplit(base_url)
        self._base, self._netloc = parts.hostname or "", one_name(parts.netloc.rpartition("@")[2])
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._rehearsed = rehearsed
        self._allowed = {host.lower() for host in allowed}
        self._who = who
        self._kept = [] if kept is None else kept
        self.refused: SafetyStop | None = None
        """What was refused; also when user code has swallowed it."""

    def keep(self, way: unseen.Way) -> None:
        """Take down a way out that nobody sees through: a connection may be used again for a later item."""
        for known in [one for one in self._kept if one is not unseen.HTTPX and not one.serves()]:
            with suppress(ValueError):  # another thread was first
                self._kept.remove(known)
        if way not in self._kept:
            self._kept.append(way)

    def is_elsewhere(self, host: object, port: int) -> bool:
        """Whether a connection to a host that was looked up leads to no Intercom: to another server, and there is no proxy."""
        name = host.decode("latin-1") if isinstance(host, bytes) else host
        if not isinstance(name, str) or not port or getproxies():
            return False
        return one_name(f"{name}:{port}") != one_name(f"{self._base}:{self._port}")

    def check(self, host: object) -> None:
        """Raises SafetyStop for another Intercom host than the run's."""
        name = host.decode("latin-1") if isinstance(host, bytes) else host
        if not isinstance(name, str):
            return
        name = name.strip().rstrip(".").lower()
        ours = name == self._base or name in self._allowed
        if ours or not any(name == known or name.endswith(f".{known}") for known in _INTERCOM):
            return
        self.refused = SafetyStop(
            f"{self._who} was about to send to {name}, and this run is for {self._base}. Nothing was sent there. Write "
            f'self.base_url in place of the address, or allow it in the class: allowed_hosts = ("{name}",)'
        )
        raise self.refused

    def check_write(self, method: str, host: str, path: str) -> None:
        """Raises SafetyStop for a write in a dry run, before it leaves. To another server everything but a GET is one."""
        if self._writes(method, host, path):
            self.refused = self._refusal(f"was about to send {method} {redact(path.strip('/'))} to {host}", "Nothing was sent: put")
            raise self.refused

    def note_write(self, method: str, host: str, path: str) -> None:
        """The same for one that was seen only when it was answered: the run stops when the method is through."""
        if self._writes(method, host, path):
            late = "It was seen too late to be refused: send by self.client or self.httpx_client(), and put"
            self.refused = self._refusal(f"has sent {method} {redact(path.strip('/'))} to {host}", late)

    def _writes(self, method: str, host: str, path: str) -> bool:
        if not self._rehearsed or method in ("GET", "HEAD", "OPTIONS"):
            return False
        ours = one_name(host) == self._netloc or host.partition(":")[0].lower() in self._allowed
        return not ours or Exchange(method, path.strip("/")).writes

    def _refusal(self, did: str, so: str) -> SafetyStop:
        return SafetyStop(f"{self._who}.{self._rehearsed} {did} in a dry run. {so} what writes into perform_action.", hint="")
