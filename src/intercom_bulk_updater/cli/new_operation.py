"""`intercom-bulk operations new`: an updater to begin with, and its test."""

from __future__ import annotations

import keyword
import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated

from cyclopts import Parameter

from ..errors import UsageError
from .show import out


def new(
    name: Annotated[str, Parameter(help="What it is called: CloseQuietly, or close_quietly.")],
    *,
    output: Annotated[str, Parameter(name=["--output", "-o"], help="The folder that both files are written to.")] = ".",
) -> int:
    """Write an updater to begin with, and its test, which runs against the sandbox. Nothing is overwritten."""
    if re.search(r"[^A-Za-z0-9_ -]", name):
        said = " The folder is named by --output." if re.search(r"[/\\]", name) else ""
        raise UsageError(f"{name!r} is not a name for a class: letters from a to z and digits, such as CloseQuietly.{said}")
    words = [word for part in re.split(r"[^A-Za-z0-9]+", name) for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", part)]
    file, cls = "_".join(words).lower(), "".join(word[:1].upper() + word[1:] for word in words)
    if not cls.isidentifier() or keyword.iskeyword(file):
        raise UsageError(f"{name!r} is not a name for a class: letters and digits, such as CloseQuietly.")
    folder = Path(output)
    if not folder.is_dir():
        raise UsageError(f"--output {output}: there is no such folder. Make it first, or leave --output out.")
    files = {f"{file}.py": "updater.py.txt", f"test_{file}.py": "test_updater.py.txt"}
    there = [one for one in files if (folder / one).exists()]
    if there:
        raise UsageError(f"{folder / there[0]} is there already. Nothing was written; give another name or another folder.")
    for one, template in files.items():
        text = resources.files(__package__).joinpath("templates", template).read_text(encoding="utf-8")
        try:
            with (folder / one).open("x", encoding="utf-8") as opened:
                opened.write(Template(text).substitute(NAME=cls, FILE=file))
        except OSError as exc:
            raise UsageError(f"{folder / one} cannot be written: {exc.strerror}.") from exc
        out(str(folder / one))
    return 0
