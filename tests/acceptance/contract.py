"""Whether what was sent is what Intercom's own description of its API asks for."""

from __future__ import annotations

import importlib.util
import json
import re
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
        operation = _operation(description, line["method"], path)
        if operation is None:
            found.append(f"{line['method']} {path}: not in the description")
        elif line["body"] and "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            # The bodies of POST /tags are "one of" four, and by their own schemas always more than one.
            schema = {"anyOf": schema["oneOf"]} if "oneOf" in schema else schema
            found += [f"{line['method']} {path}: {one}" for one in _judge().complaints(description, schema, json.loads(line["body"]))]
    return found


def _operation(description: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """The operation of a path; a template with fewer places wins: /conversations/redact before /conversations/{id}."""
    fitting = [
        template for template, methods in description["paths"].items()
        if method.lower() in methods and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)
    ]
    best = min(fitting, key=lambda template: template.count("{"), default=None)
    return None if best is None else description["paths"][best][method.lower()]
