"""Bulk operations on Intercom: search, act and account for every item.

    from intercom_bulk_updater import IntercomBulkUpdater

Subclass it, write four methods, call `bulk_process`. The command is `intercom-bulk`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Name → module. Imported when first used, so that the command's help and the sandbox pay for none of it.
_PUBLIC = {
    "ApiError": "errors",
    "AuthenticationError": "errors",
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
    "Reversibility": "model",
    "SafetyStop": "errors",
    "SearchError": "errors",
    "Skip": "errors",
    "Stop": "stop",
    "StopRun": "errors",
    "UsageError": "errors",
}

__all__ = [
    "ApiError",
    "AuthenticationError",
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
    "Reversibility",
    "SafetyStop",
    "SearchError",
    "Skip",
    "Stop",
    "StopRun",
    "UsageError",
    "__version__",
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
    from .service.run import BulkResult
    from .stop import Stop
    from .updaters.updater import IntercomBulkUpdater


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
