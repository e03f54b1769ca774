"""Recipes that were begun: how far each is, and how it goes on.

A step is a run like any other, which the journal has in one transaction with the recipe and the step that it belongs to. So
how far a recipe is follows from the runs, and nothing else is written down: a process may end, or be killed, at any moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..errors import RunLocked, SafetyStop, UsageError
from ..journal import Journal, RecipeRecord, RunRecord, Store, Undone
from ..model import Reversibility, RunStatus
from ..operations.operation import Operation
from ..report.summary import judge_run, standing
from ..runs.context import Cancelled
from ..runs.guards import counted
from ..runs.options import Options
from ..runs.session import Session
from ..search.names import WorkspaceNames
from ..stop import Stop
from .consent import Consent
from .notes import Note, ignore
from .options import read_option
from .recipe_file import Recipe, Step, Wait, open_recipe, parse_recipe
from .recipe_schema import CONSENT, GUARDS
from .run_reference import refuse_elsewhere
from .selection import Selection, select
from .verbs import VerbRequest
from .work import Work, login

_OVER = (0, 3)
"""What the run of a step exits with when the next may follow: items that failed are followed by nothing."""
_BEGINNING = 1.0
"""Seconds in which a step that has just begun is at work, and can be asked to stop."""
_HEALTHY = (None, 7, 143)
"""What a run ended with that goes on without anybody's look: its process died, Intercom was away, the machine went down."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier step has done: the items of its run with this outcome, and when it began (unix seconds)."""

    run: str
    outcome: str
    began: float


@dataclass(frozen=True, slots=True)
class Stage:
    """Where an entry of a recipe stands."""

    entry: Step | Wait
    over: bool
    run: RunRecord | None = None
    status: RunStatus | None = None
    exit: int | None = None
    undone: Undone | None = None
    """What has taken back the step, which was over."""
    due: float | None = None
    """When a wait is over, unix seconds; None while the step before it is not."""

    @property
    def begun(self) -> bool:
        """Whether there is a run to go on with. One that died while its list was written down has done nothing: it is begun anew."""
        if self.run is None:
            return False
        return self.run.selection.get("kind") not in ("ids", "csv") or bool(self.run.search.get("complete"))

    @property
    def healthy(self) -> bool:
        """Whether it may go on without a person having looked at it."""
        if self.run is None:
            return True
        # A run that says that it is under way and that nobody holds has died; what it ended with is of an earlier sitting.
        died = self.status is not self.run.status or self.status is RunStatus.PLANNED
        return self.status is not RunStatus.CANCELLED and (died or self.run.exit_code in _HEALTHY)


class Steps(Protocol):
    """How whoever asks carries out a step; each returns what the run of the step exits with."""

    def begin(self, recipe: Recipe, step: Step, record: RecipeRecord, earlier: Mapping[str, Earlier]) -> int:
        """Begin it."""

    def go_on(self, run: str) -> int:
        """Go on with a run that was begun."""


def request_of(
    recipe: Recipe, step: Step, options: Options, consent: Consent, *,
    earlier: Mapping[str, Earlier] | None = None, record: RecipeRecord | None = None, cap: int | None = None, ahead: float = 0.0,
    note: Note = ignore,
) -> VerbRequest:
    """The request of a step. Raises UsageError, with the line.

    `earlier`: the steps before it, by name. `ahead`: seconds by which Intercom's clock is ahead of this machine's.
    """
    given, before = step.given, (earlier or {}).get(str(step.given.get("from")))
    selection = Selection(
        **{name: given.get(name) for name in ("where", "query", "ids", "csv", "id_column", "exclude")},
        from_run=before.run if before else given.get("from"), outcome=before.outcome if before else "done", limit=given.get("limit"),
        silent_since=before.began + ahead if before and given.get("if_no_reply") else None,
    )  # fmt: skip
    with _at(recipe, step):
        options = replace(options, **{name: read_option(name, given[name]) for name in GUARDS if name in given})
    return VerbRequest(
        verb=step.verb, parameters=step.parameters, selection=selection, options=options, consent=consent, cap=cap, note=note,
        step=None if record is None else (record.id, step.name),
    )  # fmt: skip


def opened_recipe(file: str) -> Recipe:
    """The recipe of a file, found right as far as that takes no request. Raises UsageError, with the line."""
    recipe = open_recipe(file)
    check_offline(recipe)
    return recipe


def check_offline(recipe: Recipe) -> None:
    """Check all that can be checked without a request: parameters, amounts, files. Raises UsageError, with the line."""
    for step in recipe.steps:
        with _at(recipe, step):
            request_of(recipe, step, Options(python=True), Consent()).check()


