"""How a run is to be done: every option of the command and of `bulk_process`, once, with its default and unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from ..errors import UsageError
from ..parsing.amounts import Amount, Expect
from ..parsing.plain_value import plain

_AMOUNTS = ("expect", "max", "canary", "max_failures")


@dataclass(frozen=True, slots=True)
class Options:
    """What the person chose. JSON-able with `as_json`, so that a resumed run keeps it."""

    limit: int | None = None
    """Items at most; the selection is cut off there."""
    workers: int | None = None
    """A fixed number of workers; None: start at 15 and adapt."""
    share: float = 1.0
    """The part of the rate limit this run may use at most, 0 to 1."""
    rate: float | None = None
    """Requests a second at most, on top of the window; None: as the window allows."""
    timeout: float = 30.0
    """Seconds one request may take."""
    retries: int = 3
    """Repetitions of a request that failed for a passing reason: N means N+1 requests."""
    patience: float | None = None
    """Seconds that a service that is away is waited for, before the run stops (exit 7) to be resumed; None: as the settings say."""
    deadline: float | None = None
    """Seconds after which the run stops softly (exit 7)."""
    batch: int | None = None
    """Items that one request acts on at most, for verbs that act on several at once; None: as the verb says (50)."""
    page_size: int = 150
    """Items a search page; 150 is the most Intercom gives."""
    expect: str = ""
    """`N` or `N±P%`: refuse another count."""
    max: str = ""
    """`N` or `P%`: refuse a larger selection."""
    cap: int | None = None
    """Refuse a larger query selection that nobody has looked at (--yes without --max or --expect)."""
    canary: str = ""
    """`N` or `P%`: do these first, read them back, and go on only if all are as wanted."""
    max_failures: str = ""
    """`N` failures in all, or `P%` of the last 100 items: stop."""
    on_drift: str = "skip"
    """`skip`, `stop` or `force` for items that moved since the plan."""
    verify: str = "sample"
    """`none`, `sample` or `all`: read back at the end, then search again."""
    backup: str = ""
    """Where each item is kept whole before a write that nothing takes back; "" for a file in the state folder."""
    dry_run: bool = False
    ask: bool = False
    """Show the whole and ask a person before the first write; once, however often the run is resumed."""
    reread: bool = False
    """Read each item right before its write."""
    index_wait: float = 120.0
    """Seconds at most that the verification waits for Intercom's search index to catch up."""
    share_words: str = ""
    rate_words: str = ""
    """What was typed for --share and --rate: a value, or a timetable that the values follow (speed.py)."""
    python: bool = False
    """Asked for from Python: messages speak of arguments (`max=3`), not of flags (`--max 3`)."""

    def __post_init__(self) -> None:
        """Counts are accepted as numbers. Raises UsageError for what is neither a number nor a text."""
        for name in _AMOUNTS:
            object.__setattr__(self, name, amount(name, getattr(self, name), parse=False))

    def word(self, name: str, value: object = None) -> str:
        """An option as whoever chose it wrote it: `--max-failures 3`, or `max_failures=3`."""
        if self.python:
            text = str(value)
            return name if value is None else f"{name}={text if text.isdigit() or text == 'True' else repr(text)}"
        flag = f"--{name.replace('_', '-')}"
        return flag if value is None or value is True else f"{flag} {value}"

    def command(self, run: str, verb: str, **given: object) -> str:
        """What is done next with a run, as whoever began it writes it: `intercom-bulk runs resume RUN --max 9`, or Python."""
        if self.python:
            return f"open_run({run!r}).{verb}({', '.join(self.word(name, value) for name, value in given.items())})"
        path = f"runs {verb}" if verb in ("resume", "retry", "pause", "cancel") else verb
        return " ".join(["intercom-bulk", path, run, *(self.word(name, value) for name, value in given.items())])

    def as_json(self) -> dict[str, Any]:
        """What is stored with the run."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Options:
        """The options of a stored run; fields of other versions are left out."""
        return cls(**{k: v for k, v in stored.items() if k in cls.__dataclass_fields__})

    def amounts(self) -> None:
        """Parse every amount now, so that a typing error costs nothing. Raises UsageError that names the parameter."""
        for name in _AMOUNTS:
            try:
                amount(name, getattr(self, name))
            except UsageError as exc:
                raise UsageError(f"{name}: {exc.message}") from exc


def amount(name: str, value: Any, *, parse: bool = True) -> str:
    """An amount as a text, from a text or a whole number; "" for None. UsageError names the parameter, or says what the text must be."""
    if value is None:
        return ""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        such = "'4312±1%'" if name.endswith("expect") else "'5%'"
        raise UsageError(f"{name} must be a whole number or a text such as {such}, and is {value!r}")
    text = str(value)
    if text and parse:
        (Expect if name.endswith("expect") else Amount).parse(text)
    return text


def whole(name: str, value: Any, *, least: int = 1) -> int | None:
    """A whole number from `least` on, or None for "not given". UsageError names the parameter and what it must be."""
    if value is None:
        return None
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} must be a whole number, {least} or more, and is {value!r}")
    return value


def seconds(name: str, value: Any, *, otherwise: float = 30.0) -> float:
    """A time above 0; None for the default. UsageError names the parameter."""
    if value is None:
        return otherwise
    value = value.total_seconds() if isinstance(value, timedelta) else plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise UsageError(f"{name} must be a number of seconds above 0, such as {otherwise:g}, and is {value!r}")
    return float(value)


def one_of(name: str, value: Any, known: tuple[str, ...]) -> str:
    """One of the known words. UsageError names them."""
    if value not in known:
        raise UsageError(f"{name} must be one of {', '.join(known)}, and is {value!r}")
    return str(value)
