"""Singer's tap-intercom, stream by stream, one JSON line for each: call, ok, why. Run by the Python that has the tap."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stdout
from typing import Any

import singer
from singer import metadata
from tap_intercom import client
from tap_intercom.discover import discover
from tap_intercom.sync import sync

URL = os.environ["INTERCOM_BASE_URL"]
CONFIG = {
    "access_token": os.environ["INTERCOM_ACCESS_TOKEN"],
    "start_date": "2015-01-01T00:00:00Z",
    "user_agent": "sandbox",
}
begin = client.IntercomClient.__init__


def at_sandbox(self: Any, *arguments: Any, **named: Any) -> None:
    """The tap has its address in the code."""
    begin(self, *arguments, **named)
    self.base_url = URL


client.IntercomClient.__init__ = at_sandbox


def main() -> None:
    catalog = discover()
    for name in [stream.stream for stream in catalog.streams]:
        chosen = singer.Catalog.from_dict(catalog.to_dict())
        for stream in chosen.streams:
            entries = metadata.to_map(stream.metadata)
            entries = metadata.write(entries, (), "selected", stream.stream == name)
            stream.metadata = metadata.to_list(entries)
        written = io.StringIO()
        try:
            with redirect_stdout(written):
                sync(dict(CONFIG), {}, chosen)
            records = sum(json.loads(line)["type"] == "RECORD" for line in written.getvalue().splitlines() if line)
            print(json.dumps({"call": f"stream {name}", "ok": True, "why": "", "records": records}), flush=True)
        except BaseException as error:
            print(json.dumps({"call": f"stream {name}", "ok": False, "why": f"{type(error).__name__}: {error}"[:300]}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
