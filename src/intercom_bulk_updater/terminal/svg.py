"""The running screen as an SVG picture for the README: drawn from real values, and contacting nobody when it is shown."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .phrases import Title
from .screen import frame
from .screen_rows import told

if TYPE_CHECKING:
    from intercom_bulk_updater.runs.observer import Progress

_FONTS = re.compile(r"@font-face\s*\{[^}]*\}\s*")
_COMMENT = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_REMOTE = re.compile(r"url\(\s*[\"']?https?:")


def screen_svg(
    path: Path,
    progress: Progress | Mapping[str, Any],
    title: Title,
    *,
    command: str = "",
    width: int = 84,
    trouble: str = "",
) -> Path:
    """Draw the screen at `progress` into `path` and return it.

    Parameters
    ----------
    progress:
        A Progress of a run, or what `told` made of it.
    command:
        What was typed; shown above the screen.
    """
    from rich.console import Console
    from rich.text import Text

    now = progress if isinstance(progress, Mapping) else told(progress)
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False)
    if command:
        console.print(Text.assemble((" $ ", "dim"), (command, "bold")), soft_wrap=True)
        console.print()
    console.print(frame(now, title, width, trouble=trouble))
    svg = console.export_svg(title=f"{title.headline()} - intercom-bulk", unique_id="screen")
    svg = _COMMENT.sub("", _FONTS.sub("", svg)).replace("Fira Code, ", "ui-monospace, Menlo, Consolas, ")
    svg = svg.replace("font-family: Fira Code", "font-family: ui-monospace, Menlo, Consolas")
    assert not _REMOTE.search(svg)  # noqa: S101 - a picture in a README must not call home
    path.write_text(svg, encoding="utf-8")
    return path
