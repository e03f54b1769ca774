"""Each verb declares all that is derived from it, and no module that serves every resource names one."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import re
import shlex
from functools import cache
from pathlib import Path
from statistics import median

import pytest
from jsonschema.validators import Draft202012Validator

from intercom_bulk_updater.cli.main import complete_tree, main
from intercom_bulk_updater.cli.narrow import typed_flags
from intercom_bulk_updater.model import Reversibility
from intercom_bulk_updater.operations.operation import Operation
from intercom_bulk_updater.operations.registry import find_operations, iterate
from intercom_bulk_updater.operations.resource import resources
from intercom_bulk_updater.operations.spec import Kind, parameter, parameters_of, schema_of
from intercom_bulk_updater.parsing.environment import FLAG_VARIABLES, VARIABLES
from intercom_bulk_updater.terminal.phrases import already, past, sentence
from pages.command_line import commands

PACKAGE = Path(__file__).parents[2] / "src" / "intercom_bulk_updater"
VERBS = dict(iterate())
GENERIC = ("engine", "runs", "service", "updaters", "report", "terminal", "cli")
# The demo shows one job on conversations: that is its subject.
ABOUT_CONVERSATIONS = {"cli/demo.py"}


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_declares_all_that_is_derived_from_it(name: str) -> None:
    """A summary, words, examples, whether there is a way back, and what no undo takes back."""
    cls = VERBS[name]
    assert cls.summary.endswith(".") and (cls.__doc__ or "").strip()
    assert cls.past not in ("", "done") and cls.unchanged not in ("", "unchanged")
    assert isinstance(cls.reversibility, Reversibility)
    assert cls.inverse is not Operation.inverse or cls.why_no_undo is not Operation.why_no_undo
    assert cls.reversibility is Reversibility.REVERSIBLE or cls.side_effects
    assert past(name) == cls.past and already(name) == cls.unchanged
    resource, _, verb = name.partition(".")
    assert sentence(verb, resource) == f"{cls.lead or verb.capitalize()} {resource}"


def test_a_verb_takes_a_screen_or_two() -> None:
    """Its whole file, shared among the verbs in it: at most 80 lines at the median."""
    files = [Path(inspect.getsourcefile(cls) or "") for cls in VERBS.values()]
    lines = [len(file.read_text().splitlines()) / files.count(file) for file in files]
    assert median(lines) <= 80


@pytest.mark.parametrize("name", VERBS)
def test_the_schema_of_a_verb_is_one(name: str) -> None:
    """JSON Schema 2020-12, with the parameters that the verb takes and no others."""
    schema = schema_of(VERBS[name].Parameters)
    Draft202012Validator.check_schema(schema)
    declared = list(parameters_of(VERBS[name].Parameters))
    assert list(schema["properties"]) == [one.name for one in declared]
    assert schema["required"] == [one.name for one in declared if one.required]


@pytest.mark.parametrize("name", VERBS)
def test_the_flags_of_a_verb_are_its_parameters(name: str) -> None:
    """And the flags that all verbs have; its three examples are command lines that can be read."""
    resource, _, verb = name.partition(".")
    command = complete_tree([resource])[resource][verb]
    flags = {argument.names[0] for argument in command.assemble_argument_collection() if argument.names[0].startswith("--")}
    own = {one.flag for one in parameters_of(VERBS[name].Parameters) if one.kind is not Kind.VALUES}
    backup = {"--backup"} if VERBS[name].reversibility is Reversibility.IRREVERSIBLE else set()
    assert flags - shared() == own | backup and VERBS[name].batch_size == (1 if backup else VERBS[name].batch_size)
    assert len(VERBS[name].examples) == 3
    for example in VERBS[name].command_examples():
        words = shlex.split(example)[1:]
        _, _, rest = complete_tree([resource]).parse_commands(words)
        with typed_flags(complete_tree([resource]), words):
            complete_tree([resource]).parse_args(words, exit_on_error=False, print_error=False)
        assert rest


@pytest.mark.further
def test_the_help_of_every_command_is_one_screen() -> None:
    """With the prompt behind it, at 80 by 24; the longest at 120 columns too."""
    pages = {full: help_of(full) for full, _ in commands(complete_tree())}
    assert len(pages) > len(VERBS) + len(resources())
    longest = max(pages, key=lambda full: len(pages[full].splitlines()))
    for columns, page in ((120, help_of(longest, 120)), *((80, page) for page in pages.values())):
        assert len(page.splitlines()) <= 23 and max(map(len, page.splitlines())) <= columns, page


@cache
def help_of(full: str, columns: int = 80) -> str:
    """What `--help` of a command prints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        return printed(*full.split(), "--help")


