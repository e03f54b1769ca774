"""The other processes that spend from the same budget, as the ledger shows them: siblings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .ledger import SLOTS, Entry, Ledger

_SCAN = 0.05
"""Seconds between two looks for siblings that are new or gone."""
_LOOK = 0.002
"""Seconds between two looks at those that are known."""
_QUIET = 0.3
"""Seconds without a sign of life after which the lock is asked whether a sibling is alive."""
_FORGOTTEN = 30.0
"""Seconds without a sign of life (its process was stopped) after which its requests no longer count as in the air."""
_SAME = 1.5
"""Two Resets that are less than this apart (seconds) name one window, unless windows are shorter than twice that."""


class _Sibling:
    __slots__ = ("alive", "ask_at", "entry", "raw")

    def __init__(self) -> None:
        self.raw = b""
        self.entry = Entry()
        self.alive = False
        self.ask_at = 0.0


class Siblings:
    """What siblings have in the air, spent and want. Without a ledger there are none.

    Pure arithmetic on what is in the ledger: an entry that is damaged is as good as none, and nothing in it raises.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._ledger = ledger
        self._known: dict[int, _Sibling] = {}
        self._live: list[_Sibling] = []
        self._wants: list[float] = []
        self._scan_at = self._look_at = 0.0
        self._changed = False
        self.flying = 0
        """Their requests in the air."""
        self.bare = 0
        """Their requests that were settled without headers, ever; with those of who had our slot before."""
        self.rank = 0
        """How many of those that want more have an older claim to the last calls of a window."""
        self.until = 0.0
        """Until when one of them waits for a reason that concerns all."""
        self.scale = 1.0
        """The least part of the limit that one of them uses since it was refused."""
        self.share = 0.0
        """The parts of the limit that they may use, together."""
        self._last = Entry()  # what who had our slot before us left in it
        if ledger is not None:
            self._last = _ended(ledger.read(ledger.raw(ledger.own)) or self._last)
            ledger.write(self._last)
        self.bare = round(self._last.bare)

    def __bool__(self) -> bool:
        return bool(self._live)

    @property
    def listen(self) -> bool:
        """Whether anybody could hear what is told."""
        return self._ledger is not None

    def look(self, now: float) -> Iterable[Entry]:
        """Read what changed; the entries of those who tell something new of the window."""
        ledger = self._ledger
        if ledger is None or now < self._look_at:
            return ()
        self._look_at = now + (_LOOK if self._live else _SCAN)
        scan = now >= self._scan_at
        news = []
        for slot in range(SLOTS) if scan else tuple(self._known):
            if slot == ledger.own:
                continue
            known = self._known.get(slot)
            raw = ledger.raw(slot)
            if known is not None and raw == known.raw:
                continue
            entry = ledger.read(raw)
            if entry is None:
                continue
            if known is None:
                known = self._known[slot] = _Sibling()
            known.raw, known.entry = raw, entry
            known.alive, known.ask_at = abs(now - entry.seen) < _QUIET, 0.0
            self._changed = True
            if entry.heard:
                news.append(entry)
        if scan:
            self._scan_at = now + _SCAN
            self._find_the_dead(ledger, now)
        if self._changed:
            self._changed = False
            self._add_up(now)
        return news

    def _find_the_dead(self, ledger: Ledger, now: float) -> None:
        for slot, one in self._known.items():
            known_dead = one.ask_at and not one.alive
            if known_dead or now - one.entry.seen < _QUIET or now < one.ask_at:
                continue
            self._changed = True
            one.ask_at = now + _QUIET
            one.alive = ledger.alive(slot)

    def _add_up(self, now: float) -> None:
        own = self._ledger.own if self._ledger is not None else 0
        self._live, self._wants = [], []
        flying, bare, rank, until, scale, share = 0.0, self._last.bare, 0, 0.0, 1.0, 0.0
        for slot, one in self._known.items():
            entry, quiet = one.entry, now - one.entry.seen
            bare += entry.bare
            if not one.alive or not -1 < quiet < _FORGOTTEN:
                bare += entry.flying  # nobody will ever tell what became of them
                continue
            self._live.append(one)
            flying += entry.flying
            until, scale, share = max(until, entry.until), min(scale, entry.scale), share + entry.share
            if quiet < 2 * _QUIET:
                self._wants.append(max(0.0, entry.wants))
                rank += slot < own and entry.wants > 0
        self.flying, self.bare, self.rank = round(max(0.0, flying)), round(bare), rank
        self.until, self.scale, self.share = until, min(1.0, max(0.01, scale)), share
        self._wants.sort()

    def spent(self, reset: float | None) -> int:
        """Their calls in window `reset`, with those in the air."""
        if reset is None:
            return 0
        calls = sum(_calls(one.entry, reset) for one in self._known.values())
        return round(max(0.0, calls + _calls(self._last, reset)))

    def part(self, speed: float) -> float:
        """What is ours of `speed` requests a second: the same as everybody's, but for what others do not want."""
        left, number = speed, len(self._wants) + 1
        for wants in self._wants:
            if wants * number >= left:
                break
            left, number = left - wants, number - 1
        return left / number

    def tell(self, now: float, flying: int, bare: int, about: Sequence[float], window: Sequence[float]) -> None:
        """Write our own entry; `about` is what it says of us from `wants` on, and `window` from `reset` on."""
        if self._ledger is None:
            return
        if self._last.reset:
            window = self._with_the_last(window)
        self._ledger.write((now, flying, bare + self._last.bare, *about, *window))

    def _with_the_last(self, window: Sequence[float]) -> Sequence[float]:
        """Our account of the window with the calls of who had our slot before us."""
        last, (reset, spent, before, *rest) = self._last, window
        if reset > last.reset + 2 * last.length:
            self._last = self._last._replace(reset=0.0)
        return reset, spent + _calls(last, reset), before + _calls(last, reset - last.length), *rest

    def leave(self) -> None:
        """We are done: what we wanted is theirs at once."""
        if self._ledger is not None:
            self._ledger.write(_ended(self._ledger.read(self._ledger.raw(self._ledger.own)) or Entry()))
            self._ledger.close()
            self._ledger = None
            self._known.clear()
            self._add_up(0.0)


def _ended(entry: Entry) -> Entry:
    """What stands when its process is gone: what it spent. Nobody will tell what became of its last requests."""
    return entry._replace(bare=entry.bare + entry.flying, flying=0.0, wants=0.0, until=0.0, scale=1.0)


def _calls(entry: Entry, reset: float) -> float:
    """How many calls in window `reset` an entry speaks of."""
    same = min(_SAME, entry.length / 2)
    if abs(entry.reset - reset) < same:
        return entry.spent
    return entry.before if abs(entry.reset - entry.length - reset) < same else 0.0
