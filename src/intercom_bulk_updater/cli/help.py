"""Help of a command that fits one screen of 80 by 24: its own flags first, few of the shared ones, examples last.

`--help-all` shows every flag, drawn by cyclopts.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cyclopts import App
from cyclopts.argument import Argument, ArgumentCollection

from .stdout import emit

SHARED = ("Selection", "Safety", "Speed", "Output")
"""The groups of flags that commands share."""
_FIRST = ("--where", "--ids", "--csv", "--dry-run", "--plan")
"""Of the shared flags, those that every help explains; others only where an example uses them."""
_ALL = "--help-all"
_WIDEST = 110
_EXAMPLES = "Examples:"
_SHELL_WORD = re.compile(r"(?:-\S+ (?!-))?(?:'[^']*'|[^\s'])+")
"""A word as the shell takes it, a flag together with its value."""
_all = False


def read_help_flag(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--help-all` as `--help`, which then shows everything."""
    global _all
    _all = _ALL in arguments
    return ["--help" if word == _ALL else word for word in arguments]


class Command(App):
    """A command whose help is one screen, where it has more flags than fit."""

    def assemble_argument_collection(self, **how: Any) -> ArgumentCollection:
        """See App. Flags say their help themselves: to look for it in the sources as well is half the time of a completion script."""
        return super().assemble_argument_collection(**{**how, "parse_docstring": False})

    def help_print(self, tokens: Any = None, *, console: Any = None) -> None:
        chain, apps, _ = self.parse_commands(tokens)
        command = apps[-1]
        arguments = [one for one in command.assemble_argument_collection() if one.names != ("*",)] if command.default_command else []
        if _all or "Speed" not in map(group_of, arguments):
            super().help_print(tokens, console=console)
            return
        width = min(shutil.get_terminal_size().columns, _WIDEST)
        emit("".join(f"{line}\n" for line in _screen(" ".join(["intercom-bulk", *chain]), command, arguments, width)))


def group_of(argument: Argument) -> str:
    """The name of the group that an argument belongs to."""
    group: Any = argument.parameter.group
    first = group[0] if isinstance(group, tuple) else group
    return str(getattr(first, "name", first))


def _screen(name: str, command: App, arguments: Sequence[Argument], width: int) -> Iterator[str]:
    own = [one for one in arguments if group_of(one) not in SHARED]
    examples = _wrapped_examples(str(command.help_epilogue or ""), width)
    used = {word for line in examples for word in line.split()}
    first = [one for one in arguments if one not in own and (one.names[0] in _FIRST or used & set(one.names))]
    yield from textwrap.wrap(f"Usage: {name} {_usage(own)}", width, subsequent_indent="       ", break_on_hyphens=False)
    for paragraph in str(command.help or "").split("\n\n"):
        yield from textwrap.wrap(paragraph, width)
    yield ""
    room = max(len(_form(one)) for one in (*own, *first)) + 2
    for one in (*own, *first):
        about = textwrap.wrap(_meaning(one), width - room - 2) or [""]
        yield f"  {_form(one):{room}}{about[0]}"
        yield from (f"  {'':{room}}{line}" for line in about[1:])
    left = len(arguments) - len(own) - len(first)
    yield f"And {left} more flags for selection, safety, speed and output: {_ALL}"
    yield from examples


def _usage(own: Sequence[Argument]) -> str:
    needed = [_form(one) if one.required or one.parameter.metavar else f"[{_form(one)}]" for one in own if one.required or _by_place(one)]
    return " ".join([*needed, "[FLAGS]"])


def _by_place(argument: Argument) -> bool:
    return "POSITIONAL" in argument.field_info.kind.name


def _form(argument: Argument) -> str:
    """A flag as it is typed, with what stands for its value: `-n, --dry-run`, `--ids FILE|-`."""
    value = argument.parameter.metavar or ""
    if _by_place(argument):
        return value or argument.names[0].lstrip("-").upper().replace("-", "_")
    short = [f"{name}," for name in argument.names[1:] if not name.startswith("--")]
    return " ".join([*short, argument.names[0], value]).rstrip()


def _meaning(argument: Argument) -> str:
    """What it is; of a shared flag what stands before the semicolon."""
    said = str(argument.parameter.help or "").removeprefix(f"{argument.parameter.metavar}: ")
    short, more, _ = said.partition(";") if group_of(argument) in SHARED else (said, "", "")
    return f"{short}." if more else said


def epilogue(examples: Iterable[str]) -> str:
    """What stands at the end of a command's help."""
    lines = [f"  {example}" for example in examples]
    return "\n".join([_EXAMPLES, *lines]) if lines else ""


def _wrapped_examples(text: str, width: int) -> list[str]:
    """The examples, broken between words of the shell and continued as it wants it, so that they can be copied."""
    lines: list[str] = []
    for example in text.splitlines():
        line = ""
        for word in _SHELL_WORD.findall(example):
            if line and len(line) + len(word) + 3 > width:
                lines.append(f"{line} \\")
                line = f"    {word}"
            else:
                line = f"{line} {word}" if line else f"  {word}" if example.startswith(" ") else word
        lines.append(line)
    return lines
