"""A verb by its name, with its parameters and a selection: the beginning of a run. Step 1 of the life of an item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from ..api.redact import keep_private
from ..errors import UsageError
from ..model import FoundItem
from ..operations.given import check_given, refuse_unread_file
from ..operations.message_template import check_template, refuse_odd_places
from ..operations.operation import Operation
from ..operations.registry import operation_class
from ..operations.spec import Kind, parameters_of
from ..runs.options import Options
from ..runs.session import Session
from ..search.names import WorkspaceNames
from .consent import Consent
from .message_fields import refuse_unknown_attributes
from .notes import Note, ignore
from .resolver import SessionResolver
from .row_references import Rows, key_called, refuse_no_addresses, resolve_rows
from .selection import Selection, one_way, read_ids, select
from .spreadsheet import checked_places, drop_repeats, fill, operation_for, places, read_rows, refuse_chains
from .work import Work, create_run

Verb = str | Callable[..., Any]
"""A verb's name, or code of one's own: a function with `@operation`, or an updater's class."""
# Named, for it lies above this module: see rebuild.py.
_UPDATERS = "updaters.request"


class Checked(Protocol):
    """A request that can be begun."""

    def begin(self, session: Session, names: WorkspaceNames) -> Work:
        """The run of the request, in the journal and ready to be done. Raises UsageError, SafetyStop."""


class Request(Protocol):
    """What somebody asks for, before anything is read or sent."""

    @property
    def options(self) -> Options:
        """How it is to be done."""

    def check(self) -> Checked:
        """Check all that can be checked without a request to Intercom. Raises UsageError."""


def request_of(
    verb: Verb, parameters: Mapping[str, Any], asked: Selection, options: Options, consent: Consent, note: Note, plan: Path | None = None
) -> Request:
    """The request of a verb, or of code of one's own."""
    own = None if isinstance(verb, str) else import_module(f"{__package__.rpartition('.')[0]}.{_UPDATERS}")
    kind: Callable[..., Request] = VerbRequest if own is None else own.UpdaterRequest
    return kind(verb=verb, parameters=parameters, selection=asked, options=options, consent=consent, plan=plan, note=note)


def messages_in(cls: type[Operation], given: Mapping[str, Any]) -> list[str]:
    """The messages among the parameters of a verb."""
    return [given[one.name] or "" for one in parameters_of(cls.Parameters) if one.kind is Kind.MESSAGE]


def of_rows_alone(cls: type[Operation], csv: str = "--csv FILE", id_column: str = "--id-column") -> str:
    """What is said where a verb whose items may not exist yet is not given its rows."""
    return (
        f"{cls.name} takes its {cls.resource} from a spreadsheet: {csv}, and {id_column} is {' or '.join(cls.keys)}, the name of the "
        "column that holds them."
    )


@dataclass(frozen=True, kw_only=True)
class VerbRequest:
    """A verb ("conversations.close") with its parameters, as they were given, and the items that it is for.

    `cap`: refuse a query selection of more items where neither `options.expect` nor `options.max` bounds it. `step`: of which
    recipe (its id) the run is which step.
    """

    verb: str
    parameters: Mapping[str, Any]
    selection: Selection
    options: Options
    consent: Consent
    plan: Path | None = None
    cap: int | None = None
    note: Note = ignore
    step: tuple[str, str] | None = None

    @property
    def resource(self) -> str:
        """What its items are."""
        return self.verb.partition(".")[0]

    def check(self) -> CheckedVerb:
        """Read the files and check all that can be checked without a request. Raises UsageError."""
        cls = operation_class(self.verb)
        if self.options.python:
            refuse_unread_file(cls.Parameters, self.parameters)
        given = check_given(cls.name, cls.Parameters, self.parameters, python=self.options.python)
        if cls.keys:
            given = {**given, "by": self._key(cls)}
        one_way(self.selection, self.resource, self.options)
        keep_private(given)
        ids, rows = self.selection.ids, None
        if isinstance(ids, str) and ids != "-" and not Path(ids).exists():
            read_ids(ids, self.options)  # says what is wrong before anything else is asked
        if self.selection.csv is not None:
            rows = read_rows(
                self.selection.csv, self.selection.id_column, self.resource, several=cls.rows_add_up, options=self.options, note=self.note
            )
        if rows is not None and given.get("by") == "email":
            refuse_no_addresses(rows)
        for text in messages_in(cls, given):
            refuse_odd_places(text)
            if rows is None:
                check_template(text, self.resource)
        checked_places(given, rows, self.options)
        return CheckedVerb(self, cls, given, rows)


    def _key(self, cls: type[Operation]) -> str:
        """The key that the rows go by, which their column is called after, for a verb whose items may not exist yet."""
        key = key_called(self.selection.id_column or "")
        if self.selection.csv is None or key not in cls.keys:
            raise UsageError(of_rows_alone(cls, "csv=" if self.options.python else "--csv FILE", self.options.word("id_column")))
        return key


