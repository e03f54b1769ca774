"""A person's updater, by `FILE.py:Class` or `module:Class`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path

from ..errors import UsageError
from ..updater import IntercomBulkUpdater


def load_class(target: str) -> type[IntercomBulkUpdater]:
    """The class behind FILE.py:Class or module:Class. Raises UsageError, naming what is there."""
    where, colon, name = target.rpartition(":")
    if not colon or not where or not name:
        raise UsageError(f"{target!r} is neither FILE.py:Class nor module:Class.")
    if where.endswith(".py"):
        path = Path(where).resolve()
        if not path.is_file():
            raise UsageError(f"There is no file {where}.")
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
        spec = importlib.util.spec_from_file_location(f"_intercom_bulk_file_{digest}", path)
        assert spec is not None  # noqa: S101
        assert spec.loader is not None  # noqa: S101
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        # What lies beside the file can be imported by it, as when Python runs it.
        sys.path.insert(0, str(path.parent))
        try:
            spec.loader.exec_module(module)
        except Exception as exc:
            raise UsageError(f"{where} cannot be imported: {type(exc).__name__}: {exc}") from exc
        finally:
            sys.path.remove(str(path.parent))
    else:
        try:
            module = importlib.import_module(where)
        except ImportError as exc:
            raise UsageError(f"{where} cannot be imported: {exc}") from exc
    cls = getattr(module, name, None)
    if not (isinstance(cls, type) and issubclass(cls, IntercomBulkUpdater)):
        there = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, IntercomBulkUpdater)
                 and v is not IntercomBulkUpdater]
        raise UsageError(f"{where} has no updater {name!r}. It has {', '.join(there) or 'no class that extends IntercomBulkUpdater'}.")
    return cls
