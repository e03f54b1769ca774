"""Three updaters to copy from: put a tag on conversations, change their state, write a custom attribute.

    python example_custom_updater.py tag --team 5001 --tag 86 --max 10
    python example_custom_updater.py state --team 5001 --to snoozed --hours 24 --max 10
    python example_custom_updater.py field --team 5001 --name issue_type --value Billing --max 10
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from typing import Any

from intercom_bulk_updater import IntercomBulkError, IntercomBulkUpdater


class _OpenConversationsOfTeam(IntercomBulkUpdater):
    """What the three have in common: which conversations."""

    def get_search_endpoint(self) -> str:
        """Conversations are searched."""
        return "conversations/search"

    def get_search_query(self, team_id: str | int, **_: Any) -> dict[str, Any]:
        """The open ones of a team."""
        return {
            "operator": "AND",
            "value": [
                {"field": "team_assignee_id", "operator": "=", "value": int(team_id)},
                {"field": "state", "operator": "=", "value": "open"},
            ],
        }

    def get_item_id(self, item: dict[str, Any]) -> str:
        """Conversations go by their id."""
        return str(item["id"])


class TagAssignmentUpdater(_OpenConversationsOfTeam):
    """Put a tag on conversations."""

    idempotent = True
    customer_visible = False

    def perform_action(self, item_id: str, tag_id: str, **_: Any) -> dict[str, Any] | None:
        """Tag one conversation."""
        return self.client.post(f"conversations/{item_id}/tags", {"id": str(tag_id), "admin_id": self.admin_id})

    def before(self, item: dict[str, Any]) -> dict[str, Any]:
        """The tags it has."""
        return {"tags": sorted(str(tag["id"]) for tag in (item.get("tags") or {}).get("tags", []))}

    def change(self, item_id: str, before: Mapping[str, Any], *, tag_id: str, **_: Any) -> dict[str, tuple[Any, Any]]:
        """One tag more, unless it is there already."""
        tags = before["tags"]
        return {} if str(tag_id) in tags else {"tags": (tags, sorted([*tags, str(tag_id)]))}

    def undo_action(self, item_id: str, before: Mapping[str, Any], *, tag_id: str, **_: Any) -> dict[str, Any] | None:
        """Take the tag off again, where it was not there before."""
        if str(tag_id) in before["tags"]:
            return {}
        return self.client.delete(f"conversations/{item_id}/tags/{tag_id}", {"admin_id": self.admin_id})


class ConversationStateChanger(_OpenConversationsOfTeam):
    """Close, open or snooze conversations."""

    idempotent = True
    customer_visible = False

    def perform_action(
        self, item_id: str, new_state: str = "closed", snoozed_until: int | None = None, **_: Any
    ) -> dict[str, Any] | None:
        """Change the state of one conversation."""
        kind = {"closed": "close", "open": "open", "snoozed": "snoozed"}[new_state]
        body: dict[str, Any] = {"message_type": kind, "admin_id": self.admin_id}
        if new_state == "closed":
            body["type"] = "admin"
        if new_state == "snoozed":
            body["snoozed_until"] = snoozed_until or int(time.time()) + 24 * 3600
        return self.client.post(f"conversations/{item_id}/parts", body)


class CustomFieldUpdater(_OpenConversationsOfTeam):
    """Write a custom attribute of conversations. The attribute must exist in the workspace."""

    idempotent = True
    customer_visible = False

    def perform_action(self, item_id: str, field_name: str, field_value: Any, **_: Any) -> dict[str, Any] | None:
        """Write it to one conversation."""
        return self.client.put(f"conversations/{item_id}", {"custom_attributes": {field_name: field_value}})

    def before(self, item: dict[str, Any]) -> dict[str, Any]:
        """All custom attributes, since the name of ours is a parameter."""
        return dict(item.get("custom_attributes") or {})


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["tag", "state", "field"])
    parser.add_argument("--team", required=True)
    parser.add_argument("--tag", help="id of the tag")
    parser.add_argument("--to", default="closed", choices=["closed", "open", "snoozed"])
    parser.add_argument("--hours", type=float, default=24, help="how long to snooze")
    parser.add_argument("--name", help="name of the attribute")
    parser.add_argument("--value", help="its new value")
    parser.add_argument("--max", type=int, default=10, help="items at most (default 10: test with few first)")
    parser.add_argument("--dry-run", action="store_true")
    given = parser.parse_args()
    if given.which == "tag" and not given.tag:
        parser.error("tag needs --tag ID")
    if given.which == "field" and not given.name:
        parser.error("field needs --name and --value")
    try:
        act(given)
    except IntercomBulkError as exc:
        print(exc, file=sys.stderr)
        sys.exit(exc.exit_code)


def act(given: argparse.Namespace) -> None:
    """Run it, and say how it went."""
    common: dict[str, Any] = {"team_id": given.team, "max_items": given.max, "dry_run": given.dry_run}
    if given.which == "tag":
        result = TagAssignmentUpdater().bulk_process(tag_id=given.tag, **common)
    elif given.which == "state":
        until = int(time.time() + given.hours * 3600)
        result = ConversationStateChanger().bulk_process(new_state=given.to, snoozed_until=until, **common)
    else:
        result = CustomFieldUpdater().bulk_process(field_name=given.name, field_value=given.value, **common)
    if given.dry_run:
        print(f"{result.pending} would change, {result.skipped} already are so. Nothing was changed.")
    else:
        print(f"{result['success']} changed, {result['failed']} failed, {result['total_time']:.1f} s (run {result.run_id})")


if __name__ == "__main__":
    main()
