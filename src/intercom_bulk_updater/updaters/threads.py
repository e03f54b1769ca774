"""Which action a thread works for: the one that is called in it, that gave it its work, or that has started it.

Threads that user code starts are user code too: Python announces them from 3.12 on; before, `Thread.start` is asked. The
threads of a pool serve every item, whoever has started them: what is handed to one carries the action that hands it on.
"""

from __future__ import annotations

import queue
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from .host_guard import HostGuard
from .request_watcher import RequestWatcher

LIBRARIES = ("<frozen", *{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
"""How the files begin that are no person's own."""
STARTS = frozenset(("_thread.start_new_thread", "_thread.start_joinable_thread"))
_OURS = str(Path(__file__).parents[2])
_POOL = str(Path("multiprocessing", "pool.py"))
_here = threading.local()


@dataclass(slots=True)
class UserCode:
    """User code that runs in a thread, and what watches it. Threads that it starts are watched likewise."""

    guard: HostGuard
    watch: RequestWatcher | None = None
    """None when its action has ended."""
    items: frozenset[str] = frozenset()
    """The ids that it has, or had, in hand."""
    given: list[threading.Thread | Future[Any]] = field(default_factory=list)
    """The threads that it has started itself, and the work that it has given to a pool."""

    def wait_for_threads(self, seconds: float) -> bool:
        """Whether the threads that work for it, and those that they have given work, come to their end within so many seconds."""
        until = time.monotonic() + seconds
        for one in self.given:  # which may become longer meanwhile
            left = max(0.0, until - time.monotonic())
            if isinstance(one, Future):
                if wait((one,), left).not_done:
                    return False
            else:
                one._started.wait(left)  # type: ignore[attr-defined] # it is noted before it starts, and join would raise
                one.join(max(0.0, until - time.monotonic()))
                if one.is_alive():
                    return False
        return True


def called_here() -> UserCode | None:
    """The user code that the engine has called in this very thread."""
    return getattr(_here, "called", None)


@contextmanager
def calling(code: UserCode) -> Iterator[None]:
    """The engine calls user code in this thread inside the block."""
    outer = called_here()
    _here.called = code
    try:
        yield
    finally:
        _here.called = outer


def code_here() -> UserCode | None:
    """The user code that this thread works for; of one that it has started, as far as that can be known."""
    code: UserCode | None = called_here() or getattr(_here, "given", None)
    if code is None:
        # Not current_thread(): it makes an object for each thread it does not know.
        thread = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
        code = getattr(thread, "_intercom_bulk_code", None)
    return code


def is_sure(code: UserCode) -> bool:
    """Whether this thread works for that code for certain: it need not, where it was only started by it."""
    return code is called_here() or code is getattr(_here, "given", None)


def others_at_work() -> bool:
    """Whether a thread of a person's own that serves all items has something in hand: an action may have given it that, and ended."""
    mine = (threading.get_ident(), threading.main_thread().ident)
    return any(_is_at_work(frame) for ident, frame in sys._current_frames().items() if ident not in mine)


def _is_at_work(frame: FrameType | None) -> bool:
    """Going by a thread's stack; one that waits for work is in `Queue.get`, or no deeper than the loop of its pool."""
    theirs = deeper = False
    while frame is not None:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        if (file, name) == (queue.__file__, "get"):
            return False
        if (file.endswith(_POOL), name) == (True, "worker"):
            return deeper
        if not file.startswith(LIBRARIES):
            theirs = not file.startswith(_OURS)
        frame, deeper = frame.f_back, True
    return theirs


def note_start(code: UserCode, args: tuple[Any, ...]) -> None:
    """Python announces that user code starts a thread."""
    thread = getattr(args[0], "__self__", None)
    if isinstance(thread, threading.Thread):
        _belongs(thread, code)


def follow() -> None:
    """From now on the work that user code gives to a thread is user code."""
    ThreadPoolExecutor.submit = _submit_watched  # type: ignore[method-assign, assignment]
    if sys.version_info < (3, 12):
        threading.Thread.start = _start_watched  # type: ignore[method-assign, assignment] # before that, Python announces no thread


_start, _submit = threading.Thread.start, ThreadPoolExecutor.submit


def _start_watched(thread: threading.Thread) -> None:
    """`Thread.start`: what user code starts is user code."""
    code = code_here()
    if code is not None:
        _belongs(thread, code)
    _start(thread)


def _belongs(thread: threading.Thread, code: UserCode) -> None:
    thread._intercom_bulk_code = code  # type: ignore[attr-defined]
    if not _starter().startswith(LIBRARIES):  # a thread of a pool, or of what sends metrics, does not end with the action
        code.given.append(thread)
    if code.watch is not None:
        code.watch.by_threads = True


def _starter() -> str:
    """The file whose line starts a thread."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and (frame.f_globals.get("__package__") == __package__ or frame.f_code.co_filename == threading.__file__):
        frame = frame.f_back
    return frame.f_code.co_filename if frame is not None else ""


def _submit_watched(pool: ThreadPoolExecutor, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    """`ThreadPoolExecutor.submit`, which `map` and `asyncio` call too."""
    code = code_here()
    if code is not None:
        work = partial(_do, code, work)
        if code.watch is not None:
            code.watch.by_threads = True
    future = _submit(pool, work, *args, **kwargs)
    if code is not None:
        code.given.append(future)
        future.add_done_callback = partial(_call_back, code, future)  # type: ignore[method-assign]
    return future


def _call_back(code: UserCode, future: Future[Any], work: Callable[[Future[Any]], object]) -> None:
    """`Future.add_done_callback`: the work runs when the other has ended, which nobody waits for any more by then."""
    ended: Future[None] = Future()

    def run(done: Future[Any]) -> None:
        try:
            _do(code, work, done)
        finally:
            ended.set_result(None)

    code.given.append(ended)
    Future.add_done_callback(future, run)


def _do(code: UserCode, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    outer = getattr(_here, "given", None)
    _here.given = code
    try:
        return work(*args, **kwargs)
    finally:
        _here.given = outer
