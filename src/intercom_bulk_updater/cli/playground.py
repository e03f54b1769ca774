"""`sandbox`, `demo`, `completion`: things to try without an account."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from typing import Annotated, Literal

from cyclopts import Parameter

from ..errors import UsageError, why


def sandbox(
    *,
    port: Annotated[int, Parameter(help="0: any free port.")] = 8765,
    conversations: Annotated[int, Parameter(help="How many conversations it holds.")] = 500,
    seed: Annotated[int, Parameter(help="The same seed makes the same workspace.")] = 7,
    limit: Annotated[int, Parameter(help="Calls in ten seconds.")] = 1667,
    latency: Annotated[float, Parameter(help="Milliseconds an answer takes.")] = 150.0,
    jitter: Annotated[float, Parameter(help="Milliseconds more or less.")] = 50.0,
) -> int:
    """Serve a small Intercom on this machine until Ctrl-C; nothing leaves it."""
    from intercom_bulk_updater.sandbox import running

    with ExitStack() as stack:
        try:
            box = stack.enter_context(
                running(port=port, conversations=conversations, seed=seed, limit=limit, latency=latency / 1000,
                        jitter=jitter / 1000, in_process=True)
            )
        except ValueError as exc:  # a setting out of its bounds
            raise UsageError(f"The sandbox cannot start: {exc}.") from None
        except (OSError, OverflowError) as exc:
            taken = getattr(exc, "errno", 0) == errno.EADDRINUSE
            said = "something listens there already, perhaps another sandbox" if taken else why(exc).rstrip('.')
            raise UsageError(
                f"The sandbox cannot use port {port}: {said}. Take another with --port N, or any free one with --port 0."
            ) from None
        sys.stderr.write(f"A small Intercom with {conversations:,} conversations. In another terminal:\n\n")
        for name, value in box.env().items():
            sys.stdout.write(f"export {name}={value}\n")
        sys.stdout.flush()
        sys.stderr.write("\nTeams: Support (5001), Billing (5002), Onboarding (5003), VIP desk (5004). Ctrl-C stops it.\n")
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
    from intercom_bulk_updater.sandbox import running

    def say(text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    with tempfile.TemporaryDirectory(prefix="intercom-bulk-demo-") as home, running(
        conversations=conversations, seed=7, limit=1667, latency=latency / 1000, jitter=latency / 3000, in_process=False
    ) as box:
        env = {**os.environ, **box.env(), "INTERCOM_BULK_HOME": home}
        matching = len(box.conversations(team=5001, state="open"))
        say(f"A small Intercom runs on this machine: {conversations:,} conversations, 1,667 calls in 10 s, {latency:.0f} ms latency.\n")
        words = ["conversations", "close", "--where", "team = Support and state = open"]
        for arguments in ([*words, "--dry-run"],
                          [*words, "--yes", "--expect", str(matching), "--verify", "sample"]):
            shown = " ".join(f"'{a}'" if " " in a else a for a in arguments)
            say(f"$ intercom-bulk {shown}")
            done = subprocess.run([sys.executable, "-m", "intercom_bulk_updater", *arguments], env=env, check=False)  # noqa: S603 - our own command
            if done.returncode:
                return done.returncode
            say("")
        left = len(box.conversations(team=5001, state="open"))
        twice = box.audit()["kinds"].get("close", {}).get("2+", 0)
        throttled = box.stats()["statuses"].get("429", 0)
        say(f"The server's own books: {matching:,} were open, {left} are; {twice} were closed twice; {throttled} calls were refused.")
    say("\nNext, with your own workspace:\n  export INTERCOM_ACCESS_TOKEN=...\n  intercom-bulk doctor\n"
        "  intercom-bulk conversations close --where 'team = Support and state = open' --dry-run")
    return 0 if left == 0 and twice == 0 else 1


_SHELL = (
    'Your shell. In its start-up file: eval "$(intercom-bulk completion bash)", the same with zsh; '
    "in fish: intercom-bulk completion fish | source"
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
    from .main import app

    sys.stdout.write(app.generate_completion(shell=shell) + ("\n" if shell != "zsh" else _ZSH))
    return 0
