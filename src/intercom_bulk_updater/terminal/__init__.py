"""What people see on a terminal: the running screen, reviews, summaries, tables."""
