"""One run, from its first page to the last read-back: sources, guards, plans, undo, verification."""
