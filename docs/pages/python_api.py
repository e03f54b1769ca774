"""docs/reference/python.md, made from the docstrings of the public names."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any

import intercom_bulk_updater

_HEAD = """# Python

<!-- Made by `make docs`: edit the docstrings, not this page. -->

Everything here is imported from `intercom_bulk_updater`; what is not named here may change at any time.
How it is used stands in [from Python and notebooks](../howto/from-python.md) and [write an updater](../howto/write-an-updater.md).
"""
_GROUPS = {
    "The verbs": ("find", "preview", "run", "plan", "apply", "runs", "open_run", "each"),
    "Recipes": ("check_recipe", "run_recipe", "resume_recipes", "recipes", "open_recipe", "BegunRecipe"),
    "What they give and take": ("Run", "Preview", "Workspace", "RunOptions"),
    "Updaters": ("IntercomBulkUpdater", "operation", "BulkResult", "Skip", "StopRun"),
}
_MORE = "The rest"
_NOT_MADE = (dict, Enum, BaseException)
"""Classes whose constructor says nothing to a reader."""
_PRIVATE_ALIAS = {"Unpack[RunOptions]": "RunOptions"}


def page() -> str:
    """docs/reference/python.md."""
    # Not by `getattr`: a folder of modules may stand in the place of the function that has its name.
    public = {name: intercom_bulk_updater.__getattr__(name) for name in intercom_bulk_updater.__all__ if not name.startswith("_")}
    errors = {name: value for name, value in public.items() if _is_error(value)}
    grouped = {name for names in _GROUPS.values() for name in names}
    groups = {**_GROUPS, _MORE: tuple(name for name in public if name not in grouped and name not in errors)}
    lines = [_HEAD]
    for title, names in groups.items():
        lines.append(f"## {title}\n")
        for name in names:
            lines += _entry(name, public[name])
    lines += ["## Errors\n", "All of them are an `IntercomBulkError`, with `message`, `run_id`, `run` and `result`.\n"]
    lines += ["| error | when | the command exits with |", "|---|---|---|"]
    lines += [f"| `{name}` | {_first_line(value)} | {value.exit_code} |" for name, value in errors.items()]
    return "\n".join(lines) + "\n"


def _is_error(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, intercom_bulk_updater.IntercomBulkError)


def _entry(name: str, value: Any) -> Iterator[str]:
    yield f"### {name}\n"
    made = inspect.isclass(value) and not issubclass(value, _NOT_MADE) and value.__init__ is not object.__init__
    if made or inspect.isfunction(value):
        yield _signature(name, value)
    yield _markdown(inspect.getdoc(value) or "")
    if inspect.isclass(value):
        for member, found in vars(value).items():
            yield from _member(name, member, found)


def _member(owner: str, name: str, found: Any) -> Iterator[str]:
    bare = found.__func__ if isinstance(found, classmethod | staticmethod) else found
    bare = bare.fget if isinstance(bare, property) else bare
    doc = inspect.getdoc(bare) if inspect.isfunction(bare) else ""
    if name.startswith("_") or not doc or doc.startswith("See "):
        return
    if isinstance(found, property):
        yield f"#### {owner}.{name}\n"
    else:
        yield f"#### {owner}.{name}()\n"
        yield _signature(name, bare)
    yield _markdown(doc)


def _signature(name: str, value: Any) -> str:
    signature = inspect.signature(value)
    own = [one for one in signature.parameters.values() if one.name not in ("self", "cls")]
    parameters = [one.replace(annotation=_plain(one.annotation)) for one in own]
    result = _plain(signature.return_annotation)
    shown = _listed(parameters)
    arrow = f" -> {result}" if inspect.isfunction(value) and isinstance(result, str) else ""
    return f"```\n{name}{shown}{arrow}\n```\n"


def _listed(parameters: list[inspect.Parameter]) -> str:
    text, starred = [], False
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and not starred and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
            text.append("*")
            starred = True
        hint = f": {one.annotation}" if isinstance(one.annotation, str) else ""
        default = "" if one.default is one.empty else f" = {one.default!r}"
        mark = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        text.append(f"{mark}{one.name}{hint}{default}")
    line = ", ".join(text)
    return f"({line})" if len(line) < 90 else "(\n" + "".join(f"    {one},\n" for one in text) + ")"


def _plain(annotation: Any) -> Any:
    if annotation is inspect.Signature.empty:
        return annotation
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return _PRIVATE_ALIAS.get(name, name)


def _markdown(doc: str) -> str:
    """A docstring as Markdown: sections in bold, parameters as a list; examples stay indented, which is code."""
    doc = re.sub(r"^(\w[\w ]*)\n-{3,}$", r"**\1**\n", doc, flags=re.M)
    lines: list[str] = []
    listed = False
    blocks = re.split(r"\n(?=\S)", doc)
    for block in blocks:
        term, _, body = block.partition("\n")
        if re.fullmatch(r"[\w, `]+:?", term) and body.startswith("    ") and not body.startswith("    \n") and "(" not in term:
            said = " ".join(textwrap.dedent(body).split())
            lines.append(f"- {_term(term)}: {said}")
            listed = True
        else:
            lines += ["", block] if listed else [block]
            listed = False
    return "\n".join(lines).rstrip() + "\n"


def _term(term: str) -> str:
    names = re.findall(r"\w+", term)
    return ", ".join(f"`{name}`" for name in names)


def _first_line(value: Any) -> str:
    return (inspect.getdoc(value) or "").splitlines()[0]
