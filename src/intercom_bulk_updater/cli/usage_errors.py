"""What was meant by a command line that cannot be read, where that can be told: quotes or a resource left out, a parameter missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Literal, get_args, get_origin

from cyclopts import App, CycloptsError, MissingArgumentError, UnknownCommandError, UnknownOptionError, UnusedCliTokensError
from cyclopts.argument import Argument

from ..operations.registry import declared
from ..operations.resource import resources
from ..operations.spec import Kind, parameters_of
from ..parsing.printable import printable_name

_SIGNS = "=<>!~^$"
_OF_SELECTIONS = frozenset(("--where", "--query", "--ids", "--from-run", "--outcome", "--exclude", "--exclude-run"))


def meant(exc: CycloptsError, arguments: Sequence[str], tree: Callable[[], App]) -> CycloptsError:
    """The error in words that say what to type, or the error as it is. `tree`: the whole command."""
    if isinstance(exc, UnknownCommandError) and exc.unused_tokens:
        verb = exc.unused_tokens[0]
        elsewhere = ", ".join(f"{noun} {verb}" for noun in _nouns_with(verb, tree()))
        return CycloptsError(msg=f"{verb} stands behind what it is done to: {elsewhere}.") if elsewhere else exc
    if isinstance(exc, UnusedCliTokensError) and (filter_ := unquoted(arguments)):
        return CycloptsError(msg=f"Put the filter in single quotes: --where '{filter_}'")
    if isinstance(exc, UnusedCliTokensError) and exc.unused_tokens:
        words = " ".join(printable_name(token) for token in exc.unused_tokens[:5])
        if text := _loose_text(arguments, words):
            return CycloptsError(msg=f"Put the text in single quotes behind --body: --body '{text}'")
        return CycloptsError(msg=f"Nothing here takes {words}: a flag of another command, one word too many, or quotes left out.")
    if isinstance(exc, UnknownOptionError) and (said := _rows_alone(exc)):
        return CycloptsError(msg=said)
    if isinstance(exc, MissingArgumentError) and exc.argument is not None and exc.command_chain:
        return CycloptsError(msg=_missing(exc.argument, exc.command_chain[-1], arguments))
    return exc


def _rows_alone(exc: UnknownOptionError) -> str:
    """What a verb says that takes a spreadsheet alone, where it is given another selection; "" for anything else."""
    option, command = (exc.token.keyword or exc.token.value).partition("=")[0], exc.command_chain or ()
    from ..operations.registry import operation_class
    from ..service.verbs import of_rows_alone

    if option not in _OF_SELECTIONS or len(command) < 2 or command[-2] not in resources():
        return ""
    cls = operation_class(f"{command[-2]}.{command[-1]}")
    return of_rows_alone(cls) if cls.keys else ""


def _nouns_with(verb: str, tree: App) -> Iterator[str]:
    for noun in (*resources(), "runs", "recipes", "operations"):
        with suppress(KeyError):
            _ = tree[noun][verb]
            yield noun


def _loose_text(arguments: Sequence[str], unused: str) -> str:
    """The text of a message that the shell took apart, or that stands without its flag; "" for none."""
    cls = declared(".".join(arguments[:2]))
    message = next((one for one in parameters_of(cls.Parameters) if one.kind is Kind.MESSAGE), None) if cls is not None else None
    if message is None or unused.startswith("-"):
        return ""
    if f"--{message.name}" not in arguments:
        return unused if message.required and "--where" not in arguments else ""
    words = list(_behind(f"--{message.name}", arguments))
    return " ".join(map(printable_name, words)) if len(words) > 1 else ""


def _behind(flag: str, arguments: Sequence[str]) -> Iterator[str]:
    """The words after a flag, up to the next one."""
    after = arguments[arguments.index(flag) + 1 :] if flag in arguments else ()
    return takewhile(lambda word: not word.startswith("-"), after)


def _missing(argument: Argument, command: str, arguments: Sequence[str]) -> str:
    name = argument.names[0]
    bare = name.lstrip("-").upper().replace("-", "_")
    choices = "|".join(map(str, get_args(argument.hint))) if get_origin(argument.hint) is Literal else ""
    form = choices or argument.parameter.metavar or ""
    said = "." if form else f": {argument.parameter.help}"
    given = next((typed for typed in argument.names if typed in arguments), None)
    if given is not None:
        return f"{given} needs a value{form and ', '}{form}{said}"
    form = form or bare
    shown = form if "POSITIONAL" in argument.field_info.kind.name else f"{name} {form}"
    return f"{command} needs {shown}{said}"


def unquoted(arguments: Sequence[str]) -> str:
    """The filter that the words after --where are together, when the shell took it apart; "" when it did not."""
    # The shell took its quotes: a name with spaces gets some back.
    words = [f'"{word}"' if " " in word and not any(sign in word for sign in _SIGNS) else word for word in _behind("--where", arguments)]
    return " ".join(words) if len(words) > 1 and any(sign in word for word in words for sign in _SIGNS) else ""
