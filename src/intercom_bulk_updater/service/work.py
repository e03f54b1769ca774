"""A run that is ready to be done, and how it is done: `prepare` reads and looks, `Prepared.start` acts on what was confirmed."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from ..api.redact import keep_private
from ..engine.failures import unknown_admin
from ..errors import ApiError, IntercomBulkError, RunStopped, SearchIncomplete, StopRun, TransportError, UnknownName, UsageError
from ..journal import RunRecord
from ..model import Reversibility, RunKind
from ..operations.field_values import KINDS, Label
from ..operations.operation import Operation
from ..operations.resource import resources
from ..parsing.output_file import why_not_writable
from ..runs.observer import Observer
from ..runs.options import Options
from ..runs.plan import write_plan
from ..runs.population import population
from ..runs.preview import Preview
from ..runs.runner import Job, Runner
from ..runs.session import Session
from ..runs.sources import ItemSource
from ..search.names import KINDS as LISTED
from ..search.names import WorkspaceNames
from .consent import needed
from .rebuild import Loader, UserCodeError

_NAMED = 5000
"""Items of a run whose teams and admins are named in its report."""


@dataclass(slots=True)
class Work:
    """One run with all that is needed to do it.

    `plan`: the file that its plan is written to, with options that make it a dry run. `only`: the items (by seq) that it acts
    on, and no other.
    """

    session: Session
    run: RunRecord
    operation: Operation
    feed: ItemSource
    options: Options
    plan: Path | None = None
    only: Sequence[int] | None = None
    names: WorkspaceNames | None = None
    """The workspace's lists as far as they were read for the operation, so that none is read twice."""
    load: Loader | None = None
    """Gives the updater of the run again, where it lives in this process."""
    ask: bool = False
    """Whether somebody has to confirm it between `prepare` and `start`; made of the options where it was not confirmed before."""

    def __post_init__(self) -> None:
        asked = self.options.ask and not self.operation.only_reads
        self.ask = asked and not self.looking and not self.run.totals.get("confirmed")

    @property
    def looking(self) -> bool:
        """Whether it reads and writes nothing: a dry run, or a plan."""
        return self.run.kind == "dry_run"

    @property
    def resource(self) -> str:
        """What its items are."""
        return self.operation.resource or str(self.run.selection.get("resource") or "items")


def create_run(
    session: Session,
    operation: Operation,
    name: str,
    kind: str,
    selection: Mapping[str, Any],
    options: Options,
    *,
    parent: RunRecord | None = None,
    recipe: str | None = None,
    plan_hash: str | None = None,
) -> RunRecord:
    """The row of a new run: `kind` is "run", "apply" or "undo", and a dry run where `options.dry_run` says so.

    `parent` is the run that it undoes, `recipe` the id of the recipe that it is a step of.

    Raises UsageError for a backup that there is nothing to keep in, or whose file has something in it; ConfigurationError for a
    teammate that there is not, in whose name to write.
    """
    place = _place(session, signs=operation.signs)
    if options.backup:
        check_backup(operation, options)
    run = session.journal.create_run(
        operation=name,
        kind="dry_run" if options.dry_run else kind,
        parameters=operation.parameters,
        selection={**selection, "reads": True} if operation.only_reads else selection,
        workspace=session.workspace().id if parent is None else parent.workspace,
        base_url=session.settings.base_url,
        admin_id=session.client.admin_id,
        author=login(),
        settings=options.as_json(),
        parent=recipe if parent is None else parent.id,
        plan_hash=plan_hash,
    )
    back = None if operation.only_reads else operation.inverse()
    return session.journal.update_run(run.id, totals={"place": place, "undo_needs": needed(back) if back is not None else []})


def _place(session: Session, *, signs: bool) -> dict[str, str]:
    """Where and as whom a run acts, as people say it; for those who read the journal and cannot ask."""
    workspace, admin = session.workspace(), session.client.admin_id
    if admin in ("", workspace.admin_id) or not workspace.id:
        acting = f"{workspace.admin_name} ({workspace.admin_id})" if workspace.admin_name else ""
    else:
        acting = _acting(WorkspaceNames(session.look), admin, signs=signs)
    told = {"workspace_name": workspace.name, "region": workspace.region, "timezone": workspace.timezone, "admin": acting}
    return {name: said for name, said in told.items() if said}


def _acting(names: WorkspaceNames, admin: str, *, signs: bool) -> str:
    """What another teammate than the token's own is called. Raises ConfigurationError where there is none and the run `signs`."""
    try:
        names.by_id("admin", admin)
    except UnknownName as exc:
        if signs:
            raise unknown_admin(admin) from exc
    except IntercomBulkError:  # a list that cannot be read tells nothing: the first write does
        return admin
    return names.label("admin", admin)


def check_backup(operation: Operation, options: Options) -> None:
    """Raises UsageError; see create_run."""
    word, file = options.word("backup", options.backup), Path(options.backup)
    if not operation.backs_up:
        final = operation.reversibility is Reversibility.IRREVERSIBLE
        why = "has none, for nothing shows its items by themselves" if final else (
            "needs no backup: that is for what nothing takes back, such as a deletion"
        )
        raise UsageError(f"{word}: {operation.describe()} {why}.")
    if why := why_not_writable(file):
        raise UsageError(f"{word}: {why}. Nothing was done; name a file that can be written.")
    if file.exists() and file.stat().st_size:
        raise UsageError(f"{word}: this file exists already and is not empty. Nothing was done; name another.")


