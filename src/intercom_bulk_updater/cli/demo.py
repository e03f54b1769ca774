"""`sandbox`, `demo`, `completion`: things to try without an account."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ..errors import UsageError, why
from .stdout import note


def sandbox(
    *,
    port: Annotated[int, Parameter(help="0: any free port.")] = 8765,
    conversations: Annotated[int, Parameter(help="How many conversations it holds.")] = 500,
    seed: Annotated[int, Parameter(help="The same seed makes the same workspace.")] = 7,
    limit: Annotated[int, Parameter(help="Calls in ten seconds.")] = 1667,
    latency: Annotated[float, Parameter(help="Milliseconds an answer takes.")] = 150.0,
    jitter: Annotated[float, Parameter(help="Milliseconds more or less.")] = 50.0,
    fault: Annotated[
        list[str] | None, Parameter(negative="", help="What goes wrong, e.g. 'outage on=write after=9 lasts=20'; once for each.")
    ] = None,
) -> int:
    """Serve a small Intercom on this machine until Ctrl-C; nothing leaves it."""
    from intercom_sandbox import running

    with ExitStack() as stack:
        try:
            box = stack.enter_context(
                running(port=port, conversations=conversations, seed=seed, limit=limit, latency=latency / 1000,
                        jitter=jitter / 1000, faults=fault or [], in_process=True)
            )
        except ValueError as exc:  # a setting out of its bounds
            raise UsageError(f"The sandbox cannot start: {exc}.") from None
        except (OSError, OverflowError) as exc:
            taken = getattr(exc, "errno", 0) == errno.EADDRINUSE
            said = "something listens there already, perhaps another sandbox" if taken else why(exc).rstrip('.')
            raise UsageError(
                f"The sandbox cannot use port {port}: {said}. Take another with --port N, or any free one with --port 0."
            ) from None
        note(f"A small Intercom with {conversations:,} conversations. In another terminal:\n")
        for name, value in box.env().items():
            sys.stdout.write(f"export {name}={value}\n")
        sys.stdout.flush()
        note(
            "\nTeams: Support (5001), Billing (5002), Onboarding (5003), VIP desk (5004). Ctrl-C stops it.\n"
            "INTERCOM_INBOX_ID is for bulk_close in Python; a command looks in all teams unless its --where names one."
        )
        import signal
        import threading

        over = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: over.set())
        while not over.wait(0.5):
            pass
    return 0


def demo(
    *,
    conversations: Annotated[int, Parameter(help="How many conversations the sandbox holds.")] = 5000,
    latency: Annotated[float, Parameter(help="Milliseconds an answer takes.")] = 150.0,
) -> int:
    """The main job on the built-in sandbox: close a team's open conversations under Intercom's real limit."""
    from intercom_sandbox import running

    from .main import complete_tree
    from .output import nothing_next

    with tempfile.TemporaryDirectory(prefix="intercom-bulk-demo-") as home, running(
        conversations=conversations, seed=7, limit=1667, latency=latency / 1000, jitter=latency / 3000, in_process=False
    ) as box:
        matching = len(box.conversations(team=5001, state="open"))
        note(f"A small Intercom runs on this machine: {conversations:,} conversations, 1,667 calls in 10 s, {latency:.0f} ms latency.\n")
        words = ["conversations", "close", "--where", "team = Support and state = open"]
        with nothing_next(), environment({**box.env(), "INTERCOM_BULK_HOME": home}):
            for arguments in ([*words, "--dry-run"], [*words, "--yes", "--expect", str(matching), "--verify", "sample"]):
                note(f"$ {shlex.join(['intercom-bulk', *arguments])}")
                code = complete_tree(["conversations"])(arguments, exit_on_error=False, print_error=False, result_action="return_value")
                if code:
                    return int(code)
                note("")
        left = len(box.conversations(team=5001, state="open"))
        twice = box.audit()["kinds"].get("close", {}).get("2+", 0)
        throttled = box.stats()["statuses"].get("429", 0)
        note(f"The server's own books: {matching:,} were open, {left} are; {twice} were closed twice; {throttled} calls were refused.")
    note(
        "\nThis workspace and its journal are gone. One to try things on, until Ctrl-C; it prints what to do next:\n"
        f"{_found()}  intercom-bulk sandbox\n"
        "Your own workspace, checked and then looked at, with its token in INTERCOM_ACCESS_TOKEN or in .env:\n"
        "  intercom-bulk doctor\n"
        "  intercom-bulk conversations close --where 'state = open and idle > 30d' --dry-run"
    )
    return 0 if left == 0 and twice == 0 else 1


@contextmanager
def environment(wanted: dict[str, str]) -> Iterator[None]:
    """These variables in the environment of this process, for a while."""
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _found() -> str:
    """The line that makes the shell find the command, where it would not: after `make demo` it is in .venv."""
    activate = Path(sys.executable).parent / "activate"
    if shutil.which("intercom-bulk") or not activate.is_file():
        return ""
    return f"  . {shlex.quote(os.path.relpath(activate) if activate.is_relative_to(Path.cwd()) else str(activate))}\n"


# The script is written once: it takes two seconds to make, too long for each start of a shell.
_SHELL = (
    "Your shell. Write the script to where the shell finds it, anew after an update: intercom-bulk completion bash > "
    "~/.local/share/bash-completion/completions/intercom-bulk; zsh: > ~/.zfunc/_intercom-bulk (a folder of $fpath); "
    "fish: > ~/.config/fish/completions/intercom-bulk.fish"
)
# The script only defines a function. In a folder of $fpath zsh calls the file itself, and then it has to call the function.
_ZSH = """
if [[ "${funcstack[1]}" == "_intercom-bulk" ]]; then
  _cyclopts_intercom-bulk "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _cyclopts_intercom-bulk intercom-bulk
fi
"""


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help=_SHELL)]) -> int:
    """Print the completion script for a shell."""
    from .main import complete_tree

    sys.stdout.write(complete_tree().generate_completion(shell=shell) + ("\n" if shell != "zsh" else _ZSH))
    return 0
