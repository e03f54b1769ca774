"""What `bulk_process` returns: a mapping as of old, and an object with everything else."""

from __future__ import annotations

from typing import Any

from ..journal import FailureGroup
from ..model import Counts


class BulkResult(dict[str, Any]):
    """The account of a run.

    As a mapping it is the dict that the original scripts returned: `success`, `failed` and `total_time` (seconds); what
    was done with that dict (`json.dumps(result)`, `isinstance(result, dict)`) goes on working. As an object:

    `success`, `failed`, `unchanged`, `drifted`, `in_doubt`, `pending`, `selected`
        items by outcome (`skipped` is unchanged and drifted together);
    `total_time`, `rate`
        seconds, and finished items a second;
    `retried`, `throttled`, `requests`
        repeated requests, 429s, all requests by purpose;
    `failures`
        groups by cause, each with a count and an example;
    `run_id`
        what `intercom-bulk runs show|undo|verify` take;
    `report`
        the same as `--json` prints.
    """

    def __init__(self, run_id: str, counts: Counts, failures: list[FailureGroup], report: dict[str, Any]) -> None:
        self.run_id = run_id
        self.counts = counts
        self.failures = failures
        self.report = report
        self.success = counts.done
        self.failed = counts.failed
        self.unchanged = counts.unchanged
        self.drifted = counts.drifted
        self.in_doubt = counts.in_doubt + counts.in_flight
        self.pending = counts.pending
        self.selected = counts.selected
        self.skipped = counts.unchanged + counts.drifted
        self.total_time = float(report.get("seconds") or 0.0)
        self.requests: dict[str, int] = dict(report.get("requests") or {})
        self.retried = self.requests.get("retried", 0)
        self.throttled = self.requests.get("throttled", 0)
        self.rate = counts.finished / self.total_time if self.total_time else 0.0
        super().__init__(success=self.success, failed=self.failed, total_time=self.total_time)

    def __repr__(self) -> str:
        return (
            f"BulkResult(run_id={self.run_id!r}, success={self.success}, failed={self.failed}, skipped={self.skipped}, "
            f"in_doubt={self.in_doubt}, pending={self.pending}, total_time={self.total_time:.1f})"
        )
