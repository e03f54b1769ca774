"""What a request is for: who goes first at the gate, and what a failure says of the service, depend on it."""

from __future__ import annotations

from .messages import SentRequest, only_looks

_LISTS = frozenset(("conversations", "contacts", "companies", "tickets", "companies/scroll", "companies/list"))


def purpose_at(purpose: str, path: str) -> str:
    """The class of a request: a read is a look at an item, or is about names."""
    if purpose != "read":
        return purpose
    kind, _, rest = path.strip("/").partition("/")
    return "look" if rest and kind in _LISTS else "names"


def purpose_of(sent: SentRequest | None) -> str:
    """The class of a request that has left."""
    if sent is None or not only_looks(sent.method, sent.path):
        return "action"
    if sent.method == "POST" or sent.path.partition("?")[0].strip("/") in _LISTS:
        return "search"
    return purpose_at("read", sent.path)
