"""airbyte-source-intercom, stream by stream, one JSON line for each: call, ok, why. Run by the Python that has the connector.

The connector has its address in its manifest, so the manifest of this temporary installation is changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import source_intercom

MANIFEST = Path(source_intercom.__file__).parent / "manifest.yaml"
URL = os.environ["INTERCOM_BASE_URL"]
PROGRAM = Path(sys.executable).parent / "source-intercom"


def run(*arguments: str) -> list[dict[str, object]]:
    """The messages of one run of the connector."""
    ran = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120, check=False)
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    MANIFEST.write_text(MANIFEST.read_text().replace("https://api.intercom.io/", f"{URL}/"))
    home = Path(tempfile.mkdtemp())
    config = home / "config.json"
    token = os.environ["INTERCOM_ACCESS_TOKEN"]
    config.write_text(json.dumps({"access_token": token, "start_date": "2015-01-01T00:00:00Z"}))
    found = next(message["catalog"] for message in run("discover", "--config", str(config)) if message["type"] == "CATALOG")
    for stream in found["streams"]:
        chosen = {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
        catalog = home / "catalog.json"
        catalog.write_text(json.dumps({"streams": [chosen]}))
        try:
            messages = run("read", "--config", str(config), "--catalog", str(catalog))
        except subprocess.TimeoutExpired:
            print(json.dumps({"call": f"stream {stream['name']}", "ok": False, "why": "not done after two minutes"}), flush=True)
            continue
        records = sum(message["type"] == "RECORD" for message in messages)
        traces = [message["trace"] for message in messages if message["type"] == "TRACE"]
        errors = [trace["error"]["message"] for trace in traces if "error" in trace]
        entry = {"call": f"stream {stream['name']}", "ok": not errors, "why": "; ".join(errors)[:300], "records": records}
        print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    main()
