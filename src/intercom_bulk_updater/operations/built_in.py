"""The operations that are declared in the folder of a resource."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache

from .operation import Operation


@cache
def operations_in(resource: str) -> dict[str, type[Operation]]:
    """Every operation declared in the folder of a resource, by its verb."""
    package = importlib.import_module(f"{__package__}.{resource}")
    found: dict[str, type[Operation]] = {}
    for one in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{one.name}")
        for cls in vars(module).values():
            if inspect.isclass(cls) and issubclass(cls, Operation) and cls.name and cls.__module__ == module.__name__:
                found[cls.name] = cls
    return found
