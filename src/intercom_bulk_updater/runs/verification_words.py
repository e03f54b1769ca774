"""What a verification found, in clauses for people; errors, events, screen and report all take them from here."""

from __future__ import annotations

from .guards import counted, counted_are
from .judgement import Verified

REQUESTED = "in the requested state"


def describe_verification(found: Verified, done: int, run: str = "", command: str = "") -> list[str]:
    """Clauses such as "50 of 5,000 read back, all in the requested state"; none when nobody has asked Intercom.

    Parameters
    ----------
    done:
        How many items the run changed.
    run:
        The run's id, for the command that reads every item.
    command:
        What reads every item, where it is called otherwise than the command.
    """
    command = command or (f"intercom-bulk verify {run} --level all" if run else "")
    if not found.asked:
        return []
    said = [found.missing] if found.missing else []
    if found.not_done:
        said.append(f"{counted(found.not_done)} not done yet")
    said += _read_back(found, done, command)
    if found.unseen:
        said.append(f"{counted(found.unseen)} that the run has not seen {'matches' if found.unseen == 1 else 'match'} its selection")
    if found.unread and found.unread < done:
        said.append(f"{counted(found.unread)} could not be verified: {found.note}")
    elif found.note and not found.read:
        said.append(f"could not be verified: {found.note}")
    elif found.note:
        said.append(f"not everything could be verified: {found.note}")
    if found.still_found:
        said.append(f"{counted_are(found.still_found)} still found by the search")
    if found.passes:
        said.append(f"{found.passes:,} {'pass' if found.passes == 1 else 'passes'} of the search")
    if found.waited:
        said.append(f"waited {found.waited:.0f} s for the search index")
    return said


def _read_back(found: Verified, done: int, command: str) -> list[str]:
    wrong, read = found.known_wrong, found.read
    of = f" of {done:,}" if read <= done else ""
    if found.estimated:
        said = (
            f"{found.sample_read:,} of {found.sample_of:,} read back; {found.sample_wrong:,} {_are(found.sample_wrong)} not {REQUESTED}: "
            f"that is about {found.share:.0%}, some {found.estimate:,} of all"
        ).replace("%", " %")
        return [said, *([f"`{command}` reads every item"] if command else [])]
    if wrong:
        back = f"{read:,}{of} read back; " if read else ""
        undone = f", {min(found.undone, wrong):,} of which another run has undone" if found.undone else ""
        return [f"{back}{wrong:,} {_are(wrong)} not {REQUESTED}{undone}"]
    if read:
        said = f"{read:,}{of} read back, all {REQUESTED}"
        if found.sample_read and found.sample_read < found.sample_of:
            # With n items drawn and none wrong, a wrong part of p would have shown with a chance of 1 - (1 - p)^n.
            most = 1 - 0.05 ** (1 / found.sample_read)
            said += f" (a sample, so up to {max(1, round(most * 100))} % of all may still be wrong)"
        return [said]
    if not done:
        return ["no item is done, so none was read back"]
    return [] if found.note or found.unread else ["nothing was read back"]


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
