"""The commands of a resource, made from what its verbs declare: flags, help, and the way to `execute.act`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter

from ..errors import UsageError
from ..model import Reversibility
from ..operations.operation import Operation
from ..operations.registry import broken, verbs_of
from ..operations.resource import Resource, resources
from ..operations.spec import Kind, parameters_of
from ..operations.spec import Parameter as Declared
from ..parsing.text_file import LARGEST_MESSAGE, read_text
from .flags import KeyedRows, Listing, Output, Safety, SafetyAndBackup, Selection, Shown, Speed
from .help import epilogue

_COMPARED = ("=", "==", "!=", "~", "!~", "^", "$", "is", "in", "not")


def add_verbs(app: App, resource: str) -> None:
    """Give `app` the command `find`, and one for each verb that the resource has."""
    found = resources()[resource]
    examples = epilogue(f"intercom-bulk {resource} find {words}" for words in found.examples)
    app.command(find_command(found), name="find", sort_key=0, help_epilogue=examples)
    for place, cls in enumerate(verbs_of(resource).values(), 1):
        app.command(
            command_of(resource, cls), name=cls.name, help=f"{cls.summary}\n\n{_way_back(cls)}", sort_key=place,
            help_epilogue=epilogue(cls.command_examples()),
        )
    for one in broken(resource):
        verb = one.name.partition(".")[2]
        if verb[:1].isalpha() and verb not in app:  # what is there stays
            app.command(_refusal(one.words), name=verb, help=one.words, show=False)


def _refusal(why: str) -> Callable[..., int]:
    """The command of a verb that cannot be used: whatever is typed behind it, the reason is told."""

    def refuse(*words: Annotated[str, Parameter(allow_leading_hyphen=True, show=False)]) -> int:
        raise UsageError(why, hint="")

    return refuse


def _way_back(cls: type[Operation]) -> str:
    label = cls.reversibility
    said = {Reversibility.REVERSIBLE: "undo", Reversibility.FIELDS: f"undo {cls.way_back or label}", Reversibility.IRREVERSIBLE: "none"}
    return "It changes nothing in Intercom." if label is Reversibility.READS else f"Way back: {said.get(label, label)}."


def find_command(resource: Resource) -> Callable[..., int]:
    """The function of `find`."""

    def search(
        *, sel: Selection = Selection(), listing: Listing = Listing(), out: Shown = Shown(), speed: Speed = Speed(),  # noqa: B008
    ) -> int:
        from .find import find

        return find(resource, sel, listing, out, speed)

    all_of_them = "" if resource.search else "; without a selection, all of them"
    search.__doc__ = f"Show which {resource.name} a selection finds{all_of_them}. Never writes."
    return search


def command_of(resource: str, cls: type[Operation]) -> Callable[..., int]:
    """The function of one verb, with the signature that its declaration asks for."""
    declared = list(parameters_of(cls.Parameters))
    safety = SafetyAndBackup if cls.reversibility is Reversibility.IRREVERSIBLE else Safety
    # By names that no verb's own parameter has.
    groups: dict[str, Any] = {
        "selection_flags": KeyedRows if cls.keys else Selection, "safety_flags": safety, "speed_flags": Speed, "output_flags": Output,
    }  # fmt: skip

    def run(*values: str, **given: Any) -> int:
        from .execute import act

        shared: list[Any] = [given.pop(name, None) or kind() for name, kind in groups.items()]
        typed = {one.name: list(values) if one.kind is Kind.VALUES else given.get(one.name) for one in declared}
        _check_shell(typed, shared[0])
        return act(f"{resource}.{cls.name}", {one.name: _read(one, typed[one.name]) for one in declared}, *shared)

    run.__name__, run.__doc__ = cls.name.replace("-", "_"), cls.summary
    run.__signature__ = inspect.Signature([*_own(declared), *_grouped(groups)], return_annotation=int)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in run.__signature__.parameters.values()} | {"return": int}  # type: ignore[attr-defined]
    return run


def _own(declared: Sequence[Declared]) -> list[inspect.Parameter]:
    made: list[inspect.Parameter] = []
    for one in declared:
        if one.kind is Kind.VALUES:
            hint: Any = Annotated[str, Parameter(help=one.help, metavar=one.kind.form)]
            made.insert(0, inspect.Parameter(one.name, inspect.Parameter.VAR_POSITIONAL, annotation=hint))
            continue
        kind: Any = bool if one.kind is Kind.FLAG else list[str] if one.kind.many else str
        # A message that is missing is asked for in words, by `check_given`.
        absent: Any = False if one.kind is Kind.FLAG else None
        required = one.required and one.kind is not Kind.MESSAGE
        short = [one.flag, "-o"] if one.kind is Kind.FILE else None
        about = Parameter(name=short, help=one.help, negative="", metavar=one.kind.form or None)
        hint = Annotated[kind if required or kind is bool else kind | None, about]
        default = inspect.Parameter.empty if required else absent
        made.append(inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint))
    return made


def _grouped(groups: Mapping[str, type]) -> list[inspect.Parameter]:
    return [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=kind(), annotation=kind) for name, kind in groups.items()]


def _read(declared: Declared, value: Any) -> Any:
    """A value as typed, `@FILE` of a message read."""
    if declared.kind is not Kind.MESSAGE or value is None or not value.startswith("@"):
        return value
    return read_text(value[1:], f"{declared.flag} {value}", most=LARGEST_MESSAGE)


def _check_shell(typed: Mapping[str, Any], selection: Selection | KeyedRows) -> None:
    """Refuse the words of a filter that the shell took apart, which would be taken for KEY=VALUE."""
    words = next((value for value in typed.values() if isinstance(value, list)), [])
    if getattr(selection, "where", None) and words and words[0] in _COMPARED:
        raise UsageError("The filter fell apart into words: put all of it in single quotes, --where 'team = Support'.")
