"""What `bulk_process` returns: a mapping as of old, and an object with everything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ItemsFailed, UsageError
from ..journal import FailureGroup, Journal
from ..model import Counts, Outcome


@dataclass(frozen=True, slots=True)
class ResultItem:
    """One item of a run: what became of it and why. `note` is the reason of a Skip; before and after hold the touched fields."""

    id: str
    outcome: str
    cause: str = ""
    message: str = ""
    note: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


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
        the same as `--json` prints;
    `items("failed", "in_doubt")`, `failed_ids`, `raise_for_failures()`
        the items one by one, with the reason of each.
    """

    def __init__(
        self, run_id: str, counts: Counts, failures: list[FailureGroup], report: dict[str, Any], journal: Path | None = None
    ) -> None:
        self.run_id = run_id
        self._journal = journal
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

    def items(self, *outcomes: str) -> Any:
        """The items of some outcomes ("done", "failed", "in_doubt" ... or "all"), each a ResultItem, read as they are asked for.

        Without an outcome it is what it is for every dict: pairs of `success`, `failed` and `total_time`.
        Raises UsageError for an outcome that there is not.
        """
        if not outcomes:
            return super().items()
        known = [str(one) for one in Outcome]
        unknown = [name for name in outcomes if name not in (*known, "all")]
        if unknown:
            raise UsageError(f"There is no outcome {unknown[0]!r}: it is one of {', '.join(known)}, or all.")
        return self._rows(None if "all" in outcomes else [Outcome(name) for name in outcomes])

    def _rows(self, outcomes: list[Outcome] | None) -> Iterator[ResultItem]:
        if self._journal is None:
            return
        with Journal(self._journal) as journal:
            for row in journal.items(self.run_id, outcomes=outcomes):
                failure = row.failure
                yield ResultItem(
                    row.id, str(row.outcome), failure.cause if failure else "", failure.message if failure else "", row.note,
                    row.before, row.after,
                )

    @property
    def failed_ids(self) -> list[str]:
        """The ids of the items that failed: what `bulk_process(item_ids=...)` takes."""
        return [item.id for item in self.items("failed")]

    def raise_for_failures(self) -> None:
        """Raises ItemsFailed when items failed or are in doubt; it names the first of each cause."""
        if not (self.failed or self.in_doubt):
            return
        causes = "; ".join(f"{group.count} x {group.cause} (such as {group.example.id})" for group in self.failures[:3])
        error = ItemsFailed(f"{self.failed} failed, {self.in_doubt} in doubt in run {self.run_id}: {causes}", run_id=self.run_id)
        error.result = self
        raise error

    def __repr__(self) -> str:
        return (
            f"BulkResult(run_id={self.run_id!r}, success={self.success}, failed={self.failed}, skipped={self.skipped}, "
            f"in_doubt={self.in_doubt}, pending={self.pending}, total_time={self.total_time:.1f})"
        )
