"""`intercom-bulk each`: one request for each item of any list that Intercom has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..operations.each import Each
from ..parsing.text_file import LARGEST_MESSAGE, read_text
from ..service.each import EachRequest, types_given
from .execute import TypedConsent, asked_of, cap_of, go, opened, options_of
from .flags import Output, SafetyAndBackup, Selection, Speed
from .stdout import note

_SEL, _SAFE, _SPEED, _OUT = Selection(), SafetyAndBackup(), Speed(), Output()


def each(
    endpoint: Annotated[str, Parameter(help="What is listed: articles, news/news_items ...")],
    method: Annotated[str, Parameter(help="POST, PUT, PATCH or DELETE.")],
    path: Annotated[str, Parameter(help="Where it is sent: 'articles/{{id}}'.")],
    body: Annotated[str | None, Parameter(help="JSON, or @FILE.")] = None,
    *,
    param_type: Annotated[
        list[str] | None, Parameter(help="NAME=number|boolean|json, of a column of --csv.", negative="")
    ] = None,
    again: Annotated[bool, Parameter(help="Send a message that an earlier run has sent already.", negative="")] = False,
    sel: Selection = _SEL, safe: SafetyAndBackup = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Send one request for each item of any list. {{field}} in path and body is a field of the item, or a column of --csv."""
    text = read_text(body[1:], f"The body {body}", most=LARGEST_MESSAGE) if body and body.startswith("@") else body or ""
    request = EachRequest(
        endpoint=endpoint, operation=Each(method, path, text, again), selection=asked_of(sel), options=options_of(safe, speed, sel.limit),
        consent=TypedConsent.of(safe), types=types_given(param_type or []), plan=Path(safe.plan) if safe.plan else None,
        cap=cap_of(safe), note=note,
    )
    checked = request.check()
    with opened(request.options, out, safe) as (session, names):
        return go(checked.begin(session, names), safe, out)
