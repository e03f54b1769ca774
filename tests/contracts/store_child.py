"""A process that works on a shared run beside others. Each line on stdout is one thing that is in the store."""

from __future__ import annotations

import importlib
import sys

from intercom_bulk_updater.model import ItemResult, Outcome


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(opener: str, where: str, run: str, group: str, settles: str) -> None:
    """Claim and settle until nothing is pending; with `settles` 0, claim once and wait to be killed."""
    module, _, name = opener.partition(":")
    store = getattr(importlib.import_module(module), name)(where)
    with store, store.hold(run, shared=True) as lease:
        say("holds", lease.number)
        results: list[ItemResult] = []
        while items := store.turn(run, results, int(group)):
            say("claimed", *(item.seq for item in items))
            if settles == "0":
                sys.stdin.read()
            results = [ItemResult(item.seq, Outcome.DONE) for item in items]


if __name__ == "__main__":
    main(*sys.argv[1:])
