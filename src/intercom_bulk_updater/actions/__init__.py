"""What to do with one item; one file for each resource."""
