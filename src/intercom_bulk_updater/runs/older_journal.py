"""A journal that is older than what one of its runs has done: it was copied, restored from a backup, or cut short.

Its rows say *pending* of items that may be done, so nothing that must not be done twice is done before a look.
"""

from __future__ import annotations

from ..errors import RunLocked
from ..journal import Age, RunRecord, leave_word
from .session import Session


def distrust_if_older(session: Session, run: RunRecord) -> tuple[Age, int] | None:
    """Put what the journal does not know for certain in doubt; returns why, and how many items. None: it is up to date.

    Raises RunLocked when the run is at work in the folder that this one is a copy of, or that is a copy of this one. That
    folder gets word, so that a run which is taken up there later looks as well.
    """
    age = session.journal.age(run.id)
    if age is None:
        return None
    if age.is_held_there(run.id):
        raise RunLocked(
            f"This journal does not know all that its run has done: {age.why}, where a live process holds run {run.id}. "
            f"End it there first (INTERCOM_BULK_HOME={age.home} intercom-bulk runs cancel {run.id}). Nothing was written.",
            run_id=run.id,
            hint="",
        )
    if age.home is not None:
        leave_word(age.home, run.id, session.journal.home)
    return age, session.journal.distrust(run.id, age, session.began(run))
