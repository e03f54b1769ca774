"""A person's updater, by `FILE.py:Class` or `module:Class`, and again by what a run has stored of it."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import IntercomBulkError, UsageError
from ..journal import decode_parameters
from ..runs.session import Session
from .adapter import UpdaterOperation
from .bulk_process import FROM_FILE, StoredUpdaterOf
from .calls import importing, place_of
from .function import updater_of
from .hearing import guarding
from .host_guard import HostGuard
from .unseen import ways_of
from .updater import IntercomBulkUpdater, settings_of

if TYPE_CHECKING:
    from ..settings import Settings


def stored(session: Session, reference: Mapping[str, Any], parameters: Mapping[str, Any], admin_id: str) -> StoredUpdaterOf:
    """The updater of a run or a plan, loaded again: what service.rebuild asks for."""
    updater = made(load_stored(reference), session.settings, session)
    if admin_id:
        updater.admin_id = admin_id
    # Decoded only now: its types may be those of the file that was just loaded.
    return StoredUpdaterOf(session, UpdaterOperation(updater, decode_parameters(parameters)))


def load_class(target: str, *, here: bool = False) -> type[IntercomBulkUpdater]:
    """The class behind FILE.py:Class or module:Class. Raises UsageError, naming what is there.

    `here`: a module may lie in the working folder, as with `python -m`.
    """
    where, colon, name = target.rpartition(":")
    if not colon or not where or not name:
        raise UsageError(f"{target!r} is neither FILE.py:Class nor module:Class.")
    if where.endswith(".py"):
        path = Path(where).resolve()
        if not path.is_file():
            raise UsageError(f"There is no file {where}.")
        return _class_in(_module_in(path, where), name, where)
    folder = os.getcwd()  # noqa: PTH109 - as Python itself puts it on the path
    if here and folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        with importing():
            module = importlib.import_module(where)
    except ImportError as exc:
        raise UsageError(
            f"{where} cannot be imported: {exc}. A module is looked for in the working folder and where Python finds its "
            "packages; a file is named with its ending, FILE.py:Class."
        ) from exc
    except (Exception, SystemExit) as exc:
        raise _broken(where, exc) from exc
    return _class_in(module, name, where)


def load_stored(reference: Mapping[str, Any]) -> type[IntercomBulkUpdater]:
    """The class that a run or a plan was made with: from its file, and from no other of the same name."""
    name, module, file = str(reference["class"]), reference.get("module"), reference.get("file")
    if not file:
        return load_class(f"{module}:{name}")
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"{name} lay in {file}, which is not there any more. Put it back to go on.")
    parts = str(module).split(".") if module else []
    if len(parts) < 2:
        return load_class(f"{file}:{name}")
    # In a package: its neighbours are imported by it, so it comes as the module that it was.
    root = path.parents[len(parts) - (path.name != "__init__.py")]
    try:
        with _beside(root), importing():
            found = importlib.import_module(str(module))
    except (Exception, SystemExit) as exc:
        raise _broken(str(module), exc) from exc
    if Path(found.__file__ or "").resolve() != path.resolve():
        raise UsageError(f"{name} lay in {file}, and {module} is now {found.__file__}. Nothing was done.")
    return _class_in(found, name, str(module))


def made(cls: type[IntercomBulkUpdater], settings: Settings, session: Session | None = None) -> IntercomBulkUpdater:
    """An updater of a class, with these settings, where it is given none of its own; it belongs to the run of `session`.

    Raises UsageError when it cannot be made, SafetyStop when that writes in a dry run.
    """
    rehearsed = "__init__" if session is not None and session.client.looking else ""
    guard = HostGuard(settings.base_url, cls.allowed_hosts, cls.__name__, rehearsed, ways_of(cls))
    try:
        with importing(), settings_of(settings, session), guarding(guard):
            updater = cls()
        updater._session = session
        return updater
    except IntercomBulkError:
        raise
    except (Exception, SystemExit) as exc:
        place = place_of(exc, cls)
        where = f" ({place})" if place else ""
        raise UsageError(f"{cls.__name__}() cannot be made: {type(exc).__name__}: {exc}{where}. Nothing was written.", hint="") from exc


def _module_in(path: Path, where: str) -> ModuleType:
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(f"{FROM_FILE}{digest}", path)
    assert spec is not None  # noqa: S101
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    # What lies beside the file can be imported by it, as when Python runs it.
    try:
        with _beside(path.parent), importing():
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as exc:
        raise _broken(where, exc) from exc
    return module


def _class_in(module: ModuleType, name: str, where: str) -> type[IntercomBulkUpdater]:
    found = getattr(module, name, None)
    cls = updater_of(found)
    if cls is None and isfunction(found):
        raise UsageError(f"{where}: {name} is a plain function. Write @operation above it (from intercom_bulk_updater import operation).")
    if cls is None:
        there = [n for n, v in vars(module).items() if updater_of(v) is not None]
        known = ", ".join(there) or "no class that extends IntercomBulkUpdater and no function with @operation"
        raise UsageError(f"{where} has no updater {name!r}. It has {known}.")
    return cls


@contextmanager
def _beside(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _broken(where: str, exc: BaseException) -> UsageError:
    return UsageError(f"{where} cannot be imported: {type(exc).__name__}: {exc}")
