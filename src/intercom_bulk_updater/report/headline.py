"""The verdict on a run: a label, one line, and how it was verified. Read from the summary object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .html import number


@dataclass(frozen=True, slots=True)
class Verdict:
    """`tone` is good, warn, bad or quiet; `label` two or three words; `line` the big line of the page."""

    tone: str
    label: str
    line: str


def verdict_of(told: Mapping[str, Any]) -> Verdict:
    """The verdict on the run that a summary object describes."""
    counts, status, code = told["counts"], told["run"]["status"], told["exit"]
    if told["run"]["kind"] == "dry_run":
        if code in (0, 3):
            return Verdict("quiet", "Dry run, nothing written", _would(counts))
        if told["search"].get("missing"):
            return Verdict("warn", "Dry run, search incomplete", _would(counts))
        return Verdict("bad", "Dry run stopped", _would(counts))
    line = _line(counts)
    if status in ("running", "paused"):
        return Verdict("quiet", f"Still {status}", line)
    if status == "planned":
        return Verdict("quiet", "Not begun", line)
    if status == "finished":
        if code == 6:
            return Verdict("bad", "Not as wanted", line)
        if counts["failed"] or counts["in_doubt"]:
            return Verdict("warn", "Finished, with failures" if counts["failed"] else "Finished, some in doubt", line)
        if told["verified"].get("unread"):
            return Verdict("warn", "Finished, not verified", line)
        verified = told["verified"]
        looked = verified.get("checked") or (verified.get("passes") and not verified.get("note"))
        checked = bool(counts["done"] and looked) and verified.get("level") != "none" and verified.get("remaining") == 0
        return Verdict("good", "Finished and verified" if checked else "Finished", line)
    label = {5: "Stopped for safety", 4: "Stopped: no permission"}.get(code)
    if code == 6 and told["search"].get("missing"):
        label = "Search incomplete"
    if status == "cancelled":
        return Verdict("warn", "Cancelled", line)
    return Verdict("bad" if code in (1, 4, 5) else "warn", label or "Stopped early, can be resumed", line)


def _line(counts: Mapping[str, int]) -> str:
    selected = counts["selected"]
    if not selected:
        return "Nothing matched: 0 items"
    if counts["drifted"] == selected:
        return f"Nothing done: all {number(selected)} changed since"
    if counts["done"] == selected:
        return f"All {number(selected)} done" if selected > 1 else "The one item is done"
    return f"{number(counts['done'])} of {number(selected)} done"


def _would(counts: Mapping[str, int]) -> str:
    return f"{number(counts['pending'])} of {number(counts['selected'])} would change"


_STILL_FOUND = {
    "failed": "the change failed",
    "drifted": "changed by somebody else, left alone",
    "in doubt": "in doubt: the answer was lost",
    "done, and still matching the selection": "done; the selection matches them all the same",
    "not in the wanted state, by GET": "not in the wanted state, as reading them back showed",
    "as wanted by GET; the search does not tell": "as wanted, as reading them back showed; the search does not tell",
    "as wanted by GET; the search index is behind": "as wanted; only Intercom's search index is behind",
}


def why_words(why: str) -> str:
    """Why an item is still found by the search, in words for people."""
    return _STILL_FOUND.get(why, why)


def verification_words(told: Mapping[str, Any]) -> list[str]:
    """What Intercom itself said at the end, in sentences."""
    verified = told["verified"]
    level, remaining = verified.get("level", "none"), verified.get("remaining")
    if level == "none" or remaining is None:
        if told["run"]["kind"] == "dry_run":
            return ["A dry run writes nothing, so there is nothing to verify."]
        if verified.get("unread"):
            unread = int(verified["unread"])
            return [f"{number(unread)} item{'' if unread == 1 else 's'} could not be read back: {verified.get('note')}."]
        if verified.get("note"):
            return [f"Nothing could be read back: {verified['note']}."]
        return ["Nobody has asked Intercom yet whether the changes stand."]
    checked, done = int(verified.get("checked") or 0), told["counts"]["done"]
    wrong = len(verified.get("wrong") or ())
    said = []
    if checked:
        share = "All" if checked >= done else "A random"
        said.append(f"{share} {number(checked)} of {number(done)} changed items were read back from Intercom.")
    if not done and not checked:
        said.append("Nothing was changed, so there was nothing to read back.")
    if verified.get("note"):
        said.append(f"Not everything could be read back: {verified['note']}.")
    passes = int(verified.get("passes") or 0)
    if passes:
        times = {1: "once", 2: "twice"}.get(passes, f"{passes} times")
        said.append(f"The selection was searched {times} in all.")
    if verified.get("waited"):
        said.append(f"Intercom's search index was behind; {verified['waited']:.0f} s were spent waiting for it.")
    if remaining:
        said.append(f"{number(remaining)} {_items(remaining)} not as wanted.")
    elif (checked or passes) and not wrong:
        still = sum(int(count) for count in (verified.get("explained") or {}).values())
        said.append("All that was changed is as wanted." if still else "Everything is as wanted.")
        if still:
            said.append(f"{number(still)} {'item is' if still == 1 else 'items are'} still found by the search, and it is known why.")
    return said


def _items(count: int) -> str:
    return "item is" if count == 1 else "items are"
