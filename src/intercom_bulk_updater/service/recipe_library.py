"""Recipes for Python: check one, begin it, and go on with what is due, each step as `bulk.run` would do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from ..errors import IntercomBulkError, RunLocked, UsageError
from ..journal import Journal, RecipeRecord
from ..runs.options import Options
from ..stop import Stop
from . import recipes as service
from .consent import Consent
from .given import checked
from .options import RunOptions, options_of
from .recipe_account import account, checked_account
from .recipe_file import Recipe, Step
from .recipe_schema import CONSENT, GUARDS
from .run import OnEvent, Run, carry_out
from .run_log import log_note
from .verbs import VerbRequest
from .workspace import Workspace, given_or_own

_IN_THE_FILE = (*GUARDS, "backup")


class BegunRecipe:
    """A recipe that was begun: where it stands, and what can be done with it. `bulk.run_recipe` and `bulk.recipes` give it.

        begun = bulk.open_recipe("latest")
        print(begun.status, begun.runs["mark"].counts.done)

    Everything is read from the journal when it is asked for. Nothing is printed and nothing asks.
    """

    def __init__(self, recipe_id: str, workspace: Workspace) -> None:
        self._id = recipe_id
        self._workspace = workspace

    @property
    def id(self) -> str:
        """What the command takes: `1123-close-the-quiet-ones-7f3a`."""
        return self._id

    @property
    def status(self) -> str:
        """`"waiting"`, `"due"`, `"running"`, `"interrupted"`, `"stopped"`, `"finished"` or `"cancelled"`."""
        return str(self.report()["recipe"]["status"])

    @property
    def ok(self) -> bool:
        """Whether nothing of its steps so far has failed or is in doubt: the exit code would be 0."""
        return bool(self.report()["ok"])

    @property
    def runs(self) -> dict[str, Run]:
        """The runs of the steps that were begun, by the names of the steps."""
        return {one["step"]: Run(one["run"], self._workspace) for one in self.report()["steps"] if one.get("run")}

    def report(self) -> dict[str, Any]:
        """Its account, the object that `recipes list --json` prints of it: `recipe`, with `due_at`, and `steps`."""
        with Journal(self._workspace.journal, read_only=True) as journal:
            return account(journal, journal.recipe(self._id))

    def resume(self, *, on_event: OnEvent | None = None, stop: Stop | None = None, **options: Unpack[RunOptions]) -> BegunRecipe:
        """Go on with it, up to the next wait; also where it has stopped and wants somebody to have looked.

            bulk.open_recipe("latest").resume()

        `options`: those of speed, see RunOptions. Returns itself. Raises RunLocked where another process works on it,
        WrongWorkspace, SafetyStop, and what a step raises.
        """
        with Journal(self._workspace.journal, read_only=True) as journal:
            record = journal.recipe(self._id)
        acting = _Acting(self._workspace, _consent(record), _options(options), options, on_event, stop)
        service.carry_on(self._workspace.journal, record.id, acting)
        return self

    def cancel(self) -> BegunRecipe:
        """End it where it stands: no further step begins, and one that is at work is asked to stop. What its steps have done stays."""
        service.cancel_recipe(self._workspace.journal, self._id)
        return self

    def __repr__(self) -> str:
        about = self.report()["recipe"]
        return f"<BegunRecipe {self._id} {about['name']!r}: {about['status']}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BegunRecipe) and (self._id, self._workspace.home) == (other._id, other._workspace.home)

    def __hash__(self) -> int:
        return hash(self._id)


@dataclass
class _Acting:
    """Carries steps out, each as `bulk.run` would; see service.Steps."""

    place: Workspace
    consent: Consent
    options: Options
    given: Mapping[str, Any]
    on_event: OnEvent | None
    stop: Stop | None

    def begin(self, recipe: Recipe, step: Step, record: RecipeRecord, earlier: Mapping[str, service.Earlier]) -> int:
        with self.place.session(self.options, self.stop) as (session, names):
            note = log_note(self.on_event)
            work = service.begin_step(recipe, step, record, earlier, session, names, self.options, self.consent, note=note)
            return int(carry_out(work, self.place, self.on_event).report["exit"])

    def go_on(self, run: str) -> int:
        return int(Run(run, self.place).resume(on_event=self.on_event, stop=self.stop, **self.given).report()["exit"])


@checked
def check_recipe(
    file: str | Path,
    *,
    on_event: OnEvent | None = None,
    stop: Stop | None = None,
    workspace: Workspace | None = None,
    **options: Unpack[RunOptions],
) -> dict[str, Any]:
    """Check a recipe, and look at what each step would do as things are now. Reads, and never writes.

        told = bulk.check_recipe("quiet.yaml")
        [step["counts"]["pending"] for step in told["steps"] if "step" in step]

    Parameters
    ----------
    file:
        The YAML file.
    on_event, stop, workspace:
        See `run`.
    options:
        Those of speed, see RunOptions; guards stand in the file, each in its step.

    Returns the account that `recipes check --json` prints. Raises UsageError, which names the line.
    """
    place, recipe, chosen = given_or_own(workspace), service.opened_recipe(str(file)), _options({**options, "dry_run": True})
    note = log_note(on_event)
    with place.session(chosen, stop) as (session, names):
        service.check_in_workspace(recipe, session, names, chosen, None, note)

    def carry(step: Step, asked: VerbRequest) -> tuple[str, int]:
        with place.session(chosen, stop) as (session, names):
            done = carry_out(asked.check().begin(session, names), place, on_event)
            return done.run_id, int(done.report["exit"])

    looked, code = service.look(recipe, chosen, carry, note)
    with Journal(place.journal, read_only=True) as journal:
        return checked_account(recipe, journal, looked, code)


@checked
def run_recipe(
    file: str | Path,
    *,
    customer_visible: bool = False,
    irreversible: bool = False,
    on_event: OnEvent | None = None,
    stop: Stop | None = None,
    workspace: Workspace | None = None,
    **options: Unpack[RunOptions],
) -> BegunRecipe:
    """Begin a recipe: check it whole, then carry out its steps up to the first wait. `resume_recipes` goes on with what is due.

        begun = bulk.run_recipe("quiet.yaml")
        begun.status, begun.report()["recipe"]["due_at"]

    Parameters
    ----------
    file:
        The YAML file. Its text is kept: what is done later is what was checked now.
    customer_visible, irreversible:
        Must be True for what customers see, and for what nothing brings back, beside the same word in the file.
    on_event, stop, workspace:
        See `run`.
    options:
        Those of speed, see RunOptions; guards stand in the file, each in its step.

    Returns the recipe as it was begun. Raises UsageError (with the line) and SafetyStop before anything is done; and what a
    step raises, after which `bulk.open_recipe("latest").resume()` goes on.
    """
    place, recipe, chosen = given_or_own(workspace), service.opened_recipe(str(file)), _options(options)
    consent = Consent(customer_visible, irreversible)
    with place.session(chosen, stop) as (session, names):
        service.check_in_workspace(recipe, session, names, chosen, consent, log_note(on_event))
        agreed = {"yes": True, "dry_run": False, "customer_visible": customer_visible, "irreversible": irreversible}
        record = service.begin_recipe(recipe, session, agreed)
    return BegunRecipe(record.id, place).resume(on_event=on_event, stop=stop, **options)


@checked
def recipes(*, workspace: Workspace | None = None) -> Iterator[BegunRecipe]:
    """The recipes that were begun, the newest first. Needs no token.

        for begun in bulk.recipes():
            print(begun)
    """
    place = given_or_own(workspace)
    with Journal(place.journal, read_only=True) as journal:
        return iter([BegunRecipe(record.id, place) for record in journal.recipes()])


@checked
def open_recipe(ref: str = "latest", *, workspace: Workspace | None = None) -> BegunRecipe:
    """A recipe that was begun by its id, a unique beginning of it, or `"latest"`. Needs no token.

        begun = bulk.open_recipe("latest")

    Raises NoSuchRun where there is none.
    """
    place = given_or_own(workspace)
    with Journal(place.journal, read_only=True) as journal:
        return BegunRecipe(journal.recipe(ref, base_url=place.settings.base_url).id, place)


@checked
def resume_recipes(
    *, on_event: OnEvent | None = None, stop: Stop | None = None, workspace: Workspace | None = None, **options: Unpack[RunOptions]
) -> list[BegunRecipe]:
    """Go on with all recipes that are due: whose wait is over, or whose process died. For a schedule; nothing due, nothing done.

        for begun in bulk.resume_recipes():
            print(begun)

    `on_event`, `stop`, `workspace`: see `run`; `options`: those of speed, see RunOptions. Returns those that were gone on with;
    one that another process works on is left to it. Raises what a step of one raises, when the others have been gone on with.
    """
    _options(options)  # what is wrong is said although nothing may be due
    place, gone_on, wrong = given_or_own(workspace), list[BegunRecipe](), list[IntercomBulkError]()
    with Journal(place.journal, read_only=True) as journal:
        due = service.due(journal, place.settings.base_url)
    for record in due:
        try:
            gone_on.append(BegunRecipe(record.id, place).resume(on_event=on_event, stop=stop, **options))
        except RunLocked as exc:
            log_note(on_event)(exc.message)
        except IntercomBulkError as exc:
            wrong.append(exc)
    if wrong:
        raise wrong[0]
    return gone_on


def _consent(record: RecipeRecord) -> Consent:
    return Consent(**{word: bool(record.consent.get(word)) for word in CONSENT})


def _options(given: Mapping[str, Any]) -> Options:
    """The options of all steps. Raises UsageError for what belongs to one."""
    if named := [name for name in _IN_THE_FILE if given.get(name) is not None]:
        raise UsageError(f"{named[0]} belongs to a step: it stands in the file of the recipe.")
    return options_of(given)
