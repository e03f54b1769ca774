"""Outages in the middle of close, tag and reply: everything is done in the end, and next to nothing is sent meanwhile.

    python benchmarks/outages.py               20 s, 3 min and 9 min, with and without Retry-After (a quarter of an hour)
    python benchmarks/outages.py 20            only those of 20 s

Each case has a server of its own: a proxy before a sandbox that answers 503 to everything from the 60th write on.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from measuring import environment, more_than_once, sandbox

ITEMS = 600
AFTER = 60
VERBS = {
    "close": ["close"],
    "tag": ["tag", "--tag", "VIP"],
    "reply": ["reply", "--body", "We are back.", "--customer-visible"],
}


class Outage(ThreadingHTTPServer):
    """Passes requests on to a sandbox, but for `seconds` from the first write after `after` writes on."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self, target: str, seconds: float, told: bool, *, after: int = AFTER, status: int = 503, as_date: bool = False,
        after_reads: int = 0, leads_to: str = "https://login.example.test/sign-in?secret=1",
        slow_from: int = 0, redirect: Callable[[str], bool] = lambda path: False,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.seconds, self.told = urlsplit(target), seconds, told
        self.after, self.status, self.as_date = after, status, as_date
        self.after_reads, self.leads_to = after_reads, leads_to
        self.slow_from, self.redirect = slow_from, redirect
        """Search pages of so many items or more take a second; paths that are answered with a 302."""
        self.sizes: list[int] = []
        """The page sizes that searches asked for."""
        self.began: float | None = None
        self.refused: list[float] = []
        self.answered: float | None = None
        """When the first refusal was sent: what came before had left before anybody could know."""
        self.writes = self.reads = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """A client that left, or a sandbox that is gone: of no interest here."""

    def begin(self) -> None:
        """It is away from now on."""
        self.began = time.monotonic()

    def end(self) -> None:
        """It is there again, for good."""
        self.seconds, self.began = 0.0, None

    def retry_after(self, left: float) -> str:
        """How long to wait, in the form that was asked for."""
        return formatdate(time.time() + left + 1, usegmt=True) if self.as_date else str(int(left) + 1)

    def away(self, method: str, path: str) -> float:
        """Seconds that it will still be away; 0 when it is there."""
        with self.lock:
            now = time.monotonic()
            if method != "GET" and not path.endswith("/search"):
                self.writes += 1
                begins = not self.after_reads and self.writes > self.after
            else:
                self.reads += method == "GET" and "/conversations/" in path
                begins = bool(self.after_reads) and self.reads > self.after_reads
            if begins and self.seconds and self.began is None:
                self.began = now
            left = 0.0 if self.began is None else self.began + self.seconds - now
            if left > 0:
                self.refused.append(now)
            return max(0.0, left)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Outage

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        left = self.server.away(self.command, self.path)
        if left:
            answer = b'{"type":"error.list","errors":[{"code":"service_unavailable","message":"away"}]}'
            self.send_response(self.server.status)
            if self.server.told:
                self.send_header("Retry-After", self.server.retry_after(left))
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.server.answered = self.server.answered or time.monotonic()
            return
        if self.server.redirect(self.path):
            answer = b'{"type":"conversation.list","conversations":[],"total_count":0,"id":"1"}'
            self.send_response(302)
            self.send_header("Location", self.server.leads_to)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            return
        if self.path.endswith("/search"):
            size = int((json.loads(body or b"{}").get("pagination") or {}).get("per_page") or 0)
            self.server.sizes.append(size)
            if self.server.slow_from and size >= self.server.slow_from:
                threading.Event().wait(1.0)
        there = http.client.HTTPConnection(str(self.server.target.hostname), self.server.target.port or 80)
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "content-length")}
        there.request(self.command, self.path, body, kept)
        got = there.getresponse()
        content = got.read()
        there.close()
        self.send_response_only(got.status)
        for name, value in got.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def measure(verb: str, seconds: float, told: bool) -> tuple[bool, str]:
    """One case: whether it went as it should, and its line of the table."""
    with sandbox(ITEMS, latency=0.02) as (box, home):
        server = Outage(box.url, seconds, told)
        env = environment(box, home, INTERCOM_BASE_URL=server.url)
        words = [*VERBS[verb], "--where", "team = 5001 and state = open", "--yes", "--max", "1000", "--json", "--progress", "plain"]
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "intercom_bulk_updater", "conversations", *words], env=env, cwd=home, capture_output=True, text=True,
        )
        took = time.monotonic() - began
        server.shutdown()
        server.server_close()
        counts = {k: v for k, v in (json.loads(done.stdout).get("counts") or {}).items() if v} if done.stdout else {}
        twice = more_than_once(box.audit())
    heard = (server.answered or 0.0) + 0.05  # until the client has read it
    in_flight = sum(at <= heard for at in server.refused)
    sent_into = len(server.refused) - in_flight
    per_second = sent_into / seconds
    fine = counts.get("done", 0) + counts.get("unchanged", 0)
    well = done.returncode == 0 and fine == ITEMS and not twice and per_second <= 2
    line = (
        f"| {verb} | {seconds:g} s | {'yes' if told else 'no'} | {done.returncode} | {fine} | "
        f"{counts.get('failed', 0)} | {counts.get('in_doubt', 0)} | {twice} | {in_flight} | {sent_into} | {per_second:.2f} | {took:.0f} s |"
    )
    return well, line


def main() -> int:
    """Run the cases that are asked for, those of one length at once, and print the table.

    All eighteen at once keep a small machine so busy that a client hears of its outage after it has sent hundreds.
    """
    lengths = [float(word) for word in sys.argv[1:]] or [20.0, 180.0, 540.0]
    cases = [(verb, seconds, told) for seconds in lengths for verb in VERBS for told in (True, False)]
    columns = ["verb", "outage", "Retry-After", "exit", "done", "failed", "in doubt", "twice"]
    columns += ["in flight when it began", "sent into it", "a second", "took"]
    print(f"| {' | '.join(columns)} |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    well = True
    with ThreadPoolExecutor(len(VERBS) * 2) as pool:
        for fine, line in pool.map(lambda case: measure(*case), cases):
            well = well and fine
            print(line, flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
