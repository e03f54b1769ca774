"""The gate: where threads wait for the budget.

A turnstile: the oldest waiter is the one that watches the clock, all others sleep behind it in order,
searches before actions. Nobody holds the lock while waiting.

Step 6 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Mapping

from intercom_bulk_updater.errors import RunStopped
from intercom_bulk_updater.stop import Stop

from .budget import Budget, BudgetState, Permit

SLICE = 0.02
"""Longest wait (seconds) before the budget is asked again: an answer may have brought news, or somebody
may have asked to stop."""


class _Waiter:
    __slots__ = ("finishing", "permit", "purpose", "refused", "woken")

    def __init__(self, purpose: str, finishing: bool) -> None:
        self.purpose = purpose
        self.finishing = finishing
        self.permit: Permit | None = None
        self.refused = False
        self.woken = threading.Lock()
        self.woken.acquire()


class RateLimiter:
    """One budget's door. Safe to share between threads.

    Parameters
    ----------
    budget:
        Whom to ask. From now on only the gate may.
    stop:
        Ends every wait, but that of who is `finishing`.
    """

    def __init__(self, budget: Budget, stop: Stop) -> None:
        self._budget = budget
        self._stop = stop
        self._lock = threading.Lock()
        self._searches: deque[_Waiter] = deque()
        self._actions: deque[_Waiter] = deque()
        self._watcher: _Waiter | None = None

    def enter(self, purpose: str, *, finishing: bool = False) -> Permit:
        """Wait for leave to send one request.

        Raises the reason of `stop` if it is a RunStopped (DeadlineReached, Interrupted ...), else RunStopped
        from it. `finishing`: it belongs to an item that has sent something already; a stop lets it through, or
        the item would be left half-done.
        """
        if self._stop.asked and not finishing:
            raise self._reason()
        waiter = _Waiter(purpose, finishing)
        try:
            with self._lock:
                if self._watcher is None:
                    answer = self._budget.ask(purpose)
                    if isinstance(answer, Permit):
                        return answer
                    self._watcher = waiter
                (self._searches if purpose == "search" else self._actions).append(waiter)
                watching = self._watcher is waiter
            if not watching:
                waiter.woken.acquire()  # until handed a permit, or the watch, or turned away
                if waiter.permit is not None:
                    return waiter.permit
                if waiter.refused:
                    raise self._reason()
            return self._keep_watch(waiter)
        except BaseException:
            self._give_up(waiter)
            raise

    def leave(
        self,
        permit: Permit,
        *,
        status: int | None,
        headers: Mapping[str, str] | None,
        server_date: float | None = None,
    ) -> None:
        """Settle a permit; see Budget.answered."""
        with self._lock:
            self._budget.answered(permit, status=status, headers=headers, server_date=server_date)

    def throttled(self, permit: Permit, *, headers: Mapping[str, str] | None, kind: str) -> float:
        """Settle a permit whose answer was a 429; see Budget.throttled."""
        with self._lock:
            return self._budget.throttled(permit, headers=headers, kind=kind)

    def state(self) -> BudgetState:
        """The budget as it stands."""
        with self._lock:
            return self._budget.state()

    def present(self) -> None:
        """Account for the window that is not over; see Budget.present."""
        with self._lock:
            self._budget.present()

    def wanted_workers(self) -> int:
        """How many requests in flight the budget could use; see Budget.wanted_workers."""
        with self._lock:
            return self._budget.wanted_workers()

    @property
    def latency(self) -> float:
        """Smoothed seconds from permit to answer."""
        return self._budget.latency

    @property
    def waiting(self) -> int:
        """How many threads wait right now."""
        return len(self._searches) + len(self._actions)

    # -- inside ----------------------------------------------------------------------------------------------

    def _keep_watch(self, waiter: _Waiter) -> Permit:
        """Ask for whoever is first, until that is this thread's own turn; then pass the watch on."""
        while True:
            with self._lock:
                if self._stop.asked:
                    self._turn_away()
                    if waiter.refused:
                        raise self._reason()
                queue = self._searches or self._actions
                first = queue[0]
                answer = self._budget.ask(first.purpose)
                if isinstance(answer, Permit):
                    queue.popleft()
                    if first is waiter:
                        self._pass_on()
                        return answer
                    first.permit = answer
                    first.woken.release()
                    continue
            # Not Stop.wait: this lock is five times cheaper, it runs once a request, and SLICE bounds the
            # delay.
            waiter.woken.acquire(timeout=min(answer, SLICE))

    def _turn_away(self) -> None:
        """A stop: all go home but those who are finishing."""
        for queue in (self._searches, self._actions):
            for waiter in [one for one in queue if not one.finishing]:
                queue.remove(waiter)
                waiter.refused = True
                if waiter is not self._watcher:
                    waiter.woken.release()

    def _pass_on(self) -> None:
        queue = self._searches or self._actions
        self._watcher = queue[0] if queue else None
        if self._watcher is not None:
            self._watcher.woken.release()

    def _give_up(self, waiter: _Waiter) -> None:
        """Leave the queue in order, whatever ended the wait (Stop, or Ctrl-C in the midst of it)."""
        with self._lock:
            queue = self._searches if waiter.purpose == "search" else self._actions
            if waiter in queue:
                queue.remove(waiter)
            if waiter.permit is not None:
                self._budget.answered(waiter.permit, status=None, headers=None)
            if self._watcher is waiter:
                self._pass_on()

    def _reason(self) -> RunStopped:
        reason = self._stop.reason
        if isinstance(reason, RunStopped):
            # A copy: one instance raised in many threads would gather all their tracebacks.
            fresh = copy.copy(reason)
            fresh.__cause__ = reason
            return fresh
        fresh = RunStopped(str(reason or ""))
        fresh.__cause__ = reason
        return fresh
