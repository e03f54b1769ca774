"""`intercom-bulk recipes`: several steps with waits between them, each a run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from cyclopts import Parameter

from ..errors import IntercomBulkError, RunLocked, UsageError
from ..journal import Journal, RecipeRecord
from ..runs.options import Options
from ..service import recipe_schema
from ..service import recipes as service
from ..service.recipe_file import Recipe, Step, Wait, open_recipe
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
    recipe = _opened(file)
    options = options_of(Safety(dry_run=True), speed)
    with opened(options, out) as (session, names):
        service.check_in_workspace(recipe, session, names, options, None, note)
    looked = _Looking(recipe, options, out)
    code = looked.look()
    with journal() as book:
        account = service.checked_account(recipe, book, {name: one.run for name, one in looked.earlier.items()}, code)
    return _tell(account, out, code)


def run(
    file: _File,
    *,
    agreed: Agreed = _AGREED, speed: Speed = _SPEED, out: Shown = _OUT,
) -> int:
    """Begin a recipe: check it whole, then carry out its steps up to the first wait. Resume goes on with what is due."""
    if agreed.dry_run:
        return check(file, speed=speed, out=out)
    recipe = _opened(file)
    options = options_of(Safety(yes=agreed.yes), speed)
    with opened(options, out) as (session, names):
        service.check_in_workspace(recipe, session, names, options, _consent(agreed), note)
        record = service.begin_recipe(recipe, session, asdict(agreed))
    return _tell(*_carry_on(record, agreed, speed, out))


def list_recipes(*, out: Shown = _OUT) -> int:
    """The recipes that were begun, newest first, and where each stands."""
    with journal() as book:
        told = [service.account(book, record) for record in book.recipes()]
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
        records = service.due(book, load().base_url) if recipe is None else service.find_recipes(book, recipe)
    accounts, worst = list[dict[str, Any]](), 0
    for record in records:
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
    """End a recipe where it stands: no further step begins. What its steps have done stays; undo takes it back."""
    from ..settings import load

    record = service.cancel_recipe(load().home / "journal.db", recipe)
    with journal() as book:
        account = service.account(book, record)
    return _tell(account, out, 0)


def _consent(agreed: Agreed) -> TypedConsent:
    return TypedConsent(agreed.customer_visible, agreed.irreversible, agreed.yes)


def _opened(file: str) -> Recipe:
    recipe = open_recipe(file)
    service.check_offline(recipe)
    return recipe


def _carry_on(record: RecipeRecord, agreed: Agreed, speed: Speed, out: Shown) -> tuple[dict[str, Any], Shown, int]:
    """Go on with a recipe; its account, and what to exit with."""
    from ..settings import load

    path = load().home / "journal.db"
    code, error = 0, None
    try:
        code = service.carry_on(path, record.id, _Acting(agreed, speed, out))
    except RunLocked:
        raise
    except IntercomBulkError as exc:
        code, error = exc.exit_code, exc
    with Journal(path, read_only=True) as book:
        account = service.account(book, book.recipe(record.id), code, error)
    return account, out, int(account["exit"])


@dataclass
class _Acting:
    """Carries steps out, each as its own command would."""

    agreed: Agreed
    speed: Speed
    out: Shown

    def begin(self, recipe: Recipe, step: Step, record: RecipeRecord, earlier: Mapping[str, service.Earlier]) -> int:
        """See Steps."""
        options = options_of(Safety(yes=self.agreed.yes), self.speed)
        _head(recipe, step, self.out)
        with opened(options, self.out) as (session, names), nothing_next():
            service.refuse_other_workspace(session, record)
            asked = service.request_of(
                recipe, step, options, _consent(self.agreed), earlier=earlier, record=record, cap=DEFAULT_CAP if self.agreed.yes else None,
                ahead=session.client.server_time() - time.time(), note=note,
            )
            return go(asked.check().begin(session, names), Safety(yes=self.agreed.yes), _of_step(self.out))

    def go_on(self, run: str) -> int:
        """See Steps."""
        with nothing_next():
            return go_on(run, Safety(yes=self.agreed.yes), self.speed, _of_step(self.out), failed=False)


@dataclass
class _Looking:
    """Looks at the steps one after the other, each at what the one before it would do."""

    recipe: Recipe
    options: Options
    out: Shown

    def __post_init__(self) -> None:
        self.earlier: dict[str, service.Earlier] = {}

    def look(self) -> int:
        """A dry run of each step; the first exit code that is not 0, or 0."""
        worst = 0
        for entry in self.recipe.entries:
            if isinstance(entry, Wait):
                if not (self.out.data or self.out.quiet):
                    note(f"\nThen {entry.words} pass.")
                continue
            _head(self.recipe, entry, self.out)
            with opened(self.options, self.out) as (session, names), nothing_next():
                asked = service.request_of(self.recipe, entry, self.options, TypedConsent(), earlier=self.earlier, note=note)
                work = asked.check().begin(session, names)
                code = go(work, Safety(dry_run=True), _of_step(self.out))
            self.earlier[entry.name] = service.Earlier(work.run.id, "pending", time.time())
            worst = worst or code
            if code not in (0, 3):
                break
        return worst


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
