"""The JSON Schema of a recipe, made from what the verbs declare, and the check of a recipe against it.

One schema serves both: `recipes check --schema` prints it for editors, and `problems` holds a file against the part of it
that its verb names, so that an error speaks of the key that is wrong and not of fifty alternatives.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..operations.operation import Operation
from ..operations.registry import iterate
from ..operations.spec import DIALECT, schema_of

Json = Mapping[str, Any]
Path = tuple[str | int, ...]

_TEXT: Json = {"type": ["string", "integer"]}
_AMOUNT: Json = {**_TEXT, "description": "N or P%."}
NAME = "^[a-z][a-z0-9-]{0,39}$"
_SELECTION: dict[str, Json] = {
    "where": {"type": "string", "description": "A filter: team = Support and state = open. Beside from it narrows what that step did."},
    "query": {"type": ["object", "string"], "description": "A raw Intercom query, or a JSON file with one."},
    "ids": {"type": ["array", "string"], "items": _TEXT, "minItems": 1, "description": "Ids, or a file with ids or links."},
    "csv": {"type": "string", "description": "A spreadsheet, a row an item; its columns stand as {{col}} in parameters."},
    "id_column": {"type": "string", "description": "With csv: the column with ids, links, e-mails or external ids."},
    "exclude": {"type": ["array", "string"], "items": _TEXT, "minItems": 1, "description": "Ids to leave out, or a file with them."},
    "from": {"type": "string", "description": "An earlier step: the items that it has done."},
    "if_no_reply": {"type": "boolean", "description": "With from: only items to which no customer has written since that step began."},
}
_GUARDS: dict[str, Json] = {
    "limit": {"type": "integer", "minimum": 1, "description": "So many items at most."},
    "expect": {**_TEXT, "description": "N or N±P%: refuse another number of items."},
    "max": {**_AMOUNT, "description": "N or P%: refuse more items."},
    "canary": {**_AMOUNT, "description": "N or P%: do these first, read them back, judge."},
    "max_failures": {**_AMOUNT, "description": "N, or P% of the last 100: stop when more fail."},
    "on_drift": {"type": "string", "enum": ["skip", "stop", "force"], "description": "For items that somebody has changed."},
    "verify": {"type": "string", "enum": ["none", "sample", "all"], "description": "How many items to read back at the end."},
}
_CONSENT: dict[str, Json] = {
    "customer_visible": {"type": "boolean", "description": "Yes, customers will see this."},
    "irreversible": {"type": "boolean", "description": "Yes, there is no way back from this."},
}
GUARDS, CONSENT = tuple(_GUARDS), tuple(_CONSENT)
WAIT: Json = {
    "title": "a wait",
    "type": "object",
    "properties": {"wait": {"type": "string", "description": "How long, from the end of the step before: 7d, 12h."}},
    "required": ["wait"],
    "additionalProperties": False,
}
WHOLE: Json = {
    "title": "a recipe",
    "type": "object",
    "properties": {
        "recipe": {"type": "string", "description": "What it is called."},
        "steps": {"type": "array", "minItems": 1, "description": "What is done, one after the other."},
    },
    "required": ["recipe", "steps"],
    "additionalProperties": False,
}


def step_schema(name: str, cls: type[Operation]) -> dict[str, Any]:
    """The schema of a step with this verb."""
    declared = schema_of(cls.Parameters)
    declared.pop("$schema")
    declared["properties"] = {key: _as_typed(one) for key, one in declared["properties"].items()}
    properties = {
        "step": {"type": "string", "pattern": NAME, "description": "What it is called: small letters, digits and hyphens."},
        "verb": {"type": "string", "enum": [name], "description": cls.summary},
        "with": {**declared, "description": "The verb's own parameters."},
        **_SELECTION, **_GUARDS, **_CONSENT,
    }  # fmt: skip
    needed = ["step", "verb", *(["with"] if declared["required"] else [])]
    return {"title": "a step", "type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a whole recipe."""
    each = [WAIT, *(step_schema(name, cls) for name, cls in iterate())]
    steps = {**WHOLE["properties"]["steps"], "items": {"anyOf": each}}
    properties = {**WHOLE["properties"], "steps": steps}
    return {"$schema": DIALECT, **WHOLE, "properties": properties}


def _as_typed(declared: Json) -> Json:
    """A text may be typed as a number: an id needs no quotes."""
    if declared.get("type") == "string":
        return {**declared, **_TEXT}
    return {**declared, "items": _TEXT} if declared.get("type") == "array" else declared


def problems(value: Any, wanted: Json, at: Path = ()) -> Iterator[tuple[Path, str]]:
    """Where a value departs from a schema, and how: the keywords that the schemas of this module use."""
    kinds = wanted.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_IS[kind](value) for kind in kinds):
        yield at, f"{_named(at) or wanted.get('title')} is {_WORDS[kinds[0]]}, not {_shown(value)}.{_hint(value, kinds)}"
    elif "enum" in wanted and value not in wanted["enum"]:
        yield at, f"{_named(at)} is one of {', '.join(wanted['enum'])}, not {value!r}."
    elif "pattern" in wanted and not re.fullmatch(wanted["pattern"], value):
        yield at, f"{_named(at)} is written in small letters, digits and hyphens, not {value!r}."
    elif "minimum" in wanted and value < wanted["minimum"]:
        yield at, f"{_named(at)} is {wanted['minimum']} or more, not {value}."
    elif isinstance(value, Mapping):
        yield from _of_mapping(value, wanted, at)
    elif isinstance(value, list):
        if len(value) < wanted.get("minItems", 0):
            yield at, f"{_named(at)} is empty."
        for place, one in enumerate(value):
            yield from problems(one, wanted.get("items", {}), (*at, place))


def _of_mapping(value: Json, wanted: Json, at: Path) -> Iterator[tuple[Path, str]]:
    known, name = wanted.get("properties", {}), _named(at) or wanted.get("title", "")
    for key, one in value.items():
        if key in known:
            yield from problems(one, known[key], (*at, key))
        elif wanted.get("additionalProperties") is False:
            near = difflib.get_close_matches(key, known, 1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(known) or 'none'}."
            yield (*at, key), f"{key!r} is not a key of {name}: {advice}"
    for key in wanted.get("required", ()):
        if key not in value:
            why = known.get(key, {}).get("description", "")
            yield at, f"{name} needs {key}{f': {why}' if why else '.'}"


_IS = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
}
_WORDS = {"string": "a text", "integer": "a whole number", "boolean": "true or false", "array": "a list", "object": "keys with values"}


def _shown(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return "keys with values" if isinstance(value, Mapping) else "a list"
    return "empty" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def _hint(value: Any, kinds: Sequence[str]) -> str:
    if "array" in kinds and isinstance(value, str | int):
        return f" Write [{value}]."
    return " If a text is meant, put it in quotes." if "string" in kinds and value is not None else ""


def _named(at: Path) -> str:
    """The key that is meant, as a person finds it: `with.tag`."""
    return ".".join(one for one in at if isinstance(one, str))
