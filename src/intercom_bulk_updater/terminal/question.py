"""The question before the first write: the review, then a yes or the number; for what is grave the number alone."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from textwrap import wrap
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from intercom_bulk_updater.errors import SafetyStop
from intercom_bulk_updater.model import Reversibility

from ..report.formatting import clean, number, one, shorten
from .phrases import Title
from .terminal import console_of, is_terminal, say

if TYPE_CHECKING:
    from intercom_bulk_updater.runs.preview import Preview

LARGE = 500
"""Items from above which the number is to be typed."""
_YES, _NO = ("y", "yes"), ("n", "no")
_BACK = (str(Reversibility.REVERSIBLE), str(Reversibility.FIELDS))


def confirm(
    review: Preview,
    run_id: str,
    title: Title | None = None,
    *,
    stdin: TextIO | None = None,
    stderr: TextIO | None = None,
) -> bool:
    """Show the review and ask on the terminal. Ctrl-C, end of input and anything unexpected are a no.

    Raises SafetyStop when there is no terminal to ask on.
    """
    from .texts import review_text

    stdin = stdin if stdin is not None else sys.stdin
    stderr = stderr if stderr is not None else sys.stderr
    if not (is_terminal(stdin) and is_terminal(stderr)):
        raise SafetyStop(
            "There is no terminal to ask on, so nothing was written. Look at it with --dry-run, then repeat it with --yes.",
            run_id=run_id,
            hint="",
        )
    title = title or Title(words=review.operation, run=run_id)
    say(review_text(review, title), stderr)
    typed = needs_number(review)
    wanted = number(review.would_change)
    noun = one(title.noun) if review.would_change == 1 else title.noun
    place = f" in {title.workspace}" if title.workspace else ""
    which = f" ({shorten(title.selection, 60)})" if title.selection else ""
    # What is about to happen stands in the last line: by now the review may have scrolled away.
    question = f"{title.headline(wanted).replace(title.noun, noun, 1)}{which}{clean(place)}?"
    question = f"{question} Type {wanted} to go ahead:" if typed else f"{question} [y/N]"
    width = max(20, console_of(stderr).width - 1)
    question = "\n".join([*wrap(typed, width), *wrap(question, width, break_on_hyphens=False)]) + " "
    answer = _ask(question, stdin, stderr)
    if not (typed or _same(answer, review.would_change) or answer.strip().lower() in ("", *_YES, *_NO)):
        answer = _ask("Answer y, or n: ", stdin, stderr)
    yes = _same(answer, review.would_change) or (not typed and answer.strip().lower() in _YES)
    if typed and not yes and answer.strip():
        say(f"That is not {wanted}.", stderr)
    return yes


def needs_number(review: Preview) -> str:
    """Why the number has to be typed, in a sentence; "" when a y will do."""
    if review.reversibility not in _BACK:
        return "There is no way back from this."
    if review.customer_visible and review.customers != 0:
        return "Customers will see this."
    if review.would_change > LARGE:
        return "This is a large change."
    return ""


def _same(answer: str, wanted: int) -> bool:
    digits = answer.strip()
    for separator in (",", ".", "'", "’", " ", "\u202f", "\u00a0", "_"):  # noqa: RUF001 - as people group digits
        digits = digits.replace(separator, "")
    return digits.isdecimal() and int(digits) == wanted


def _ask(question: str, stdin: TextIO, stderr: TextIO) -> str:
    """What the person types, "" for nothing. Ctrl-C ends the question, whatever the command does with it."""
    with _interruptible():
        try:
            stderr.write(question)
            stderr.flush()
            line = stdin.readline()
        except (KeyboardInterrupt, EOFError, OSError, ValueError):
            line = ""
    if not line.endswith("\n"):
        with suppress(OSError, ValueError):
            stderr.write("\n")
            stderr.flush()
    return line


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise: a read from the terminal goes on after any other handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def terminated(number: int, frame: FrameType | None) -> None:
        handler = earlier[signal.SIGTERM]
        if callable(handler):
            handler(number, frame)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, signal.default_int_handler)
    if callable(earlier[signal.SIGTERM]):
        signal.signal(signal.SIGTERM, terminated)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            if handler is not None:
                signal.signal(number, handler)
