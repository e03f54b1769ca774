"""The account of a run, read from the journal: as an object (summary), a page (page) and rows (export)."""
