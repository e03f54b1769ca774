"""The measured part of docs/reference/benchmarks.md and its pictures, from the results of `make bench` and `make bench-million`.

    python benchmarks/bench_page.py [--results FILE] [--page FILE]

The newest line of each program in each scenario counts. What compares two programs is left out where they were not measured in
the same run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench import each, speed, uses
from contenders import CONTENDERS, OLD, OURS
from measuring import RESULTS, lines
from pictures import Strip, picture
from scenarios import SCENARIOS, Scenario

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"
BEGIN, END = "<!-- measured: made by benchmarks/bench_page.py -->", "<!-- end -->"

Line = dict[str, Any]
Cells = dict[tuple[str, str], Line]


def main() -> None:
    """Write the page and its pictures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--results", type=Path, default=RESULTS)
    options.add_argument("--page", type=Path, default=PAGE)
    chosen = options.parse_args()
    found = lines(chosen.results)
    pictures = chosen.page.with_suffix("")
    pictures.mkdir(exist_ok=True)
    for old in pictures.glob("*.svg"):
        old.unlink()
    for name, text in drawn(found).items():
        (pictures / name).write_text(text, encoding="utf-8")
    chosen.page.write_text(written(chosen.page.read_text(encoding="utf-8"), found), encoding="utf-8")


