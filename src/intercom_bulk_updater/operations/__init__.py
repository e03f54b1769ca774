"""What to do with one item; a folder for each resource."""
