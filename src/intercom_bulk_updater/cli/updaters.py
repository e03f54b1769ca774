"""`intercom-bulk run FILE.py:Class`: a person's own updater, with all the same flags."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ..errors import UsageError
from ..updater import IntercomBulkUpdater
from ..updating import Updating, feed_of, login
from ..updating import select as select_by
from .flags import Output, Safety, Selection, Speed
from .select import Selected, read_ids
from .work import DEFAULT_CAP, gates, go, opened, options_of

_SEL, _SAFE, _SPEED, _OUT = Selection(), Safety(), Speed(), Output()


def run(
    target: Annotated[str, Parameter(help="FILE.py:Class or module:Class.")],
    *,
    param: Annotated[list[str] | None, Parameter(help="K=V, given to the updater; may be given again.", negative="")] = None,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Run your own updater: a subclass of IntercomBulkUpdater."""
    params = dict(_param(text) for text in param or [])
    if sel.where or sel.query or sel.from_run:
        raise UsageError("run takes its selection from the updater, or from --ids")
    ids = read_ids(sel.ids) if sel.ids is not None else None
    options = options_of(safe, speed, sel.limit)
    cls = load_class(target)
    with opened(options, out, safe) as (session, _):
        updater = cls()
        updater._session = session
        workspace = session.workspace()
        session.client.admin_id = updater._admin_id or workspace.admin_id
        selection = select_by(updater, params, ids)
        operation = Updating(updater, params)
        gates(operation, safe)
        if ids is None and safe.yes and not (options.expect or options.max):
            options = replace(options, cap=DEFAULT_CAP)
        record = session.journal.create_run(
            operation=operation.describe(), kind="dry_run" if safe.dry_run or safe.plan else "run",
            parameters=operation.parameters, selection=selection, workspace=workspace.id,
            base_url=updater.base_url, admin_id=session.client.admin_id, author=workspace.admin_name or login(),
            settings=options.as_json(),
        )
        feed = feed_of(updater, operation, session, selection, options, ids)
        return go(session, record, operation, Selected(selection, feed), options, safe, out)


def _param(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise UsageError(f"--param {text!r} is not K=V, such as team_id=5001.")
    try:
        # true, null and quoted JSON are taken for what they are; ids stay text, as the API has them.
        parsed = json.loads(value)
        return key, parsed if isinstance(parsed, bool | dict | list | str | type(None)) else value
    except ValueError:
        return key, value


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