def check_in_workspace(
    recipe: Recipe, session: Session, names: WorkspaceNames, options: Options, consent: Consent | None, note: Note = ignore
) -> None:
    """Look up every name and read every filter, before anything is done. Raises UsageError with the line; SafetyStop without consent.

    `consent`: what was agreed to on the spot, beside what stands in the file; None where nothing is written.
    """
    for step in recipe.steps:
        with _at(recipe, step):
            asked = request_of(recipe, step, options, consent or Consent(), note=note)
            operation, _ = asked.check().resolve(session, names)
            _check_words(step, operation)
            if way := next((way for way in ("where", "query") if step.given.get(way)), None):
                select(Selection(**{way: step.given[way]}), step.resource, session, names, operation, options)
        if consent is not None:
            consent.check(operation, asked.options)


def _check_words(step: Step, operation: Operation) -> None:
    """The file itself says what customers see, and what nothing brings back."""
    grave = operation.reversibility is Reversibility.IRREVERSIBLE
    needs = ((operation.customer_visible, "Customers will see this"), (grave, "There is no way back from this"))
    for key, (asked, why) in zip(CONSENT, needs, strict=True):
        if asked and not step.given.get(key):
            raise UsageError(f"{why} ({operation.describe()}). Write {key}: true in this step if you mean it.")


@contextmanager
def _at(recipe: Recipe, step: Step) -> Iterator[None]:
    """What is said against a step begins with its line."""
    try:
        yield
    except UsageError as exc:
        known = exc.message.startswith(f"{recipe.file.name}, line")
        raise exc if known else recipe.wrong(step.line, f"{step.name}: {exc.message}") from exc


def look(
    recipe: Recipe, options: Options, carry: Callable[[Step, VerbRequest], tuple[str, int]], note: Note = ignore,
    passing: Callable[[Wait], object] = lambda wait: None,
) -> tuple[dict[str, str], int]:
    """Look at the steps one after the other, each at what the one before it would do; `options` are those of a dry run.

    `carry` makes the dry run of a step and returns its id and what it exits with; `passing` hears of the waits. Returns the
    runs by step, and the first exit code that is not 0, or 0.
    """
    earlier, worst = dict[str, Earlier](), 0
    for entry in recipe.entries:
        if isinstance(entry, Wait):
            passing(entry)
            continue
        run, code = carry(entry, request_of(recipe, entry, options, Consent(), earlier=earlier, note=note))
        earlier[entry.name] = Earlier(run, "pending", time.time())
        worst = worst or code
        if code not in _OVER:
            break
    return {name: one.run for name, one in earlier.items()}, worst


def begin_step(
    recipe: Recipe, step: Step, record: RecipeRecord, earlier: Mapping[str, Earlier], session: Session, names: WorkspaceNames,
    options: Options, consent: Consent, *, cap: int | None = None, note: Note = ignore,
) -> Work:
    """The run of a step, in the journal and ready to be done. Raises WrongWorkspace, UsageError, SafetyStop, Cancelled."""
    refuse_elsewhere(session, record)
    ahead = session.client.server_time() - time.time()
    asked = request_of(recipe, step, options, consent, earlier=earlier, record=record, cap=cap, ahead=ahead, note=note)
    work = asked.check().begin(session, names)
    if session.journal.recipe(record.id).ending:
        raise Cancelled("The recipe was cancelled by another process.")
    return work


def begin_recipe(recipe: Recipe, session: Session, consent: Mapping[str, bool]) -> RecipeRecord:
    """Write down that a recipe begins, with its text: what is carried out later is what was checked now."""
    return session.journal.create_recipe(
        name=recipe.name, file=str(recipe.file), text=recipe.text, consent=dict(consent), workspace=session.workspace().id,
        base_url=session.settings.base_url, author=login(), timezone=session.workspace().timezone,
    )  # fmt: skip


def stages(journal: Store, record: RecipeRecord) -> list[Stage]:
    """Where each entry of a recipe stands."""
    runs = {run.selection.get("step"): run for run in journal.steps(record.id)}
    at, under_way, found = record.created_at, True, list[Stage]()
    for entry in parse_recipe(record.text, Path(record.file)).entries:
        if isinstance(entry, Wait):
            at += entry.seconds
            under_way = under_way and at <= time.time()
            found.append(Stage(entry, under_way, due=at if all(one.over for one in found if one.due is None) else None))
            continue
        run = runs.get(entry.name)
        status = None if run is None else standing(journal, run)
        if run is not None and status is RunStatus.FINISHED and run.control in ("pause", "cancel"):
            status = RunStatus.CANCELLED  # it was asked for when nothing was left to do: what follows is not to begin
        code = judge_run(journal, run, status).exit_code if run is not None else None
        under_way = status is RunStatus.FINISHED and code in _OVER
        undone = journal.undone(run.id) if under_way and run is not None else None
        found.append(Stage(entry, under_way, run, status, code, undone))
        at = (run.finished_at if run is not None else None) or at
    return found


def current(found: list[Stage]) -> Stage | None:
    """The entry that is next, or under way; None when all is over."""
    return next((one for one in found if not one.over), None)


