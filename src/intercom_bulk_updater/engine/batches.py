"""Several items with one request, and each of them to its own outcome.

A batch is in flight as a whole, on disk before its request leaves. What the answer says of an item settles it. A batch that
is refused as a whole is done item by item, so that a bad one fails alone; after a lost answer each item is looked at by
itself, the ordinary way (processor.py). What may be repeated without harm is repeated together.

Steps 6 to 9 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from ..api.replay import CompletedRequests
from ..api.retry import ErrorKind, classify
from ..errors import SafetyStop, StopRun
from ..model import ItemResult
from ..operations.endings import OutcomeUnknown, PartiallyApplied
from .attempt import Attempt, Batch, RetryLater
from .decide import Step, next_step
from .processor import ItemProcessor

Fates = Iterator[ItemResult | RetryLater]


class BatchProcessor:
    """Brings batches to the outcomes of their items; safe to share between threads.

    Parameters
    ----------
    one:
        What does one item, and says what an answer or an error means for it.
    size:
        How many items one request acts on at most.
    """

    def __init__(self, one: ItemProcessor, size: int) -> None:
        self._one = one
        self._operation = one.operation
        self.size = size

    def __call__(self, batch: Batch) -> Fates:
        """Take a batch up: what becomes of each of its items, as soon as it is known."""
        ready: list[Attempt] = []
        for attempt in batch.attempts:
            result = self._one.check_before_write(attempt)
            if result is None:
                ready.append(attempt)
            else:
                yield result
        if len(ready) == 1:
            yield self._one(ready[0])
        elif ready:
            yield from self._write(ready)

    def _write(self, group: list[Attempt]) -> Fates:
        # What has left has left for all of them, and a batch that goes a second time repeats none of it.
        again = all(attempt.carried is group[0].carried for attempt in group)
        carried = group[0].carried if again else CompletedRequests()
        for attempt in group:
            attempt.carried, attempt.together = carried, True
        self._one.begin_write(group)
        began = time.time()
        try:
            with self._one.client.carrying(carried, idempotent=self._operation.idempotent is True):
                answers = self._operation.perform_batch(self._one.client, [attempt.item for attempt in group])
            if len(answers) != len(group):
                raise ValueError(f"{type(self._operation).__name__}.perform_batch told of {len(answers)} of {len(group)} items")
            if carried.lost_messages:
                raise carried.lost_messages[0].error  # the code has swallowed it
        except (StopRun, SafetyStop) as exc:
            self._one.obstacles.end_run(exc)
            yield from (RetryLater(attempt, 0.0) for attempt in group)
        except Exception as exc:
            yield from self._failed(group, carried.lost_messages[0].error if carried.lost_messages else exc)
        else:
            yield from self._answered(group, answers, began)

    def _answered(self, group: list[Attempt], answers: Sequence[dict[str, Any] | Exception | None], began: float) -> Fates:
        if any(not isinstance(answer, Exception) for answer in answers):
            self._one.refusals.broken(began)
        # Of several requests one may stand for an item that another one left out: then it is looked at.
        several = len(group[0].carried.writes) > 1
        for attempt, answer in zip(group, answers, strict=True):
            attempt.carried = CompletedRequests()
            if isinstance(answer, Exception):
                if several and attempt.known is not None:
                    attempt.known = replace(attempt.known, maybe_applied=True)
                yield self._one.settle_failure(attempt, answer)
            else:
                yield self._one.settle_success(attempt, answer)

    def _failed(self, group: list[Attempt], exc: Exception) -> Fates:
        """The batch as a whole was refused, or its answer was lost."""
        verdict = classify(exc)
        # Where one of several requests stands, and repeating it does no harm, each item is looked at before it is done alone.
        left = group[0].left
        harmless = self._operation.idempotent is True and verdict.sent is not None
        unsure = isinstance(exc, OutcomeUnknown | PartiallyApplied)
        if verdict.kind is ErrorKind.PERMANENT and (harmless or not (left or unsure)):
            for attempt in group:
                attempt.carried = CompletedRequests()
                # What is read again before its write would be called already so where the refusal was untrue.
                if (left or self._one.reread) and attempt.known is not None:
                    attempt.known = replace(attempt.known, maybe_applied=True)
                yield RetryLater(attempt, 0.0)
            return
        for attempt in group:
            self._one.obstacles.heed_unseen(attempt)
        held = self._one.obstacles.hold_back(group[0], exc, verdict, group[1:])
        if verdict.kind is ErrorKind.IN_BETWEEN:
            for attempt in group:
                attempt.carried = copy(group[0].carried)  # from here on each is looked at by itself
        if held is not None:
            yield RetryLater(Batch(tuple(group)), held.seconds)
            return
        together: list[Attempt] = []
        seconds = 0.0
        carried = group[0].carried
        for attempt in group:
            attempt.carried = copy(carried)  # settling one takes back what is known of the request that failed
            result = self._one.settle_failure(attempt, exc)
            if isinstance(result, ItemResult) or attempt.known is None or next_step(attempt.known) is not Step.PERFORM:
                yield result
            else:
                together.append(attempt)
                seconds = max(seconds, result.seconds)
        for attempt in together:
            attempt.carried = together[0].carried
        if together:
            yield RetryLater(Batch(tuple(together)), seconds)
