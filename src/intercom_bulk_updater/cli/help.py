"""Help of a command that fits one screen: its own flags and examples in full, the flags that all commands share by their names.

`--help-all` shows everything. Each group of shared flags is drawn by `SharedFlags`; cyclopts draws the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

LAST = "Output"
"""The group that comes last in every help."""
if TYPE_CHECKING:
    from cyclopts.help import HelpPanel

_ALL = "--help-all"
_all = False


def read_help_flag(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--help-all` as `--help`, of which `SharedFlags` then shows everything."""
    global _all
    _all = _ALL in arguments
    return ["--help" if word == _ALL else word for word in arguments]


class SharedFlags:
    """Draws a group of shared flags: a line with their names, or all about them where that is asked for."""

    def __call__(self, console: Any, options: Any, panel: HelpPanel) -> None:
        """See cyclopts.help.HelpFormatter."""
        if _all:
            from cyclopts.help.formatters import DefaultFormatter

            DefaultFormatter()(console, options, panel)
            return
        from rich.padding import Padding
        from rich.text import Text

        names = " ".join(entry.names[0] for entry in panel.entries)
        console.print(Padding(Text.assemble((f"{panel.title}: ", "bold"), names), (0, 0, 0, 2)))
        if panel.title == LAST:
            console.print(f"  What each of these means: {_ALL}")


def epilogue(examples: Sequence[str]) -> str:
    """What stands at the end of a verb's help."""
    return "" if not examples else "\n".join(["Examples:", *(f"  {example}" for example in examples)])
