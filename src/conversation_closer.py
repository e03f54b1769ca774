"""Close the open conversations of a team: the first updater of this project, kept small enough to read and copy.

    python conversation_closer.py 5001 --max 1000
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

from intercom_bulk_updater import BulkResult, IntercomBulkError, IntercomBulkUpdater, UsageError


class ConversationCloser(IntercomBulkUpdater):
    """Close every open conversation that is assigned to a team."""

    idempotent = True
    customer_visible = False
    side_effects = "history entries, statistics, and what workflows or CSAT surveys did meanwhile"

    def get_search_endpoint(self) -> str:
        """Conversations are searched."""
        return "conversations/search"

    def get_search_query(self, team_id: str | int | None = None, **_: Any) -> dict[str, Any]:
        """Open, and of this team (by default the one in INTERCOM_INBOX_ID)."""
        team = str(team_id or self.settings.inbox_id or os.environ.get("INTERCOM_INBOX_ID") or "").strip()
        if not team:
            raise UsageError("Which team? Give team_id, or set INTERCOM_INBOX_ID.")
        return {
            "operator": "AND",
            "value": [
                # The API holds team ids as integers; a text that is none is sent as it is, and Intercom says what it thinks.
                {"field": "team_assignee_id", "operator": "=", "value": int(team) if team.isdigit() else team},
                {"field": "state", "operator": "=", "value": "open"},
            ],
        }

    def get_item_id(self, item: dict[str, Any]) -> str:
        """Conversations go by their id."""
        return str(item["id"])

    def perform_action(self, item_id: str, **_: Any) -> dict[str, Any] | None:
        """Close one conversation, without a message to the customer."""
        body = {"message_type": "close", "type": "admin", "admin_id": self.admin_id}
        return self.client.post(f"conversations/{item_id}/parts", body)

    # What follows is optional. It makes dry runs exact, lost answers certain, and the run undoable.

    def before(self, item: dict[str, Any]) -> dict[str, Any]:
        """The field that closing touches."""
        return {"state": item.get("state")}

    def change(self, item_id: str, before: Mapping[str, Any], **_: Any) -> dict[str, tuple[Any, Any]]:
        """Open → closed; nothing for one that is closed."""
        return {} if before["state"] == "closed" else {"state": (before["state"], "closed")}

    def undo_action(self, item_id: str, before: Mapping[str, Any], **_: Any) -> dict[str, Any] | None:
        """Open it again."""
        if before["state"] != "open":
            return {}
        body = {"message_type": "open", "admin_id": self.admin_id}
        return self.client.post(f"conversations/{item_id}/parts", body)

    def bulk_close(
        self,
        team_id: str | int | None = None,
        parallel_workers: int | None = None,
        batch_size: int = 50,
        max_conversations: int | None = None,
        **more: Any,
    ) -> BulkResult:
        """Close the open conversations of a team; parameters as in `bulk_process`, of which `max_items` is the last."""
        return self.bulk_process(
            team_id=team_id,
            parallel_workers=parallel_workers,
            batch_size=batch_size,
            max_items=max_conversations,
            **more,
        )


def bulk_close(
    team_id: str | int | None = None,
    parallel_workers: int | None = None,
    batch_size: int = 50,
    max_conversations: int | None = None,
    **more: Any,
) -> BulkResult:
    """Close the open conversations of a team with the token of the environment."""
    return ConversationCloser().bulk_close(team_id, parallel_workers, batch_size, max_conversations, **more)


def bulk_close_hybrid(
    team_id: str | int | None = None,
    parallel_workers: int | None = None,
    batch_size: int = 50,
    max_conversations: int | None = None,
    **more: Any,
) -> BulkResult:
    """`bulk_close` under the name of the original script."""
    return bulk_close(team_id, parallel_workers, batch_size, max_conversations, **more)


def main() -> None:
    """Close from the shell, for those who run the file; `intercom-bulk conversations close` can do more."""
    parser = argparse.ArgumentParser(description="Close the open conversations of a team.")
    parser.add_argument("team_id", nargs="?", help="by default INTERCOM_INBOX_ID")
    parser.add_argument("--max", type=int, default=None, help="close so many at most")
    parser.add_argument("--dry-run", action="store_true", help="look, and change nothing")
    given = parser.parse_args()
    try:
        result = bulk_close(given.team_id, max_conversations=given.max, dry_run=given.dry_run)
    except IntercomBulkError as exc:
        print(exc, file=sys.stderr)
        sys.exit(exc.exit_code)
    if given.dry_run:
        print(f"{result.pending} would be closed, {result.skipped} already are. Nothing was changed.")
    else:
        print(f"{result['success']} closed, {result['failed']} failed, {result['total_time']:.1f} s")
        print(f"Undo: intercom-bulk undo {result.run_id}")


if __name__ == "__main__":
    main()
