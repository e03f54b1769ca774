"""PartitionedSource: a large selection read in parts at the same time, each with its own cursor.

Step 3 of the life of an item (docs/explanation/life-of-an-item.md). It has the few words of EndpointSource, and whoever reads it
sees pages, one after the other. docs/adr/0013-a-search-in-parts.md says why it is so.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from ..errors import IntercomBulkError, InvalidRequest, RunStopped, SearchError
from ..model import Page
from ..stop import Stop
from .paginator import EndpointSource
from .parts import FIELD, Axis, Part, Parts

log = logging.getLogger("intercom_bulk_updater")

FROM_PAGES = 20
"""A selection of fewer pages is read by one cursor: counting would cost more than it spares."""
PART_PAGES = 5
"""Pages that a part should have: the last of each is half empty, and each takes a count to find."""
MOST_PARTS = 32
"""Each is a thread with one request under way; where a page takes half a second they read sixty pages a second."""
_COUNTS = 32
"""Counts that are asked for at a time."""
_READ = 3
"""Pages in memory as objects, the one in work included; the others wait as the bytes that came, a quarter of that."""
_AT_FIRST = 8
"""Pages that are under way or wait, until it is known that who takes them keeps up with more."""

_SLICE = 0.1
"""Seconds after which who waits between two tries looks whether all has been stopped."""


class _StoredCursorDied(Exception):
    """A cursor of an earlier process is refused."""


@dataclass(slots=True)
class PartitionedSource:
    """The pages of one search, in parts where it is large.

    Parameters
    ----------
    whole:
        The search as it would be read by one cursor; it may have no order of its own.
    axis:
        Where it can be cut.
    """

    whole: EndpointSource
    axis: Axis = field(default_factory=Axis)
    from_pages: int = FROM_PAGES
    """Read in parts from so many pages on."""
    _parts: list[Part] = field(default_factory=list)
    """The division of the last pass: the next one takes it again."""
    _adds_up: bool = True

    def pages(self, cursor: str | None = None) -> Iterator[Page]:
        """Yield page after page, from `cursor` (of this source, or of one cursor alone) or the start; raises what EndpointSource does.

        The first page has the total of the whole, and so has the last one; those between have none.
        """
        parts = Parts.of(cursor)
        if parts is not None:
            try:
                yield from self._read(parts, resumed=True)
                return
            except _StoredCursorDied as exc:
                log.info("a cursor of the search has died, it begins anew: %s", exc.__cause__)
            anew = self.pages()
            yield replace(next(anew), anew=True)
            yield from anew
            return
        pages = self.whole.pages(cursor)
        first = next(pages)
        yield first
        total, shown = first.total, {str(item.get("id")) for item in first.items}
        divided = self._divide(first) if cursor is None and self._is_large(first) else []
        del first
        if divided:
            yield from self._read(Parts(divided, shown), total=total)
        else:
            yield from pages

    def count(self) -> int | None:
        """See EndpointSource."""
        return self.whole.count()

    def first(self, size: int) -> Page:
        """See EndpointSource."""
        return self.whole.first(size)

    # -- division ------------------------------------------------------------------------------------------------------

    def _is_large(self, first: Page) -> bool:
        size = len(first.items) + first.unusable
        return self._adds_up and first.cursor is not None and size > 0 and (first.total or 0) > self.from_pages * size

    def _divide(self, first: Page) -> list[Part]:
        """The parts of a selection; none where it cannot be divided."""
        total, page = first.total or 0, len(first.items) + first.unusable
        times = sorted(at for item in first.items if isinstance(at := item.get(FIELD), int) and not isinstance(at, bool))
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="count") as beside:
                tight = beside.submit(self._is_tight, total, self.axis.cut(times[len(times) // 2])) if times else None
                if tight is not None and not self._parts:
                    size = max(PART_PAGES * page, total / MOST_PARTS)
                    # A count costs a request, as a page does.
                    most = total // page // 4 + 10
                    cuts = self.axis.divide(total, size, self._count_from, most=most, now=self.whole.client.server_time(), seen=times)
                    self._parts = self.axis.parts(cuts) if cuts else []
                self._adds_up = tight is not None and tight.result()
            if not self._adds_up:
                log.info("%s: the parts by %s do not add up to the whole; it is read by one cursor", self.whole.endpoint.path, FIELD)
        except InvalidRequest as exc:
            log.info("%s cannot be counted by %s, it is read by one cursor: %s", self.whole.endpoint.path, FIELD, exc)
            self._adds_up = False
        return [replace(part) for part in self._parts] if self._adds_up else []

    def _is_tight(self, total: int, cut: int) -> bool:
        """Whether nothing falls out between the two sides of a cut, as an item without a date would."""
        sides = self.axis.parts([cut])
        for _ in range(2):
            counted = sum(self._count(sides))
            if counted > 1.5 * total:
                return False  # the server does not cut
            # Items leave a selection while it is counted.
            if counted >= total or counted >= (total := self.whole.count() or 0):
                return True
        return False

    def _count_from(self, cuts: list[int]) -> list[int]:
        return self._count([Part(above=self.axis.above(cut)) for cut in cuts])

    def _count(self, parts: list[Part]) -> list[int]:
        with ThreadPoolExecutor(min(_COUNTS, len(parts)), thread_name_prefix="count") as pool:
            return [found or 0 for found in pool.map(lambda part: self._source(part).count(), parts)]

    def _source(self, part: Part, stop: Stop | None = None) -> EndpointSource:
        return replace(self.whole, query=part.query(self.whole.query) or {}, stop=stop or self.whole.stop)

    def read(self, part: Part, stop: Stop, before_reading: Callable[[], object]) -> Iterator[Page]:
        """The pages of one part, from its cursor on, until `stop`."""
        return replace(self._source(part, stop), before_reading=before_reading).pages(part.cursor)

    # -- reading -------------------------------------------------------------------------------------------------------

    def _read(self, parts: Parts, *, total: int | None = None, resumed: bool = False) -> Iterator[Page]:
        """The pages of all parts as they come; then an empty one with what the whole is now."""
        stored = {id(part) for part in parts.left if resumed and part.cursor is not None}
        begun: set[int] = set()
        announced = 0
        with _Readers(self, parts.left) as readers:
            while parts.left:
                part, page = readers.next()
                if isinstance(page, BaseException):
                    if id(part) in stored - begun and _may_be_the_cursor(page):
                        raise _StoredCursorDied from page
                    raise page
                announced += 0 if id(part) in begun else page.total or 0
                begun.add(id(part))
                part.cursor = page.cursor
                if page.cursor is None:
                    parts.left = [one for one in parts.left if one is not part]
                handed = [Page(parts.new(page.items), None, parts.cursor, page.unusable)]
                del page  # it makes room for the next one
                yield handed.pop()
        now = self.whole.count()
        if total is not None and now is not None and announced < min(total, now):
            self._adds_up = False  # whoever misses an item asks again: then by one cursor
        yield Page([], now)


def _may_be_the_cursor(error: BaseException) -> bool:
    return isinstance(error, IntercomBulkError) and not isinstance(error, SearchError | RunStopped) and error.exit_code != 4


class _PartStop(Stop):
    """Stops the reading of parts alone, and with the whole."""

    def __init__(self, whole: Stop) -> None:
        super().__init__()
        self._whole = whole

    @property
    def asked(self) -> bool:
        if self._whole.asked:
            self.ask(self._whole.reason or "")
        return super().asked

    def wait(self, seconds: float) -> bool:
        """See Stop; one thread cannot wait on two events, so it looks at the other every now and then."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            super().wait(min(left, _SLICE))
        return self.asked


