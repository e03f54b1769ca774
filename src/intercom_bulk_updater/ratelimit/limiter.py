"""The gate: where threads wait for the budget, and for a service that is away.

A turnstile: the oldest waiter is the one that watches the clock, all others sleep behind it in order,
searches before actions. Nobody holds the lock while waiting.

Step 6 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

import copy
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from intercom_bulk_updater.errors import AnswerLost, BadAnswer, ConnectionFailed, RunStopped, TimedOut, TransportError
from intercom_bulk_updater.stop import Stop

from .budget import Budget
from .headers import retry_after
from .outage import OutageDetector, ServiceAway
from .permit import BudgetState, Permit

SLICE = 0.02
"""Longest wait (seconds) before the budget is asked again: an answer may have brought news, or somebody
may have asked to stop."""


class _Waiter:
    __slots__ = ("finishing", "held", "permit", "probe", "purpose", "refused", "woken")

    def __init__(self, purpose: str, finishing: bool, probe: bool, held: bool) -> None:
        self.purpose = purpose
        self.finishing = finishing
        self.held = held
        self.probe = probe
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
        Ends every wait, but that of who is `finishing`. It is asked when the service stays away for too long.
    outage:
        Whether the service is there; also its only hand.
    """

    def __init__(self, budget: Budget, stop: Stop, outage: OutageDetector | None = None) -> None:
        self._budget = budget
        self._stop = stop
        self._outage = outage or OutageDetector()
        self.on_service: Callable[[ServiceAway | None], None] | None = None
        """Called when the service goes away, and with None when it is back; in the thread that finds out."""
        self.on_throttled: Callable[[float], None] | None = None
        """Called when all is held back, because of a 429, for so many seconds from now; once for each such wait."""
        self._noticed = False
        self._held_until = 0.0
        self._lock = threading.Lock()
        self._searches: deque[_Waiter] = deque()
        self._actions: deque[_Waiter] = deque()
        self._watcher: _Waiter | None = None

    def enter(self, purpose: str, *, finishing: bool = False, probe: bool = False, held: bool = False) -> Permit:
        """Wait for leave to send one request. `probe`: to ask whether the service is there.

        Raises the reason of `stop` if it is a RunStopped (DeadlineReached, Interrupted ...), else RunStopped
        from it. `finishing`: it belongs to an item that has sent something already; a stop lets it through, or
        the item would be left half-done. `held`: the thread holds a permit of this purpose, and cannot give it back before
        this request is through: however few requests may be in flight, it is one of them.
        """
        waiter = _Waiter(purpose, finishing, probe, held)
        if self._stop.asked and not self._may_finish(waiter):
            raise self._reason()
        try:
            with self._lock:
                if self._watcher is None:
                    answer = self._ask(waiter)
                    if isinstance(answer, Permit):
                        return answer
                    self._watcher = waiter
                queue = self._searches if purpose == "search" else self._actions
                if held:
                    queue.appendleft(waiter)  # or it would wait behind those who wait for the permit that it holds
                else:
                    queue.append(waiter)
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
        failure: TransportError | None = None,
        subject: str = "",
        came_through: bool = False,
    ) -> None:
        """Settle a permit; see Budget.answered.

        `failure`: why there is no usable answer; `subject`: what the request was about; `came_through`: another library sent
        it, and nothing went wrong.
        """
        with self._lock:
            self._budget.answered(permit, headers=headers, server_date=server_date)
            if self._outage.calm and failure is None and (status is None or (status < 429 and status != 408)):
                if status is not None or came_through:
                    self._outage.still_there(permit.number)
                else:
                    self._outage.forget(permit.number)
                return
            about = permit.number, permit.at, permit.purpose
            if isinstance(failure, ConnectionFailed | AnswerLost | BadAnswer):
                connected, advice = not isinstance(failure, ConnectionFailed), str(failure.parts.get("advice") or "")
                late = isinstance(failure, TimedOut)
                words = failure.message
                self._outage.failed(*about, connected=connected, late=late, subject=subject, problem=words, advice=advice)
            elif status is not None or came_through:
                status = status or 200
                wait = retry_after(headers) if status >= 500 else None
                self._outage.answered(*about, status, wait=wait, subject=subject, problem=f"it answered {status}")
            else:
                self._outage.forget(permit.number)
        self._notice()

    def throttled(self, permit: Permit, *, headers: Mapping[str, str] | None, kind: str) -> float:
        """Settle a permit whose answer was a 429; see Budget.throttled."""
        with self._lock:
            wait = self._budget.throttled(permit, headers=headers, kind=kind)
            asked = retry_after(headers)
            self._outage.answered(permit.number, permit.at, permit.purpose, 429, wait=asked, problem="it answered 429")
            over = self._outage.verdict()
            if over is not None:
                self._stop.ask(over)
            until = time.monotonic() + wait
            told, self._held_until = until < self._held_until + 1.0, max(until, self._held_until)
        if self.on_throttled is not None and not (told or self._outage.is_away):
            self.on_throttled(wait)
        self._notice()
        return wait

    def state(self) -> BudgetState:
        """The budget as it stands."""
        with self._lock:
            return self._budget.state()

    def close(self) -> None:
        """Nobody will enter any more; see Budget.leave."""
        with self._lock:
            self._budget.leave()

    def set_speed(self, share: float, rate: float | None) -> None:
        """See Budget."""
        with self._lock:
            self._budget.set_speed(share, rate)

    def away(self) -> ServiceAway | None:
        """That the service is away, and until when; None when it is there."""
        with self._lock:
            return self._outage.state()

    def explains(self, purpose: str, subject: str = "") -> bool:
        """Whether a request that failed now failed with the service; see OutageDetector.explains."""
        with self._lock:
            return self._outage.explains(purpose, subject)

    @property
    def suspects(self) -> bool:
        """Whether the service seems to be away, and no probe has told yet."""
        return self._outage.is_suspected

    def in_doubt(self, purpose: str) -> bool:
        """Whether no good answer has come since the last failure of such a request."""
        with self._lock:
            return self._outage.in_doubt(purpose)

    @property
    def last_good(self) -> float:
        """When the last good answer came (monotonic seconds)."""
        return self._outage.last_good

    def present(self) -> None:
        """Account for the window that is not over; see Budget.present."""
        with self._lock:
            self._budget.present()

    def wanted_workers(self) -> int:
        """How many requests in flight the budget could use; see Budget.wanted_workers."""
        with self._lock:
            return self._budget.wanted_workers()

    @property
    def boundless(self) -> bool:
        """See Budget."""
        return self._budget.boundless

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
                answer = self._hand_out()
                if waiter.permit is not None:
                    self._pass_on()
                    return waiter.permit
            if self._noticed is not (self._outage.is_away and not self._outage.is_suspected):
                self._notice()
            # Not Stop.wait: this lock is five times cheaper, it runs once a request, and SLICE bounds the
            # delay.
            waiter.woken.acquire(timeout=min(answer, SLICE))

    def _hand_out(self) -> float:
        """Give a permit to each that may leave now, in order; returns the seconds until the next may."""
        while queue := self._searches or self._actions:
            answer = self._ask(queue[0])
            if not isinstance(answer, Permit):
                return answer
            first = queue.popleft()
            first.permit = answer
            if first is not self._watcher:
                first.woken.release()
        return 0.0

    def _ask(self, waiter: _Waiter) -> Permit | float:
        """A permit of the budget, once the service is there; or the seconds to wait."""
        wait = self._outage.wait(waiter.purpose, held=waiter.held, probe=waiter.probe)
        if wait > 0:
            over = self._outage.verdict()
            if over is not None:
                self._stop.ask(over)
            return wait
        answer = self._budget.ask(waiter.purpose)
        if isinstance(answer, Permit) and self._outage.admit(answer.number, waiter.purpose, probe=waiter.probe):
            return answer._replace(probe=True)
        return answer

    def _notice(self) -> None:
        """Tell who listens that the service went away or is back. Without the lock: who listens may take its time."""
        if self._outage.calm and not self._noticed:
            return
        with self._lock:
            state = self._outage.state()
            changed, self._noticed = self._noticed is not (state is not None), state is not None
        if changed and self.on_service is not None:
            self.on_service(state)

    def _turn_away(self) -> None:
        """A stop: all go home but those who are finishing, and they too while the service is away."""
        for queue in (self._searches, self._actions):
            for waiter in [one for one in queue if not self._may_finish(one)]:
                queue.remove(waiter)
                waiter.refused = True
                if waiter is not self._watcher:
                    waiter.woken.release()

    def _may_finish(self, waiter: _Waiter) -> bool:
        return waiter.finishing and not self._outage.is_away and (waiter.held or not self._outage.is_failing(waiter.purpose))

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
                self._budget.answered(waiter.permit, headers=None)
                self._outage.forget(waiter.permit.number)
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