@dataclass(frozen=True)
class CheckedVerb:
    """A request whose files are read."""

    request: VerbRequest
    cls: type[Operation]
    given: Mapping[str, Any]
    rows: Rows | None

    def begin(self, session: Session, names: WorkspaceNames) -> Work:
        """The run of the request, in the journal and ready to be done. Raises UsageError, SafetyStop."""
        asked, options = self.request, self.request.options
        operation, items = self.resolve(session, names)
        if operation.only_reads:
            options = replace(options, ask=False, verify="none")  # what it writes are files: nothing of Intercom's is at stake
        if not options.dry_run:
            asked.consent.check(operation, options)
        read = self.rows.read if self.rows else 0
        selected = select(asked.selection, asked.resource, session, names, operation, options, items, asked.note, read)
        capped = asked.cap is not None and not (operation.only_reads or options.expect or options.max)
        if selected.selection["kind"] == "query" and capped:
            options = replace(options, cap=asked.cap)
        name = f"{asked.resource}.{operation.name}"
        selection, recipe = {**selected.selection, "operation": name}, None
        if asked.step is not None:
            recipe, selection["step"] = asked.step
        run = create_run(session, operation, name, "run", selection, options, recipe=recipe)
        return Work(session, run, operation, selected.feed, options, plan=asked.plan, names=names)

    def resolve(self, session: Session, names: WorkspaceNames) -> tuple[Operation, list[FoundItem] | None]:
        """The operation, its names looked up in the workspace, and the items of its rows. Raises UsageError."""
        session.workspace()
        refuse_unknown_attributes(messages_in(self.cls, self.given), names)
        resolver, rows = SessionResolver(session, names), self._resolved_rows(session)
        for name, resource in self.cls.targets.items():
            if rows is not None and places(self.given[name]):
                filled = [fill(self.given[name], row.cells) for row in rows.rows]
                resolver.targets.expect(resource, [text for one in filled for text in ([one] if isinstance(one, str) else one)])
                resolver.targets.alone = True
        with self._in_its_words():
            asked = self.request
            made = operation_for(self.given, rows, lambda filled: self.cls.resolve(filled, resolver), asked.options, asked.note)
        for name, resource in self.cls.targets.items():
            if rows is not None and resource == self.cls.resource:
                refuse_chains(rows, made[1] or (), name)
        return made

    def _resolved_rows(self, session: Session) -> Rows | None:
        if self.rows is None:
            return None
        if self.cls.keys:  # what they name may not exist yet
            folded = [replace(row, id=row.id.lower() if "@" in row.id else row.id) for row in self.rows.rows]
            return drop_repeats(replace(self.rows, rows=folded), self.request.resource, self.request.note)
        rows = resolve_rows(self.rows, self.request.resource, session)
        return drop_repeats(rows, self.request.resource, self.request.note, several=self.cls.rows_add_up)

    @contextmanager
    def _in_its_words(self) -> Iterator[None]:
        """Verbs name their parameters by flags; for Python by their names."""
        try:
            yield
        except UsageError as exc:
            if not self.request.options.python:
                raise
            said = exc.message
            for one in sorted(parameters_of(self.cls.Parameters), key=lambda one: -len(one.flag)):
                said = said.replace(one.flag, one.name)
            raise UsageError(said) from exc
