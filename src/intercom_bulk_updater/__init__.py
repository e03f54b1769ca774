"""Bulk operations on Intercom: search, act and account for every item.

    import intercom_bulk_updater as bulk

    bulk.run("conversations.close", where="team = Support and state = open", expect=164)

For what no verb does, write `@operation` above a function, or subclass `IntercomBulkUpdater`. The command is `intercom-bulk`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .version import __version__

# Name → module. Imported when first used, so that the command's help and the sandbox pay for none of it.
_PUBLIC = {
    "ApiError": "errors",
    "AuthenticationError": "errors",
    "BegunRecipe": "service.recipe_library",
    "BulkResult": "service.run",
    "Client": "api.client",
    "ConfigurationError": "errors",
    "IntercomBulkError": "errors",
    "IntercomBulkUpdater": "updaters.updater",
    "ItemsFailed": "errors",
    "NotFound": "errors",
    "Operation": "operations.operation",
    "Options": "runs.options",
    "PermissionDenied": "errors",
    "Preview": "service.preview",
    "Reversibility": "model",
    "Run": "service.run",
    "RunOptions": "service.options",
    "SafetyStop": "errors",
    "SearchError": "errors",
    "Skip": "errors",
    "Stop": "stop",
    "StopRun": "errors",
    "UsageError": "errors",
    "Workspace": "service.workspace",
    "apply": "service.library",
    "check_recipe": "service.recipe_library",
    "count": "service.library_find",
    "each": "service.library",
    "explain": "service.library_find",
    "find": "service.library_find",
    "open_recipe": "service.recipe_library",
    "open_run": "service.library",
    "operation": "updaters.function",
    "plan": "service.library",
    "preview": "service.library",
    "recipes": "service.recipe_library",
    "resume_recipes": "service.recipe_library",
    "run": "service.library",
    "run_recipe": "service.recipe_library",
    "runs": "service.library",
}

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BegunRecipe",
    "BulkResult",
    "Client",
    "ConfigurationError",
    "IntercomBulkError",
    "IntercomBulkUpdater",
    "ItemsFailed",
    "NotFound",
    "Operation",
    "Options",
    "PermissionDenied",
    "Preview",
    "Reversibility",
    "Run",
    "RunOptions",
    "SafetyStop",
    "SearchError",
    "Skip",
    "Stop",
    "StopRun",
    "UsageError",
    "Workspace",
    "__version__",
    "apply",
    "check_recipe",
    "count",
    "each",
    "explain",
    "find",
    "open_recipe",
    "open_run",
    "operation",
    "plan",
    "preview",
    "recipes",
    "resume_recipes",
    "run",
    "run_recipe",
    "runs",
]

if TYPE_CHECKING:
    from .api.client import Client
    from .errors import (
        ApiError,
        AuthenticationError,
        ConfigurationError,
        IntercomBulkError,
        ItemsFailed,
        NotFound,
        PermissionDenied,
        SafetyStop,
        SearchError,
        Skip,
        StopRun,
        UsageError,
    )
    from .model import Reversibility
    from .operations.operation import Operation
    from .runs.options import Options
    from .service.library import apply, each, open_run, plan, preview, run, runs
    from .service.library_find import count, explain, find
    from .service.options import RunOptions
    from .service.preview import Preview
    from .service.recipe_library import BegunRecipe, check_recipe, open_recipe, recipes, resume_recipes, run_recipe
    from .service.run import BulkResult, Run
    from .service.workspace import Workspace
    from .stop import Stop
    from .updaters.function import operation
    from .updaters.updater import IntercomBulkUpdater


class _CallableFolder(ModuleType):
    """A folder of modules that has the name of a function: Python puts it in the function's place once it is imported."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return __getattr__(self.__name__.rpartition(".")[2])(*args, **kwargs)


class _Package(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        if name in _PUBLIC and isinstance(value, ModuleType):
            value.__class__ = _CallableFolder
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