def carry_on(path: Path, recipe_id: str, steps: Steps) -> int:
    """Go on with a recipe until it is over, waits, or stops; `path` is the journal's file. Returns the exit code.

    Raises RunLocked where another process works on it, and what a step raises before it has a run.
    """
    with _held(path, recipe_id):
        worst, tried = 0, None
        while True:
            with Journal(path) as journal:
                record = journal.recipe(recipe_id)
                found = stages(journal, record)
                stage = current(found)
                if stage is None and not record.ending:
                    journal.end_recipe(record.id, "finished")
                if tried is not None and stage is not None and record.ending == "cancelled":
                    return worst or Cancelled.exit_code  # meanwhile: not all was done that was asked for
                if stage is None or record.ending or isinstance(stage.entry, Wait):
                    return worst
                if tried == stage.entry.name:
                    return worst or 7  # its run goes on in another process
                earlier = _earlier(found)
            tried = stage.entry.name
            recipe = parse_recipe(record.text, Path(record.file))
            code = steps.go_on(stage.run.id) if stage.begun and stage.run else steps.begin(recipe, stage.entry, record, earlier)
            worst = max(worst, code)
            if code not in _OVER:
                return code


def _earlier(found: list[Stage]) -> dict[str, Earlier]:
    """The steps that are over. Raises SafetyStop for one that was taken back."""
    if (one := taken_back(found)) is not None and one.run is not None and one.undone is not None:
        said = f"The step {_name(one)} ({one.run.id}) was taken back by {one.undone.by}: {counted(len(one.undone.ids))}."
        raise SafetyStop(f"{said} So the recipe does not go on. To end it: intercom-bulk recipes cancel, with its id.", hint="")
    return {_name(one): Earlier(one.run.id, "done", one.run.started_at or one.run.created_at) for one in found if one.over and one.run}


def _name(step: Stage) -> str:
    assert isinstance(step.entry, Step)  # noqa: S101 - what has a run is no wait
    return step.entry.name


def taken_back(found: list[Stage]) -> Stage | None:
    """The step that was taken back of a recipe that would go on."""
    return next((one for one in found if one.undone is not None), None) if current(found) is not None else None


@contextmanager
def _held(path: Path, recipe: str) -> Iterator[None]:
    with ExitStack() as held:
        journal = held.enter_context(Journal(path, read_only=True))
        try:
            held.enter_context(journal.reserve(recipe))
        except RunLocked:
            said = f"Another live process works on the recipe {recipe}: intercom-bulk recipes list shows its steps."
            raise RunLocked(f"{said} To stop it: intercom-bulk recipes cancel {recipe}.") from None
        yield


def cancel_recipe(path: Path, ref: str, base_url: str | None = None) -> RecipeRecord:
    """End a recipe where it stands: no further step begins, and one that is at work, in whatever process, is asked to stop.

    What its steps have done stays. Raises what find_recipes does.
    """
    with Journal(path) as journal:
        record, *others = find_recipes(journal, ref, base_url)
        if others:
            ids = ", ".join(one.id for one in (record, *others))
            raise UsageError(f"Several recipes of {ref} are under way: {ids}. Give the id of the one that is meant.")
        ended, until = journal.end_recipe(record.id, "cancelled"), time.monotonic() + _BEGINNING
        while True:
            for run in journal.steps(record.id):
                if journal.is_held(run.id):
                    journal.request(run.id, "cancel")
            if not journal.is_held(record.id) or time.monotonic() > until:
                return ended
            Stop().wait(_BEGINNING / 10)


def find_recipes(journal: Store, ref: str, base_url: str | None = None) -> list[RecipeRecord]:
    """The recipe of an id, of its beginning or of `latest`; those of a FILE that have not ended. Raises NoSuchRun, UsageError.

    `base_url`: the server whose recipes `latest` is one of.
    """
    if not ref.endswith((".yaml", ".yml")):
        return [journal.recipe(ref, base_url=base_url)]
    file = str(Path(ref).resolve())
    found = [one for one in journal.recipes() if one.file == file and not one.ending]
    if not found:
        raise UsageError(f"No recipe of {ref} is under way. To begin it: intercom-bulk recipes run {ref}")
    return found


def due(journal: Store, base_url: str) -> list[RecipeRecord]:
    """The recipes at this address that go on now without anybody's look, the oldest first."""
    found = []
    for record in reversed(journal.recipes()):
        if record.ending or record.base_url != base_url:
            continue
        try:
            reached = stages(journal, record)
        except UsageError:
            continue  # a verb that has gone since: `recipes list` says so
        stage = current(reached)
        if taken_back(reached) is not None:
            continue
        if stage is None or (isinstance(stage.entry, Step) and stage.healthy and stage.status not in LIVE):
            found.append(record)
    return found


LIVE = (RunStatus.RUNNING, RunStatus.PAUSED)
