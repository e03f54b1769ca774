"""Run other people's Intercom software against the sandbox and print a table of what works: `make clients`.

Everything is installed into a temporary folder that is gone afterwards. What cannot be installed is skipped with a word.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from intercom_sandbox import running

HERE = Path(__file__).parent
SECONDS = 300  # for one installation and for one run


@dataclass
class Client:
    """One program: how to get it and how to run it. `settings` are the sandbox's."""

    name: str
    install: Callable[[Path], tuple[list[str], str]]  # folder -> (command, version); raises Absent
    settings: dict[str, Any] = field(default_factory=dict)
    environment: Callable[[Path], dict[str, str]] = lambda folder: {}


class Absent(Exception):
    """It cannot be had here."""


def call(*command: object, cwd: Path | None = None) -> str:
    """Run an installer; raises Absent with its last line."""
    try:
        ran = subprocess.run([str(one) for one in command], cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as wrong:
        raise Absent(f"{command[0]}: {type(wrong).__name__}") from None
    if ran.returncode:
        raise Absent(f"{Path(str(command[0])).name} could not install it")
    return ran.stdout.strip()


def here(folder: Path) -> tuple[list[str], str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return [sys.executable, str(HERE / "python_intercom.py"), "{url}"], version("python-intercom")
    except PackageNotFoundError:
        raise Absent("the development tools are not installed: make test") from None


def npm(wanted: str, script: str) -> Callable[[Path], tuple[list[str], str]]:
    def install(folder: Path) -> tuple[list[str], str]:
        if not shutil.which("npm"):
            raise Absent("npm is not installed")
        call("npm", "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", wanted, cwd=folder)
        about = json.loads((folder / "node_modules" / "intercom-client" / "package.json").read_text())
        return ["node", str(HERE / script)], str(about["version"])

    return install


def pip(package: str, script: str) -> Callable[[Path], tuple[list[str], str]]:
    def install(folder: Path) -> tuple[list[str], str]:
        call(sys.executable, "-m", "venv", folder / "venv")
        python = folder / "venv" / "bin" / "python"
        call(python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", package)
        version = call(python, "-c", f"from importlib.metadata import version; print(version({package!r}))")
        return [str(python), str(HERE / script)], version

    return install


def gem(folder: Path) -> tuple[list[str], str]:
    if not shutil.which("ruby"):
        raise Absent("Ruby is not installed")
    try:
        version = call("ruby", "-e", "require 'intercom'; print Intercom::VERSION")
    except Absent:
        raise Absent("the gem intercom is not installed: gem install intercom") from None
    return ["ruby", str(HERE / "intercom_ruby.rb")], version


CLIENTS = (
    Client("python-intercom (Python)", here),
    Client("intercom-client (Node), current", npm("intercom-client", "intercom_client.cjs"),
           environment=lambda folder: {"NODE_PATH": str(folder / "node_modules")}),
    Client("intercom-client (Node) 4", npm("intercom-client@4", "intercom_client_4.cjs"), {"reply_manages": "always"},
           lambda folder: {"NODE_PATH": str(folder / "node_modules")}),
    Client("tap-intercom (Singer)", pip("tap-intercom", "tap_intercom_run.py")),
    Client("airbyte-source-intercom", pip("airbyte-source-intercom", "airbyte_run.py")),
    Client("intercom (Ruby)", gem, {"reply_manages": "always", "company_lookup": "object"}),
)  # fmt: skip


def lines_of(client: Client, folder: Path, command: list[str]) -> list[dict[str, Any]]:
    """What each call of a client came to."""
    with running(conversations=200, **client.settings) as box:
        environment = {**os.environ, **box.env(), **client.environment(folder)}
        command = [box.url if one == "{url}" else one for one in command]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False)
        except subprocess.TimeoutExpired:
            return [{"call": "all", "ok": False, "why": f"not done after {SECONDS} s"}]
    found = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode:
        found.append({"call": "the run", "ok": False, "why": ran.stderr.strip().splitlines()[-1][:200]})
    return found


def row(client: Client, folder: Path) -> tuple[str, int]:
    """(line of the table, calls that failed and should not)."""
    try:
        command, version = client.install(folder)
    except Absent as why:
        return f"| {client.name} | | | | skipped: {why} |", 0
    found = lines_of(client, folder, command)
    refused = [one["call"] for one in found if _not_simulated(one)]
    failed = [one for one in found if not one["ok"] and not _not_simulated(one)]
    for one in failed:
        print(f"{client.name}: {one['call']}: {one['why']}", file=sys.stderr)
    settings = ", ".join(f"{name}={value}" for name, value in client.settings.items())
    note = "; ".join(filter(None, [f"with `{settings}`" if settings else "", *(f"{one['call']}: {one['why'][:80]}" for one in failed)]))
    works = sum(one["ok"] for one in found)
    return f"| {client.name} | {version} | {works} of {len(found) - len(refused)} | {len(refused)} | {note} |", len(failed)


def _not_simulated(one: dict[str, Any]) -> bool:
    return not one["ok"] and ("not simulated" in one["why"] or "501" in one["why"])


def main() -> int:
    """Print the table; exit code 1 when a call failed that should work."""
    wanted = sys.argv[1:]
    print(f"{datetime.now(UTC):%d %B %Y}\n")
    print("| Client | Version | Calls that work | Not simulated | Notes |\n|---|---|---|---|---|")
    failures = 0
    for client in CLIENTS:
        if not wanted or any(word in client.name for word in wanted):
            with tempfile.TemporaryDirectory(prefix="intercom-clients-") as folder:
                line, failed = row(client, Path(folder))
            print(line, flush=True)
            failures += failed
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
