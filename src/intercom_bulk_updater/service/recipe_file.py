"""A recipe: one YAML file of steps and waits, read and checked whole before anything of it is done.

    recipe: Ask the quiet ones, then close
    steps:
      - step: ask
        verb: conversations.reply
        where: team = Support and state = open and idle > 30d
        with: {body: Are you still there?}
        customer_visible: true
      - wait: 7d
      - step: close
        verb: conversations.close
        from: ask
        if_no_reply: true
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..operations.registry import operation_class
from ..operations.resource import NoHistory, resources
from ..operations.spec import Kind, parameters_of
from ..parsing.amounts import parse_duration
from ..parsing.text_file import LARGEST_MESSAGE, read_text
from . import recipe_schema as schemas

Json = Mapping[str, Any]
_WAYS = ("where", "query", "ids", "csv", "from")
"""The keys by which a step says which items."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A time that passes between two steps."""

    words: str
    seconds: float
    line: int


@dataclass(frozen=True, slots=True)
class Step:
    """One verb with its parameters and its selection: `given` are the keys of the file."""

    name: str
    verb: str
    parameters: Json
    given: Json
    line: int

    @property
    def resource(self) -> str:
        """What its items are."""
        return self.verb.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe that was found right, as far as it can be judged without the workspace."""

    name: str
    file: Path
    text: str
    entries: tuple[Step | Wait, ...]

    @property
    def steps(self) -> list[Step]:
        """Its steps without the waits."""
        return [one for one in self.entries if isinstance(one, Step)]

    def wrong(self, line: int, message: str) -> UsageError:
        """An error that says where."""
        return _wrong(self.file, line, message)


def _wrong(file: Path, line: int, message: str) -> UsageError:
    return UsageError(f"{file.name}, line {line}: {message}")


def open_recipe(file: str) -> Recipe:
    """The recipe of a file. Raises UsageError, with the line."""
    return parse_recipe(read_text(file, f"The recipe {file}", most=LARGEST_MESSAGE), Path(file).resolve())


def parse_recipe(text: str, file: Path) -> Recipe:
    """A recipe, checked by the schema and by what a schema cannot say. Raises UsageError, with the line."""
    data, lines = _Reader(text, file).read()

    def refuse(value: Any, wanted: Json, at: schemas.Path) -> None:
        for path, message in schemas.problems(value, wanted):
            raise _wrong(file, lines.get((*at, *path), lines.get(at, 1)), message)

    refuse(data, schemas.WHOLE, ())
    entries: list[Step | Wait] = []
    for place, one in enumerate(data["steps"]):
        at, line = ("steps", place), lines[("steps", place)]
        if isinstance(one, Mapping) and "wait" in one:
            refuse(one, schemas.WAIT, at)
            entries.append(_wait(one["wait"], file, line))
            continue
        verb = one.get("verb") if isinstance(one, Mapping) else None
        if verb is None:
            raise _wrong(file, line, "An entry is a wait, or a step with its verb (intercom-bulk operations list).")
        try:
            cls = operation_class(str(verb))
            if not cls.summary:
                raise UsageError(f"{verb} is not a verb that a step can have (intercom-bulk operations list).")
        except UsageError as exc:
            raise _wrong(file, lines[(*at, "verb")], exc.message) from exc
        refuse(one, schemas.step_schema(str(verb), cls), at)
        entries.append(_step(one, file, line))
    recipe = Recipe(data["recipe"], file, text, tuple(entries))
    _check_order(recipe)
    return recipe


def _wait(words: str, file: Path, line: int) -> Wait:
    try:
        return Wait(words, parse_duration(words), line)
    except UsageError as exc:
        raise _wrong(file, line, f"wait: {exc.message}") from exc


def _step(one: Json, file: Path, line: int) -> Step:
    given = {key: value for key, value in one.items() if key not in ("step", "verb", "with")}
    kinds = {each.name: each.kind for each in parameters_of(operation_class(one["verb"]).Parameters)}
    parameters = {name: _typed(value, kinds[name], file) for name, value in (one.get("with") or {}).items()}
    for key in ("ids", "csv", "exclude", "query"):
        if isinstance(given.get(key), str):
            given[key] = str(file.parent / given[key])
        elif key in given and key != "query":
            given[key] = [str(i) for i in given[key]]
    return Step(one["step"], one["verb"], parameters, given, line)


def _typed(value: Any, kind: Kind, file: Path) -> Any:
    if kind is Kind.FILE:
        return str(file.parent / str(value))
    if isinstance(value, list):
        return [str(one) for one in value]
    return str(value) if isinstance(value, int) and kind not in (Kind.FLAG, Kind.VALUES) else value


def _check_order(recipe: Recipe) -> None:
    """What stands in relation to other entries. Raises UsageError."""
    before: dict[str, Step] = {}
    for step in recipe.steps:
        if step.name in before:
            raise recipe.wrong(step.line, f"Two steps are called {step.name}.")
        ways = [way for way in _WAYS if way in step.given and not (way == "where" and "from" in step.given)]
        if len(ways) != 1:
            said = "none is given" if not ways else f"given are {' and '.join(ways)}"
            raise recipe.wrong(step.line, f"{step.name} says which {step.resource} by one of {', '.join(_WAYS)}; {said}.")
        earlier = before.get(str(step.given.get("from", step.name)))
        if "from" in step.given and (earlier is None or earlier.resource != step.resource):
            fitting = ", ".join(one.name for one in before.values() if one.resource == step.resource) or "none"
            raise recipe.wrong(
                step.line, f"from: {step.given['from']} is not an earlier step on {step.resource}; there are: {fitting}."
            )
        if step.given.get("if_no_reply") and ("from" not in step.given or not _tells_of_answers(step.resource)):
            fitting = " and ".join(name for name in resources() if _tells_of_answers(name))
            raise recipe.wrong(step.line, f"if_no_reply stands beside from, in a step on {fitting}.")
        before[step.name] = step
    if not isinstance(last := recipe.entries[-1], Step):
        raise recipe.wrong(last.line, "Nothing follows this wait.")


def _tells_of_answers(resource: str) -> bool:
    return resource in resources() and not isinstance(resources()[resource].history, NoHistory)


class _Reader:
    """YAML as far as a recipe needs it: mappings, lists, texts, whole numbers, true, false and null. No tags, no aliases."""

    def __init__(self, text: str, file: Path) -> None:
        self._text, self._file = text, file
        self._lines: dict[schemas.Path, int] = {}

    def read(self) -> tuple[Any, dict[schemas.Path, int]]:
        """What stands there, and the line of each key and entry. Raises UsageError."""
        import yaml

        try:
            for event in yaml.parse(self._text, yaml.SafeLoader):
                if getattr(event, "anchor", None) or getattr(event, "tag", None):
                    raise self._wrong(event.start_mark, "Tags (!) and aliases (&, *) are not taken: put such a text in quotes.")
            node = yaml.compose(self._text, yaml.SafeLoader)
        except yaml.MarkedYAMLError as exc:
            raise self._wrong(exc.problem_mark or exc.context_mark, f"This is not YAML: {exc.problem or exc.context}.") from exc
        except yaml.YAMLError as exc:
            raise UsageError(f"{self._file.name} is not YAML: {' '.join(str(exc).split())}.") from exc
        except RecursionError:
            raise UsageError(f"{self._file.name} is nested too deep.") from None
        return (None if node is None else self._value(node, ())), self._lines

    def _value(self, node: Any, at: schemas.Path) -> Any:
        self._lines.setdefault(at, node.start_mark.line + 1)
        if node.id == "mapping":
            return dict(self._pairs(node, at))
        if node.id == "sequence":
            return [self._value(one, (*at, place)) for place, one in enumerate(node.value)]
        return node.value if node.style in ("'", '"', "|", ">") else _plain(node.value)

    def _pairs(self, node: Any, at: schemas.Path) -> Iterator[tuple[str, Any]]:
        for key, value in node.value:
            if key.id != "scalar":
                raise self._wrong(key.start_mark, "This is not a key; a text that begins with { or [ stands in quotes.")
            if (*at, key.value) in self._lines:
                raise self._wrong(key.start_mark, f"{key.value} stands here twice.")
            self._lines[(*at, key.value)] = key.start_mark.line + 1
            yield key.value, self._value(value, (*at, key.value))

    def _wrong(self, mark: Any, message: str) -> UsageError:
        return _wrong(self._file, mark.line + 1 if mark is not None else 1, message)


def _plain(text: str) -> Any:
    """What a text without quotes stands for. A date, an id with a leading zero, yes and no stay what was typed."""
    words = {"true": True, "false": False, "null": None, "~": None, "": None}
    if text.lower() in words:
        return words[text.lower()]
    return int(text) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text) else text