@pytest.mark.parametrize("name", [*VERBS, *(f"{resource}.find" for resource in resources())])
def test_the_help_of_a_verb_says_what_a_beginner_needs(name: str) -> None:
    """Its own flags before the others, those that its examples use, its three examples last, as they can be typed."""
    resource, _, verb = name.partition(".")
    short = help_of(f"{resource} {verb}")
    own = [one for one in parameters_of(VERBS[name].Parameters) if one.kind is not Kind.VALUES] if name in VERBS else []
    shared_from = short.index("\n  --where" if "\n  --where" in short else "\n  --csv")
    assert all(one.flag_text in short and short.index(one.flag_text) < shared_from for one in own)
    about, _, examples = short.partition("\nExamples:\n")
    assert "--help-all" in about.splitlines()[-1] and "STR" not in short
    typed = [shlex.split(example) for example in examples.replace("\\\n", " ").splitlines()]
    assert typed == [shlex.split(example) for example in (VERBS[name].command_examples() if name in VERBS else found(resource))]
    flags = {word for words in typed for word in words if word.startswith("--")}
    assert all(f"{flag} " in about or f"{flag}\n" in about for flag in flags)
    assert name not in VERBS or VERBS[name].reversibility is Reversibility.READS or "\nWay back: " in about


def test_all_flags_are_explained_where_that_is_asked_for() -> None:
    """And only there."""
    short, whole = (printed("conversations", "close", flag) for flag in ("--help", "--help-all"))
    assert "Stop softly after this long" in whole and "Stop softly after this long" not in short


def found(resource: str) -> list[str]:
    """The examples of `find`."""
    assert len(resources()[resource].examples) == 3
    return [f"intercom-bulk {resource} find {words}" for words in resources()[resource].examples]


@cache
def shared() -> frozenset[str]:
    """The flags that a verb without parameters of its own has."""
    return frozenset(one.names[0] for one in complete_tree(["conversations"])["conversations"]["open"].assemble_argument_collection())


def printed(*words: str) -> str:
    """What a command prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main(list(words))
    return out.getvalue()


def test_a_verb_is_found_by_its_own_name() -> None:
    """`operations show snooze` is enough; of several resources that have the verb, each is shown."""
    assert [name for name, _ in find_operations("snooze")] == ["conversations.snooze"]
    assert {"conversations.close", "tickets.close"} == {name for name, _ in find_operations("close")}
    with pytest.raises(Exception, match="Nearest: conversations.close"):
        find_operations("clsoe")


def test_a_message_is_called_one() -> None:
    """A parameter whose name would not keep its text private is refused."""
    from dataclasses import make_dataclass

    wrong = make_dataclass("Parameters", [("words", str, parameter(Kind.MESSAGE, "The words."))])
    with pytest.raises(TypeError, match="message"):
        list(parameters_of(wrong))


def test_generic_modules_name_no_resource() -> None:
    """What serves every resource reads its declaration: no string, name or import says "conversations"."""
    found = []
    for path in (path for folder in GENERIC for path in (PACKAGE / folder).rglob("*.py")):
        place = str(path.relative_to(PACKAGE))
        if place in ABOUT_CONVERSATIONS:
            continue
        tree = ast.parse(path.read_text())
        docs = {
            id(node.body[0].value) for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
        }  # fmt: skip
        for node in ast.walk(tree):
            said = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs else ""
            said = said or (node.module or "" if isinstance(node, ast.ImportFrom) else "")
            if re.search(r"\bconversations\b", said):
                found.append(f"{place}:{getattr(node, 'lineno', 0)}")
    assert not found


def test_resources_declare_what_others_ask() -> None:
    """Each knows how it is listed or searched, and begins its columns with the id."""
    assert list(resources()) == ["conversations", "contacts", "companies", "tickets"]
    for one in resources().values():
        assert one.search or one.listing
        assert one.columns[0].title == "id" and one.count.path.split("/")[0] == one.name


def test_flags_of_speed_and_output_have_a_variable() -> None:
    """All of them, by the same rule; patience is a setting, with the same name."""
    command = complete_tree(["conversations"])["conversations"]["close"]
    groups = {"Speed", "Output"}
    for argument in command.assemble_argument_collection():
        if {getattr(group, "name", "") for group in argument.parameter.group or ()} & groups:
            name = argument.names[0].lstrip("-")
            assert FLAG_VARIABLES.get(name, VARIABLES.get(name)) == f"INTERCOM_BULK_{name.upper()}"
            assert name == "patience" or argument.parameter.env_var == (FLAG_VARIABLES[name],)
