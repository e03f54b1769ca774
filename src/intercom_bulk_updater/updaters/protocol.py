"""What the engine's side of an updater relies on: the promised names of IntercomBulkUpdater, without the class itself.

The helpers that the base class calls (bulk_process.py, calls.py, adapter.py) depend on this and not on the class, so that
each can be read without the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ..model import Reversibility

if TYPE_CHECKING:
    from ..runs.session import Session
    from ..settings import Settings


class Updater(Protocol):
    """A person's own updater. What it may have besides (`before`, `change`, `is_done` ...) is looked up where it is used."""

    idempotent: ClassVar[bool | None]
    requests_per_item: ClassVar[int]
    customer_visible: ClassVar[bool | None]
    side_effects: ClassVar[str]
    reversibility: ClassVar[Reversibility | None]
    allowed_hosts: ClassVar[tuple[str, ...]]
    read_only: ClassVar[bool]
    items_per_request: ClassVar[int]
    settings: Settings
    base_url: str
    _admin_id: str
    _running: list[Session]
    _session: Session | None

    def get_search_endpoint(self) -> str:
        """Where to search."""

    def get_search_query(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What to find."""

    def get_item_id(self, item: dict[str, Any]) -> str:
        """The id of an item as the search gave it."""

    def perform_action(self, item_id: str, /, *args: Any, **kwargs: Any) -> Any:
        """Act on one item."""