def login() -> str:
    """Who runs this, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


class Prepared:
    """A run whose selection is read as far as it must be, and that waits for its start."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    @property
    def preview(self) -> Preview | None:
        """What it would change; None where nobody has to look at the whole first."""
        return self._runner.review

    @property
    def asks(self) -> bool:
        """Whether somebody has to confirm it before it starts."""
        return self._runner.asks

    def confirm(self) -> None:
        """Somebody has confirmed it."""
        self._runner.confirmed()

    def start(self) -> None:
        """Do it, to its end. Raises what stopped it; SafetyStop where it had to be confirmed and was not."""
        self._runner.go_on()


@contextmanager
def prepare(work: Work, observer: Observer | None = None) -> Iterator[Prepared]:
    """Hold the run, read its selection, check its guards, and look where somebody has to look. The run ends with the `with`.

    Raises what stops it: a guard, a search that breaks off, an error in a person's code.
    """
    keep_private(work.operation.parameters)
    session, options = work.session, work.options
    label = Remembering(work.names or WorkspaceNames(session.look))
    work.operation.label = label.known
    work.operation.planned = None if work.plan is None else session.client.server_time()
    job = Job(
        work.run, work.operation, work.feed, options, population=lambda: population(session, work.resource),
        ask=work.ask, review_only=work.looking, only=work.only, label=label,
    )  # fmt: skip
    runner = Runner(session, job, observer)
    session.stop.last_words = (
        "Nothing was written; a dry run is simply started again." if work.looking else
        f"It only reads. To go on: intercom-bulk runs resume {work.run.id}" if work.operation.only_reads else
        f"What was in flight is in doubt. To look at it and go on: intercom-bulk runs resume {work.run.id}"
    )  # fmt: skip
    with in_words():
        try:
            with runner.held():
                kinds = {KINDS[name] for name in work.operation.fields if name in KINDS}
                # What tags are called is known where somebody has named one; a plan has their ids alone.
                # An undo says who has been there since, and which tags came and went.
                threads = [name for name, one in resources().items() if one.of_contacts]
                kinds |= {"admin"} if work.run.kind == RunKind.UNDO and work.operation.resource in threads else set()
                read = work.run.kind in (RunKind.APPLY, RunKind.UNDO) or (work.names is not None and work.names.has_read("tag"))
                label.read(kinds if read else kinds - {"tag"})
                runner.prepare()
                yield Prepared(runner)
        except SearchIncomplete:
            _freeze(work, label)  # what was shown is planned all the same, and both the plan and the error say so
            raise
        finally:
            _keep_names(work, label)
        _freeze(work, label)


def perform(work: Work, observer: Observer | None = None) -> Preview | None:
    """Do a run that nobody is asked about, from its first page to its last read-back; returns its preview, if it made one."""
    with prepare(work, observer) as prepared:
        prepared.start()
    return prepared.preview


class Remembering:
    """A label that keeps what it was asked, for those who read the journal later and cannot ask."""

    def __init__(self, names: WorkspaceNames) -> None:
        self._workspace, self._read, self.names = names, set[str](), dict[str, str]()

    def __call__(self, kind: str, identity: str) -> str:
        """What it is called."""
        return self.names.setdefault(f"{kind} {identity}", self._workspace.label(kind, identity))

    def read(self, kinds: Iterable[str]) -> None:
        """Read the lists of these kinds, where they can be read."""
        for kind in set(kinds) & set(LISTED):
            with suppress(ApiError, TransportError):  # a name is decoration; that the service is away is not
                self._workspace.entries(kind)
                self._read.add(kind)

    def known(self, kind: str, identity: str) -> str:
        """The same without asking: its id where the list has not been read."""
        return self(kind, identity) if kind in self._read else identity


def _keep_names(work: Work, label: Remembering) -> None:
    """Store what the teams, admins, tags and states are called that the run's first items went from and to."""
    journal, fields = work.session.journal, [name for name in KINDS if name in work.operation.fields]
    for row in islice(journal.items(work.run.id), _NAMED if fields else 0):
        for name, image in product(fields, (row.before, row.after)):
            held = (image or {}).get(name)
            for one in held if isinstance(held, list) else [held]:
                if one and isinstance(one, str | int):
                    label.known(KINDS[name], str(one))
    if names := {**label.names, **work.operation.names}:
        journal.update_run(work.run.id, totals={"names": names})


def _freeze(work: Work, label: Label) -> None:
    if work.plan is None:
        return
    journal, name = work.session.journal, f"{work.resource}.{work.operation.name}"
    plan = write_plan(work.plan, journal, journal.run(work.run.id), work.operation, name, label)
    journal.update_run(work.run.id, plan_hash=plan.hash)


@contextmanager
def in_words() -> Iterator[None]:
    """What a person's own code raised where no item was at work, as what ended the run."""
    try:
        yield
    except UserCodeError as exc:
        raise exc.as_error() from exc.__cause__
    except StopRun as exc:
        raise RunStopped(exc.reason) from exc
