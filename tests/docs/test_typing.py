"""The style that the how-to teaches, and what `operations new` writes, pass a strict type checker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

from intercom_bulk_updater.cli.main import main

ROOT = Path(__file__).parents[2]
USE = "\n\nfor item in MarkReviewed().bulk_process(team_id=5001).items('failed'):\n    print(item.id)\n"


@pytest.mark.further  # a start of mypy without its cache is twenty seconds
def test_the_example_of_the_how_to_and_new_files_pass_mypy_strict(tmp_path: Path) -> None:
    """Methods with parameters of their own override those of the base class without a complaint. One start of mypy for all."""
    page = (ROOT / "docs/howto/write-an-updater.md").read_text()
    example = re.search(r"<!-- file: my_updater.py -->\n```python\n(.*?)^```", page, re.S | re.M)
    assert example is not None
    file = tmp_path / "my_updater.py"
    file.write_text(example[1] + USE)
    with pytest.raises(SystemExit):
        main(["operations", "new", "close-quietly", "-o", str(tmp_path)])
    new = [str(tmp_path / name) for name in ("close_quietly.py", "test_close_quietly.py")]
    said, errors, code = api.run(["--strict", "--config-file", "", "--cache-dir", str(ROOT / ".mypy_cache"), str(file), *new])
    assert code == 0, said + errors
