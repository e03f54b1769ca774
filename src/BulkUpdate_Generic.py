"""The generic demonstration, under the name of the original script: look at a team's open conversations, then close them.

    python BulkUpdate_Generic.py 5001              (looks, and changes nothing)
    python BulkUpdate_Generic.py 5001 --close
"""

from __future__ import annotations

import argparse
import sys

from conversation_closer import ConversationCloser, bulk_close, bulk_close_hybrid
from intercom_bulk_updater import IntercomBulkError

__all__ = ["ConversationCloser", "bulk_close", "bulk_close_hybrid", "main"]


def main() -> None:
    """Show what would happen; do it with --close."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("team_id", nargs="?", help="by default INTERCOM_INBOX_ID")
    parser.add_argument("--max", type=int, default=None, help="conversations at most")
    parser.add_argument("--workers", type=int, default=None, help="a fixed number of threads (default: as many as it takes)")
    parser.add_argument("--close", action="store_true", help="close them; without it nothing is changed")
    given = parser.parse_args()
    try:
        show(given)
    except IntercomBulkError as exc:
        print(exc, file=sys.stderr)
        sys.exit(exc.exit_code)


def show(given: argparse.Namespace) -> None:
    """Look, and with --close act."""
    closer = ConversationCloser()
    looked = closer.bulk_close(given.team_id, max_conversations=given.max, dry_run=True)
    print(f"{looked.pending} conversations would be closed, {looked.skipped} already are.")
    if not given.close:
        print("Nothing was changed. Add --close to close them.")
        return
    result = bulk_close_hybrid(given.team_id, parallel_workers=given.workers, max_conversations=given.max)
    print(f"{result['success']} closed, {result['failed']} failed in {result['total_time']:.1f} s.")
    for group in result.failures:
        print(f"  {group.count} x {group.cause}, for example {group.example.id}: {group.example.message}")
    print(f"Undo: intercom-bulk undo {result.run_id}")


if __name__ == "__main__":
    main()
