"""Several commands at once on one token: the server's books say that they spend one budget."""

from __future__ import annotations

import itertools
import signal
import time

from .desk import Desk, until

LIMIT, WINDOW = 100, 2.0
SANDBOX = {"conversations": 100, "latency": 0.05, "jitter": 0.02, "window": WINDOW, "limit": LIMIT, "workspace_limit": 10 * LIMIT}


def test_one_of_two_is_killed_and_the_other_takes_its_part(desk: Desk) -> None:
    """Not one refusal; the windows are used while there are two, and after kill -9 of one the other fills them alone."""
    desk.box.add_conversations(360, team=5001, state="open")
    ids = desk.open_ids()
    processes = []
    for number in range(2):
        (desk.home / f"ids-{number}").write_text("\n".join(ids[number * 180 : (number + 1) * 180]))
        more = ["--yes", "--max", "100%", "--progress", "none", "--verify", "none"]
        processes.append(desk.start("conversations", "close", "--ids", f"ids-{number}", *more))
    assert until(lambda: time.sleep(0.1) or desk.writes() >= 80, processes[0], seconds=90)
    processes[0].send_signal(signal.SIGKILL)
    killed_at = desk.box.stats()["now"]
    desk.wait(processes[0])
    assert desk.wait(processes[1]).code == 0
    stats = desk.box.stats()
    assert stats["statuses"].get("429", 0) == 0
    end = max(line["time"] for line in desk.box.log(2000))
    whole = [w for w, after in itertools.pairwise(stats["windows"]) if after["start"] <= end]
    after = [w["accepted"] / LIMIT for w in whole if w["start"] > killed_at]
    assert after and sum(after) / len(after) >= 0.85  # half of it, if the dead one still had its part
    before = [w["accepted"] / LIMIT for w in whole if w["start"] + WINDOW <= killed_at][1:]
    assert all(0.7 <= part <= 1 for part in before)
    home = desk.home / "budget"
    assert len([path for path in home.iterdir() if path.suffix != ".lock"]) == 1
