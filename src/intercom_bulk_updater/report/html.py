"""HTML from text: all that comes from outside passes `esc`, so nothing of it is ever taken for markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

# Control characters, and those that turn the direction of text round: `gnp.exe` must not read as `exe.png`.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def esc(value: object) -> str:
    """Text as HTML, in attributes too. Invisible characters become U+FFFD, half an emoji a question mark."""
    text = _UNSEEN.sub("\ufffd", str(value)).encode("utf-8", "replace").decode("utf-8")
    return html.escape(text, quote=True)


def number(value: int) -> str:
    """`12,480`."""
    return f"{value:,}"


def section(title: str, *parts: str, name: str = "") -> str:
    """A section with its heading; nothing at all when all parts are empty."""
    inside = "".join(parts)
    if not inside:
        return ""
    mark = f' class="{name}"' if name else ""
    return f"<section{mark}><h2>{esc(title)}</h2>{inside}</section>"


def paragraph(text: str, name: str = "") -> str:
    """A paragraph of plain text; "" for none."""
    if not text:
        return ""
    mark = f' class="{name}"' if name else ""
    return f"<p{mark}>{esc(text)}</p>"


def flagged(text: str, name: str = "") -> str:
    """A paragraph in which flags (`--exclude`) and commands in backquotes are set as code, and do not break."""
    return re.sub(r"(?<![\w-])(--[a-z][a-z-]+)|`([^`]+)`", lambda m: f"<code>{m[1] or m[2]}</code>", paragraph(text, name))


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values, those without a value left out."""
    rows = "".join(f"<div><dt>{esc(k)}</dt><dd>{esc(v)}</dd></div>" for k, v in pairs if v)
    return f'<dl class="facts">{rows}</dl>' if rows else ""


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[object]], numeric: int = 0) -> str:
    """A table with header cells; the first cell of a row heads it. The last `numeric` columns are numbers."""
    first = len(headings) - numeric
    head = "".join(f'<th scope="col"{_num(i, first)}>{esc(h)}</th>' for i, h in enumerate(headings))
    body = []
    for row in rows:
        cells = [f'<th scope="row">{esc(row[0])}</th>']
        cells += [f"<td{_num(i, first)}>{esc(cell)}</td>" for i, cell in enumerate(row[1:], 1)]
        body.append(f"<tr>{''.join(cells)}</tr>")
    if not body:
        return ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{esc(caption)}"><table>'
        f"<caption>{esc(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
        "</table></div>"
    )


def _num(place: int, first: int) -> str:
    return ' class="n"' if place >= first else ""


def command_box(label: str, command: str) -> str:
    """A command that one click selects whole; a page without scripts cannot copy by itself."""
    return f'<div class="command"><span class="label">{esc(label)}</span><code tabindex="0">{esc(command)}</code></div>'


def folded(title: str, inside: str) -> str:
    """Something that is folded away until asked for; "" for nothing."""
    return f"<details><summary>{esc(title)}</summary>{inside}</details>" if inside else ""
