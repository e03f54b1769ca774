"""note: leave an internal note on companies. Never done twice.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/notes/createcompanynote
"""

from __future__ import annotations

from typing import ClassVar

from ..contacts.note import Note as NoteOnContact


class Note(NoteOnContact):
    """Leave an internal note on the company. After a lost answer the company's notes are read before anything else."""

    name: ClassVar[str] = "note"
    resource: ClassVar[str] = "companies"
    summary = "Leave an internal note on companies."
    examples = ("--where 'tag = vip' --body 'Renewal in May.' --dry-run", "--ids ids.txt --body @note.txt", "--csv s.csv --body '{{text}}'")
