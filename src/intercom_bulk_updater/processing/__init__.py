"""How to do it to many: the engine, plans, guards, undo, verification."""
