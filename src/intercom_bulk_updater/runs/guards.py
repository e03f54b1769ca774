"""Guards: what must hold before the first write, and what ends a run that goes wrong. All raise SafetyStop (exit 5)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import SafetyStop
from ..model import Counts, ItemResult, Outcome
from ..parsing.amounts import Amount, Expect
from .options import Options

# The window of --max-failures P%, and how many items it needs before it judges.
_WINDOW, _LEAST = 100, 20
# Without --max-failures: so many items at the start that all end badly for one and the same cause stop the run.
ALL_ALIKE = 20
# Refusals (402, 403, 405, 406, 415) of so many differing items in a row, all alike, mean a permission that is missing for
# all of them: as long as nothing is done, and later. A run that was stopped so tries more of them at each resume, so that
# it gets past items that are refused one by one.
REFUSED_AT_FIRST, REFUSED_LATER, REFUSED_GROWTH = 5, 50, 4


def check_size(selected: int, options: Options, population: int | None) -> None:
    """Compare a selection with --expect and --max, before anything is written.

    `population` is how many items of the kind there are, for `--max P%`; None when it is not known.
    """
    word, most = options.word, options.max
    unexpected, too_many = bool(options.expect) and not Expect.parse(options.expect).allows(selected), _too_many(selected, most, population)
    if not (unexpected or too_many):
        return
    if unexpected:
        said = (
            f"{counted_are(selected)} selected and {word('expect', options.expect)} does not allow that. Nothing was written. "
            f"Look at the selection ({word('dry_run', True)}), or correct {word('expect')}."
        )
    elif (amount := Amount.parse(most)).percent and population is None:
        said = f"{word('max', most)} needs the number of all items of this kind, which Intercom does not tell here. Nothing was written."
    else:
        of = f" ({amount.of(population or 0):,} of {population:,})" if amount.percent else ""
        said = (
            f"{counted_are(selected)} selected, more than {word('max', amount)}{of}. Nothing was written. "
            f"Narrow the selection, or raise {word('max')}."
        )
    # What `runs resume` has to be told to go on: both guards, where the other would stop it next.
    go_on = " ".join(flag for flag, wrong in ((f"--expect {selected}", unexpected), (f"--max {selected}", too_many)) if wrong)
    raise SafetyStop(said, guard={"selected": selected, "go_on": go_on}, hint="")


def _too_many(selected: int, most: str, population: int | None) -> bool:
    if not most or uncapped(most):
        return False
    amount = Amount.parse(most)
    return (amount.percent and population is None) or selected > amount.of(population or 0)


def counted(count: int) -> str:
    """`1 item`, `6,632 items`."""
    return f"{count:,} item{'' if count == 1 else 's'}"


def counted_are(count: int) -> str:
    """`1 item is`, `6,632 items are`."""
    return f"{counted(count)} {'is' if count == 1 else 'are'}"


def uncapped(most: str) -> bool:
    """`--max 100%`: no cap, whatever the number of all items is."""
    amount = Amount.parse(most)
    return amount.percent and amount.value >= 100


def needs_population(most: str) -> bool:
    """Whether --max is a part of all items of the kind, so that their number has to be asked for."""
    return bool(most) and Amount.parse(most).percent and not uncapped(most)


def most_allowed(options: Options, population: int | None) -> int | None:
    """The largest selection that --expect and --max allow; None for any."""
    bounds = [Expect.parse(options.expect).highest] if options.expect else []
    if options.max and not uncapped(options.max):
        bounds.append(Amount.parse(options.max).of(population or 0))
    return min(bounds, default=None)


@dataclass(slots=True)
class FailureLimit:
    """--max-failures: `N` stops when more than N items failed; `P%` when more than P % of the last 100 did.

    Without it, a run stops whose first items all ended badly for the same cause: it would go on like that to the last.
    """

    text: str
    run: str = "RUN"
    options: Options = field(default_factory=Options)
    failed: int = 0
    """Items that failed or are in doubt."""
    doubtful: int = 0
    """Those in doubt among them."""
    alike: str | None = ""
    """The one cause of all outcomes so far; "" before the first, None once they differ."""
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    def trips(self, fates: Sequence[ItemResult]) -> SafetyStop | None:
        """Count outcomes; the reason to stop if there were too many failures among them."""
        reason = None
        for fate in fates:
            try:
                self.see(fate)
            except SafetyStop as exc:
                reason = reason or exc
        return reason

    def see(self, fate: ItemResult) -> None:
        """Count one outcome; raises SafetyStop when it is too much."""
        outcome = fate.outcome
        if outcome is Outcome.PENDING:
            return
        bad = outcome is Outcome.FAILED or outcome is Outcome.IN_DOUBT
        if not bad and not self.text:
            self.alike = None
            return
        self.failed += bad
        self.doubtful += outcome is Outcome.IN_DOUBT
        if not self.text:
            self._see_alike(fate)
            return
        self.recent.append(bad)
        if not bad:
            return
        amount = Amount.parse(self.text)
        if not amount.percent:
            if self.failed > amount.of(0):
                allowed = self.options.word("max_failures", amount)
                said = bad_in_words(self.failed - self.doubtful, self.doubtful)
                raise SafetyStop(f"{said}, more than {allowed} allows.", failed=self.failed)
        elif len(self.recent) >= _LEAST:
            share = 100 * sum(self.recent) / len(self.recent)
            if share > float(amount.value):
                raise SafetyStop(
                    f"{sum(self.recent)} of the last {len(self.recent)} items failed{' or are in doubt' if self.doubtful else ''} "
                    f"({share:.0f} %), more than "
                    f"{self.options.word('max_failures', amount)} allows.",
                    failed=self.failed,
                )

    def _see_alike(self, fate: ItemResult) -> None:
        cause = fate.failure.cause if fate.failure is not None else None
        self.alike = cause if self.alike in ("", cause) else None
        if self.alike is None or self.failed < ALL_ALIKE:
            return
        what = "are in doubt" if fate.outcome is Outcome.IN_DOUBT else "failed"
        raise SafetyStop(
            f"The first {self.failed:,} items all {what} for the same cause ({cause}), and none was done. The rest was left "
            f"pending. To go on all the same: {self.options.command(self.run, 'resume', max_failures='100%')}.",
            failed=self.failed,
            guard={"go_on": "--max-failures 100%"},
        )

    def in_all(self, error: SafetyStop, counts: Counts) -> str:
        """The message of a stop with what became of the items that were in flight when this breaker tripped."""
        doubtful = counts.in_doubt + counts.in_flight
        if "failed" not in error.parts or counts.failed + doubtful <= error.parts["failed"]:
            return error.message
        return f"{error.message} What was in flight by then was finished first: {bad_in_words(counts.failed, doubtful)} in all."


def bad_in_words(failed: int, doubtful: int) -> str:
    """`3 items failed`, `1 item is in doubt`, `3 items failed and 1 is in doubt`."""
    if not doubtful:
        return f"{counted(failed)} failed"
    verb = "is" if doubtful == 1 else "are"
    return f"{counted(failed)} failed and {doubtful:,} {verb} in doubt" if failed else f"{counted(doubtful)} {verb} in doubt"
