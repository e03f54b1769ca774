"""How long `intercom-bulk --help` takes, and which heavy libraries it loads (it should load none).

    python benchmarks/help_time.py [--times 7]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

HEAVY = ("sqlalchemy", "httpcore2", "pydantic", "requests", "rich.progress")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--times", type=int, default=7)
    times = options.parse_args().times
    took = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "intercom_bulk_updater", "--help"], check=True, capture_output=True)
        took.append(time.perf_counter() - began)
    probe = (
        "import contextlib, io, json, sys\nfrom intercom_bulk_updater.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main(['--help'])\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    loaded = json.loads(subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True).stdout)
    print(f"intercom-bulk --help: {min(took):.2f} s (best of {times}); heavy modules it loads: {', '.join(loaded) or 'none'}")


if __name__ == "__main__":
    main()