def written(page: str, found: Iterable[Line]) -> str:
    """The page with its measured part made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{measured(found)}\n{END}{after}"


def measured(found: Iterable[Line]) -> str:
    """The measured part: what it ran on, the tables, the pictures."""
    found = list(found)
    cells = newest(found)
    parts = [about([*cells.values(), *million(found)]), figures(cells, "latency-150"), windows(cells), mishaps(cells)]
    parts += [figures(cells, "no-limit"), memory(million(found)), *others(found), gallery(cells)]
    return "\n".join(part for part in parts if part)


def newest(found: Iterable[Line]) -> Cells:
    """The newest line of each program in each scenario that the table still has."""
    return {
        (line["scenario"], line["contender"]): line
        for line in found
        if line["kind"] == "cell" and line["scenario"] in SCENARIOS and line["contender"] in CONTENDERS
    }


def million(found: Iterable[Line]) -> list[Line]:
    """The stages of the newest run over a million items."""
    stages = [line for line in found if line["kind"] == "stage"]
    return [line for line in stages if line["run"] == stages[-1]["run"]]


def others(found: Iterable[Line]) -> list[str]:
    """The tables that other benchmarks made, the newest of each title."""
    newest = {line["title"]: line for line in found if line["kind"] == "table"}
    return [f"### {title}\n\n{table(line['head'], line['body'])}" for title, line in newest.items()]


def about(measured: list[Line]) -> str:
    """On what, when, with what."""
    if not measured:
        return "Nothing has been measured yet.\n"
    said = []
    for machine in unique(line["machine"] for line in measured):
        own = [line for line in measured if line["machine"] == machine]
        days = sorted({line["at"][:10] for line in own})
        commits = ", ".join(f"`{one}`" for one in unique(line["commit"] for line in own if line["commit"]))
        loads = [line["load"] for line in own]
        said.append(
            f"Measured {' to '.join(dict.fromkeys((days[0], days[-1])))} on {machine['cpu']}, {machine['cores']} cores, "
            f"{machine['system']}, Python {machine['python']}{f', commit {commits}' if commits else ''}. "
            f"Before each measurement {min(loads):.1f} to {max(loads):.1f} processes had wanted a core (load of one minute)."
        )
    programs = "; ".join(
        f"{who.title}: {', '.join(on)}" for who in CONTENDERS.values()
        if (on := unique(line["on"] for line in measured if line["kind"] == "cell" and line["contender"] == who.name))
    )
    return "\n".join([*said, f"\nPrograms: {programs}." if programs else "", ""])


def unique(values: Iterable[Any]) -> list[Any]:
    """Each value once, in order."""
    kept: list[Any] = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept


def of(cells: Cells, scenario: Scenario) -> dict[str, Line]:
    """The lines of one scenario, by program, in the order of the table."""
    return {who: cells[scenario.name, who] for who in CONTENDERS if (scenario.name, who) in cells}


def figures(cells: Cells, name: str) -> str:
    """All figures of one scenario, a column for each program."""
    scenario = SCENARIOS[name]
    own = of(cells, scenario)
    if not own:
        return ""

    def ratio(line: Line) -> str:
        old = own.get(OLD.name)
        return f"{speed(line) / speed(old):.2f}" if old and old["run"] == line["run"] else "-"

    rows: dict[str, Callable[[Line], str]] = {
        "items": lambda line: f"{line['items']:,}",
        "items a second, start and end included": lambda line: f"{speed(line):,.0f}",
        "as a multiple of the old way": ratio,
        "items a second between the first and the last write": lambda line: f"{(line['items'] - line['lost']) / line['writing']:,.0f}",
        "use of full windows": used,
        "own calls refused (429)": lambda line: f"{line['refused']:,}",
        "items lost": lambda line: f"{line['lost']:,}",
        "items written twice": lambda line: f"{line['twice']:,}",
        "processor time for an item": lambda line: f"{each(line):.2f} ms",
        "peak memory": lambda line: f"{line['megabytes']:.0f} MB",
        "connections": lambda line: f"{line['connections']:,}",
        "requests in flight at most": lambda line: f"{line['in_flight']:,}",
    }
    if scenario.unlimited:  # no windows, no log; and without latency none is in flight when the next comes
        for title in ("use of full windows", "items a second between the first and the last write", "requests in flight at most"):
            del rows[title]
    body = [[title, *(cell(line) for line in own.values())] for title, cell in rows.items()]
    return f"### {sentence(scenario.title)}\n\n{table(['', *(CONTENDERS[who].title for who in own)], body)}"


def windows(cells: Cells) -> str:
    """How far each program filled the windows, scenario by scenario."""
    return by_scenario(cells, "Use of each full window", used, target=True)


def mishaps(cells: Cells) -> str:
    """What went wrong, scenario by scenario."""

    def told(line: Line) -> str:
        broken = "" if line["exit"] == 0 else f", exit {line['exit']}"
        return f"{line['refused']:,} · {line['lost']:,} · {line['twice']:,}{broken}"

    return by_scenario(cells, "Own calls refused · items lost · items written twice", told)


def by_scenario(cells: Cells, title: str, cell: Callable[[Line], str], *, target: bool = False) -> str:
    """A row for each scenario with a limit, a column for each program."""
    body = []
    for scenario in SCENARIOS.values():
        own = of(cells, scenario)
        if own and not scenario.unlimited:
            reach = [f"{scenario.target:g} %"] if target else []
            body.append([scenario.title, *(cell(own[who]) if who in own else "" for who in CONTENDERS), *reach])
    if not body:
        return ""
    head = ["", *(who.title for who in CONTENDERS.values()), *(["intercom-bulk is to reach"] if target else [])]
    return f"### {title}\n\n{table(head, body)}"


def used(line: Line) -> str:
    """Use of the full windows: the mean, and the lowest where they differ; what was refused to the other program."""
    shares = uses(line)
    if not shares:
        return "no full window"
    mean, lowest = f"{sum(shares) / len(shares):.1f} %", f"{min(shares):.1f}"
    said = mean if len(shares) == 1 or mean.startswith(lowest) else f"{mean} (lowest {lowest})"
    refused = sum(one["others_refused"] for one in line["windows"])
    wanted = refused + sum(one["others"] for one in line["windows"])
    return said + (f"; the other refused {100 * refused / wanted:.0f} %" if refused else "")


def memory(stages: list[Line]) -> str:
    """Peak memory with a million items, stage by stage."""
    if not stages:
        return ""
    body = [
        [line["stage"], f"{line['items']:,}", f"{line['megabytes']:.0f} MB", f"{line['seconds'] / 60:.1f} min", str(line["exit"])]
        for line in stages
    ]
    head = ["stage", "items", "peak memory", "time", "exit code"]
    return f"### {max(line['items'] for line in stages):,} items: peak memory of each stage\n\n{table(head, body)}"


def gallery(cells: Cells) -> str:
    """The pictures, each with what it shows."""
    shown = [scenario for scenario in SCENARIOS.values() if drawable(of(cells, scenario))]
    if not shown:
        return ""
    key = (
        "How each window fills while time passes, by the server's log: blue are the calls of the program so far in this window, as a "
        "part of the limit; red, calls answered 429; dashed, what the other program leaves; shaded, the windows that count.\n"
    )
    links = [f"![{sentence(scenario.title)}]({PAGE.stem}/{scenario.name}.svg)\n" for scenario in shown]
    return "\n".join(["### Pictures\n", key, *links])


def drawable(own: dict[str, Line]) -> bool:
    """Whether there is anything to draw."""
    return any(line["curve"] for line in own.values())


def drawn(found: Iterable[Line]) -> dict[str, str]:
    """The pictures by file name."""
    cells = newest(found)
    return {
        f"{scenario.name}.svg": picture(sentence(scenario.title), [strip(line, scenario) for line in own.values()])
        for scenario in SCENARIOS.values()
        if drawable(own := of(cells, scenario))
    }


def strip(line: Line, scenario: Scenario) -> Strip:
    """One program for the picture."""
    words = f"{CONTENDERS[line['contender']].title}: {used(line)}, {line['refused']:,} answers 429"
    return Strip(words, scenario.limit, line["length"], line["curve"], line["ceilings"], [one["at"] for one in line["windows"]])


def sentence(words: str) -> str:
    """With a capital letter."""
    return words[:1].upper() + words[1:]


def table(head: list[str], body: list[list[str]]) -> str:
    """A Markdown table: figures on the right, ours in bold."""
    place = head.index(OURS.title) if OURS.title in head else -1
    rows = [[f"**{cell}**" if number == place and cell else cell for number, cell in enumerate(row)] for row in body]
    ruler = ["---", *("--:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ruler, *rows]) + "\n"


if __name__ == "__main__":
    main()
