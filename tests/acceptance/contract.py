"""Whether what was sent is what Intercom's own description of its API asks for."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .desk import Desk

_BESIDE = Path(__file__).parents[1] / "sandbox" / "test_contract.py"


@cache
def _judge() -> Any:
    """The judge of the sandbox's own answers: it knows where the description contradicts itself."""
    spec = importlib.util.spec_from_file_location("contract_of_the_sandbox", _BESIDE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _description() -> dict[str, Any] | None:
    judge = _judge()
    if not judge.DESCRIPTION.exists():
        return None
    with judge.DESCRIPTION.open() as file:
        found: dict[str, Any] = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found["components"] = {"schemas": judge.prepared(found["components"]["schemas"])}
    return found


def broken(desk: Desk) -> list[str]:
    """What the writes that reached the server break in the description; none where there is no description (INTERCOM_OPENAPI)."""
    description = _description()
    if description is None:
        return []
    found = []
    for line in desk.box.log(1000):
        path = line["path"].partition("?")[0]
        if line["method"] == "GET" or path.endswith("/search"):
            continue
        _, operation = _named(description, line["method"], path)
        if operation is None:
            found.append(f"{line['method']} {path}: not in the description")
        elif line["body"] and "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            # The bodies of POST /tags are "one of" four, and by their own schemas always more than one.
            schema = {"anyOf": schema["oneOf"]} if "oneOf" in schema else schema
            found += [f"{line['method']} {path}: {one}" for one in _judge().complaints(description, schema, json.loads(line["body"]))]
    return found


def _named(description: dict[str, Any], method: str, path: str) -> tuple[str, dict[str, Any] | None]:
    """The template and the operation of a path; one with fewer places wins: /conversations/redact before /conversations/{id}."""
    fitting = [
        template for template, methods in description["paths"].items()
        if method.lower() in methods and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)
    ]
    best = min(fitting, key=lambda template: template.count("{"), default=None)
    return ("", None) if best is None else (best, description["paths"][best][method.lower()])


def documented_errors(sent: list[dict[str, Any]]) -> list[tuple[str, int, str, str]]:
    """(path pattern, status, code, message) of each error that the description shows for the writes among these requests."""
    description = _description()
    found: dict[tuple[str, int, str, str], None] = {}
    for line in sent if description is not None else ():
        path = line["path"].partition("?")[0]
        template, operation = _named(description or {}, line["method"], path)
        if line["method"] == "GET" or path.endswith("/search") or operation is None:
            continue
        for status, error in _errors(description or {}, operation):
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template) + "$"
            found[pattern, status, str(error.get("code") or ""), str(error.get("message") or "")] = None
    return list(found)


def _errors(description: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The errors in the examples of an operation's answers."""
    for status, answer in operation["responses"].items():
        content = _real(description, answer).get("content", {}).get("application/json", {})
        for example in (content.get("examples") or {}).values():
            shown = _real(description, example).get("value")
            errors = shown.get("errors") if isinstance(shown, dict) else None
            yield from ((int(status), one) for one in errors or () if isinstance(one, dict) and int(status) >= 400)


def _real(description: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """What a node says, or the one that it refers to."""
    while "$ref" in node:
        target: Any = description
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node
