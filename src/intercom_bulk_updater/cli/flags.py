"""The flags that commands share, each group one dataclass: one meaning everywhere, and nothing relayed by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Group, Parameter, Token

from ..errors import UsageError
from ..parsing.environment import FLAG_VARIABLES
from .help import SHARED
from .stdout import data_format

_SELECTION, _SAFETY, _SPEED, _OUTPUT = (Group(name, sort_key=place) for place, name in enumerate(SHARED))


def _flag(group: Group, help_text: str, *names: str, form: str | None = None) -> Parameter:
    return Parameter(name=list(names) or None, group=group, help=help_text, negative="", metavar=form)


def _default(group: Group, help_text: str, name: str, *short: str, form: str | None = None) -> Parameter:
    """A flag that an environment variable may set once for all commands."""
    return Parameter(
        name=[f"--{name}", *short], group=group, help=help_text, negative="", metavar=form,
        env_var=FLAG_VARIABLES[name], show_env_var=False,
    )


def whole(_: object, tokens: Sequence[Token]) -> int:
    """A whole number as typed: the parser would round 1.5."""
    typed = tokens[0].value
    if not re.fullmatch(r"[+-]?[0-9]{1,12}", typed.strip()):
        raise UsageError(f"{tokens[0].keyword} takes a whole number, not {typed!r}.")
    return int(typed)


_WHOLE = Parameter(converter=whole)


Csv = Annotated[
    str | None,
    _flag(_SELECTION, "A spreadsheet, a row an item, columns as {{col}}; CSV, TSV or XLSX, and - reads standard input.", form="FILE|-"),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which items."""

    where: Annotated[str | None, _flag(_SELECTION, "A filter: 'created_at > 30d and updated_at < 7d'.", form="'FILTER'")] = None
    query: Annotated[
        str | None, _flag(_SELECTION, "A file with a raw Intercom query (JSON); - reads standard input.", form="FILE|-"),
    ] = None
    ids: Annotated[
        str | None, _flag(_SELECTION, "A file of ids, links, or one that this tool wrote; - reads standard input.", form="FILE|-"),
    ] = None
    csv: Csv = None
    id_column: Annotated[
        str | None, _flag(_SELECTION, "With --csv: the column with ids, links, e-mails or external ids. Default: id.", form="COLUMN"),
    ] = None
    from_run: Annotated[str | None, _flag(_SELECTION, "The items of an earlier run; --where then narrows them.", form="RUN")] = None
    outcome: Annotated[str, _flag(_SELECTION, "With --from-run: which of its items.", form="OUTCOME")] = "failed"
    exclude: Annotated[str | None, _flag(_SELECTION, "A file with ids to leave out; - reads standard input.", form="FILE|-")] = None
    exclude_run: Annotated[str | None, _flag(_SELECTION, "An earlier run whose items to leave out.", form="RUN")] = None
    limit: Annotated[int | None, _flag(_SELECTION, "So many items at most."), _WHOLE] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class KeyedRows:
    """Which items, where some of them may not exist yet."""

    csv: Csv = None
    id_column: Annotated[
        str | None, _flag(_SELECTION, "What the rows go by: external_id or email of contacts, company_id of companies.", form="COLUMN"),
    ] = None
    limit: Annotated[int | None, _flag(_SELECTION, "So many rows at most."), _WHOLE] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Listing:
    """How what was found is listed."""

    columns: Annotated[str | None, Parameter(help="Their names: id,team,created_at; help lists them.", metavar="A,B")] = None
    output: Annotated[
        str | None, Parameter(name=["--output", "-o"], help="Write them to this file: .csv, .xlsx, .jsonl or .parquet.", metavar="FILE"),
    ] = None
    count: Annotated[bool, Parameter(help="Only how many there are.", negative="")] = False
    explain: Annotated[bool, Parameter(help="Only what Intercom would be asked, and what that means.", negative="")] = False

    def __post_init__(self) -> None:
        """Raises UsageError for two answers at once."""
        asked = [f"--{name}" for name in ("output", "count", "explain") if getattr(self, name)]
        if len(asked) > 1:
            raise UsageError(f"{' and '.join(asked)} are two answers; leave one out.")

    @property
    def chosen(self) -> list[str] | None:
        """The columns that are named; None for those that come by themselves."""
        return None if self.columns is None else [name.strip() for name in self.columns.split(",") if name.strip()]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Safety:
    """What must hold before and while items are changed."""

    dry_run: Annotated[bool, _flag(_SAFETY, "Look, and change nothing.", "--dry-run", "-n")] = False
    yes: Annotated[bool, _flag(_SAFETY, "Do not ask.", "--yes", "-y")] = False
    plan: Annotated[str | None, _flag(_SAFETY, "Write the plan to this file, and change nothing.", form="FILE")] = None
    expect: Annotated[str, _flag(_SAFETY, "N or N±P%: refuse another number of items.", form="N[±P%]")] = ""
    max: Annotated[str, _flag(_SAFETY, "N or P%: refuse more items (100%: no cap).", form="N|P%")] = ""
    canary: Annotated[str, _flag(_SAFETY, "N or P%: do these first, read them back, judge.", form="N|P%")] = ""
    max_failures: Annotated[str, _flag(_SAFETY, "N, or P% of the last 100: stop when more fail.", form="N|P%")] = ""
    on_drift: Annotated[
        Literal["skip", "stop", "force"] | None,
        _flag(_SAFETY, "For items that somebody changed since the plan: skip (the default), stop or force."),
    ] = None
    customer_visible: Annotated[bool, _flag(_SAFETY, "Yes, customers will see this.")] = False
    irreversible: Annotated[bool, _flag(_SAFETY, "Yes, there is no way back from this.")] = False
    verify: Annotated[
        Literal["none", "sample", "all"] | None,
        _flag(_SAFETY, "How many items to read back at the end: none, sample (the default) or all."),
    ] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SafetyAndBackup(Safety):
    """The same for what has no way back."""

    backup: Annotated[
        str | None, _flag(_SAFETY, "Keep each item whole in this file, as before its write. Default: in the state folder.", form="FILE"),
    ] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Yes:
    """That nobody is to be asked."""

    yes: Annotated[bool, _flag(_SAFETY, "Do not ask.", "--yes", "-y")] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Agreed(Yes):
    """What is agreed to for all steps of a recipe."""

    dry_run: Annotated[bool, _flag(_SAFETY, "Look, and change nothing.", "--dry-run", "-n")] = False
    customer_visible: Annotated[bool, _flag(_SAFETY, "Yes, customers will see this.")] = False
    irreversible: Annotated[bool, _flag(_SAFETY, "Yes, there is no way back from this.")] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast, how long. None is "not said": the default, or what the run had that is gone on with."""

    workers: Annotated[str | None, _default(_SPEED, "auto (the default), or a fixed number of threads.", "workers", form="auto|N")] = None
    share: Annotated[
        str | None,
        _default(
            _SPEED, "The part of the rate limit to use at most: 40%, or by the hour '22:00-06:00=100%, else 40%'.", "share",
            form="P%|TIMETABLE",
        ),
    ] = None
    rate: Annotated[
        str | None,
        _default(_SPEED, "auto (the default), a ceiling such as 6000/min, or a timetable.", "rate", form="auto|N/min|TIMETABLE"),
    ] = None
    batch: Annotated[
        int | None,
        _default(_SPEED, "Items in one request, for verbs that act on several at once. Default: 50.", "batch"), _WHOLE,
    ] = None
    timeout: Annotated[float | None, _default(_SPEED, "Seconds one request may take. Default: 30.", "timeout", form="SECONDS")] = None
    retries: Annotated[
        int | None, _default(_SPEED, "Repetitions of what failed for a passing reason. Default: 3.", "retries"), _WHOLE,
    ] = None
    patience: Annotated[
        str | None, _flag(_SPEED, "How long to wait for Intercom when it is away. Default: 10m.", form="TIME"),
    ] = None
    deadline: Annotated[str | None, _default(_SPEED, "Stop softly after this long: 2h.", "deadline", form="TIME")] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is shown."""

    json: Annotated[bool, _default(_OUTPUT, "One JSON object on standard output.", "json")] = False
    jsonl: Annotated[bool, _default(_OUTPUT, "Events as JSON lines; the last is run.done.", "jsonl")] = False
    quiet: Annotated[bool, _default(_OUTPUT, "Errors only.", "quiet", "-q")] = False
    verbose: Annotated[bool, _default(_OUTPUT, "Requests too.", "verbose", "-v")] = False
    progress: Annotated[Literal["auto", "bar", "plain", "none"], _default(_OUTPUT, "How progress is shown.", "progress")] = "auto"

    def __post_init__(self) -> None:
        """Raises UsageError for two forms at once; what is typed wins over what a variable says."""
        if self.json and self.jsonl and (default := data_format(())):
            object.__setattr__(self, default, False)
        if self.json and self.jsonl:
            raise UsageError("Say --json (one object) or --jsonl (a line for each event), not both.")

    @property
    def data(self) -> bool:
        """Whether standard output is read by a program."""
        return self.json or self.jsonl


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Output(Shown):
    """What is shown of a run."""

    report: Annotated[str | None, _default(_OUTPUT, "Write the report of the run to this HTML file.", "report", form="FILE.html")] = None
