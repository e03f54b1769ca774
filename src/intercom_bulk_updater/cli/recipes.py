"""`intercom-bulk recipes`: several steps with waits between them, each a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from cyclopts import Parameter

from ..errors import IntercomBulkError, RunLocked, UsageError
from ..journal import Journal, RecipeRecord
from ..runs.options import Options
from ..service import recipe_schema
from ..service import recipes as service
from ..service.recipe_account import account as account_of
from ..service.recipe_account import checked_account
from ..service.recipe_file import Recipe, Step, Wait
from ..service.verbs import VerbRequest
from .execute import DEFAULT_CAP, TypedConsent, go, opened, options_of
from .flags import Agreed, Output, Safety, Shown, Speed, Yes
from .output import nothing_next
from .resume import go_on
from .runs import journal
from .show import out as show_out
from .show import out_json
from .stdout import emit, note

_YES, _AGREED, _SPEED, _OUT = Yes(), Agreed(), Speed(), Shown()
_File = Annotated[str, Parameter(help="The recipe: a YAML file.")]
_Begun = Annotated[str, Parameter(help="The recipe: its id, a unique beginning of it, latest, or its file.")]


def check(
    file: Annotated[str | None, Parameter(help="The recipe: a YAML file.")] = None,
    *,
    schema: Annotated[bool, Parameter(help="Only print the JSON Schema of recipes, for editors.", negative="")] = False,
    speed: Speed = _SPEED, out: Shown = _OUT,
) -> int:
    """Check a recipe, and look at what each step would do as things are now. Never writes."""
    if schema:
        out_json(recipe_schema.schema())
        return 0
    if file is None:
        raise UsageError("recipes check needs the file of a recipe (or --schema).")
    recipe = service.opened_recipe(file)
    options = options_of(Safety(dry_run=True), speed)
    with opened(options, out) as (session, names):
        service.check_in_workspace(recipe, session, names, options, None, note)
    looked, code = _look(recipe, options, out)
    with journal() as book:
        account = checked_account(recipe, book, looked, code)
    return _tell(account, out, code)


def run(
    file: _File,
    *,
    agreed: Agreed = _AGREED, speed: Speed = _SPEED, out: Shown = _OUT,
) -> int:
    """Begin a recipe: check it whole, then carry out its steps up to the first wait. Resume goes on with what is due."""
    if agreed.dry_run:
        return check(file, speed=speed, out=out)
    recipe = service.opened_recipe(file)
    options = options_of(Safety(yes=agreed.yes), speed)
    with opened(options, out) as (session, names):
        service.check_in_workspace(recipe, session, names, options, _consent(agreed), note)
        record = service.begin_recipe(recipe, session, asdict(agreed))
    return _tell(*_carry_on(record, agreed, speed, out))


def list_recipes(*, out: Shown = _OUT) -> int:
    """The recipes that were begun, newest first, and where each stands."""
    with journal() as book:
        told = [account_of(book, record) for record in book.recipes()]
    if out.data:
        _emit(_all_of(told, 0), out)
        return 0
    from ..terminal.recipe_text import recipes_table

    show_out(recipes_table(told))
    return 0


def resume(
    recipe: Annotated[
        str | None, Parameter(help="Its id, a unique beginning of it, latest, or its file; by default whatever is due.")
    ] = None,
    *,
    agreed: Yes = _YES, speed: Speed = _SPEED, out: Shown = _OUT,
) -> int:
    """Go on with a recipe; without a name with all that are due: whose wait is over, or whose process died. For cron."""
    from ..settings import load

    with journal() as book:
        here = load().base_url
        records = service.due(book, here) if recipe is None else service.find_recipes(book, recipe, here)
    accounts, worst = list[dict[str, Any]](), 0
    for record in records:
        if record.ending:
            anew = f"intercom-bulk recipes run {shlex.quote(record.file)}"
            note(f"{record.id} is {record.ending}: there is nothing to resume. To begin it anew: {anew}")
        said = Agreed(**record.consent)
        try:
            account, _, code = _carry_on(record, replace(said, yes=said.yes or agreed.yes), speed, out)
        except RunLocked as exc:
            if recipe is not None:
                raise
            note(f"{exc.message}")
            continue
        accounts.append(account)
        worst = max(worst, code)
    if recipe is not None and len(accounts) == 1:
        return _tell(accounts[0], out, worst)
    if out.data:
        _emit(_all_of(accounts, worst), out)
    elif not out.quiet:
        for account in accounts:
            _say(account)
        if not accounts:
            note("Nothing is due.")
    return worst


def cancel(recipe: _Begun, *, out: Shown = _OUT) -> int:
    """End a recipe where it stands: no further step begins, one at work stops. What was done stays; undo takes it back."""
    from ..settings import load

    settings = load()
    record = service.cancel_recipe(settings.journal, recipe, settings.base_url)
    with journal() as book:
        account = account_of(book, record, 0)
    return _tell(account, out, 0)


def _consent(agreed: Agreed) -> TypedConsent:
    return TypedConsent(agreed.customer_visible, agreed.irreversible, agreed.yes)


def _carry_on(record: RecipeRecord, agreed: Agreed, speed: Speed, out: Shown) -> tuple[dict[str, Any], Shown, int]:
    """Go on with a recipe; its account, and what to exit with."""
    from ..settings import load

    path = load().journal
    code, error = 0, None
    try:
        code = service.carry_on(path, record.id, _Acting(agreed, speed, out))
    except RunLocked:
        raise
    except IntercomBulkError as exc:
        code, error = exc.exit_code, exc
    with Journal(path, read_only=True) as book:
        account = account_of(book, book.recipe(record.id), code or None, error)
    return account, out, int(account["exit"])


@dataclass
class _Acting:
    """Carries steps out, each as its own command would."""

    agreed: Agreed
    speed: Speed
    out: Shown

    def begin(self, recipe: Recipe, step: Step, record: RecipeRecord, earlier: Mapping[str, service.Earlier]) -> int:
        options = options_of(Safety(yes=self.agreed.yes), self.speed)
        _head(recipe, step, self.out)
        with opened(options, self.out) as (session, names), nothing_next():
            work = service.begin_step(
                recipe, step, record, earlier, session, names, options, _consent(self.agreed),
                cap=DEFAULT_CAP if self.agreed.yes else None, note=note,
            )
            return go(work, Safety(yes=self.agreed.yes), _of_step(self.out))

    def go_on(self, run: str) -> int:
        with nothing_next():
            return go_on(run, Safety(yes=self.agreed.yes), self.speed, _of_step(self.out), failed=False)


def _look(recipe: Recipe, options: Options, out: Shown) -> tuple[dict[str, str], int]:
    """A dry run of each step; the runs by step, and what to exit with."""

    def carry(step: Step, asked: VerbRequest) -> tuple[str, int]:
        _head(recipe, step, out)
        with opened(options, out) as (session, names), nothing_next():
            work = asked.check().begin(session, names)
            return work.run.id, go(work, Safety(dry_run=True), _of_step(out))

    def passing(wait: Wait) -> None:
        if not (out.data or out.quiet):
            note(f"\nThen {wait.words} pass.")

    return service.look(recipe, options, carry, note, passing)


def _of_step(out: Shown) -> Output:
    """How a step is shown: the one JSON object is the recipe's."""
    return Output(jsonl=out.jsonl, quiet=out.quiet or out.json, verbose=out.verbose, progress=out.progress)


def _head(recipe: Recipe, step: Step, out: Shown) -> None:
    if not (out.data or out.quiet):
        place = recipe.steps.index(step) + 1
        note(f"\nStep {place} of {len(recipe.steps)}, {step.name}: {step.verb.replace('.', ' ')}")


def _tell(account: dict[str, Any], out: Shown, code: int) -> int:
    """The account of one recipe: data on stdout, sentences on stderr."""
    _emit(account, out)
    if not out.quiet:
        _say(account)
    return code


def _all_of(accounts: Sequence[Mapping[str, Any]], code: int) -> dict[str, Any]:
    return {"schema": "recipes/1", "ok": code == 0, "exit": code, "recipes": list(accounts)}


def _emit(told: Mapping[str, Any], out: Shown) -> None:
    """The object on standard output: alone, or as the last of the lines."""
    if out.jsonl:
        from ..terminal.json_lines import done_line

        emit(done_line(told))
    elif out.json:
        out_json(told)


def _say(account: Mapping[str, Any]) -> None:
    from ..terminal.recipe_text import recipe_lines

    for line in recipe_lines(account):
        note(line)
