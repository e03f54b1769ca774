"""A small Intercom on loopback, with faults on order. Shares no code with the client.

`with running(conversations=500) as box:` gives a `Sandbox`: `box.url`, `box.token`, `box.stats()` and more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from intercom_sandbox.client import Sandbox, running

__all__ = ["Sandbox", "running"]


def __getattr__(name: str) -> Any:
    """Import on first use: every pytest run of every project with this package installed passes here."""
    if name in __all__:
        from intercom_sandbox import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
