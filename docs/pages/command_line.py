"""docs/reference/cli.md and operations.md, made from the commands and the operations themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from cyclopts import App
from cyclopts.argument import Argument

from intercom_bulk_updater.cli.flags import Output, Safety, Selection, Speed
from intercom_bulk_updater.cli.help import group_of
from intercom_bulk_updater.cli.main import complete_tree
from intercom_bulk_updater.cli.operations import GIVEN, describe
from intercom_bulk_updater.operations.registry import built_in

_SHARED = {kind.__name__: kind for kind in (Selection, Safety, Speed, Output)}
_MADE = "<!-- Made by `make docs`: edit the code, not this page. -->"
_OTHERS = "../howto/write-an-updater.md#give-verbs-to-everyone-who-installs-your-package"


def commands(root: App, path: str = "") -> Iterator[tuple[str, App]]:
    """Every command that does something, by its full name, in the order of the help."""
    for name in root:
        if name.startswith("-"):
            continue
        node, full = root[name], f"{path} {name}".strip()
        if node.default_command is None:
            yield from commands(node, full)
        else:
            yield full, node


def cli_page() -> str:
    """docs/reference/cli.md."""
    lines = [
        "# The command line",
        "",
        _MADE,
        "",
        "`RUN` is the id of a run, a unique beginning of it, or `latest`, the newest at the address that is configured.",
        "Standard output is data, standard error is for people.",
        "What a command exits with stands in [exit codes](exit-codes.md), what `--json` prints in [the JSON object](json.md).",
    ]
    flags: dict[str, dict[str, Argument]] = {name: {} for name in _SHARED}
    sections: list[str] = []
    for full, node in commands(complete_tree()):
        own: list[Argument] = []
        shared: dict[str, list[str]] = {}
        for argument in node.assemble_argument_collection():
            if argument.names == ("*",):
                continue
            group = group_of(argument)
            if group in flags:
                flags[group].setdefault(argument.names[0], argument)
                shared.setdefault(group, []).append(argument.names[0])
            else:
                own.append(argument)
        sections += ["", f"## {full}", "", _sentence(node.help), "", "```", _usage(full, own, shared), "```"]
        if own:
            sections += ["", "| parameter | default | what it is |", "|---|---|---|", *map(_row, own)]
        for group, there in shared.items():
            if len(there) < len(_fields(group)):
                sections += ["", f"Of the {group.lower()} flags: {', '.join(f'`{name}`' for name in there)}."]
    lines += ["", "## Flags with one meaning everywhere"]
    for group, known in flags.items():
        lines += ["", f"**{group}.** {_doc(_SHARED[group])}", ""]
        lines += ["| flag | default | what it is |", "|---|---|---|", *map(_row, known.values())]
    return "\n".join(lines + sections) + "\n"


def operations_page() -> str:
    """docs/reference/operations.md."""
    lines = [
        "# Operations",
        "",
        _MADE,
        "",
        "What the verbs of the command line do to one item, and what `undo` can take back.",
        f"`intercom-bulk operations list` shows the same, and what [other packages]({_OTHERS}) have added.",
        "",
        "| operation | what it does | undo |",
        "|---|---|---|",
    ]
    rows = [describe(name, cls) for name, cls in built_in()]
    lines += [
        f"| [{row['name']}](#{str(row['name']).replace('.', '')}) | {row['what']} | {row['way_back'] or row['reversibility']} |"
        for row in rows
    ]
    for row in rows:
        lines += ["", f"## {row['name']}", "", str(row["what"]), ""]
        touched = str(row["touches"])
        fields = touched if touched == GIVEN else ", ".join(f"`{field}`" for field in touched.split(", ") if field)
        facts = {
            "touches": fields or "nothing that can be restored",
            "undo": row["way_back"] or row["reversibility"],
            "no undo takes back": row["side_effects"],
            "customers see it": "yes: it needs `--customer-visible`" if row["customer_visible"] else
            f"with `{row['customer_visible_with']}`, which needs `--customer-visible`" if row["customer_visible_with"] else "",
            "doing it twice": "is harmless" if row["repeating_is_harmless"] else "leaves two traces, so a lost answer is looked up first",
        }
        if row["parameters"]:
            lines += ["| parameter | kind | what it is |", "|---|---|---|"]
            for one in row["parameters"]:
                needed = " (required)" if one["required"] else ""
                lines.append(f"| `{_cell(one['flag'])}` | {one['kind']} | {_cell(one['help'])}{needed} |")
            lines.append("")
        lines += [f"- {name}: {value}" for name, value in facts.items() if value]
        lines += ["", "```", *row["examples"], "```"]
    return "\n".join(lines) + "\n"


def _fields(group: str) -> tuple[str, ...]:
    return tuple(_SHARED[group].__dataclass_fields__)


def _usage(full: str, own: list[Argument], shared: dict[str, list[str]]) -> str:
    words = [f"intercom-bulk {full}"]
    for argument in own:
        name = argument.names[0]
        if not name.startswith("-") or _positional(argument):
            label = name.lstrip("-").upper().replace("-", "_")
            words.append(label if argument.required else f"[{label}]")
        elif argument.required:
            words.append(f"{name} {_value(argument)}")
        else:
            words.append(f"[{name}{'' if argument.hint is bool else ' ' + _value(argument)}]")
    return " ".join([*words, *(f"[{group.upper()}]" for group in shared)])


def _positional(argument: Argument) -> bool:
    return "POSITIONAL" in argument.field_info.kind.name


def _value(argument: Argument) -> str:
    choices = _choices(argument.hint)
    return "|".join(choices) if choices else argument.names[0].lstrip("-").upper().replace("-", "_")


def _choices(hint: Any) -> list[str]:
    if get_origin(hint) is Literal:
        return [str(choice) for choice in get_args(hint)]
    return []


def _row(argument: Argument) -> str:
    shown = argument.names
    if _positional(argument):
        shown = (argument.names[0].lstrip("-").upper(),)
    default = argument.field_info.default
    text = "" if default in (None, "", False, argument.field_info.empty) else f"`{default}`"
    choices = _choices(argument.hint)
    more = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
    names_shown = ", ".join(f"`{name}`" for name in shown)
    needed = "required" if argument.required else text
    return f"| {names_shown} | {needed} | {_cell((argument.parameter.help or '') + more)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


def _doc(thing: object) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]


def _sentence(text: object) -> str:
    return " ".join(str(text or "").split())