class _Readers:
    """Threads that read parts, each of them to its end. On leaving all have ended.

    Each has one page under way: while its answer waits for room in memory, and until it is queued, it asks for no other. As many
    requests are under way as there are parts, for as long as whoever takes the pages keeps up: few at first, one more with each
    page that is waited for, and one less while pages wait instead.
    """

    def __init__(self, source: PartitionedSource, parts: list[Part]) -> None:
        self._stop = _PartStop(source.whole.stop)
        self._todo = deque(parts)
        self._pages: queue.SimpleQueue[tuple[Part, Page | BaseException]] = queue.SimpleQueue()
        self._source = source
        self._room = threading.Semaphore(_READ)
        self._width = min(_AT_FIRST, len(parts))
        self._under_way = threading.Semaphore(self._width)
        self._taken = False
        self._threads = [threading.Thread(target=self._run, name="search", daemon=True) for _ in parts]

    def next(self) -> tuple[Part, Page | BaseException]:
        """The next page of any part, or what broke the reading of one. The page before has to be gone from memory."""
        if self._taken:
            self._room.release()
            self._pace()
        self._taken = True
        return self._pages.get()

    def _pace(self) -> None:
        """Let another page be asked for in place of the one that was taken; two where none waits, none where several do."""
        waiting = self._pages.qsize()
        change = (not waiting and self._width < len(self._threads)) - (waiting > 1 and self._width > _AT_FIRST)
        self._width += change
        if change >= 0:
            self._under_way.release(1 + change)

    def _run(self) -> None:
        part = self._todo.popleft()
        held = False

        def take_room() -> None:  # once for each page: when it is asked for again, room is there
            nonlocal held
            held = held or self._room.acquire()

        try:
            pages = self._source.read(part, self._stop, take_room)
            cursor: str | None = ""
            while cursor is not None:
                self._under_way.acquire()
                if self._stop.asked:
                    raise self._stop.reason or RunStopped()
                page = next(pages)
                cursor, held = page.cursor, False
                self._pages.put((part, page))
                del page
        except BaseException as exc:
            self._pages.put((part, exc))

    def __enter__(self) -> _Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.ask("The reading of the other parts has ended.")
        for waited_for in (self._room, self._under_way):
            waited_for.release(max(1, len(self._threads)))
        for thread in self._threads:
            thread.join()
