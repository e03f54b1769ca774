"""`intercom-bulk run FILE.py:Class`: a person's own updater, with all the same flags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..errors import UsageError
from ..updaters.loading import load_class
from ..updaters.request import UpdaterRequest
from .execute import TypedConsent, asked_of, cap_of, go, opened, options_of
from .flags import Output, Safety, Selection, Speed
from .stdout import note

_SEL, _SAFE, _SPEED, _OUT = Selection(), Safety(), Speed(), Output()


def run(
    target: Annotated[str, Parameter(help="FILE.py:Class, FILE.py:function or module:Class.")],
    *,
    param: Annotated[list[str] | None, Parameter(help="K=V, given to the updater; may be given again.", negative="")] = None,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Run your own code: a subclass of IntercomBulkUpdater, or a function with @operation.

    A selection that is given stands in place of its search.
    """
    options = options_of(safe, speed, sel.limit)
    typed = params_of(param)
    checked = UpdaterRequest(
        verb=load_class(target, here=True), parameters=typed, selection=asked_of(sel), options=options, consent=TypedConsent.of(safe),
        plan=Path(safe.plan) if safe.plan else None, cap=cap_of(safe), note=note,
    ).check()  # fmt: skip
    with opened(options, out, safe) as (session, names):
        return go(checked.begin(session, names), safe, out)


def params_of(given: list[str] | None) -> dict[str, str]:
    """What `--param` says. Raises UsageError for what is not K=V."""
    return dict(_param(text) for text in given or [])


def _param(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise UsageError(f"--param {text!r} is not K=V, such as team_id=5001.")
    return key, value
