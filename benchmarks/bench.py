"""The benchmark: scenario by scenario, one program after the other closes a team's conversations; the server's books judge.

    python benchmarks/bench.py                                the whole table (a quarter of an hour)
    python benchmarks/bench.py --quick                        two small scenarios in a minute; writes nothing
    python benchmarks/bench.py --continue                     what the last run did not come to
    python benchmarks/bench.py --continue --only clock-45 --contender aiohttp_loop --again

Each line of the results is one program in one scenario. `python benchmarks/bench_page.py` makes the page of the documentation
from them. Ratios are taken within one run, so a run that was broken off is continued and not begun anew.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

from contenders import CONTENDERS, OURS, Contender
from measuring import RESULTS, append, environment, lines, load, now, read_books, run, sandbox
from scenarios import QUICK, SCENARIOS, WINDOW, WORKSPACE_LIMIT, Scenario

WITHIN = 180.0  # seconds for one program in one scenario
START = 1.5  # seconds from the start of a program to its first call, on a machine with a core to spare


def main() -> int:
    """Measure what was asked for, and print a line for each."""
    chosen = options().parse_args()
    known = QUICK if chosen.quick else SCENARIOS
    file = chosen.results or (Path(os.devnull) if chosen.quick else RESULTS)
    measured = [line for line in lines(file) if line["kind"] == "cell"]
    name = measured[-1]["run"] if chosen.go_on and measured else now()
    have = {(line["scenario"], line["contender"]) for line in measured if line["run"] == name}
    cells = [
        (scenario, CONTENDERS[who])
        for scenario in known.values()
        for who in scenario.contenders
        if (not chosen.only or scenario.name in chosen.only) and (not chosen.contender or who in chosen.contender)
        if chosen.again or (scenario.name, who) not in have
    ]
    print(f"Run {name}: {len(cells)} of {sum(len(scenario.contenders) for scenario in known.values())}, load {load()}")
    broken, above = 0, ""
    for scenario, who in cells:
        if scenario.name != above:
            above = scenario.name
            heading(scenario)
        if who.missing:
            print(f"{who.title:<22}not installed: {', '.join(who.missing)}", flush=True)
            continue
        try:
            show(append(file, "cell", name, **measure(scenario, who, chosen.items)), scenario)
        except (OSError, ValueError) as wrong:  # the server did not start, or is too busy to answer
            broken += 1
            print(f"{who.title:<22}not measured: {wrong}", flush=True)
    if broken:
        print(f"{broken} not measured: the same again with --continue measures them.")
    return 1 if broken else 0


def options() -> argparse.ArgumentParser:
    """What can be said."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="two small scenarios")
    made.add_argument("--only", action="append", choices=[*SCENARIOS, *QUICK], help="this scenario; may stand several times")
    made.add_argument("--contender", action="append", choices=list(CONTENDERS), help="this program; may stand several times")
    made.add_argument("--continue", action="store_true", dest="go_on", help="add to the last run what it lacks")
    made.add_argument("--again", action="store_true", help="with --continue: measure anew what it has, too")
    made.add_argument("--items", type=int, help="as many items in place of those that fill the windows (to try it)")
    made.add_argument("--results", type=Path, help=f"the file of results; {RESULTS.name} by default, with --quick none")
    return made


def measure(scenario: Scenario, who: Contender, items: int | None = None) -> dict[str, Any]:
    """One program in one scenario against a server of its own; the parts of its line."""
    length = float(scenario.settings.get("window", WINDOW))
    busy = load()
    start = START * min(max(1.0, busy / (os.cpu_count() or 1)), 6.0)
    lead = start + (who.pages_first + 1) * (scenario.latency + scenario.jitter)
    items = items or job(scenario, who, length, start)
    log = 0 if scenario.unlimited else 4 * items + 10_000
    settings = {
        "limit": scenario.limit, "workspace_limit": max(scenario.limit, WORKSPACE_LIMIT), "latency": scenario.latency,
        "jitter": scenario.jitter, "log_size": max(log, 100), **scenario.settings,
    }  # fmt: skip
    with sandbox(items, **settings) as (box, home):
        for fault in scenario.faults:
            box.fault(**fault)
        began = time.time() + scenario.settings.get("clock_skew", 0.0)
        # A window begins soon after the first write, so that a short job holds full ones too.
        box.control(phase=(began + lead) % length)
        env = environment(box, home, CALLS=str(scenario.limit), SECONDS=str(length))
        process = run(who.command, env, home, within=WITHIN)
        books = read_books(box, began, length, log=log)
    return {
        "scenario": scenario.name, "contender": who.name, "on": who.versions, "load": busy, "items": items, "length": length,
        "process": process, "books": books,
    }  # fmt: skip


def job(scenario: Scenario, who: Contender, length: float, start: float) -> int:
    """So many items that the windows asked for are full from the first to the last call."""
    ours = who.name == OURS.name
    if scenario.items:
        return scenario.items[0 if ours else 1]
    left = scenario.limit * (1 - scenario.settings.get("competitor_share", 0.0))
    speed = min(who.fastest, who.in_flight / scenario.latency) if who.in_flight else who.fastest
    windows = scenario.windows[0 if ours else 1] + 0.15
    # Seconds between its first write and the first full window, and what it does in them.
    early = start - 0.5 + scenario.latency + (who.pages_first + 1) * scenario.jitter
    before = min(left, early * speed)
    return math.ceil(before + windows * min(left, length * speed))


COLUMNS = ("items/s", "use %", "429", "lost", "twice", "ms CPU", "MB", "s")


def heading(scenario: Scenario) -> None:
    """Above the lines of a scenario."""
    print(f"\n{scenario.name}: {scenario.title}\n{'':<22}{''.join(f'{name:>7}' for name in COLUMNS)}", flush=True)


def show(line: dict[str, Any], scenario: Scenario) -> None:
    """One line for people; where ours falls short of its target, or a program did not end well, it says so."""
    used = uses(line)
    mean = sum(used) / len(used) if used else math.nan
    figures = (
        f"{speed(line):,.0f}", f"{mean:.1f}" if used else "-", f"{line['refused']:,}", f"{line['lost']:,}", f"{line['twice']:,}",
        f"{each(line):.2f}", f"{line['megabytes']:.0f}", f"{line['seconds']:.0f}",
    )  # fmt: skip
    print(f"{CONTENDERS[line['contender']].title:<22}" + "".join(f"{one:>7}" for one in figures), flush=True)
    if line["contender"] == OURS.name and mean < scenario.target:
        print(f"{'':<22}below its {scenario.target:g} %")
    if line["exit"]:
        print(f"{'':<22}ended with {line['exit']}" + (f", after {WITHIN:.0f} s" if line["seconds"] > WITHIN else ""))


def uses(line: dict[str, Any]) -> list[float]:
    """Use of each full window, in % of what the others leave of it."""
    return [100 * one["own"] / (one["limit"] - one["others"] - one["others_refused"]) for one in line["windows"]]


def speed(line: dict[str, Any]) -> float:
    """Items a second, from the start of the program to its end."""
    return float((line["items"] - line["lost"]) / line["seconds"])


def each(line: dict[str, Any]) -> float:
    """Processor time of the client for an item, ms."""
    return float(line["cpu"] * 1000 / line["items"])


if __name__ == "__main__":
    sys.exit(main())
