"""`intercom-bulk`: the tree of commands, and what an error becomes: one sentence and an exit code.

Commands are named by module and function and imported when they are called, so that help is quick and no command pays for
what it does not use.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from cyclopts import App, CycloptsError, Group, Parameter

from ..operations.resource import has_verbs, resources
from ..service.signals import end_as_told
from ..version import __version__
from .argv import join_values
from .help import Command, epilogue, read_help_flag
from .memory import share_memory
from .narrow import typed_flags
from .stdout import close_streams, data_only, is_told, open_streams, told_run

_HERE = "intercom_bulk_updater.cli"

def _worth_saying(default: object) -> object | None:
    """The default of a flag, for its help: that a switch is off, and that a text is empty, goes without saying."""
    return None if default is False or default == "" else default


app = Command(
    name="intercom-bulk",
    version=__version__,
    help=(
        "Bulk operations on Intercom: search, act and account for every item, with a way back.\n\n"
        "To try it without an account: intercom-bulk demo. To check your own workspace: intercom-bulk doctor."
    ),
    default_parameter=Parameter(show_default=_worth_saying),
    help_format="plaintext",
)
_ACT, _BACK, _ROUND, _HELP = (
    Group(name, sort_key=place) for place, name in enumerate(("Find and act", "Look back", "Set up and try", "Help"))
)
for _flag in ("--help", "--version"):
    app[_flag].group = _HELP
for _noun in resources().values():
    _help = f"Find {_noun.name}, and act on them." if has_verbs(_noun.name) else f"Find {_noun.name}."
    app.command(Command(name=_noun.name, help=_help, group=_ACT, sort_key=_noun.rank))

_RUNS = {
    "list": "What has been run.",
    "show": "One run, or a plan file: what, how many, what failed and why.",
    "watch": "Follow a run of another process.",
    "resume": "Go on with a run that stopped.",
    "retry": "Try again what failed.",
    "pause": "Ask a running process to pause; resume lets it go on.",
    "cancel": "Ask a running process to stop; resume goes on with it.",
    "speed": "Let a running process go faster or slower.",
    "report": "Write the report of a run: HTML or JSON.",
    "export": "Write the items of a run: CSV, XLSX, JSON Lines or Parquet.",
    "prune": "Delete old runs.",
}
runs = Command(name="runs", help="What was run: look, go on, stop, account.", group=_BACK, sort_key=0)
for _place, (_name, _help) in enumerate(_RUNS.items()):
    runs.command(f"{_HERE}.runs:{_name if _name != 'list' else 'list_runs'}", name=_name, help=_help, sort_key=_place)
app.command(runs)

_recipes = Command(name="recipes", help="Several steps with waits between them, from one YAML file.", group=_ACT, sort_key=103)
_OF_RECIPES = {
    "check": ("ask-then-close.yaml", "ask-then-close.yaml --json"),
    "run": ("ask-then-close.yaml --dry-run", "ask-then-close.yaml", "ask-then-close.yaml --yes --customer-visible"),
    "resume": ("", "latest", "ask-then-close.yaml --yes"),
}
for _place, (_name, _help) in enumerate({
    "check": "Look at what each step would do; changes nothing.",
    "run": "Begin a recipe, and carry out its steps up to the first wait.",
    "list": "The recipes that were begun, and where each stands.",
    "resume": "Go on with whatever is due: from cron, every hour.",
    "cancel": "End a recipe where it stands; a step at work stops.",
}.items()):
    _recipes.command(
        f"{_HERE}.recipes:{_name if _name != 'list' else 'list_recipes'}", name=_name, help=_help, sort_key=_place,
        help_epilogue=epilogue(f"intercom-bulk recipes {_name} {_words}".rstrip() for _words in _OF_RECIPES.get(_name, ())),
    )
app.command(_recipes)

_operations = Command(name="operations", help="The catalogue of operations.", group=_ROUND, sort_key=20)
_operations.command(f"{_HERE}.operations:list_operations", name="list", help="All operations.")
_operations.command(f"{_HERE}.operations:show", name="show", help="One operation: what it touches, whether there is a way back.")
_operations.command(f"{_HERE}.new_operation:new", name="new", help="An updater of your own to begin with, and its test.")
_operations.command(f"{_HERE}.check_operation:check", name="check", help="Try your own operation against the built-in sandbox.")
app.command(_operations)

_EXAMPLES = {
    "run": (
        "updaters.py:Renamer --param team_id=5001 --dry-run",
        "example_custom_updater:TagAssignmentUpdater --ids ids.txt",
        "updaters.py:rename --where 'team = Support' --plan renamed.jsonl",
    ),
    "each": (
        """articles PUT 'articles/{{id}}' '{"state": "draft"}' --where 'state = published' --dry-run""",
        """data_attributes PUT 'data_attributes/{{id}}' '{"archived": true}' --ids ids.txt""",
        "articles DELETE 'articles/{{id}}' --ids ids.txt --irreversible",
    ),
}
for _place, (_group, _name, _target, _help) in enumerate((
    (_ACT, "run", "updaters:run", "Run your own updater: FILE.py:Class or module:Class."),
    (_ACT, "each", "each:each", "One request for each item of any list: articles, data attributes, ..."),
    (_ACT, "apply", "plans:apply", "Do exactly what a plan says."),
    (_BACK, "undo", "plans:undo", "Take a run back, where items still are as it left them."),
    (_BACK, "verify", "plans:verify", "Read a run's items back and search again."),
    (_ROUND, "doctor", "doctor:doctor", "Check token, workspace, clock and state folder."),
    (_ROUND, "limits", "doctor:limits", "What the rate limit allows right now."),
    (_ROUND, "sandbox", "demo:sandbox", "Serve a small Intercom on this machine, to try things on."),
    (_ROUND, "demo", "demo:demo", "The main job on the built-in sandbox, from the dry run to the server's own books."),
    (_ROUND, "completion", "demo:completion", "Print the completion script for a shell."),
), 100):
    app.command(
        f"{_HERE}.{_target}", name=_name, help=_help, group=_group, sort_key=_place,
        help_epilogue=epilogue(f"intercom-bulk {_name} {_words}" for _words in _EXAMPLES.get(_name, ())),
    )


_complete: set[str] = set()


def complete_tree(nouns: Iterable[str] | None = None) -> App:
    """The command with the verbs of these resources, which are read from their declarations; all of them by default."""
    for noun in resources() if nouns is None else nouns:
        if noun not in _complete:
            from .verbs import add_verbs

            _complete.add(noun)
            add_verbs(app[noun], noun)
    return app


def flags_with_value(arguments: list[str]) -> set[str]:
    """The flags that take a value, of the command that the arguments name."""
    _, apps, _ = app.parse_commands(arguments)
    found = apps[-1].assemble_argument_collection() if apps[-1].default_command else ()
    return {name for argument in found if argument.hint is not bool for name in argument.names}


def _called(arguments: list[str]) -> object:
    """What the command returns. Raises CycloptsError for a line that cannot be read, before the command has begun."""
    call = partial(app, arguments, exit_on_error=False, print_error=False, result_action="return_value")
    if not any(flag in arguments for flag in app.help_flags):
        with suppress(CycloptsError), typed_flags(app, arguments):
            return call()
    return call()


def main(arguments: list[str] | None = None) -> None:
    """The entry point of the command."""
    given = typed = list(sys.argv[1:] if arguments is None else arguments)
    logging.getLogger("intercom_bulk_updater").addHandler(logging.NullHandler())
    open_streams()
    if arguments is None:
        share_memory()
        end_as_told(is_told)
    try:
        # The verbs of a resource are imported when it is named: help of the whole needs none of them.
        complete_tree(noun for noun in typed[:1] if noun in resources())
        given = read_help_flag(join_values(typed, lambda: flags_with_value(typed)))
        with data_only(given):
            code = _called(given)
    except CycloptsError as exc:
        from .errors import misused
        from .usage_errors import meant

        code = misused(meant(exc, given, complete_tree), given, app)
    except BrokenPipeError:
        # Whoever read us has gone (`| head`): nothing more to say, and nobody to say it to.
        code = 0
    except (Exception, KeyboardInterrupt) as exc:
        from .errors import failed

        code = failed(exc, given)
    lost = close_streams()
    if lost:
        run = told_run()
        again = f"Nothing is lost: see intercom-bulk runs show {run}." if run else "Run the command again, with room for what it prints."
        sys.stderr.write(f"intercom-bulk: standard output could not be written: {lost}. {again}\n")
    sys.exit(code if isinstance(code, int) and (code or not lost) else int(bool(lost)))


if __name__ == "__main__":
    main()
